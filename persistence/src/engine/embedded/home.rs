//! The data folder: what lies where, who may use it, which format it has.
//!
//! ```text
//! LOCK  FORMAT  CLEAN  journal/*.seg  checkpoint/*.ckpt  sled/<generation>/
//! ```

use super::{OpenError, checkpoint, segment};
use crate::{Position, folder};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

const FORMAT: &str = "greenroom data 1\n";

#[derive(Clone, Debug)]
pub(super) struct Home {
    root: PathBuf,
}

pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    |error| OpenError::Io { path, error }
}

impl Home {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The mark of a clean stop.
    pub(super) fn clean(&self) -> PathBuf {
        self.root.join("CLEAN")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    fn sets(&self) -> PathBuf {
        self.root.join("sled")
    }

    pub(super) fn set(&self, generation: u64) -> PathBuf {
        self.sets().join(generation.to_string())
    }

    /// Where a copy of the working set is looked at.
    pub(super) fn scratch(&self) -> PathBuf {
        self.root.join("verify.tmp")
    }

    /// Makes the folder ready for writing and locks it.
    pub(super) fn prepare(&self) -> Result<File, OpenError> {
        folder::create_private(&self.root).map_err(io_error(&self.root))?;
        if folder::is_open_to_others(&self.root) {
            tracing::warn!(folder = %self.root.display(), "the data folder can be read by others than its owner");
        }
        let lock = self.lock()?;
        let format = self.root.join("FORMAT");
        if !format.exists() {
            self.write_format(&format).map_err(io_error(&format))?;
        }
        self.check_format()?;
        for path in [self.journal(), self.checkpoints(), self.sets()] {
            folder::create_private(&path).map_err(io_error(&path))?;
        }
        self.remove_scratch()?;
        segment::sync_folder(&self.root).map_err(io_error(&self.root))?;
        if let Some(parent) = self.root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            segment::sync_folder(parent).map_err(io_error(parent))?;
        }
        Ok(lock)
    }

    /// What a look at the working set left behind that was killed.
    fn remove_scratch(&self) -> Result<(), OpenError> {
        match fs::remove_dir_all(self.scratch()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&self.scratch())(error)),
            _ => Ok(()),
        }
    }

    fn write_format(&self, format: &Path) -> io::Result<()> {
        let draft = self.root.join("FORMAT.tmp");
        fs::write(&draft, FORMAT)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, format)
    }

    /// Takes the folder for this process. Held until the file is dropped.
    pub(super) fn lock(&self) -> Result<File, OpenError> {
        let path = self.root.join("LOCK");
        let open = File::options().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(io_error(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { folder: self.root.clone() }),
            Err(TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
        }
    }

    pub(super) fn check_format(&self) -> Result<(), OpenError> {
        let path = self.root.join("FORMAT");
        let found = fs::read(&path).map_err(io_error(&path))?;
        if found == FORMAT.as_bytes() {
            return Ok(());
        }
        let found = String::from_utf8_lossy(found.get(..found.len().min(64)).unwrap_or_default());
        Err(OpenError::Format { found: found.trim().to_owned() })
    }

    pub(super) fn segments(&self) -> Result<Vec<(Position, PathBuf)>, OpenError> {
        segment::list(&self.journal()).map_err(io_error(&self.journal()))
    }

    /// Checkpoint files, oldest first.
    pub(super) fn checkpoint_files(&self) -> Result<Vec<(Position, PathBuf)>, OpenError> {
        let folder = self.checkpoints();
        segment::numbered(&folder, checkpoint::EXTENSION).map_err(io_error(&folder))
    }

    /// Generations of the working set, oldest first.
    pub(super) fn generations(&self) -> Result<Vec<u64>, OpenError> {
        let mut found = Vec::new();
        let sets = self.sets();
        let entries = match fs::read_dir(&sets) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(io_error(&sets))?,
        };
        for entry in entries {
            let name = entry.map_err(io_error(&sets))?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes every generation but one. What cannot be removed now is removed by a later start.
    pub(super) fn keep_generation(&self, kept: u64) {
        for generation in self.generations().unwrap_or_default() {
            if generation != kept
                && let Err(error) = fs::remove_dir_all(self.set(generation))
            {
                tracing::warn!(%error, generation, "could not remove an old working set");
            }
        }
    }
}
