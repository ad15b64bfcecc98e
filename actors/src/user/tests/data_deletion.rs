//! Erasing a workspace, or what it has of an Instagram account.

use super::world::*;
use crate::{
    Entity, Sealed,
    id::{AccountId, Igsid, Mid},
    outbox::{Doubt, SendOutcome, Usage},
    user::{
        Command, User, UserEffect, account_claim,
        command::{LookedUp, Profile, TokenState},
        inbound::InboundItem,
        look_back::{Found, LookBack},
        model::{ModelAnswer, QuestionId},
        plan::Plan,
        settings::{Settings, SettingsPatch},
    },
};
use greenroom_persistence::DirectoryChange;
use std::sync::Arc;

const APP_SCOPED: &str = "27000000000000001";
const OTHER: &str = "17841400000000002";

/// Contacts, an answered and a waiting message, a question to the model, history, an event over the quota, settings.
fn busy() -> World {
    let mut world = World::connected();
    world.run(Command::SetName("Fictional Bakery".into())).unwrap();
    world.settings(SettingsPatch { sends_per_hour: Some(500), ..SettingsPatch::default() });
    world.automate("a1", fixed("price", "It is 12 euro."));
    for n in 0..12 {
        world.says(ANA, &format!("secret {n}"));
        world.classify(100);
        world.write("Thank you.");
        world.wait(secs(30));
        world.deliver();
        // At the pace of a young account.
        world.wait(secs(600));
    }
    world.says(BEN, "price");
    world.wait(secs(30));
    world.says("903", "do you bake on sundays");
    assert_eq!((world.sends.len(), world.questions.len()), (1, 1));
    assert!(!world.rows.is_empty() && world.user.contacts.len() == 3);
    world
}

/// Nothing of the account and the people is in the state.
fn assert_clean(user: &User) {
    let bytes = World::encoded(user);
    for trace in [ACCOUNT, APP_SCOPED, ANA, BEN, "903", "secret", "fictional.bakery", "sealed"] {
        let found = bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
        assert!(!found, "{trace} is still there");
    }
    assert!(user.integration.is_none() && user.contacts.is_empty() && user.decisions.is_empty());
    assert_eq!((user.outbox.open(), user.parked.len(), user.overflow.len()), (0, 0, 0));
    assert_eq!((user.logs.iter().count(), user.notifications.iter().count()), (0, 0));
    assert_eq!((user.next_due(), user.activated().is_some(), user.is_busy()), (None, false, false));
}

fn releases() -> Vec<DirectoryChange> {
    [ACCOUNT, APP_SCOPED].map(|id| DirectoryChange::Release(account_claim(id))).into()
}

#[test]
fn an_erased_workspace_is_vacant() {
    let mut world = busy();
    world.directory.clear();
    world.run(Command::Erase).unwrap();
    assert_clean(&world.user);
    assert!(world.rows.is_empty() && world.user.automations.is_empty() && world.user.name.is_none());
    assert_eq!((world.user.usage.plan, world.user.usage.months().count()), (Plan::default(), 0));
    assert_eq!(*world.user.settings, Settings::default());
    assert_eq!(world.directory, releases());
    assert!(matches!(world.effects.last(), Some(UserEffect::Unsubscribe { access })
        if access.token == Sealed::from("sealed")));
    let before = world.events.len();
    world.passivate();
    world.run(Command::Erase).unwrap();
    assert_eq!(world.events.len(), before, "a vacant workspace is left as it is");
    let mut never = World::vacant();
    never.run(Command::Erase).unwrap();
    assert!(never.events.is_empty());
}

#[test]
fn what_was_pending_is_not_sent() {
    for command in [Command::Erase, Command::EraseInstagramData { account: AccountId::from(ACCOUNT) }] {
        let mut world = World::connected();
        world.automate("a1", fixed("price", "It is 12 euro."));
        // One in flight to each, one behind it, and a burst that still waits.
        for person in [ANA, BEN] {
            world.says(person, "price");
        }
        let waiting = world.message("903", "price");
        world.receive(waiting);
        let sent = world.all_sends.len();
        world.run(command).unwrap();
        world.wait(hours(48));
        assert_eq!(world.all_sends.len(), sent);
        assert_clean(&world.user);
    }
}

/// Everything that can come back from outside, for questions of before.
fn late_outcomes(world: &mut World) -> Vec<Command> {
    let send = world.all_sends.last().expect("a send").clone();
    let (outbound, attempt) = (send.outbound, send.attempt);
    let usage = Some(Usage { percent: 99, regain: None });
    let sent = SendOutcome::Sent { message_id: Mid::from("m_late"), recipient: Some(Igsid::from(ANA)) };
    let unknown = SendOutcome::Unknown { doubt: Doubt::Timeout, code: None };
    let asked = LookBack::Message { person: Igsid::from(ANA), mid: Mid::from("m_1") };
    let found = Arc::new(world.message(ANA, "secret and late"));
    vec![
        Command::SendFinished { outbound, attempt, outcome: sent, usage },
        Command::SendFinished { outbound, attempt, outcome: unknown, usage },
        Command::TokenChecked(TokenState::Dead("gone".into())),
        Command::ProfileFetched {
            person: Igsid::from(ANA),
            profile: Some(Profile { username: Some("ana".into()), ..Profile::default() }),
        },
        Command::MessageLookedUp { mid: Mid::from("m_1"), found: LookedUp::Found(found) },
        Command::HistoryRead { asked, found: Some(Found::Message(None)) },
        Command::ModelAnswered {
            question: QuestionId(1),
            attempt: 1,
            result: Ok(ModelAnswer::Text("secret".into())),
        },
    ]
}

