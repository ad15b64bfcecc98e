//! The mark of a clean stop: the next start may trust what the last one left, without reading all of it.
//!
//! ```text
//! CLEAN   magic:8 version:u32 position:u64 mark:u64 digest:u64 erased:u64 fingerprint:u64 crc32:u32
//! ```
//!
//! Written last, when every record is in the working set, sled is closed and nothing is left unchecked; taken away first,
//! before anything is changed.
//! Its fingerprint covers name, size and times of change of every file of journal, checkpoints and working set, so a
//! file that was edited, cut, replaced or put back since makes the next start check everything. Bits that rot under an
//! unchanged file are found by the checksums when they are read, and by [`super::verify()`].

use super::{
    OpenError,
    bytes::{Put, Reader},
    home::{Home, io_error},
    segment,
    working_set::Meta,
};
use crate::Position;
use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

const MAGIC: &[u8; 8] = b"GRCLEAN\n";
const VERSION: u32 = 2;
/// Bytes that the checksum covers.
const COVERED_BYTES: usize = 52;
/// Most files that are looked at one by one. With more, a full check is not much slower.
const FILES_MAX: usize = 1_000_000;

/// What a clean stop left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CleanStop {
    /// Position of the last record.
    pub(super) position: Position,
    /// What the working set said of itself.
    pub(super) meta: Meta,
    /// Position of the newest record that erases, if segments up to it are there; otherwise zero.
    pub(super) erased_at: Position,
    /// See [`fingerprint`].
    fingerprint: u64,
}

/// How the process before ended.
pub(super) enum Left {
    /// Cleanly, and every file is as it was left.
    Clean(CleanStop),
    /// Without a word.
    Crash,
    /// Cleanly, but somebody changed files since: they may be of any age.
    Changed,
}

impl CleanStop {
    /// Marks the stop as clean. Nothing may be changed afterwards.
    pub(super) fn write(
        home: &Home,
        generation: u64,
        position: Position,
        meta: Meta,
        erased_at: Position,
    ) -> io::Result<()> {
        // Sled may have written while it was closed. A power cut must not leave the mark and take that.
        sync_files(&home.set(generation))?;
        let found = Self { position, meta, erased_at, fingerprint: fingerprint(home, generation)? };
        let draft = home.clean().with_extension("tmp");
        let mut file = File::create(&draft)?;
        file.write_all(&found.encode())?;
        file.sync_all()?;
        fs::rename(&draft, home.clean())?;
        segment::sync_folder(home.root())
    }

    /// Reads the mark. One that holds is gone afterwards; one that does not stays, so that a start that is refused is
    /// not followed by one that looks less closely.
    pub(super) fn take(home: &Home, generation: Option<u64>) -> Result<Left, OpenError> {
        let path = home.clean();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Left::Crash),
            read => read.map_err(io_error(&path))?,
        };
        let (Some(found), Some(generation)) = (Self::decode(&bytes), generation) else {
            return Ok(Left::Changed);
        };
        match fingerprint(home, generation) {
            Ok(now) if now == found.fingerprint => {
                Self::remove(home)?;
                return Ok(Left::Clean(found));
            }
            Ok(_) => tracing::info!("files changed since the clean stop, so everything is checked"),
            Err(error) => tracing::info!(%error, "a file cannot be looked at, so everything is checked"),
        }
        Ok(Left::Changed)
    }

    /// Takes the mark away, if there is one.
    pub(super) fn remove(home: &Home) -> Result<(), OpenError> {
        let path = home.clean();
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => removed.map_err(io_error(&path))?,
        }
        segment::sync_folder(home.root()).map_err(io_error(home.root()))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.put_u64(self.position.0);
        out.put_u64(self.meta.mark.0);
        out.put_u64(self.meta.digest);
        out.put_u64(self.erased_at.0);
        out.put_u64(self.fingerprint);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        (reader.take(MAGIC.len())? == MAGIC && reader.u32()? == VERSION).then_some(())?;
        let position = Position(reader.u64()?);
        let meta = Meta { mark: Position(reader.u64()?), digest: reader.u64()? };
        let erased_at = Position(reader.u64()?);
        let found = Self { position, meta, erased_at, fingerprint: reader.u64()? };
        (reader.u32()? == crc32fast::hash(bytes.get(..COVERED_BYTES)?) && reader.is_empty()).then_some(found)
    }
}

/// Makes every file under a folder durable. Those of journal and checkpoints are since they were written.
fn sync_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_files(&entry.path())?
        } else {
            File::open(entry.path())?.sync_all()?
        }
    }
    segment::sync_folder(folder)
}

/// Sum over all files that hold data: what a change to any of them changes.
fn fingerprint(home: &Home, generation: u64) -> io::Result<u64> {
    let named = |error: OpenError| io::Error::other(error.to_string());
    let mut sum = Sum::default();
    for (_, path) in home.segments().map_err(named)? {
        sum.file(&path, &fs::symlink_metadata(&path)?)?;
    }
    for (_, path) in home.checkpoint_files().map_err(named)? {
        sum.file(&path, &fs::symlink_metadata(&path)?)?;
    }
    sum.folder(&home.set(generation))?;
    Ok(sum.total)
}

#[derive(Default)]
struct Sum {
    total: u64,
    files: usize,
}

impl Sum {
    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_dir() { self.folder(&entry.path())? } else { self.file(&entry.path(), &data)? }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, data: &fs::Metadata) -> io::Result<()> {
        self.files += 1;
        if self.files > FILES_MAX {
            return Err(io::Error::other("too many files to look at one by one"));
        }
        // A hash that another release of the standard library computes differently costs one full check.
        let mut hasher = DefaultHasher::new();
        path.file_name().hash(&mut hasher);
        data.len().hash(&mut hasher);
        (data.ctime(), data.ctime_nsec(), data.mtime(), data.mtime_nsec()).hash(&mut hasher);
        // The order in which a folder lists its files must not matter.
        self.total = self.total.wrapping_add(hasher.finish());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_cut_or_flipped_is_not() {
        let meta = Meta { mark: Position(7), digest: 0xfeed };
        let stop = CleanStop { position: Position(7), meta, erased_at: Position(3), fingerprint: 42 };
        let bytes = stop.encode();
        assert_eq!(CleanStop::decode(&bytes), Some(stop));
        for cut in 0..bytes.len() {
            assert_eq!(CleanStop::decode(&bytes[..cut]), None);
            let mut flipped = bytes.clone();
            flipped[cut] ^= 1;
            assert_eq!(CleanStop::decode(&flipped), None);
        }
    }
}
