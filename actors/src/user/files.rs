//! Files that the owner uploaded: what is known of them, how many there may be, and when they go.
//!
//! The bytes lie in a store outside, under a name that follows from the id and what the bytes are. They are there before
//! the file is known here, and go after it is forgotten: a crash leaves bytes that nothing names, which are swept outside.
//! Whoever has the id has the file; ids are drawn so that nobody guesses one, and are claims in the directory.

use super::{Rejection, Reply, User, UserEffect, UserEvent};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError, Response},
};
use greenroom_persistence::DirectoryChange;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Most files of one workspace.
pub const FILES_MAX: usize = 500;
/// Most bytes of all files of one workspace (product rule).
pub const FILES_BYTES_MAX: u64 = 200 * 1_024 * 1_024;
/// Most uploads in [`UPLOADS_WITHIN`] (product rule).
pub const UPLOADS_MAX: usize = 20;
/// The span in which they are counted.
pub const UPLOADS_WITHIN: Duration = Duration::from_secs(3_600);
/// A file that nothing uses by then goes (product rule); one that is used is looked at again after as long.
pub const UNUSED_FOR: Duration = Duration::from_secs(86_400);
/// A picture that was replaced goes after this (product rule).
pub const REPLACED_FOR: Duration = Duration::from_secs(7 * 86_400);
/// Files looked at by one tick; the rest follows in the next one, at once.
const LOOKS_PER_TICK_MAX: usize = 32;
/// Prefix of the directory names of files.
pub const CLAIM_PREFIX: &str = "file/";

/// Id of a file: letters and digits that nobody guesses.
pub type FileId = Arc<str>;

/// Name of a file in the directory.
#[must_use]
pub fn file_claim(id: &str) -> String {
    format!("{CLAIM_PREFIX}{id}")
}

/// What a file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Picture of the owner.
    ProfilePicture,
    /// Picture of an element of an automation's template.
    AutomationTemplate,
    /// Any bytes; never shown as a page.
    #[default]
    Attachment,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its id.
    pub id: FileId,
    /// What it is for.
    pub purpose: Purpose,
    /// Media type, as it is served.
    pub content_type: Arc<str>,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// When it came.
    pub created_at: Timestamp,
    /// When it is looked at whether anything uses it; `None` while it is the owner's picture.
    pub due: Option<Timestamp>,
}

/// A file whose bytes are in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewFile {
    /// Its id.
    pub id: FileId,
    /// What it is for.
    pub purpose: Purpose,
    /// Media type.
    pub content_type: Arc<str>,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// What can be asked about files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileCommand {
    /// Take a file in, whose bytes are in the store. The same file again changes nothing.
    Store(NewFile),
    /// Delete a file: nobody gets it from now on.
    Delete(FileId),
    /// Show a file as the owner's picture, or none. The one before goes after [`REPLACED_FOR`].
    UseAsPicture(Option<FileId>),
}

/// What happened to files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileEvent {
    /// A file came.
    Stored(Arc<FileRecord>),
    /// A file is gone.
    Dropped(FileId),
    /// A file is used, and is looked at again.
    Kept {
        /// Which.
        id: FileId,
        /// When it is looked at.
        until: Timestamp,
    },
    /// The owner's picture is another one, or none of ours.
    PictureSet {
        /// Which.
        id: Option<FileId>,
        /// When the one before is looked at.
        former_until: Timestamp,
    },
}

/// Files by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// At most [`FILES_MAX`].
    all: OrdMap<FileId, Arc<FileRecord>>,
    /// The owner's picture.
    #[serde(default)]
    picture: Option<FileId>,
    /// Instants of the last uploads, oldest first. At most [`UPLOADS_MAX`].
    #[serde(default)]
    uploads: Arc<Vec<Timestamp>>,
}

