//! Event keys: the same event delivered again has the same key, another event another one.
//!
//! A key is `{account}:{kind}:{discriminator}`. The kind is part of it because an unsend, a reaction, a read and an
//! edit carry the id of the message they refer to.

use crate::ids::{Igsid, Mid};
use std::fmt;

/// What kind of event; a closed set, fit for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message of a person.
    Message,
    /// A message of the account.
    Echo,
    /// A message was taken back.
    Unsend,
    /// A message was changed.
    Edit,
    /// An edit notice that is no edit.
    CompanionEdit,
    /// A reaction.
    Reaction,
    /// A tap.
    Postback,
    /// A read mark.
    Seen,
    /// A reference.
    Referral,
    /// An opt-in.
    Optin,
    /// Thread control.
    Handover,
    /// A comment.
    Comment,
    /// A mention.
    Mention,
    /// Story numbers.
    StoryInsights,
    /// A dashboard test.
    Test,
    /// Not known.
    Unknown,
}

impl Kind {
    /// Every kind, for metrics and tests.
    pub const ALL: [Self; 16] = [
        Self::Message,
        Self::Echo,
        Self::Unsend,
        Self::Edit,
        Self::CompanionEdit,
        Self::Reaction,
        Self::Postback,
        Self::Seen,
        Self::Referral,
        Self::Optin,
        Self::Handover,
        Self::Comment,
        Self::Mention,
        Self::StoryInsights,
        Self::Test,
        Self::Unknown,
    ];

    /// The name used in keys and metrics. Never changes: stored keys hold it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Echo => "echo",
            Self::Unsend => "unsend",
            Self::Edit => "edit",
            Self::CompanionEdit => "edit0",
            Self::Reaction => "reaction",
            Self::Postback => "postback",
            Self::Seen => "seen",
            Self::Referral => "referral",
            Self::Optin => "optin",
            Self::Handover => "handover",
            Self::Comment => "comment",
            Self::Mention => "mention",
            Self::StoryInsights => "story_insights",
            Self::Test => "test",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of one event, unique in the system: `{account}:{kind}:{discriminator}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(String);

impl EventKey {
    pub(crate) fn new(account: &str, kind: Kind, discriminator: fmt::Arguments<'_>) -> Self {
        use fmt::Write;
        let mut text = String::with_capacity(account.len() + 96);
        text.push_str(account);
        text.push(':');
        text.push_str(kind.as_str());
        text.push(':');
        // Writing to a String does not fail.
        let _ = text.write_fmt(discriminator);
        Self(text)
    }

    /// The key of a person's message, for one that was found in another way than by its webhook: a webhook that comes
    /// later is then a duplicate.
    #[must_use]
    pub fn message(account: &str, person: &Igsid, mid: &Mid) -> Self {
        Self::new(account, Kind::Message, format_args!("{person}:{mid}"))
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key's text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// The same event under another name of the account: deliveries may use either of its ids, a key must use one.
    #[must_use]
    pub fn with_account(&self, account: &str) -> Self {
        let rest = self.0.find(':').and_then(|colon| self.0.get(colon..)).unwrap_or_default();
        Self(format!("{account}{rest}"))
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventKey({})", self.0)
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_account_kind_and_message() {
        let (person, mid) = (Igsid::parse("9").unwrap(), Mid::parse("m:1").unwrap());
        let key = EventKey::message("178", &person, &mid);
        assert_eq!(key.as_str(), "178:message:9:m:1");
        assert_eq!(key.with_account("26").as_str(), "26:message:9:m:1");
    }

    #[test]
    fn kind_names_differ() {
        let names: std::collections::HashSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
