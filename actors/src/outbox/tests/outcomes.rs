//! Every row of the outcome table.

use super::*;

fn in_flight() -> (World, OutboundId) {
    let mut world = World::new();
    let id = world.dm("p1", "It is 12 euro.");
    world.run();
    world.assert_sending(id);
    (world, id)
}

fn in_flight_reply() -> (World, OutboundId) {
    let mut world = World::new();
    let id = world.private_reply("c1");
    world.run();
    world.assert_sending(id);
    (world, id)
}

#[track_caller]
fn assert_between(span: Duration, low: f64, high: f64) {
    let seconds = span.as_secs_f64();
    assert!((low..=high).contains(&seconds), "{seconds} s is not in {low}..={high}");
}

#[test]
fn a_success_ends_it() {
    let (mut world, id) = in_flight();
    world.sent(id, "m1");
    world.assert_sent(id);
    assert_eq!(world.outbox.by_message_id(&Mid::from("m1")), Some(id));
    assert!(!world.outbox.is_busy());
    assert!(world.consequences.is_empty());
}

#[test]
fn unreachable_is_tried_six_times_with_the_table_s_waits() {
    let (mut world, id) = in_flight();
    for expected in [5.0, 30.0, 120.0, 600.0, 1_800.0] {
        world.refuse(id, Refusal::of(FailureClass::Unreachable));
        let wait = world.assert_queued(id).since(world.now);
        assert_between(wait, expected * 0.8, expected * 1.2);
        world.pass(wait);
        world.assert_sending(id);
    }
    world.refuse(id, Refusal::of(FailureClass::Unreachable));
    world.assert_failed(id, FailureClass::Unreachable);
    assert_eq!(world.item(id).attempt, ATTEMPTS_MAX);
    assert_eq!(world.outbox.dead_letters().count(), 1);
    assert!(matches!(world.consequences[..], [Consequence::NeedsHuman { .. }]));
}

#[test]
fn an_announced_wait_is_honoured_up_to_an_hour() {
    for (announced, expected) in [(minutes(20), minutes(20)), (hours(5), hours(1))] {
        let (mut world, id) = in_flight();
        let refusal = Refusal { retry_after: Some(announced), ..Refusal::of(FailureClass::Unreachable) };
        world.refuse(id, refusal);
        assert_eq!(world.assert_queued(id), START + expected);
    }
}

#[test]
fn no_retry_is_planned_past_the_window() {
    let mut world = World::new();
    let request = Enqueue { window_ends_at: START + seconds(62), ..world.dm_request("p1", "x") };
    let id = world.enqueue(request);
    world.run();
    world.refuse(id, Refusal::of(FailureClass::Unreachable));
    assert!(matches!(world.state(id), State::Expired { .. }));
}

#[test]
fn a_rate_refusal_closes_the_lane_for_the_announced_time_and_keeps_everything() {
    let (mut world, first) = in_flight();
    let second = world.dm("p2", "x");
    let refusal =
        Refusal { retry_after: Some(minutes(7)), ..Refusal::coded(FailureClass::Rate, 613, 2_534_040) };
    world.refuse(first, refusal);
    world.pass(minutes(7) - seconds(1));
    assert_eq!(world.sends().len(), 1);
    assert_eq!(world.outbox.queue_stats(Lane::Send, world.now).closed_until, Some(START + minutes(7)));
    world.pass(seconds(2));
    world.assert_sending(first);
    world.assert_sending(second);
    assert_eq!(world.item(first).refusals, 0);
}

#[test]
fn unannounced_rate_refusals_back_off_further_each_time_and_start_anew_after_a_success() {
    let (mut world, id) = in_flight();
    for expected in [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 60.0] {
        world.refuse(id, Refusal::coded(FailureClass::Rate, 613, 0));
        let wait = world.assert_queued(id).since(world.now);
        assert_between(wait, expected * 60.0 * 0.8, expected * 60.0 * 1.2);
        world.pass(wait);
        world.assert_sending(id);
    }
    world.sent(id, "m1");
    let next = world.dm("p2", "x");
    world.run();
    world.refuse(next, Refusal::coded(FailureClass::Rate, 613, 0));
    assert_between(world.assert_queued(next).since(world.now), 48.0, 72.0);
}

#[test]
fn a_short_hint_again_and_again_does_not_hammer_the_platform() {
    let (mut world, id) = in_flight();
    for expected in [1.0, 2.0, 5.0] {
        let hinted = Refusal { retry_after: Some(seconds(1)), ..Refusal::coded(FailureClass::Rate, 613, 0) };
        world.refuse(id, hinted);
        let wait = world.assert_queued(id).since(world.now);
        assert_between(wait, expected * 60.0 * 0.8, expected * 60.0 * 1.2);
        world.pass(wait);
        world.assert_sending(id);
    }
}

