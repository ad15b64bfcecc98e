//! A connection lives for years: its token is refreshed in time, its webhooks are subscribed and looked after, and the owner
//! hears of what does not work.

use super::world::*;
use crate::{
    Entity, Sealed, Timestamp,
    user::{
        Command, UserEffect,
        command::{RefreshOutcome, TokenState, WebhooksOutcome},
        integration::{Integration, Permission, Status},
        notification::NotificationKind,
    },
};
use std::time::Duration;

fn days(days: u64) -> Duration {
    hours(24 * days)
}

/// Connected, with everything that keeps it alive answered by the test.
fn by_hand() -> World {
    let mut world = World::connected();
    world.upkeep_by_hand = true;
    world
}

fn known(world: &World) -> &Integration {
    world.user.integration.as_ref().unwrap()
}

/// Lets time pass until something is due, and does it.
fn step(world: &mut World) {
    let due = world.user.next_due().expect("something is due");
    world.wait(due.since(world.now));
}

/// Lets time pass until the token is to be refreshed; when that was asked for.
fn until_refresh(world: &mut World) -> Timestamp {
    for _ in 0..1_000 {
        step(world);
        let asked = world.upkeep.iter().find_map(|effect| match effect {
            UserEffect::RefreshToken { since, .. } => Some(*since),
            _ => None,
        });
        if let Some(since) = asked {
            world.upkeep.retain(|effect| !matches!(effect, UserEffect::RefreshToken { .. }));
            return since;
        }
        answer_watch(world);
    }
    panic!("the token is not refreshed");
}

/// The subscription stands whenever it is looked at.
fn answer_watch(world: &mut World) {
    let watches: Vec<UserEffect> =
        world.upkeep.extract_if(.., |effect| matches!(effect, UserEffect::ReadSubscription { .. })).collect();
    for watch in watches {
        let UserEffect::ReadSubscription { since, .. } = watch else { continue };
        world.run(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Whole }).unwrap();
    }
}

fn refreshed(world: &mut World, since: Timestamp, outcome: RefreshOutcome) {
    world.run(Command::TokenRefreshed { since, outcome }).unwrap();
}

fn renewed(world: &World) -> RefreshOutcome {
    RefreshOutcome::Renewed { token: Sealed::from("fresh"), expires_at: world.now + days(60) }
}

fn checks(world: &World) -> usize {
    world.effects.iter().filter(|effect| matches!(effect, UserEffect::CheckToken { .. })).count()
}

fn told(world: &World, is_it: impl Fn(&NotificationKind) -> bool) -> usize {
    world.user.notifications.iter().filter(|notification| is_it(&notification.kind)).count()
}

fn told_of_the_end(world: &World) -> usize {
    told(world, |kind| matches!(kind, NotificationKind::ConnectionEnding { .. }))
}

fn told_to_reconnect(world: &World) -> usize {
    told(world, |kind| matches!(kind, NotificationKind::ReconnectNeeded { .. }))
}

#[test]
fn a_connection_lives_for_years() {
    let mut world = priced();
    world.check_replay = false;
    world.wait(days(3 * 365));
    assert_eq!((known(&world).status, known(&world).token.as_str()), (Status::Active, "fresh"));
    let refreshes =
        world.effects.iter().filter(|effect| matches!(effect, UserEffect::RefreshToken { .. })).count();
    assert!((3 * 365 / 41..=3 * 365 / 29).contains(&refreshes), "{refreshes}");
    assert_eq!((told_of_the_end(&world), told_to_reconnect(&world)), (0, 0));
    world.says(ANA, "price");
    assert_eq!(world.take_send().access.token.as_str(), "fresh");
}

