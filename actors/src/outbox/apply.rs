//! Folding events into the outbox: total, infallible, silent.

use super::{
    ATTEMPTS_KEPT_MAX, Attempt, AttemptResult, CancelReason, Content, Deferral, Doubt, FORGET_BATCH_MAX,
    Fingerprint, Lane, Outbound, OutboundId, Outbox, OutboxEvent, Parking, Proof, Refusal, Remembered,
    Search, State, THREAD_SPACING, Thread,
    health::{NotedUsage, Safety},
    lane::{GENERAL, Lack},
};
use crate::{Timestamp, id::Mid};
use imbl::OrdSet;
use std::sync::Arc;

impl Outbox {
    /// Folds an event. Events for messages that are not at hand change nothing.
    pub fn apply(&mut self, event: &OutboxEvent) {
        match event {
            OutboxEvent::Enqueued { item } => self.accept(item),
            OutboxEvent::Resent { of, at, item } => self.resent(*of, *at, item),
            OutboxEvent::AttemptStarted { id, attempt, at, lease_until } => {
                self.started(*id, *attempt, *at, *lease_until);
            }
            OutboxEvent::Delivered { id, message_id, at, proof, .. } => {
                self.delivered(*id, message_id.as_ref(), *at, *proof);
            }
            OutboxEvent::Deferred { id, at, not_before, why } => self.deferred(*id, *at, *not_before, why),
            OutboxEvent::BecameUnconfirmed { id, at, doubt, code, next_check_at, .. } => {
                self.unconfirmed(*id, *at, *doubt, *code, *next_check_at);
            }
            OutboxEvent::Failed { id, at, refusal, .. } => self.refused_for_good(*id, *at, refusal),
            OutboxEvent::Expired { ids, at, refusal } => {
                for id in ids {
                    self.change(*id, *at, |item| {
                        if let Some(refusal) = refusal {
                            item.conclude(AttemptResult::Refused(refusal.clone()));
                        }
                        item.state = State::Expired { at: *at };
                    });
                }
            }
            OutboxEvent::Cancelled { ids, at, reason } => {
                for id in ids {
                    let state = State::Cancelled { at: *at, reason: reason.clone() };
                    self.change(*id, *at, |item| item.state = state);
                }
            }
            OutboxEvent::ReadStarted { .. }
            | OutboxEvent::ReadMissed { .. }
            | OutboxEvent::CheckPostponed { .. }
            | OutboxEvent::RetryCleared { .. }
            | OutboxEvent::MarkedUnknown { .. } => self.searched(event),
            OutboxEvent::Replayed { id, at, window_ends_at } => self.change(*id, *at, |item| {
                item.refusals = 0;
                item.window_ends_at = *window_ends_at;
                item.state = State::Queued { not_before: *at };
            }),
            OutboxEvent::EchoHeld(echo) => self.held.push(echo.clone()),
            OutboxEvent::EchoSettled { message_id, .. } => {
                self.held.retain(|echo| echo.message_id != *message_id);
            }
            OutboxEvent::Archived { ids } => ids.iter().for_each(|id| self.archived(*id)),
            OutboxEvent::Forgotten { keys_before, message_ids_before } => {
                self.forget(*keys_before, *message_ids_before);
            }
            _ => self.paced(event),
        }
    }

    /// Events about the account rather than a message.
    fn paced(&mut self, event: &OutboxEvent) {
        match event {
            OutboxEvent::Parked { at, reason } => self.parked = Some(Parking { since: *at, reason: *reason }),
            OutboxEvent::Resumed { .. } => self.parked = None,
            OutboxEvent::LaneClosed { lane, at, until, step } => {
                for each in Lane::ALL.into_iter().filter(|each| lane.is_none_or(|lane| lane == *each)) {
                    let state = self.lanes.of_mut(each);
                    state.closed_at = *at;
                    state.closed_until = state.closed_until.max(*until);
                    state.step = state.step.max(*step);
                }
            }
            OutboxEvent::PermissionMissed { lane, at, until, step } => {
                self.lanes.of_mut(*lane).lack = Some(Lack { since: *at, until: *until, step: *step });
            }
            OutboxEvent::PermissionsRenewed { .. } => {
                Lane::ALL.into_iter().for_each(|lane| self.lanes.of_mut(lane).lack = None);
            }
            OutboxEvent::UsageNoted { percent, at } => {
                self.usage = Some(NotedUsage { percent: *percent, at: *at });
            }
            OutboxEvent::SafetyStopped { at, until, level } => {
                self.safety = Some(Safety { since: *at, until: *until, level: *level });
            }
            OutboxEvent::SafetyLifted { at } => {
                if let Some(safety) = &mut self.safety {
                    safety.until = safety.until.min(*at);
                }
            }
            OutboxEvent::HeldReleased { at } => self.released(*at),
            OutboxEvent::PaceSet { pace } => self.pace = *pace,
            OutboxEvent::AutomationGivenUp { automation } => self.health.given_up(automation),
            _ => {}
        }
    }

