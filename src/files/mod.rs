//! Uploads: bytes come in by a signed right, are checked and written anew, lie in an object store, and are known to the
//! workspace of their owner.
//!
//! First the bytes, then the record: what a crash leaves between is swept a day later. A name in the store follows from the
//! owner, the id and the bytes, so nothing is ever replaced there.

mod picture;
mod store;
mod sweep;
mod token;

pub use picture::PictureError;
pub use store::{FileStore, StoreError};
pub use sweep::keep_up;
pub use token::{TokenError, Upload, UploadKey};

use crate::{parts::App, places::Places};
use bytes::Bytes;
use greenroom_actors::{
    identity::Identity,
    shell::AskError,
    user::{
        self, User,
        files::{FileCommand, NewFile, Purpose},
    },
};
use picture::Rules;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// Pictures worked on at once, each on a thread that may block.
const PICTURES_AT_ONCE: usize = 2;
/// Uploads in memory at once.
const UPLOADS_AT_ONCE: usize = 32;
/// Uploads of one owner at once: whoever sends slowly holds up nobody else.
const UPLOADS_OF_OWNER_AT_ONCE: usize = 4;
/// Longest media type that is kept, in bytes.
const TYPE_BYTES_MAX: usize = 100;
const MIB: usize = 1_024 * 1_024;

/// Most bytes of an upload (product contract, section 12).
#[must_use]
pub const fn bytes_max(purpose: Purpose) -> usize {
    match purpose {
        Purpose::ProfilePicture => 5 * MIB,
        Purpose::AutomationTemplate | Purpose::Attachment => 8 * MIB,
    }
}

const fn rules(purpose: Purpose) -> Option<Rules> {
    match purpose {
        Purpose::ProfilePicture => Some(Rules { side_max: 1_024, shrinks: true, moves: false }),
        Purpose::AutomationTemplate => Some(Rules { side_max: 4_096, shrinks: false, moves: true }),
        Purpose::Attachment => None,
    }
}

/// What uploads need.
pub struct Uploads {
    /// Where bytes lie.
    pub store: FileStore,
    /// Signs rights.
    pub key: UploadKey,
    /// Room for bytes in memory, by owner.
    pub room: Places,
    pictures: Semaphore,
}

impl Uploads {
    /// With this store, and rights signed by this key.
    #[must_use]
    pub fn new(store: FileStore, key: UploadKey) -> Self {
        let room = Places::new(UPLOADS_AT_ONCE, UPLOADS_OF_OWNER_AT_ONCE);
        Self { store, key, room, pictures: Semaphore::new(PICTURES_AT_ONCE) }
    }
}

/// Why a file was not taken in. Nothing can be seen of it.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is no such user any more.
    #[error("there is no such user")]
    NoUser,
    /// It is too long.
    #[error("at most {0} bytes")]
    TooLarge(usize),
    /// It is not what its digest says.
    #[error("the bytes are not those that the digest was made of")]
    Digest,
    /// It is no picture that may be shown.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workspace does not take it: too many, or too often.
    #[error(transparent)]
    Ask(#[from] AskError<User>),
    /// It is not known just now whether there is such a user.
    #[error(transparent)]
    Identity(#[from] AskError<Identity>),
    /// A thread ended.
    #[error("the picture could not be worked on")]
    Broken,
}

/// Takes a file in. The same upload again is the same file.
///
/// # Errors
/// See [`UploadError`].
pub async fn take_in(
    app: &App,
    upload: &Upload,
    bytes: Bytes,
    declared: Option<&str>,
    digest: Option<[u8; 32]>,
) -> Result<(), UploadError> {
    if bytes.len() > bytes_max(upload.purpose) {
        return Err(UploadError::TooLarge(bytes_max(upload.purpose)));
    }
    let sent: [u8; 32] = Sha256::digest(&bytes).into();
    if digest.is_some_and(|digest| digest != sent) {
        return Err(UploadError::Digest);
    }
    check_owner(app, upload, bytes.len()).await?;
    let (bytes, content_type) = match rules(upload.purpose) {
        Some(rules) => {
            let (bytes, kind) = renew(app, bytes, rules).await?;
            (bytes, kind.to_owned())
        }
        None => (bytes, media_type(declared)),
    };
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let file = NewFile {
        id: upload.id.as_str().into(),
        purpose: upload.purpose,
        content_type: content_type.into(),
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        sha256,
    };
    // The bytes of a file that is known are there, and others are none of its.
    if app.users.published(&upload.user_id).await?.state.files.get(&upload.id).is_none() {
        app.uploads.store.put(&upload.user_id, &file.id, &sha256, bytes).await?;
    }
    // Pictures take a while: the owner may have left meanwhile.
    check_owner(app, upload, 0).await?;
    let command = user::Command::Files(FileCommand::Store(file));
    match app.users.ask(&upload.user_id, command, 0).await {
        Ok(_) => Ok(()),
        Err(error) => {
            if matches!(error, AskError::Rejected(_)) {
                discard(app, upload, &sha256).await;
            }
            Err(error.into())
        }
    }
}

/// Another upload by the same right was first: the bytes of this one lie beside its, and the sweep takes only those whose
/// id nobody has.
async fn discard(app: &App, upload: &Upload, sha256: &[u8; 32]) {
    let Ok(now) = app.users.published(&upload.user_id).await else { return };
    if now.state.files.get(&upload.id).is_none_or(|winner| winner.sha256 == *sha256) {
        return;
    }
    if let Err(error) = app.uploads.store.discard(&upload.user_id, &upload.id, sha256).await {
        tracing::warn!(%error, "bytes of an upload that came second are not deleted");
    }
}

/// Looks before the work whether it can come to anything; the workspace decides afterwards.
async fn check_owner(app: &App, upload: &Upload, bytes: usize) -> Result<(), UploadError> {
    let identity = app.identities.published(&upload.user_id).await?;
    if identity.state.user().is_none() {
        return Err(UploadError::NoUser);
    }
    let files = &app.users.published(&upload.user_id).await?.state.files;
    if files.get(&upload.id).is_none() {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        files.check_room(app.clock.now(), bytes).map_err(AskError::<User>::Rejected)?;
    }
    Ok(())
}

async fn renew(app: &App, bytes: Bytes, rules: Rules) -> Result<(Bytes, &'static str), UploadError> {
    let _turn = app.uploads.pictures.acquire().await.map_err(|_| UploadError::Broken)?;
    let renewed = tokio::task::spawn_blocking(move || picture::renew(&bytes, rules)).await;
    let (bytes, kind) = renewed.map_err(|_| UploadError::Broken)??;
    Ok((bytes.into(), kind))
}

/// What the client says an attachment is. It is never shown as a page, whatever it says.
fn media_type(declared: Option<&str>) -> String {
    let is_plain = |text: &&str| {
        text.len() <= TYPE_BYTES_MAX && text.contains('/') && text.bytes().all(|b| (0x20..0x7f).contains(&b))
    };
    declared.filter(is_plain).unwrap_or("application/octet-stream").to_owned()
}

/// Address of a file.
#[must_use]
pub fn url(app: &App, id: &str) -> String {
    format!("{}/api/storage/{id}", app.auth.origins.own())
}

/// The file that an address of ours names.
#[must_use]
pub fn id_of_url<'a>(app: &App, url: &'a str) -> Option<&'a str> {
    url.strip_prefix(app.auth.origins.own())?.strip_prefix("/api/storage/").filter(|id| is_id(id))
}

/// The text may be the id of a file.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
