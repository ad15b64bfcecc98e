//! What people saw of the product: the oracle of every "at most once" test.

use super::{AccountId, Igsid, ObjectId, World};
use crate::sandbox::limits::{DUPLICATES_MAX, SENT_MAX};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Two equal messages to one person closer together than this are a duplicate, milliseconds.
const DUPLICATE_WITHIN: i64 = 10 * 60_000;

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SentKind {
    /// A direct message.
    Message,
    /// A direct message in answer to a comment.
    PrivateReply,
    /// A public reply below a comment.
    PublicReply,
}

/// One visible thing that the product made through the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SentItem {
    pub(crate) kind: SentKind,
    /// Message id or comment id.
    pub(crate) id: String,
    pub(crate) account: AccountId,
    /// The person it reached; none for a reply below the account's own comment.
    pub(crate) person: Option<Igsid>,
    pub(crate) username: String,
    /// The text, or the JSON of what was sent instead.
    pub(crate) text: Arc<str>,
    /// The comment that was answered.
    pub(crate) comment_id: Option<ObjectId>,
    /// Unix milliseconds of the sandbox.
    pub(crate) at: i64,
}

/// Why two sends count as one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DuplicateKind {
    /// A person got the same message twice within ten minutes.
    SameText,
    /// A comment got two private replies.
    PrivateReplies,
    /// A comment got the same public reply twice within ten minutes.
    PublicReplies,
}

/// A pair of sends of which the second should not exist.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Duplicate {
    pub(crate) kind: DuplicateKind,
    pub(crate) first: SentItem,
    pub(crate) second: SentItem,
}

/// The last thing sent under each [`SentItem::keys`].
type LastSent = HashMap<Key, SentItem>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Text(AccountId, Igsid, Arc<str>),
    PrivateReply(ObjectId),
    PublicReply(ObjectId, Arc<str>),
}

impl Key {
    const fn kind(&self) -> DuplicateKind {
        match self {
            Self::Text(..) => DuplicateKind::SameText,
            Self::PrivateReply(_) => DuplicateKind::PrivateReplies,
            Self::PublicReply(..) => DuplicateKind::PublicReplies,
        }
    }
}

impl SentItem {
    fn keys(&self) -> impl Iterator<Item = Key> {
        let text = self
            .person
            .filter(|_| self.kind != SentKind::PublicReply)
            .map(|person| Key::Text(self.account, person, Arc::clone(&self.text)));
        let reply = self.comment_id.and_then(|comment| match self.kind {
            SentKind::Message => None,
            SentKind::PrivateReply => Some(Key::PrivateReply(comment)),
            SentKind::PublicReply => Some(Key::PublicReply(comment, Arc::clone(&self.text))),
        });
        text.into_iter().chain(reply)
    }
}

/// Ledger of sends, and the duplicates found in it as they arose.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sent {
    items: VecDeque<SentItem>,
    duplicates: Vec<Duplicate>,
    total: u64,
    duplicates_total: u64,
    /// Rebuilt from `items`.
    #[serde(skip)]
    last: LastSent,
}

impl Sent {
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &SentItem> {
        self.items.iter()
    }

    pub(crate) fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Sends and duplicates ever, also those no longer kept.
    pub(crate) const fn totals(&self) -> (u64, u64) {
        (self.total, self.duplicates_total)
    }

    fn record(&mut self, item: SentItem) {
        self.total += 1;
        for key in item.keys() {
            let kind = key.kind();
            let Some(first) = self.last.insert(key, item.clone()) else { continue };
            let always = kind == DuplicateKind::PrivateReplies;
            if always || (item.at - first.at).abs() < DUPLICATE_WITHIN {
                self.duplicates_total += 1;
                if self.duplicates.len() < DUPLICATES_MAX {
                    self.duplicates.push(Duplicate { kind, first, second: item.clone() });
                }
            }
        }
        self.items.push_back(item);
        if self.items.len() > SENT_MAX
            && let Some(old) = self.items.pop_front()
        {
            for key in old.keys() {
                if self.last.get(&key).is_some_and(|last| last.id == old.id) {
                    self.last.remove(&key);
                }
            }
        }
    }

    pub(super) fn reindex(&mut self) {
        self.last = self.items.iter().flat_map(|item| item.keys().map(|key| (key, item.clone()))).collect();
    }
}

impl World {
    /// Notes a visible send of the product.
    pub(crate) fn note_sent(
        &mut self,
        kind: SentKind,
        id: String,
        account: AccountId,
        person: Option<Igsid>,
        text: &str,
        comment_id: Option<ObjectId>,
    ) {
        let username = person
            .and_then(|igsid| self.people.behind(igsid))
            .map(|(_, person)| person.username.clone())
            .unwrap_or_default();
        let at = self.now;
        self.sent.record(SentItem { kind, id, account, person, username, text: text.into(), comment_id, at });
    }
}
