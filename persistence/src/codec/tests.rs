use super::*;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Event {
    Deposited { cents: i64, note: String },
    Closed,
}

fn events() -> Vec<Event> {
    vec![Event::Deposited { cents: 250, note: "hi".into() }, Event::Closed]
}

/// Version 1 as first released. These bytes must be readable for ever.
const GOLDEN_EVENTS: &[u8] = b"\x01E\x03\x00\
    \x1c\x00\x00\x00\x81\xa9Deposited\x82\xa5cents\xcc\xfa\xa4note\xa2hi\
    \x07\x00\x00\x00\xa6Closed";
const GOLDEN_STATE: &[u8] = b"\x01S\x07\x00\x81\xa9Deposited\x82\xa5cents\x01\xa4note\xa0";

#[test]
fn events_have_their_released_form() {
    assert_eq!(encode_events(3, &events()).unwrap(), GOLDEN_EVENTS);
    let read = decode_events(GOLDEN_EVENTS).unwrap();
    assert_eq!(read.schema(), 3);
    let decoded: Vec<Event> = read.map(|bytes| rmp_serde::from_slice(bytes).unwrap()).collect();
    assert_eq!(decoded, events());
}

#[test]
fn a_state_has_its_released_form() {
    let state = Event::Deposited { cents: 1, note: String::new() };
    assert_eq!(encode_state(7, &state).unwrap(), GOLDEN_STATE);
    assert_eq!(decode_state::<Event>(GOLDEN_STATE).unwrap(), (7, state));
}

#[test]
fn an_empty_payload_has_no_events() {
    assert_eq!(decode_events(b"").unwrap().count(), 0);
    assert_eq!(decode_events(&encode_events::<Event>(1, &[]).unwrap()).unwrap().count(), 0);
}

#[test]
fn foreign_bytes_are_refused_by_name() {
    assert!(matches!(decode_events(b"\x02E\0\0"), Err(CodecError::Version(2))));
    assert!(matches!(decode_events(b"\x01S\0\0"), Err(CodecError::Kind(b'S'))));
    assert!(matches!(decode_events(b"\x01E\0"), Err(CodecError::Truncated)));
    assert!(matches!(open_state(b"\x01E\0\0"), Err(CodecError::Kind(b'E'))));
    assert!(matches!(decode_state::<Event>(b"\x01S\0\0\xc0"), Err(CodecError::Decode(_))));
}

#[test]
fn every_cut_of_the_events_is_noticed_or_at_an_event() {
    for cut in 1..GOLDEN_EVENTS.len() {
        match decode_events(&GOLDEN_EVENTS[..cut]) {
            Ok(read) => assert!(read.count() < 2),
            Err(error) => assert!(matches!(error, CodecError::Truncated)),
        }
    }
}

proptest! {
    #[test]
    fn any_values_come_back(schema: u16, values: Vec<(i64, String)>) {
        let bytes = encode_events(schema, &values).unwrap();
        let read = decode_events(&bytes).unwrap();
        prop_assert_eq!(read.schema(), schema);
        let decoded: Vec<(i64, String)> = read.map(|one| rmp_serde::from_slice(one).unwrap()).collect();
        prop_assert_eq!(decoded, values);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(read) = decode_events(&bytes) {
            prop_assert!(read.count() <= bytes.len());
        }
    }
}