#[test]
fn a_token_is_refreshed_between_day_30_and_40_and_the_old_one_kept_until_the_new_one_lives() {
    let mut world = by_hand();
    let connected_at = world.now;
    let since = until_refresh(&mut world);
    assert!((days(30)..=days(40)).contains(&since.since(connected_at)));
    let (outcome, before) = (renewed(&world), checks(&world));
    refreshed(&mut world, since, outcome);
    assert_eq!((known(&world).token.as_str(), checks(&world)), ("fresh", before + 1));
    assert_eq!(known(&world).upkeep.former.as_ref().unwrap().token.as_str(), "sealed");
    world.run(Command::TokenChecked(TokenState::Alive)).unwrap();
    assert_eq!((known(&world).upkeep.former.is_none(), known(&world).checking_since), (true, None));
    assert_eq!(known(&world).expires_at, world.now + days(60));
    // The next one is a while away.
    assert!(until_refresh(&mut world).since(since) >= days(29));
}

#[test]
fn a_fresh_token_that_does_not_live_gives_way_to_the_one_before() {
    let mut world = by_hand();
    let ends = known(&world).expires_at;
    let since = until_refresh(&mut world);
    let outcome = renewed(&world);
    refreshed(&mut world, since, outcome);
    world.run(Command::TokenChecked(TokenState::Dead("no".into()))).unwrap();
    assert_eq!((known(&world).token.as_str(), known(&world).expires_at), ("sealed", ends));
    assert_eq!(known(&world).status, Status::Active, "the old one may live");
    world.run(Command::TokenChecked(TokenState::Alive)).unwrap();
    let again = until_refresh(&mut world);
    assert!(again.since(since) >= days(1));
    // And when neither does, the owner has to come.
    let outcome = renewed(&world);
    refreshed(&mut world, again, outcome);
    for _ in 0..2 {
        world.run(Command::TokenChecked(TokenState::Dead("no".into()))).unwrap();
    }
    assert_eq!((known(&world).status, told_to_reconnect(&world)), (Status::Expired, 1));
}

#[test]
fn a_crash_in_the_middle_only_asks_again() {
    let mut world = by_hand();
    let since = until_refresh(&mut world);
    world.now = world.now + secs(1);
    world.passivate();
    let Some(UserEffect::RefreshToken { since: again, .. }) = world.upkeep.pop() else { panic!("not asked") };
    assert!(again > since);
    // What comes from before the crash says nothing of this attempt; both are asked with the same token.
    let outcome = renewed(&world);
    refreshed(&mut world, since, outcome.clone());
    assert_eq!(known(&world).token.as_str(), "sealed");
    refreshed(&mut world, again, outcome);
    assert_eq!(known(&world).token.as_str(), "fresh");
    // Without any answer it is asked again, too.
    let mut world = by_hand();
    let since = until_refresh(&mut world);
    let events = world.events.len();
    world.wait(secs(121));
    assert!(world.events.len() > events && world.upkeep.len() == 1, "{since:?}");
}

#[test]
fn a_refresh_that_fails_is_tried_again_and_the_owner_is_told_7_3_and_1_days_before_the_end_and_then() {
    let mut world = by_hand();
    world.check_replay = false;
    let ends = known(&world).expires_at;
    let (mut attempts, mut told_at) = (0, Vec::new());
    while world.now + hours(6) < ends {
        let since = until_refresh(&mut world);
        attempts += 1;
        refreshed(&mut world, since, RefreshOutcome::Failed { retry_after: None });
        if told_of_the_end(&world) > told_at.len() {
            told_at.push(ends.since(world.now));
        }
    }
    assert!((80..200).contains(&attempts), "{attempts} attempts in 20 to 30 days");
    let near =
        |told: &Duration, days_before: u64| (days(days_before) - hours(8)..=days(days_before)).contains(told);
    assert!(
        told_at.len() == 3 && near(&told_at[0], 7) && near(&told_at[1], 3) && near(&told_at[2], 1),
        "{told_at:?}"
    );
    assert_eq!(known(&world).status, Status::Active);
    world.wait(hours(24));
    assert_eq!((known(&world).status, told_to_reconnect(&world)), (Status::Expired, 1));
    assert_eq!((told_of_the_end(&world), world.user.next_due()), (3, None));
}

