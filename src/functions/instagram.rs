//! `instagram`: the connection, as it is stored. The platform is not asked on every look: that it does not answer says
//! nothing of a connection.

use super::{
    context::Writer,
    declare::{Done, Module, NoArgs, SignedOut, Style},
    failure::{CallError, Code, Failure},
    when::When,
};
use crate::posts::{self, PostsError};
use greenroom_actors::Timestamp;
use greenroom_actors::user::{
    Command,
    integration::{Integration, Status},
};
use greenroom_instagram::{
    client::{MEDIA_PER_PAGE_MAX, Media, Page},
    ids::MediaId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What reading posts may be refused with.
const READS: &[Code] =
    &[Code::Validation, Code::NotConnected, Code::InstagramTokenExpired, Code::InstagramError];
/// Posts of a page when nothing was said.
const POSTS_USUAL: f64 = 5.0;
/// Longest cursor that is passed on, in bytes.
const CURSOR_BYTES_MAX: usize = 1_024;

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("instagram", Style::Result)
        .mutation("disconnectInstagram", "Disconnects the account; contacts and history stay.", disconnect)
        .style(Style::Throws)
        .action("getRecentInstagramPosts", "The newest posts of the connected account.", recent_posts)
        .codes(READS)
        .action(
            "getInstagramPostPage",
            "A page of the posts of the connected account, newest first.",
            post_page,
        )
        .codes(READS)
        .action("getInstagramPostById", "One post; null when Instagram does not show it.", post_by_id)
        .codes(READS)
        .action(
            "getInstagramIntegration",
            "Whether Instagram is connected, and to which account.",
            integration,
        )
        .signed_out(SignedOut::Gets(r#"{"connected":false}"#))
}

/// The connection.
#[derive(Default, Serialize, JsonSchema)]
struct IntegrationView {
    connected: bool,
    /// The handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// Professional account id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Why it does not work any more, or what of it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<&Integration> for IntegrationView {
    fn from(known: &Integration) -> Self {
        let error = known.last_error.as_deref().map(str::to_owned);
        match known.status {
            Status::Disconnected => Self::default(),
            Status::Expired | Status::Revoked => {
                let error = error.unwrap_or_else(|| "the connection has ended: connect again".to_owned());
                Self { error: Some(error), ..Self::default() }
            }
            Status::Active | Status::Limited => Self {
                connected: true,
                username: Some(known.username.as_ref().to_owned()),
                id: Some(known.account.as_str().to_owned()),
                error,
            },
        }
    }
}

async fn integration(writer: Writer, _: NoArgs) -> Result<IntegrationView, CallError> {
    let user = writer.user().await?;
    Ok(user.integration.as_deref().map(IntegrationView::from).unwrap_or_default())
}

/// A post.
#[derive(Serialize, JsonSchema)]
struct PostView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<String>,
    /// `IMAGE`, `VIDEO` or `CAROUSEL_ALBUM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    /// `FEED`, `REELS`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    media_product_type: Option<String>,
    /// Expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_url: Option<String>,
    /// Expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permalink: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<When>,
}

impl From<&Media> for PostView {
    fn from(media: &Media) -> Self {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            id: media.id.as_str().to_owned(),
            caption: media.caption.as_ref().map(|caption| caption.value.as_ref().to_owned()),
            media_type: text(&media.media_type),
            media_product_type: text(&media.media_product_type),
            media_url: text(&media.media_url),
            thumbnail_url: text(&media.thumbnail_url),
            permalink: text(&media.permalink),
            timestamp: media.published_at.map(|at| When(Timestamp::from_millis(at.as_millis()))),
        }
    }
}

impl From<PostsError> for CallError {
    fn from(error: PostsError) -> Self {
        let code = match &error {
            PostsError::NotConnected => Code::NotConnected,
            PostsError::Ended => Code::InstagramTokenExpired,
            PostsError::Call(_) => Code::InstagramError,
            PostsError::Workspace(_) | PostsError::Sealed(_) => {
                tracing::error!(%error, "posts cannot be read");
                return crate::sync::Trouble::Internal.into();
            }
        };
        Failure::new(code, error.to_string()).into()
    }
}

/// How many posts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Recent {
    /// 5 unless said otherwise; taken into 1 to 25.
    #[serde(default)]
    limit: Option<f64>,
}

async fn recent_posts(writer: Writer, args: Recent) -> Result<Vec<PostView>, CallError> {
    Ok(read(&writer, args.limit, None).await?.items.iter().map(PostView::from).collect())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "taken into 1 to 25 before")]
async fn read(
    writer: &Writer,
    limit: Option<f64>,
    after: Option<Arc<str>>,
) -> Result<Arc<Page<Media>>, CallError> {
    let limit = limit.unwrap_or(POSTS_USUAL).clamp(1.0, f64::from(MEDIA_PER_PAGE_MAX)) as u8;
    let user = writer.user().await?;
    Ok(posts::page(writer.app(), writer.user_id(), &user, limit, after).await?)
}

/// Which page.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// 5 unless said otherwise; taken into 1 to 25.
    #[serde(default)]
    limit: Option<f64>,
    /// `after` of the page before; absent for the first one.
    #[serde(default)]
    after: Option<String>,
}

/// A page of posts.
#[derive(Serialize, JsonSchema)]
struct PostPage {
    posts: Vec<PostView>,
    /// Null on the last page.
    after: Option<String>,
}

async fn post_page(writer: Writer, args: Which) -> Result<PostPage, CallError> {
    if args.after.as_ref().is_some_and(|after| after.len() > CURSOR_BYTES_MAX) {
        return Err(Failure::field("after", "no cursor of a page").into());
    }
    let page = read(&writer, args.limit, args.after.map(Arc::from)).await?;
    Ok(PostPage { posts: page.items.iter().map(PostView::from).collect(), after: page.after.clone() })
}

/// Names a post.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByPostId {
    /// Which.
    post_id: String,
}

async fn post_by_id(writer: Writer, args: ByPostId) -> Result<Option<PostView>, CallError> {
    // What is no id names no post.
    let Ok(id) = MediaId::parse(args.post_id.trim()) else { return Ok(None) };
    let user = writer.user().await?;
    let found = posts::one(writer.app(), writer.user_id(), &user, &id).await?;
    Ok(found.as_ref().map(PostView::from))
}

/// What is not connected is disconnected already.
async fn disconnect(writer: Writer, _: NoArgs) -> Result<Done, CallError> {
    match writer.ask(Command::DisconnectInstagram, 0).await {
        Ok(_) => Ok(Done {}),
        Err(CallError::Failed(failure)) if failure.code == Code::NotConnected => Ok(Done {}),
        Err(error) => Err(error),
    }
}
