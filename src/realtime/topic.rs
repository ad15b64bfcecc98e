//! What changed between two states of a workspace, by topic.

use greenroom_actors::{
    slices::{Revisions, Slices},
    user::{
        User,
        action_log::{Action, ActionLog},
        contact::Contact,
        slice,
    },
};
use greenroom_persistence::Position;
use imbl::ordmap::DiffItem;
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::HashMap, sync::Arc};

/// Ids named in one event; of more than these only that there are more.
const IDS_MAX: usize = 100;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Syncs of contacts, and the connection that they need.
    Sync,
    /// Contacts and their threads.
    Contacts,
    /// Locks that leave a thread to a person.
    Hrn,
    /// Contacts that should be written to, and drafts for that.
    Followup,
    /// What automations did.
    AutomationLog,
    /// What was answered in messages.
    SidekickLog,
    /// Plan and counters.
    Billing,
    /// What the owner is told.
    Notifications,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 8] = [
        Self::Sync,
        Self::Contacts,
        Self::Hrn,
        Self::Followup,
        Self::AutomationLog,
        Self::SidekickLog,
        Self::Billing,
        Self::Notifications,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Contacts => "contacts",
            Self::Hrn => "hrn",
            Self::Followup => "followup",
            Self::AutomationLog => "automation_log",
            Self::SidekickLog => "sidekick_log",
            Self::Billing => "billing",
            Self::Notifications => "notifications",
        }
    }

    /// Where it shows.
    const fn slices(self) -> Slices {
        match self {
            Self::Sync => slice::CONNECTION,
            Self::Contacts | Self::Hrn | Self::Followup => slice::CONTACTS,
            Self::AutomationLog | Self::SidekickLog => slice::LOGS,
            Self::Billing => slice::USAGE,
            Self::Notifications => slice::NOTIFICATIONS,
        }
    }
}

/// What happened to what an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// Something; it is not known what.
    Changed,
    /// A sync ended.
    Completed,
    /// These are new or different.
    Upsert,
    /// These are gone.
    Delete,
}

/// One event.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    pub(super) topic: Topic,
    #[serde(rename = "type")]
    change: Change,
    /// At most [`IDS_MAX`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<String>,
    /// There are more than are named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

impl Told {
    const fn plain(topic: Topic, change: Change) -> Self {
        Self { topic, change, ids: Vec::new(), more: false }
    }

    /// `None` when there are no ids.
    fn named(topic: Topic, change: Change, mut ids: Vec<String>) -> Option<Self> {
        let more = ids.len() > IDS_MAX;
        ids.truncate(IDS_MAX);
        (!ids.is_empty()).then_some(Self { topic, change, ids, more })
    }
}

/// What changed after a position, by the revisions alone: what a reader that comes back missed. May tell too much, since
/// after a recovery everything counts as changed, and never too little.
pub(super) fn missed(revisions: &Revisions, since: Position) -> Vec<Told> {
    let changed = |topic: &Topic| revisions.last_of(topic.slices()) > since;
    Topic::ALL.into_iter().filter(changed).map(|topic| Told::plain(topic, Change::Changed)).collect()
}

/// Whatever there is may have changed.
pub(super) fn everything() -> Vec<Told> {
    Topic::ALL.into_iter().map(|topic| Told::plain(topic, Change::Changed)).collect()
}

/// What changed from one state, as of a position, to a later one.
pub(super) fn between(before: &User, since: Position, after: &User, revisions: &Revisions) -> Vec<Told> {
    let changed = |topic: Topic| revisions.last_of(topic.slices()) > since;
    let mut told = Vec::new();
    if changed(Topic::Sync) && before.contact_sync.last_synced_at != after.contact_sync.last_synced_at {
        told.push(Told::plain(Topic::Sync, Change::Completed));
    } else if changed(Topic::Sync) {
        told.push(Told::plain(Topic::Sync, Change::Changed));
    }
    if changed(Topic::Contacts) {
        told.extend(contacts(before, after));
    }
    if changed(Topic::AutomationLog) {
        told.extend(logs(before, after));
    }
    for topic in [Topic::Billing, Topic::Notifications] {
        if changed(topic) {
            told.push(Told::plain(topic, Change::Changed));
        }
    }
    told
}

