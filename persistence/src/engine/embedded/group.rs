//! A group frame: the records of one group commit, written and made durable together.
//!
//! ```text
//! mark:8 length:u32 count:u32 first:u64 crc32:u32 zero:u32  then `length` bytes of framed records
//! ```
//!
//! The mark is taken from the random salt of the segment and the checksum covers the whole salt, so nothing that users
//! can write looks like a frame. A group whose checksum is wrong counts as never written.

use super::{
    body::{self, Body},
    bytes::Reader,
};
use crate::Position;
use bytes::Bytes;

/// Bytes of a segment's salt.
pub(super) const SALT_BYTES: usize = 16;
/// Bytes of a mark.
pub(super) const MARK_BYTES: usize = 8;
/// Bytes before the records.
pub(super) const HEADER_BYTES: usize = 32;
/// Header bytes that the checksum covers.
const COVERED_BYTES: usize = 24;

/// What makes the frames of a segment its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Salt(pub(super) [u8; SALT_BYTES]);

impl Salt {
    pub(super) fn mark(&self) -> [u8; MARK_BYTES] {
        self.0.first_chunk().copied().unwrap_or_default()
    }

    fn checksum(&self, covered: &[u8], records: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&self.0);
        hasher.update(covered);
        hasher.update(records);
        hasher.finalize()
    }
}

/// A group being collected. Reserves room for its header at the front.
pub(super) struct GroupBuilder {
    bytes: Vec<u8>,
    count: u32,
}

impl GroupBuilder {
    pub(super) fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + capacity);
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, count: 0 }
    }

    /// Adds a framed record and tells where its body stands in the group.
    pub(super) fn push(&mut self, framed: &[u8]) -> std::ops::Range<usize> {
        let start = self.bytes.len() + body::FRAME_BYTES;
        self.bytes.extend_from_slice(framed);
        self.count += 1;
        start..self.bytes.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Fills in the header.
    pub(super) fn seal(mut self, salt: &Salt, first: Position) -> Bytes {
        let length = u32::try_from(self.bytes.len() - HEADER_BYTES).unwrap_or(u32::MAX);
        let (header, records) = self.bytes.split_at_mut(HEADER_BYTES);
        let mut written = Vec::with_capacity(HEADER_BYTES);
        written.extend_from_slice(&salt.mark());
        written.extend_from_slice(&length.to_le_bytes());
        written.extend_from_slice(&self.count.to_le_bytes());
        written.extend_from_slice(&first.0.to_le_bytes());
        let crc = salt.checksum(&written, records);
        written.extend_from_slice(&crc.to_le_bytes());
        written.resize(HEADER_BYTES, 0);
        header.copy_from_slice(&written);
        Bytes::from(self.bytes)
    }
}

/// A whole group that was read. Its checksum and every record's were right.
#[derive(Clone)]
pub(super) struct Group {
    pub(super) first: Position,
    pub(super) count: u32,
    records: Bytes,
}

/// Length of the group that the header promises, header included; `None` when this is no header.
pub(super) fn promised_len(header: &[u8], salt: &Salt) -> Option<usize> {
    let mut reader = Reader(header);
    (reader.take(MARK_BYTES)? == salt.mark().as_slice()).then_some(())?;
    usize::try_from(reader.u32()?).ok()?.checked_add(HEADER_BYTES)
}

impl Group {
    /// The group at the front of `bytes`, and its length.
    pub(super) fn parse(bytes: &Bytes, salt: &Salt) -> Option<(Self, usize)> {
        let length = promised_len(bytes, salt)?;
        if length > bytes.len() {
            return None;
        }
        let whole = bytes.slice(..length);
        let (header, records) = whole.split_at_checked(HEADER_BYTES)?;
        let mut reader = Reader(header.get(MARK_BYTES + 4..)?);
        let (count, first, crc) = (reader.u32()?, reader.u64()?, reader.u32()?);
        if crc != salt.checksum(header.get(..COVERED_BYTES)?, records) || count == 0 {
            return None;
        }
        let group = Self { first: Position(first), count, records: whole.slice(HEADER_BYTES..) };
        group.is_whole().then_some((group, length))
    }

    /// Every record is there with a right checksum, and nothing else.
    fn is_whole(&self) -> bool {
        let mut reader = Reader(&self.records);
        let bodies =
            (0..self.count).map_while(|_| body::take_framed(&mut reader).and_then(Body::parse)).count();
        u32::try_from(bodies) == Ok(self.count) && reader.is_empty()
    }

    pub(super) fn last(&self) -> Position {
        Position(self.first.0.saturating_add(u64::from(self.count)) - 1)
    }

    /// Position and body of each record.
    pub(super) fn bodies(&self) -> impl Iterator<Item = (Position, Bytes)> {
        let mut reader = Reader(&self.records);
        (0..u64::from(self.count)).map_while(move |offset| {
            let body = body::take_framed(&mut reader)?;
            Some((Position(self.first.0 + offset), self.records.slice_ref(body)))
        })
    }
}
