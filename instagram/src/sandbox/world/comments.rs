//! Comments below posts.

use super::{AccountId, ObjectId, PersonId, World};
use crate::sandbox::{control::Refused, delivery::Shape, limits::COMMENTS_MAX};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Who wrote a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Author {
    /// A person.
    Person(PersonId),
    /// The product, through the API.
    Api,
    /// The owner, by hand.
    Owner,
}

/// One comment or reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: ObjectId,
    pub(crate) account: AccountId,
    pub(crate) media: ObjectId,
    pub(crate) author: Author,
    pub(crate) text: String,
    /// Unix milliseconds.
    pub(crate) at: i64,
    /// The top-level comment above a reply.
    pub(crate) parent: Option<ObjectId>,
    pub(crate) hidden: bool,
    /// Private replies given to it; the platform allows one.
    pub(crate) private_replies: u32,
}

/// All comments by id, by post and by parent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Comments {
    by_id: BTreeMap<ObjectId, Comment>,
    by_media: BTreeSet<(ObjectId, ObjectId)>,
    by_parent: BTreeSet<(ObjectId, ObjectId)>,
}

impl Comments {
    pub(crate) fn get(&self, id: ObjectId) -> Option<&Comment> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ObjectId) -> Option<&mut Comment> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Comment> {
        self.by_id.values()
    }

    /// Top-level comments of a post, newest first, older than `before` when given.
    pub(crate) fn of_media(
        &self,
        media: ObjectId,
        before: Option<ObjectId>,
    ) -> impl Iterator<Item = &Comment> {
        let end = before.unwrap_or(ObjectId(u64::MAX));
        self.by_media.range((media, ObjectId(0))..(media, end)).rev().filter_map(|(_, id)| self.by_id.get(id))
    }

    pub(crate) fn count_of_media(&self, media: ObjectId) -> usize {
        self.by_media.range((media, ObjectId(0))..=(media, ObjectId(u64::MAX))).count()
    }

    /// Replies below a comment, oldest first.
    pub(crate) fn replies(&self, parent: ObjectId) -> impl Iterator<Item = &Comment> {
        self.by_parent
            .range((parent, ObjectId(0))..=(parent, ObjectId(u64::MAX)))
            .filter_map(|(_, id)| self.by_id.get(id))
    }

    /// Removes a comment with its replies; false when unknown.
    pub(crate) fn remove(&mut self, id: ObjectId) -> bool {
        let Some(comment) = self.by_id.remove(&id) else { return false };
        match comment.parent {
            Some(parent) => self.by_parent.remove(&(parent, id)),
            None => self.by_media.remove(&(comment.media, id)),
        };
        let replies: Vec<ObjectId> = self.replies(id).map(|reply| reply.id).collect();
        for reply in replies {
            self.remove(reply);
        }
        true
    }
}

impl World {
    /// Adds a comment and tells the product. `parent` may be a reply: it is then replaced by its top-level comment.
    pub(crate) fn write_comment(
        &mut self,
        media: ObjectId,
        author: Author,
        text: String,
        parent: Option<ObjectId>,
    ) -> Result<ObjectId, Refused> {
        if self.comments.by_id.len() >= COMMENTS_MAX {
            return Err(Refused::Full("comments"));
        }
        let account = self.media.get(media).ok_or(Refused::NotFound("media"))?.account;
        let parent = match parent {
            None => None,
            Some(parent) => {
                let above = self.comments.get(parent).ok_or(Refused::NotFound("parent comment"))?;
                Some(above.parent.unwrap_or(above.id))
            }
        };
        let id = self.counters.object();
        match parent {
            Some(parent) => self.comments.by_parent.insert((parent, id)),
            None => self.comments.by_media.insert((media, id)),
        };
        let at = self.now;
        let comment =
            Comment { id, account, media, author, text, at, parent, hidden: false, private_replies: 0 };
        let value = self.comment_event(&comment);
        let live = self.media.get(media).is_some_and(|media| media.product_type == "LIVE");
        self.comments.by_id.insert(id, comment);
        if self.accounts.get(account).is_some_and(|account| account.public) {
            let field = if live { "live_comments" } else { "comments" };
            self.emit(account, Shape::Change(field.into()), value, 0);
        }
        Ok(id)
    }

    fn comment_event(&mut self, comment: &Comment) -> Value {
        let mut value = json!({"id": comment.id.to_string(), "text": comment.text});
        value["from"] = match comment.author {
            Author::Person(person) => {
                let igsid = self.igsid(comment.account, person);
                let username = self.people.get(person).map_or("", |person| &person.username);
                json!({"id": igsid.to_string(), "username": username})
            }
            Author::Api | Author::Owner => {
                let username = self.accounts.get(comment.account).map_or("", |account| &account.username);
                json!({"id": comment.account.to_string(), "username": username,
                    "self_ig_scoped_id": comment.account.to_string()})
            }
        };
        if let Some(parent) = comment.parent {
            value["parent_id"] = parent.to_string().into();
        }
        if let Some(media) = self.media.get(comment.media) {
            value["media"] =
                json!({"id": media.id.to_string(), "media_product_type": media.product_type.clone()});
            if media.product_type == "AD" {
                value["media"]["ad_id"] = format!("1200000{}", media.id.0 % 100_000_000).into();
                value["media"]["ad_title"] = media.caption.clone().unwrap_or_default().into();
            }
            if let Some(original) = media.original {
                value["media"]["original_media_id"] = original.to_string().into();
            }
        }
        value
    }
}
