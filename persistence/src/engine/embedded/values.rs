//! Every value of the working set as bytes. The checksum around them is the business of [`super::working_set`].

use super::{
    body::{self, Body},
    bytes::{Put, Reader},
};
use crate::{DueChange, Position, RowNo, Seq, Timestamp};
use bytes::Bytes;

/// States over this size are compressed when that saves an eighth, in bytes.
const COMPRESS_FROM_BYTES: usize = 2048;
/// Fast: a snapshot is written far more often than it is read.
const COMPRESSION_LEVEL: i32 = 1;
/// Largest state that is unpacked, in bytes. Guards memory against a damaged length.
pub(super) const STATE_BYTES_MAX: usize = 1024 * 1024 * 1024;
const RAW: u8 = 0;
const ZSTD: u8 = 1;

/// What the working set knows of an entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: Seq,
    /// Seq of the kept snapshot; zero when there is none.
    pub(super) snapshot: Seq,
    pub(super) due: Option<Timestamp>,
    /// Sum over the pages of its history.
    pub(super) pages: u64,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(33);
        out.put_u64(self.seq.0);
        out.put_u64(self.snapshot.0);
        out.put_u64(self.pages);
        body::put_due(&mut out, self.due.map_or(DueChange::Clear, DueChange::Set));
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (seq, snapshot, pages) = (Seq(reader.u64()?), Seq(reader.u64()?), reader.u64()?);
        let due = match body::take_due(&mut reader)? {
            DueChange::Set(at) => Some(at),
            DueChange::Clear | DueChange::Unchanged => None,
        };
        Some(Self { seq, snapshot, due, pages })
    }
}

/// A state, compressed when that pays.
pub(super) fn encode_snapshot(seq: Seq, state: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + state.len());
    out.put_u64(seq.0);
    if state.len() >= COMPRESS_FROM_BYTES
        && let Ok(packed) = zstd::bulk::compress(state, COMPRESSION_LEVEL)
        && packed.len() <= state.len() / 8 * 7
    {
        out.push(ZSTD);
        out.put_u64(state.len() as u64);
        out.extend_from_slice(&packed);
    } else {
        out.push(RAW);
        out.extend_from_slice(state);
    }
    out
}

/// The seq that a state includes.
pub(super) fn snapshot_seq(bytes: &[u8]) -> Option<Seq> {
    Reader(bytes).u64().map(Seq)
}

pub(super) fn decode_snapshot(bytes: &[u8]) -> Option<(Seq, Vec<u8>)> {
    let mut reader = Reader(bytes);
    let seq = Seq(reader.u64()?);
    match reader.u8()? {
        RAW => Some((seq, reader.0.to_vec())),
        ZSTD => {
            let length = usize::try_from(reader.u64()?).ok().filter(|length| *length <= STATE_BYTES_MAX)?;
            let state = zstd::bulk::decompress(reader.0, length).ok()?;
            (state.len() == length).then_some((seq, state))
        }
        _ => None,
    }
}

/// A record of a tail: where it stands, and its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TailRecord {
    pub(super) position: Position,
    pub(super) seq: Seq,
    pub(super) body: Bytes,
}

pub(super) fn encode_tail(records: &[TailRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.iter().map(|record| 12 + record.body.len()).sum());
    for record in records {
        out.put_u64(record.position.0);
        out.put_bytes(&record.body);
    }
    out
}

pub(super) fn decode_tail(bytes: &Bytes) -> Option<Vec<TailRecord>> {
    let mut reader = Reader(bytes);
    let mut records = Vec::new();
    while !reader.is_empty() {
        let position = Position(reader.u64()?);
        let body = reader.bytes()?;
        let seq = Body::parse(body)?.seq;
        records.push(TailRecord { position, seq, body: bytes.slice_ref(body) });
    }
    Some(records)
}

/// Rows of a page, in order.
pub(super) type Rows = Vec<(RowNo, Bytes)>;

pub(super) fn encode_page(rows: &[(RowNo, Bytes)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.iter().map(|(_, row)| 12 + row.len()).sum());
    for (no, row) in rows {
        out.put_u64(*no);
        out.put_bytes(row);
    }
    out
}

pub(super) fn decode_page(bytes: &Bytes) -> Option<Rows> {
    let mut reader = Reader(bytes);
    let mut rows = Vec::new();
    while !reader.is_empty() {
        let no = reader.u64()?;
        rows.push((no, bytes.slice_ref(reader.bytes()?)));
    }
    rows.is_sorted_by(|a, b| a.0 < b.0).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_states_are_packed_and_come_back() {
        for state in [vec![], vec![7; 100], vec![7; 100_000], (0..=255).cycle().take(5000).collect()] {
            let value = encode_snapshot(Seq(3), &state);
            assert!(value.len() <= state.len() + 17);
            assert_eq!(decode_snapshot(&value), Some((Seq(3), state)));
        }
        assert_eq!(decode_snapshot(&[0; 8]), None);
    }

    #[test]
    fn heads_come_back() {
        for due in [None, Some(Timestamp::MIN), Some(Timestamp::MAX)] {
            let head = Head { seq: Seq(9), snapshot: Seq(4), due, pages: u64::MAX };
            assert_eq!(Head::decode(&head.encode()), Some(head));
        }
    }
}
