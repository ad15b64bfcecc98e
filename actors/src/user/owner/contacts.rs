//! The owner's changes of one contact.

use super::super::{
    Rejection, Reply, User, UserEvent,
    contact::{FieldSource, NOTES_CHARS_MAX, TAGS_MAX},
    contact_change::{ContactChange, ContactPatch, NEXT_ACTION_CHARS_MAX, Write, tag},
    control, forget, hrn_queue,
};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError},
    id::{ContactId, Igsid},
    text,
};
use std::{sync::Arc, time::Duration};

/// Highest lead score (product rule).
const LEAD_SCORE_MAX: u8 = 100;
/// Longest rest of a follow-up that is not needed (product rule).
const SNOOZE: Duration = Duration::from_secs(7 * 86_400);

/// Changes a contact.
pub(in super::super) fn change_contact(
    draft: &mut Draft<User>,
    now: Timestamp,
    contact: &ContactId,
    change: &ContactChange,
    by: FieldSource,
) -> Result<Reply, Rejection> {
    let person = draft.contact(contact.as_str()).ok_or(Rejection::NoContact)?.igsid.clone();
    if !matches!(change, ContactChange::Delete | ContactChange::Hrn { needed: false, .. }) {
        control::refuse_when_frozen(draft)?;
    }
    match change {
        ContactChange::Edit(patch) => {
            edited(draft, now, &person, checked(patch)?, by);
        }
        ContactChange::FollowedUp(patch) => {
            edited(draft, now, &person, checked(patch)?, by);
            follow_up(draft, now, &person, false, None);
        }
        ContactChange::Hrn { needed: true, reason } => {
            hrn_queue::lock(draft, now, &person, control::by_hand(now, reason.as_deref()), false);
        }
        ContactChange::Hrn { needed: false, .. } => {
            if draft.contacts.get(&person).is_some_and(|contact| contact.hrn.is_some()) {
                draft.emit(UserEvent::HrnCleared { person, at: now, by: Some(by) });
            }
        }
        ContactChange::FollowUp { needed } => {
            follow_up(draft, now, &person, *needed, (!needed).then(|| now + SNOOZE));
        }
        ContactChange::AddTag(typed) => return add_tag(draft, now, &person, typed),
        ContactChange::RemoveTag(typed) => {
            let tag = tag(typed).map_err(invalid)?;
            untagged(draft, now, &person, &tag);
        }
        ContactChange::Delete => {
            forget::contact(draft, now, &person);
            super::take_overflow(draft, now);
        }
    }
    Ok(Reply::Done)
}

fn invalid(error: FieldError) -> Rejection {
    Rejection::Invalid(vec![error])
}

fn follow_up(
    draft: &mut Draft<User>,
    at: Timestamp,
    person: &Igsid,
    needed: bool,
    snoozed_until: Option<Timestamp>,
) {
    draft.emit(UserEvent::FollowUpDecided { person: person.clone(), needed, snoozed_until, at });
}

/// Sets fields, already checked. Whether any of them is another now.
pub(in super::super) fn edited(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    patch: ContactPatch,
    by: FieldSource,
) -> bool {
    let Some(contact) = draft.contacts.get(person) else { return false };
    let is_changed = patch.stage.is_some_and(|stage| stage != contact.stage)
        || patch.sentiment.is_some_and(|sentiment| sentiment != contact.sentiment)
        || patch.lead_score.is_some_and(|score| score.value() != contact.lead_score)
        || patch.lead_value.is_some_and(|value| value.value() != contact.crm.lead_value)
        || patch.next_action.as_ref().is_some_and(|next| next.clone().value() != contact.crm.next_action)
        || patch.notes.as_ref().is_some_and(|notes| notes.clone().value() != contact.crm.notes);
    // What a person confirms is theirs too.
    if patch != ContactPatch::default() {
        let edit = Arc::new(patch);
        draft.emit(UserEvent::ContactEdited { person: person.clone(), edit, by, at: now });
    }
    is_changed
}

/// The patch as it is stored.
fn checked(patch: &ContactPatch) -> Result<ContactPatch, Rejection> {
    let mut errors = Vec::new();
    if matches!(patch.lead_score, Some(Write::Set(score)) if score > LEAD_SCORE_MAX) {
        errors.push(FieldError::new("leadScore", FieldCode::OutOfRange, "0 to 100"));
    }
    let mut stored = |field: &'static str, text: &Option<Write<Arc<str>>>, max: usize| {
        let Some(Write::Set(text)) = text else { return text.clone() };
        match text::typed(text) {
            Ok(typed) if typed.chars().count() > max => {
                errors.push(FieldError::new(field, FieldCode::TooLong, format!("at most {max} characters")));
                None
            }
            Ok(typed) => Some(Write::Set(typed.into())),
            Err(error) => {
                errors.push(FieldError::new(field, FieldCode::Invalid, error.to_string()));
                None
            }
        }
    };
    let next_action = stored("nextAction", &patch.next_action, NEXT_ACTION_CHARS_MAX);
    let notes = stored("notes", &patch.notes, NOTES_CHARS_MAX);
    if errors.is_empty() {
        Ok(ContactPatch { next_action, notes, ..patch.clone() })
    } else {
        Err(Rejection::Invalid(errors))
    }
}

fn add_tag(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, typed: &str) -> Result<Reply, Rejection> {
    let tag = tag(typed).map_err(invalid)?;
    let tags = draft.contacts.get(person).map(|contact| &contact.crm.tags);
    if tags.is_some_and(|tags| tags.contains(&tag)) {
        return Err(Rejection::TagPresent);
    }
    if tags.is_some_and(|tags| tags.len() >= TAGS_MAX) {
        return Err(invalid(FieldError::new("tag", FieldCode::TooMany, "at most 10 tags")));
    }
    tagged(draft, now, person, &tag);
    Ok(Reply::Done)
}

/// Adds a tag, already checked.
pub(in super::super) fn tagged(draft: &mut Draft<User>, at: Timestamp, person: &Igsid, tag: &Arc<str>) {
    draft.emit(UserEvent::ContactTagged { person: person.clone(), tag: Arc::clone(tag), at });
}

/// Removes a tag. Whether it was there.
pub(in super::super) fn untagged(
    draft: &mut Draft<User>,
    at: Timestamp,
    person: &Igsid,
    tag: &Arc<str>,
) -> bool {
    let has = draft.contacts.get(person).is_some_and(|contact| contact.crm.tags.contains(tag));
    if has {
        draft.emit(UserEvent::ContactUntagged { person: person.clone(), tag: Arc::clone(tag), at });
    }
    has
}
