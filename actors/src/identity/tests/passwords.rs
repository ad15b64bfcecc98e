use super::world::*;
use crate::identity::{
    Command, Rejection, Reply, SecretHash,
    command::{NewAccount, NewLogin},
    field::{Invalid, Problem},
    limits::{ONE_TIME_TOKENS_MAX, PASSWORD_HASH_BYTES_MAX},
    mail::MailKind,
    row::Purpose,
};
use std::time::Duration;

fn sign_in(verified: &str, rehash: Option<&str>, session: &str) -> Command {
    Command::SignIn {
        verified: verified.into(),
        rehash: rehash.map(Into::into),
        session: new_session(session),
    }
}

fn change(verified: &str, to: &str, revoke: Option<&str>) -> Command {
    Command::ChangePassword { verified: verified.into(), to: to.into(), revoke: revoke.map(new_session) }
}

/// Somebody who signed up by Google.
fn without_password() -> World {
    let mut world = World::vacant();
    let mut new = sign_up();
    new.account = NewAccount { id: "g1".into(), login: NewLogin::Provider(google("sub1")) };
    world.run(Command::SignUp(Box::new(new))).unwrap();
    world
}

#[test]
fn signing_in_ends_no_other_session() {
    let mut world = World::ada();
    world.sign_in("p1", "s2").unwrap();
    assert!(world.session("s1").is_some() && world.session("s2").is_some());
}

#[test]
fn who_verified_a_password_that_changed_meanwhile_is_not_let_in() {
    let mut world = World::ada();
    world.run(change("p1", "p2", None)).unwrap();
    assert_eq!(world.sign_in("p1", "s2"), Err(Rejection::PasswordChanged));
    assert_eq!(world.run(change("p1", "p3", None)), Err(Rejection::PasswordChanged));
    assert_eq!((world.password(), world.session("s2")), (Some("p2"), None));
    world.sign_in("p2", "s2").unwrap();
}

#[test]
fn two_first_sign_ins_at_once_both_succeed_and_one_better_hash_is_stored() {
    let mut world = World::ada();
    world.run(sign_in("p1", Some("better"), "s2")).unwrap();
    world.run(sign_in("p1", Some("better too"), "s3")).unwrap();
    assert_eq!(world.password(), Some("better"));
    assert!(world.session("s2").is_some() && world.session("s3").is_some());
    // A change of the password ends that.
    world.run(change("better", "p2", None)).unwrap();
    assert_eq!(world.sign_in("better", "s4"), Err(Rejection::PasswordChanged));
    assert_eq!(world.sign_in("p1", "s4"), Err(Rejection::PasswordChanged));
}

#[test]
fn a_better_hash_is_stored_only_in_place_of_the_one_verified() {
    let mut world = World::ada();
    let rehash = |from: &str, to: &str| Command::Rehash { from: from.into(), to: to.into() };
    assert_eq!(world.run(rehash("other", "x")), Ok(Reply::Done));
    assert_eq!(world.password(), Some("p1"));
    assert_eq!(world.run(rehash("p1", "better")), Ok(Reply::Done));
    assert_eq!(world.run(rehash("p1", "late")), Ok(Reply::Done));
    assert_eq!(world.password(), Some("better"));
}

#[test]
fn changing_the_password_may_end_every_session_and_start_one() {
    let mut world = World::ada();
    world.start("s2");
    let Ok(Reply::SignedIn { session: None, .. }) = world.run(change("p1", "p2", None)) else { panic!() };
    assert!(world.session("s1").is_some());
    let Ok(Reply::SignedIn { session: Some(_), .. }) = world.run(change("p2", "p3", Some("s3"))) else {
        panic!()
    };
    assert_eq!((world.session("s1"), world.session("s2")), (None, None));
    assert!(world.session("s3").is_some());
    assert_eq!(world.password(), Some("p3"));
}

#[test]
fn whoever_has_no_password_gets_one_by_a_reset() {
    let mut world = without_password();
    assert_eq!(world.run(change("p1", "p2", None)), Err(Rejection::NoPassword));
    world.request_reset("t1");
    assert_eq!(world.consume_reset("t1", "p1"), Ok(Reply::Ended(0)));
    assert_eq!((world.password(), world.identity.accounts().count()), (Some("p1"), 2));
}

