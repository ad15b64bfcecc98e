//! What the outcome of an attempt means: one arm for each class of the platform's table.

use super::{
    ATTEMPTS_MAX, Attempt, AttemptResult, CancelReason, Consequence, Content, Decided, Deferral, Doubt,
    ECHO_WAIT, FailureClass, JITTER_PERCENT, LANE_BACKOFF, LANE_CLOSED_MAX, MEDIA_RETRY, Notice, Outbound,
    OutboundId, Outbox, OutboxEvent, PERMISSION_REST, PERMISSION_REST_MAX, ParkReason, Proof,
    RETRY_AFTER_MAX, RETRY_BACKOFF, Refusal, SendOutcome, State, UNREACHABLE_FOR, UnknownReason,
    VOLUME_BACKOFF_MIN, health::Safety, id::Fingerprint, lane::Lack,
};
use crate::{Timestamp, id::Mid};
use std::time::Duration;

/// "Calls over the limit" of the app, the user, the page or the use case: every lane of the account is refused. The
/// same without a code (a bare 429). The other rate codes speak of one kind of call.
const ACCOUNT_WIDE_RATES: [u32; 6] = [0, 4, 17, 32, 80_002, 80_006];
/// The app-wide limit: all accounts are refused.
const APP_RATE: u32 = 4;
/// "Inconsistent request volume".
const VOLUME_RATE: (u32, u32) = (613, 1_996);
/// "Comment not valid for a private reply": used already, too old or deleted.
const PRIVATE_REPLY_USED: (u32, u32) = (100, 2_534_025);
/// "Comment created, but the requested fields are not allowed".
const COMMENT_CREATED: (u32, u32) = (20, 1_772_107);
/// "The media URL can not be fetched", "timed out".
const MEDIA_UNFETCHED: [u32; 2] = [2_018_008, 2_018_294];
/// "Bad parameter".
const BAD_PARAMETER: u32 = 100;
/// "Unknown, often a missing permission".
const MAYBE_PERMISSION: (u32, u32) = (1, 99);
/// A closing at least this long is told to the owner.
const SLOW_DOWN_TOLD: Duration = Duration::from_secs(10 * 60);

impl Outbox {
    /// Decides what the outcome of an attempt means. A late or repeated outcome, or one of another attempt, means
    /// nothing, except that a late success ends the search for its message, and so does a late refusal of an attempt
    /// that was only presumed lost: whoever made the call knows.
    #[must_use]
    pub fn outcome(&self, now: Timestamp, id: OutboundId, attempt: u32, outcome: &SendOutcome) -> Decided {
        let Some(item) = self.get(id) else { return Decided::default() };
        let current = matches!(item.state, State::Sending { .. }) && item.attempt == attempt;
        match outcome {
            SendOutcome::Sent { message_id, .. } if current || may_be(item, attempt) => {
                self.arrived(now, item, Some(message_id), Proof::Response)
            }
            SendOutcome::NotSent(refusal) if current || presumed_lost(item, attempt) => {
                self.refused(now, item, &refusal.bounded())
            }
            SendOutcome::Unknown { doubt, code } if current => {
                self.became_unconfirmed(now, item, *doubt, *code)
            }
            SendOutcome::Sent { .. } | SendOutcome::NotSent(_) | SendOutcome::Unknown { .. } => {
                Decided::default()
            }
        }
    }

    /// The message arrived; held echoes of its thread are told apart.
    pub(super) fn arrived(
        &self,
        now: Timestamp,
        item: &Outbound,
        message_id: Option<&Mid>,
        proof: Proof,
    ) -> Decided {
        let (id, attempt) = (item.id, item.attempt);
        let message_id = message_id.cloned();
        let mut decided = Decided::event(OutboxEvent::Delivered {
            id,
            attempt,
            message_id: message_id.clone(),
            at: now,
            proof,
        });
        self.settle_echoes(item, message_id.as_ref(), &mut decided);
        decided
    }

