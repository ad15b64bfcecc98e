use super::world::*;
use crate::{
    Entity,
    errand::{ERASING, Stand},
    identity::{
        Command, IdentityEffect, Rejection, Reply, SecretHash,
        command::{DeletionProof, LinkFlow},
        limits::FRESH_FOR,
        mail::{MailKind, MailOutcome},
    },
};

fn by_password(verified: &str) -> Command {
    Command::Delete(DeletionProof::Password(verified.into()))
}

fn by_token(token: &str) -> Command {
    Command::Delete(DeletionProof::Token(SecretHash::of(token)))
}

fn by_session(world: &World, token: &str) -> Command {
    let since = world.now - FRESH_FOR;
    Command::Delete(DeletionProof::FreshSession { token: SecretHash::of(token), since })
}

fn finished(attempt: u32, erased: bool) -> Command {
    Command::WorkspaceErased { attempt, erased }
}

#[test]
fn a_deleted_user_leaves_a_tombstone_without_anything_personal() {
    let mut world = World::ada();
    world
        .run(Command::LinkAccount {
            flow: LinkFlow::IdToken,
            profile: profile("sub1", ADA),
            account: "g1".into(),
        })
        .unwrap();
    world.request_reset("t1");
    assert_eq!(world.names.len(), 4);
    assert_eq!(world.run(by_password("p1")), Ok(Reply::Done));
    assert!(world.names.is_empty());
    let bytes = rmp_serde::to_vec_named(&world.identity).unwrap();
    for personal in ["ada", "Ada", "sub1", "p1", "203.0.113.7", "Browser", "sealed", "refresh"] {
        assert!(!bytes.windows(personal.len()).any(|part| part == personal.as_bytes()), "{personal}");
    }
    assert!(world.identity.user().is_none() && world.identity.accounts().count() == 0);
    assert_eq!(world.run(Command::SignUp(Box::new(sign_up()))), Err(Rejection::Deleted));
    assert_eq!(world.sign_in("p1", "s2"), Err(Rejection::NoUser));
    // What was out when it was deleted comes home to nothing.
    world.mail_finished(1, 1, MailOutcome::Rejected { reason: "no".to_owned() });
    assert_eq!(world.identity.dead_mails().count(), 0);
}

#[test]
fn a_password_that_changed_meanwhile_deletes_nothing() {
    let mut world = World::ada();
    assert_eq!(world.run(by_password("other")), Err(Rejection::PasswordChanged));
    assert!(world.identity.user().is_some());
}

#[test]
fn a_deletion_token_lives_a_day_and_is_no_reset() {
    let mut world = World::ada();
    let token = SecretHash::of("d1");
    let mail = mail(MailKind::DeleteUser, ADA);
    world.run(Command::RequestDeletion { token, mail }).unwrap();
    world.request_reset("t1");
    assert_eq!(world.consume_reset("d1", "p2"), Err(Rejection::InvalidToken));
    assert_eq!(world.run(by_token("t1")), Err(Rejection::InvalidToken));
    world.wait(DAY);
    let mut late = world.clone();
    late.wait(SECOND);
    assert_eq!(late.run(by_token("d1")), Err(Rejection::InvalidToken));
    assert_eq!(world.run(by_token("d1")), Ok(Reply::Done));
    assert_eq!(world.run(by_token("d1")), Err(Rejection::NoUser));
}

#[test]
fn a_session_deletes_only_while_it_is_fresh() {
    let mut world = World::ada();
    assert_eq!(world.run(by_session(&world, "unknown")), Err(Rejection::NoSession));
    world.wait(DAY);
    assert_eq!(world.run(by_session(&world, "s1")), Err(Rejection::NotFresh));
    world.start("s2");
    assert_eq!(world.run(by_session(&world, "s2")), Ok(Reply::Done));
}

#[test]
fn the_workspace_is_erased_until_that_is_confirmed() {
    let mut world = World::ada();
    world.run(by_password("p1")).unwrap();
    assert_eq!(world.effects, [IdentityEffect::EraseWorkspace { attempt: 1 }]);
    assert!(world.identity.is_busy());
    // A crash between: recovery asks again.
    assert!(matches!(world.identity.activated(), Some(Command::Recover)));
    world.run(Command::Recover).unwrap();
    assert_eq!(world.effects, [IdentityEffect::EraseWorkspace { attempt: 2 }]);
    // The answer of the former attempt says nothing of this one.
    world.run(finished(1, false)).unwrap();
    assert!(world.identity.is_busy());
    world.run(finished(2, false)).unwrap();
    assert_eq!(world.identity.next_due(), Some(world.now + ERASING.first * 2));
    world.pass(ERASING.first * 2);
    assert_eq!(world.effects, [IdentityEffect::EraseWorkspace { attempt: 3 }]);
    // No answer at all.
    world.pass(ERASING.lease);
    assert_eq!(world.effects, [IdentityEffect::EraseWorkspace { attempt: 4 }]);
    // A success counts, whichever attempt it was.
    world.run(finished(3, true)).unwrap();
    assert_eq!(world.identity.tombstone().unwrap().erasure, Stand::Done { at: world.now });
    assert_eq!((world.identity.next_due(), world.identity.is_busy()), (None, false));
    let before = world.events.len();
    world.run(finished(4, false)).unwrap();
    world.run(Command::Recover).unwrap();
    world.run(Command::Tick).unwrap();
    assert_eq!(world.events.len(), before);
}

#[test]
fn attempts_at_erasing_never_end_and_wait_no_longer_than_the_limit() {
    let mut world = World::ada();
    world.run(by_password("p1")).unwrap();
    for attempt in 1..100 {
        world.run(finished(attempt, false)).unwrap();
        let due = world.identity.next_due().unwrap();
        assert!(due > world.now && due <= world.now + ERASING.max);
        world.now = due;
        world.run(Command::Tick).unwrap();
        assert_eq!(world.effects, [IdentityEffect::EraseWorkspace { attempt: attempt + 1 }]);
    }
}
