//! Erasing a workspace, or what it has of an Instagram account.

use super::world::*;
use crate::{
    Entity, Sealed,
    id::{AccountId, EventKey, Igsid, Mid},
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

/// The names that were claimed and not given back, in the order of the last changes.
fn names(world: &World) -> Vec<String> {
    let mut names = Vec::new();
    for change in &world.directory {
        names.retain(|name| name != change.name());
        if let DirectoryChange::Claim(name) = change {
            names.push(name.clone());
        }
    }
    names
}

#[test]
fn the_names_of_an_account_are_kept_until_it_is_noted_whose_data_is_held() {
    let mut world = World::vacant();
    world.notes_by_hand = true;
    world.connect();
    let Some((account, since)) = world.notes.pop() else { panic!("not asked") };
    let effect = world.effects.iter().find_map(|effect| match effect {
        UserEffect::NoteCustody { accounts, .. } => Some(accounts.clone()),
        _ => None,
    });
    assert_eq!(effect.unwrap(), [AccountId::from(ACCOUNT), AccountId::from(APP_SCOPED)], "by either id");
    // Disconnected before the note is made: it is looked for by its names until then.
    world.run(Command::DisconnectInstagram).unwrap();
    assert_eq!(names(&world).len(), 2);
    world.run(Command::CustodyNoted { account, since, made: false }).unwrap();
    assert_eq!(names(&world).len(), 2);
    world.wait(secs(1));
    assert_eq!(world.notes.len(), 1, "tried again");
    // A crash asks again, and what comes from before it says nothing.
    world.now = world.now + secs(1);
    world.passivate();
    let Some((account, again)) = world.notes.pop() else { panic!("not asked") };
    world.run(Command::CustodyNoted { account: account.clone(), since, made: true }).unwrap();
    assert_eq!(names(&world).len(), 2);
    world.run(Command::CustodyNoted { account, since: again, made: true }).unwrap();
    assert_eq!((names(&world).len(), world.user.next_due()), (0, None));
    // With a note they go at once, and a connection made again keeps both.
    world.connect();
    assert!(world.notes.is_empty());
    world.run(Command::DisconnectInstagram).unwrap();
    assert_eq!(names(&world).len(), 0);
}

#[test]
fn names_that_wait_for_the_note_stay_with_a_connection_made_again() {
    let mut world = World::vacant();
    world.notes_by_hand = true;
    world.connect();
    world.run(Command::DisconnectInstagram).unwrap();
    world.connect();
    while let Some((account, since)) = world.notes.pop() {
        world.run(Command::CustodyNoted { account, since, made: true }).unwrap();
    }
    assert_eq!(names(&world).len(), 2);
}

#[test]
fn data_of_an_account_that_was_disconnected_is_erased() {
    for command in [Command::DisconnectInstagram, Command::RevokeInstagram] {
        let mut world = busy();
        world.run(command).unwrap();
        world.run(Command::EraseInstagramData { account: AccountId::from(APP_SCOPED) }).unwrap();
        assert_clean_but_for_the_name(&world.user);
        assert!(world.rows.is_empty());
    }
}

/// The bakery was connected and busy, then another account, which is busy now.
fn moved_on() -> World {
    let mut world = busy();
    world.run(Command::DisconnectInstagram).unwrap();
    world.wait(hours(1));
    world.connect_to(OTHER, "27000000000000002");
    world.sends.clear();
    to_other(&mut world, "907");
    world.wait(secs(4));
    world
}

/// A person writes to the other account.
fn to_other(world: &mut World, person: &str) {
    let mut event = world.message(person, "price");
    event.account = AccountId::from(OTHER);
    event.key = EventKey::from(event.key.as_str().replace(ACCOUNT, OTHER));
    world.receive(event);
}

#[test]
fn data_of_an_account_before_the_present_one_is_erased_and_the_present_one_works_on() {
    for account in [ACCOUNT, APP_SCOPED] {
        let mut world = moved_on();
        let mut held: Vec<_> = world.user.held_accounts(Some(account)).map(AccountId::as_str).collect();
        held.sort_unstable();
        assert_eq!(held, [ACCOUNT, APP_SCOPED]);
        world.directory.clear();
        world.run(Command::EraseInstagramData { account: AccountId::from(account) }).unwrap();
        let bytes = World::encoded(&world.user);
        for trace in [ACCOUNT, APP_SCOPED, ANA, BEN, "903", "secret"] {
            let found = bytes.windows(trace.len()).any(|window| window == trace.as_bytes());
            assert!(!found, "{trace} is still there");
        }
        assert!(world.rows.is_empty() && world.directory.is_empty(), "names of the present account stay");
        assert_eq!(world.user.integration.as_ref().unwrap().account.as_str(), OTHER);
        let contacts: Vec<_> = world.user.contacts.keys().map(Igsid::as_str).collect();
        assert_eq!(contacts, ["907"]);
        assert_eq!(world.deliver(), ["It is 12 euro."], "what is on its way for the present account goes on");
        let before = world.events.len();
        world.run(Command::EraseInstagramData { account: AccountId::from(account) }).unwrap();
        assert_eq!(world.events.len(), before, "asking again is fine");
        world.passivate();
        to_other(&mut world, "908");
        world.wait(secs(4));
        assert_eq!(world.deliver(), ["It is 12 euro."]);
    }
}

#[test]
fn erasing_an_account_before_waits_while_events_of_the_present_one_stand_in_the_history() {
    let mut world = moved_on();
    world.run(Command::RevokeInstagram).unwrap();
    world.check_replay = false;
    for _ in 0..=crate::user::line::PARKED_MAX {
        to_other(&mut world, "907");
    }
    assert!(world.user.parked.behind().is_some());
    let erase = Command::EraseInstagramData { account: AccountId::from(ACCOUNT) };
    assert_eq!(world.run(erase.clone()), Err(crate::user::Rejection::EventsWait));
    world.connect_to(OTHER, "27000000000000002");
    world.wait(hours(2));
    world.run(erase).unwrap();
    assert!(!world.user.contacts.contains_key(ANA));
}

#[test]
fn what_an_earlier_program_kept_is_noted_by_the_next_tick() {
    let mut world = World::connected();
    world.says(ANA, "hello");
    world.run(Command::DisconnectInstagram).unwrap();
    world.connect_to(OTHER, "27000000000000002");
    // As a state without notes.
    world.user.notes = crate::user::custody::Notes::new();
    (world.check_replay, world.notes_by_hand) = (false, true);
    assert!(world.user.next_due().is_some_and(|due| due <= world.now));
    world.run(Command::Tick).unwrap();
    let mut noted: Vec<_> = world.notes.iter().map(|(account, _)| account.as_str()).collect();
    noted.sort_unstable();
    assert_eq!(noted, [ACCOUNT, OTHER]);
}

#[test]
fn a_connection_without_a_note_gets_one_before_its_names_go() {
    let mut world = World::connected();
    world.user.notes = crate::user::custody::Notes::new();
    (world.check_replay, world.notes_by_hand) = (false, true);
    world.run(Command::DisconnectInstagram).unwrap();
    assert_eq!((names(&world).len(), world.user.gives_names_back()), (2, true));
    let Some((account, since)) = world.notes.pop() else { panic!("not asked") };
    world.run(Command::CustodyNoted { account, since, made: true }).unwrap();
    assert_eq!((names(&world).len(), world.user.gives_names_back()), (0, false));
}

#[test]
fn one_workspace_holds_data_of_so_many_accounts_and_not_of_one_more() {
    let mut world = World::vacant();
    world.check_replay = false;
    for n in 0..crate::user::custody::ACCOUNTS_MAX {
        world.connect_to(&format!("1784{n}"), &format!("2700{n}"));
        world.run(Command::DisconnectInstagram).unwrap();
    }
    let more = world.connection(ACCOUNT, APP_SCOPED);
    assert!(matches!(world.run(Command::ConnectInstagram(more)), Err(crate::user::Rejection::Invalid(_))));
    world.connect_to("17840", "27000");
}