    /// The outcome is unknown: the search begins, and may end at once with a held echo.
    pub(super) fn became_unconfirmed(
        &self,
        now: Timestamp,
        item: &Outbound,
        doubt: Doubt,
        code: Option<(u32, u32)>,
    ) -> Decided {
        let (id, attempt, next_check_at) = (item.id, item.attempt, now + ECHO_WAIT);
        let event = OutboxEvent::BecameUnconfirmed { id, attempt, at: now, doubt, code, next_check_at };
        let mut decided = Decided::event(event);
        if code == Some(MAYBE_PERMISSION)
            && self.health.ambiguous.saturating_add(1) >= super::AMBIGUOUS_STREAK_MAX
        {
            decided.append(self.not_permitted(now, item, MAYBE_PERMISSION));
        }
        match self.held_text(item) {
            Some(echo) => decided.append(self.arrived(now, item, Some(&echo), Proof::Echo)),
            None => self.settle_echoes(item, None, &mut decided),
        }
        decided
    }

    fn refused(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let mut decided = match refusal.class {
            FailureClass::Unreachable => self.retry(now, item, refusal),
            FailureClass::Rate => self.rate_limited(now, item, refusal),
            FailureClass::Token => self.token_doubted(now, item, refusal),
            FailureClass::Permission => self.permission_missing(now, item, refusal),
            FailureClass::Window => self.too_late(now, item, refusal),
            FailureClass::Recipient => self.recipient_unreachable(now, item, refusal),
            FailureClass::Content => self.content_refused(now, item, refusal),
            FailureClass::Unexplained => self.failed(now, item, refusal),
            FailureClass::Done => self.already_done(now, item, refusal),
            FailureClass::Safety => self.restricted(now, item, refusal),
            FailureClass::Owner => {
                let pause = Consequence::PauseThread { thread: item.thread.clone() };
                self.failed_with(now, item, refusal, [pause])
            }
        };
        let settled = decided.events.iter().any(|event| matches!(event, OutboxEvent::Delivered { .. }));
        if !settled {
            self.settle_echoes(item, None, &mut decided);
        }
        decided
    }

    /// Tried again after a while, as long as the window and the number of attempts allow it.
    fn retry(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let step = usize::try_from(item.refusals).unwrap_or(usize::MAX);
        let Some(back_off) =
            RETRY_BACKOFF.get(step).filter(|_| item.refusals.saturating_add(1) < ATTEMPTS_MAX)
        else {
            return self.failed(now, item, refusal);
        };
        let announced = refusal.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let not_before = now + jittered(*back_off, item).max(announced);
        if not_before > item.last_start() {
            return self.too_late(now, item, refusal);
        }
        Decided::event(deferred(now, item, refusal, not_before, true))
    }

    /// The lane closes; the message stays queued behind it, and does not use up an attempt.
    fn rate_limited(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let lane = self.lanes.of(item.lane());
        let in_flight_before = item.started_at().is_some_and(|started_at| started_at <= lane.closed_at);
        let step = if in_flight_before { lane.step } else { lane.step.saturating_add(1) };
        let back_off = LANE_BACKOFF
            .get(usize::from(step.saturating_sub(1)))
            .or(LANE_BACKOFF.last())
            .map_or(RETRY_AFTER_MAX, |back_off| jittered(*back_off, item));
        // The longest of all: a short hint again and again would only prolong the refusal.
        let mut wait = refusal.retry_after.unwrap_or_default().max(back_off);
        if (refusal.code, refusal.subcode) == VOLUME_RATE {
            wait = wait.max(VOLUME_BACKOFF_MIN);
        }
        let until = now + wait.min(LANE_CLOSED_MAX);
        let lane = (!ACCOUNT_WIDE_RATES.contains(&refusal.code)).then(|| item.lane());
        let mut decided = Decided::event(deferred(now, item, refusal, until, false));
        decided.events.push(OutboxEvent::LaneClosed { lane, at: now, until, step });
        if refusal.code == APP_RATE {
            decided.consequences.push(Consequence::AppLimited { until });
        }
        if wait >= SLOW_DOWN_TOLD && !in_flight_before {
            decided.consequences.push(Consequence::NotifyOwner(Notice::SlowedDown { until }));
        }
        decided
    }

    /// Nothing goes until the token is verified; the message stays.
    fn token_doubted(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let mut decided = if item.refusals.saturating_add(1) < ATTEMPTS_MAX {
            Decided::event(deferred(now, item, refusal, now, true))
        } else {
            self.failed(now, item, refusal)
        };
        if self.parked.is_none() {
            decided.events.push(OutboxEvent::Parked { at: now, reason: ParkReason::TokenInDoubt });
            decided.consequences.push(Consequence::VerifyToken { id: item.id });
        }
        decided
    }

