//! Bytes that an earlier program wrote: states and events must stay readable, for the log before a snapshot may be gone.
//!
//! A file is never written again once a release has it. What is new gets a file of its own: add it to the lists below,
//! empty, and run the tests, which fill empty files and say so. A decoding that fails here means that a field lacks
//! its serde default, or that the schema must be bumped with an upcast.

use super::world::*;
use crate::{
    Entity, Timestamp,
    errand::Errand,
    id::{AccountId, CommentId, Igsid, Mid},
    outbox::{Doubt, FailureClass, Fingerprint, Lane, OutboundId, OutboxEvent, Refusal, SendOutcome},
    requests::{self, RequestKey},
    shell::encoding,
    user::{
        Command, Reply, User, UserEvent,
        action_log::ActionResult,
        audit::{self, Actor, AuditRow},
        calendar::Month,
        command::Profile,
        contact::{Crm, FieldSource, Sentiment, Stage},
        contact_change::{Bulk, ContactPatch, Left, ManyChange, Write},
        contact_filter::ContactFilter,
        custody::Note,
        decision::{CancelReason, DecisionNo},
        erase::Erasure,
        files::{FileEvent, FileRecord, Purpose},
        forget::Forgetting,
        held::{EarlyEdit, HeldEvent, LookUp},
        inbound::InboundItem,
        knowledge::{
            Faq, Offer, OfferLink, Tone,
            change::{FaqInput, KnowledgeChange, LinkInput, OfferInput, Several, ToneInput},
            event::KnowledgeEvent,
        },
        line::LineName,
        model::QuestionId,
        plan::Plan,
        postless::Postless,
        settings::SettingsPatch,
        sweep::{Sweep, Target},
        usage::Quota,
    },
};
use greenroom_persistence::{Position, codec};
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

const STATES: [(&str, &[u8]); 2] = [
    ("state-1.bin", include_bytes!("golden/state-1.bin")),
    ("state-2.bin", include_bytes!("golden/state-2.bin")),
];
/// All events of one workspace, up to the first state.
const HISTORY: (&str, &[u8]) = ("history-1.bin", include_bytes!("golden/history-1.bin"));
/// Events of every kind, in no order.
const EVENTS: [(&str, &[u8]); 15] = [
    ("events-1.bin", include_bytes!("golden/events-1.bin")),
    ("events-2.bin", include_bytes!("golden/events-2.bin")),
    ("events-3.bin", include_bytes!("golden/events-3.bin")),
    ("events-4.bin", include_bytes!("golden/events-4.bin")),
    ("events-5.bin", include_bytes!("golden/events-5.bin")),
    ("events-6.bin", include_bytes!("golden/events-6.bin")),
    ("events-7.bin", include_bytes!("golden/events-7.bin")),
    ("events-8.bin", include_bytes!("golden/events-8.bin")),
    ("events-9.bin", include_bytes!("golden/events-9.bin")),
    ("events-10.bin", include_bytes!("golden/events-10.bin")),
    ("events-11.bin", include_bytes!("golden/events-11.bin")),
    ("events-12.bin", include_bytes!("golden/events-12.bin")),
    ("events-13.bin", include_bytes!("golden/events-13.bin")),
    ("events-14.bin", include_bytes!("golden/events-14.bin")),
    ("events-15.bin", include_bytes!("golden/events-15.bin")),
];
const POSITION: Position = Position(70_000);

