//! Bytes that an earlier program wrote: states and events must stay readable, for the log before a snapshot may be gone.
//!
//! A file is never written again once a release has it. What is new gets a file of its own: add it to the lists below,
//! empty, and run the tests, which fill empty files and say so. A decoding that fails here means that a field lacks
//! its serde default, or that the schema must be bumped with an upcast.

use super::world::*;
use crate::{
    Entity,
    identity::{
        Command, Identity, IdentityEvent,
        command::{DeletionProof, LinkFlow, UserPatch},
        field::{Field, Value, Writer},
        mail::{MailKind, MailOutcome},
        row::{Provider, Purpose},
    },
    outbox::Fingerprint,
    requests::{self, RequestKey},
    shell::encoding,
};
use greenroom_persistence::{Position, codec};
use serde_json::Value as Json;
use std::{collections::BTreeSet, fs, path::Path, time::Duration};

const STATES: [(&str, &[u8]); 2] = [
    ("state-1.bin", include_bytes!("golden/state-1.bin")),
    ("deleted-1.bin", include_bytes!("golden/deleted-1.bin")),
];
/// All events of one identity, up to the second state.
const HISTORY: (&str, &[u8]) = ("history-1.bin", include_bytes!("golden/history-1.bin"));
/// Events that came later, in no order.
const EVENTS: [(&str, &[u8]); 2] = [
    ("events-1.bin", include_bytes!("golden/events-1.bin")),
    ("events-2.bin", include_bytes!("golden/events-2.bin")),
];
const POSITION: Position = Position(70_000);

/// An identity with a bit of everything, and the same one deleted.
fn eventful() -> (World, World) {
    let mut world = World::ada();
    let mut run = |seconds: u64, command: Command| {
        world.wait(Duration::from_secs(seconds));
        world.run(command).unwrap();
    };
    let token = crate::identity::SecretHash::of;
    let extra = vec![
        (Field::Gender, Some(Value::Text("female".into()))),
        (Field::UseCase, Some(Value::List(vec!["other".into()]))),
        (Field::SidekickOnboardingComplete, Some(Value::Flag(true))),
    ];
    let patch =
        UserPatch { image: Some(Some("https://img.example/a.png".into())), extra, ..UserPatch::default() };
    run(1, Command::UpdateUser { writer: Writer::Product, patch });
    run(1, Command::VerifyEmail { email: crate::identity::Email::new(ADA), session: None });
    run(
        1,
        Command::SignIn { verified: "p1".into(), rehash: Some("better".into()), session: new_session("s2") },
    );
    let link = |sub: &str| Command::LinkAccount {
        flow: LinkFlow::IdToken,
        profile: profile(sub, ADA),
        account: format!("id of {sub}").into(),
    };
    run(1, link("sub1"));
    run(1, link("sub2"));
    run(1, Command::UnlinkAccount { account: "id of sub2".into() });
    run(86_400, Command::RefreshSession { token: token("s2") });
    run(1, Command::EndSession { token: token("s1") });
    let reset =
        |name: &str| Command::RequestReset { token: token(name), mail: mail(MailKind::ResetPassword, ADA) };
    run(1, reset("t1"));
    run(1, reset("t2"));
    let consume = Command::ConsumeReset {
        token: token("t1"),
        to: "p2".into(),
        account: "unused".into(),
        revoke_sessions: false,
    };
    run(1, consume);
    run(1, Command::RequestDeletion { token: token("d1"), mail: mail(MailKind::DeleteUser, ADA) });
    let retry = || MailOutcome::Retry { reason: "busy".to_owned(), after: None };
    world.mail_finished(1, 1, MailOutcome::Sent);
    world.mail_finished(2, 1, retry());
    world.mail_finished(3, 1, retry());
    world.wait(Duration::from_secs(20));
    world.run(Command::Tick).unwrap();
    world.mail_finished(3, 2, MailOutcome::Rejected { reason: "no such mailbox".to_owned() });
    let mut deleted = world.clone();
    deleted.wait(Duration::from_secs(31 * 86_400));
    deleted.run(Command::Tick).unwrap();
    deleted.run(Command::Delete(DeletionProof::Password("p2".into()))).unwrap();
    deleted.run(Command::WorkspaceErased { attempt: 1, erased: false }).unwrap();
    deleted.pass(Duration::from_secs(5));
    deleted.run(Command::WorkspaceErased { attempt: 2, erased: true }).unwrap();
    (world, deleted)
}

/// Events that the history above has not, a file each.
fn loose(world: &World) -> [Vec<IdentityEvent>; 2] {
    let user = world.identity.user().unwrap();
    let key = RequestKey { session: Fingerprint::of("a tab"), request: 7, part: 0 };
    let answered = requests::answered(key, user.updated_at, user).unwrap();
    let resealed =
        IdentityEvent::MailResealed { id: crate::identity::mail::MailId(3), payload: "sealed again".into() };
    [vec![IdentityEvent::RequestAnswered(answered.into())], vec![resealed]]
}

