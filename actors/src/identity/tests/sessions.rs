use super::world::*;
use crate::{
    Entity,
    identity::{
        Command, Rejection, Reply, SecretHash,
        event::{IdentityEvent, SessionEnd},
        field::{Invalid, Problem},
        limits::{SESSIONS_MAX, SWEEP_STEP},
    },
};
use std::time::Duration;

fn tokens(world: &World) -> Vec<String> {
    world.identity.sessions(world.now).map(|session| session.id.as_str()[1..].to_owned()).collect()
}

fn refresh(world: &mut World, token: &str) -> Result<Reply, Rejection> {
    world.run(Command::RefreshSession { token: SecretHash::of(token) })
}

#[test]
fn a_session_lives_seven_days_or_one() {
    let mut world = World::ada();
    let mut short = new_session("short");
    short.remember = false;
    world.run(by_password(short)).unwrap();
    world.wait(DAY);
    assert!(world.session("short").is_some());
    world.wait(Duration::from_millis(1));
    assert!(world.session("short").is_none());
    world.wait(DAY * 6 - Duration::from_millis(1));
    assert!(world.session("s1").is_some());
    // Looking finds it in its last instant, the list leaves it out.
    assert_eq!(tokens(&world), Vec::<String>::new());
    world.wait(Duration::from_millis(1));
    assert!(world.session("s1").is_none());
}

#[test]
fn a_session_is_extended_a_day_after_its_last_extension_and_not_before() {
    let mut world = World::ada();
    world.wait(DAY - Duration::from_secs(60));
    let Ok(Reply::Session { session, extended: false }) = refresh(&mut world, "s1") else { panic!() };
    assert!(!session.is_due_for_refresh(world.now));
    world.wait(Duration::from_secs(60));
    assert!(world.session("s1").unwrap().is_due_for_refresh(world.now));
    let Ok(Reply::Session { session, extended: true }) = refresh(&mut world, "s1") else { panic!() };
    assert_eq!((session.expires_at, session.updated_at), (world.now + DAY * 7, world.now));
    // The request beside it comes too late to extend it again.
    assert_eq!(refresh(&mut world, "s1"), Ok(Reply::Session { session, extended: false }));
    world.wait(DAY * 7 + SECOND);
    assert_eq!(refresh(&mut world, "s1"), Err(Rejection::NoSession));
    assert_eq!(refresh(&mut world, "unknown"), Err(Rejection::NoSession));
}

#[test]
fn extending_makes_no_session_fresh_again() {
    let mut world = World::ada();
    world.wait(DAY - Duration::from_millis(1));
    assert!(world.session("s1").unwrap().is_fresh(world.now));
    world.wait(Duration::from_millis(1));
    refresh(&mut world, "s1").unwrap();
    assert!(!world.session("s1").unwrap().is_fresh(world.now));
}

#[test]
fn asking_again_for_the_same_session_gives_it_and_another_one_may_not_take_its_place() {
    let mut world = World::ada();
    world.wait(SECOND);
    let before = world.events.len();
    let Ok(Reply::SignedIn { session: Some(session), .. }) = world.run(by_password(new_session("s1"))) else {
        panic!()
    };
    assert_eq!((session.created_at, world.events.len()), (world.now - SECOND, before));
    let duplicate = Err(Rejection::Invalid(Invalid { field: "session", problem: Problem::Duplicate }));
    let mut same_id = new_session("s2");
    same_id.id = "-s1".into();
    assert_eq!(world.run(by_password(same_id)), duplicate);
    let mut same_token = new_session("s1");
    same_token.id = "-s2".into();
    assert_eq!(world.run(by_password(same_token)), duplicate);
}

#[test]
fn signing_out_and_revoking_are_fine_twice() {
    let mut world = World::ada();
    world.start("s2");
    world.start("s3");
    world.start("s4");
    let sign_out = Command::EndSession { token: SecretHash::of("s1") };
    assert_eq!(world.run(sign_out.clone()), Ok(Reply::Ended(1)));
    assert_eq!(world.run(sign_out), Ok(Reply::Ended(0)));
    // A handle from the list, and the caller's own token.
    for text in ["-s2", "s3"] {
        let revoke = Command::RevokeSession { id: text.into(), token: SecretHash::of(text) };
        assert_eq!(world.run(revoke.clone()), Ok(Reply::Ended(1)), "{text}");
        assert_eq!(world.run(revoke), Ok(Reply::Ended(0)), "{text}");
    }
    assert_eq!(tokens(&world), ["s4"]);
    assert_eq!(world.run(Command::RevokeAllSessions), Ok(Reply::Ended(1)));
    assert_eq!(world.names, [format!("email:{ADA}")].into());
}

#[test]
fn a_revoked_session_can_not_revoke_the_others() {
    let mut world = World::ada();
    world.start("s2");
    world.start("s3");
    let others = |keep| Command::RevokeOtherSessions { keep: SecretHash::of(keep) };
    assert_eq!(world.run(others("s2")), Ok(Reply::Ended(2)));
    assert_eq!(world.run(others("s1")), Err(Rejection::NoSession));
    assert_eq!(tokens(&world), ["s2"]);
}

#[test]
fn there_are_only_so_many_sessions_and_expired_ones_leave_first() {
    let mut world = World::ada();
    for no in 2..=SESSIONS_MAX {
        let mut new = new_session(&format!("s{no}"));
        new.remember = no != 50;
        world.run(by_password(new)).unwrap();
    }
    assert_eq!(tokens(&world).len(), SESSIONS_MAX);
    world.wait(DAY * 2);
    world.start("after expiry");
    assert!(world.session("s1").is_some() && world.identity.sessions.len() == SESSIONS_MAX);
    world.start("one too many");
    assert!(world.session("s1").is_none() && world.session("s2").is_some());
    assert!(world.session("one too many").is_some() && world.identity.sessions.len() == SESSIONS_MAX);
    let ends: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            IdentityEvent::SessionEnded { id, why } => Some((id.as_str(), *why)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [("-s50", SessionEnd::Expired), ("-s1", SessionEnd::Displaced)]);
}

#[test]
fn long_texts_of_the_client_are_cut() {
    let mut world = World::ada();
    let mut new = new_session("s2");
    new.user_agent = "ü".repeat(513).into();
    new.ip = "1".repeat(65).into();
    world.run(by_password(new)).unwrap();
    let session = world.session("s2").unwrap();
    assert_eq!((session.user_agent.chars().count(), session.ip.len()), (512, 64));
}

#[test]
fn expired_sessions_are_swept_together_and_their_names_released() {
    let mut world = World::ada();
    for no in 2..=60 {
        world.wait(SECOND);
        world.start(&format!("s{no}"));
    }
    let due = world.identity.next_due().unwrap();
    let first_end = world.identity.sessions.front().unwrap().expires_at;
    assert!(due > first_end && due <= first_end + SWEEP_STEP);
    // Sixty sessions that end in one minute want one or two wake-ups, not sixty.
    assert!(world.pass(DAY * 8) <= 2);
    assert_eq!(world.names, [format!("email:{ADA}")].into());
    assert_eq!(world.identity.next_due(), None);
}

#[test]
fn identities_sweep_at_different_instants() {
    let mut dues = std::collections::BTreeSet::new();
    for no in 0..50 {
        let mut world = World::ada();
        world.identity.key = format!("user {no}").into();
        world.identity.restored();
        dues.insert(world.identity.next_due());
    }
    assert!(dues.len() > 40, "{}", dues.len());
}
