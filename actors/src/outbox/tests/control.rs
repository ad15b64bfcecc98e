//! Acts of people, of the connection and of the guard.

use super::*;

fn failed() -> (World, OutboundId, OutboundId) {
    let mut world = World::new();
    let reply = world.private_reply("c1");
    let public = world.public_reply("c1", Some(reply));
    world.run();
    world.refuse(reply, Refusal::coded(FailureClass::Content, 100, 2_534_015));
    (world, reply, public)
}

fn unknown() -> (World, OutboundId) {
    let mut world = World::new();
    let id = world.dm("p1", "x");
    world.run();
    world.doubt(id);
    for _ in 0..2 {
        world.pass(READ_SPACING);
        world.read(id, &ReadOutcome::Read(Vec::new()));
    }
    (world, id)
}

#[test]
fn the_public_reply_goes_only_after_the_private_one_arrived() {
    let mut world = World::new();
    let reply = world.private_reply("c1");
    let public = world.public_reply("c1", Some(reply));
    world.pass(minutes(1));
    world.assert_queued(public);
    world.sent(reply, "m1");
    world.run();
    world.assert_sending(public);
}

#[test]
fn a_failed_private_reply_takes_the_public_one_with_it_and_both_come_back_together() {
    let (mut world, reply, public) = failed();
    world.assert_cancelled(public, &CancelReason::DependencyEnded);
    assert_eq!(world.outbox.dead_letters().count(), 2);
    assert_eq!(world.outbox.replay(world.now, public, None), Err(ControlError::DependencyEnded));
    let decided = world.outbox.replay(world.now, reply, None).unwrap();
    world.take(decided);
    world.pass(seconds(2));
    world.assert_sending(reply);
    world.assert_queued(public);
    world.sent(reply, "m1");
    world.run();
    world.assert_sending(public);
}

#[test]
fn parts_of_a_text_go_in_order_and_stop_with_the_first_that_fails() {
    let mut world = World::new();
    let first = world.dm("p1", "one");
    let request = Enqueue { depends_on: Some(first), ..world.dm_request("p1", "two") };
    let second = world.enqueue(request);
    let request = Enqueue { depends_on: Some(second), ..world.dm_request("p1", "three") };
    let third = world.enqueue(request);
    world.run();
    world.sent(first, "m1");
    world.pass(THREAD_SPACING);
    world.assert_sending(second);
    world.refuse(second, Refusal::coded(FailureClass::Recipient, 551, 0));
    world.assert_cancelled(third, &CancelReason::DependencyEnded);
}

#[test]
fn a_message_can_not_depend_on_one_that_will_not_be_delivered() {
    let (mut world, reply, _) = failed();
    let request = Enqueue { depends_on: Some(reply), ..world.dm_request("p1", "x") };
    assert_eq!(world.outbox.enqueue(world.now, request), Err(EnqueueError::DependencyEnded(reply)));
    let sent = world.dm("p1", "x");
    world.run();
    world.sent(sent, "m1");
    let request = Enqueue { depends_on: Some(sent), ..world.dm_request("p1", "y") };
    let id = world.enqueue(request);
    assert_eq!(world.item(id).depends_on, None);
}

#[test]
fn the_same_key_is_accepted_once() {
    let mut world = World::new();
    let id = world.private_reply("c1");
    let again = world.private_request("c1");
    assert_eq!(world.outbox.enqueue(world.now, again.clone()), Err(EnqueueError::AlreadyEnqueued(id)));
    world.run();
    world.sent(id, "m1");
    world.pass(hours(24));
    assert!(world.outbox.get(id).is_none(), "archived");
    assert_eq!(world.outbox.enqueue(world.now, again), Err(EnqueueError::AlreadyEnqueued(id)));
    world.restart();
    world.pass(KEY_RETENTION);
    assert_eq!(world.outbox.by_key(&"17:comment:c1:private_reply".into()), None);
    assert!(world.outbox.mids.is_empty());
}