/// A workspace with a bit of everything.
fn eventful() -> World {
    let mut world = World::connected();
    world.run(Command::SetName("Fictional Bakery".into())).unwrap();
    world
        .run(Command::Knowledge(KnowledgeChange::Several(Box::new(Several {
            main_offering: Some("cakes".into()),
            offers: vec![OfferInput { name: "cake".into(), content: "with cream".into(), value: Some(12.0) }],
            faqs: vec![FaqInput { question: "when?".into(), answer: Some("daily".into()) }],
            links: vec![LinkInput { kind: "website".into(), url: "https://bakery.example/shop".into() }],
            tone: Some(ToneInput { kind: "friendly".into(), samples: vec!["Hi!".into()], files: vec![] }),
        }))))
        .unwrap();
    world.settings(SettingsPatch { sends_per_hour: Some(500), ..SettingsPatch::default() });
    let mut priced = fixed("price", "It is 12 euro, {{first_name}}.");
    priced.cooldown_seconds = Some(60);
    world.automate("a1", priced);
    world.automate("c1", on_comments("link", "Here it is", Some("It is in your inbox")));
    world.says(ANA, "what is the price");
    world.deliver();
    let profile = Profile { display_name: Some("Ana".into()), ..Profile::default() };
    world.run(Command::ProfileFetched { person: Igsid::from(ANA), profile: Some(profile) }).unwrap();
    world.comments(ANA, "link please");
    world.deliver();
    world.says(BEN, "do you bake on sundays");
    world.classify(100);
    world.write("Yes, every sunday until noon.");
    world.deliver();
    world.says(BEN, "I want a refund");
    let picture = world.picture("903");
    world.receive(picture);
    world.says("904", "price");
    let refused = world.take_send();
    world.finish(&refused, SendOutcome::NotSent(Refusal::of(FailureClass::Unreachable)));
    world.says("905", "price");
    let doubtful = world.take_send();
    world.finish(&doubtful, SendOutcome::Unknown { doubt: Doubt::Timeout, code: None });
    world.says("906", "STOP!");
    world.deliver();
    let echo = world.echo("903", "by_hand", "Let me look");
    world.receive(echo);
    let crm = Crm { next_action: Some("call".into()), tags: vec!["vip".into()], ..Crm::default() };
    world.run(Command::SetCrm { person: Igsid::from(ANA), crm }).unwrap();
    world.wait(hours(2));
    world.says("907", "are you open on mondays");
    world.run(Command::RevokeInstagram).unwrap();
    let parked = world.message("908", "price");
    world.receive(parked);
    world
}