fn contacts(before: &User, after: &User) -> Vec<Told> {
    let (mut upserts, mut deletes, mut hrn, mut followup) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // One past what is named tells that there are more.
    let note = |ids: &mut Vec<String>, contact: &Contact| {
        if ids.len() <= IDS_MAX {
            ids.push(contact.id.as_str().to_owned());
        }
    };
    for item in before.contacts.diff(&after.contacts) {
        let (old, new, either) = match item {
            DiffItem::Add(_, new) => (None, Some(new), new),
            DiffItem::Update { old: (_, old), new: (_, new) } => (Some(old), Some(new), new),
            DiffItem::Remove(_, old) => (Some(old), None, old),
        };
        note(if new.is_some() { &mut upserts } else { &mut deletes }, either);
        if old.and_then(|contact| contact.hrn.as_ref()) != new.and_then(|contact| contact.hrn.as_ref()) {
            note(&mut hrn, either);
        }
        if old.map_or((false, None), followup_of) != new.map_or((false, None), followup_of) {
            note(&mut followup, either);
        }
    }
    let told = [
        Told::named(Topic::Contacts, Change::Upsert, upserts),
        Told::named(Topic::Contacts, Change::Delete, deletes),
        Told::named(Topic::Hrn, Change::Changed, hrn),
        Told::named(Topic::Followup, Change::Changed, followup),
    ];
    told.into_iter().flatten().collect()
}

fn followup_of(contact: &Arc<Contact>) -> (bool, Option<&Arc<str>>) {
    (contact.followup_needed, contact.crm.followup_message.as_ref())
}

/// Rows that are new or say something else now. A reply of an automation in messages stands in both lists.
fn logs(before: &User, after: &User) -> Vec<Told> {
    let known: HashMap<u64, &Arc<ActionLog>> = before.logs.iter().map(|log| (log.no, log)).collect();
    let is_new = |log: &&Arc<ActionLog>| known.get(&log.no).is_none_or(|known| !Arc::ptr_eq(known, log));
    let (mut automation, mut sidekick) = (Vec::new(), Vec::new());
    for log in after.logs.iter().filter(is_new) {
        if log.automation_id.is_some() {
            automation.push(log.no.to_string());
        }
        if matches!(log.action, Action::SentReply | Action::DmAutomationTriggered) {
            sidekick.push(log.no.to_string());
        }
    }
    let told = [
        Told::named(Topic::AutomationLog, Change::Upsert, automation),
        Told::named(Topic::SidekickLog, Change::Upsert, sidekick),
    ];
    told.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_so_many_and_says_when_there_are_more() {
        let ids = |count: usize| (0..count).map(|no| no.to_string()).collect();
        let told = |count| Told::named(Topic::Contacts, Change::Upsert, ids(count));
        assert_eq!(told(0), None);
        assert!(told(IDS_MAX).is_some_and(|told| told.ids.len() == IDS_MAX && !told.more));
        assert!(told(IDS_MAX + 1).is_some_and(|told| told.ids.len() == IDS_MAX && told.more));
    }

    #[test]
    fn names_are_what_is_written() {
        for topic in Topic::ALL {
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.name());
        }
    }

    #[test]
    fn what_a_part_does_not_show_was_not_missed() {
        let revisions = Revisions::all_at(Position(5)).after(slice::USAGE, Position(9));
        assert_eq!(missed(&revisions, Position(5)), [Told::plain(Topic::Billing, Change::Changed)]);
        assert_eq!(missed(&revisions, Position(4)).len(), Topic::ALL.len());
        assert!(missed(&revisions, Position(9)).is_empty());
    }
}