#[test]
fn a_refusal_is_no_reason_to_think_the_connection_broken() {
    let mut world = by_hand();
    let since = until_refresh(&mut world);
    let before = checks(&world);
    refreshed(&mut world, since, RefreshOutcome::Refused);
    assert_eq!((known(&world).status, checks(&world)), (Status::Active, before));
    let again = until_refresh(&mut world);
    assert!(again.since(since) >= days(1), "tomorrow");
    // A refused token is asked about once; only then the connection is lost.
    refreshed(&mut world, again, RefreshOutcome::TokenRefused);
    assert_eq!((known(&world).status, checks(&world)), (Status::Active, before + 1));
    world.run(Command::TokenChecked(TokenState::Dead("ended".into()))).unwrap();
    assert_eq!((known(&world).status, told_to_reconnect(&world)), (Status::Expired, 1));
    assert_eq!((world.user.next_due(), world.user.activated().is_some()), (None, false));
}

#[test]
fn waiting_for_a_turn_is_no_failure() {
    let mut world = by_hand();
    let since = until_refresh(&mut world);
    refreshed(&mut world, since, RefreshOutcome::Later { after: secs(30) });
    assert_eq!(known(&world).upkeep.refresh.failures(), 0);
    let due = world.user.next_due().unwrap();
    assert_eq!(due, world.now + secs(30));
    world.wait(secs(30));
    assert!(matches!(world.upkeep.last(), Some(UserEffect::RefreshToken { .. })));
}

#[test]
fn workspaces_connected_together_are_not_refreshed_together() {
    let due = |key: &str| {
        let mut world = World::keyed(key);
        world.connect();
        let since = known(&world).connected_at;
        world.user.refresh_due().unwrap().since(since)
    };
    let all: std::collections::BTreeSet<Duration> = (0..50).map(|n| due(&format!("w{n}"))).collect();
    assert!(all.len() == 50 && all.last().unwrap().saturating_sub(*all.first().unwrap()) > days(5));
}

#[test]
fn webhooks_are_subscribed_after_the_connection_is_stored_until_they_are() {
    let mut world = World::vacant();
    world.upkeep_by_hand = true;
    world.connect();
    assert_eq!((known(&world).status, known(&world).webhooks_subscribed_at), (Status::Active, None));
    for wait in [5, 10, 20] {
        let Some(UserEffect::Subscribe { since, .. }) = world.upkeep.pop() else { panic!("not asked") };
        let outcome = WebhooksOutcome::Failed { retry_after: None };
        world.run(Command::WebhooksAsked { since, outcome }).unwrap();
        assert_eq!(world.user.next_due(), Some(world.now + secs(wait)));
        world.wait(secs(wait));
    }
    // A crash asks again.
    world.now = world.now + secs(1);
    world.passivate();
    let Some(UserEffect::Subscribe { since, .. }) = world.upkeep.pop() else { panic!("not asked") };
    world.run(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Subscribed }).unwrap();
    assert_eq!(known(&world).webhooks_subscribed_at, Some(world.now));
    assert_eq!((world.user.next_due(), world.user.activated().is_some()), (Some(world.now + days(1)), false));
    assert!(world.upkeep.is_empty());
}

#[test]
fn a_subscription_that_the_platform_ended_is_made_again_and_the_owner_told_of_the_gap() {
    let mut world = by_hand();
    let interrupted = |kind: &NotificationKind| matches!(kind, NotificationKind::WebhooksInterrupted { .. });
    let seen = world.now;
    world.wait(days(1));
    let Some(UserEffect::ReadSubscription { since, .. }) = world.upkeep.pop() else { panic!("not looked") };
    world.run(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Missing }).unwrap();
    assert_eq!(known(&world).webhooks_subscribed_at, None, "the status shows it");
    let Some(UserEffect::Subscribe { since, .. }) = world.upkeep.pop() else { panic!("not subscribed") };
    world.run(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Subscribed }).unwrap();
    assert!(known(&world).webhooks_subscribed_at.is_some());
    let expected = NotificationKind::WebhooksInterrupted { from: seen, until: world.now };
    assert_eq!(told(&world, |kind| *kind == expected), 1);
    // Fields that can be done without are subscribed again and make no fuss.
    world.wait(days(1));
    let Some(UserEffect::ReadSubscription { since, .. }) = world.upkeep.pop() else { panic!("not looked") };
    world.run(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Partial }).unwrap();
    let Some(UserEffect::Subscribe { since, .. }) = world.upkeep.pop() else { panic!("not subscribed") };
    world.run(Command::WebhooksAsked { since, outcome: WebhooksOutcome::Subscribed }).unwrap();
    assert_eq!(told(&world, interrupted), 1);
}

