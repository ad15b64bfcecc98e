//! A record as bytes: the same in the journal, in tails of the working set and in checkpoints.
//!
//! ```text
//! framed  length:u32 crc32:u32 body
//! body    seq:u64 entity:text due:(0 | 1 i64 | 2, with 128 added when it erases) payload:bytes
//!         rows:u32 (stream:text no:u64 bytes:bytes)*  changes:u32 (1|2 name:text)*
//! text    length:u16 utf8       bytes  length:u32 bytes       all little-endian
//! ```
//!
//! The position is not part of it: it follows from the place in the group.

use super::bytes::{Put, Reader};
use crate::{
    DirectoryChange, DueChange, EntityId, Erase, HistoryRow, NewRecord, Position, RowNo, Seq, StoredRecord,
    Timestamp,
};

/// Length and checksum before a body.
pub(super) const FRAME_BYTES: usize = 8;
const DUE_UNCHANGED: u8 = 0;
const DUE_SET: u8 = 1;
const DUE_CLEAR: u8 = 2;
/// Added to the tag of the timer change when the record erases the history before it.
const ERASES_HISTORY: u8 = 0x80;
const CLAIM: u8 = 1;
const RELEASE: u8 = 2;

/// The framed form of a record that takes the seq after the expected one.
pub(super) fn encode(record: &NewRecord) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.size() + FRAME_BYTES);
    out.extend_from_slice(&[0; FRAME_BYTES]);
    put_body(&mut out, record);
    let (frame, body) = out.split_at_mut(FRAME_BYTES);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let crc = crc32fast::hash(body).to_le_bytes();
    for (place, byte) in frame.iter_mut().zip(length.into_iter().chain(crc)) {
        *place = byte;
    }
    out
}

fn put_body(out: &mut Vec<u8>, record: &NewRecord) {
    out.put_u64(record.expected_seq.next().0);
    out.put_text(record.entity.as_str());
    let tag = out.len();
    put_due(out, record.due);
    if record.erase == Erase::History
        && let Some(tag) = out.get_mut(tag)
    {
        *tag |= ERASES_HISTORY;
    }
    out.put_bytes(&record.payload);
    put_count(out, record.rows.len());
    for row in &record.rows {
        out.put_text(&row.stream);
        out.put_u64(row.no);
        out.put_bytes(&row.bytes);
    }
    put_count(out, record.directory.len());
    for change in &record.directory {
        out.push(if matches!(change, DirectoryChange::Claim(_)) { CLAIM } else { RELEASE });
        out.put_text(change.name());
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

pub(super) fn put_due(out: &mut Vec<u8>, due: DueChange) {
    match due {
        DueChange::Unchanged => out.push(DUE_UNCHANGED),
        DueChange::Set(at) => {
            out.push(DUE_SET);
            out.extend_from_slice(&at.as_millis().to_le_bytes());
        }
        DueChange::Clear => out.push(DUE_CLEAR),
    }
}

pub(super) fn take_due(reader: &mut Reader<'_>) -> Option<DueChange> {
    let tag = reader.u8()?;
    due_of(tag, reader)
}

fn take_due_and_erase(reader: &mut Reader<'_>) -> Option<(DueChange, Erase)> {
    let tag = reader.u8()?;
    let erase = if tag & ERASES_HISTORY == 0 { Erase::Nothing } else { Erase::History };
    Some((due_of(tag & !ERASES_HISTORY, reader)?, erase))
}

/// Whether a body erases, without taking all of it apart.
pub(super) fn erases_history(body: &[u8]) -> bool {
    let mut reader = Reader(body);
    let erase = reader.u64().and_then(|_| reader.text()).and_then(|_| take_due_and_erase(&mut reader));
    erase.is_some_and(|(_, erase)| erase == Erase::History)
}

fn due_of(tag: u8, reader: &mut Reader<'_>) -> Option<DueChange> {
    match tag {
        DUE_UNCHANGED => Some(DueChange::Unchanged),
        DUE_SET => Some(DueChange::Set(Timestamp::from_millis(reader.i64()?))),
        DUE_CLEAR => Some(DueChange::Clear),
        _ => None,
    }
}

/// Takes one framed body off the front; `None` when it is cut or its checksum is wrong.
pub(super) fn take_framed<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(reader.u32()?).ok()?;
    let crc = reader.u32()?;
    let body = reader.take(length)?;
    (crc32fast::hash(body) == crc).then_some(body)
}

/// A body taken apart without copying. Everything in it was checked.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) seq: Seq,
    pub(super) entity: &'a str,
    pub(super) due: DueChange,
    pub(super) erase: Erase,
    pub(super) payload: &'a [u8],
    rows: Reader<'a>,
    row_count: u32,
    changes: Reader<'a>,
    change_count: u32,
}

