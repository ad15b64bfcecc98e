//! Engine `embedded`: segment files are the truth, sled is the working set, checkpoints carry both into the future.
//!
//! Promises beyond those of the seams: what was acknowledged depends on the journal's files (and, for what was removed
//! from them, a verified checkpoint) alone. The working set may be deleted, damaged or old at any start; it is then built
//! again, and the report says so. When it turns out to be damaged while running, the read that noticed fails with
//! `Damaged`, a rebuild starts at once, and reads are `Unavailable` until it is done. When only its files could not be
//! read or written, they are opened again instead.
//!
//! A start after a clean stop reads the newest segment only, as long as no file changed since. A start after a crash
//! reads the journal, and of the working set what could be wrong without being noticed later; the rest is checked while
//! it serves. When files changed after a clean stop, journal, checkpoint and working set are read whole first.
//!
//! What a record erased is gone for every reader at once. Its bytes leave the disk with the next checkpoint, which is made
//! at most [`ERASED_WITHIN`] later: a new segment is begun, so that all of the journal up to the erasure can go. In the
//! files of the working set they are free space that sled uses again.
//!
//! Threads: one writer, one follower, one for checkpoints, one that prepares segments; after a crash one that checks.

mod audit;
mod auditor;
mod body;
mod bytes;
mod checkpoint;
mod checkpointer;
mod clean;
mod erasures;
mod flush;
mod follower;
mod fresh;
mod group;
mod home;
mod keys;
mod log;
mod memtable;
mod pages;
mod reads;
mod recent;
mod recover;
mod replay;
mod segment;
mod shared;
mod spare;
mod stores;
mod trust;
mod values;
mod verify;
mod working_set;
mod writer;

use crate::{Position, Stores};
pub use auditor::Audit;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};
pub use stores::Handle;
pub use verify::{PROBLEMS_MAX, Problem, VerifyReport, verify};

/// Longest time from a record that erases to the checkpoint that takes the erased bytes off the disk, by default. Erasures
/// share it, and it is far below the 30 days in which the platform wants data gone. A process that starts with erased bytes
/// on disk does not wait: nobody knows how long it was away.
pub const ERASED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Where the data is and how much of each resource may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The data folder. Created when missing.
    pub folder: PathBuf,
    /// Size to which a segment of the journal is filled, in bytes. At least 4 KiB.
    pub segment_bytes: u64,
    /// Memory that sled uses for its cache, in bytes.
    pub cache_bytes: u64,
    /// Lag at which records are flushed into the working set, in bytes.
    pub flush_bytes: usize,
    /// Longest time between two flushes.
    pub flush_interval: Duration,
    /// Lag at which appends are refused as overloaded, in bytes. Bounds memory.
    pub lag_bytes_max: usize,
    /// Appends that may wait for the writer, in bytes.
    pub queue_bytes_max: usize,
    /// Least journal bytes between two checkpoints.
    pub checkpoint_bytes: u64,
    /// Longest time from a record that erases to the checkpoint for which the bytes before it leave journal and
    /// checkpoint, when nothing else makes one before.
    pub erased_within: Duration,
}

impl Options {
    /// The defaults, for a data folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            folder: folder.to_owned(),
            segment_bytes: 64 * MIB as u64,
            cache_bytes: 128 * MIB as u64,
            flush_bytes: 64 * MIB,
            flush_interval: Duration::from_secs(5),
            lag_bytes_max: 256 * MIB,
            queue_bytes_max: 64 * MIB,
            checkpoint_bytes: 1024 * MIB as u64,
            erased_within: ERASED_WITHIN,
        }
    }
}

/// What long work is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Entries of the working set are compared with their checksums and digests.
    CheckingWorkingSet,
    /// Bytes of a checkpoint are read into a new working set.
    LoadingCheckpoint,
    /// Segments of the journal are checked and applied.
    ReadingJournal,
    /// Bytes of a checkpoint are checked.
    CheckingCheckpoint,
}

/// How far long work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done, and so the unit of the numbers.
    pub phase: Phase,
    /// Done.
    pub done: u64,
    /// To do in all, when that is known.
    pub total: Option<u64>,
}

/// What a start found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Position of the last record.
    pub position: Position,
    /// Segments of the journal.
    pub segments: usize,
    /// Records that were applied to the working set.
    pub applied: u64,
    /// Why the working set was built again, when it was.
    pub rebuilt: Option<String>,
    /// Where a torn tail was cut, when one was.
    pub torn: Option<String>,
    /// The last stop was clean and no file changed since, so only the newest segment was read.
    pub is_trusted: bool,
    /// The last stop was a crash: the journal and the index of the working set were read. The rest of the working set
    /// and the checkpoint are checked while the engine runs: see [`Handle::audit`]. When neither this nor `is_trusted`
    /// is true, they were read whole.
    pub audit_follows: bool,
}

/// An open engine.
pub struct Opened {
    /// The seams.
    pub stores: Stores,
    /// What the start found.
    pub report: Report,
    /// Work beyond the seams.
    pub handle: Handle,
}

/// Why the engine does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file could not be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process has the folder open.
    #[error("the data folder {} is in use by another process", folder.display())]
    Locked {
        /// Which.
        folder: PathBuf,
    },
    /// The folder was written by another version.
    #[error("the data folder has the unknown format {found:?}")]
    Format {
        /// What its format file says.
        found: String,
    },
    /// The journal is damaged in its middle.
    #[error("{} is damaged at offset {offset}, at position {position}: {what}", path.display())]
    Damaged {
        /// Which segment.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// Position of the first record that is not readable.
        position: Position,
        /// What was found.
        what: String,
    },
    /// Positions between segments, or between checkpoint and segments, are missing.
    #[error("the journal has no records between position {after} and position {next}")]
    RecordsMissing {
        /// The last position before the gap.
        after: Position,
        /// The first one after it.
        next: Position,
    },
    /// The journal ends before what was taken from it already.
    #[error("the journal ends at position {end}, but records up to position {applied} were applied from it")]
    JournalShort {
        /// Last position in the segments.
        end: Position,
        /// Position of the checkpoint or of the working set.
        applied: Position,
    },
    /// No checkpoint is readable and the segments alone are not enough.
    #[error("no readable checkpoint: {0}")]
    Checkpoint(String),
    /// A new working set could not be built.
    #[error("the working set could not be built: {0}")]
    WorkingSet(String),
}

/// A checkpoint could not be made. Nothing was removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint failed: {0}")]
pub struct CheckpointFailed(pub String);

/// Opens the engine. Blocks while it reads the journal and checks or rebuilds the working set; `progress` is told.
///
/// # Errors
/// See [`OpenError`]. A damaged working set is no error.
pub fn open(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Opened, OpenError> {
    stores::open(options, progress)
}

/// Throws the working set away and builds it from checkpoint and journal, then closes again.
///
/// # Errors
/// See [`OpenError`].
pub fn rebuild(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Report, OpenError> {
    let home = home::Home::new(&options.folder);
    let _lock = home.prepare()?;
    let recovered = recover::recover(&home, options, true, progress)?;
    Ok(recovered.report)
}

#[cfg(test)]
mod tests;
