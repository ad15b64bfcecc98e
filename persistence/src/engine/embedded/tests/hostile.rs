//! Files and values with any damage at any place: what was whole before it is read, nothing else is, nothing panics.

use super::*;
use ::bytes::Bytes;
use checkpoint::{CheckpointError, CheckpointReader, CheckpointWriter, Entry, NameState};
use group::{GroupBuilder, Salt};
use proptest::prelude::*;
use segment::{End, HEADER_BYTES, Header, ScanError};

const CASES: u32 = 128;

fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

/// A segment as the journal writes it, and what stands in it.
#[derive(Debug)]
struct Written {
    bytes: Vec<u8>,
    /// Where each group begins, and at last where the zeros begin.
    begins: Vec<usize>,
    /// Number of records up to the end of each group.
    records: Vec<u64>,
}

/// Groups of records by their payload's length.
fn written(groups: &[Vec<usize>]) -> Written {
    let salt = Salt([0xa7; group::SALT_BYTES]);
    let mut bytes = Header { first: Position(1), salt }.encode().to_vec();
    let (mut begins, mut records, mut count) = (vec![bytes.len()], vec![0], 0);
    for payloads in groups {
        let mut builder = GroupBuilder::new(64);
        let first = Position(count + 1);
        for length in payloads {
            builder.push(&body::encode(&record("e", count, &"x".repeat(*length))));
            count += 1;
        }
        bytes.extend_from_slice(&builder.seal(&salt, first));
        begins.push(bytes.len());
        records.push(count);
    }
    bytes.resize(bytes.len() + 500, 0);
    Written { bytes, begins, records }
}

/// What a scan hands over, and how it says that the segment ends.
type Scanned = (Vec<(Position, Bytes)>, End, usize);

fn scanned(bytes: &[u8]) -> Result<Scanned, ScanError<()>> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("1.seg");
    fs::write(&path, bytes).unwrap();
    let mut found = Vec::new();
    let scan = segment::scan(&path, |group, _| {
        found.extend(group.bodies());
        Ok(())
    })?;
    assert!(scan.end <= bytes.len().max(HEADER_BYTES));
    Ok((found, scan.how, scan.end))
}

fn any_groups() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(0..300_usize, 1..5), 1..6)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_segment_cut_at_any_byte_has_its_whole_groups_and_a_torn_end(
        groups in any_groups(), at: prop::sample::Index, is_shorter: bool,
    ) {
        let Written { bytes, begins, records } = written(&groups);
        let all = scanned(&bytes).unwrap().0;
        let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
        let mut cut = bytes.clone();
        cut[at..].fill(0);
        if is_shorter {
            cut.truncate(at);
        }
        let (found, how, end) = scanned(&cut).unwrap();
        // Zeros at a group's own end may be what was cut.
        let whole = (0..begins.len()).rev().find(|n| cut.get(..begins[*n]) == Some(&bytes[..begins[*n]])).unwrap();
        prop_assert_eq!(&found, &all[..usize::try_from(records[whole]).unwrap()]);
        prop_assert_eq!(end, begins[whole]);
        let is_clean = cut[end..].iter().all(|byte| *byte == 0);
        prop_assert_eq!(how, if is_clean { End::Clean } else { End::Torn });
    }

    #[test]
    fn a_flipped_bit_is_a_torn_end_in_the_last_group_and_damage_before_it(
        groups in any_groups(), at: prop::sample::Index, bit in 0..8_u8,
    ) {
        let Written { mut bytes, begins, records } = written(&groups);
        let all = scanned(&bytes).unwrap().0;
        let at = HEADER_BYTES + at.index(begins.last().unwrap() - HEADER_BYTES);
        bytes[at] ^= 1 << bit;
        let hit = begins.iter().rposition(|begin| *begin <= at).unwrap();
        let (found, how, end) = scanned(&bytes).unwrap();
        // The last four bytes of a group's header are not used and not covered.
        if (28..32).contains(&(at - begins[hit])) {
            prop_assert_eq!((&found, how), (&all, End::Clean));
            return Ok(());
        }
        prop_assert_eq!(&found, &all[..usize::try_from(records[hit]).unwrap()]);
        prop_assert_eq!(end, begins[hit]);
        let expected = if hit + 2 == begins.len() { End::Torn } else { End::Damaged { next_whole: begins[hit + 1] } };
        prop_assert_eq!(how, expected);
    }

    #[test]
    fn any_bytes_after_a_header_are_no_records(noise in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut bytes = written(&[]).bytes;
        bytes.truncate(HEADER_BYTES);
        bytes.extend_from_slice(&noise);
        let (found, how, end) = scanned(&bytes).unwrap();
        prop_assert_eq!((found, end), (vec![], HEADER_BYTES));
        let is_damaged = matches!(how, End::Damaged { .. });
        prop_assert!(!is_damaged);
    }

    #[test]
    fn any_bytes_are_no_segment(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(matches!(scanned(&bytes), Err(ScanError::Header)));
    }

    #[test]
    fn a_header_with_a_flipped_bit_is_refused(at in 0..44_usize, bit in 0..8_u8) {
        let mut bytes = written(&[vec![10]]).bytes;
        bytes[at] ^= 1 << bit;
        prop_assert!(matches!(scanned(&bytes), Err(ScanError::Header)));
    }
}

