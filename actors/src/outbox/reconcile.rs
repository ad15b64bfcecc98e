//! Looking for a message whose outcome is unknown, by reading the conversation.

use super::{
    Decided, Outbound, OutboundId, Outbox, OutboxEvent, Proof, READ_BACKOFF_MAX, READ_SPACING,
    READS_FAILED_MAX, READS_MISSED_MAX, RETRY_AFTER_MAX, ReadOutcome, Search, SeenMessage, State,
    UnknownReason, echo::is_near, settle::may_still_arrive,
};
use crate::Timestamp;
use std::time::Duration;

/// First wait after a failed read; doubles.
const READ_BACKOFF: Duration = Duration::from_secs(30);

impl Outbox {
    /// Decides what a read means. One that found the message counts whenever it comes; any other one only as the
    /// answer to the read in flight.
    #[must_use]
    pub fn reconciled(&self, now: Timestamp, id: OutboundId, read: u32, outcome: &ReadOutcome) -> Decided {
        let Some(item) = self.get(id) else { return Decided::default() };
        if let (ReadOutcome::Read(seen), true) = (outcome, may_still_arrive(item))
            && let Some(found) = self.find(item, seen)
        {
            return self.arrived(now, item, Some(&found.message_id), Proof::Read);
        }
        match (&item.state, outcome) {
            (State::Unconfirmed(search), _) if !search.reading || search.reads != read => Decided::default(),
            (State::Unconfirmed(search), ReadOutcome::Read(_)) => self.missed(now, item, search),
            (State::Unconfirmed(search), ReadOutcome::Failed { retry_after }) => {
                self.read_failed(now, item, search, *retry_after)
            }
            _ => Decided::default(),
        }
    }

    /// The oldest message with the same text, sent after the attempt's start, that is not another one of ours.
    fn find<'a>(&self, item: &Outbound, seen: &'a [SeenMessage]) -> Option<&'a SeenMessage> {
        seen.iter()
            .filter(|message| is_near(item, message.sent_at))
            .filter(|message| item.content.matches(message.text.as_deref(), message.is_template))
            .filter(|message| self.by_message_id(&message.message_id).is_none())
            .min_by(|a, b| (a.sent_at, &a.message_id).cmp(&(b.sent_at, &b.message_id)))
    }

    fn missed(&self, now: Timestamp, item: &Outbound, search: &Search) -> Decided {
        let id = item.id;
        if item.kind.is_private_reply() && !item.doubtful {
            return Decided::event(OutboxEvent::RetryCleared { id, at: now, not_before: now });
        }
        if search.missed.saturating_add(1) >= READS_MISSED_MAX {
            return self.gave_up(now, item, UnknownReason::NotFound);
        }
        let next_check_at = now + READ_SPACING;
        Decided::event(OutboxEvent::ReadMissed { id, at: now, readable: true, next_check_at })
    }

    pub(super) fn read_failed(
        &self,
        now: Timestamp,
        item: &Outbound,
        search: &Search,
        retry_after: Option<Duration>,
    ) -> Decided {
        let failed = search.failed.saturating_add(1);
        if failed >= READS_FAILED_MAX {
            return self.gave_up(now, item, UnknownReason::Unreadable);
        }
        let back_off = READ_BACKOFF.saturating_mul(1 << search.failed.min(8)).min(READ_BACKOFF_MAX);
        let wait = back_off.max(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX));
        let (id, next_check_at) = (item.id, now + wait);
        Decided::event(OutboxEvent::ReadMissed { id, at: now, readable: false, next_check_at })
    }
}