    fn accept(&mut self, item: &Arc<Outbound>) {
        self.last_id = self.last_id.max(item.id);
        let key = Fingerprint::of(item.key.as_str());
        if let Some(old) = self.keys.insert(key, Remembered { id: item.id, at: item.created_at }) {
            self.index.key_ages.remove(&(old.at, key));
        }
        self.index.key_ages.insert((item.created_at, key));
        self.items.insert(item.id, Arc::clone(item));
        self.index.add(item);
        self.place(item.id);
    }

    fn resent(&mut self, of: OutboundId, at: Timestamp, item: &Arc<Outbound>) {
        let children: Vec<_> = self.index.of_parent(of).collect();
        self.accept(item);
        self.change(of, at, |old| old.state = State::Cancelled { at, reason: CancelReason::ByPerson });
        for child in children {
            self.change(child, at, |child| child.depends_on = Some(item.id));
        }
    }

    fn started(&mut self, id: OutboundId, attempt: u32, at: Timestamp, lease_until: Timestamp) {
        let Some(lane) = self.get(id).map(Outbound::lane) else { return };
        if let Some(rate) = self.rate(lane, at) {
            self.lanes.of_mut(lane).bucket.take(&rate, at);
        }
        self.lanes.general.take(&GENERAL, at);
        if let Some(lack) = &mut self.lanes.of_mut(lane).lack {
            // One message tries; the others wait for what becomes of it.
            lack.until = lack.until.max(lease_until);
        }
        self.change(id, at, |item| {
            item.attempt = attempt;
            if item.attempts.len() >= ATTEMPTS_KEPT_MAX {
                item.attempts.remove(0);
            }
            item.attempts.push(Attempt { number: attempt, started_at: at, result: None });
            item.held = None;
            item.state = State::Sending { started_at: at, lease_until };
        });
    }

    fn delivered(&mut self, id: OutboundId, message_id: Option<&Mid>, at: Timestamp, proof: Proof) {
        let Some(item) = self.items.get(&id).cloned() else { return };
        self.health.delivered(&item);
        if proof == Proof::Response {
            self.lanes.of_mut(item.lane()).step = 0;
            self.lanes.of_mut(item.lane().permitted_with()).lack = None;
        }
        if let Some(mid) = message_id {
            let mid = Fingerprint::of(mid.as_str());
            if let Some(old) = self.mids.insert(mid, Remembered { id, at }) {
                self.index.mid_ages.remove(&(old.at, mid));
            }
            self.index.mid_ages.insert((at, mid));
        }
        self.change(id, at, |item| {
            item.conclude(AttemptResult::Delivered);
            item.state = State::Sent { message_id: message_id.cloned(), at };
        });
        let children: Vec<_> = self.index.of_parent(id).collect();
        for child in children {
            self.change(child, at, |child| child.depends_on = None);
        }
    }

    fn deferred(&mut self, id: OutboundId, at: Timestamp, not_before: Timestamp, why: &Deferral) {
        self.change(id, at, |item| {
            if let Deferral::Refused { refusal, counted, as_text, .. } = why {
                item.conclude(AttemptResult::Refused(refusal.clone()));
                item.refusals = item.refusals.saturating_add(u32::from(*counted));
                if let (true, Content::Template { text_form, .. }) = (*as_text, &item.content) {
                    item.content = Content::Text(Arc::clone(text_form));
                }
            }
            item.held = match why {
                Deferral::Held(reason) => Some(Arc::clone(reason)),
                Deferral::Refused { .. } => None,
            };
            item.state = State::Queued { not_before };
        });
    }

    /// Whatever is held back may go.
    fn released(&mut self, at: Timestamp) {
        let held: Vec<_> = self.items.values().filter(|item| item.is_held()).map(|item| item.id).collect();
        for id in held {
            self.change(id, at, |item| {
                item.held = None;
                item.state = State::Queued { not_before: at };
            });
        }
    }

    fn unconfirmed(
        &mut self,
        id: OutboundId,
        at: Timestamp,
        doubt: Doubt,
        code: Option<(u32, u32)>,
        next_check_at: Timestamp,
    ) {
        let streak = if code == Some((1, 99)) { self.health.ambiguous.saturating_add(1) } else { 0 };
        self.health.ambiguous = streak;
        self.change(id, at, |item| {
            item.conclude(AttemptResult::Unconfirmed(doubt));
            let started_at = item.started_at().unwrap_or(at);
            item.state = State::Unconfirmed(Search {
                started_at,
                doubt,
                since: at,
                next_check_at,
                reading: false,
                reads: 0,
                missed: 0,
                failed: 0,
            });
        });
    }

    fn refused_for_good(&mut self, id: OutboundId, at: Timestamp, refusal: &Refusal) {
        let Some(item) = self.items.get(&id).cloned() else { return };
        self.health.failed(&item, refusal);
        self.change(id, at, |item| {
            item.conclude(AttemptResult::Refused(refusal.clone()));
            item.state = State::Failed { at, class: refusal.class };
        });
    }