    fn permission_missing(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let mut decided = self.ended_by(now, item, refusal);
        decided.append(self.not_permitted(now, item, (refusal.code, refusal.subcode)));
        decided.consequences.push(needs_human(item));
        decided
    }

    /// The lane rests: every other message would be refused alike. Told when it begins.
    fn not_permitted(&self, now: Timestamp, item: &Outbound, code: (u32, u32)) -> Decided {
        let lane = item.lane().permitted_with();
        let lack = self.lanes.of(lane).lack;
        let known = |lack: Lack| {
            !item.is_automatic() || item.started_at().is_some_and(|started_at| started_at <= lack.since)
        };
        if lack.is_some_and(known) {
            return Decided::default();
        }
        let step = lack.map_or(1, |lack| lack.step.saturating_add(1));
        let doubled = PERMISSION_REST.saturating_mul(1 << u32::from(step.saturating_sub(1)).min(8));
        let until = now + doubled.min(PERMISSION_REST_MAX);
        let mut decided = Decided::event(OutboxEvent::PermissionMissed { lane, at: now, until, step });
        if lack.is_none() {
            let lane = item.lane();
            decided.consequences.push(Consequence::PermissionMissing { id: item.id, lane, code });
        }
        decided
    }

    fn too_late(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let ids = vec![item.id];
        let cascade = self.cascade(now, &ids);
        let mut decided =
            Decided::event(OutboxEvent::Expired { ids, at: now, refusal: Some(refusal.clone()) });
        decided.events.extend(cascade);
        decided.consequences.push(needs_human(item));
        decided
    }

    fn recipient_unreachable(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        if self.health.is_permission(&item.thread, refusal) {
            let refusal = Refusal { class: FailureClass::Permission, ..refusal.clone() };
            return self.permission_missing(now, item, &refusal);
        }
        let until = now + UNREACHABLE_FOR;
        let flag = Consequence::FlagUnreachable { thread: item.thread.clone(), until };
        let mut decided = self.failed_with(now, item, refusal, [flag]);
        if self.health.slows() {
            decided.consequences.push(Consequence::NotifyOwner(Notice::ManyUnreachable));
        }
        decided
    }

    fn content_refused(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        if MEDIA_UNFETCHED.contains(&refusal.subcode)
            && !item.attempts.iter().any(refused_for_media)
            && now + MEDIA_RETRY <= item.last_start()
        {
            return Decided::event(deferred(now, item, refusal, now + MEDIA_RETRY, true));
        }
        let is_template = matches!(item.content, Content::Template { .. });
        if is_template && item.kind.is_private_reply() && refusal.code == BAD_PARAMETER {
            // Safe: the refusal means that nothing was sent, and a text is always taken.
            return Decided::event(OutboxEvent::Deferred {
                id: item.id,
                at: now,
                not_before: now,
                why: Deferral::Refused {
                    attempt: item.attempt,
                    refusal: refusal.clone(),
                    counted: true,
                    as_text: true,
                },
            });
        }
        let mut decided = self.failed(now, item, refusal);
        // A public reply is refused for reasons of its own; the messages of the automation may be fine.
        let automation = item.automation.as_ref().filter(|_| !item.kind.is_public());
        if let Some(automation) = automation.filter(|automation| self.health.gives_up(automation)) {
            let (automation, refusal) = (automation.clone(), refusal.clone());
            decided.events.push(OutboxEvent::AutomationGivenUp { automation: automation.clone() });
            decided.consequences.push(Consequence::DisableAutomation { automation, refusal });
        }
        decided
    }

    /// Not an alarm; and for two codes a proof of delivery.
    fn already_done(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let code = (refusal.code, refusal.subcode);
        if item.doubtful && item.kind.is_private_reply() && code == PRIVATE_REPLY_USED {
            return self.arrived(now, item, self.held_text(item).as_ref(), Proof::SecondRefused);
        }
        if item.kind.is_public() && code == COMMENT_CREATED {
            return self.arrived(now, item, None, Proof::Response);
        }
        self.ended_by(now, item, refusal)
    }

    fn restricted(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let mut decided = self.failed(now, item, refusal);
        let started_at = item.started_at().unwrap_or(now);
        if let Some(stop) = Safety::after(self.safety.as_ref(), started_at, now) {
            let Safety { until, level, .. } = stop;
            decided.events.push(OutboxEvent::SafetyStopped { at: now, until, level });
            let message = refusal.message.clone();
            decided.consequences.push(Consequence::NotifyOwner(Notice::SafetyStop { until, message }));
        }
        decided
    }