#[test]
fn hashes_are_bounded() {
    let mut world = World::ada();
    let hash = |len: usize| "h".repeat(len);
    let problem = |problem| Err(Rejection::Invalid(Invalid { field: "password", problem }));
    let too_long = problem(Problem::TooLong(PASSWORD_HASH_BYTES_MAX));
    assert_eq!(world.run(change("p1", &hash(PASSWORD_HASH_BYTES_MAX + 1), None)), too_long);
    assert_eq!(world.run(change("p1", "", None)), problem(Problem::Empty));
    assert!(world.run(change("p1", &hash(PASSWORD_HASH_BYTES_MAX), None)).is_ok());
}

#[test]
fn a_reset_works_once_and_of_two_requests_one_wins() {
    let mut world = World::ada();
    world.request_reset("t1");
    assert!(world.names.contains(&format!("reset:{}", SecretHash::of("t1").hex())));
    assert_eq!(world.consume_reset("t1", "p2"), Ok(Reply::Ended(0)));
    assert_eq!(world.consume_reset("t1", "p3"), Err(Rejection::InvalidToken));
    assert_eq!(world.password(), Some("p2"));
    assert!(world.session("s1").is_some(), "sessions stay");
    assert_eq!(world.sign_in("p1", "s2"), Err(Rejection::PasswordChanged));
}

#[test]
fn a_reset_may_end_every_session() {
    let mut world = World::ada();
    world.request_reset("t1");
    let reset = Command::ConsumeReset {
        token: SecretHash::of("t1"),
        to: "p2".into(),
        account: "new".into(),
        revoke_sessions: true,
    };
    assert_eq!(world.run(reset), Ok(Reply::Ended(1)));
    assert_eq!(world.session("s1"), None);
}

#[test]
fn a_bad_hash_leaves_the_token_alone() {
    let mut world = World::ada();
    world.request_reset("t1");
    assert!(matches!(world.consume_reset("t1", ""), Err(Rejection::Invalid(_))));
    assert!(world.consume_reset("t1", "p2").is_ok());
}

#[test]
fn a_reset_gives_a_user_without_a_password_one() {
    let mut world = without_password();
    world.request_reset("t1");
    world.consume_reset("t1", "p1").unwrap();
    assert_eq!((world.password(), world.identity.credential().unwrap().id.as_str()), (Some("p1"), "new"));
}

#[test]
fn a_reset_lives_an_hour_and_others_live_beside_it() {
    let mut world = World::ada();
    world.request_reset("t1");
    world.wait(SECOND);
    world.request_reset("t2");
    world.wait(Duration::from_secs(3_599));
    let live = |world: &World, token| {
        world.identity.one_time_token(Purpose::ResetPassword, &SecretHash::of(token), world.now).is_some()
    };
    assert!(live(&world, "t1") && live(&world, "t2"));
    world.wait(SECOND);
    assert!(!live(&world, "t1") && live(&world, "t2"));
    assert_eq!(world.consume_reset("t1", "p2"), Err(Rejection::InvalidToken));
    assert!(world.consume_reset("t2", "p2").is_ok());
    // The name goes with the sweep.
    world.pass(Duration::from_secs(7_200));
    assert!(!world.names.iter().any(|name| name.starts_with("reset:")));
}

#[test]
fn the_newest_reset_always_works_however_many_there_are() {
    let mut world = World::ada();
    for no in 0..=ONE_TIME_TOKENS_MAX {
        assert_eq!(world.identity.tokens.len(), no.min(ONE_TIME_TOKENS_MAX));
        world.request_reset(&format!("t{no}"));
    }
    assert_eq!(world.identity.tokens.len(), ONE_TIME_TOKENS_MAX);
    assert_eq!(world.consume_reset("t0", "p2"), Err(Rejection::InvalidToken));
    assert!(world.consume_reset("t1", "p2").is_ok());
    assert!(world.consume_reset(&format!("t{ONE_TIME_TOKENS_MAX}"), "p3").is_ok());
}

#[test]
fn a_token_comes_with_its_own_mail_to_the_present_address() {
    let mut world = World::ada();
    let ask = |kind, to: &str| Command::RequestReset { token: SecretHash::of("t1"), mail: mail(kind, to) };
    let wrong = Err(Rejection::Invalid(Invalid { field: "mail", problem: Problem::WrongType }));
    assert_eq!(world.run(ask(MailKind::DeleteUser, ADA)), wrong);
    assert_eq!(world.run(ask(MailKind::ResetPassword, "b@example.com")), Err(Rejection::EmailMismatch));
    world.run(ask(MailKind::ResetPassword, ADA)).unwrap();
    let again = Err(Rejection::Invalid(Invalid { field: "token", problem: Problem::Duplicate }));
    assert_eq!(world.run(ask(MailKind::ResetPassword, ADA)), again);
}