#[test]
fn an_empty_golden_file_is_filled_and_told() {
    let (world, deleted) = eventful();
    let mut filled = Vec::new();
    let mut fill = |(name, bytes): (&'static str, &[u8]), fresh: Vec<u8>| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/identity/tests/golden").join(name);
        if bytes.is_empty() {
            fs::write(path, fresh).unwrap();
            filled.push(name);
        }
    };
    for (file, world) in STATES.into_iter().zip([&world, &deleted]) {
        fill(file, encoding::snapshot(&world.identity, POSITION).unwrap());
    }
    fill(HISTORY, codec::encode_events(Identity::SCHEMA, &deleted.events).unwrap());
    for (file, events) in EVENTS.into_iter().zip(loose(&world)) {
        fill(file, codec::encode_events(Identity::SCHEMA, &events).unwrap());
    }
    assert!(filled.is_empty(), "filled {filled:?}: run the tests again and commit them");
}

#[test]
fn a_state_that_an_earlier_program_wrote_is_still_read() {
    let read = |(name, bytes): (&str, &[u8])| {
        let (mut identity, position) = encoding::state::<Identity>(bytes).expect(name);
        identity.restored();
        assert_eq!((position, identity.user_id()), (POSITION, USER));
        identity
    };
    let identity = read(STATES[0]);
    let user = identity.user().unwrap();
    assert_eq!((&*user.name, user.email.as_str(), user.email_verified), ("Ada", ADA, true));
    assert_eq!(user.extra.get(Field::UseCase), Some(Value::List(vec!["other".into()])));
    assert_eq!(user.extra.get(Field::SidekickOnboardingComplete), Some(Value::Flag(true)));
    assert_eq!(identity.credential().unwrap().password().unwrap().as_str(), "p2");
    let google = identity.provider_account(Provider::Google, "sub1").unwrap();
    assert_eq!(google.provider_login().unwrap().tokens.refresh, Some("refresh".into()));
    let session = identity.sessions.front().unwrap();
    assert_eq!((identity.sessions.len(), session.token), (1, crate::identity::SecretHash::of("s2")));
    assert!(session.updated_at > session.created_at);
    assert_eq!((identity.mails.len(), identity.dead_mails.len()), (1, 1));
    let deletion = crate::identity::SecretHash::of("d1");
    assert!(identity.one_time_token(Purpose::DeleteUser, &deletion, session.updated_at).is_some());
    assert!(identity.next_due().is_some());
    assert!(read(STATES[1]).tombstone().is_some());
}

#[test]
fn a_history_that_an_earlier_program_wrote_is_still_read() {
    let mut identity = Identity::vacant(USER);
    encoding::replay(&mut identity, HISTORY.1).expect(HISTORY.0);
    let tombstone = identity.tombstone().unwrap();
    assert_eq!((tombstone.attempts, identity.next_due()), (2, None));
}

fn json(bytes: &[u8]) -> Json {
    rmp_serde::from_slice(bytes).unwrap()
}

/// All that is in `old` is in `new`, which may have more.
fn is_within(old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| is_within(old, new)))
        }
        (Json::Array(old), Json::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_within(old, new))
        }
        _ => old == new,
    }
}

#[test]
fn no_event_that_an_earlier_program_wrote_loses_anything() {
    for (name, bytes) in EVENTS.into_iter().chain([HISTORY]) {
        let events = codec::decode_events(bytes).expect(name);
        assert_eq!(
            events.schema(),
            Identity::SCHEMA,
            "compare what an upcast made of them with something else"
        );
        for old in events {
            let event: IdentityEvent = rmp_serde::from_slice(old).expect(name);
            let (old, new) = (json(old), json(&rmp_serde::to_vec_named(&event).unwrap()));
            assert!(is_within(&old, &new), "{name}: {old} became {new}");
        }
    }
}

#[test]
fn every_kind_of_event_has_a_golden_one() {
    let nonsense = rmp_serde::to_vec(&Json::from("?")).unwrap();
    let error = rmp_serde::from_slice::<IdentityEvent>(&nonsense).unwrap_err().to_string();
    let known: BTreeSet<String> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(known.len() > 15, "{error}");
    let mut golden = BTreeSet::new();
    for (name, bytes) in EVENTS.into_iter().chain([HISTORY]) {
        for event in codec::decode_events(bytes).expect(name) {
            golden.extend(json(event).as_object().expect(name).keys().cloned());
        }
    }
    assert_eq!(known.difference(&golden).collect::<Vec<_>>(), Vec::<&String>::new());
}
