//! The audit log: what was changed on whose behalf, with what was there before and after.
//!
//! Whoever writes for somebody wraps the command in [`Audited`]; what it changed is told from the events that it left, so
//! that every command can be audited and none has to know of it.

use super::{
    Command, Rejection, Reply, User, UserEvent, contact::Contact, knowledge::event::KnowledgeEvent, tell,
};
use crate::{
    Draft, Timestamp,
    automation::AutomationId,
    id::{ContactId, Igsid},
    slices,
};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Rows kept in memory; every row is in the history stream [`STREAM`] from the start.
pub const AUDIT_ROWS_MAX: usize = 100;
/// Bytes of their texts kept in memory; the oldest leave first.
pub const AUDIT_BYTES_MAX: usize = 256 * 1024;
/// Most things of one command that get a row of their own.
pub const AUDIT_ROWS_OF_COMMAND_MAX: usize = 200;
/// Stream of the rows, by their number. Rows about contacts hold no values there: they go with the contact.
pub const STREAM: &str = "audit";
/// Longest name of an operation or id of a chat session, in characters; longer ones are cut.
const NAME_CHARS_MAX: usize = 128;

/// A write with its author.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audited {
    /// On whose behalf.
    pub by: Actor,
    /// The function or tool, for instance `addFaq`.
    pub operation: Arc<str>,
    /// What is written.
    pub write: Write,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    /// By this command: decided as it is without an author. No other of this kind. Reply: that of the command.
    Command(Box<Command>),
    /// Elsewhere, to something that belongs to the workspace and is no part of it: the owner's profile.
    Profile {
        /// Fields before, as JSON.
        before: Arc<str>,
        /// The same fields after it.
        after: Arc<str>,
    },
}

/// Who writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The owner.
    Owner,
    /// A tool of Sidekick.
    SidekickTool {
        /// The chat session; `None` when a client called the tool itself.
        chat: Option<Arc<str>>,
    },
}

/// One thing that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Number in the workspace, growing.
    pub no: u64,
    /// When.
    pub at: Timestamp,
    /// On whose behalf.
    pub by: Actor,
    /// The function or tool.
    pub operation: Arc<str>,
    /// What was changed.
    pub target: Target,
    /// What was there before, as JSON; `None` when nothing was, or when it is not kept.
    pub before: Option<Arc<str>>,
    /// What is there after it, as JSON; `None` when nothing is, or when it is not kept.
    pub after: Option<Arc<str>>,
}

/// A thing that can be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An offer, by its id.
    Offer(Arc<str>),
    /// A question, by its id.
    Faq(Arc<str>),
    /// A link, by its id.
    Link(Arc<str>),
    /// What the business sells.
    MainOffering,
    /// The voice.
    Tone,
    /// A contact.
    Contact(ContactId),
    /// An automation.
    Automation(AutomationId),
    /// The settings.
    Settings,
    /// The name of the workspace.
    Name,
    /// The profile of the owner.
    Profile,
}

/// Recent rows, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuditLog(Vector<Arc<AuditRow>>);

impl AuditRow {
    fn bytes(&self) -> usize {
        [&self.before, &self.after].into_iter().flatten().map(|text| text.len()).sum()
    }
}

impl AuditLog {
    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<AuditRow>> {
        self.0.iter().rev()
    }

    /// The same rows, shared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        slices::same_rows(&self.0, &other.0)
    }

    /// Rough bytes in memory.
    pub(super) fn weight(&self) -> usize {
        /// Rough bytes of a row with its texts: the log as a whole is bounded.
        const ROW: usize = AUDIT_BYTES_MAX / AUDIT_ROWS_MAX;
        self.0.len() * ROW
    }

    pub(super) fn push(&mut self, row: Arc<AuditRow>) {
        self.0.push_back(row);
        let mut bytes: usize = self.0.iter().map(|row| row.bytes()).sum();
        while self.0.len() > AUDIT_ROWS_MAX || (bytes > AUDIT_BYTES_MAX && self.0.len() > 1) {
            let Some(oldest) = self.0.pop_front() else { break };
            bytes -= oldest.bytes();
        }
    }

    /// Without what is about contacts that are gone.
    pub(super) fn without(&self, is_gone: impl Fn(&ContactId) -> bool) -> Self {
        let is_kept =
            |row: &&Arc<AuditRow>| !matches!(&row.target, Target::Contact(contact) if is_gone(contact));
        Self(self.0.iter().filter(is_kept).cloned().collect())
    }
}

/// Decides a write, and notes what it changed.
pub(super) fn decide(
    draft: &mut Draft<User>,
    now: Timestamp,
    audited: &Audited,
    dispatch: impl FnOnce(&mut Draft<User>, Timestamp, &Command) -> Result<Reply, Rejection>,
) -> Result<Reply, Rejection> {
    let command = match &audited.write {
        Write::Command(command) => command,
        Write::Profile { before, after } => {
            let values = (Some(Arc::clone(before)), Some(Arc::clone(after)));
            note(draft, now, audited, Target::Profile, values);
            return Ok(Reply::Done);
        }
    };
    let before = User::clone(draft);
    let first = draft.events().len();
    let reply = dispatch(draft, now, command)?;
    let mut targets: Vec<Target> = Vec::new();
    for event in draft.events().iter().skip(first) {
        if targets.len() == AUDIT_ROWS_OF_COMMAND_MAX {
            break;
        }
        let target = changed(&before, draft, event);
        targets.extend(target.filter(|target| !targets.contains(target)));
    }
    for target in targets {
        let mut values = (view(&before, &target), view(draft, &target));
        if matches!(target, Target::Contact(_)) && values.1.is_none() {
            // What was deleted is not kept here either.
            values.0 = None;
        }
        note(draft, now, audited, target, values);
    }
    Ok(reply)
}

