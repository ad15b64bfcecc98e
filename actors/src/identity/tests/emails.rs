use super::world::*;
use crate::identity::{Command, Email, Rejection, Reply, mail::MailKind};

fn verify(email: &str, session: Option<&str>) -> Command {
    Command::VerifyEmail { email: Email::new(email), session: session.map(new_session) }
}

fn change(from: &str, to: &str) -> Command {
    Command::ChangeEmail { from: Email::new(from), to: Email::new(to), unverify: false, mail: None }
}

const NEW: &str = "new@example.com";

#[test]
fn an_address_is_verified_once_and_only_then_a_session_starts() {
    let mut world = World::ada();
    world.wait(SECOND);
    assert_eq!(world.run(verify("other@example.com", None)), Err(Rejection::EmailMismatch));
    let Ok(Reply::Verified { already: false, session: Some(_) }) = world.run(verify(ADA, Some("s2"))) else {
        panic!()
    };
    assert!(world.identity.user().unwrap().email_verified);
    assert_eq!(world.identity.user().unwrap().updated_at, world.now);
    let again = world.run(verify(ADA, Some("s3")));
    assert_eq!(again, Ok(Reply::Verified { already: true, session: None }));
    assert_eq!(world.session("s3"), None);
}

#[test]
fn changing_the_address_swaps_the_names_in_one_record_and_works_once() {
    let mut world = World::ada();
    world.run(verify(ADA, None)).unwrap();
    world.request_reset("t1");
    world.run(change(ADA, "New@Example.com")).unwrap();
    assert_eq!((world.email(), world.identity.user().unwrap().email_verified), (NEW, true));
    assert!(world.names.contains(&format!("email:{NEW}")) && !world.names.contains(&format!("email:{ADA}")));
    assert_eq!(world.run(change(ADA, "third@example.com")), Err(Rejection::EmailMismatch));
    assert_eq!(world.run(change(NEW, NEW)), Err(Rejection::EmailSame));
    // Whoever reads the mails of the former address does not get in by them.
    assert_eq!(world.consume_reset("t1", "p2"), Err(Rejection::InvalidToken));
}

#[test]
fn a_new_address_may_have_to_be_verified_again() {
    let mut world = World::ada();
    world.run(verify(ADA, None)).unwrap();
    world
        .run(Command::ChangeEmail {
            from: Email::new(ADA),
            to: Email::new(NEW),
            unverify: true,
            mail: Some(mail(MailKind::VerifyEmail, NEW)),
        })
        .unwrap();
    assert!(!world.identity.user().unwrap().email_verified);
    assert_eq!(world.identity.mails().next().unwrap().to.as_str(), NEW);
}

#[test]
fn back_and_forth_keeps_exactly_one_name() {
    let mut world = World::ada();
    world.run(change(ADA, NEW)).unwrap();
    world.run(change(NEW, ADA)).unwrap();
    assert!(world.names.contains(&format!("email:{ADA}")) && !world.names.contains(&format!("email:{NEW}")));
}

#[test]
fn links_are_mailed_to_whom_they_concern() {
    use MailKind::*;
    let mut world = World::ada();
    let mut send = |kind, to| world.run(Command::SendMail(mail(kind, to)));
    assert_eq!(send(VerifyEmail, NEW), Err(Rejection::EmailMismatch));
    assert_eq!(send(ConfirmEmailChange, NEW), Err(Rejection::EmailMismatch));
    assert_eq!(send(VerifyNewEmail, ADA), Err(Rejection::EmailSame));
    assert!(matches!(send(ResetPassword, ADA), Err(Rejection::Invalid(_))));
    for (kind, to) in [(VerifyEmail, ADA), (ConfirmEmailChange, ADA), (VerifyNewEmail, NEW)] {
        assert_eq!(send(kind, to), Ok(Reply::Done));
    }
    world.run(verify(ADA, None)).unwrap();
    let verified = world.run(Command::SendMail(mail(VerifyEmail, ADA)));
    assert_eq!(verified, Err(Rejection::EmailAlreadyVerified));
}
