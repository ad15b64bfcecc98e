//! Notes of holders, and taking them back.

use super::{Command, Custody, Event, HOLDERS_MAX, Rejection};
use crate::{Draft, Entity, Timestamp};

#[derive(Default)]
struct World {
    custody: Custody,
    events: Vec<Event>,
}

impl World {
    fn run(&mut self, command: Command) -> Result<(), Rejection> {
        let mut draft = Draft::new(self.custody.clone());
        Custody::decide(&mut draft, Timestamp::from_millis(1), &command)?;
        let parts = draft.into_parts();
        self.events.extend(parts.events);
        let mut again = Custody::default();
        self.events.iter().for_each(|event| again.apply(event));
        assert_eq!(again, parts.state, "replay differs from the live state");
        let bytes = rmp_serde::to_vec_named(&parts.state).unwrap();
        self.custody = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(self.custody, parts.state);
        Ok(())
    }

    fn add(&mut self, workspace: &str) -> Result<(), Rejection> {
        self.run(Command::Add { workspace: workspace.into() })
    }

    fn remove(&mut self, workspace: &str, mark: u64) {
        self.run(Command::Remove { workspace: workspace.into(), mark }).unwrap();
    }
}

#[test]
fn several_workspaces_hold_data_until_each_has_erased_it() {
    let mut world = World::default();
    for workspace in ["w1", "w2", "w1"] {
        world.add(workspace).unwrap();
    }
    let held: Vec<_> =
        world.custody.holders().map(|(workspace, mark)| (workspace.to_string(), mark)).collect();
    assert_eq!(held, [("w1".to_owned(), 3), ("w2".to_owned(), 2)]);
    world.remove("w2", 2);
    assert_eq!((world.custody.mark("w1"), world.custody.mark("w2")), (Some(3), None));
    let before = world.events.len();
    world.remove("w2", 2);
    world.remove("w9", 1);
    assert_eq!(world.events.len(), before);
}

#[test]
fn a_workspace_that_was_noted_again_meanwhile_stays() {
    let mut world = World::default();
    world.add("w1").unwrap();
    let seen = world.custody.mark("w1").unwrap();
    // It was asked to erase, and connected again before the note was taken back.
    world.add("w1").unwrap();
    world.remove("w1", seen);
    assert!(world.custody.mark("w1").is_some());
    // Marks do not come twice, even after everybody has left.
    let last = world.custody.mark("w1").unwrap();
    world.remove("w1", last);
    world.add("w1").unwrap();
    assert!(world.custody.mark("w1").unwrap() > last);
}

#[test]
fn holders_fit_up_to_the_limit_and_not_one_past_it() {
    let mut world = World::default();
    for n in 0..HOLDERS_MAX {
        let mut draft = Draft::new(world.custody.clone());
        let add = Command::Add { workspace: format!("w{n}").as_str().into() };
        Custody::decide(&mut draft, Timestamp::from_millis(1), &add).unwrap();
        world.custody = draft.into_parts().state;
    }
    let mut draft = Draft::new(world.custody);
    let add = |workspace: &str| Command::Add { workspace: workspace.into() };
    let decided = Custody::decide(&mut draft, Timestamp::from_millis(1), &add("one more"));
    assert_eq!(decided, Err(Rejection::Full));
    assert!(Custody::decide(&mut draft, Timestamp::from_millis(1), &add("w0")).is_ok());
}
