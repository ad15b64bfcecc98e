//! Checkpoint files, written and read frame by frame.

use super::{super::bytes::Reader, Entry};
use crate::Position;
use bytes::Bytes;
use std::{
    cmp::Ordering,
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

pub(crate) const EXTENSION: &str = "ckpt";
/// Files of sorted runs, gone when the merge is done.
pub(crate) const RUN_EXTENSION: &str = "run";
const MAGIC: &[u8; 8] = b"GRCHKPNT";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 12;
const COUNTS_BYTES: usize = 16;
/// Raw bytes after which a frame is written.
const FRAME_BYTES: usize = 1024 * 1024;
/// Largest frame that is read, in bytes: one entity may have a large state or tail. Guards memory.
const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// Fast; checkpoints are written far more often than read.
const COMPRESSION_LEVEL: i32 = 1;

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error("checkpoint file {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("checkpoint file {} is damaged at offset {offset}: {what}", path.display())]
    Damaged { path: PathBuf, offset: u64, what: &'static str },
    #[error("cannot read the journal for a checkpoint: {0}")]
    Journal(String),
    #[error("the engine is being closed")]
    Stopped,
}

/// Asked again and again in long work; false when it should be given up.
pub(crate) type GoOn<'a> = &'a dyn Fn() -> bool;

pub(crate) fn path_of(folder: &Path, position: Position, extension: &str) -> PathBuf {
    folder.join(format!("{:020}.{extension}", position.0))
}

pub(crate) struct CheckpointWriter {
    path: PathBuf,
    file: BufWriter<File>,
    raw: Vec<u8>,
    frames: u64,
    entries: u64,
    bytes: u64,
}

impl CheckpointWriter {
    pub(crate) fn create(path: &Path, position: Position) -> Result<Self, CheckpointError> {
        let open = || {
            let mut header = MAGIC.to_vec();
            header.extend_from_slice(&VERSION.to_le_bytes());
            header.extend_from_slice(&position.0.to_le_bytes());
            let crc = crc32fast::hash(&header);
            header.extend_from_slice(&crc.to_le_bytes());
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(&header)?;
            Ok(file)
        };
        let file = open().map_err(|error| CheckpointError::Io { path: path.to_owned(), error })?;
        let bytes = HEADER_BYTES as u64;
        Ok(Self { path: path.to_owned(), file, raw: Vec::new(), frames: 0, entries: 0, bytes })
    }

    pub(crate) fn push(&mut self, entry: &Entry) -> Result<(), CheckpointError> {
        entry.encode(&mut self.raw);
        self.entries += 1;
        if self.raw.len() >= FRAME_BYTES { self.write_frame() } else { Ok(()) }
    }

    fn write_frame(&mut self) -> Result<(), CheckpointError> {
        let raw = std::mem::take(&mut self.raw);
        let packed = zstd::bulk::compress(&raw, COMPRESSION_LEVEL);
        let written = packed.and_then(|packed| {
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
            let mut header = length(&packed)?.to_le_bytes().to_vec();
            header.extend_from_slice(&length(&raw)?.to_le_bytes());
            header.extend_from_slice(&checksum(&header, &packed).to_le_bytes());
            self.bytes += (header.len() + packed.len()) as u64;
            self.file.write_all(&header)?;
            self.file.write_all(&packed)
        });
        self.frames += 1;
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> CheckpointError {
        CheckpointError::Io { path: self.path.clone(), error }
    }

    /// Writes the end, durably. Size of the file in bytes.
    pub(crate) fn finish(mut self) -> Result<u64, CheckpointError> {
        if !self.raw.is_empty() {
            self.write_frame()?;
        }
        let mut counts = self.frames.to_le_bytes().to_vec();
        counts.extend_from_slice(&self.entries.to_le_bytes());
        let mut end = vec![0; 8];
        end.extend_from_slice(&checksum(&[0; 8], &counts).to_le_bytes());
        end.extend_from_slice(&counts);
        let written = self.file.write_all(&end).and_then(|()| self.file.flush());
        let synced = written.and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|error| self.failed(error))?;
        Ok(self.bytes + end.len() as u64)
    }
}

fn checksum(header: &[u8], bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(bytes);
    hasher.finalize()
}

/// Reads entries in order. After the last one the end was checked too.
pub(crate) struct CheckpointReader {
    path: PathBuf,
    file: BufReader<File>,
    position: Position,
    length: u64,
    offset: u64,
    ready: VecDeque<Entry>,
    last: Option<Entry>,
    frames: u64,
    entries: u64,
    done: bool,
}

impl CheckpointReader {
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let failed = |error| CheckpointError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::new(file);
        let mut header = [0; HEADER_BYTES];
        let damaged = |what| CheckpointError::Damaged { path: path.to_owned(), offset: 0, what };
        file.read_exact(&mut header).map_err(|_| damaged("the header is cut"))?;
        let position = parse_header(&header).ok_or_else(|| damaged("the header is wrong"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            position,
            length,
            offset: HEADER_BYTES as u64,
            ready: VecDeque::new(),
            last: None,
            frames: 0,
            entries: 0,
            done: false,
        })
    }

    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// Size of the file in bytes.
    pub(crate) const fn len(&self) -> u64 {
        self.length
    }

    /// How far the file was read, in bytes.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads everything, to see that it can be read.
    pub(crate) fn verify(path: &Path, go_on: GoOn<'_>) -> Result<Position, CheckpointError> {
        let mut reader = Self::open(path)?;
        while reader.next_entry()?.is_some() {
            if !go_on() {
                return Err(CheckpointError::Stopped);
            }
        }
        Ok(reader.position)
    }

    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry>, CheckpointError> {
        while self.ready.is_empty() && !self.done {
            self.read_frame()?;
        }
        Ok(self.ready.pop_front())
    }

    fn damaged(&self, what: &'static str) -> CheckpointError {
        CheckpointError::Damaged { path: self.path.clone(), offset: self.offset, what }
    }

    fn read_frame(&mut self) -> Result<(), CheckpointError> {
        let mut header = [0; FRAME_HEADER_BYTES];
        self.file.read_exact(&mut header).map_err(|_| self.damaged("the end is missing"))?;
        let mut reader = Reader(&header);
        let (Some(packed), Some(raw), Some(crc)) = (reader.u32(), reader.u32(), reader.u32()) else {
            return Err(self.damaged("a frame is cut"));
        };
        let is_end = packed == 0;
        let packed = if is_end { COUNTS_BYTES } else { usize::try_from(packed).unwrap_or(usize::MAX) };
        if packed as u64 > self.length {
            return Err(self.damaged("a frame is longer than the file"));
        }
        let mut bytes = vec![0; packed];
        self.file.read_exact(&mut bytes).map_err(|_| self.damaged("a frame is cut"))?;
        if checksum(header.get(..8).unwrap_or_default(), &bytes) != crc {
            return Err(self.damaged("a frame does not match its checksum"));
        }
        if is_end {
            return self.check_end(&bytes);
        }
        self.unpack(&bytes, usize::try_from(raw).unwrap_or(usize::MAX))?;
        self.offset += (FRAME_HEADER_BYTES + packed) as u64;
        self.frames += 1;
        Ok(())
    }

    fn unpack(&mut self, packed: &[u8], raw: usize) -> Result<(), CheckpointError> {
        let unpacked = zstd::bulk::decompress(packed, raw.min(FRAME_BYTES_MAX));
        let raw = Bytes::from(unpacked.map_err(|_| self.damaged("a frame does not unpack"))?);
        let mut reader = Reader(&raw);
        while !reader.is_empty() {
            let entry =
                Entry::decode(&mut reader, &raw).ok_or_else(|| self.damaged("an entry has no valid form"))?;
            if self.last.as_ref().is_some_and(|last| last.compare(&entry) != Ordering::Less) {
                return Err(self.damaged("entries are not in order"));
            }
            self.last = Some(entry.clone());
            self.entries += 1;
            self.ready.push_back(entry);
        }
        Ok(())
    }

    fn check_end(&mut self, counts: &[u8]) -> Result<(), CheckpointError> {
        let mut reader = Reader(counts);
        if (reader.u64(), reader.u64()) != (Some(self.frames), Some(self.entries)) {
            return Err(self.damaged("the counts at the end are others"));
        }
        self.done = true;
        Ok(())
    }
}

fn parse_header(header: &[u8]) -> Option<Position> {
    let mut reader = Reader(header);
    (reader.take(MAGIC.len())? == MAGIC && reader.u32()? == VERSION).then_some(())?;
    let position = Position(reader.u64()?);
    let covered = header.get(..HEADER_BYTES - 4)?;
    (reader.u32()? == crc32fast::hash(covered)).then_some(position)
}
