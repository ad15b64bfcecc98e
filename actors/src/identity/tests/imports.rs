use super::world::*;
use crate::{
    Timestamp,
    identity::{
        Command, Email, Rejection, Reply, SecretHash,
        command::{DeletionProof, Import, ImportedAccount, ImportedReset, ImportedSession},
        field::{Field, Value},
        limits::{ACCOUNTS_MAX, NAME_CHARS_MAX, SESSIONS_MAX},
        row::{Login, Password},
    },
};
use std::time::Duration;

fn session(world: &World, token: &str, created_days_ago: u32) -> ImportedSession {
    let created_at = world.now - DAY * created_days_ago;
    ImportedSession {
        id: format!("-{token}").into(),
        token: SecretHash::of(token),
        created_at,
        updated_at: created_at,
        expires_at: created_at + DAY * 7,
        ip: "203.0.113.7".into(),
        user_agent: "Browser".into(),
    }
}

fn account(id: &str, login: Login) -> ImportedAccount {
    let at = Timestamp::from_millis(START) - DAY * 100;
    ImportedAccount { id: id.into(), login, created_at: at, updated_at: at }
}

fn rows(world: &World) -> Import {
    let at = world.now - DAY * 100;
    Import {
        name: "Ada".into(),
        email: Email::new("Ada@Example.com"),
        email_verified: false,
        image: Some("https://img.example/a.png".into()),
        created_at: at,
        updated_at: at + DAY,
        extra: vec![
            (Field::Gender, Value::Text("Prefer not to say".into())),
            (Field::BusinessType, Value::Text("a bakery".into())),
            (Field::OnboardingComplete, Value::Flag(true)),
        ],
        accounts: vec![
            account("a1", Login::Credential { password: Some(Password::chosen("p1".into())) }),
            account("g1", Login::Provider(google("sub1"))),
        ],
        sessions: vec![session(world, "new", 1), session(world, "old", 6), session(world, "ended", 8)],
        resets: Vec::new(),
    }
}

#[test]
fn a_reset_that_was_mailed_before_still_works_once() {
    let mut world = World::vacant();
    let mut rows = rows(&world);
    let (created_at, hour) = (world.now, Duration::from_secs(3_600));
    let reset =
        |token: &str, expires_at| ImportedReset { token: SecretHash::of(token), created_at, expires_at };
    rows.resets = vec![reset("mailed", created_at + hour), reset("over", created_at - hour)];
    world.run(Command::Import(Box::new(rows))).unwrap();
    assert_eq!(world.consume_reset("over", "p2"), Err(Rejection::InvalidToken));
    assert_eq!(world.consume_reset("mailed", "p2"), Ok(Reply::Ended(0)));
    assert_eq!(world.consume_reset("mailed", "p3"), Err(Rejection::InvalidToken));
    assert_eq!(world.password(), Some("p2"));
}

#[test]
fn rows_of_a_previous_deployment_go_on_working() {
    let mut world = World::vacant();
    let rows = rows(&world);
    let reply = world.run(Command::Import(Box::new(rows.clone())));
    assert_eq!(reply, Ok(Reply::Imported { created: true, adjusted: vec!["gender"] }));
    let user = world.identity.user().unwrap();
    assert_eq!(
        (user.email.as_str(), user.created_at, user.updated_at),
        (ADA, rows.created_at, rows.updated_at)
    );
    assert_eq!(user.extra.get(Field::Gender), Some(Value::Text("prefer_not_to_say".into())));
    assert_eq!(user.extra.get(Field::BusinessType), Some(Value::Text("a bakery".into())));
    assert_eq!(user.extra.get(Field::OnboardingComplete), Some(Value::Flag(true)));
    assert_eq!(world.names.len(), 4, "{:?}", world.names);
    let old = world.session("old").unwrap();
    assert!(old.is_due_for_refresh(world.now) && !old.is_fresh(world.now));
    assert!(world.session("new").is_some() && world.session("ended").is_none());
    world
        .run(Command::SignIn {
            verified: "p1".into(),
            rehash: Some("better".into()),
            session: new_session("s"),
        })
        .unwrap();
    assert_eq!(world.password(), Some("better"));
}

