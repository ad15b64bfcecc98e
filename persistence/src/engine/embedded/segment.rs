//! Segment files of the journal: their header, their scan, and cutting a torn tail.
//!
//! ```text
//! journal/<first position, 20 digits>.seg
//!   magic:8 version:u32 zero:u32 first:u64 salt:16 crc32:u32 zeros to 64, then groups, then zeros
//! ```
//!
//! A segment gets its name only after its header, and the first group if it was begun for one, are durable, so a segment
//! with a bad header is damage, never a crash.

use super::{
    bytes::Reader,
    group::{Group, MARK_BYTES, SALT_BYTES, Salt},
};
use crate::Position;
use bytes::Bytes;
use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Bytes before the first group.
pub(super) const HEADER_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"GRSEGMNT";
const VERSION: u32 = 1;
/// Header bytes that its checksum covers.
const COVERED_BYTES: usize = 40;
const EXTENSION: &str = "seg";
/// How much is compared at a time when looking for the end, in bytes.
const ZEROS: [u8; 4096] = [0; 4096];

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) first: Position,
    pub(super) salt: Salt,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.first.0.to_le_bytes());
        bytes.extend_from_slice(&self.salt.0);
        let crc = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; HEADER_BYTES];
        for (place, byte) in header.iter_mut().zip(bytes) {
            *place = byte;
        }
        header
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let covered = bytes.get(..COVERED_BYTES)?;
        (reader.take(MAGIC.len())? == MAGIC && reader.u32()? == VERSION).then_some(())?;
        reader.u32()?;
        let first = Position(reader.u64()?);
        let salt = Salt(reader.take(SALT_BYTES)?.try_into().ok()?);
        (reader.u32()? == crc32fast::hash(covered)).then_some(Self { first, salt })
    }
}

pub(super) fn path_of(folder: &Path, first: Position) -> PathBuf {
    folder.join(format!("{:020}.{EXTENSION}", first.0))
}

/// The segments in a folder, by first position. Other files are not looked at.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(Position, PathBuf)>> {
    numbered(folder, EXTENSION)
}

/// Files named `<number>.<extension>`, by number.
pub(super) fn numbered(folder: &Path, extension: &str) -> io::Result<Vec<(Position, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|found| found == extension)) {
            found.push((Position(number), path));
        }
    }
    found.sort();
    Ok(found)
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Zeros, or the end of the file.
    Clean,
    /// Bytes that are no group, with no group after them: a group whose write was cut short.
    Torn,
    /// Bytes that are no group, with a whole group after them at this offset.
    Damaged {
        /// Where the next whole group begins.
        next_whole: usize,
    },
}

/// A segment that was read.
pub(super) struct Scan {
    pub(super) header: Header,
    /// Last position of the last whole group before `end`; one before the first when there is none.
    pub(super) last: Position,
    /// Offset after the last whole group.
    pub(super) end: usize,
    pub(super) how: End,
    /// First position and offset of each whole group.
    pub(super) points: Vec<(Position, usize)>,
}

/// Why a segment cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError<E> {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the segment header is damaged")]
    Header,
    #[error("stopped")]
    Stopped(E),
}

/// The header of a segment, when it is a valid one, and the size of its file in bytes.
pub(super) fn read_header(path: &Path) -> io::Result<(Option<Header>, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = [0; HEADER_BYTES];
    if size < HEADER_BYTES as u64 {
        return Ok((None, size));
    }
    file.read_exact_at(&mut bytes, 0)?;
    Ok((Header::decode(&bytes), size))
}

/// Reads a segment and hands over each whole group with its offset.
pub(super) fn scan<E>(
    path: &Path,
    mut each: impl FnMut(&Group, usize) -> Result<(), E>,
) -> Result<Scan, ScanError<E>> {
    let bytes = Bytes::from(fs::read(path)?);
    let header = Header::decode(&bytes).ok_or(ScanError::Header)?;
    let mut last = Position(header.first.0.saturating_sub(1));
    let mut end = HEADER_BYTES;
    let mut points = Vec::new();
    while let Some((group, length)) = Group::parse(&bytes.slice(end.min(bytes.len())..), &header.salt) {
        if group.first != last.next() {
            break;
        }
        points.push((group.first, end));
        each(&group, end).map_err(ScanError::Stopped)?;
        last = group.last();
        end += length;
    }
    let how = how_it_ends(&bytes, end, &header.salt);
    Ok(Scan { header, last, end, how, points })
}

fn how_it_ends(bytes: &Bytes, end: usize, salt: &Salt) -> End {
    let rest = bytes.get(end..).unwrap_or_default();
    if rest.chunks(ZEROS.len()).all(|chunk| ZEROS.starts_with(chunk)) {
        return End::Clean;
    }
    let mark = salt.mark();
    let marks = rest.windows(MARK_BYTES).enumerate().filter(|(_, window)| *window == mark);
    let whole =
        marks.map(|(offset, _)| end + offset).find(|at| Group::parse(&bytes.slice(*at..), salt).is_some());
    whole.map_or(End::Torn, |next_whole| End::Damaged { next_whole })
}

/// Makes sure that what a scan read back is on the disk, and not only in memory: a crash may have come between the
/// write of the last group and its sync. It is written again, because the system may have given up on the first write.
pub(super) fn settle(path: &Path, scan: &Scan) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    if let Some((_, begin)) = scan.points.last() {
        let mut group = vec![0; scan.end.saturating_sub(*begin)];
        file.read_exact_at(&mut group, *begin as u64)?;
        file.write_all_at(&group, *begin as u64)?;
    }
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Where the bytes go that are cut from a segment. The newest cut of a segment replaces the one before.
pub(super) fn torn_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".torn");
    PathBuf::from(name)
}

/// Keeps a copy of everything after `end` up to the last byte that is not zero.
pub(super) fn keep_torn(path: &Path, end: usize) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let last = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let kept = torn_path(path);
    let mut file = File::create(&kept)?;
    file.write_all(bytes.get(end..last).unwrap_or_default())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Overwrites everything after `end` with zeros, durably.
pub(super) fn cut(path: &Path, end: usize) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    fill_zeros(&file, end as u64, length)?;
    file.sync_all()
}

/// Writes zeros from `from` up to `to`.
pub(super) fn fill_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    const STEP: usize = 1024 * 1024;
    let zeros = vec![0; STEP];
    let mut at = from;
    while at < to {
        let step = usize::try_from(to - at).unwrap_or(STEP).min(STEP);
        file.write_all_at(zeros.get(..step).unwrap_or_default(), at)?;
        at += step as u64;
    }
    Ok(())
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
