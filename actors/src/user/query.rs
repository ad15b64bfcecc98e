//! Questions to a snapshot: pure, bounded.

use super::{
    User,
    action_log::ActionLog,
    decision::{DecisionNo, DecisionRecord, DecisionView, Verdict, Waits},
};
use crate::{
    Timestamp,
    automation::Automation,
    outbox::{Fingerprint, Lane, Outbound, QueueStats, State},
};
use std::sync::Arc;

/// Most rows of one page.
pub const PAGE_MAX: usize = 200;

/// How an entry of the decision history is found.
#[derive(Clone, Debug, PartialEq)]
pub enum Explained {
    /// At hand.
    Here(Box<DecisionView>),
    /// In the history stream `decisions` under this number; what became of it later is in [`super::history::outcomes_of`].
    InHistory(DecisionNo),
}

/// Queue of the outbox for the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// By lane.
    pub lanes: Vec<(Lane, QueueStats)>,
    /// Why nothing goes out, if so.
    pub parked: bool,
    /// Automatic sends are stopped until then.
    pub safety_stop_until: Option<Timestamp>,
}

impl User {
    /// Key of the entity.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Automations, newest first, with their counts.
    #[must_use]
    pub fn list_automations(&self) -> Vec<Arc<Automation>> {
        let mut all: Vec<_> = self.automations.iter().map(|one| self.automations.counted(one)).collect();
        all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        all
    }

    /// Rows of the activity list at hand, newest first; only those of automations when asked.
    #[must_use]
    pub fn list_logs(&self, automations_only: bool, limit: usize) -> Vec<Arc<ActionLog>> {
        let wanted = |row: &&Arc<ActionLog>| !automations_only || row.automation_id.is_some();
        self.logs.iter().filter(wanted).take(limit.min(PAGE_MAX)).cloned().collect()
    }

    /// Messages that a person should look at.
    pub fn dead_letters(&self) -> impl Iterator<Item = &Outbound> {
        self.outbox.dead_letters()
    }

    /// How many messages wait, and until when.
    #[must_use]
    pub fn queue(&self, now: Timestamp) -> QueueView {
        QueueView {
            lanes: Lane::ALL.into_iter().map(|lane| (lane, self.outbox.queue_stats(lane, now))).collect(),
            parked: self.outbox.parked().is_some(),
            safety_stop_until: self.outbox.safety_stop(now),
        }
    }

    /// A record as shown to people, with what its reply waits for.
    #[must_use]
    pub fn view(&self, record: DecisionRecord) -> DecisionView {
        let reply = match &record.verdict {
            Verdict::Queued { outbound } => self.outbox.get(*outbound),
            _ => None,
        };
        let waits = reply.and_then(|item| match item.state {
            State::Queued { not_before } => Some(Waits { until: not_before, held: item.held.clone() }),
            _ => None,
        });
        DecisionView { waits, ..DecisionView::from(record) }
    }

    /// Why an event was answered, or not: by its key, its message, or its comment, while the decision is recent. The key
    /// of an event that has left is known for some days more; for messages and comments that have left there is
    /// [`super::history::index_of`].
    #[must_use]
    pub fn explain(&self, reference: &str) -> Option<Explained> {
        if let Some(record) = self.decisions.values().rev().find(|record| record.is_about(reference)) {
            return Some(Explained::Here(Box::new(self.view(DecisionRecord::clone(record)))));
        }
        let number = self.seen.get(Fingerprint::of(reference))?;
        Some(Explained::InHistory(DecisionNo(u64::try_from(number).ok()?)))
    }
}

#[cfg(test)]
impl User {
    /// Replies on their way that hold a reservation: in the outbox, or still being written.
    pub(super) fn reservations(&self) -> usize {
        self.replies.values().filter(|context| context.reserved.is_some()).count()
            + self.questions.values().filter(|question| question.reserved.is_some()).count()
    }
}