impl Files {
    /// There never were any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.uploads.is_empty()
    }

    /// One file.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<FileRecord>> {
        self.all.get(id)
    }

    /// All files.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<FileRecord>> {
        self.all.values()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.all.values().map(|file| file.bytes).sum()
    }

    /// Whether a file of this length would be taken in now.
    ///
    /// # Errors
    /// When there are too many files or bytes, or were too many uploads.
    pub fn check_room(&self, now: Timestamp, bytes: u64) -> Result<(), Rejection> {
        let full = |message| Rejection::Invalid(vec![FieldError::new("file", FieldCode::TooMany, message)]);
        if self.all.len() >= FILES_MAX {
            return Err(full("at most 500 files"));
        }
        if self.bytes().saturating_add(bytes) > FILES_BYTES_MAX {
            return Err(full("at most 200 MB in all files"));
        }
        let first = self.uploads.len().checked_sub(UPLOADS_MAX).and_then(|first| self.uploads.get(first));
        match first.map(|first| *first + UPLOADS_WITHIN).filter(|again| *again > now) {
            Some(again) => Err(Rejection::TooSoon { retry_after: again.since(now) }),
            None => Ok(()),
        }
    }

    /// When a file is looked at.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.all.values().filter_map(|file| file.due).min()
    }

    /// Nothing changed since the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.all.ptr_eq(&other.all) && self.picture == other.picture
    }

    pub(super) fn fold(&mut self, event: &FileEvent) {
        match event {
            FileEvent::Stored(file) => {
                self.all.insert(Arc::clone(&file.id), Arc::clone(file));
                let uploads = Arc::make_mut(&mut self.uploads);
                uploads.push(file.created_at);
                let surplus = uploads.len().saturating_sub(UPLOADS_MAX);
                uploads.drain(..surplus);
            }
            FileEvent::Dropped(id) => {
                self.all.remove(id);
                if self.picture.as_ref() == Some(id) {
                    self.picture = None;
                }
            }
            FileEvent::Kept { id, until } => self.set_due(id, Some(*until)),
            FileEvent::PictureSet { id, former_until } => {
                if let Some(former) = self.picture.take() {
                    self.set_due(&former, Some(*former_until));
                }
                if let Some(id) = id {
                    self.set_due(id, None);
                }
                self.picture.clone_from(id);
            }
        }
    }

    fn set_due(&mut self, id: &FileId, due: Option<Timestamp>) {
        if let Some(file) = self.all.get_mut(id) {
            Arc::make_mut(file).due = due;
        }
    }
}

/// Decides what was asked about files.
pub(super) fn decide(
    draft: &mut Draft<User>,
    now: Timestamp,
    command: &FileCommand,
) -> Result<Reply, Rejection> {
    match command {
        FileCommand::Store(new) => store(draft, now, new)?,
        FileCommand::Delete(id) => {
            if draft.files.get(id).is_none() {
                return Err(Rejection::NoEntry("file"));
            }
            drop_file(draft, id);
        }
        FileCommand::UseAsPicture(id) => {
            if id.as_ref().is_some_and(|id| draft.files.get(id).is_none()) {
                return Err(Rejection::NoEntry("file"));
            }
            if draft.files.picture != *id {
                let former_until = now + REPLACED_FOR;
                emit(draft, FileEvent::PictureSet { id: id.clone(), former_until });
            }
        }
    }
    Ok(Reply::Done)
}

fn store(draft: &mut Draft<User>, now: Timestamp, new: &NewFile) -> Result<(), Rejection> {
    if let Some(known) = draft.files.get(&new.id) {
        // The answer to the first one may have been lost.
        return if known.sha256 == new.sha256 {
            Ok(())
        } else {
            let error = FieldError::new("file", FieldCode::Duplicate, "this upload was made already");
            Err(Rejection::Invalid(vec![error]))
        };
    }
    draft.files.check_room(now, new.bytes)?;
    draft.directory(DirectoryChange::Claim(file_claim(&new.id)));
    let file = FileRecord {
        id: Arc::clone(&new.id),
        purpose: new.purpose,
        content_type: Arc::clone(&new.content_type),
        bytes: new.bytes,
        sha256: new.sha256,
        created_at: now,
        due: Some(now + UNUSED_FOR),
    };
    emit(draft, FileEvent::Stored(Arc::new(file)));
    Ok(())
}

fn emit(draft: &mut Draft<User>, event: FileEvent) {
    draft.emit(UserEvent::Files(Arc::new(event)));
}

/// Its bytes are asked to be deleted once; should that fail, the sweep outside finds them.
fn drop_file(draft: &mut Draft<User>, id: &FileId) {
    draft.directory(DirectoryChange::Release(file_claim(id)));
    emit(draft, FileEvent::Dropped(Arc::clone(id)));
    draft.effect(UserEffect::DeleteFile(Arc::clone(id)));
}

/// Looks at files that are due: those that nothing uses go.
pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    let is_due = |file: &&Arc<FileRecord>| file.due.is_some_and(|due| due <= now);
    let due: Vec<FileId> =
        draft.files.iter().filter(is_due).take(LOOKS_PER_TICK_MAX).map(|file| Arc::clone(&file.id)).collect();
    for id in &due {
        if draft.shows_file(id) {
            emit(draft, FileEvent::Kept { id: Arc::clone(id), until: now + UNUSED_FOR });
        } else {
            drop_file(draft, id);
        }
    }
}

/// Everything is erased: the names are given back in the same record. Whoever erases the workspace erases the bytes too.
pub(super) fn release_all(draft: &mut Draft<User>) {
    let names: Vec<String> = draft.files.iter().map(|file| file_claim(&file.id)).collect();
    for name in names {
        draft.directory(DirectoryChange::Release(name));
    }
}

impl User {
    /// An automation shows the file. Ids occur in addresses only.
    fn shows_file(&self, id: &str) -> bool {
        let shows = |response: &Response| match response {
            Response::GenericTemplate(_) | Response::Invalid(_) => response.content().contains(id),
            Response::Fixed(fixed) => fixed.text.contains(id),
            Response::AiPrompt(prompt) => prompt.prompt.contains(id),
        };
        self.list_automations().iter().any(|automation| shows(&automation.content.response))
    }
}
