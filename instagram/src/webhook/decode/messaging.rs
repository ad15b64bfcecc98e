//! Everything that happens in a thread: who, to whom, and which kind.

use super::{Frame, handover, hash, instant, message, optional, required, text};
use crate::{
    ids::{Igsid, Mid},
    json::Raw,
    webhook::{
        event::{Event, Reason},
        item::{Item, Optin, Postback, Reaction, ReactionAction},
        key::{EventKey, Kind},
    },
};
use std::sync::Arc;

/// Whether a change of this `field` has a value shaped like an item of `messaging`.
pub(super) fn is_field(field: &str) -> bool {
    matches!(
        field,
        "messages"
            | "message_echoes"
            | "message_edit"
            | "message_reactions"
            | "messaging_postbacks"
            | "messaging_referral"
            | "messaging_seen"
            | "messaging_optins"
            | "messaging_handover"
            | "standby"
    )
}

/// The member that says what happened. Should more than one be there, the first in this order counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Message,
    MessageEdit,
    Reaction,
    Postback,
    Read,
    Referral,
    Optin,
    Handover(handover::Name),
}

impl Member {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"message" => Self::Message,
            b"message_edit" => Self::MessageEdit,
            b"reaction" => Self::Reaction,
            b"postback" => Self::Postback,
            b"read" => Self::Read,
            b"referral" => Self::Referral,
            b"optin" => Self::Optin,
            other => Self::Handover(handover::Name::named(other)?),
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::MessageEdit => "message_edit",
            Self::Reaction => "reaction",
            Self::Postback => "postback",
            Self::Read => "read",
            Self::Referral => "referral",
            Self::Optin => "optin",
            Self::Handover(name) => name.as_str(),
        }
    }
}

/// Item of a thread, taken apart.
pub(super) struct Thread<'a> {
    pub(super) frame: &'a Frame<'a>,
    sender: Option<Raw<'a>>,
    recipient: Option<Raw<'a>>,
    timestamp: Option<i64>,
}