/// A checkpoint of some entities with rows and names.
fn checkpoint_of(count: u64) -> (Vec<u8>, Vec<Entry>) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("1.ckpt");
    let mut entries = Vec::new();
    let id = |n: u64| entity(&format!("e{n:03}"));
    for n in 0..count {
        let framed = body::encode(&record(&format!("e{n:03}"), 0, "x"));
        let body = Bytes::copy_from_slice(body::take_framed(&mut bytes::Reader(&framed)).unwrap());
        let tail = vec![values::TailRecord { position: Position(n + 1), seq: Seq(1), body }];
        entries.push(Entry::Entity {
            id: id(n),
            head: Seq(1),
            due: crate::DueChange::Clear,
            snapshot: None,
            tail,
        });
    }
    for n in 0..count {
        entries.push(Entry::Row { id: id(n), stream: "m".into(), no: n, row: Bytes::from(vec![7; 50]) });
    }
    for n in 0..count {
        entries.push(Entry::Name { name: format!("n{n:03}"), state: NameState::Owned(id(n)) });
    }
    let mut writer = CheckpointWriter::create(&path, Position(count)).unwrap();
    entries.iter().for_each(|entry| writer.push(entry).unwrap());
    writer.finish().unwrap();
    (fs::read(&path).unwrap(), entries)
}

/// What a reader hands over before it ends, and how it ends.
fn read_checkpoint(bytes: &[u8]) -> (Vec<Entry>, Result<(), CheckpointError>) {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("1.ckpt");
    fs::write(&path, bytes).unwrap();
    let mut found = Vec::new();
    let read = CheckpointReader::open(&path).and_then(|mut reader| {
        while let Some(entry) = reader.next_entry()? {
            found.push(entry);
        }
        Ok(())
    });
    (found, read)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_checkpoint_with_any_damage_is_refused(
        count in 1..60_u64, at: prop::sample::Index, bit in 0..8_u8, is_cut: bool,
    ) {
        let (mut bytes, entries) = checkpoint_of(count);
        prop_assert_eq!(&read_checkpoint(&bytes).0, &entries);
        let at = at.index(bytes.len());
        if is_cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        let (found, read) = read_checkpoint(&bytes);
        let is_named = matches!(read, Err(CheckpointError::Damaged { .. }));
        prop_assert!(is_named, "{:?}", read);
        prop_assert!(entries.starts_with(&found));
    }

    #[test]
    fn any_bytes_are_no_checkpoint(noise in prop::collection::vec(any::<u8>(), 0..500), has_header: bool) {
        let mut bytes = if has_header { checkpoint_of(1).0[..24].to_vec() } else { Vec::new() };
        bytes.extend_from_slice(&noise);
        let (found, read) = read_checkpoint(&bytes);
        prop_assert!(found.is_empty() && read.is_err());
    }

    #[test]
    fn any_bytes_are_values_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        prop_assert!(values::decode_tail(&bytes).is_none_or(|records| records.len() <= bytes.len()));
        prop_assert!(values::decode_page(&bytes).is_none_or(|rows| rows.len() <= bytes.len()));
        // The first byte after the seq tells the form; the packed one is behind a checksum and asks for what it names.
        if bytes.get(8) != Some(&1) {
            prop_assert!(values::decode_snapshot(&bytes).is_none_or(|(_, state)| state.len() <= bytes.len()));
        }
        if let Some(head) = values::Head::decode(&bytes) {
            prop_assert_eq!(values::Head::decode(&head.encode()), Some(head));
        }
        let _ = keys::parse_timer(&bytes);
        let _ = keys::parse_entity(&bytes);
    }
}
