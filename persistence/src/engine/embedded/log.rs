//! The journal being written: the active segment, its successor prepared ahead, and where groups stand for readers.

use super::{
    group::{GroupBuilder, Salt},
    segment::{self, HEADER_BYTES, Header},
    spare::{self, Spares},
};
use crate::Position;
use bytes::Bytes;
use parking_lot::RwLock;
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::Arc,
};

/// A reader's way to a position is remembered about this often, in bytes.
const POINT_EVERY_BYTES: u64 = 64 * 1024;

/// Where groups stand, for readers. Sparse.
#[derive(Default)]
pub(super) struct LogIndex {
    pub(super) segments: Vec<IndexedSegment>,
    /// Position of the newest record that erases; zero when none was seen.
    pub(super) erased_at: Position,
}

impl LogIndex {
    /// Position of the newest record that erases, while there are segments with it or with what it erased.
    pub(super) fn erased(&self) -> Option<Position> {
        let first = self.segments.first().map(|segment| segment.first);
        Some(self.erased_at).filter(|at| *at > Position::ZERO && first.is_some_and(|first| first <= *at))
    }
}

/// One segment's part of the index.
pub(super) struct IndexedSegment {
    pub(super) first: Position,
    pub(super) path: PathBuf,
    pub(super) salt: Salt,
    /// First position and offset of some groups, the first one included.
    points: Vec<(Position, u64)>,
    /// Offset after the last group; of a segment that was not read yet, the file's size.
    pub(super) end: u64,
    /// It was not read since the start, so its points and its end are not known.
    pub(super) is_unread: bool,
}

impl IndexedSegment {
    pub(super) fn new(header: Header, path: PathBuf) -> Self {
        Self {
            first: header.first,
            path,
            salt: header.salt,
            points: Vec::new(),
            end: HEADER_BYTES as u64,
            is_unread: false,
        }
    }

    /// A segment of which only the header was read.
    pub(super) fn unread(header: Header, path: PathBuf, size: u64) -> Self {
        Self { end: size, is_unread: true, ..Self::new(header, path) }
    }

    /// Notes groups that a reader came by.
    pub(super) fn learn(&mut self, groups: &[(Position, u64)]) {
        for (first, offset) in groups {
            if self.points.last().is_none_or(|(_, last)| *offset >= last + POINT_EVERY_BYTES) {
                self.points.push((*first, *offset));
            }
        }
    }

    /// A segment that was scanned up to `end`.
    pub(super) fn scanned(header: Header, path: PathBuf, end: u64, groups: &[(Position, usize)]) -> Self {
        let mut segment = Self::new(header, path);
        for (first, offset) in groups {
            segment.end = *offset as u64;
            segment.note(*first, 0);
        }
        segment.end = end;
        segment
    }

    /// Notes a group at `self.end`.
    pub(super) fn note(&mut self, first: Position, length: usize) {
        if self.points.last().is_none_or(|(_, offset)| self.end - offset >= POINT_EVERY_BYTES) {
            self.points.push((first, self.end));
        }
        self.end += length as u64;
    }

    /// Offset of a group at or before the position.
    pub(super) fn offset_before(&self, position: Position) -> u64 {
        let after = self.points.partition_point(|(first, _)| *first <= position);
        let point = after.checked_sub(1).and_then(|at| self.points.get(at));
        point.map_or(HEADER_BYTES as u64, |(_, offset)| *offset)
    }
}

/// The writing end of the journal. Owned by the writer thread.
pub(super) struct Log {
    folder: PathBuf,
    /// Size to which a segment is filled, in bytes.
    segment_bytes: u64,
    active: Option<Active>,
    next: Position,
    spares: Spares,
    index: Arc<RwLock<LogIndex>>,
    #[cfg(test)]
    pub(super) fail_next_write: Arc<std::sync::atomic::AtomicBool>,
}

struct Active {
    file: File,
    salt: Salt,
    offset: u64,
}

