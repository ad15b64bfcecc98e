//! `[data]`: where and how state is kept.

use super::settings::{Secret, Span, section};
use std::path::PathBuf;

section! {
    /// Where and how state is kept.
    pub struct Data = "data" {
        /// Folder of journal, working set, checkpoints and generated keys.
        dir: PathBuf = PathBuf::from("./data"), "path";
        /// Storage engine: `embedded` (segment journal with sled behind it) or `memory` (nothing survives a stop).
        engine: String = "embedded".to_owned(), "name";
        /// Size of one journal segment file.
        segment_bytes: u64 = 64 * 1024 * 1024, "bytes", 64 * 1024..=1024 * 1024 * 1024;
        /// Memory for the cache of the working set.
        cache_bytes: u64 = 128 * 1024 * 1024, "bytes", 1024 * 1024..=64 * 1024 * 1024 * 1024;
        /// Journal bytes after which a new checkpoint is written.
        checkpoint_bytes: u64 = 1024 * 1024 * 1024, "bytes", 1024 * 1024..=1024 * 1024 * 1024 * 1024;
        /// Keys that seal secret fields, `id:base64 of 32 bytes`, the current one first. Empty: one is generated in the data folder.
        keys: Vec<Secret> = Vec::new(), "list";
        /// Idle time after which an entity leaves memory.
        idle: Span = Span::seconds(60), "span", Span::seconds(1)..=Span::seconds(24 * 3600);
        /// Entities of one kind in memory at most.
        resident_max: usize = 100_000, "entities", 16..=10_000_000;
        /// Memory for the states of one kind of entity, as far as they can be told.
        resident_bytes_max: usize = 2 * 1024 * 1024 * 1024, "bytes", 1024 * 1024..=1024 * 1024 * 1024 * 1024;
    }
}