    fn failed(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        self.failed_with(now, item, refusal, [])
    }

    fn failed_with<const N: usize>(
        &self,
        now: Timestamp,
        item: &Outbound,
        refusal: &Refusal,
        consequences: [Consequence; N],
    ) -> Decided {
        let mut decided = self.ended_by(now, item, refusal);
        decided.consequences.extend(consequences);
        decided.consequences.push(needs_human(item));
        decided
    }

    /// The end of a message by a refusal, and of what waited for it.
    fn ended_by(&self, now: Timestamp, item: &Outbound, refusal: &Refusal) -> Decided {
        let (id, attempt, refusal) = (item.id, item.attempt, refusal.clone());
        let mut decided = Decided::event(OutboxEvent::Failed { id, attempt, at: now, refusal });
        decided.events.extend(self.cascade(now, &[id]));
        decided
    }

    /// The end of a search. What waited for the message goes on waiting: it may still prove delivered, or be resent.
    pub(super) fn gave_up(&self, now: Timestamp, item: &Outbound, why: UnknownReason) -> Decided {
        let id = item.id;
        let mut decided = Decided::event(OutboxEvent::MarkedUnknown { id, at: now, why });
        decided.consequences.push(Consequence::NotifyOwner(Notice::DeliveryUnknown { id }));
        decided.consequences.push(needs_human(item));
        decided
    }

    /// The end of queued messages by a wish, and of what waited for them.
    pub(super) fn cancelled(&self, now: Timestamp, ids: Vec<OutboundId>, reason: CancelReason) -> Decided {
        let cascade = self.cascade(now, &ids);
        let mut decided = Decided::event(OutboxEvent::Cancelled { ids, at: now, reason });
        decided.events.extend(cascade);
        decided
    }
}

/// The outcome of this attempt, the last one, never came: nothing is known of the call itself.
const fn presumed_lost(item: &Outbound, attempt: u32) -> bool {
    match &item.state {
        State::Unconfirmed(search) => {
            item.attempt == attempt && matches!(search.doubt, Doubt::LeaseExpired | Doubt::Interrupted)
        }
        _ => false,
    }
}

/// A success of this attempt is news: nobody knew how it ended.
fn may_be(item: &Outbound, attempt: u32) -> bool {
    let open = |each: &Attempt| each.number == attempt && each.may_have_arrived();
    may_still_arrive(item) && item.attempts.iter().any(open)
}

/// An attempt of it ended without a known outcome, and nothing was learnt since.
pub(super) const fn may_still_arrive(item: &Outbound) -> bool {
    match item.state {
        State::Unconfirmed(_) | State::Unknown { .. } => true,
        State::Sent { .. } => false,
        State::Queued { .. }
        | State::Sending { .. }
        | State::Failed { .. }
        | State::Expired { .. }
        | State::Cancelled { .. } => item.doubtful,
    }
}

fn deferred(
    now: Timestamp,
    item: &Outbound,
    refusal: &Refusal,
    not_before: Timestamp,
    counted: bool,
) -> OutboxEvent {
    let (attempt, refusal) = (item.attempt, refusal.clone());
    let why = Deferral::Refused { attempt, refusal, counted, as_text: false };
    OutboxEvent::Deferred { id: item.id, at: now, not_before, why }
}

fn refused_for_media(attempt: &Attempt) -> bool {
    matches!(&attempt.result, Some(AttemptResult::Refused(refusal)) if MEDIA_UNFETCHED.contains(&refusal.subcode))
}

fn needs_human(item: &Outbound) -> Consequence {
    Consequence::NeedsHuman { id: item.id, thread: item.thread.clone() }
}

/// A span moved by up to [`JITTER_PERCENT`] to either side. Drawn from the message's key and attempt: the same in a
/// replay, different from message to message and from workspace to workspace.
fn jittered(span: Duration, item: &Outbound) -> Duration {
    let drawn = Fingerprint::of(item.key.as_str()).low()
        ^ u64::from(item.attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let steps = u64::from(JITTER_PERCENT) * 2 * 100;
    let percent_hundredths = u64::from(100 - JITTER_PERCENT) * 100 + drawn % (steps + 1);
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis.saturating_mul(percent_hundredths) / 10_000)
}