impl<'a> Body<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let seq = Seq(reader.u64()?);
        let entity = reader.text()?;
        let (due, erase) = take_due_and_erase(&mut reader)?;
        let payload = reader.bytes()?;
        let row_count = reader.u32()?;
        let rows = reader;
        for _ in 0..row_count {
            take_row(&mut reader)?;
        }
        let change_count = reader.u32()?;
        let changes = reader;
        for _ in 0..change_count {
            take_change(&mut reader)?;
        }
        let whole = reader.is_empty() && seq > Seq::ZERO;
        whole.then_some(Self { seq, entity, due, erase, payload, rows, row_count, changes, change_count })
    }

    /// Stream, number and content of each row.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&'a str, RowNo, &'a [u8])> {
        let mut reader = self.rows;
        (0..self.row_count).map_while(move |_| take_row(&mut reader))
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = DirectoryChange> {
        let mut reader = self.changes;
        (0..self.change_count).map_while(move |_| take_change(&mut reader))
    }

    /// The record as it was appended; `None` when the entity's name is not valid.
    pub(super) fn to_stored(self, position: Position) -> Option<StoredRecord> {
        let rows = self.rows().map(|(stream, no, bytes)| HistoryRow {
            stream: stream.to_owned(),
            no,
            bytes: bytes.to_vec(),
        });
        let record = NewRecord {
            entity: EntityId::parse(self.entity).ok()?,
            expected_seq: Seq(self.seq.0 - 1),
            payload: self.payload.to_vec(),
            rows: rows.collect(),
            directory: self.changes().collect(),
            due: self.due,
            erase: self.erase,
        };
        Some(StoredRecord { position, seq: self.seq, record })
    }
}

fn take_row<'a>(reader: &mut Reader<'a>) -> Option<(&'a str, RowNo, &'a [u8])> {
    Some((reader.text()?, reader.u64()?, reader.bytes()?))
}

fn take_change(reader: &mut Reader<'_>) -> Option<DirectoryChange> {
    let tag = reader.u8()?;
    let name = reader.text()?.to_owned();
    match tag {
        CLAIM => Some(DirectoryChange::Claim(name)),
        RELEASE => Some(DirectoryChange::Release(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = NewRecord> {
        let row = (any::<String>(), any::<u64>(), any::<Vec<u8>>())
            .prop_map(|(stream, no, bytes)| HistoryRow { stream, no, bytes });
        let change = (any::<bool>(), any::<String>()).prop_map(|(claim, name)| {
            if claim { DirectoryChange::Claim(name) } else { DirectoryChange::Release(name) }
        });
        let due = prop_oneof![
            Just(DueChange::Unchanged),
            Just(DueChange::Clear),
            any::<i64>().prop_map(|at| DueChange::Set(Timestamp::from_millis(at)))
        ];
        let lists = (prop::collection::vec(row, 0..4), prop::collection::vec(change, 0..4));
        let erase = prop_oneof![Just(Erase::Nothing), Just(Erase::History)];
        ("[a-z]{1,16}", "[^\\pC]{1,20}", 0..u64::MAX, any::<Vec<u8>>(), lists, (due, erase)).prop_map(
            |(kind, key, expected, payload, (rows, directory), (due, erase))| NewRecord {
                entity: EntityId::new(&kind, &key).unwrap(),
                expected_seq: Seq(expected),
                payload,
                rows,
                directory,
                due,
                erase,
            },
        )
    }

    /// A record as it was first released, before there was anything to erase. These bytes must be readable for ever, and
    /// a record that erases nothing still has them.
    const GOLDEN: &[u8] = b"A\0\0\0\x10\xa4p2\x07\0\0\0\0\0\0\0\x06\0user/a\x01\x05\0\0\0\0\0\0\0\x02\
        \0\0\0hi\x01\0\0\0\x01\0m\x09\0\0\0\0\0\0\0\x03\0\0\0row\x02\0\0\0\x01\x01\0n\x02\x01\0o";

    #[test]
    fn a_record_that_erases_nothing_has_its_released_form() {
        let record = NewRecord {
            rows: vec![HistoryRow { stream: "m".into(), no: 9, bytes: b"row".to_vec() }],
            directory: vec![DirectoryChange::Claim("n".into()), DirectoryChange::Release("o".into())],
            due: DueChange::Set(Timestamp::from_millis(5)),
            ..crate::conformance::record("a", 6, "hi")
        };
        assert_eq!(encode(&record), GOLDEN);
        let body = take_framed(&mut Reader(GOLDEN)).unwrap();
        assert!(!erases_history(body));
        assert_eq!(Body::parse(body).unwrap().to_stored(Position(1)).unwrap().record, record);
        let erasing = encode(&NewRecord { erase: Erase::History, ..record });
        assert_eq!(erasing.len(), GOLDEN.len());
        assert!(erases_history(&erasing[FRAME_BYTES..]));
    }

    proptest! {
        #[test]
        fn records_come_back(record in any_record()) {
            let bytes = encode(&record);
            prop_assert!(bytes.len() <= record.size());
            let mut reader = Reader(&bytes);
            let body = take_framed(&mut reader).unwrap();
            prop_assert!(reader.is_empty());
            let stored = Body::parse(body).unwrap().to_stored(Position(9)).unwrap();
            prop_assert_eq!(stored.seq, record.expected_seq.next());
            prop_assert_eq!(stored.record, record);
        }

        #[test]
        fn a_flipped_bit_is_noticed(record in any_record(), at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = encode(&record);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(take_framed(&mut Reader(&bytes)).is_none());
        }

        #[test]
        fn any_bytes_are_parsed_or_refused(bytes: Vec<u8>) {
            if let Some(body) = Body::parse(&bytes) {
                prop_assert!(body.rows().count() <= bytes.len());
            }
        }
    }
}
