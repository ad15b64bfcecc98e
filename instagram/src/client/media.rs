//! The account's own posts.

use super::{
    Client,
    read::{Page, Read, date, label, page},
};
use crate::{
    errors::Target,
    ids::{MediaId, segment},
    json::Raw,
    outcome::flat,
    time::UnixMillis,
    webhook::{decode::text, item::Text},
};
use secrecy::SecretString;
use std::sync::Arc;

/// The most posts asked for per page.
pub const MEDIA_PER_PAGE_MAX: u8 = 25;

const MEDIA_FIELDS: &str =
    "id,caption,media_type,media_product_type,media_url,thumbnail_url,permalink,timestamp";

/// A post. Every part but the id may be missing; addresses of pictures expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its id.
    pub id: MediaId,
    /// Its words.
    pub caption: Option<Text>,
    /// `IMAGE`, `VIDEO` or `CAROUSEL_ALBUM`.
    pub media_type: Option<Arc<str>>,
    /// `FEED`, `REELS`, …
    pub media_product_type: Option<Arc<str>>,
    /// Picture or film; missing when somebody else has rights in it.
    pub media_url: Option<Arc<str>>,
    /// Picture of a film.
    pub thumbnail_url: Option<Arc<str>>,
    /// Its page.
    pub permalink: Option<Arc<str>>,
    /// When it was published.
    pub published_at: Option<UnixMillis>,
}

impl Client {
    /// Posts of the account, newest first: 1 to [`MEDIA_PER_PAGE_MAX`] on a page.
    pub async fn media(&self, token: &SecretString, limit: u8, after: Option<&str>) -> Read<Page<Media>> {
        let limit = limit.clamp(1, MEDIA_PER_PAGE_MAX).to_string();
        let mut query = vec![("fields", MEDIA_FIELDS), ("limit", &limit)];
        query.extend(after.map(|after| ("after", after)));
        self.read(self.get("me/media", &query), token, Target::Object, |body| page(body, media)).await
    }

    /// One post.
    pub async fn media_by_id(&self, token: &SecretString, id: &MediaId) -> Read<Media> {
        let path = segment(id.as_str()).to_string();
        let request = self.get(&path, &[("fields", MEDIA_FIELDS)]);
        self.read(request, token, Target::Object, |body| media(flat(body))).await
    }
}

fn media(body: Raw<'_>) -> Option<Media> {
    let url = |name| body.get(name).and_then(text::url);
    Some(Media {
        id: MediaId::from_json(body.get("id")?).ok()?,
        caption: body.get("caption").and_then(text::text),
        media_type: label(body, "media_type"),
        media_product_type: label(body, "media_product_type"),
        media_url: url("media_url"),
        thumbnail_url: url("thumbnail_url"),
        permalink: url("permalink"),
        published_at: date(body, "timestamp"),
    })
}