    fn searched(&mut self, event: &OutboxEvent) {
        match event {
            OutboxEvent::ReadStarted { id, read, at, lease_until } => {
                self.lanes.reads.take(&super::lane::READS, *at);
                self.search(*id, *at, |search| {
                    search.reading = true;
                    search.reads = *read;
                    search.next_check_at = *lease_until;
                });
            }
            OutboxEvent::ReadMissed { id, at, readable, next_check_at } => self.search(*id, *at, |search| {
                search.reading = false;
                search.missed = search.missed.saturating_add(u32::from(*readable));
                search.failed = search.failed.saturating_add(u32::from(!*readable));
                search.next_check_at = *next_check_at;
            }),
            OutboxEvent::CheckPostponed { id, at, next_check_at } => self.search(*id, *at, |search| {
                search.reading = false;
                search.next_check_at = *next_check_at;
            }),
            OutboxEvent::RetryCleared { id, at, not_before } => self.change(*id, *at, |item| {
                item.doubtful = true;
                item.state = State::Queued { not_before: *not_before };
            }),
            OutboxEvent::MarkedUnknown { id, at, why } => self.change(*id, *at, |item| {
                let started_at = item.started_at().unwrap_or(*at);
                item.state = State::Unknown { started_at, at: *at, why: *why };
            }),
            _ => {}
        }
    }

    fn search(&mut self, id: OutboundId, at: Timestamp, change: impl FnOnce(&mut Search)) {
        self.change(id, at, |item| {
            if let State::Unconfirmed(search) = &mut item.state {
                change(search);
            }
        });
    }

    fn archived(&mut self, id: OutboundId) {
        let Some(item) = self.items.remove(&id) else { return };
        self.unplace(&item);
        self.index.remove(&item);
        let alone = self.index.of_thread(&item.thread).next().is_none();
        if alone && self.threads.get(&item.thread).is_some_and(Thread::is_quiet) {
            self.threads.remove(&item.thread);
        }
    }

    fn forget(&mut self, keys_before: Timestamp, message_ids_before: Timestamp) {
        let first = Fingerprint::MIN;
        let old = |ages: &OrdSet<(Timestamp, Fingerprint)>, before| -> Vec<_> {
            ages.range(..(before, first)).take(FORGET_BATCH_MAX).copied().collect()
        };
        for (at, key) in old(&self.index.key_ages, keys_before) {
            self.keys.remove(&key);
            self.index.key_ages.remove(&(at, key));
        }
        for (at, mid) in old(&self.index.mid_ages, message_ids_before) {
            self.mids.remove(&mid);
            self.index.mid_ages.remove(&(at, mid));
        }
    }

    /// Changes one message, and with it what its thread and the orders say.
    fn change(&mut self, id: OutboundId, at: Timestamp, change: impl FnOnce(&mut Outbound)) {
        let Some(before) = self.items.get(&id).cloned() else { return };
        let thread = before.thread.clone();
        let others: Vec<_> = self.index.of_thread(&thread).filter(|other| *other != id).collect();
        for other in &others {
            self.unplace_id(*other);
        }
        self.unplace(&before);
        self.index.remove(&before);

        let mut after = Outbound::clone(&before);
        change(&mut after);
        self.follow(&before, &after, at);

        self.index.add(&after);
        self.items.insert(id, Arc::new(after));
        self.place(id);
        for other in others {
            self.place(other);
        }
    }

    /// Keeps the thread's state in step with a change of one of its messages.
    fn follow(&mut self, before: &Outbound, after: &Outbound, at: Timestamp) {
        let sending = |item: &Outbound| matches!(item.state, State::Sending { .. });
        let searching = |item: &Outbound| matches!(item.state, State::Unconfirmed(_));
        let moves = (sending(before), sending(after), searching(before), searching(after));
        if moves.0 == moves.1 && moves.2 == moves.3 {
            return;
        }
        let thread = self.threads.entry(before.thread.clone()).or_default();
        match (moves.0, moves.1) {
            (false, true) => thread.in_flight = Some(before.id),
            (true, false) => {
                thread.in_flight = None;
                thread.free_at = at + THREAD_SPACING;
            }
            _ => {}
        }
        match (moves.2, moves.3) {
            (false, true) => thread.unconfirmed = thread.unconfirmed.saturating_add(1),
            (true, false) => thread.unconfirmed = thread.unconfirmed.saturating_sub(1),
            _ => {}
        }
    }

    fn unplace_id(&mut self, id: OutboundId) {
        if let Some(item) = self.items.get(&id).cloned() {
            self.unplace(&item);
        }
    }

    fn unplace(&mut self, item: &Outbound) {
        if let Some(place) = self.position(item) {
            self.index.due.remove(&place);
        }
    }

    pub(super) fn place(&mut self, id: OutboundId) {
        if let Some(place) = self.get(id).and_then(|item| self.position(item)) {
            self.index.due.insert(place);
        }
    }
}

impl Outbound {
    /// Writes the result of the attempt in flight, or replaces that of the last one by a better one.
    fn conclude(&mut self, result: AttemptResult) {
        if let Some(last) = self.attempts.last_mut() {
            last.result = Some(result);
        }
    }
}
