//! What people, the connection and recovery ask of messages that are already there.

use super::{
    Author, CancelReason, Consequence, ControlError, Decided, Doubt, Enqueue, LANE_CLOSED_MAX, Notice,
    Outbound, OutboundId, OutboundKey, Outbox, OutboxEvent, Pace, ParkReason, QUEUE_MAX, State,
    THREAD_QUEUE_MAX, ThreadId, USAGE_BELIEVED, Usage, enqueue::draft, health::UsageLevel,
};
use crate::Timestamp;
use std::{sync::Arc, time::Duration};

/// Closing when the platform says the account is used up and announces no end.
const USED_UP_FOR: Duration = Duration::from_secs(5 * 60);

/// Part of the messages that a cancelling looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First number.
    pub first: OutboundId,
    /// Last number, included.
    pub last: OutboundId,
    /// Most messages looked at.
    pub scanned_max: usize,
    /// Most messages taken back.
    pub chosen_max: usize,
}

/// Which messages a cancelling looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Those of one thread.
    Thread(&'a ThreadId),
    /// All. Linear in the number of open messages: for acts of people.
    Everything,
}

impl Outbox {
    /// Takes a queued message back, or puts a dead letter away.
    ///
    /// # Errors
    /// When it is in flight or at another end.
    pub fn cancel(
        &self,
        now: Timestamp,
        id: OutboundId,
        reason: CancelReason,
    ) -> Result<Decided, ControlError> {
        let item = self.get(id).ok_or(ControlError::NotFound)?;
        match item.state {
            State::Queued { .. } => Ok(self.cancelled(now, vec![id], reason)),
            State::Sending { .. } | State::Unconfirmed(_) => Err(ControlError::InFlight),
            _ if item.is_dead_letter() => Ok(self.cancelled(now, vec![id], CancelReason::Dismissed)),
            _ => Err(ControlError::WrongState),
        }
    }

    /// Takes the queued messages back that a predicate chooses, and what waited for them. Those in flight go on; the
    /// guard is asked about each before another attempt.
    #[must_use]
    pub fn cancel_where(
        &self,
        now: Timestamp,
        scope: Scope<'_>,
        chosen: &mut dyn FnMut(&Outbound) -> bool,
        reason: &CancelReason,
    ) -> Decided {
        let mut choose = |item: &Outbound| matches!(item.state, State::Queued { .. }) && chosen(item);
        let ids: Vec<_> = match scope {
            Scope::Thread(thread) => {
                self.of_thread(thread).filter(|item| choose(item)).map(|item| item.id).collect()
            }
            Scope::Everything => self.iter().filter(|item| choose(item)).map(|item| item.id).collect(),
        };
        if ids.is_empty() { Decided::default() } else { self.cancelled(now, ids, reason.clone()) }
    }

    /// The same for a range of numbers, in bounded work. Gives the number to go on with; `None` when the range is done.
    #[must_use]
    pub fn cancel_range(
        &self,
        now: Timestamp,
        range: Range,
        chosen: &mut dyn FnMut(&Outbound) -> bool,
        reason: &CancelReason,
    ) -> (Decided, Option<OutboundId>) {
        let mut ids = Vec::new();
        let mut rest = None;
        if range.first <= range.last {
            for (scanned, (id, item)) in self.items.range(range.first..=range.last).enumerate() {
                if scanned >= range.scanned_max || ids.len() >= range.chosen_max {
                    rest = Some(*id);
                    break;
                }
                if matches!(item.state, State::Queued { .. }) && chosen(item) {
                    ids.push(*id);
                }
            }
        }
        let decided =
            if ids.is_empty() { Decided::default() } else { self.cancelled(now, ids, reason.clone()) };
        (decided, rest)
    }

    /// The newest number given to a message.
    #[must_use]
    pub const fn last_id(&self) -> OutboundId {
        self.last_id
    }

