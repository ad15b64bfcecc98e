//! Telling people that an automated system answers, where the owner's law asks for it.

use super::{User, UserEvent, compose};
use crate::{
    Draft, Timestamp,
    id::Igsid,
    outbox::{Author, Content, Kind, TEXT_BYTES_MAX},
    text,
};
use std::time::Duration;

/// A contact is told again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(30 * 86_400);
/// Between a reply and what is told below it.
const GAP: &str = "\n\n";

/// The contents of an automatic answer with what must be told to this person: below the last text, or as a message of its
/// own where that has no room. A private reply is one message: its text makes room, and a template goes without; the next
/// message tells it.
pub(super) fn with(
    draft: &Draft<User>,
    now: Timestamp,
    (person, author, kind): (&Igsid, Author, &Kind),
    mut contents: Vec<Content>,
) -> Vec<Content> {
    let wanted = author != Author::Human && !kind.is_public();
    let Some(told) = draft.settings.disclosure.clone().filter(|_| wanted && is_due(draft, now, person))
    else {
        return contents;
    };
    let alone = matches!(kind, Kind::PrivateReply { .. });
    match contents.pop() {
        Some(Content::Text(last)) if last.len() + GAP.len() + told.len() <= TEXT_BYTES_MAX => {
            contents.push(Content::Text(format!("{last}{GAP}{told}").into()));
        }
        Some(Content::Text(last)) if alone => {
            let room = TEXT_BYTES_MAX.saturating_sub(GAP.len() + told.len());
            let kept = text::cut_bytes_at_sentence(&last, room);
            contents.push(Content::Text(format!("{kept}{GAP}{told}").into()));
        }
        Some(last) if alone => contents.push(last),
        last => {
            contents.extend(last);
            if contents.len() < compose::PARTS_MAX {
                contents.push(Content::Text(told));
            }
        }
    }
    contents
}

fn is_due(draft: &Draft<User>, now: Timestamp, person: &Igsid) -> bool {
    let told = draft.contacts.get(person).and_then(|contact| contact.disclosed_at);
    told.is_none_or(|at| now.since(at) >= AGAIN_AFTER)
}

/// A message was delivered: notes that its person was told.
pub(super) fn delivered(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, text: &str) {
    let is_told = draft.settings.disclosure.as_deref().is_some_and(|told| text.ends_with(told));
    if is_told && draft.contacts.contains_key(person) && is_due(draft, now, person) {
        draft.emit(UserEvent::Disclosed { person: person.clone(), at: now });
    }
}
