//! Conversations between an account and a person.

use super::{AccountId, Igsid, Mid, ObjectId, PersonId, World};
use crate::sandbox::{
    delivery::Shape,
    limits::{MESSAGES_MAX, THREAD_MESSAGES_MAX},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// How a message came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Via {
    /// Written by the person.
    Person,
    /// Sent by the product.
    Api,
    /// Sent by the product as the private reply to a comment.
    PrivateReply(ObjectId),
    /// Written by the owner by hand.
    Owner,
}

/// One message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) mid: Mid,
    pub(crate) via: Via,
    /// Unix milliseconds.
    pub(crate) at: i64,
    /// Members of the event's `message` besides `mid`: `text`, `attachments`, `reply_to`, ...
    pub(crate) content: Map<String, Value>,
    pub(crate) deleted: bool,
    pub(crate) edits: u32,
}

impl Message {
    pub(crate) fn text(&self) -> Option<&str> {
        self.content.get("text").and_then(Value::as_str)
    }
}

/// A conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) account: AccountId,
    pub(crate) igsid: Igsid,
    pub(crate) person: PersonId,
    pub(crate) messages: VecDeque<Arc<Message>>,
    /// Opens the window; Unix milliseconds.
    pub(crate) last_inbound: Option<i64>,
    pub(crate) last_activity: i64,
    /// The account accepted or answered it; otherwise it lies in the requests folder unless the person follows.
    pub(crate) accepted: bool,
    /// App id of another app that holds the thread.
    pub(crate) held_by: Option<String>,
}

/// All conversations, by scoped id of the person (which also names the account).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Threads {
    by_igsid: BTreeMap<Igsid, Thread>,
    by_mid: BTreeMap<Mid, Igsid>,
    recency: BTreeSet<(AccountId, Reverse<i64>, Igsid)>,
}

impl Threads {
    pub(crate) fn get(&self, igsid: Igsid) -> Option<&Thread> {
        self.by_igsid.get(&igsid)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Thread> {
        self.by_igsid.values()
    }

    pub(crate) fn of_mid(&self, mid: Mid) -> Option<&Thread> {
        self.by_igsid.get(self.by_mid.get(&mid)?)
    }

    /// A message, and how many are newer in its thread.
    pub(crate) fn message(&self, mid: Mid) -> Option<(&Thread, &Message, usize)> {
        let thread = self.of_mid(mid)?;
        let index = thread.messages.binary_search_by_key(&mid, |message| message.mid).ok()?;
        Some((thread, thread.messages.get(index)?, thread.messages.len() - 1 - index))
    }

    pub(crate) fn message_mut(&mut self, mid: Mid) -> Option<&mut Message> {
        let thread = self.by_igsid.get_mut(self.by_mid.get(&mid)?)?;
        let index = thread.messages.binary_search_by_key(&mid, |message| message.mid).ok()?;
        thread.messages.get_mut(index).map(Arc::make_mut)
    }

    /// Newest activity first, after the place of `after` when given.
    pub(crate) fn recent(
        &self,
        account: AccountId,
        after: Option<(i64, Igsid)>,
    ) -> impl Iterator<Item = &Thread> {
        let from =
            after.map_or((account, Reverse(i64::MAX), Igsid(0)), |(at, igsid)| (account, Reverse(at), igsid));
        self.recency
            .range(from..=(account, Reverse(i64::MIN), Igsid(u64::MAX)))
            .filter(move |(_, at, igsid)| Some((at.0, *igsid)) != after)
            .filter_map(|(_, _, igsid)| self.by_igsid.get(igsid))
    }

    fn append(&mut self, igsid: Igsid, message: Message) {
        let Some(thread) = self.by_igsid.get_mut(&igsid) else { return };
        self.recency.remove(&(thread.account, Reverse(thread.last_activity), igsid));
        thread.last_activity = message.at;
        self.recency.insert((thread.account, Reverse(message.at), igsid));
        self.by_mid.insert(message.mid, igsid);
        thread.messages.push_back(Arc::new(message));
        if thread.messages.len() > THREAD_MESSAGES_MAX
            && let Some(old) = thread.messages.pop_front()
        {
            self.by_mid.remove(&old.mid);
        }
        if self.by_mid.len() > MESSAGES_MAX
            && let Some((_, igsid)) = self.by_mid.pop_first()
            && let Some(thread) = self.by_igsid.get_mut(&igsid)
        {
            thread.messages.pop_front();
        }
    }
}

/// Frame of a messaging event.
pub(crate) fn frame(sender: impl ToString, recipient: impl ToString, at: i64) -> Value {
    json!({"sender": {"id": sender.to_string()}, "recipient": {"id": recipient.to_string()}, "timestamp": at})
}

impl World {
    /// The conversation of a person with an account, made on first use.
    pub(crate) fn thread(&mut self, igsid: Igsid) -> Option<&mut Thread> {
        let (account, person) = self.people.behind(igsid)?;
        let (person, now) = (person.id, self.now);
        let threads = &mut self.threads;
        if !threads.by_igsid.contains_key(&igsid) {
            threads.recency.insert((account, Reverse(now), igsid));
        }
        Some(threads.by_igsid.entry(igsid).or_insert_with(|| Thread {
            account,
            igsid,
            person,
            messages: VecDeque::new(),
            last_inbound: None,
            last_activity: now,
            accepted: false,
            held_by: None,
        }))
    }