#[test]
fn late_outcomes_are_ignored() {
    for command in [Command::Erase, Command::EraseInstagramData { account: AccountId::from(ACCOUNT) }] {
        let mut world = busy();
        let mut late = late_outcomes(&mut world);
        let answered = world.questions.pop().unwrap();
        late.push(Command::ModelAnswered {
            question: answered.question,
            attempt: answered.attempt,
            result: Ok(ModelAnswer::Text("secret".into())),
        });
        world.run(command).unwrap();
        let before = world.events.len();
        for outcome in late.clone() {
            world.run(outcome).unwrap();
        }
        assert_eq!(world.events.len(), before);
        // Also when the account is connected again meanwhile, and has a message and a question on its way.
        world.wait(hours(1));
        world.connect();
        world.sends.clear();
        world.run(Command::SetPlan(Plan::Growth)).unwrap();
        world.automate("a2", fixed("hello", "Hi."));
        world.says("905", "hello");
        world.says("906", "are you open on mondays");
        let numbers = |world: &World| (world.sends[0].outbound, world.questions.last().unwrap().question);
        let (outbound, question) = numbers(&world);
        assert!(late.iter().all(|outcome| match outcome {
            Command::SendFinished { outbound: old, .. } => *old < outbound,
            Command::ModelAnswered { question: old, .. } => *old < question,
            _ => true,
        }));
        for outcome in late {
            world.run(outcome).unwrap();
        }
        assert!(!world.user.contacts.contains_key(ANA), "a message of before does not come back");
        assert_eq!(world.deliver(), ["Hi."]);
    }
}

#[test]
fn erasing_instagrams_data_leaves_what_the_owner_made() {
    // The request names either id.
    for account in [ACCOUNT, APP_SCOPED] {
        let mut world = busy();
        let sends = |user: &User| user.usage.months().map(|(_, month)| month.sends).sum::<u32>();
        let before = (sends(&world.user), world.user.usage.plan, Arc::clone(&world.user.settings));
        assert!(before.0 >= 10, "{}", before.0);
        world.directory.clear();
        world.run(Command::EraseInstagramData { account: AccountId::from(account) }).unwrap();
        assert_clean_but_for_the_name(&world.user);
        assert!(world.rows.is_empty());
        assert_eq!(world.directory, releases());
        assert_eq!((sends(&world.user), world.user.usage.plan, Arc::clone(&world.user.settings)), before);
        assert_eq!(world.user.usage.months().map(|(_, month)| month.reserved).sum::<u32>(), 0);
        assert_eq!((world.user.automations.len(), world.user.name.as_deref()), (1, Some("Fictional Bakery")));
        let events = world.events.len();
        world.run(Command::EraseInstagramData { account: AccountId::from(account) }).unwrap();
        assert_eq!(world.events.len(), events, "asking again is fine");
        world.passivate();
        world.wait(hours(1));
        world.connect();
        world.sends.clear();
        world.says(ANA, "price");
        assert_eq!(world.deliver(), ["It is 12 euro."], "the automations answer again");
    }
}

fn assert_clean_but_for_the_name(user: &User) {
    let mut nameless = user.clone();
    nameless.name = None;
    assert_clean(&nameless);
}

#[test]
fn another_accounts_request_changes_nothing() {
    let mut world = busy();
    let before = world.events.len();
    world.run(Command::EraseInstagramData { account: AccountId::from(OTHER) }).unwrap();
    assert_eq!(world.events.len(), before);
    assert!(world.user.contacts.contains_key(ANA));
}

#[test]
fn contacts_of_the_account_before_stay() {
    let mut world = World::connected();
    world.says(ANA, "hello");
    world.run(Command::DisconnectInstagram).unwrap();
    world.connect_to(OTHER, "27000000000000002");
    let mut event = world.message(BEN, "hello");
    event.account = AccountId::from(OTHER);
    world.receive(event);
    assert!(world.user.contacts.contains_key(BEN));
    world.run(Command::EraseInstagramData { account: AccountId::from(OTHER) }).unwrap();
    assert!(world.user.contacts.contains_key(ANA) && !world.user.contacts.contains_key(BEN));
    assert_eq!((world.user.next_due(), world.user.activated().is_some()), (None, false));
}

#[test]
fn a_revoked_account_is_erased_too_and_nothing_is_asked_of_it() {
    let mut world = busy();
    world.run(Command::RevokeInstagram).unwrap();
    let effects = world.effects.len();
    world.run(Command::EraseInstagramData { account: AccountId::from(ACCOUNT) }).unwrap();
    assert_clean_but_for_the_name(&world.user);
    assert_eq!(world.effects.len(), effects, "there is no token to end the subscription with");
}

#[test]
fn events_of_an_erased_account_belong_to_nobody() {
    let mut world = busy();
    world.run(Command::Erase).unwrap();
    let item = InboundItem::Seen { person: Igsid::from(ANA), mid: None };
    let event = world.event(item, "seen:1");
    assert!(world.run(Command::Receive(Arc::new(event))).is_err());
}
