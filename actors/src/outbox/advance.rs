//! What is due at an instant: lost attempts, closed windows, looks at unconfirmed messages, starts, and tidying up.

use super::{
    ARCHIVE_BATCH_MAX, ATTEMPT_LEASE, CancelReason, Consequence, DEAD_LETTER_RETENTION, DEAD_LETTERS_MAX,
    Decided, Deferral, Doubt, ENDED_RETENTION, EXPIRE_BATCH_MAX, Guard, HOLD_MIN, IN_FLIGHT_MAX,
    KEY_RETENTION, Kind, Lane, MESSAGE_ID_RETENTION, Outbound, OutboundId, Outbox, OutboxEffect, OutboxEvent,
    READ_BACKOFF_MAX, READ_LEASE, State, Step, UNCONFIRMED_MAX, URGENT_SCAN_MAX, URGENT_WITHIN,
    UnknownReason, index::queue,
};
use crate::Timestamp;
use std::time::Duration;

/// Tidying up waits for the next round instant of this length, so that it never wakes an entity for one message.
const TIDY_EVERY: Duration = Duration::from_secs(5 * 60);
/// The same for forgetting, which nobody waits for.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

impl Outbox {
    /// The next thing that is due. Emit its events, run its effect once durable, and ask again.
    ///
    /// `guard` is asked about a message right before its attempt: it re-checks block, pause, opt-out, quota, state of
    /// the automation and quiet hours, which the outbox does not know. [`Outbound::last_start`] tells it how long a
    /// message can be held. A message in flight or at its end is never asked about.
    pub fn advance(&self, now: Timestamp, guard: &mut dyn FnMut(&Outbound) -> Guard) -> Option<Step> {
        self.check_due(now)
            .or_else(|| self.expire_due(now))
            .or_else(|| self.echo_due(now).map(Step::only))
            .or_else(|| self.start_due(now, guard))
            .or_else(|| self.tidy_due(now))
    }