#[test]
fn silence_where_there_usually_is_traffic_is_looked_into() {
    let mut world = by_hand();
    for turn in 0..24 {
        world.says(ANA, &format!("hello {turn}"));
        world.wait(secs(600));
    }
    let last = world.now;
    while world.upkeep.is_empty() {
        step(&mut world);
    }
    assert!((hours(5)..=hours(6)).contains(&world.now.since(last)), "{:?}", world.now.since(last));
    answer_watch(&mut world);
    world.wait(hours(20));
    assert!(world.upkeep.is_empty(), "one silence is looked into once");
    // A quiet account is looked at once a day.
    let mut world = by_hand();
    world.says(ANA, "hello");
    world.wait(hours(23));
    assert!(world.upkeep.is_empty());
}

#[test]
fn nothing_is_asked_of_a_connection_that_ended() {
    for command in [Command::DisconnectInstagram, Command::RevokeInstagram] {
        let mut world = by_hand();
        let since = until_refresh(&mut world);
        world.run(command).unwrap();
        let outcome = renewed(&world);
        refreshed(&mut world, since, outcome);
        assert_eq!(known(&world).token.as_str(), "", "a late answer brings no token back");
        world.upkeep.clear();
        world.wait(days(90));
        assert!(world.upkeep.is_empty());
    }
}

#[test]
fn a_permission_that_was_not_granted_limits_the_connection_and_is_named() {
    let mut world = World::vacant();
    let mut connect = world.connection(ACCOUNT, "27000000000000001");
    connect.scopes.retain(|scope| scope != Permission::Comments.scope());
    world.run(Command::ConnectInstagram(connect.clone())).unwrap();
    world.keep_up();
    assert_eq!(
        (known(&world).status, known(&world).missing()),
        (Status::Limited, vec![Permission::Comments])
    );
    assert!(known(&world).last_error.as_ref().unwrap().contains(Permission::Comments.scope()));
    assert!(known(&world).is_usable(world.now));
    // A message that gets through does not bring the permission, a new connection does.
    world.automate("a1", fixed("price", "It is 12 euro."));
    world.says(ANA, "price");
    assert_eq!((world.deliver().len(), known(&world).status), (1, Status::Limited));
    world.connect();
    assert_eq!((known(&world).status, known(&world).missing().len()), (Status::Active, 0));
    // What the platform did not say is taken for granted.
    connect.scopes.clear();
    world.run(Command::ConnectInstagram(connect)).unwrap();
    assert_eq!(known(&world).status, Status::Active);
}

#[test]
fn a_connection_of_an_earlier_program_is_looked_after_from_now_on() {
    let mut world = by_hand();
    let mut old = known(&world).clone();
    old.upkeep = crate::user::integration::Upkeep::default();
    old.webhooks_subscribed_at = None;
    let mut user = world.user.clone();
    user.integration = Some(std::sync::Arc::new(old));
    (world.user, world.check_replay) = (user, false);
    world.wait(secs(1));
    assert!(matches!(world.upkeep.as_slice(), [UserEffect::Subscribe { .. }]));
    world.upkeep_by_hand = false;
    world.keep_up();
    world.upkeep_by_hand = true;
    let since = until_refresh(&mut world);
    assert!(since.since(known(&world).connected_at) <= days(40));
}