pub(super) fn decode(frame: &Frame<'_>) -> Result<Event, Reason> {
    let mut thread = Thread { frame, sender: None, recipient: None, timestamp: None };
    let mut found: Option<(Member, Raw<'_>)> = None;
    let mut stranger = None;
    for member in frame.item.members() {
        let (key, value) = member.map_err(|_| Reason::Malformed)?;
        match key.name().as_ref() {
            b"sender" => thread.sender = value.get("id"),
            b"recipient" => thread.recipient = value.get("id"),
            b"timestamp" => thread.timestamp = value.int(),
            _ if value.is_null() => {}
            name => match Member::named(name) {
                Some(member) if found.is_none_or(|(known, _)| member <= known) => {
                    found = Some((member, value))
                }
                Some(_) => {}
                None => stranger = stranger.or(Some(key)),
            },
        }
    }
    match (found, stranger) {
        (Some((member, value)), _) if value.is_object() => thread.event(member, value),
        (Some((member, _)), _) => Err(Reason::Missing(member.as_str())),
        (None, Some(key)) => Ok(frame.unknown(&key.text())),
        (None, None) => Ok(frame.unknown(frame.slice.field.as_deref().unwrap_or("messaging"))),
    }
}

/// Whose thread it is and who acted.
pub(super) struct Sides {
    pub(super) person: Option<Igsid>,
    pub(super) from_account: bool,
    account_side: Option<Arc<str>>,
}

impl Sides {
    pub(super) fn person(&self) -> Result<Igsid, Reason> {
        self.person.clone().ok_or(Reason::Missing(if self.from_account { "recipient" } else { "sender" }))
    }
}

impl Thread<'_> {
    /// Tells the person from the account. `is_echo`: the item says that the account is the sender.
    pub(super) fn sides(&self, is_echo: bool) -> Result<Sides, Reason> {
        let sender = self.sender.and_then(Raw::id_text);
        let from_account = is_echo || sender.as_deref().is_some_and(|id| self.frame.is_account(id));
        let (person, member, account) = if from_account {
            (self.recipient, "recipient", self.sender)
        } else {
            (self.sender, "sender", self.recipient)
        };
        let person = optional(person, Igsid::from_json, member)?;
        let account_side = match account.and_then(Raw::id_text) {
            Some(id) if self.frame.is_account(&id) => None,
            Some(_) if self.frame.owner.is_some() => return Err(Reason::ForeignAccount),
            Some(id) => Some(id.as_ref().into()),
            None => None,
        };
        Ok(Sides { person, from_account, account_side })
    }

    /// As [`Self::sides`], both of which must be there.
    pub(super) fn both_sides(&self, is_echo: bool) -> Result<Sides, Reason> {
        let sides = self.sides(is_echo)?;
        let (account, member) =
            if sides.from_account { (self.sender, "sender") } else { (self.recipient, "recipient") };
        account.and_then(Raw::id_text).ok_or(Reason::Missing(member))?;
        sides.person()?;
        Ok(sides)
    }

    /// The item's own time, which a key needs.
    pub(super) fn timestamp(&self) -> Result<i64, Reason> {
        self.timestamp.ok_or(Reason::Missing("timestamp"))
    }

    pub(super) fn build(&self, kind: Kind, key: EventKey, sides: Sides, item: Item) -> Event {
        let (at, time_source) = instant(self.timestamp, self.frame.slice.entry_time, self.frame.received_at);
        Event {
            key,
            kind,
            at,
            time_source,
            standby: self.frame.is_standby(),
            from_account: sides.from_account,
            account_side: sides.account_side,
            item,
        }
    }

    fn event(&self, member: Member, value: Raw<'_>) -> Result<Event, Reason> {
        match member {
            Member::Message => message::decode(self, value),
            Member::MessageEdit => message::edit(self, value),
            Member::Reaction => self.reaction(value),
            Member::Postback => self.postback(value),
            Member::Read => self.seen(value),
            Member::Referral => self.referral(value),
            Member::Optin => self.optin(value),
            Member::Handover(name) => handover::decode(self, name, value),
        }
    }

    fn reaction(&self, value: Raw<'_>) -> Result<Event, Reason> {
        let sides = self.both_sides(false)?;
        let action = match value.get("action").and_then(Raw::str).as_deref() {
            Some("react") => ReactionAction::React,
            Some("unreact") => ReactionAction::Unreact,
            _ => return Err(Reason::Missing("reaction.action")),
        };
        let reaction = Reaction {
            person: sides.person()?,
            mid: required(value.get("mid"), Mid::from_json, "reaction.mid")?,
            action,
            name: value.get("reaction").and_then(text::label),
            emoji: value.get("emoji").and_then(text::label),
        };
        let sender = if sides.from_account { "account" } else { reaction.person.as_str() };
        let what = reaction.emoji.as_deref().or(reaction.name.as_deref()).unwrap_or("-");
        let verb = match action {
            ReactionAction::React => "react",
            ReactionAction::Unreact => "unreact",
        };
        let (mid, at) = (&reaction.mid, self.timestamp()?);
        let key = self.frame.key(Kind::Reaction, format_args!("{mid}:{sender}:{verb}:{what}:{at}"));
        Ok(self.build(Kind::Reaction, key, sides, Item::Reaction(Box::new(reaction))))
    }

    fn postback(&self, value: Raw<'_>) -> Result<Event, Reason> {
        let is_self = value.get("is_self").and_then(Raw::bool).unwrap_or(false);
        let sides = self.both_sides(false)?;
        let payload = value.get("payload");
        let postback = Postback {
            person: sides.person()?,
            mid: optional(value.get("mid"), Mid::from_json, "postback.mid")?,
            title: value.get("title").and_then(text::label),
            payload: payload.and_then(text::label),
            referral: value.get("referral").and_then(message::referral).map(Box::new),
            is_self: is_self || sides.from_account,
        };
        let key = match &postback.mid {
            Some(mid) => self.frame.key(Kind::Postback, format_args!("{mid}")),
            None => {
                let (person, at) = (&postback.person, self.timestamp()?);
                let payload = hash(payload.map(Raw::bytes).unwrap_or_default());
                self.frame.key(Kind::Postback, format_args!("{person}:{at}:{payload}"))
            }
        };
        Ok(self.build(Kind::Postback, key, sides, Item::Postback(Box::new(postback))))
    }

    fn seen(&self, value: Raw<'_>) -> Result<Event, Reason> {
        let sides = self.both_sides(false)?;
        let person = sides.person()?;
        let mid = optional(value.get("mid"), Mid::from_json, "read.mid")?;
        let watermark = value.get("watermark").and_then(Raw::int);
        let sender = if sides.from_account { "account" } else { person.as_str() };
        let key = match (&mid, watermark) {
            (Some(mid), _) => self.frame.key(Kind::Seen, format_args!("{sender}:{mid}")),
            (None, Some(at)) => self.frame.key(Kind::Seen, format_args!("{sender}:w{at}")),
            (None, None) => self.frame.key(Kind::Seen, format_args!("{sender}:t{}", self.timestamp()?)),
        };
        Ok(self.build(Kind::Seen, key, sides, Item::Seen { person, mid, watermark }))
    }

    fn referral(&self, value: Raw<'_>) -> Result<Event, Reason> {
        let sides = self.both_sides(false)?;
        let person = sides.person()?;
        let digest = hash(value.bytes());
        let key = self.frame.key(Kind::Referral, format_args!("{person}:{}:{digest}", self.timestamp()?));
        let referral = Box::new(message::referral(value).unwrap_or_default());
        Ok(self.build(Kind::Referral, key, sides, Item::Referral { person, referral }))
    }

    fn optin(&self, value: Raw<'_>) -> Result<Event, Reason> {
        let sides = self.both_sides(false)?;
        let person = sides.person()?;
        let digest = hash(value.bytes());
        let key = self.frame.key(Kind::Optin, format_args!("{person}:{}:{digest}", self.timestamp()?));
        let label = |name| value.get(name).and_then(text::label);
        let optin = Optin {
            person,
            kind: label("type"),
            title: label("title"),
            payload: label("payload"),
            frequency: label("notification_messages_frequency"),
            timezone: label("notification_messages_timezone"),
            expires_at: value.get("token_expiry_timestamp").and_then(Raw::int),
            status: label("user_token_status"),
        };
        Ok(self.build(Kind::Optin, key, sides, Item::Optin(Box::new(optin))))
    }
}
