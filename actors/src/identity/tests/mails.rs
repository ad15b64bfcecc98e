use super::world::*;
use crate::{
    Entity,
    identity::{
        Command, Email, IdentityEffect,
        field::{Invalid, Problem},
        limits::{
            DEAD_MAIL_AGE_MAX, DEAD_MAILS_MAX, MAIL_ATTEMPTS_MAX, MAIL_LEASE, MAIL_RETRY_FIRST,
            MAIL_RETRY_MAX, MAILS_MAX, SEALED_BYTES_MAX, SWEEP_STEP,
        },
        mail::{DeadCause, MailKind, MailOutcome},
        reply::Rejection,
    },
};
use std::time::Duration;

fn retry() -> MailOutcome {
    MailOutcome::Retry { reason: "busy".to_owned(), after: None }
}

fn verification(world: &mut World) {
    world.run(Command::SendMail(mail(MailKind::VerifyEmail, ADA))).unwrap();
}

/// Attempt of the mail sent by the last command.
fn attempt(world: &World) -> Option<u32> {
    match &*world.effects {
        [IdentityEffect::SendMail { attempt, .. }] => Some(*attempt),
        _ => None,
    }
}

fn causes(world: &World) -> Vec<DeadCause> {
    world.identity.dead_mails().map(|dead| dead.cause.clone()).collect()
}

#[test]
fn a_mail_goes_out_at_once_and_leaves_when_it_was_taken() {
    let mut world = World::ada();
    verification(&mut world);
    assert_eq!(attempt(&world), Some(1));
    assert!(world.identity.is_busy());
    world.mail_finished(1, 1, MailOutcome::Sent);
    assert_eq!((world.identity.mails().count(), world.identity.is_busy()), (0, false));
    assert_eq!(world.identity.dead_mails().count(), 0);
    // The next one has another number.
    verification(&mut world);
    assert!(matches!(&*world.effects, [IdentityEffect::SendMail { id, .. }] if id.0 == 2));
}

#[test]
fn waits_double_up_to_a_limit() {
    let mut world = World::ada();
    world.request_reset("t1");
    let mut wait = MAIL_RETRY_FIRST;
    for attempt_no in 1..=6 {
        world.mail_finished(1, attempt_no, retry());
        let due = world.identity.next_due().unwrap();
        assert!(due >= world.now + wait && due <= world.now + wait + wait / 4, "{attempt_no}");
        world.now = due;
        world.run(Command::Tick).unwrap();
        assert_eq!(attempt(&world), Some(attempt_no + 1));
        wait = (wait * 2).min(MAIL_RETRY_MAX);
    }
}

#[test]
fn the_transport_may_ask_for_a_longer_wait_within_the_limit() {
    let mut world = World::ada();
    let delete = Command::RequestDeletion {
        token: crate::identity::SecretHash::of("d1"),
        mail: mail(MailKind::DeleteUser, ADA),
    };
    world.run(delete).unwrap();
    let after = |secs| MailOutcome::Retry { reason: String::new(), after: Some(Duration::from_secs(secs)) };
    world.mail_finished(1, 1, after(300));
    assert_eq!(world.identity.next_due(), Some(world.now + Duration::from_secs(300)));
    world.pass(Duration::from_secs(300));
    world.mail_finished(1, 2, after(1_000_000));
    assert_eq!(world.identity.next_due(), Some(world.now + MAIL_RETRY_MAX));
}

#[test]
fn attempts_end_and_the_mail_is_noted() {
    let mut world = World::ada();
    let delete = Command::RequestDeletion {
        token: crate::identity::SecretHash::of("d1"),
        mail: mail(MailKind::DeleteUser, ADA),
    };
    world.run(delete).unwrap();
    for attempt_no in 1..MAIL_ATTEMPTS_MAX {
        world.mail_finished(1, attempt_no, retry());
        world.now = world.identity.next_due().unwrap();
        world.run(Command::Tick).unwrap();
    }
    assert_eq!(attempt(&world), Some(MAIL_ATTEMPTS_MAX));
    world.mail_finished(1, MAIL_ATTEMPTS_MAX, retry());
    assert_eq!(causes(&world), [DeadCause::Exhausted("busy".into())]);
    let dead = world.identity.dead_mails().next().unwrap();
    assert_eq!((dead.attempts, dead.to.as_str(), dead.at), (MAIL_ATTEMPTS_MAX, ADA, world.now));
}