#[test]
fn refusals_of_calls_in_flight_together_count_once() {
    let mut world = World::new();
    let ids = [world.dm("p1", "x"), world.dm("p2", "x"), world.dm("p3", "x")];
    world.run();
    for id in ids {
        world.refuse(id, Refusal::coded(FailureClass::Rate, 613, 0));
    }
    assert_eq!(world.outbox.lanes.of(Lane::Send).step, 1);
}

#[test]
fn a_rate_of_one_kind_of_call_leaves_the_other_lanes_open() {
    for (code, open) in [(613, true), (4, false), (80_002, false), (0, false)] {
        let (mut world, id) = in_flight();
        world.refuse(id, Refusal::coded(FailureClass::Rate, code, 0));
        let reply = world.private_reply("c1");
        world.pass(seconds(1));
        assert_eq!(matches!(world.state(reply), State::Sending { .. }), open, "code {code}");
        let app_wide = world.consequences.iter().any(|each| matches!(each, Consequence::AppLimited { .. }));
        assert_eq!(app_wide, code == 4);
    }
}

#[test]
fn inconsistent_volume_waits_at_least_ten_minutes() {
    let (mut world, id) = in_flight();
    world.refuse(id, Refusal::coded(FailureClass::Rate, 613, 1_996));
    assert!(world.assert_queued(id) >= START + minutes(10));
}

#[test]
fn a_token_refusal_parks_everything_until_it_is_verified() {
    let (mut world, first) = in_flight();
    let second = world.dm("p2", "x");
    world.refuse(first, Refusal::coded(FailureClass::Token, 190, 0));
    assert_eq!(world.consequences, [Consequence::VerifyToken { id: first }]);
    world.pass(hours(1));
    assert_eq!(world.sends().len(), 1);
    let event = world.outbox.resume(world.now).unwrap();
    world.emit(event);
    world.pass(seconds(1));
    world.assert_sending(first);
    world.assert_sending(second);
}

#[test]
fn a_parked_message_expires_with_its_window() {
    let (mut world, id) = in_flight();
    world.refuse(id, Refusal::coded(FailureClass::Token, 190, 463));
    world.pass(hours(25));
    assert!(matches!(world.state(id), State::Expired { .. }));
    assert_eq!(world.sends().len(), 1);
}

#[test]
fn final_classes_fail_at_once_with_their_consequence() {
    let thread = ThreadId::from(&Igsid::from("p1"));
    let until = START + hours(24);
    let cases = [
        (
            Refusal::coded(FailureClass::Permission, 10, 0),
            Some(Consequence::PermissionMissing { id: OutboundId::new(1), lane: Lane::Send, code: (10, 0) }),
        ),
        (
            Refusal::coded(FailureClass::Recipient, 551, 0),
            Some(Consequence::FlagUnreachable { thread: thread.clone(), until }),
        ),
        (Refusal::coded(FailureClass::Content, 100, 2_534_015), None),
        (Refusal::coded(FailureClass::Owner, 2_018_300, 0), Some(Consequence::PauseThread { thread })),
    ];
    for (refusal, expected) in cases {
        let (mut world, id) = in_flight();
        let class = refusal.class;
        world.refuse(id, refusal);
        world.assert_failed(id, class);
        if let Some(expected) = expected {
            assert!(world.consequences.contains(&expected), "{:?}", world.consequences);
        }
        assert!(matches!(world.consequences.last(), Some(Consequence::NeedsHuman { .. })));
        world.pass(hours(2));
        assert_eq!(world.sends().len(), 1, "{class:?} is never tried again");
    }
}

#[test]
fn a_window_refusal_expires() {
    let (mut world, id) = in_flight();
    world.refuse(id, Refusal::coded(FailureClass::Window, 10, 2_534_022));
    assert!(matches!(world.state(id), State::Expired { .. }));
}

#[test]
fn already_done_is_no_alarm() {
    let (mut world, id) = in_flight_reply();
    world.refuse(id, Refusal::coded(FailureClass::Done, 100, 2_534_025));
    world.assert_failed(id, FailureClass::Done);
    assert!(world.consequences.is_empty());
}

#[test]
fn a_created_comment_counts_as_delivered() {
    let mut world = World::new();
    let id = world.public_reply("c1", None);
    world.run();
    world.refuse(id, Refusal::coded(FailureClass::Done, 20, 1_772_107));
    world.assert_sent(id);
}

