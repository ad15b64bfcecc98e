//! Questions to a snapshot: pure, bounded.

use super::{
    User,
    action_log::ActionLog,
    contact::{Contact, Stage},
    decision::{DecisionNo, DecisionRecord, DecisionView, Verdict, Waits},
};
use crate::{
    Timestamp,
    automation::Automation,
    id::{ContactId, Igsid},
    outbox::{Fingerprint, Lane, Outbound, QueueStats, State},
};
use std::sync::Arc;

/// Most rows of one page.
pub const PAGE_MAX: usize = 200;

/// Which contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// Part of the handle, name or last message, in any case.
    pub search: Option<String>,
    /// Only of this stage.
    pub stage: Option<Stage>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only those to be written to.
    pub followup_needed: bool,
    /// Only those older than this contact: the last of the page before, by last message and id.
    pub before: Option<(Option<Timestamp>, Igsid)>,
}

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

    /// A contact by the id that clients see, or by the id on Instagram.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<&Arc<Contact>> {
        let by_client_id =
            self.contact_ids.get(&ContactId::from(id)).and_then(|person| self.contacts.get(person));
        by_client_id.or_else(|| self.contacts.get(id))
    }

    /// Contacts, newest message first, at most `limit` (at most [`PAGE_MAX`]).
    #[must_use]
    pub fn list_contacts(&self, filter: &ContactFilter, limit: usize) -> Vec<Arc<Contact>> {
        let search = filter.search.as_ref().map(|search| search.to_lowercase());
        let mut found: Vec<&Arc<Contact>> = self
            .contacts
            .values()
            .filter(|contact| filter.stage.is_none_or(|stage| contact.stage == stage))
            .filter(|contact| !filter.followup_needed || contact.followup_needed)
            .filter(|contact| {
                filter.tag.as_ref().is_none_or(|tag| contact.crm.tags.iter().any(|known| **known == **tag))
            })
            .filter(|contact| search.as_ref().is_none_or(|search| mentions(contact, search)))
            .filter(|contact| {
                filter
                    .before
                    .as_ref()
                    .is_none_or(|(at, person)| (contact.last_message_at, &contact.igsid) < (*at, person))
            })
            .collect();
        found.sort_by(|a, b| (b.last_message_at, &b.igsid).cmp(&(a.last_message_at, &a.igsid)));
        found.into_iter().take(limit.min(PAGE_MAX)).cloned().collect()
    }

    /// Contacts that need a person, longest waiting first.
    pub fn hrn_queue(&self) -> impl Iterator<Item = &Arc<Contact>> {
        self.hrn_queue.iter().filter_map(|(_, person)| self.contacts.get(person))
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

fn mentions(contact: &Contact, search: &str) -> bool {
    [&contact.username, &contact.display_name, &contact.last_message]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(search))
}

#[cfg(test)]
impl User {
    /// Replies on their way that hold a reservation: in the outbox, or still being written.
    pub(super) fn reservations(&self) -> usize {
        self.replies.values().filter(|context| context.reserved.is_some()).count()
            + self.questions.values().filter(|question| question.reserved.is_some()).count()
    }
}
