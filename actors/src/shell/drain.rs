//! The end of a host: soft (drain) or hard (abort). What follows is recovery either way.

use super::{
    answer::Failure,
    shared::Shell,
    slot::{Inner, Phase, Slot},
};
use crate::{Entity, Timestamp};
use std::sync::Arc;

/// What a drain left behind. All of it is recovered by the next start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Commands that were not decided by the deadline; their callers were told.
    pub commands: usize,
    /// Entities with effects that had not ended by the deadline.
    pub effects: usize,
    /// Everything asked for, snapshots included, was done in time.
    pub complete: bool,
}

/// Slots that a drain still waits for. Only the last is looked at, so that every bit of progress costs one look.
struct Unsettled<T>(Vec<T>);

impl<T> Unsettled<T> {
    /// Nothing is waited for any more, and a last look at all agrees.
    fn is_over(&mut self, done: impl Fn(&T) -> bool, all: impl Fn() -> Vec<T>) -> bool {
        loop {
            while let Some(last) = self.0.last() {
                if !done(last) {
                    return false;
                }
                self.0.pop();
            }
            self.0 = all();
            self.0.retain(|slot| !done(slot));
            if self.0.is_empty() {
                return true;
            }
        }
    }
}

impl<E: Entity> Shell<E> {
    /// Refuses new commands, lets queued commands and effects finish, snapshots what is worth it, then ends everything;
    /// at the deadline whatever is left ends anyway.
    pub(super) async fn drain(shell: &Arc<Self>, deadline: Timestamp) -> DrainReport {
        shell.closing.cancel();
        for slot in shell.slots.all() {
            // Nobody waits for them, and a stop does not either.
            let left = slot.lock().lane.clear_background();
            drop(left);
        }
        let mut complete = shell.until(deadline, Inner::is_settled).await;
        if complete {
            for slot in shell.slots.all() {
                Self::snapshot_if_worth(shell, &slot, &mut slot.lock());
            }
            complete = shell.until(deadline, |inner| !inner.snapshotting).await;
        }
        let mut report = DrainReport { complete, ..DrainReport::default() };
        for slot in shell.slots.all() {
            let inner = slot.lock();
            report.commands += inner.queue.len() + inner.internal.len();
            report.effects += usize::from(!inner.lane.is_idle());
        }
        shell.abort();
        shell.tasks.wait().await;
        report
    }

    /// Waits until every slot is as asked; false at the deadline.
    async fn until(&self, deadline: Timestamp, done: impl Fn(&Inner<E>) -> bool) -> bool {
        let timeout = self.clock.sleep_until(deadline);
        futures::pin_mut!(timeout);
        let mut unsettled = Unsettled(Vec::new());
        loop {
            let progress = self.progress.notified();
            futures::pin_mut!(progress);
            progress.as_mut().enable();
            if unsettled.is_over(|slot: &Arc<Slot<E>>| done(&slot.lock()), || self.slots.all()) {
                return true;
            }
            tokio::select! {
                () = progress => {}
                () = &mut timeout => return false,
            }
        }
    }

    /// Ends everything now, as a crash would, except that whoever waits in a queue is told.
    pub(super) fn abort(&self) {
        self.closing.cancel();
        self.aborted.cancel();
        self.relay.clear();
        for slot in self.slots.all() {
            let mut inner = slot.lock();
            let phase = std::mem::replace(&mut inner.phase, Phase::Gone);
            let queue = std::mem::take(&mut inner.queue);
            let internal = std::mem::take(&mut inner.internal);
            let readers = std::mem::take(&mut inner.readers);
            let effects = inner.lane.clear();
            let watch = inner.watch.take();
            let live = self.set_live(&mut inner, None);
            drop(inner);
            if let Phase::Ready(actor) = phase {
                actor.kill();
            }
            for envelope in queue {
                let _ = envelope.fail(&Failure::ShuttingDown);
            }
            for reader in readers {
                reader.tell(Err(Failure::ShuttingDown.into()));
            }
            drop((internal, effects, watch, live));
        }
        self.supervisor.kill();
        self.tasks.close();
    }
}

impl<E: Entity> Inner<E> {
    /// Nothing waits and nothing runs.
    fn is_settled(&self) -> bool {
        self.is_quiet() && !matches!(self.phase, Phase::Activating)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn progress_looks_at_one_slot_and_not_at_all_of_them() {
        const SLOTS: usize = 1_000;
        let (settled, looks) = (Cell::new(0), Cell::new(0));
        let done = |slot: &usize| {
            looks.set(looks.get() + 1);
            *slot < settled.get()
        };
        let mut unsettled = Unsettled(Vec::new());
        for n in 0..SLOTS {
            settled.set(n);
            assert!(!unsettled.is_over(done, || (0..SLOTS).collect()), "{n} of {SLOTS} are settled");
        }
        settled.set(SLOTS);
        assert!(unsettled.is_over(done, || (0..SLOTS).collect()));
        assert!(looks.get() <= 5 * SLOTS, "{} looks", looks.get());
    }

    #[test]
    fn what_became_unsettled_meanwhile_is_waited_for() {
        let done = |slot: &Cell<bool>| slot.get();
        let all = || vec![Cell::new(true), Cell::new(false)];
        let mut unsettled = Unsettled(vec![Cell::new(true)]);
        assert!(!unsettled.is_over(done, all));
    }
}