#[test]
fn a_refusal_is_final_and_a_late_answer_of_a_former_attempt_is_not() {
    let mut world = World::ada();
    verification(&mut world);
    // No answer in time: made again.
    world.pass(MAIL_LEASE + MAIL_RETRY_FIRST * 2);
    assert_eq!(attempt(&world), Some(2));
    world.mail_finished(1, 1, MailOutcome::Rejected { reason: "late".to_owned() });
    assert!(world.identity.is_busy());
    world.mail_finished(1, 2, MailOutcome::Rejected { reason: "x".repeat(500) });
    assert_eq!(causes(&world), [DeadCause::Rejected("x".repeat(200).into())]);
    // It went out: that counts whenever it comes.
    verification(&mut world);
    world.pass(MAIL_LEASE + MAIL_RETRY_FIRST * 2);
    world.mail_finished(2, 1, MailOutcome::Sent);
    assert_eq!(world.identity.mails().count(), 0);
}

#[test]
fn what_was_out_at_a_crash_is_sent_again_but_not_for_ever() {
    let mut world = World::ada();
    verification(&mut world);
    for attempt_no in 2..=MAIL_ATTEMPTS_MAX {
        assert!(matches!(world.identity.activated(), Some(Command::Recover)));
        world.run(Command::Recover).unwrap();
        assert_eq!(attempt(&world), Some(attempt_no));
    }
    world.run(Command::Recover).unwrap();
    assert_eq!(causes(&world), [DeadCause::Exhausted("no outcome".into())]);
    assert!(world.identity.activated().is_none());
}

#[test]
fn a_mail_older_than_its_link_is_dropped_and_noted() {
    let mut world = World::ada();
    world.request_reset("t1");
    world.mail_finished(1, 1, retry());
    // The next attempt comes too late.
    world.wait(Duration::from_secs(3_600));
    world.run(Command::Tick).unwrap();
    assert_eq!((causes(&world), world.effects.len()), (vec![DeadCause::Expired], 0));
}

#[test]
fn a_mail_whose_link_stopped_working_is_dropped_and_noted() {
    let mut world = World::ada();
    world.request_reset("t1");
    world.mail_finished(1, 1, retry());
    world.consume_reset("t1", "p2").unwrap();
    verification(&mut world);
    world.mail_finished(2, 1, retry());
    let (from, to) = (Email::new(ADA), Email::new("new@example.com"));
    world.run(Command::ChangeEmail { from, to, unverify: false, mail: None }).unwrap();
    world.pass(MAIL_RETRY_FIRST * 2);
    assert_eq!(causes(&world), [DeadCause::LinkVoid, DeadCause::LinkVoid]);
}

#[test]
fn the_oldest_mail_gives_way_to_the_newest() {
    let mut world = World::ada();
    for _ in 0..MAILS_MAX {
        verification(&mut world);
    }
    world.mail_finished(3, 1, retry());
    assert_eq!((world.identity.mails().count(), world.identity.dead_mails().count()), (MAILS_MAX, 0));
    // One that waits goes before one that may be delivered already.
    verification(&mut world);
    verification(&mut world);
    let gone: Vec<_> = world.identity.dead_mails().map(|dead| (dead.id.0, dead.cause.clone())).collect();
    assert_eq!(gone, [(3, DeadCause::Displaced), (1, DeadCause::Displaced)]);
    assert_eq!(world.identity.mails().count(), MAILS_MAX);
}

#[test]
fn the_list_of_mails_given_up_is_bounded_in_number_and_age() {
    let mut world = World::ada();
    for no in 1..=DEAD_MAILS_MAX as u64 + 1 {
        verification(&mut world);
        world.mail_finished(no, 1, MailOutcome::Rejected { reason: "no".to_owned() });
        assert_eq!(world.identity.dead_mails().count() as u64, no.min(DEAD_MAILS_MAX as u64));
    }
    assert_eq!(world.identity.dead_mails().next().unwrap().id.0, 2);
    world.pass(DEAD_MAIL_AGE_MAX + SWEEP_STEP);
    assert_eq!(world.identity.dead_mails().count(), 0);
}

#[test]
fn mails_are_bounded() {
    let mut world = World::ada();
    let mut new = mail(MailKind::VerifyEmail, ADA);
    new.payload = "x".repeat(SEALED_BYTES_MAX + 1).into();
    let refused =
        Err(Rejection::Invalid(Invalid { field: "mail", problem: Problem::TooLong(SEALED_BYTES_MAX) }));
    assert_eq!(world.run(Command::SendMail(new.clone())), refused);
    new.payload = "x".repeat(SEALED_BYTES_MAX).into();
    assert!(world.run(Command::SendMail(new)).is_ok());
}
