//! Reads: who the account is, conversations, single messages, replies under a comment, persons.
//!
//! Everything read is as untrusted as a webhook, and cut to the same lengths.

use super::Client;
use crate::{
    errors::Target,
    ids::{AccountId, AccountIds, AppScopedId, CommentId, Igsid, MediaId, Mid, segment},
    json::Raw,
    outcome::{Answer, CallError, flat},
    time::UnixMillis,
    webhook::{decode::text, item::Text},
};
use reqwest::RequestBuilder;
use secrecy::SecretString;
use std::sync::Arc;

/// Conversations asked for per page (what is certain to be allowed).
pub const CONVERSATIONS_PER_PAGE: usize = 20;
/// The most elements read of any list in an answer.
pub const LIST_MAX: usize = 100;

const ME_FIELDS: &str =
    "id,user_id,username,name,account_type,profile_picture_url,followers_count,follows_count,media_count";
const CONVERSATION_FIELDS: &str = "id,updated_time,participants,messages.limit(20){id,created_time,from,to,message,attachments,is_unsupported}";
const MESSAGE_FIELDS: &str = "id,created_time,from,to,message,attachments,reply_to,is_unsupported";
const COMMENT_FIELDS: &str = "id,media{id,media_product_type}";
const REPLY_FIELDS: &str = "replies{id,text,username,timestamp}";
const PERSON_FIELDS: &str = "name,username,profile_pic,follower_count,is_user_follow_business,is_business_follow_user,is_verified_user";

/// The account behind a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// `id`.
    pub app_scoped: Option<AppScopedId>,
    /// `user_id`; missing for personal accounts, which can not be connected.
    pub professional: Option<AccountId>,
    /// Its name in URLs.
    pub username: Option<Arc<str>>,
    /// Its name as shown.
    pub name: Option<Arc<str>>,
    /// `BUSINESS`, `MEDIA_CREATOR`, or other; compare without case.
    pub account_type: Option<Arc<str>>,
    /// Its picture; expires.
    pub picture_url: Option<Arc<str>>,
    /// How many follow it.
    pub followers_count: Option<i64>,
    /// How many it follows.
    pub follows_count: Option<i64>,
    /// How many posts it has.
    pub media_count: Option<i64>,
}

impl Me {
    /// Both ids, if it is a professional account.
    #[must_use]
    pub fn account_ids(&self) -> Option<AccountIds> {
        let professional = self.professional.clone()?;
        Some(AccountIds { professional, app_scoped: self.app_scoped.clone() })
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub after: Option<String>,
}

/// Somebody in a conversation: a person, or the account itself by its professional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub id: Igsid,
    /// Their name in URLs.
    pub username: Option<Arc<str>>,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id; opaque.
    pub id: Option<Arc<str>>,
    /// When something last happened in it.
    pub updated_at: Option<UnixMillis>,
    /// Who is in it, the account too.
    pub participants: Vec<Participant>,
    /// Its newest messages, at most 20, newest first.
    pub messages: Vec<StoredMessage>,
}

/// A message as the platform keeps it. Only the 20 newest of a conversation can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub mid: Mid,
    /// When the platform took it.
    pub created_at: Option<UnixMillis>,
    /// Who wrote it.
    pub from: Option<Participant>,
    /// To whom.
    pub to: Vec<Participant>,
    /// Its text.
    pub text: Option<Text>,
    /// It has attachments.
    pub has_attachments: bool,
    /// One of them is a template.
    pub has_template: bool,
    /// The platform does not show it to apps.
    pub is_unsupported: bool,
}

/// A reply under a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentReply {
    /// Its id.
    pub id: CommentId,
    /// Its text.
    pub text: Option<Text>,
    /// Who wrote it.
    pub username: Option<Arc<str>>,
    /// When.
    pub created_at: Option<UnixMillis>,
}

/// Where a comment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentPlace {
    /// The post, or the ad's copy of it.
    pub media: Option<MediaId>,
    /// Its kind, for instance `FEED` or `LIVE`.
    pub media_product_type: Option<Arc<str>>,
}

/// A person. Every part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonProfile {
    /// Their name as shown.
    pub name: Option<Arc<str>>,
    /// Their name in URLs.
    pub username: Option<Arc<str>>,
    /// Their picture; expires within days.
    pub picture_url: Option<Arc<str>>,
    /// How many follow them.
    pub follower_count: Option<i64>,
    /// They follow the account.
    pub follows_account: Option<bool>,
    /// The account follows them.
    pub followed_by_account: Option<bool>,
    /// Verified by the platform.
    pub is_verified: Option<bool>,
}