    /// When [`Outbox::advance`] will have something to do, if nothing else happens before.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        [self.next_check(), self.next_deadline(), self.next_echo(), self.next_start(), self.next_tidy()]
            .into_iter()
            .flatten()
            .min()
    }

    fn check_due(&self, now: Timestamp) -> Option<Step> {
        let (at, id) = *self.index.checks.get_min()?;
        let item = self.get(id)?;
        if at > now {
            return None;
        }
        let State::Unconfirmed(search) = &item.state else {
            let decided = self.became_unconfirmed(now, item, Doubt::LeaseExpired, None);
            return Some(Step::only(decided));
        };
        if search.reading {
            return Some(Step::only(self.read_failed(now, item, search, None)));
        }
        if now >= search.since + UNCONFIRMED_MAX {
            return Some(Step::only(self.gave_up(now, item, UnknownReason::TooLong)));
        }
        if self.parked.is_some() {
            let next_check_at = now + READ_BACKOFF_MAX;
            return Some(Step::event(OutboxEvent::CheckPostponed { id, at: now, next_check_at }));
        }
        if self.lanes.reads.open_at > now {
            return None;
        }
        let read = search.reads.saturating_add(1);
        let event = OutboxEvent::ReadStarted { id, read, at: now, lease_until: now + READ_LEASE };
        let effect = OutboxEffect::Read { id, read, since: search.started_at };
        Some(Step { decided: Decided::event(event), effect: Some(effect) })
    }

    fn next_check(&self) -> Option<Timestamp> {
        let (at, id) = *self.index.checks.get_min()?;
        let waits_to_read = self.parked.is_none()
            && self.get(id).is_some_and(|item| match &item.state {
                State::Unconfirmed(search) => !search.reading,
                _ => false,
            });
        Some(if waits_to_read { at.max(self.lanes.reads.open_at) } else { at })
    }

    /// Messages whose last instant to start has passed, with those that waited for them.
    fn expire_due(&self, now: Timestamp) -> Option<Step> {
        let past = now - Duration::from_millis(1);
        let ids: Vec<_> = queues()
            .flat_map(|(lane, automatic)| queue(&self.index.deadlines, lane, automatic, past))
            .map(|(_, id)| id)
            .take(EXPIRE_BATCH_MAX)
            .collect();
        if ids.is_empty() {
            return None;
        }
        let needs_human = |id: &OutboundId| {
            let item = self.get(*id).filter(|item| matches!(item.kind, Kind::Dm { .. }))?;
            Some(Consequence::NeedsHuman { id: *id, thread: item.thread.clone() })
        };
        let consequences = ids.iter().filter_map(needs_human).collect();
        let cascade = self.cascade(now, &ids);
        let mut events = vec![OutboxEvent::Expired { ids, at: now, refusal: None }];
        events.extend(cascade);
        Some(Step { decided: Decided { events, consequences }, effect: None })
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let first = |(lane, automatic)| queue(&self.index.deadlines, lane, automatic, Timestamp::MAX).next();
        queues().filter_map(first).map(|(at, _)| at + Duration::from_millis(1)).min()
    }

    /// The cancelling of everything that waits for messages that will not be delivered.
    pub(super) fn cascade(&self, now: Timestamp, ended: &[OutboundId]) -> Option<OutboxEvent> {
        let mut ids: Vec<OutboundId> = Vec::new();
        let mut parents = ended.to_vec();
        while let Some(parent) = parents.pop() {
            for child in self.index.of_parent(parent) {
                let queued = self.get(child).is_some_and(|item| matches!(item.state, State::Queued { .. }));
                if queued && !ended.contains(&child) {
                    ids.push(child);
                    parents.push(child);
                }
            }
        }
        let reason = CancelReason::DependencyEnded;
        (!ids.is_empty()).then_some(OutboxEvent::Cancelled { ids, at: now, reason })
    }

    fn start_due(&self, now: Timestamp, guard: &mut dyn FnMut(&Outbound) -> Guard) -> Option<Step> {
        if self.parked.is_some() || self.index.sending >= IN_FLIGHT_MAX || self.lanes.general.open_at > now {
            return None;
        }
        let item = queues()
            .filter(|(lane, automatic)| self.queue_open_at(*lane, *automatic) <= now)
            .find_map(|(lane, automatic)| self.first_of(lane, automatic, now))?;
        Some(self.start(now, item, guard(item)))
    }

    /// Near the end of its window first, then oldest.
    fn first_of(&self, lane: Lane, automatic: bool, now: Timestamp) -> Option<&Outbound> {
        let oldest = queue(&self.index.due, lane, automatic, now).next()?;
        let can_start = |item: &&Outbound| self.position(item).is_some_and(|(_, _, at, _)| at <= now);
        queue(&self.index.deadlines, lane, automatic, now + URGENT_WITHIN)
            .take(URGENT_SCAN_MAX)
            .filter_map(|(_, id)| self.get(id))
            .find(can_start)
            .or_else(|| self.get(oldest.1))
    }

    fn start(&self, now: Timestamp, item: &Outbound, guard: Guard) -> Step {
        let id = item.id;
        match guard {
            Guard::Go => {
                let attempt = item.attempt.saturating_add(1);
                let lease_until = now + ATTEMPT_LEASE;
                let event = OutboxEvent::AttemptStarted { id, attempt, at: now, lease_until };
                let effect = Some(OutboxEffect::Send { id, attempt });
                Step { decided: Decided::event(event), effect }
            }
            Guard::Cancel(reason) => Step::only(self.cancelled(now, vec![id], reason)),
            Guard::Hold { until, reason } => {
                let (not_before, why) = (until.max(now + HOLD_MIN), Deferral::Held(reason));
                Step::event(OutboxEvent::Deferred { id, at: now, not_before, why })
            }
        }
    }

    /// When a queue lets its next message go, as far as its lane is concerned.
    pub(super) fn queue_open_at(&self, lane: Lane, automatic: bool) -> Timestamp {
        let state = self.lanes.of(lane);
        let stopped = self.safety.filter(|_| automatic).map_or(Timestamp::MIN, |safety| safety.until);
        state.shut_until().max(state.bucket.open_at).max(stopped)
    }

    fn next_start(&self) -> Option<Timestamp> {
        if self.parked.is_some() || self.index.sending >= IN_FLIGHT_MAX {
            return None;
        }
        let first = |(lane, automatic)| {
            let (at, _) = queue(&self.index.due, lane, automatic, Timestamp::MAX).next()?;
            Some(at.max(self.queue_open_at(lane, automatic)).max(self.lanes.general.open_at))
        };
        queues().filter_map(first).min()
    }

    fn tidy_due(&self, now: Timestamp) -> Option<Step> {
        let ended = self.index.ended.iter().take_while(|(at, _)| ended_tidy(*at) <= now);
        let surplus = self.index.dead.len().saturating_sub(DEAD_LETTERS_MAX);
        let dead = self.index.dead.iter().enumerate();
        let dead = dead.take_while(|(place, (at, _))| *place < surplus || dead_tidy(*at) <= now);
        let ids: Vec<_> =
            ended.chain(dead.map(|(_, entry)| entry)).map(|(_, id)| *id).take(ARCHIVE_BATCH_MAX).collect();
        if !ids.is_empty() {
            let cascade = self.cascade(now, &ids);
            let events = cascade.into_iter().chain([OutboxEvent::Archived { ids }]).collect();
            return Some(Step { decided: Decided { events, consequences: Vec::new() }, effect: None });
        }
        self.forget_due(now).map(Step::event)
    }

    fn forget_due(&self, now: Timestamp) -> Option<OutboxEvent> {
        if self.next_forget()? > now {
            return None;
        }
        let keys_before = now - KEY_RETENTION;
        let message_ids_before = now - MESSAGE_ID_RETENTION;
        Some(OutboxEvent::Forgotten { keys_before, message_ids_before })
    }

    fn next_tidy(&self) -> Option<Timestamp> {
        let ended = self.index.ended.get_min().map(|(at, _)| ended_tidy(*at));
        let dead = self
            .index
            .dead
            .get_min()
            .map(|(at, _)| if self.index.dead.len() > DEAD_LETTERS_MAX { *at } else { dead_tidy(*at) });
        [ended, dead, self.next_forget()].into_iter().flatten().min()
    }

    fn next_forget(&self) -> Option<Timestamp> {
        let key = self.index.key_ages.get_min().map(|(at, _)| *at + KEY_RETENTION);
        let mid = self.index.mid_ages.get_min().map(|(at, _)| *at + MESSAGE_ID_RETENTION);
        [key, mid].into_iter().flatten().min().map(|at| round_up(at, FORGET_EVERY))
    }
}

impl Step {
    fn event(event: OutboxEvent) -> Self {
        Self::only(Decided::event(event))
    }

    const fn only(decided: Decided) -> Self {
        Self { decided, effect: None }
    }
}

/// All queues in the order in which they are served: people's messages first in each lane.
fn queues() -> impl Iterator<Item = (Lane, bool)> {
    Lane::ALL.into_iter().flat_map(|lane| [(lane, false), (lane, true)])
}

fn ended_tidy(at: Timestamp) -> Timestamp {
    round_up(at + ENDED_RETENTION, TIDY_EVERY)
}

fn dead_tidy(at: Timestamp) -> Timestamp {
    round_up(at + DEAD_LETTER_RETENTION, TIDY_EVERY)
}

/// The first instant after `at` that is a whole multiple of `step`.
fn round_up(at: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    let millis = at.as_millis();
    Timestamp::from_millis(millis.saturating_sub(millis.rem_euclid(step)).saturating_add(step))
}