#[test]
fn importing_again_changes_nothing_whatever_happened_since() {
    let mut world = World::vacant();
    let rows = Command::Import(Box::new(rows(&world)));
    world.run(rows.clone()).unwrap();
    world.run(Command::RevokeAllSessions).unwrap();
    let before = world.events.len();
    let nothing = Ok(Reply::Imported { created: false, adjusted: Vec::new() });
    assert_eq!(world.run(rows.clone()), nothing);
    assert_eq!((world.session("new"), world.events.len()), (None, before), "a revoked session came back");
    world.run(Command::Delete(DeletionProof::Password("p1".into()))).unwrap();
    assert_eq!(world.run(rows), nothing);
    assert!(world.identity.user().is_none());
}

#[test]
fn too_many_sessions_leave_the_oldest_behind() {
    let mut world = World::vacant();
    let mut rows = rows(&world);
    rows.sessions = (0..SESSIONS_MAX).map(|no| session(&world, &format!("s{no}"), 1)).collect();
    rows.sessions.push(session(&world, "oldest", 2));
    let Ok(Reply::Imported { created: true, adjusted }) = world.run(Command::Import(Box::new(rows))) else {
        panic!()
    };
    assert_eq!(adjusted, ["gender", "sessions"]);
    assert!(world.session("oldest").is_none() && world.session("s0").is_some());
    assert_eq!(world.identity.sessions(world.now).count(), SESSIONS_MAX);
}

#[test]
fn long_and_strange_values_are_cut_or_left_out_and_told() {
    let mut world = World::vacant();
    let mut rows = rows(&world);
    rows.name = "n".repeat(NAME_CHARS_MAX + 1).into();
    rows.image = Some("i".repeat(5_000).into());
    rows.extra = vec![
        (Field::Gender, Value::Text("Other".into())),
        (Field::MainOffering, Value::Text("x".repeat(501).into())),
        (Field::UseCase, Value::List(vec!["y".into(); 21])),
        (Field::LeadsPerMonth, Value::Flag(true)),
    ];
    let Ok(Reply::Imported { created: true, adjusted }) = world.run(Command::Import(Box::new(rows))) else {
        panic!()
    };
    assert_eq!(adjusted, ["image", "leads_per_month", "main_offering", "name", "use_case"]);
    let user = world.identity.user().unwrap();
    assert_eq!((user.name.len(), &user.image), (NAME_CHARS_MAX, &None));
    assert_eq!(user.extra.get(Field::Gender), Some(Value::Text("Other".into())));
    assert_eq!(user.extra.get(Field::LeadsPerMonth), None);
    assert!(matches!(user.extra.get(Field::UseCase), Some(Value::List(items)) if items.len() == 20));
}

#[test]
fn rows_that_can_not_be_kept_are_refused_whole() {
    let refused = |change: &dyn Fn(&mut Import, &World)| {
        let mut world = World::vacant();
        let mut rows = rows(&world);
        change(&mut rows, &world);
        let result = world.run(Command::Import(Box::new(rows)));
        assert!(world.names.is_empty() && world.identity.user().is_none());
        result
    };
    let many = |rows: &mut Import, _: &World| {
        rows.accounts = (0..=ACCOUNTS_MAX)
            .map(|no| account(&format!("g{no}"), Login::Provider(google(&format!("sub{no}")))))
            .collect();
    };
    assert_eq!(refused(&many), Err(Rejection::TooManyAccounts(ACCOUNTS_MAX)));
    let twice = |rows: &mut Import, world: &World| rows.sessions.push(session(world, "new", 1));
    assert!(matches!(refused(&twice), Err(Rejection::Invalid(_))));
    let passwords = |rows: &mut Import, _: &World| {
        rows.accounts.push(account("a2", Login::Credential { password: None }))
    };
    assert!(matches!(refused(&passwords), Err(Rejection::Invalid(_))));
    assert!(matches!(refused(&|rows, _| rows.email = Email::new("")), Err(Rejection::Invalid(_))));
}

#[test]
fn a_password_account_without_a_hash_never_matches() {
    let mut world = World::vacant();
    let mut rows = rows(&world);
    rows.accounts = vec![account("a1", Login::Credential { password: None })];
    world.run(Command::Import(Box::new(rows))).unwrap();
    assert_eq!(world.sign_in("", "s2"), Err(Rejection::NoPassword));
    world.request_reset("t1");
    world.consume_reset("t1", "p1").unwrap();
    assert_eq!((world.identity.accounts().count(), world.password()), (1, Some("p1")));
}