    /// Stops sending and reading. Windows go on. `None` when it is parked for that reason already.
    #[must_use]
    pub fn park(&self, now: Timestamp, reason: ParkReason) -> Option<OutboxEvent> {
        let same = self.parked.is_some_and(|parked| parked.reason == reason);
        (!same).then_some(OutboxEvent::Parked { at: now, reason })
    }

    /// Goes on. `None` when it was not parked.
    #[must_use]
    pub fn resume(&self, now: Timestamp) -> Option<OutboxEvent> {
        self.parked.map(|_| OutboxEvent::Resumed { at: now })
    }

    /// What lanes lacked may be there again. `None` when they lack nothing.
    #[must_use]
    pub fn renew_permissions(&self, now: Timestamp) -> Option<OutboxEvent> {
        self.lacks_permission().then_some(OutboxEvent::PermissionsRenewed { at: now })
    }

    /// A lane rests for want of a permission or a setting.
    #[must_use]
    pub fn lacks_permission(&self) -> bool {
        super::Lane::ALL.into_iter().any(|lane| self.lanes.of(lane).lack.is_some())
    }

    /// Sets the pace. `None` when it is that already.
    #[must_use]
    pub fn set_pace(&self, pace: Pace) -> Option<OutboxEvent> {
        (self.pace != pace).then_some(OutboxEvent::PaceSet { pace })
    }

    /// Lifts a safety stop before its time. `None` when there is none.
    #[must_use]
    pub fn lift_safety(&self, now: Timestamp) -> Option<OutboxEvent> {
        self.safety_stop(now).map(|_| OutboxEvent::SafetyLifted { at: now })
    }

    /// Lets everything go that a guard holds back, for the guard to look at again.
    #[must_use]
    pub fn release_held(&self, now: Timestamp) -> Option<OutboxEvent> {
        self.items.values().any(|item| item.is_held()).then_some(OutboxEvent::HeldReleased { at: now })
    }

    /// Takes note of a usage report. Reports that change nothing give no event.
    #[must_use]
    pub fn usage(&self, now: Timestamp, usage: &Usage) -> Decided {
        let mut decided = Decided::default();
        let level = UsageLevel::of(usage.percent);
        let believed = self.usage_level(now);
        let ages = self.usage.is_some_and(|noted| now >= noted.at + USAGE_BELIEVED / 3);
        if level != believed || (level != UsageLevel::Normal && ages) {
            decided.events.push(OutboxEvent::UsageNoted { percent: usage.percent, at: now });
        }
        if level < UsageLevel::Full {
            return decided;
        }
        let wait = usage.regain.filter(|regain| !regain.is_zero()).unwrap_or(USED_UP_FOR);
        let until = now + wait.min(LANE_CLOSED_MAX);
        if super::Lane::ALL.into_iter().any(|lane| self.lanes.of(lane).closed_until < until) {
            let step =
                super::Lane::ALL.into_iter().map(|lane| self.lanes.of(lane).step).max().unwrap_or_default();
            if believed < UsageLevel::Full {
                decided.consequences.push(Consequence::NotifyOwner(Notice::SlowedDown { until }));
            }
            decided.events.push(OutboxEvent::LaneClosed { lane: None, at: now, until, step });
        }
        decided
    }

    /// Queues a dead letter again, and what was cancelled with it. The guard is asked again before the attempt.
    /// `window_ends_at` is the end of the window as known now, if it is later than it was. A message with unknown
    /// outcome is never replayed: [`Outbox::resend`].
    ///
    /// # Errors
    /// When it is no such dead letter, its window is closed, or the message it depends on was not delivered.
    pub fn replay(
        &self,
        now: Timestamp,
        id: OutboundId,
        window_ends_at: Option<Timestamp>,
    ) -> Result<Decided, ControlError> {
        let item = self.get(id).ok_or(ControlError::NotFound)?;
        if !item.is_dead_letter() || matches!(item.state, State::Unknown { .. }) {
            return Err(ControlError::WrongState);
        }
        if item.depends_on.is_some() {
            return Err(ControlError::DependencyEnded);
        }
        let first = replayed(now, item, window_ends_at).ok_or(ControlError::WindowClosed)?;
        self.room(&item.thread)?;
        let mut decided = Decided::event(first);
        let mut parents = vec![id];
        while let Some(parent) = parents.pop() {
            for child in self.index.of_parent(parent).filter_map(|child| self.get(child)) {
                if !matches!(child.state, State::Cancelled { .. }) {
                    continue;
                }
                if let Some(event) = replayed(now, child, window_ends_at) {
                    decided.events.push(event);
                    parents.push(child.id);
                }
            }
        }
        Ok(decided)
    }