/// Events of every kind that the workspace above may lack.
fn loose(history: &[UserEvent]) -> Vec<UserEvent> {
    let ana = || Igsid::from(ANA);
    let at = Timestamp::from_millis(START);
    let line = LineName::Parked;
    let (no, mid, mark, month) = (DecisionNo(1), Mid::from("m_1"), Fingerprint::of("x"), Month::of(at));
    let request = RequestKey { session: mark, request: 7, part: 0 };
    let edit = Arc::new(EarlyEdit { revision: 1, text: Some("changed".into()) });
    let message = history.iter().find_map(|event| match event {
        UserEvent::MessageRecorded { message, .. } => Some(Arc::clone(message)),
        _ => None,
    });
    let outbound = history.iter().find_map(|event| match event {
        UserEvent::ReplyBound { outbound, .. } => Some(*outbound),
        _ => None,
    });
    let item = InboundItem::Reaction { person: ana(), mid: mid.clone(), reaction: Some("love".into()) };
    let held = Arc::new(HeldEvent { no, event: Arc::new(World::vacant().event(item, "reaction:1")) });
    let look_up = Arc::new(LookUp { person: Some(ana()), in_flight: true, due: at, tries: 0 });
    let postless = Postless { held: HeldEvent::clone(&held), look_up: LookUp::clone(&look_up) };
    let app_scoped = Some(AccountId::from("27000000000000001"));
    let note = Arc::new(Note { app_scoped, errand: Errand::done(at), gives_back: true });
    let file = FileRecord {
        id: "f1".into(),
        purpose: Purpose::ProfilePicture,
        content_type: "image/png".into(),
        bytes: 68,
        sha256: [7; 32],
        created_at: at,
        due: Some(at),
    };
    let crm = Arc::new(Crm { notes: Some("likes cake".into()), ..Crm::default() });
    let patch = ContactPatch {
        stage: Some(Stage::Lead),
        sentiment: Some(Sentiment::Hot),
        lead_score: Some(Write::Set(80)),
        lead_value: Some(Write::Clear),
        next_action: Some(Write::Set("call".into())),
        notes: Some(Write::Set("likes cake".into())),
    };
    let forgetting = Arc::new(Forgetting {
        at,
        last: no,
        last_outbound: OutboundId::MIN,
        after: Some(no),
        done: false,
        due: at,
    });
    let filter =
        ContactFilter { search: Some("cake".into()), tags: vec!["vip".into()], ..Default::default() };
    let bulk = Bulk {
        no: 3,
        change: ManyChange::Stage(Stage::Ghosted),
        by: FieldSource::User,
        at,
        left: Left::Matching { filter: Arc::new(filter), after: Some(ana()) },
    };
    vec![
        UserEvent::MessageUnsent { person: ana(), mid: mid.clone(), fingerprint: mark, now: at },
        UserEvent::MessageEdited { person: ana(), no, edit: Arc::clone(&edit) },
        UserEvent::EditKept { message: mark, edit },
        UserEvent::MessageReacted { person: ana(), no, reaction: Some("love".into()) },
        UserEvent::MessagesSeen { person: ana(), until: at },
        UserEvent::EchoKept { person: ana(), message: message.unwrap() },
        UserEvent::EchoDropped(mid.clone()),
        UserEvent::HumanAnswered { person: ana(), at, paused_until: Some(at), clears_hrn: true },
        UserEvent::HrnCleared { person: ana(), at, by: Some(FieldSource::User) },
        UserEvent::ContactPaused { person: ana(), until: Some(at), at },
        UserEvent::ContactBlocked { person: ana(), blocked: true, at },
        UserEvent::OptOutSet { person: ana(), since: Some(at) },
        UserEvent::ThreadTaken { person: ana(), taken: true },
        UserEvent::UnreachableSet { person: ana(), until: at },
        UserEvent::ProfileAsked { person: ana(), at },
        UserEvent::ProfileStored {
            person: ana(),
            username: Some("ana".into()),
            display_name: Some("Ana".into()),
            profile_pic_url: None,
        },
        UserEvent::FollowUpSet { person: ana(), needed: true },
        UserEvent::TriggerMatched { person: ana() },
        UserEvent::CrmSet { person: ana(), crm, at },
        UserEvent::QuestionClosed(QuestionId(1)),
        UserEvent::LookUpSet { mid: mid.clone(), look_up },
        UserEvent::LookUpClosed(mid.clone()),
        UserEvent::Parked(Arc::clone(&held)),
        UserEvent::Unparked(no),
        UserEvent::PostlessSet { comment: CommentId::from("1801"), waiting: Arc::new(postless) },
        UserEvent::PostlessClosed(CommentId::from("1801")),
        UserEvent::Overflowed(held),
        UserEvent::OverflowTaken(no),
        UserEvent::OverflowTried(at),
        UserEvent::SendReserved(month),
        UserEvent::SendCommitted { month, private_reply: true },
        UserEvent::SendReleased(month),
        UserEvent::QuotaWarned { quota: Quota::Sends, month, percent: 80 },
        UserEvent::PlanSet(Plan::Growth),
        UserEvent::SettingsSet(Arc::default()),
        UserEvent::KnowledgeSet(Arc::default()),
        UserEvent::Named("Fictional Bakery".into()),
        UserEvent::AutomationDeleted("a1".into()),
        UserEvent::AutomationCounted("a1".into()),
        UserEvent::Fired { fingerprint: mark, at },
        UserEvent::FiringForgotten(mark),
        UserEvent::ReplyUnbound(outbound.unwrap()),
        UserEvent::NotificationsRead { no: 1, at },
        UserEvent::PublicReplyLogged { decision: no, result: ActionResult::Sent },
        UserEvent::OutcomeLeft(7),
        UserEvent::OverflowOpened(at),
        UserEvent::SweepSet(Arc::new(Sweep {
            target: Target::Automation("a1".into()),
            reason: CancelReason::AutomationGone,
            since: at,
            before: no,
            last: outbound.unwrap(),
            next: OutboundId::MIN,
        })),
        UserEvent::SweepEnded(Target::Everything),
        UserEvent::HrnUpdated { person: ana(), at },
        UserEvent::ProfileWanted(ana()),
        UserEvent::ProfileSettled(ana()),
        UserEvent::Outbox(OutboxEvent::PermissionMissed { lane: Lane::Send, at, until: at, step: 1 }),
        UserEvent::Outbox(OutboxEvent::PermissionsRenewed { at }),
        UserEvent::HeldBehind { line, no, at },
        UserEvent::BehindAsked { line, until: at },
        UserEvent::BehindMoved { line, after: no, taken: 3 },
        UserEvent::ErasureSet { mid: mid.clone(), erasure: Arc::new(Erasure { person: ana(), due: at }) },
        UserEvent::ErasureClosed(mid),
        UserEvent::PublicReplyWorded { automation: "c1".into(), wording: 1 },
        UserEvent::Disclosed { person: ana(), at },
        UserEvent::RequestAnswered(Arc::new(requests::answered(request, at, &Reply::Done).unwrap())),
        UserEvent::CustodyNoted { account: AccountId::from(ACCOUNT), note },
        UserEvent::FormerAccountErased { account: AccountId::from(ACCOUNT), before: at },
        UserEvent::MemorySyncAsked(at),
        UserEvent::SyncIntervalSet(6),
        UserEvent::PreviewTaken(at),
        UserEvent::Files(Arc::new(FileEvent::Stored(Arc::new(file)))),
        UserEvent::Files(Arc::new(FileEvent::Dropped("f1".into()))),
        UserEvent::Files(Arc::new(FileEvent::Kept { id: "f1".into(), until: at })),
        UserEvent::Files(Arc::new(FileEvent::PictureSet { id: Some("f1".into()), former_until: at })),
        audited(at, audit::Target::Contact("c1".into()), Actor::SidekickTool { chat: Some("chat_1".into()) }),
        audited(at, audit::Target::Tone, Actor::Owner),
        UserEvent::ContactEdited { person: ana(), edit: Arc::new(patch), by: FieldSource::User, at },
        UserEvent::ContactTagged { person: ana(), tag: "vip".into(), at },
        UserEvent::ContactUntagged { person: ana(), tag: "vip".into(), at },
        UserEvent::FollowUpDecided { person: ana(), needed: false, snoozed_until: Some(at), at },
        UserEvent::ContactDeleted { person: ana(), forgetting: Arc::clone(&forgetting) },
        UserEvent::ForgettingSet { person: ana(), forgetting },
        UserEvent::ForgettingClosed(ana()),
        UserEvent::BulkSet(Arc::new(bulk)),
        UserEvent::BulkEnded(3),
        UserEvent::InstagramErased { at },
        UserEvent::Erased { at },
    ]
    .into_iter()
    .chain(facts(at).into_iter().map(|event| UserEvent::KnowledgeChanged(Arc::new(event))))
    .collect()
}