pub(super) type Read<T> = Answer<Result<T, CallError>>;

impl Client {
    pub(super) async fn read<T>(
        &self,
        request: RequestBuilder,
        token: &SecretString,
        target: Target,
        parse: impl FnOnce(Raw<'_>) -> Option<T>,
    ) -> Read<T> {
        let response = match self.call(request, token).await {
            Ok(response) => response,
            Err(lost) => return Answer { value: Err(lost.into()), usage: Default::default() },
        };
        let unreadable = CallError::Unreadable { status: response.status };
        let value = response.success(target).and_then(|body| parse(body).ok_or(unreadable));
        Answer { value, usage: response.usage }
    }

    /// The account behind a token.
    pub async fn me(&self, token: &SecretString) -> Read<Me> {
        self.read(self.get("me", &[("fields", ME_FIELDS)]), token, Target::Object, |body| {
            Some(me(flat(body)))
        })
        .await
    }

    /// Conversations, the one that changed last first. At most one call per second per account (platform limit: two).
    pub async fn conversations(&self, token: &SecretString, after: Option<&str>) -> Read<Page<Conversation>> {
        let limit = CONVERSATIONS_PER_PAGE.to_string();
        let mut query = vec![("platform", "instagram"), ("fields", CONVERSATION_FIELDS), ("limit", &limit)];
        query.extend(after.map(|after| ("after", after)));
        // `me`, because the form with the account's id may answer with an empty list.
        self.read(self.get("me/conversations", &query), token, Target::Object, |body| {
            page(body, conversation)
        })
        .await
    }

    /// The conversation with one person, with its newest messages; `None` when there is none.
    pub async fn conversation_with(
        &self,
        token: &SecretString,
        person: &Igsid,
    ) -> Read<Option<Conversation>> {
        let query =
            [("platform", "instagram"), ("fields", CONVERSATION_FIELDS), ("user_id", person.as_str())];
        self.read(self.get("me/conversations", &query), token, Target::Person, |body| {
            Some(page(body, conversation)?.items.into_iter().next())
        })
        .await
    }

    /// One message.
    pub async fn message(&self, token: &SecretString, mid: &Mid) -> Read<StoredMessage> {
        let path = segment(mid.as_str()).to_string();
        let request = self.get(&path, &[("fields", MESSAGE_FIELDS)]);
        self.read(request, token, Target::Object, |body| stored_message(flat(body))).await
    }

    /// Below which post a comment stands.
    pub async fn comment_place(&self, token: &SecretString, comment: &CommentId) -> Read<CommentPlace> {
        let path = segment(comment.as_str()).to_string();
        let request = self.get(&path, &[("fields", COMMENT_FIELDS)]);
        self.read(request, token, Target::Object, |body| body.is_object().then(|| comment_place(flat(body))))
            .await
    }

    /// The replies under a comment, to find out whether one arrived.
    pub async fn comment_replies(
        &self,
        token: &SecretString,
        comment: &CommentId,
    ) -> Read<Vec<CommentReply>> {
        let path = segment(comment.as_str()).to_string();
        let request = self.get(&path, &[("fields", REPLY_FIELDS)]);
        self.read(request, token, Target::Object, |body| {
            body.is_object()
                .then(|| body.get("replies").map(|replies| list(replies, reply)).unwrap_or_default())
        })
        .await
    }

    /// A person's profile. A refusal of class `Done` means that they did not consent, or are not known: no error for
    /// anybody, try again after their next message.
    pub async fn person(&self, token: &SecretString, person: &Igsid) -> Read<PersonProfile> {
        let path = segment(person.as_str()).to_string();
        let request = self.get(&path, &[("fields", PERSON_FIELDS)]);
        self.read(request, token, Target::Person, |body| Some(profile(flat(body)))).await
    }
}

pub(super) fn label(body: Raw<'_>, name: &str) -> Option<Arc<str>> {
    body.get(name).and_then(text::label)
}

fn int(body: Raw<'_>, name: &str) -> Option<i64> {
    body.get(name).and_then(Raw::int)
}

pub(super) fn date(body: Raw<'_>, name: &str) -> Option<UnixMillis> {
    UnixMillis::from_iso8601(&body.get(name)?.str()?)
}

fn me(body: Raw<'_>) -> Me {
    Me {
        app_scoped: body.get("id").and_then(|id| AppScopedId::from_json(id).ok()),
        professional: body.get("user_id").and_then(|id| AccountId::from_json(id).ok()),
        username: label(body, "username"),
        name: label(body, "name"),
        account_type: label(body, "account_type"),
        picture_url: body.get("profile_picture_url").and_then(text::url),
        followers_count: int(body, "followers_count"),
        follows_count: int(body, "follows_count"),
        media_count: int(body, "media_count"),
    }
}

/// The elements of a list, bare or as `{"data":[…]}`; those that can not be read are left out.
pub(super) fn list<T>(body: Raw<'_>, read: impl Fn(Raw<'_>) -> Option<T>) -> Vec<T> {
    let list = body.get("data").unwrap_or(body);
    list.elements().flatten().filter_map(read).take(LIST_MAX).collect()
}