    /// Sends a message with unknown outcome again, as a new message of a person, under the key of that press. What
    /// waited for the old message waits for the new one.
    ///
    /// # Errors
    /// When its outcome is not unknown, the key was used, or the window is closed.
    pub fn resend(
        &self,
        now: Timestamp,
        id: OutboundId,
        key: OutboundKey,
        window_ends_at: Option<Timestamp>,
    ) -> Result<OutboxEvent, ControlError> {
        let old = self.get(id).ok_or(ControlError::NotFound)?;
        if !matches!(old.state, State::Unknown { .. }) {
            return Err(ControlError::WrongState);
        }
        if self.by_key(&key).is_some() {
            return Err(ControlError::AlreadyEnqueued);
        }
        self.room(&old.thread)?;
        let request = Enqueue {
            key,
            cause: old.cause.clone(),
            kind: old.kind.clone(),
            content: old.content.clone(),
            automation: old.automation.clone(),
            author: Author::Human,
            counted: old.counted,
            window_ends_at: old.window_ends_at.max(window_ends_at.unwrap_or(Timestamp::MIN)),
            not_before: now,
            depends_on: None,
        };
        let mut item = draft(self.last_id.next(), now, request);
        item.doubtful = item.kind.is_private_reply();
        if item.last_start() < now {
            return Err(ControlError::WindowClosed);
        }
        Ok(OutboxEvent::Resent { of: id, at: now, item: Arc::new(item) })
    }

    /// After the end of an activation its sends and reads in flight are lost.
    #[must_use]
    pub const fn needs_recovery(&self) -> bool {
        self.is_busy()
    }

    /// Takes back control after the end of an activation: every attempt in flight becomes unconfirmed, every read in
    /// flight is asked again.
    #[must_use]
    pub fn interrupted(&self, now: Timestamp) -> Decided {
        let mut next = self.clone();
        let mut all = Decided::default();
        let in_flight: Vec<_> = self.index.checks.iter().map(|(_, id)| *id).collect();
        for id in in_flight {
            let decided = next.interrupted_one(now, id);
            decided.events.iter().for_each(|event| next.apply(event));
            all.append(decided);
        }
        all
    }

    fn interrupted_one(&self, now: Timestamp, id: OutboundId) -> Decided {
        let Some(item) = self.get(id) else { return Decided::default() };
        match &item.state {
            State::Sending { .. } => self.became_unconfirmed(now, item, Doubt::Interrupted, None),
            State::Unconfirmed(search) if search.reading => {
                Decided::event(OutboxEvent::CheckPostponed { id, at: now, next_check_at: now })
            }
            _ => Decided::default(),
        }
    }

    fn room(&self, thread: &ThreadId) -> Result<(), ControlError> {
        let in_thread = self.index.of_thread(thread).take(THREAD_QUEUE_MAX).count();
        let full = self.index.open >= QUEUE_MAX || in_thread >= THREAD_QUEUE_MAX;
        if full { Err(ControlError::Full) } else { Ok(()) }
    }
}

fn replayed(now: Timestamp, item: &Outbound, window_ends_at: Option<Timestamp>) -> Option<OutboxEvent> {
    let window_ends_at = item.window_ends_at.max(window_ends_at.unwrap_or(Timestamp::MIN));
    (now + super::WINDOW_MARGIN <= window_ends_at).then_some(OutboxEvent::Replayed {
        id: item.id,
        at: now,
        window_ends_at,
    })
}
