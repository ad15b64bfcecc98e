//! The switches: what keeps the workspace from answering a contact, and what the owner says about contacts.

use super::{
    Rejection, Reply, User, UserEvent, cancel,
    contact::{Crm, FieldSource, Hrn, NOTES_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX},
    decision::{CancelReason, HrnSource, Skip},
    effect::Access,
    hrn_queue,
    question::Origin,
};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError},
    id::{AccountId, Igsid},
    outbox::{Kind, Outbound},
    text,
};
use std::{sync::Arc, time::Duration};

/// Longest pause of a contact by the owner.
const PAUSE_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Whole messages that take an opt-out back, in matching form.
const START_WORDS: [&str; 3] = ["start", "unstop", "subscribe"];

impl User {
    /// Over a limit of the plan: creation, sends and chat rest; recording goes on.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.over_limits() != (0, 0)
    }

    /// How many contacts and active automations are beyond the plan.
    #[must_use]
    pub fn over_limits(&self) -> (u32, u32) {
        let limits = self.usage.limits();
        let contacts = u32::try_from(self.contacts.len()).unwrap_or(u32::MAX);
        let over = |count: u32, limit: Option<u32>| limit.map_or(0, |limit| count.saturating_sub(limit));
        (over(contacts, limits.contacts), over(self.automations.active(), limits.automations))
    }

    /// A message that belongs to an account that was connected before: ids of persons and comments mean nothing to the
    /// account of now.
    #[must_use]
    pub(super) fn is_foreign(&self, item: &Outbound) -> bool {
        let account = match &item.kind {
            Kind::Dm { to } => self.contacts.get(to).map(|contact| &contact.account),
            Kind::PrivateReply { .. } | Kind::PublicReply { .. } => {
                match self.replies.get(&item.id).map(|context| &context.case.origin) {
                    Some(Origin::Comment(from)) => Some(&from.account),
                    _ => None,
                }
            }
        };
        account.is_some_and(|account| self.is_foreign_account(account))
    }

    /// Not the account that is connected, or was last.
    #[must_use]
    pub(super) fn is_foreign_account(&self, account: &AccountId) -> bool {
        self.integration.as_ref().is_some_and(|known| !known.is_account(account.as_str()))
    }

    /// With what the platform is called, while connected.
    #[must_use]
    pub(super) fn access(&self) -> Option<Access> {
        self.integration.as_ref().map(|integration| Access {
            account: integration.account.clone(),
            token: integration.token.clone(),
        })
    }
}

/// The first switch in the way of an automatic answer to a contact.
pub(super) fn switch_in_the_way(user: &User, now: Timestamp, person: &Igsid) -> Option<Skip> {
    if user.is_frozen() {
        return Some(Skip::Frozen);
    }
    if !user.settings.auto_reply {
        return Some(Skip::AutoReplyOff);
    }
    let Some(contact) = user.contacts.get(person) else {
        return user.takeovers.until(person).filter(|until| now < *until).map(|_| Skip::Paused);
    };
    if contact.blocked {
        Some(Skip::Blocked)
    } else if contact.opted_out_at.is_some() {
        Some(Skip::OptedOut)
    } else if contact.thread_taken {
        Some(Skip::Standby)
    } else if contact.is_paused(now) {
        Some(Skip::Paused)
    } else {
        None
    }
}

/// Stable name of a switch.
pub(super) const fn skip_name(skip: Skip) -> &'static str {
    match skip {
        Skip::Frozen => "frozen",
        Skip::AutoReplyOff => "auto_reply_off",
        Skip::Paused => "paused",
        Skip::Blocked => "blocked",
        Skip::OptedOut => "opted_out",
        Skip::Standby => "standby",
        Skip::ParkedTooLong => "parked_too_long",
        Skip::OtherAccount => "other_account",
    }
}

/// The text, in matching form, is a stop word and nothing else.
pub(super) fn is_stop_word(user: &User, normalised: &str) -> bool {
    let bare = normalised.trim_matches(|c: char| !c.is_alphanumeric());
    user.settings.stop_words.iter().any(|word| &**word == bare)
}

/// The text, in matching form, takes an opt-out back.
pub(super) fn is_start_word(normalised: &str) -> bool {
    START_WORDS.contains(&normalised.trim_matches(|c: char| !c.is_alphanumeric()))
}

fn known(draft: &Draft<User>, person: &Igsid) -> Result<(), Rejection> {
    draft.contacts.contains_key(person).then_some(()).ok_or(Rejection::NoContact)
}

