//! Posts, reels, stories, ads and broadcasts.

use super::{AccountId, ObjectId, World};
use crate::sandbox::{control::Refused, limits::MEDIA_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Life of a story, milliseconds.
const STORY_LIFE: i64 = 24 * 3_600_000;

/// One post of any kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Media {
    pub(crate) id: ObjectId,
    pub(crate) account: AccountId,
    pub(crate) media_type: String,
    pub(crate) product_type: String,
    pub(crate) caption: Option<String>,
    /// Unix milliseconds.
    pub(crate) at: i64,
    pub(crate) comment_enabled: bool,
    /// The post that an ad was made of.
    pub(crate) original: Option<ObjectId>,
    pub(crate) likes: u64,
}

/// All media by id, and by account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct MediaShelf {
    by_id: BTreeMap<ObjectId, Media>,
    by_account: BTreeSet<(AccountId, ObjectId)>,
}

impl MediaShelf {
    pub(crate) fn get(&self, id: ObjectId) -> Option<&Media> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ObjectId) -> Option<&mut Media> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Media> {
        self.by_id.values()
    }

    /// Newest first, older than `before` when given.
    pub(crate) fn of(&self, account: AccountId, before: Option<ObjectId>) -> impl Iterator<Item = &Media> {
        let end = before.unwrap_or(ObjectId(u64::MAX));
        self.by_account
            .range((account, ObjectId(0))..(account, end))
            .rev()
            .filter_map(|(_, id)| self.by_id.get(id))
    }
}

impl Media {
    pub(crate) fn is_live_story(&self, now: i64) -> bool {
        self.product_type == "STORY" && now - self.at < STORY_LIFE
    }
}

/// What the control API gives for a new post.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMedia {
    pub(crate) account: String,
    #[serde(default = "image", rename = "type")]
    pub(crate) media_type: String,
    #[serde(default = "feed")]
    pub(crate) product_type: String,
    #[serde(default)]
    pub(crate) caption: Option<String>,
    /// The post that an ad copies.
    #[serde(default)]
    pub(crate) original: Option<String>,
}

fn image() -> String {
    "IMAGE".into()
}

fn feed() -> String {
    "FEED".into()
}

impl World {
    /// Publishes a post; product type `LIVE` starts a broadcast.
    pub(crate) fn publish(&mut self, new: NewMedia) -> Result<ObjectId, Refused> {
        let account = self.accounts.find(&new.account).ok_or(Refused::NotFound("account"))?;
        let original = match new.original.as_deref() {
            None => None,
            Some(text) => Some(
                ObjectId::parse(text)
                    .filter(|id| self.media.get(*id).is_some())
                    .ok_or(Refused::NotFound("original media"))?,
            ),
        };
        let id = self.counters.object();
        let at = self.now;
        self.place_media(Media {
            id,
            account,
            media_type: new.media_type,
            product_type: new.product_type,
            caption: new.caption,
            at,
            comment_enabled: true,
            original,
            likes: 3,
        })?;
        Ok(id)
    }

    pub(super) fn place_media(&mut self, media: Media) -> Result<(), Refused> {
        if self.media.by_id.len() >= MEDIA_MAX {
            return Err(Refused::Full("media"));
        }
        if media.product_type == "LIVE"
            && let Some(account) = self.accounts.get_mut(media.account)
        {
            account.live = Some(media.id);
        }
        self.media.by_account.insert((media.account, media.id));
        self.media.by_id.insert(media.id, media);
        Ok(())
    }
}
