//! Quiet hours: what waits, what goes all the same, and what the owner sees.

use super::world::*;
use crate::{
    Timestamp,
    id::Igsid,
    outbox::Lane,
    user::{
        Command, Rejection,
        decision::{Verdict, Waits},
        query::Explained,
        quiet::QuietHoursInput,
        settings::{QuietHoursChange, SettingsPatch},
    },
};

fn hours_of(start: &str, end: &str) -> SettingsPatch {
    let typed = QuietHoursInput { start: start.into(), end: end.into(), zone: "Europe/Berlin".into() };
    SettingsPatch { quiet_hours: Some(QuietHoursChange::Set(typed)), ..SettingsPatch::default() }
}

/// It is 13:00 in Berlin.
fn quiet(start: &str, end: &str) -> World {
    let mut world = priced();
    world.automate("c1", on_comments("link", "here", Some("sent!")));
    world.settings(hours_of(start, end));
    world
}

fn waits(world: &World, key: &str) -> Option<Waits> {
    match world.user.explain(key) {
        Some(Explained::Here(view)) => view.waits,
        other => panic!("{other:?}"),
    }
}

#[test]
fn automatic_messages_wait_for_the_end_and_say_so() {
    let mut world = quiet("12:30", "15:00");
    let end = Timestamp::from_millis(START) + hours(2);
    let dm = world.says(ANA, "price");
    let comment = world.comments(BEN, "link");
    assert!(world.all_sends.is_empty());
    assert!(matches!(world.verdict(&dm), Verdict::Queued { .. }));
    let held = Some(Waits { until: end, held: Some("quiet_hours".into()) });
    assert_eq!((waits(&world, &dm), waits(&world, &comment)), (held.clone(), held));
    let stats = world.user.outbox.queue_stats(Lane::Send, world.now);
    assert!(stats.waiting == 1 && stats.expected_end >= Some(end), "{stats:?}");
    world.wait(hours(2) - secs(5));
    assert!(world.all_sends.is_empty());
    world.wait(secs(30));
    assert_eq!(world.deliver().len(), 3, "and the public reply after the private one");
    assert!(matches!(world.verdict(&dm), Verdict::Replied { .. }));
    assert_eq!(waits(&world, &dm), None);
    world.assert_replay();
}

#[test]
fn what_would_miss_its_window_goes_in_quiet_hours() {
    let mut world = quiet("12:30", "15:00");
    let mut event = world.message(ANA, "price");
    event.at = world.now - hours(23);
    world.receive(event);
    world.wait(secs(10));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn people_write_whenever_they_like() {
    let mut world = quiet("12:30", "15:00");
    world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
    world.says(ANA, "hello");
    let (person, key) = (Igsid::from(ANA), "press-1".to_owned());
    world.run(Command::SendMessage { person, key, text: "Hi Ana".into() }).unwrap();
    assert_eq!(world.deliver(), ["Hi Ana"]);
}

#[test]
fn outside_of_them_and_after_they_are_switched_off_nothing_waits() {
    let mut world = quiet("14:00", "15:00");
    world.says(ANA, "price");
    assert_eq!(world.deliver().len(), 1);
    world.settings(hours_of("12:30", "15:00"));
    let key = world.says(BEN, "price");
    assert!(waits(&world, &key).is_some_and(|waits| waits.held.is_some()));
    world.settings(SettingsPatch { quiet_hours: Some(QuietHoursChange::Off), ..SettingsPatch::default() });
    world.wait(secs(60));
    assert_eq!(world.deliver().len(), 1);
    assert_eq!(world.user.settings.quiet_hours, None);
}

#[test]
fn what_waits_in_quiet_hours_is_cancelled_like_anything_else() {
    let mut world = quiet("12:30", "15:00");
    let key = world.says(ANA, "price");
    let echo = world.echo(ANA, "by_hand", "Hi, it depends");
    world.receive(echo);
    assert!(matches!(world.verdict(&key), Verdict::Cancelled(_)));
    world.wait(hours(3));
    assert!(world.all_sends.is_empty());
}

#[test]
fn wrong_quiet_hours_are_refused_and_change_nothing() {
    let mut world = quiet("12:30", "15:00");
    let before = world.user.settings.clone();
    for patch in [hours_of("12:30", "12:30"), hours_of("25:00", "15:00")] {
        let refused = world.run(Command::UpdateSettings(patch));
        assert!(matches!(refused, Err(Rejection::Invalid(errors)) if errors.len() == 1));
    }
    assert_eq!(world.user.settings, before);
}