#[test]
fn limits_are_checked_at_the_limit_and_one_past_it() {
    let world = World::new();
    let check = |request: Enqueue| world.outbox.enqueue(START, request).err();
    let text =
        |len: usize| Enqueue { content: Content::Text("x".repeat(len).into()), ..world.dm_request("p", "x") };
    assert_eq!(check(text(TEXT_BYTES_MAX)), None);
    assert_eq!(check(text(TEXT_BYTES_MAX + 1)), Some(EnqueueError::TooLong(TEXT_BYTES_MAX, "bytes")));
    assert_eq!(check(world.dm_request("p", " \n ")), Some(EnqueueError::Empty));
    let public = |len: usize| Enqueue {
        kind: Kind::PublicReply { comment: CommentId::from("c") },
        content: Content::Text("é".repeat(len).into()),
        ..world.dm_request("p", "x")
    };
    assert_eq!(check(public(PUBLIC_REPLY_CHARS_MAX)), None);
    let long = EnqueueError::TooLong(PUBLIC_REPLY_CHARS_MAX, "characters");
    assert_eq!(check(public(PUBLIC_REPLY_CHARS_MAX + 1)), Some(long));
    let template = Content::Template { elements: "[]".into(), text_form: "x".into() };
    assert_eq!(check(Enqueue { content: template, ..public(1) }), Some(EnqueueError::NotText));
    let window = |span| Enqueue { window_ends_at: START + span, ..world.dm_request("p", "x") };
    assert_eq!(check(window(WINDOW_MARGIN)), None);
    assert_eq!(check(window(WINDOW_MARGIN - Duration::from_millis(1))), Some(EnqueueError::WindowClosed));
    let key = |len: usize| Enqueue { key: "k".repeat(len).into(), ..world.dm_request("p", "x") };
    assert_eq!(check(key(KEY_BYTES_MAX)), None);
    assert_eq!(check(key(KEY_BYTES_MAX + 1)), Some(EnqueueError::BadKey(KEY_BYTES_MAX)));
    assert_eq!(check(key(0)), Some(EnqueueError::BadKey(KEY_BYTES_MAX)));
}

#[test]
fn a_thread_takes_so_many_and_not_one_more() {
    let mut world = World::new();
    for _ in 0..THREAD_QUEUE_MAX {
        world.dm("p1", "x");
    }
    let request = world.dm_request("p1", "x");
    assert_eq!(world.outbox.enqueue(START, request), Err(EnqueueError::ThreadFull(THREAD_QUEUE_MAX)));
    world.dm("p2", "x");
}

#[test]
fn the_guard_is_asked_right_before_the_attempt() {
    let mut world = World::new();
    let (held, taken_back) = (world.dm("p1", "x"), world.dm("p2", "x"));
    let until = START + minutes(10);
    let mut guard = |item: &Outbound| match item.id {
        id if id == held && item.attempt == 0 => Guard::Hold { until, reason: "quiet_hours".into() },
        id if id == taken_back => Guard::Cancel(CancelReason::OptedOut),
        _ => Guard::Go,
    };
    world.run_guarded(&mut guard);
    assert_eq!(world.assert_queued(held), until);
    world.assert_cancelled(taken_back, &CancelReason::OptedOut);
    assert!(world.sends().is_empty());
    assert_eq!(world.outbox.next_due(), Some(until));
    world.now = until;
    world.run();
    world.assert_sending(held);
}

#[test]
fn cancelling_takes_back_what_is_queued_only() {
    let mut world = World::new();
    let sending = world.dm("p1", "x");
    world.run();
    let (queued, other) = (world.dm("p1", "y"), world.dm("p2", "z"));
    let thread = ThreadId::from(&Igsid::from("p1"));
    let decided = world.outbox.cancel_where(
        world.now,
        Scope::Thread(&thread),
        &mut |_| true,
        &CancelReason::HumanTakeover,
    );
    world.take(decided);
    world.assert_sending(sending);
    world.assert_cancelled(queued, &CancelReason::HumanTakeover);
    world.assert_queued(other);
    assert_eq!(world.outbox.cancel(world.now, sending, CancelReason::ByPerson), Err(ControlError::InFlight));
    assert_eq!(world.outbox.cancel(world.now, queued, CancelReason::ByPerson), Err(ControlError::WrongState));
    let gone = OutboundId::new(99);
    assert_eq!(world.outbox.cancel(world.now, gone, CancelReason::ByPerson), Err(ControlError::NotFound));
    let all = world.outbox.cancel_where(world.now, Scope::Everything, &mut |_| true, &CancelReason::Paused);
    world.take(all);
    world.assert_cancelled(other, &CancelReason::Paused);
}

#[test]
fn a_cancelled_private_reply_takes_the_public_one_with_it() {
    let mut world = World::new();
    let reply = world.private_reply("c1");
    let public = world.public_reply("c1", Some(reply));
    let decided = world.outbox.cancel(world.now, reply, CancelReason::CauseUnsent).unwrap();
    world.take(decided);
    world.assert_cancelled(public, &CancelReason::DependencyEnded);
}