type Values = (Option<Arc<str>>, Option<Arc<str>>);

fn note(draft: &mut Draft<User>, at: Timestamp, audited: &Audited, target: Target, (before, after): Values) {
    let name = |text: &Arc<str>| -> Arc<str> { crate::text::cut_chars(text, NAME_CHARS_MAX).0.into() };
    let by = match &audited.by {
        Actor::Owner => Actor::Owner,
        Actor::SidekickTool { chat } => Actor::SidekickTool { chat: chat.as_ref().map(name) },
    };
    let operation = name(&audited.operation);
    let row = AuditRow { no: draft.next_side, at, by, operation, target, before, after };
    let kept = match row.target {
        Target::Contact(_) => AuditRow { before: None, after: None, ..row.clone() },
        _ => row.clone(),
    };
    draft.row(tell::row(STREAM, row.no, &kept));
    draft.emit(UserEvent::Audited(Arc::new(row)));
}

/// What an event changed, if a person would say so.
fn changed(before: &User, after: &User, event: &UserEvent) -> Option<Target> {
    let contact = |person: &Igsid| {
        let contact = after.contacts.get(person).or_else(|| before.contacts.get(person));
        contact.map(|contact| Target::Contact(contact.id.clone()))
    };
    match event {
        UserEvent::KnowledgeChanged(event) => Some(match &**event {
            KnowledgeEvent::MainOfferingSet(_) => Target::MainOffering,
            KnowledgeEvent::OfferSet(offer) => Target::Offer(offer.id.as_str().into()),
            KnowledgeEvent::OfferDropped(id) => Target::Offer(id.as_str().into()),
            KnowledgeEvent::FaqSet(faq) => Target::Faq(faq.id.as_str().into()),
            KnowledgeEvent::FaqDropped(id) => Target::Faq(id.as_str().into()),
            KnowledgeEvent::LinkSet(link) => Target::Link(link.id.as_str().into()),
            KnowledgeEvent::LinkDropped(id) => Target::Link(id.as_str().into()),
            KnowledgeEvent::ToneSet(_) => Target::Tone,
        }),
        UserEvent::AutomationSet(automation) => Some(Target::Automation(automation.id.clone())),
        UserEvent::AutomationDeleted(id) => Some(Target::Automation(id.clone())),
        UserEvent::SettingsSet(_) => Some(Target::Settings),
        UserEvent::Named(_) => Some(Target::Name),
        UserEvent::CrmSet { person, .. }
        | UserEvent::ContactEdited { person, .. }
        | UserEvent::ContactTagged { person, .. }
        | UserEvent::ContactUntagged { person, .. }
        | UserEvent::FollowUpDecided { person, .. }
        | UserEvent::ContactDeleted { person, .. }
        | UserEvent::HrnSet { person, .. }
        | UserEvent::HrnCleared { person, .. }
        | UserEvent::ContactPaused { person, .. }
        | UserEvent::ContactBlocked { person, .. }
        | UserEvent::OptOutSet { person, .. }
        | UserEvent::FollowUpSet { person, .. } => contact(person),
        _ => None,
    }
}

/// What is there of a thing, as JSON.
fn view(user: &User, target: &Target) -> Option<Arc<str>> {
    let knowledge = &user.knowledge;
    let value = match target {
        Target::Offer(id) => json_of(knowledge.offers.iter().find(|offer| offer.id.as_str() == &**id)),
        Target::Faq(id) => json_of(knowledge.faqs.iter().find(|faq| faq.id.as_str() == &**id)),
        Target::Link(id) => json_of(knowledge.links.iter().find(|link| link.id.as_str() == &**id)),
        Target::MainOffering => json_of(knowledge.main_offering.as_ref()),
        Target::Tone => json_of(knowledge.tone.as_ref()),
        Target::Contact(id) => user.contact(id.as_str()).map(|contact| of_contact(contact)),
        Target::Automation(id) => json_of(user.automations.get(id.as_str())),
        Target::Settings => json_of(Some(&user.settings)),
        Target::Name => json_of(user.name.as_ref()),
        Target::Profile => None,
    };
    value.map(|value| value.to_string().into())
}

fn json_of<T: Serialize>(value: Option<&T>) -> Option<Value> {
    value.and_then(|value| serde_json::to_value(value).ok())
}

/// What a person can change of a contact.
fn of_contact(contact: &Contact) -> Value {
    json!({
        "stage": contact.stage,
        "sentiment": contact.sentiment,
        "leadScore": contact.lead_score,
        "crm": contact.crm,
        "requiresHumanResponse": contact.hrn.is_some(),
        "followupNeeded": contact.followup_needed,
        "pausedUntil": contact.paused_until,
        "blocked": contact.blocked,
        "optedOut": contact.opted_out_at.is_some(),
    })
}
