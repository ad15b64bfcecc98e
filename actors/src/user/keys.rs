//! Fingerprints and ids derived from what is at hand: the core draws nothing at random.

use super::inbound::{InboundEvent, InboundItem};
use crate::{
    id::{CommentId, Igsid, MediaId, Mid},
    outbox::Fingerprint,
};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What makes an event a duplicate of another one: the message or comment itself, else its key.
pub(super) fn event(event: &InboundEvent) -> Fingerprint {
    match &event.item {
        InboundItem::Message(inbound) => match &inbound.mid {
            Some(mid) => message(&inbound.person, mid),
            None => Fingerprint::of(event.key.as_str()),
        },
        InboundItem::Comment(inbound) => comment(&inbound.id),
        _ => Fingerprint::of(event.key.as_str()),
    }
}

/// A message of a thread.
pub(super) fn message(person: &Igsid, mid: &Mid) -> Fingerprint {
    joined(&["message", person.as_str(), mid.as_str()])
}

/// A comment.
pub(super) fn comment(id: &CommentId) -> Fingerprint {
    joined(&["comment", id.as_str()])
}

/// Where an automation fired for a person.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// In the thread.
    Thread,
    /// Below a post, when the platform said which.
    Comment(Option<&'a MediaId>),
}

/// A firing of an automation for a person, of one post when it was a comment.
pub(super) fn firing(automation: &str, person: &Igsid, place: Place<'_>) -> Fingerprint {
    let place = match place {
        Place::Thread => "",
        // No post has such an id.
        Place::Comment(None) => "comment",
        Place::Comment(Some(media)) => media.as_str(),
    };
    joined(&["firing", automation, person.as_str(), place])
}

/// A number below `below`, drawn from a text: the same for the same text, and spread evenly. 0 when there is no choice.
pub(super) fn drawn(text: &str, below: usize) -> usize {
    let below = u64::try_from(below).unwrap_or(u64::MAX).max(1);
    usize::try_from(Fingerprint::of(text).halves().1 % below).unwrap_or_default()
}

fn joined(parts: &[&str]) -> Fingerprint {
    Fingerprint::of(&parts.join("\0"))
}

/// An id for a new row: in the form of a UUID (version 8), from the workspace and what the row stands for.
pub(super) fn derived_id(workspace: &str, subject: &str) -> String {
    let mut hash: [u8; 32] = Sha256::new()
        .chain_update(workspace.as_bytes())
        .chain_update([0])
        .chain_update(subject.as_bytes())
        .finalize()
        .into();
    hash[6] = hash[6] & 0x0f | 0x80;
    hash[8] = hash[8] & 0x3f | 0x80;
    let mut id = String::with_capacity(36);
    for (place, byte) in hash.iter().take(16).enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        // Writing to a string can not fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firings_differ_by_where_they_were() {
        let (ana, post) = (Igsid::from("900"), MediaId::from("1800"));
        let places = [Place::Thread, Place::Comment(None), Place::Comment(Some(&post))];
        let firings: std::collections::BTreeSet<_> =
            places.iter().map(|place| firing("a1", &ana, *place).halves()).collect();
        assert_eq!(firings.len(), 3, "a comment on an unknown post does not silence the thread");
        // What earlier builds stored.
        assert_eq!(firing("a1", &ana, Place::Thread), joined(&["firing", "a1", "900", ""]));
    }

    #[test]
    fn derived_ids_are_uuids_and_differ_by_workspace() {
        let id = derived_id("w1", "900");
        assert_eq!(id.len(), 36);
        assert_eq!((&id[14..15], &id[8..9]), ("8", "-"));
        assert_eq!(id, derived_id("w1", "900"));
        assert_ne!(id, derived_id("w2", "900"));
        assert_ne!(id, derived_id("w19", "00"));
    }
}
