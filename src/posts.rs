//! The posts of connected accounts, read from the platform and kept for a minute: pickers ask again and again.

use crate::{outlets::TOKEN_FIELD, parts::App};
use greenroom_actors::{
    Entity, Timestamp,
    user::{
        User,
        integration::{Integration, Status},
    },
};
use greenroom_instagram::{
    client::{Media, Page},
    errors::ErrorClass,
    ids::MediaId,
    outcome::CallError,
};
use greenroom_persistence::{
    EntityId, EntityIdError,
    secret::{Field, SecretError},
};
use moka::sync::Cache;
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};

/// Pages kept in memory; the least used are dropped.
const PAGES_MAX: u64 = 1_024;
/// Time for which a page is good (product contract, section 3.5).
const KEPT_FOR: Duration = Duration::from_secs(60);

/// What was asked, of which connection: a page of one is never shown for another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    workspace: Arc<str>,
    account: Arc<str>,
    connected_at: Timestamp,
    asked: Asked,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Asked {
    Page { limit: u8, after: Option<Arc<str>> },
    One(Arc<str>),
}

/// Pages that were read lately.
pub struct Posts(Cache<Key, Arc<Page<Media>>>);

impl Default for Posts {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(PAGES_MAX).time_to_live(KEPT_FOR).build())
    }
}

/// Why there are no posts.
#[derive(Debug, thiserror::Error)]
pub enum PostsError {
    /// No account is connected.
    #[error("Instagram is not connected")]
    NotConnected,
    /// The connection has ended.
    #[error("Instagram does not take the connection any more: connect again")]
    Ended,
    /// The key of the workspace is none.
    #[error(transparent)]
    Workspace(#[from] EntityIdError),
    /// The stored token cannot be opened.
    #[error("the stored token cannot be opened: {0}")]
    Sealed(#[from] SecretError),
    /// The platform refused, or did not answer.
    #[error("Instagram: {0}")]
    Call(CallError),
}

impl From<CallError> for PostsError {
    fn from(error: CallError) -> Self {
        match &error {
            CallError::Refused(refusal) if refusal.class == ErrorClass::Token => Self::Ended,
            _ => Self::Call(error),
        }
    }
}

/// One page of the posts of the connected account, newest first.
///
/// # Errors
/// See [`PostsError`].
pub async fn page(
    app: &App,
    workspace: &str,
    user: &User,
    limit: u8,
    after: Option<Arc<str>>,
) -> Result<Arc<Page<Media>>, PostsError> {
    let known = connection(user, app.clock.now())?;
    let key = key(workspace, known, Asked::Page { limit, after: after.clone() });
    if let Some(page) = app.posts.0.get(&key) {
        return Ok(page);
    }
    let token = open(app, workspace, known)?;
    let page = Arc::new(app.client.media(&token, limit, after.as_deref()).await.value?);
    app.posts.0.insert(key, Arc::clone(&page));
    Ok(page)
}

/// One post; `None` when the platform does not show it.
///
/// # Errors
/// See [`PostsError`].
pub async fn one(app: &App, workspace: &str, user: &User, id: &MediaId) -> Result<Option<Media>, PostsError> {
    let known = connection(user, app.clock.now())?;
    let key = key(workspace, known, Asked::One(id.as_str().into()));
    if let Some(page) = app.posts.0.get(&key) {
        return Ok(page.items.first().cloned());
    }
    let token = open(app, workspace, known)?;
    let found = match app.client.media_by_id(&token, id).await.value {
        Ok(media) => Some(media),
        Err(CallError::Refused(refusal)) if refusal.class != ErrorClass::Token => None,
        Err(error) => return Err(error.into()),
    };
    let page = Page { items: found.iter().cloned().collect(), after: None };
    app.posts.0.insert(key, Arc::new(page));
    Ok(found)
}

fn connection(user: &User, now: Timestamp) -> Result<&Integration, PostsError> {
    let known = user.integration.as_deref().filter(|known| !known.is_disconnected());
    let known = known.ok_or(PostsError::NotConnected)?;
    let works = matches!(known.status, Status::Active | Status::Limited) && now < known.expires_at;
    if works { Ok(known) } else { Err(PostsError::Ended) }
}

fn key(workspace: &str, known: &Integration, asked: Asked) -> Key {
    Key {
        workspace: workspace.into(),
        account: known.account.as_str().into(),
        connected_at: known.connected_at,
        asked,
    }
}

fn open(app: &App, workspace: &str, known: &Integration) -> Result<SecretString, PostsError> {
    let entity = EntityId::new(User::KIND, workspace)?;
    let field = Field { tenant: entity.as_str(), name: TOKEN_FIELD };
    let token = app.keyring.open(field, known.token.as_str())?;
    app.noticed.opened(&entity, &known.token);
    Ok(SecretString::from(token.as_str()))
}
