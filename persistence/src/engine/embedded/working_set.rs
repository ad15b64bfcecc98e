//! The working set in sled: derived, disposable, and trusted with nothing.
//!
//! Every value carries a checksum over its key and itself. An entry that went missing, came back old or was half applied
//! is noticed by two levels of digests, each changed in the same batch as what it covers: the meta value has one over the
//! index (heads, names and timers), and each head has one over its entity's pages, beside the seqs that tell which
//! snapshot and tail there must be. So the index, which is small, vouches for the rest: see [`super::audit`]. Every call
//! into sled is guarded: a panic becomes an error, and an error means that the set is thrown away and built again from
//! checkpoint and journal.

use super::{audit::Vouched, bytes::Put, bytes::Reader, keys};
use crate::Position;
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

/// Version of keys and values. Another version is not read but rebuilt.
const VERSION: u32 = 2;
/// Checksum in front of each value.
const CRC_BYTES: usize = 4;
/// How often sled's own lock is tried, and the time between two tries: five seconds in all.
const LOCK_TRIES: u32 = 250;
/// See [`LOCK_TRIES`].
const LOCK_WAIT: Duration = Duration::from_millis(20);
/// What sled's error says when its lock is taken.
const LOCKED: &str = "could not acquire lock";
/// How many entries are read between two progress reports.
const AUDIT_STEP: u64 = 4096;

/// Why the working set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SetError {
    #[error("sled failed: {0}")]
    Sled(String),
    /// The system refused to read or write. Says nothing about what the files hold.
    #[error("the files of the working set cannot be read or written: {0}")]
    Io(String),
    #[error("sled panicked: {0}")]
    Panicked(String),
    #[error("an entry of the working set does not match its checksum (key of {0} bytes)")]
    Checksum(usize),
    #[error("an entry of the working set has another form than expected")]
    Form,
    #[error("the working set has no valid meta entry")]
    Meta,
    #[error("the working set does not match its digest: entries are missing, old or half applied")]
    Digest,
    #[error("the history of {0} does not match its digest: pages are missing, old or half applied")]
    Pages(crate::EntityId),
    #[error("the snapshot of {0} is missing, or not the one that its head names")]
    Snapshot(crate::EntityId),
    #[error("the tail of an entity in the working set has a gap after seq {0}")]
    Gap(crate::Seq),
    #[error("the journal has no records between position {after} and position {next}")]
    Missing { after: Position, next: Position },
}

impl From<sled::Error> for SetError {
    fn from(error: sled::Error) -> Self {
        match error {
            // Sled says it this way when another opening has its files.
            sled::Error::Io(error) if !error.to_string().contains(LOCKED) => Self::Io(error.to_string()),
            error => Self::Sled(error.to_string()),
        }
    }
}

/// Runs a call into sled; a panic in it becomes an error.
fn guarded<T>(call: impl FnOnce() -> Result<T, SetError>) -> Result<T, SetError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(SetError::Panicked(text.unwrap_or("no message").to_owned()))
    })
}

/// A change: the key, and its new value or nothing.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// What the meta entry says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meta {
    /// Every record up to here is in the set.
    pub(super) mark: Position,
    /// Sum over the entries of the index: see [`keys::is_index`].
    pub(super) digest: u64,
}

pub(super) struct WorkingSet {
    db: Option<sled::Db>,
    meta: Mutex<Meta>,
    /// What of it is known to be as it was written.
    pub(super) vouched: Vouched,
    /// The next batches that fail as if the disk did.
    #[cfg(test)]
    pub(super) failing_batches: std::sync::atomic::AtomicU32,
}