fn audited(at: Timestamp, target: audit::Target, by: Actor) -> UserEvent {
    let operation = "updateContact".into();
    let values = (Some(r#"{"stage":"new"}"#.into()), None);
    UserEvent::Audited(Arc::new(AuditRow {
        no: 9,
        at,
        by,
        operation,
        target,
        before: values.0,
        after: values.1,
    }))
}

/// Changes of facts of every kind.
fn facts(at: Timestamp) -> Vec<KnowledgeEvent> {
    let (created_at, updated_at) = (Some(at), Some(at));
    vec![
        KnowledgeEvent::MainOfferingSet(Some("cakes".into())),
        KnowledgeEvent::OfferSet(Offer {
            id: "o1".into(),
            name: "cake".into(),
            content: "with cream".into(),
            value: Some(12),
            created_at,
            updated_at,
        }),
        KnowledgeEvent::OfferDropped("o1".into()),
        KnowledgeEvent::FaqSet(Faq {
            id: "f1".into(),
            question: "when?".into(),
            answer: Some("daily".into()),
            created_at,
            updated_at,
        }),
        KnowledgeEvent::FaqDropped("f1".into()),
        KnowledgeEvent::LinkSet(OfferLink {
            id: "l1".into(),
            kind: "primary".into(),
            url: "https://bakery.example".into(),
            created_at,
            updated_at,
        }),
        KnowledgeEvent::LinkDropped("l1".into()),
        KnowledgeEvent::ToneSet(Tone {
            kind: "like_me".into(),
            samples: vec!["Hi!".into()],
            files: vec!["chat.txt".into()],
        }),
    ]
}

#[test]
fn an_empty_golden_file_is_filled_and_told() {
    let world = eventful();
    let mut filled = Vec::new();
    let mut fill = |(name, bytes): (&'static str, &[u8]), fresh: Vec<u8>| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/user/tests/golden").join(name);
        if bytes.is_empty() {
            fs::write(path, fresh).unwrap();
            filled.push(name);
        }
    };
    for state in STATES {
        fill(state, encoding::snapshot(&world.user, POSITION).unwrap());
    }
    fill(HISTORY, codec::encode_events(User::SCHEMA, &world.events).unwrap());
    for events in EVENTS {
        fill(events, codec::encode_events(User::SCHEMA, &loose(&world.events)).unwrap());
    }
    assert!(filled.is_empty(), "filled {filled:?}: run the tests again and commit them");
}

/// What the golden workspace must still hold, whichever way it was read.
fn assert_eventful(user: &User) {
    assert_eq!(user.name.as_deref(), Some("Fictional Bakery"));
    assert_eq!((user.contacts.len(), user.list_automations().len()), (8, 2));
    assert_eq!((user.usage.plan, user.settings.sends_per_hour), (Plan::Growth, Some(500)));
    assert_eq!((user.knowledge.offers.len(), user.parked.len(), user.hrn_queue().count()), (1, 1, 2));
    let ana = user.contacts.get(ANA).expect("a contact");
    assert_eq!(ana.display_name.as_deref(), Some("Ana"));
    assert_eq!(ana.crm.tags, ["vip".into()]);
    assert!(ana.thread.messages.len() >= 2);
    assert!(user.contacts.get("906").is_some_and(|contact| contact.opted_out_at.is_some()));
    assert!(user.contacts.get("903").is_some_and(|contact| contact.paused_until.is_some()));
    assert_eq!(user.usage.months().map(|(_, month)| month.sends).sum::<u32>(), 4);
    assert!(user.next_due().is_some() && user.decisions.len() >= 8);
}

#[test]
fn a_state_that_an_earlier_program_wrote_is_still_read() {
    for (name, bytes) in STATES {
        let (mut user, position) = encoding::state::<User>(bytes).expect(name);
        user.restored();
        assert_eq!(position, POSITION);
        assert_eventful(&user);
    }
}

#[test]
fn a_history_that_an_earlier_program_wrote_is_still_read() {
    let mut user = User::vacant("w1");
    encoding::replay(&mut user, HISTORY.1).expect(HISTORY.0);
    assert_eventful(&user);
    assert!(user.activated().is_some(), "a send was in flight");
}

fn value(bytes: &[u8]) -> Value {
    rmp_serde::from_slice(bytes).unwrap()
}

/// All that is in `old` is in `new`, which may have more.
fn is_within(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| is_within(old, new)))
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_within(old, new))
        }
        _ => old == new,
    }
}

