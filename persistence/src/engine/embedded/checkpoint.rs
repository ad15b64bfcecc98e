//! Checkpoint files: everything that records made up to a position, in a form that needs no engine to be read.
//!
//! ```text
//! checkpoint/<position, 20 digits>.ckpt
//!   magic:8 version:u32 position:u64 crc32:u32
//!   frames  packed length:u32 raw length:u32 crc32:u32 zstd(entries)
//!   end     0:u32 0:u32 crc32:u32 of the counts, then the counts: frames:u64 entries:u64
//! ```
//!
//! Entries are sorted: entities, then rows, then names. (A run has before them whose rows of earlier sources are erased.) A checkpoint is made from the one before it and the segments
//! after that, never from the working set, so what sled lost in silence is not lost here. Only snapshots come from the
//! working set; one that is missing there leaves the earlier snapshot and the whole tail after it in place. A snapshot
//! may include records after the checkpoint's position; they are in the segments, and applying them again changes
//! nothing.
//!
//! The same format, with partial entries, holds the sorted runs that a merge works on.

mod entry;
mod file;
pub(super) mod merge;

pub(super) use entry::{Entry, NameState, Record};
pub(super) use file::{
    CheckpointError, CheckpointReader, CheckpointWriter, EXTENSION, GoOn, RUN_EXTENSION, path_of,
};