pub(super) fn page<T>(body: Raw<'_>, read: impl Fn(Raw<'_>) -> Option<T>) -> Option<Page<T>> {
    let data = body.get("data").filter(|data| data.bytes().first() == Some(&b'['))?;
    let items = list(data, read);
    let paging = body.get("paging");
    let has_next = paging.and_then(|paging| paging.get("next")).is_some();
    let cursor =
        paging.and_then(|paging| paging.get("cursors")?.get("after")?.str().map(|after| after.into_owned()));
    let is_last = !has_next || data.elements().next().is_none();
    Some(Page { items, after: cursor.filter(|_| !is_last) })
}

fn participant(body: Raw<'_>) -> Option<Participant> {
    Some(Participant { id: Igsid::from_json(body.get("id")?).ok()?, username: label(body, "username") })
}

fn conversation(body: Raw<'_>) -> Option<Conversation> {
    body.is_object().then(|| Conversation {
        id: label(body, "id"),
        updated_at: date(body, "updated_time"),
        participants: body.get("participants").map(|all| list(all, participant)).unwrap_or_default(),
        messages: body.get("messages").map(|all| list(all, stored_message)).unwrap_or_default(),
    })
}

/// A template says so by its type, or is a member of its own.
fn is_template(attachment: Raw<'_>) -> bool {
    let is_typed = label(attachment, "type").is_some_and(|kind| &*kind == "template");
    is_typed || attachment.get("generic_template").is_some()
}

fn stored_message(body: Raw<'_>) -> Option<StoredMessage> {
    let attachments = body.get("attachments").map(|all| all.get("data").unwrap_or(all));
    Some(StoredMessage {
        mid: Mid::from_json(body.get("id")?).ok()?,
        created_at: date(body, "created_time"),
        from: body.get("from").and_then(participant),
        to: body.get("to").map(|to| list(to, participant)).unwrap_or_default(),
        text: body.get("message").and_then(text::text),
        has_attachments: attachments.is_some_and(|all| all.elements().next().is_some()),
        has_template: attachments.is_some_and(|all| all.elements().flatten().any(is_template)),
        is_unsupported: body.get("is_unsupported").and_then(Raw::bool).unwrap_or(false),
    })
}

fn reply(body: Raw<'_>) -> Option<CommentReply> {
    Some(CommentReply {
        id: CommentId::from_json(body.get("id")?).ok()?,
        text: body.get("text").and_then(text::text),
        username: label(body, "username"),
        created_at: date(body, "timestamp"),
    })
}

fn comment_place(body: Raw<'_>) -> CommentPlace {
    let media = body.get("media");
    CommentPlace {
        media: media.and_then(|media| MediaId::from_json(media.get("id")?).ok()),
        media_product_type: media.and_then(|media| label(media, "media_product_type")),
    }
}

fn profile(body: Raw<'_>) -> PersonProfile {
    let flag = |name| body.get(name).and_then(Raw::bool);
    PersonProfile {
        name: label(body, "name"),
        username: label(body, "username"),
        picture_url: body.get("profile_pic").and_then(text::url),
        follower_count: int(body, "follower_count"),
        follows_account: flag("is_user_follow_business"),
        followed_by_account: flag("is_business_follow_user"),
        is_verified: flag("is_verified_user"),
    }
}
