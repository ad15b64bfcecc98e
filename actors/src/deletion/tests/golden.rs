//! Bytes that an earlier program wrote: states and events must stay readable, for the log before a snapshot may be gone.
//!
//! A file is never written again once a release has it. What is new gets a file of its own: add it here, empty, and run
//! the tests, which fill empty files and say so.

use super::{CODE, World, finished, receive, target};
use crate::{
    Entity,
    deletion::{Deletion, Event},
    shell::encoding,
};
use greenroom_persistence::{Position, codec};
use std::{fs, path::Path};

const STATE: (&str, &[u8]) = ("state-1.bin", include_bytes!("golden/state-1.bin"));
const DONE: (&str, &[u8]) = ("done-1.bin", include_bytes!("golden/done-1.bin"));
/// All events up to the second state, one of every kind among them.
const HISTORY: (&str, &[u8]) = ("history-1.bin", include_bytes!("golden/history-1.bin"));
/// The events that came later.
const LATER: (&str, &[u8]) = ("events-1.bin", include_bytes!("golden/events-1.bin"));
const POSITION: Position = Position(70_000);

/// A request under way, and the same one done.
fn eventful() -> (World, Deletion) {
    let mut world = World::new();
    world.run(receive(Some(target())));
    world.run(finished(1, false));
    world.tick();
    let under_way = world.deletion.clone();
    world.run(finished(2, true));
    (world, under_way)
}

fn later() -> [Event; 1] {
    [Event::Narrowed(vec![target()])]
}

#[test]
fn an_empty_golden_file_is_filled_and_told() {
    let (world, under_way) = eventful();
    let mut filled = Vec::new();
    let mut fill = |(name, bytes): (&'static str, &[u8]), fresh: Vec<u8>| {
        if bytes.is_empty() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/deletion/tests/golden");
            fs::write(folder.join(name), fresh).unwrap();
            filled.push(name);
        }
    };
    fill(STATE, encoding::snapshot(&under_way, POSITION).unwrap());
    fill(DONE, encoding::snapshot(&world.deletion, POSITION).unwrap());
    fill(HISTORY, codec::encode_events(Deletion::SCHEMA, &world.events).unwrap());
    fill(LATER, codec::encode_events(Deletion::SCHEMA, &later()).unwrap());
    assert!(filled.is_empty(), "filled {filled:?}: run the tests again and commit them");
}

#[test]
fn states_and_events_that_an_earlier_program_wrote_are_still_read() {
    let (world, under_way) = eventful();
    for ((name, bytes), expected) in [(STATE, &under_way), (DONE, &world.deletion)] {
        let (read, position) = encoding::state::<Deletion>(bytes).expect(name);
        assert_eq!((read.request(), position), (expected.request(), POSITION), "{name}");
    }
    let events: Vec<Event> =
        codec::decode_events(HISTORY.1).unwrap().map(|bytes| rmp_serde::from_slice(bytes).unwrap()).collect();
    assert_eq!(events, world.events);
    let events: Vec<Event> =
        codec::decode_events(LATER.1).unwrap().map(|bytes| rmp_serde::from_slice(bytes).unwrap()).collect();
    assert_eq!(events, later());
    let mut replayed = Deletion::vacant(CODE);
    encoding::replay(&mut replayed, HISTORY.1).unwrap();
    assert_eq!(replayed.request(), world.deletion.request());
}