#[test]
fn a_safety_refusal_stops_automatic_messages_for_a_day_then_longer_and_not_people() {
    let mut world = World::new();
    for (round, expected) in [1, 2, 4, 7, 7].into_iter().enumerate() {
        let id = world.dm(&format!("p{round}"), "x");
        world.run();
        let other = world.private_reply(&format!("c{round}"));
        let refusal =
            Refusal { message: Some("restricted".into()), ..Refusal::coded(FailureClass::Safety, 368, 0) };
        world.refuse(id, refusal);
        world.assert_failed(id, FailureClass::Safety);
        assert_eq!(world.outbox.safety_stop(world.now), Some(world.now + hours(24 * expected)));
        let human = Enqueue { author: Author::Human, ..world.dm_request("p9", "by hand") };
        let human = world.enqueue(human);
        world.pass(seconds(2));
        world.assert_sending(human);
        world.sent(human, &format!("m{round}"));
        world.assert_queued(other);
        world.pass(hours(24 * expected) - seconds(2));
        if expected < 7 {
            world.assert_sending(other);
            world.sent(other, &format!("r{round}"));
        }
    }
    assert!(world.consequences.iter().any(|each| matches!(
        each,
        Consequence::NotifyOwner(Notice::SafetyStop { message: Some(text), .. }) if &**text == "restricted"
    )));
}

#[test]
fn safety_refusals_of_calls_in_flight_together_stop_once() {
    let mut world = World::new();
    let ids = [world.dm("p1", "x"), world.dm("p2", "x")];
    world.run();
    for id in ids {
        world.refuse(id, Refusal::coded(FailureClass::Safety, 368, 0));
    }
    assert_eq!(world.outbox.safety_stop(world.now), Some(START + hours(24)));
}

#[test]
fn five_content_refusals_in_a_row_switch_the_automation_off_and_a_success_between_does_not() {
    let run = |world: &mut World, refused: bool, number: usize| {
        let id = world.dm(&format!("p{number}"), "x");
        world.pass(minutes(1));
        if refused {
            world.refuse(id, Refusal::coded(FailureClass::Content, 506, 0));
        } else {
            world.sent(id, &format!("m{number}"));
        }
        world.consequences.iter().filter(|each| matches!(each, Consequence::DisableAutomation { .. })).count()
    };
    let mut world = World::new();
    for number in 0..4 {
        assert_eq!(run(&mut world, true, number), 0);
    }
    assert_eq!(run(&mut world, false, 4), 0);
    for number in 5..9 {
        assert_eq!(run(&mut world, true, number), 0);
    }
    assert_eq!(run(&mut world, true, 9), 1);
    assert_eq!(run(&mut world, true, 10), 1, "the count starts again");
}

#[test]
fn media_that_could_not_be_fetched_is_tried_once_more_after_a_minute() {
    let (mut world, id) = in_flight();
    world.refuse(id, Refusal::coded(FailureClass::Content, 100, 2_018_008));
    assert_eq!(world.assert_queued(id), START + minutes(1));
    world.pass(minutes(1));
    world.refuse(id, Refusal::coded(FailureClass::Content, 100, 2_018_294));
    world.assert_failed(id, FailureClass::Content);
}

#[test]
fn a_refused_template_in_a_private_reply_goes_as_text_once() {
    let mut world = World::new();
    let template = Content::Template { elements: "[{}]".into(), text_form: "Summer guide".into() };
    let request = Enqueue { content: template, ..world.private_request("c1") };
    let id = world.enqueue(request);
    world.run();
    world.refuse(id, Refusal::coded(FailureClass::Content, 100, 0));
    assert_eq!(world.item(id).content, Content::Text("Summer guide".into()));
    world.pass(seconds(2));
    world.refuse(id, Refusal::coded(FailureClass::Content, 100, 0));
    world.assert_failed(id, FailureClass::Content);
}

#[test]
fn refusals_of_something_in_between_do_not_switch_an_automation_off() {
    let mut world = World::new();
    for number in 0..6 {
        let id = world.dm(&format!("p{number}"), "x");
        world.pass(minutes(1));
        world.refuse(id, Refusal::of(FailureClass::Unexplained));
        world.assert_failed(id, FailureClass::Unexplained);
    }
    let given_up = |each: &Consequence| matches!(each, Consequence::DisableAutomation { .. });
    assert!(!world.consequences.iter().any(given_up));
}

#[test]
fn code_200_is_a_missing_permission_only_after_three_different_people_in_a_row() {
    let mut world = World::new();
    for (person, class) in [
        ("p1", FailureClass::Recipient),
        ("p1", FailureClass::Recipient),
        ("p2", FailureClass::Recipient),
        ("p3", FailureClass::Permission),
    ] {
        let id = world.dm(person, "x");
        world.pass(minutes(1));
        world.refuse(id, Refusal::coded(FailureClass::Recipient, 200, 0));
        world.assert_failed(id, class);
    }
}

