//! Files: taken in once, within bounds, and gone when nothing uses them.

use super::world::*;
use crate::{
    Entity,
    user::{
        Command, Rejection, Reply, User, UserEffect,
        files::{
            FILES_BYTES_MAX, FileCommand, NewFile, Purpose, REPLACED_FOR, UNUSED_FOR, UPLOADS_MAX, file_claim,
        },
    },
};
use greenroom_persistence::DirectoryChange;

fn file(id: &str, bytes: u64) -> Command {
    Command::Files(FileCommand::Store(NewFile {
        id: id.into(),
        purpose: Purpose::ProfilePicture,
        content_type: "image/png".into(),
        bytes,
        sha256: [1; 32],
    }))
}

fn picture(id: Option<&str>) -> Command {
    Command::Files(FileCommand::UseAsPicture(id.map(Into::into)))
}

fn ids(user: &User) -> Vec<String> {
    user.files.iter().map(|file| file.id.to_string()).collect()
}

fn deleted(world: &World) -> Vec<String> {
    let id = |effect: &UserEffect| match effect {
        UserEffect::DeleteFile(id) => Some(id.to_string()),
        _ => None,
    };
    world.effects.iter().filter_map(id).collect()
}

#[test]
fn a_file_is_taken_in_once_and_its_name_is_claimed_with_it() {
    let mut world = World::vacant();
    for _ in 0..2 {
        assert_eq!(world.run(file("f1", 10)), Ok(Reply::Done));
    }
    assert_eq!((ids(&world.user).len(), world.user.files.bytes()), (1, 10));
    assert_eq!(world.directory, [DirectoryChange::Claim(file_claim("f1"))]);
    let Command::Files(FileCommand::Store(mut other)) = file("f1", 10) else { unreachable!() };
    other.sha256 = [2; 32];
    let other = world.run(Command::Files(FileCommand::Store(other)));
    assert!(matches!(other, Err(Rejection::Invalid(_))), "one token does not replace what it brought");
}

#[test]
fn files_are_bounded_in_bytes_and_by_the_hour() {
    let mut world = World::vacant();
    world.run(file("large", FILES_BYTES_MAX - 20)).unwrap();
    assert!(matches!(world.run(file("more", 21)), Err(Rejection::Invalid(_))));
    for no in 1..UPLOADS_MAX {
        world.run(file(&format!("f{no}"), 1)).unwrap();
    }
    let retry_after = hours(1);
    assert_eq!(world.run(file("late", 1)), Err(Rejection::TooSoon { retry_after }));
    world.wait(hours(1));
    world.run(file("late", 1)).unwrap();
    world.run(Command::Files(FileCommand::Delete("large".into()))).unwrap();
    world.run(file("more", 21)).unwrap();
}

#[test]
fn what_nothing_uses_goes_and_what_is_shown_stays() {
    let mut world = World::connected();
    for id in ["used", "shown", "unused"] {
        world.run(file(id, 1)).unwrap();
    }
    world.run(picture(Some("used"))).unwrap();
    world.automate("a1", fixed("price", "https://x.example/api/storage/shown"));
    world.wait(UNUSED_FOR);
    world.run(Command::Tick).unwrap();
    assert_eq!(ids(&world.user), ["shown", "used"]);
    assert_eq!(deleted(&world), ["unused"]);
    assert!(world.directory.contains(&DirectoryChange::Release(file_claim("unused"))));
    world.run(Command::DeleteAutomation { id: "a1".into() }).unwrap();
    world.wait(UNUSED_FOR);
    world.run(Command::Tick).unwrap();
    assert_eq!(ids(&world.user), ["used"]);
    assert!(world.user.files.next_due().is_none());
}

#[test]
fn a_replaced_picture_goes_after_a_week() {
    let mut world = World::vacant();
    for id in ["one", "two"] {
        world.run(file(id, 1)).unwrap();
        world.run(picture(Some(id))).unwrap();
    }
    world.run(picture(Some("two"))).unwrap();
    world.wait(REPLACED_FOR - secs(1));
    world.run(Command::Tick).unwrap();
    assert_eq!(ids(&world.user), ["one", "two"]);
    world.wait(secs(1));
    world.run(Command::Tick).unwrap();
    assert_eq!(ids(&world.user), ["two"]);
    assert_eq!(world.run(picture(Some("one"))), Err(Rejection::NoEntry("file")));
}

#[test]
fn files_go_with_the_workspace_and_outlive_an_instagram_account() {
    let mut world = World::connected();
    world.run(file("f1", 1)).unwrap();
    world.run(Command::EraseInstagramData { account: ACCOUNT.into() }).unwrap();
    assert_eq!(ids(&world.user), ["f1"]);
    world.run(Command::Erase).unwrap();
    assert!(ids(&world.user).is_empty() && world.user.next_due().is_none());
    assert!(world.directory.contains(&DirectoryChange::Release(file_claim("f1"))));
}
