//! Who controls a thread.

use super::{hash, messaging::Thread, text};
use crate::{
    json::Raw,
    webhook::{
        event::{Event, Reason},
        item::{ATTACHMENTS_MAX, Handover, HandoverKind, Item},
        key::Kind,
    },
};
use std::sync::Arc;

/// The members that speak of thread control.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Pass,
    Take,
    Request,
    Metadata,
    ThreadMetadata,
    Roles,
}

impl Name {
    const ALL: [Self; 6] =
        [Self::Pass, Self::Take, Self::Request, Self::Metadata, Self::ThreadMetadata, Self::Roles];

    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().as_bytes() == name)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass_thread_control",
            Self::Take => "take_thread_control",
            Self::Request => "request_thread_control",
            Self::Metadata => "pass_metadata",
            Self::ThreadMetadata => "pass_thread_metadata",
            Self::Roles => "app_roles",
        }
    }
}

pub(super) fn decode(thread: &Thread<'_>, name: Name, value: Raw<'_>) -> Result<Event, Reason> {
    // Roles are about the account as a whole and may come without a person.
    let sides = if name == Name::Roles { thread.sides(false)? } else { thread.both_sides(false)? };
    let app = |member| value.get(member).and_then(text::id_label);
    let kind = match name {
        Name::Pass => HandoverKind::Passed {
            previous_owner: app("previous_owner_app_id"),
            new_owner: app("new_owner_app_id"),
        },
        Name::Take => HandoverKind::Taken {
            previous_owner: app("previous_owner_app_id"),
            new_owner: app("new_owner_app_id"),
        },
        Name::Request => HandoverKind::Requested { requested_owner: app("requested_owner_app_id") },
        Name::Metadata | Name::ThreadMetadata => HandoverKind::Metadata { caller: app("caller_app_id") },
        Name::Roles => HandoverKind::Roles(roles(value)?),
    };
    let sender = sides.person.as_ref().map_or("-", |person| person.as_str());
    let (at, member, digest) = (thread.timestamp()?, name.as_str(), hash(value.bytes()));
    let key = thread.frame.key(Kind::Handover, format_args!("{sender}:{at}:{member}:{digest}"));
    let metadata = value.get("metadata").and_then(text::label);
    let handover = Handover { person: sides.person.clone(), kind, metadata };
    Ok(thread.build(Kind::Handover, key, sides, Item::Handover(Box::new(handover))))
}

type Roles = Vec<(Arc<str>, Vec<Arc<str>>)>;

fn roles(value: Raw<'_>) -> Result<Roles, Reason> {
    let mut roles: Roles = Vec::new();
    for member in value.members() {
        let (app, list) = member.map_err(|_| Reason::Malformed)?;
        let app = text::name(&app.text());
        let held = list.elements().flatten().filter_map(text::label).take(ATTACHMENTS_MAX).collect();
        roles.retain(|(known, _)| *known != app);
        if roles.len() < ATTACHMENTS_MAX {
            roles.push((app, held));
        }
    }
    Ok(roles)
}