#[test]
fn one_99_three_times_in_a_row_is_told_as_a_permission_and_still_looked_for() {
    let mut world = World::new();
    for number in 1..=3 {
        let id = world.dm(&format!("p{number}"), "x");
        world.run();
        world.outcome(id, &SendOutcome::Unknown { doubt: Doubt::PlatformAmbiguous, code: Some((1, 99)) });
        assert!(matches!(world.state(id), State::Unconfirmed(_)));
        let told =
            world.consequences.iter().any(|each| matches!(each, Consequence::PermissionMissing { .. }));
        assert_eq!(told, number == 3);
    }
}

#[test]
fn many_unreachable_people_slow_the_account_by_half() {
    let mut world = World::new();
    world.thorough = false;
    for number in 0..21 {
        assert!(!world.outbox.health.is_slowed());
        let id = world.dm(&format!("p{number}"), "x");
        world.pass(minutes(1));
        world.refuse(id, Refusal::coded(FailureClass::Recipient, 551, 0));
    }
    assert!(world.consequences.contains(&Consequence::NotifyOwner(Notice::ManyUnreachable)));
    let rate = world.outbox.rate(Lane::Send, world.now).unwrap();
    assert_eq!(rate.budget, 100);
}

#[test]
fn outcomes_of_other_attempts_and_repeated_ones_change_nothing() {
    let (mut world, id) = in_flight();
    let late = |outbox: &Outbox, attempt, outcome: &SendOutcome| outbox.outcome(START, id, attempt, outcome);
    let refused = SendOutcome::NotSent(Refusal::of(FailureClass::Unreachable));
    let sent = SendOutcome::Sent { message_id: Mid::from("m1"), recipient: None };
    let unknown = SendOutcome::Unknown { doubt: Doubt::Timeout, code: None };
    assert!(late(&world.outbox, 2, &refused).is_nothing());
    world.sent(id, "m1");
    for outcome in [&refused, &sent, &unknown] {
        assert!(late(&world.outbox, 1, outcome).is_nothing());
    }
    assert!(world.outbox.outcome(START, OutboundId::new(99), 1, &sent).is_nothing());
}

#[test]
fn the_platform_s_words_are_kept_bounded() {
    let (mut world, id) = in_flight();
    let message = Some("é".repeat(REFUSAL_CHARS_MAX + 1).into());
    world.refuse(id, Refusal { message, ..Refusal::coded(FailureClass::Content, 100, 0) });
    let Some(AttemptResult::Refused(refusal)) = &world.item(id).attempts[0].result else { panic!() };
    assert_eq!(refusal.message.as_ref().unwrap().chars().count(), REFUSAL_CHARS_MAX);
}

#[test]
fn debug_output_never_shows_what_a_message_says() {
    let (world, id) = in_flight();
    let shown = format!("{:?} {:?}", world.item(id), world.events);
    assert!(!shown.contains("12 euro"), "{shown}");
}

#[test]
fn a_late_success_of_a_refused_attempt_changes_nothing() {
    let (mut world, id) = in_flight();
    world.refuse(id, Refusal::of(FailureClass::Unreachable));
    let sent = SendOutcome::Sent { message_id: Mid::from("m1"), recipient: None };
    assert!(world.outbox.outcome(world.now, id, 1, &sent).is_nothing());
}

#[test]
fn an_account_wide_closing_keeps_the_count_of_the_other_lanes() {
    let (mut world, id) = in_flight();
    for _ in 0..3 {
        world.refuse(id, Refusal::coded(FailureClass::Rate, 613, 0));
        let wait = world.assert_queued(id).since(world.now);
        world.pass(wait);
    }
    let reply = world.private_reply("c1");
    world.run();
    world.refuse(reply, Refusal::coded(FailureClass::Rate, 4, 0));
    assert_eq!(world.outbox.lanes.of(Lane::Send).step, 3);
    assert_eq!(world.outbox.lanes.of(Lane::PrivateReply).step, 1);
}

#[test]
fn a_late_refusal_of_an_attempt_that_was_presumed_lost_settles_it() {
    let (mut world, id) = in_flight();
    world.pass(ATTEMPT_LEASE);
    assert!(matches!(world.state(id), State::Unconfirmed(search) if search.doubt == Doubt::LeaseExpired));
    world.refuse(id, Refusal::of(FailureClass::Recipient));
    world.assert_failed(id, FailureClass::Recipient);
    assert!(!world.outbox.thread_blocked(&ThreadId::from(&Igsid::from("p1"))));

    let (mut world, id) = in_flight();
    world.doubt(id);
    world.refuse(id, Refusal::of(FailureClass::Recipient));
    assert!(matches!(world.state(id), State::Unconfirmed(_)), "a real doubt stays one");
}
