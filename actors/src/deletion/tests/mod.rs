//! A request, and erasing until it is confirmed.

mod golden;

use super::{Command, Deletion, Effect, Event, Target};
use crate::{Draft, Entity, Timestamp, errand::ERASING, id::AccountId, identity::SecretHash};
use greenroom_persistence::Erase;

const CODE: &str = "0123456789abcdef0123456789abcdef";
const ACCOUNT: &str = "26000000000000001";

struct World {
    deletion: Deletion,
    now: Timestamp,
    events: Vec<Event>,
    effects: Vec<Effect>,
    erased: usize,
}

fn target() -> Target {
    Target { workspace: "w1".into(), account: AccountId::from(ACCOUNT) }
}

fn receive(target: Option<Target>) -> Command {
    Command::Receive { subject: SecretHash::of("person"), targets: target.into_iter().collect() }
}

impl World {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_767_225_600_000);
        let (events, effects) = (Vec::new(), Vec::new());
        Self { deletion: Deletion::vacant(CODE), now, events, effects, erased: 0 }
    }

    fn run(&mut self, command: Command) {
        let mut draft = Draft::new(self.deletion.clone());
        let Ok(()) = Deletion::decide(&mut draft, self.now, &command);
        let parts = draft.into_parts();
        self.events.extend(parts.events);
        self.effects = parts.effects;
        self.erased += usize::from(parts.erase == Erase::History);
        self.deletion = parts.state;
        let mut again = Deletion::vacant(CODE);
        self.events.iter().for_each(|event| again.apply(event));
        assert_eq!(encoded(&again), encoded(&self.deletion), "replay differs from the live state");
    }

    fn tick(&mut self) {
        self.now = self.deletion.next_due().expect("it is due");
        self.run(Command::Tick);
    }
}

fn encoded(deletion: &Deletion) -> Vec<u8> {
    rmp_serde::to_vec_named(deletion).unwrap()
}

fn erase(attempt: u32) -> Effect {
    Effect::EraseInstagramData { targets: vec![target()], attempt }
}

fn finished(attempt: u32, erased: bool) -> Command {
    Command::Finished { attempt, left: if erased { Vec::new() } else { vec![target()] } }
}

#[test]
fn of_an_unknown_person_everything_is_gone_already() {
    let mut world = World::new();
    world.run(receive(None));
    let request = world.deletion.request().unwrap();
    assert_eq!((request.received_at, request.done_at), (world.now, Some(world.now)));
    assert_eq!((world.effects.len(), world.deletion.next_due(), world.deletion.is_busy()), (0, None, false));
}

#[test]
fn the_data_is_erased_until_that_is_confirmed() {
    let mut world = World::new();
    world.run(receive(Some(target())));
    let received_at = world.now;
    assert_eq!((world.effects.as_slice(), world.deletion.is_busy()), ([erase(1)].as_slice(), true));
    // The same request again.
    let before = world.events.len();
    world.run(receive(Some(target())));
    world.run(receive(None));
    assert_eq!(world.events.len(), before);
    // A crash between: recovery asks again, and the answer to the attempt before says nothing of this one.
    assert_eq!(world.deletion.activated(), Some(Command::Recover));
    world.run(Command::Recover);
    assert_eq!(world.effects, [erase(2)]);
    world.run(finished(1, false));
    assert!(world.deletion.is_busy());
    world.run(finished(2, false));
    assert_eq!(world.deletion.next_due(), Some(world.now + ERASING.first * 2));
    world.tick();
    assert_eq!(world.effects, [erase(3)]);
    // No answer at all.
    assert_eq!(world.deletion.next_due(), Some(world.now + ERASING.lease));
    world.tick();
    assert_eq!((world.effects.as_slice(), world.erased), ([erase(4)].as_slice(), 0));
    // A success counts, whichever attempt it was.
    world.run(finished(3, true));
    let request = world.deletion.request().unwrap();
    assert_eq!((request.received_at, request.done_at), (received_at, Some(world.now)));
    assert_eq!((world.deletion.next_due(), world.deletion.activated(), world.erased), (None, None, 1));
    let before = world.events.len();
    for command in [finished(4, false), finished(4, true), Command::Tick, Command::Recover, receive(None)] {
        world.run(command);
    }
    assert_eq!(world.events.len(), before);
}

#[test]
fn what_is_left_names_neither_the_account_nor_the_workspace() {
    let mut world = World::new();
    world.run(receive(Some(target())));
    world.run(finished(1, true));
    let bytes = encoded(&world.deletion);
    for trace in [ACCOUNT, "w1", "person"] {
        assert!(!bytes.windows(trace.len()).any(|part| part == trace.as_bytes()), "{trace}");
    }
    assert_eq!(world.deletion.request().unwrap().subject, SecretHash::of("person"));
}

#[test]
fn attempts_never_end_and_wait_no_longer_than_the_limit() {
    let mut world = World::new();
    world.run(receive(Some(target())));
    for attempt in 1..100 {
        world.run(finished(attempt, false));
        let due = world.deletion.next_due().unwrap();
        assert!(due > world.now && due <= world.now + ERASING.max);
        world.tick();
        assert_eq!(world.effects, [erase(attempt + 1)]);
    }
}

#[test]
fn every_workspace_that_has_the_data_erases_it_and_none_is_asked_twice() {
    let place = |workspace: &str| Target { workspace: workspace.into(), ..target() };
    let (one, two, three) = (place("w1"), place("w2"), place("w3"));
    let targets = vec![one.clone(), two.clone(), three.clone()];
    let mut world = World::new();
    world.run(Command::Receive { subject: SecretHash::of("person"), targets: targets.clone() });
    assert_eq!(world.effects, [Effect::EraseInstagramData { targets, attempt: 1 }]);
    world.run(Command::Finished { attempt: 1, left: vec![one.clone(), three.clone()] });
    assert!(world.deletion.request().unwrap().done_at.is_none());
    world.tick();
    let left = vec![one.clone(), three.clone()];
    assert_eq!(world.effects, [Effect::EraseInstagramData { targets: left, attempt: 2 }]);
    // The answer to an attempt that was given up counts for what it says is gone.
    world.run(Command::Finished { attempt: 1, left: vec![three.clone(), two] });
    world.run(Command::Finished { attempt: 2, left: vec![one, three.clone()] });
    world.tick();
    assert_eq!(world.effects, [Effect::EraseInstagramData { targets: vec![three], attempt: 3 }]);
    world.run(finished(3, true));
    assert_eq!((world.deletion.request().unwrap().done_at, world.erased), (Some(world.now), 1));
}
