//! What an owner may do only so often, and how contacts are kept in step.

use super::world::*;
use crate::user::{Command, Rejection, Reply, User, preview::PREVIEWS_MAX};

#[test]
fn previews_are_counted_over_a_day_and_a_refused_one_does_not_count() {
    let mut world = World::connected();
    for _ in 0..PREVIEWS_MAX {
        assert_eq!(world.run(Command::TakePreview), Ok(Reply::Done));
        world.wait(hours(1));
    }
    for _ in 0..2 {
        let retry_after = hours(19);
        assert_eq!(world.run(Command::TakePreview), Err(Rejection::TooSoon { retry_after }));
    }
    world.wait(hours(19));
    assert_eq!(world.run(Command::TakePreview), Ok(Reply::Done));
    assert_eq!(world.run(Command::TakePreview), Err(Rejection::TooSoon { retry_after: hours(1) }));
}

#[test]
fn the_interval_of_syncs_needs_a_connection_and_outlives_it() {
    let mut world = World::vacant();
    assert_eq!(world.run(Command::SetSyncInterval(6)), Err(Rejection::NotConnected));
    world.connect();
    world.run(Command::SetSyncInterval(6)).unwrap();
    world.run(Command::EraseInstagramData { account: ACCOUNT.into() }).unwrap();
    let interval = |user: &User| user.contact_sync.interval_hours;
    assert_eq!(interval(&world.user), 6, "the owner's choice is nothing of the account's");
    world.run(Command::Erase).unwrap();
    assert_eq!(interval(&world.user), 24);
}