impl Active {
    const fn is_empty(&self) -> bool {
        self.offset == HEADER_BYTES as u64
    }
}

/// Why a group is not known to be durable.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// No byte of it can ever be read back, and the next group may be written as if this one had never been.
    #[error("there is no room for the next segment of the journal: {0}")]
    NotWritten(io::Error),
    /// What stands in the file is not known: nothing may be written after it.
    #[error(transparent)]
    Unknown(#[from] io::Error),
}

/// A group that is durable.
pub(super) struct Durable {
    pub(super) first: Position,
    pub(super) bytes: Bytes,
    /// A new segment was begun for it.
    pub(super) rotated: bool,
}

impl Log {
    /// Goes on after the last position of the index.
    pub(super) fn resume(
        folder: PathBuf,
        segment_bytes: u64,
        index: Arc<RwLock<LogIndex>>,
        last: Position,
        spares: Spares,
    ) -> io::Result<Self> {
        let active = match index.read().segments.last() {
            None => None,
            Some(segment) => {
                let file = File::options().read(true).write(true).open(&segment.path)?;
                Some(Active { file, salt: segment.salt, offset: segment.end })
            }
        };
        Ok(Self {
            folder,
            segment_bytes,
            active,
            next: last.next(),
            spares,
            index,
            #[cfg(test)]
            fail_next_write: Arc::default(),
        })
    }

    /// Writes a group and waits until it is durable.
    pub(super) fn append(&mut self, group: GroupBuilder) -> Result<Durable, WriteError> {
        let (first, count, length) = (self.next, group.count(), group.len());
        #[cfg(test)]
        if self.fail_next_write.swap(false, std::sync::atomic::Ordering::AcqRel) {
            return Err(io::Error::other("fault asked for by a test").into());
        }
        let fits =
            |active: &&mut Active| active.is_empty() || active.offset + length as u64 <= self.segment_bytes;
        let (bytes, rotated) = match self.active.as_mut().filter(fits) {
            Some(active) => {
                let bytes = group.seal(&active.salt, first);
                active.file.write_all_at(&bytes, active.offset)?;
                active.file.sync_data()?;
                active.offset += length as u64;
                (bytes, false)
            }
            None => (self.begin(Some(group))?, true),
        };
        self.next = Position(first.0 + u64::from(count));
        if let Some(segment) = self.index.write().segments.last_mut() {
            segment.note(first, length);
        }
        Ok(Durable { first, bytes, rotated })
    }

    /// Begins a new segment, so that what was written can be removed once it is covered. Does nothing when nothing was
    /// written to the active one.
    pub(super) fn end_segment(&mut self) -> Result<(), WriteError> {
        match &self.active {
            Some(active) if !active.is_empty() => self.begin(None).map(drop),
            _ => Ok(()),
        }
    }

    /// Begins a segment with a group or without. Its name appears only when its content is durable.
    fn begin(&mut self, group: Option<GroupBuilder>) -> Result<Bytes, WriteError> {
        let spare = self.spares.take().map_err(WriteError::NotWritten)?;
        let header = Header { first: self.next, salt: spare.salt };
        let bytes = group.map(|group| group.seal(&header.salt, self.next)).unwrap_or_default();
        let mut front = header.encode().to_vec();
        front.extend_from_slice(&bytes);
        let written = spare.file.write_all_at(&front, 0).and_then(|()| spare.file.sync_all());
        if let Err(error) = written {
            // Only the rename makes it a part of the journal.
            spare::remove(&spare.path);
            return Err(WriteError::NotWritten(error));
        }
        let path = segment::path_of(&self.folder, self.next);
        fs::rename(&spare.path, &path)?;
        segment::sync_folder(&self.folder)?;
        self.index.write().segments.push(IndexedSegment::new(header, path));
        self.active = Some(Active { file: spare.file, salt: header.salt, offset: front.len() as u64 });
        Ok(bytes)
    }
}
