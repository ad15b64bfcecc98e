//! Where bytes lie: a folder, or a service.

use crate::config::{Config, Files};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use greenroom_actors::user::files::FileRecord;
use greenroom_persistence::folder;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path,
};
use sha2::{Digest, Sha256};
use std::{fmt::Write, ops::Range, sync::Arc};

/// Folder of uploads beside the data.
const FOLDER: &str = "files";

/// The store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The bytes are not there.
    #[error("the file is not there")]
    Missing,
    /// It failed.
    #[error("file store: {0}")]
    Failed(object_store::Error),
    /// The folder cannot be made.
    #[error("file store: {0}")]
    Folder(#[from] std::io::Error),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Failed(other),
        }
    }
}

/// Bytes by owner and id.
#[derive(Clone)]
pub struct FileStore(Arc<dyn ObjectStore>);

impl FileStore {
    /// The store of the configuration.
    ///
    /// # Errors
    /// When its folder cannot be made, or the service cannot be named.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        let files = &config.files;
        if files.store == "s3" {
            return service(files).map(Self);
        }
        let dir = match files.folder.as_os_str().is_empty() {
            true => config.data.dir.join(FOLDER),
            false => files.folder.clone(),
        };
        folder::create_private(&dir)?;
        // Durable before the workspace knows of it.
        let store = LocalFileSystem::new_with_prefix(&dir)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self(Arc::new(store)))
    }

    pub(super) async fn put(
        &self,
        owner: &str,
        id: &str,
        sha256: &[u8; 32],
        bytes: Bytes,
    ) -> Result<(), StoreError> {
        self.0.put(&location(owner, id, sha256), PutPayload::from(bytes)).await?;
        Ok(())
    }

    /// Bytes of a file, as they come.
    ///
    /// # Errors
    /// When they are not there, or the store does not answer.
    pub async fn get(
        &self,
        owner: &str,
        file: &FileRecord,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.0.get_opts(&location(owner, &file.id, &file.sha256), options).await?;
        Ok(found.into_stream().map_err(StoreError::from).boxed())
    }

    /// Deletes these bytes of a file, and no others.
    pub(super) async fn discard(&self, owner: &str, id: &str, sha256: &[u8; 32]) -> Result<(), StoreError> {
        self.remove(&location(owner, id, sha256)).await
    }

    /// Deletes the bytes of one file.
    ///
    /// # Errors
    /// When the store does not do it. What is not there is deleted.
    pub async fn delete(&self, owner: &str, id: &str) -> Result<(), StoreError> {
        let of_file = |path: &Path| id_of(path) == Some(id);
        self.delete_where(owner, of_file).await
    }

    /// Deletes everything of an owner.
    ///
    /// # Errors
    /// As [`FileStore::delete`].
    pub async fn delete_all(&self, owner: &str) -> Result<(), StoreError> {
        self.delete_where(owner, |_| true).await
    }

    async fn delete_where(&self, owner: &str, is_meant: impl Fn(&Path) -> bool) -> Result<(), StoreError> {
        let folder = Path::from(folder_of(owner));
        let found: Vec<ObjectMeta> = self.0.list(Some(&folder)).try_collect().await?;
        for object in found.into_iter().filter(|object| is_meant(&object.location)) {
            self.remove(&object.location).await?;
        }
        Ok(())
    }

    pub(super) async fn remove(&self, location: &Path) -> Result<(), StoreError> {
        match self.0.delete(location).await.map_err(StoreError::from) {
            Ok(()) | Err(StoreError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn list(&self) -> impl Stream<Item = Result<ObjectMeta, StoreError>> + use<> {
        self.0.list(None).map_err(StoreError::from)
    }
}

fn service(files: &Files) -> Result<Arc<dyn ObjectStore>, StoreError> {
    // The client of the store asks for the provider of the process; another one may be there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&files.s3_bucket)
        .with_region(&files.s3_region)
        .with_access_key_id(&files.s3_key_id)
        .with_secret_access_key(files.s3_key.expose());
    if !files.s3_endpoint.is_empty() {
        builder = builder
            .with_allow_http(files.s3_endpoint.starts_with("http://"))
            .with_endpoint(files.s3_endpoint.trim_end_matches('/'));
    }
    Ok(Arc::new(builder.build()?))
}

/// Ids of users can be any text; what they are hashed to is the name of a folder everywhere.
fn folder_of(owner: &str) -> String {
    hex(&Sha256::digest(owner.as_bytes())[..16])
}

fn location(owner: &str, id: &str, sha256: &[u8; 32]) -> Path {
    Path::from_iter([folder_of(owner), format!("{id}.{}", hex(&sha256[..8]))])
}

/// The file that lies there.
pub(super) fn id_of(path: &Path) -> Option<&str> {
    path.filename()?.split_once('.').map(|(id, _)| id)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