/// The owner leaves a thread to a person.
pub(super) fn set_hrn(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    reason: Option<&str>,
) -> Result<Reply, Rejection> {
    known(draft, person)?;
    hrn_queue::lock(draft, now, person, by_hand(now, reason), false);
    Ok(Reply::Done)
}

/// The lock as a person sets it.
pub(super) fn by_hand(now: Timestamp, reason: Option<&str>) -> Hrn {
    let reason =
        reason.map_or("set by the owner", |reason| text::cut_chars(reason, hrn_queue::REASON_CHARS_MAX).0);
    Hrn {
        set_at: now,
        source: HrnSource::Manual,
        category: "manual".into(),
        reason: reason.into(),
        signals: Vec::new(),
        answered_at: None,
        updated_at: None,
    }
}

/// The owner is done with it. Never gated by the plan.
pub(super) fn clear_hrn(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) -> Result<Reply, Rejection> {
    known(draft, person)?;
    if draft.contacts.get(person).is_some_and(|contact| contact.hrn.is_some()) {
        draft.emit(UserEvent::HrnCleared { person: person.clone(), at: now, by: Some(FieldSource::User) });
    }
    Ok(Reply::Done)
}

/// Automation rests for a contact.
pub(super) fn pause(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    pause: Option<Duration>,
) -> Result<Reply, Rejection> {
    known(draft, person)?;
    cancel::pending(draft, now, person, CancelReason::ContactPaused);
    let until = Some(now + pause.unwrap_or(PAUSE_MAX).min(PAUSE_MAX));
    draft.emit(UserEvent::ContactPaused { person: person.clone(), until, at: now });
    Ok(Reply::Done)
}

/// Automation acts again for a contact.
pub(super) fn resume(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) -> Result<Reply, Rejection> {
    known(draft, person)?;
    draft.emit(UserEvent::ContactPaused { person: person.clone(), until: None, at: now });
    if draft.contacts.get(person).is_some_and(|contact| contact.opted_out_at.is_some()) {
        draft.emit(UserEvent::OptOutSet { person: person.clone(), since: None });
    }
    if draft.contacts.get(person).is_some_and(|contact| contact.thread_taken) {
        draft.emit(UserEvent::ThreadTaken { person: person.clone(), taken: false });
    }
    Ok(Reply::Done)
}

/// Blocks or unblocks a contact.
pub(super) fn set_blocked(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    blocked: bool,
) -> Result<Reply, Rejection> {
    known(draft, person)?;
    if blocked {
        cancel::pending(draft, now, person, CancelReason::ContactPaused);
    }
    draft.emit(UserEvent::ContactBlocked { person: person.clone(), blocked, at: now });
    Ok(Reply::Done)
}

/// Replaces the owner's fields of a contact.
pub(super) fn set_crm(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    crm: &Crm,
) -> Result<Reply, Rejection> {
    known(draft, person)?;
    refuse_when_frozen(draft)?;
    let mut errors = Vec::new();
    if crm.notes.as_ref().is_some_and(|notes| notes.chars().count() > NOTES_CHARS_MAX) {
        errors.push(FieldError::new("notes", FieldCode::TooLong, "at most 10000 characters"));
    }
    let mut crm = crm.clone();
    crm.tags = tags(&crm.tags);
    if crm.tags.len() > TAGS_MAX {
        errors.push(FieldError::new("tags", FieldCode::TooMany, "at most 10 tags"));
    }
    if crm.tags.iter().any(|tag| tag.chars().count() > TAG_CHARS_MAX) {
        errors.push(FieldError::new("tags", FieldCode::TooLong, "a tag has at most 24 characters"));
    }
    if !errors.is_empty() {
        return Err(Rejection::Invalid(errors));
    }
    draft.emit(UserEvent::CrmSet { person: person.clone(), crm: Arc::new(crm), at: now });
    Ok(Reply::Done)
}

/// Trimmed lowercase, without blanks and duplicates.
fn tags(typed: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut tags: Vec<Arc<str>> = Vec::new();
    for tag in typed {
        let tag = tag.trim().to_lowercase();
        if !tag.is_empty() && !tags.iter().any(|known| **known == *tag) {
            tags.push(tag.into());
        }
    }
    tags
}

/// Refuses what a frozen workspace may not do.
pub(super) fn refuse_when_frozen(user: &User) -> Result<(), Rejection> {
    match user.over_limits() {
        (0, 0) => Ok(()),
        (contacts_over, automations_over) => Err(Rejection::Frozen { contacts_over, automations_over }),
    }
}
