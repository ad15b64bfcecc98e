use super::world::*;
use crate::identity::{
    Command, Email, Rejection, Reply, SecretHash,
    command::{NewAccount, NewLogin},
    field::{Field, Invalid, Problem, Value, at_sign_up},
    limits::{EMAIL_BYTES_MAX, IMAGE_BYTES_MAX, NAME_CHARS_MAX, ROW_ID_BYTES_MAX},
    mail::MailKind,
};

fn invalid(field: &'static str, problem: Problem) -> Result<Reply, Rejection> {
    Err(Rejection::Invalid(Invalid { field, problem }))
}

#[test]
fn user_account_and_session_come_in_one_record_with_their_names() {
    let mut world = World::vacant();
    let mut new = sign_up();
    new.extra = at_sign_up(vec![(Field::UseCase, Some(Value::List(vec!["a".into(), "b".into()])))]).unwrap();
    let Ok(Reply::SignedIn { user, session: Some(session) }) = world.run(Command::SignUp(Box::new(new)))
    else {
        panic!("not signed in");
    };
    assert_eq!((&*user.name, user.email.as_str(), user.email_verified), ("Ada", ADA, false));
    assert_eq!((user.created_at, user.updated_at), (world.now, world.now));
    assert_eq!(user.extra.get(Field::UseCase), Some(Value::List(vec!["a".into(), "b".into()])));
    assert_eq!(user.extra.get(Field::OnboardingComplete), Some(Value::Flag(false)));
    assert_eq!(user.extra.get(Field::Gender), None);
    assert_eq!(session.expires_at, world.now + DAY * 7);
    let names = [format!("email:{ADA}"), format!("session:{}", SecretHash::of("s1").hex())];
    assert_eq!(world.names, names.into());
    let account = world.identity.credential().unwrap();
    assert_eq!((account.provider_id(), world.password()), ("credential", Some("p1")));
}

#[test]
fn a_user_is_created_once() {
    let mut world = World::ada();
    assert_eq!(world.run(Command::SignUp(Box::new(sign_up()))), Err(Rejection::UserExists));
}

#[test]
fn a_provider_may_vouch_for_a_new_user() {
    let mut world = World::vacant();
    let mut new = sign_up();
    new.email_verified = true;
    new.account = NewAccount { id: "g1".into(), login: NewLogin::Provider(google("sub1")) };
    world.run(Command::SignUp(Box::new(new))).unwrap();
    assert!(world.names.contains("account:google:sub1"));
    assert!(world.identity.credential().is_none() && world.identity.user().unwrap().email_verified);
    assert_eq!(world.sign_in("p1", "s2"), Err(Rejection::NoPassword));
}

#[test]
fn verification_first_means_a_mail_and_no_session() {
    let mut world = World::vacant();
    let mut new = sign_up();
    new.session = None;
    new.mail = Some(mail(MailKind::VerifyEmail, ADA));
    let reply = world.run(Command::SignUp(Box::new(new.clone()))).unwrap();
    assert!(matches!(reply, Reply::SignedIn { session: None, .. }));
    assert_eq!((world.effects.len(), world.identity.mails().count()), (1, 1));
    let mut world = World::vacant();
    new.mail = Some(mail(MailKind::VerifyEmail, "other@example.com"));
    assert_eq!(world.run(Command::SignUp(Box::new(new))), Err(Rejection::EmailMismatch));
    assert!(world.names.is_empty());
}

#[test]
fn what_is_too_long_is_refused_and_what_just_fits_is_not() {
    let with = |change: &dyn Fn(&mut crate::identity::command::SignUp)| {
        let mut new = sign_up();
        change(&mut new);
        World::vacant().run(Command::SignUp(Box::new(new)))
    };
    for (extra, problem) in [(0, None), (1, Some(()))] {
        let expect = |result: Result<Reply, Rejection>, field, limit| match problem {
            None => assert!(result.is_ok(), "{field}"),
            Some(()) => assert_eq!(result, invalid(field, Problem::TooLong(limit))),
        };
        expect(with(&|new| new.name = "é".repeat(NAME_CHARS_MAX + extra).into()), "name", NAME_CHARS_MAX);
        let image = |len: usize| Some("i".repeat(len).into());
        expect(with(&|new| new.image = image(IMAGE_BYTES_MAX + extra)), "image", IMAGE_BYTES_MAX);
        let email = |len: usize| Email::new(&"e".repeat(len));
        expect(with(&|new| new.email = email(EMAIL_BYTES_MAX + extra)), "email", EMAIL_BYTES_MAX);
        let id = |len: usize| "r".repeat(len).into();
        expect(with(&|new| new.account.id = id(ROW_ID_BYTES_MAX + extra)), "id", ROW_ID_BYTES_MAX);
    }
    assert!(with(&|new| new.name = "".into()).is_ok());
    assert_eq!(with(&|new| new.email = Email::new("")), invalid("email", Problem::Empty));
    assert_eq!(with(&|new| new.account.id = "".into()), invalid("id", Problem::Empty));
}

#[test]
fn nothing_but_signing_up_works_without_a_user() {
    for command in [
        by_password(new_session("s1")),
        Command::RevokeAllSessions,
        Command::EndSession { token: SecretHash::of("s1") },
        Command::UnlinkAccount { account: "a1".into() },
    ] {
        assert_eq!(World::vacant().run(command), Err(Rejection::NoUser));
    }
}