#[test]
fn a_dead_letter_is_put_away_and_leaves_for_the_history() {
    let (mut world, reply, _) = failed();
    let decided = world.outbox.cancel(world.now, reply, CancelReason::ByPerson).unwrap();
    world.take(decided);
    world.assert_cancelled(reply, &CancelReason::Dismissed);
    world.pass(minutes(20));
    assert!(world.outbox.get(reply).is_none());
}

#[test]
fn a_replay_needs_an_open_window() {
    let (mut world, reply, _) = failed();
    world.pass(hours(7 * 24));
    assert_eq!(world.outbox.replay(world.now, reply, None), Err(ControlError::WindowClosed));
    let later = Some(world.now + hours(1));
    assert!(world.outbox.replay(world.now, reply, later).is_ok());
}

#[test]
fn an_unknown_message_is_resent_once_for_each_press_and_never_replayed() {
    let (mut world, id) = unknown();
    assert_eq!(world.outbox.replay(world.now, id, None), Err(ControlError::WrongState));
    let event = world.outbox.resend(world.now, id, "press-1".into(), None).unwrap();
    let new = event.accepted().unwrap().id;
    world.emit(event);
    world.assert_cancelled(id, &CancelReason::ByPerson);
    assert_eq!(world.outbox.resend(world.now, id, "press-1".into(), None), Err(ControlError::WrongState));
    world.run();
    world.assert_sending(new);
    assert_eq!(world.item(new).author, Author::Human);
}

#[test]
fn what_waited_for_an_unknown_message_waits_for_the_resent_one() {
    let mut world = World::new();
    let first = world.dm("p1", "one");
    let request = Enqueue { depends_on: Some(first), ..world.dm_request("p1", "two") };
    let second = world.enqueue(request);
    world.run();
    world.doubt(first);
    for _ in 0..2 {
        world.pass(READ_SPACING);
        world.read(first, &ReadOutcome::Read(Vec::new()));
    }
    world.pass(minutes(1));
    world.assert_queued(second);
    let event = world.outbox.resend(world.now, first, "press-1".into(), None).unwrap();
    let new = event.accepted().unwrap().id;
    world.emit(event);
    world.run();
    world.sent(new, "m1");
    world.pass(THREAD_SPACING);
    world.assert_sending(second);
}

#[test]
fn the_resent_private_reply_is_delivered_when_the_platform_refuses_a_second_one() {
    let mut world = World::new();
    let id = world.private_reply("c1");
    world.run();
    world.doubt(id);
    world.lose(id);
    let event = world.outbox.resend(world.now, id, "press-1".into(), None).unwrap();
    let new = event.accepted().unwrap().id;
    world.emit(event);
    world.run();
    world.refuse(new, Refusal::coded(FailureClass::Done, 100, 2_534_025));
    world.assert_sent(new);
}

#[test]
fn dead_letters_are_kept_bounded_oldest_archived_first() {
    let mut world = World::new();
    world.thorough = false;
    let first = world.dm("p0", "x");
    world.run();
    world.refuse(first, Refusal::coded(FailureClass::Content, 100, 0));
    for number in 0..DEAD_LETTERS_MAX {
        let request = Enqueue { automation: None, ..world.private_request(&format!("c{number}")) };
        world.enqueue(request);
    }
    world.pass(hours(8 * 24));
    // The first went with the hundreds that were sent and never answered: what counts is the cap and the order.
    assert!(world.outbox.dead_letters().count() <= DEAD_LETTERS_MAX);
    assert!(world.outbox.get(first).is_none());
}

#[test]
fn parking_and_pace_say_nothing_twice() {
    let mut world = World::new();
    assert_eq!(world.outbox.resume(START), None);
    let event = world.outbox.park(START, ParkReason::Frozen).unwrap();
    world.emit(event);
    assert_eq!(world.outbox.park(START, ParkReason::Frozen), None);
    assert!(world.outbox.park(START, ParkReason::KillSwitch).is_some());
    let pace = Pace::connected_at(START);
    let event = world.outbox.set_pace(pace).unwrap();
    world.emit(event);
    assert_eq!(world.outbox.set_pace(pace), None);
    assert_eq!(world.outbox.lift_safety(START), None);
}

#[test]
fn ends_name_every_message_that_ended() {
    let (world, reply, public) = failed();
    let ends: Vec<_> = world.events.iter().filter_map(OutboxEvent::ends).collect();
    let expected: [(&[OutboundId], End); 2] =
        [(&[reply], End::Failed(FailureClass::Content)), (&[public], End::Cancelled)];
    assert_eq!(ends, expected);
}