impl WorkingSet {
    /// Opens or creates the set. Nothing that it holds has been checked yet.
    ///
    /// Threads of an earlier opening in this process may keep sled's own lock for a moment after it was closed. No other
    /// process can hold it, because the data folder is locked, so it is waited for.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, SetError> {
        for _ in 0..LOCK_TRIES {
            match Self::try_open(folder, cache_bytes) {
                Err(SetError::Sled(error)) if error.contains(LOCKED) => {
                    std::thread::park_timeout(LOCK_WAIT);
                }
                result => return result,
            }
        }
        Self::try_open(folder, cache_bytes)
    }

    fn try_open(folder: &Path, cache_bytes: u64) -> Result<Self, SetError> {
        guarded(|| {
            // The follower flushes when it is time to.
            let config = sled::Config::new().path(folder).cache_capacity(cache_bytes).flush_every_ms(None);
            let set = Self {
                db: Some(config.open()?),
                meta: Mutex::default(),
                vouched: Vouched::default(),
                #[cfg(test)]
                failing_batches: std::sync::atomic::AtomicU32::new(0),
            };
            if let Some(value) = set.db()?.get(keys::META)? {
                let bytes = unwrap_value(keys::META, &value)?;
                *set.meta.lock() = decode_meta(&bytes).ok_or(SetError::Meta)?;
            }
            Ok(set)
        })
    }

    fn db(&self) -> Result<&sled::Db, SetError> {
        self.db.as_ref().ok_or_else(|| SetError::Sled("closed".into()))
    }

    /// Sled itself, to do what sled does in silence.
    #[cfg(test)]
    pub(super) fn raw(&self) -> &sled::Db {
        self.db().unwrap()
    }

    /// Position up to which every record is in the set.
    pub(super) fn mark(&self) -> Position {
        self.meta.lock().mark
    }

    pub(super) fn meta(&self) -> Meta {
        *self.meta.lock()
    }

    /// Reads the index and compares it with the checksums and the digest. `progress` gets the number of entries read.
    /// How many entities there are.
    pub(super) fn audit_index(&self, progress: &mut dyn FnMut(u64)) -> Result<u64, SetError> {
        let expected = self.meta.lock().digest;
        guarded(|| {
            let (mut digest, mut entries, mut heads) = (0_u64, 0_u64, 0_u64);
            for range in keys::index_ranges() {
                for entry in self.db()?.range::<Vec<u8>, _>(range) {
                    let (key, stored) = entry?;
                    check_value(&key, &stored)?;
                    digest = digest.wrapping_add(mix(&key, &stored));
                    heads += u64::from(key.first() == Some(&keys::HEADS));
                    entries += 1;
                    if entries.is_multiple_of(AUDIT_STEP) {
                        progress(entries);
                    }
                }
            }
            if digest == expected { Ok(heads) } else { Err(SetError::Digest) }
        })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, SetError> {
        guarded(|| self.db()?.get(key)?.map(|value| unwrap_value(key, &value)).transpose())
    }

    /// Entries from a bound on whose keys begin with `prefix`, in order or from the back, until `each` returns false.
    pub(super) fn scan(
        &self,
        range: keys::Range,
        backward: bool,
        mut each: impl FnMut(&[u8], Bytes) -> Result<bool, SetError>,
    ) -> Result<(), SetError> {
        guarded(|| {
            let mut entries = self.db()?.range::<Vec<u8>, _>(range);
            while let Some(entry) = if backward { entries.next_back() } else { entries.next() } {
                let (key, value) = entry?;
                if !each(&key, unwrap_value(&key, &value)?)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Every entry whose key begins with `prefix`, in order, until `each` returns false.
    pub(super) fn scan_prefix(
        &self,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], Bytes) -> Result<bool, SetError>,
    ) -> Result<(), SetError> {
        let from = (Bound::Included(prefix.to_vec()), Bound::Unbounded);
        self.scan(
            from,
            false,
            |key, value| if key.starts_with(prefix) { each(key, value) } else { Ok(false) },
        )
    }

    /// The digest after some changes. Reads the entries of the index that they replace.
    fn digest_after(&self, changes: &[Change]) -> Result<u64, SetError> {
        let db = self.db()?;
        let mut digest = self.meta.lock().digest;
        for (key, value) in changes.iter().filter(|(key, _)| keys::is_index(key)) {
            if let Some(old) = db.get(key)? {
                digest = digest.wrapping_sub(mix(key, &old));
            }
            if let Some(value) = value {
                digest = digest.wrapping_add(mix(key, value));
            }
        }
        Ok(digest)
    }

    /// Prepares changes: checksums, digest, and the mark when it moves. Keys must differ. One thread at a time prepares and applies.
    pub(super) fn prepare(&self, changes: Vec<Change>, mark: Option<Position>) -> Result<Prepared, SetError> {
        guarded(|| {
            let wrap = |(key, value): Change| {
                let value = value.map(|value| wrap_value(&key, &value));
                (key, value)
            };
            let changes: Vec<Change> = changes.into_iter().map(wrap).collect();
            let digest = self.digest_after(&changes)?;
            let meta = Meta { mark: mark.unwrap_or(self.meta.lock().mark), digest };
            let mut batch = sled::Batch::default();
            for (key, value) in changes {
                match value {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            batch.insert(keys::META, wrap_value(keys::META, &encode_meta(meta)));
            Ok(Prepared { batch, meta })
        })
    }

    /// Applies what was prepared, all at once.
    pub(super) fn apply(&self, prepared: Prepared) -> Result<(), SetError> {
        #[cfg(test)]
        {
            use std::sync::atomic::Ordering::{AcqRel, Acquire};
            let failing = &self.failing_batches;
            if failing.try_update(AcqRel, Acquire, |left| left.checked_sub(1)).is_ok() {
                return Err(SetError::Io("fault asked for by a test".into()));
            }
        }
        guarded(|| Ok(self.db()?.apply_batch(prepared.batch)?))?;
        *self.meta.lock() = prepared.meta;
        Ok(())
    }

    /// Asks sled to write everything to disk.
    pub(super) fn flush(&self) -> Result<(), SetError> {
        guarded(|| {
            self.db()?.flush()?;
            Ok(())
        })
    }
}

impl Drop for WorkingSet {
    /// Closing sled writes files, and may panic on damaged ones.
    fn drop(&mut self) {
        let db = self.db.take();
        if let Err(error) = guarded(|| {
            drop(db);
            Ok(())
        }) {
            tracing::warn!(%error, "the working set did not close cleanly; it is rebuilt when it does not check out");
        }
    }
}

/// Changes that are ready to be applied.
pub(super) struct Prepared {
    batch: sled::Batch,
    meta: Meta,
}

fn encode_meta(meta: Meta) -> Vec<u8> {
    let mut out = VERSION.to_le_bytes().to_vec();
    out.put_u64(meta.mark.0);
    out.put_u64(meta.digest);
    out
}

fn decode_meta(bytes: &[u8]) -> Option<Meta> {
    let mut reader = Reader(bytes);
    (reader.u32()? == VERSION).then_some(())?;
    Some(Meta { mark: Position(reader.u64()?), digest: reader.u64()? })
}

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

fn wrap_value(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(CRC_BYTES + value.len());
    out.extend_from_slice(&checksum(key, value).to_le_bytes());
    out.extend_from_slice(value);
    out
}

fn check_value<'a>(key: &[u8], stored: &'a [u8]) -> Result<&'a [u8], SetError> {
    let (crc, value) = stored.split_first_chunk::<CRC_BYTES>().ok_or(SetError::Checksum(key.len()))?;
    if u32::from_le_bytes(*crc) != checksum(key, value) {
        return Err(SetError::Checksum(key.len()));
    }
    Ok(value)
}

fn unwrap_value(key: &[u8], stored: &[u8]) -> Result<Bytes, SetError> {
    check_value(key, stored).map(Bytes::copy_from_slice)
}

/// A stored entry's part of a digest.
fn mix(key: &[u8], stored: &[u8]) -> u64 {
    mix_checksum(key, stored.first_chunk::<CRC_BYTES>().map_or(0, |crc| u32::from_le_bytes(*crc)))
}

/// An entry's part of a digest.
pub(super) fn digest_part(key: &[u8], value: &[u8]) -> u64 {
    mix_checksum(key, checksum(key, value))
}

/// The checksum of an entry and that of its key, mixed so that parts of a sum do not cancel each other out.
fn mix_checksum(key: &[u8], crc: u32) -> u64 {
    let mut mixed = (u64::from(crc) << 32) | u64::from(crc32fast::hash(key));
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