#[test]
fn no_event_that_an_earlier_program_wrote_loses_anything() {
    for (name, bytes) in EVENTS.into_iter().chain([HISTORY]) {
        let events = codec::decode_events(bytes).expect(name);
        assert_eq!(events.schema(), User::SCHEMA, "compare what an upcast made of them with something else");
        for old in events {
            let event: UserEvent = rmp_serde::from_slice(old).expect(name);
            let (old, new) = (value(old), value(&rmp_serde::to_vec_named(&event).unwrap()));
            assert!(is_within(&old, &new), "{name}: {old} became {new}");
        }
    }
}

#[test]
fn every_kind_of_event_has_a_golden_one() {
    let nonsense = rmp_serde::to_vec(&Value::from("?")).unwrap();
    let error = rmp_serde::from_slice::<UserEvent>(&nonsense).unwrap_err().to_string();
    let known: BTreeSet<String> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(known.len() > 50, "{error}");
    let mut golden = BTreeSet::new();
    for (name, bytes) in EVENTS.into_iter().chain([HISTORY]) {
        for event in codec::decode_events(bytes).expect(name) {
            golden.extend(value(event).as_object().expect(name).keys().cloned());
        }
    }
    assert_eq!(known.difference(&golden).collect::<Vec<_>>(), Vec::<&String>::new());
}