    /// The person writes: the window opens, the product is told.
    pub(crate) fn receive(&mut self, igsid: Igsid, content: Map<String, Value>) -> Option<Mid> {
        let now = self.now;
        let thread = self.thread(igsid)?;
        thread.last_inbound = Some(now);
        let (account, standby) = (thread.account, thread.held_by.is_some());
        let mid = self.counters.mid();
        let mut event = frame(igsid, account, now);
        event["message"] = with_mid(mid, &content);
        let message = Message { mid, via: Via::Person, at: now, content, deleted: false, edits: 0 };
        self.threads.append(igsid, message);
        self.emit(account, if standby { Shape::Standby } else { Shape::Messaging }, event, 0);
        Some(mid)
    }

    /// The account writes: appended, and echoed after `echo_delay` milliseconds. Returns the update of the echo.
    pub(crate) fn answer(
        &mut self,
        igsid: Igsid,
        via: Via,
        content: Map<String, Value>,
        echo_delay: u64,
    ) -> Option<(Mid, Option<u64>)> {
        let now = self.now;
        let thread = self.thread(igsid)?;
        let account = thread.account;
        thread.accepted |= !matches!(via, Via::PrivateReply(_));
        let mid = self.counters.mid();
        let mut event = frame(account, igsid, now);
        event["message"] = with_mid(mid, &echo_content(&content));
        event["message"]["is_echo"] = true.into();
        let message = Message { mid, via, at: now, content, deleted: false, edits: 0 };
        self.threads.append(igsid, message);
        let update = self.emit(account, Shape::Messaging, event, echo_delay);
        Some((mid, update))
    }

    /// The account writes to itself; nothing is kept.
    pub(crate) fn answer_self(
        &mut self,
        account: AccountId,
        content: &Map<String, Value>,
        echo_delay: u64,
    ) -> Mid {
        let mid = self.counters.mid();
        let mut event = frame(account, account, self.now);
        event["message"] = with_mid(mid, &echo_content(content));
        event["message"]["is_echo"] = true.into();
        event["message"]["is_self"] = true.into();
        self.emit(account, Shape::Messaging, event, echo_delay);
        mid
    }
}

fn with_mid(mid: Mid, content: &Map<String, Value>) -> Value {
    let mut message = Map::new();
    message.insert("mid".into(), mid.to_string().into());
    message.extend(content.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(message)
}

/// An echo shows text and attachments; one attachment of a send becomes a list, quick replies are not shown.
fn echo_content(content: &Map<String, Value>) -> Map<String, Value> {
    let mut echo = Map::new();
    for (key, value) in content {
        match key.as_str() {
            "attachment" => echo.insert("attachments".into(), json!([value])),
            "text" | "attachments" => echo.insert(key.clone(), value.clone()),
            _ => None,
        };
    }
    echo
}
