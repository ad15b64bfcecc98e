//! Looking for messages with an unknown outcome.

use super::*;

fn nothing() -> ReadOutcome {
    ReadOutcome::Read(Vec::new())
}

fn seen(mid: &str, text: &str, sent_at: Timestamp) -> SeenMessage {
    SeenMessage { message_id: Mid::from(mid), sent_at, text: Some(text.into()), is_template: false }
}

fn doubtful() -> (World, OutboundId) {
    let mut world = World::new();
    let id = world.dm("p1", "It is 12 euro.");
    world.run();
    world.doubt(id);
    (world, id)
}

fn doubtful_reply() -> (World, OutboundId) {
    let mut world = World::new();
    let id = world.private_reply("c1");
    world.run();
    world.doubt(id);
    (world, id)
}

#[test]
fn a_message_found_by_reading_is_delivered() {
    let (mut world, id) = doubtful();
    world.pass(ECHO_WAIT - seconds(1));
    assert_eq!(world.reads(), 0);
    world.pass(seconds(1));
    assert_eq!(world.reads(), 1);
    world.read(id, &ReadOutcome::Read(vec![seen("m1", "It is 12 euro.", START + seconds(1))]));
    world.assert_sent(id);
    assert!(world.consequences.is_empty());
}

#[test]
fn a_message_not_found_twice_is_unknown_and_never_sent_again_by_itself() {
    let (mut world, id) = doubtful();
    world.pass(ECHO_WAIT);
    world.read(id, &nothing());
    world.pass(READ_SPACING - seconds(1));
    assert_eq!(world.reads(), 1);
    world.pass(seconds(1));
    assert_eq!(world.reads(), 2);
    world.read(id, &nothing());
    assert!(matches!(world.state(id), State::Unknown { why: UnknownReason::NotFound, .. }));
    assert!(world.consequences.contains(&Consequence::NotifyOwner(Notice::DeliveryUnknown { id })));
    world.pass(hours(23));
    assert_eq!(world.sends().len(), 1);
}

#[test]
fn older_messages_and_those_of_others_do_not_count_as_found() {
    let (mut world, id) = doubtful();
    let other = world.dm("p2", "It is 12 euro.");
    world.run();
    world.sent(other, "m2");
    world.pass(ECHO_WAIT);
    let page = vec![
        seen("m0", "It is 12 euro.", START - minutes(1)),
        seen("m2", "It is 12 euro.", START + seconds(1)),
        seen("m3", "something else", START + seconds(1)),
        seen("m4", "It is 12 euro.", START + minutes(6)),
    ];
    world.read(id, &ReadOutcome::Read(page));
    assert!(matches!(world.state(id), State::Unconfirmed(search) if search.missed == 1));
}

#[test]
fn a_template_is_found_by_being_one_and_not_by_a_missing_text() {
    let mut world = World::new();
    let template = Content::Template { elements: "[{}]".into(), text_form: "Summer guide".into() };
    let request = Enqueue { content: template, ..world.dm_request("p1", "x") };
    let id = world.enqueue(request);
    world.run();
    world.doubt(id);
    world.pass(ECHO_WAIT);
    let picture = SeenMessage { text: None, ..seen("m0", "", START) };
    let found = SeenMessage { text: None, is_template: true, ..seen("m1", "", START) };
    world.read(id, &ReadOutcome::Read(vec![seen("m_text", "Summer guide", START), picture, found]));
    assert!(matches!(world.state(id), State::Sent { message_id: Some(mid), .. } if mid.as_str() == "m1"));
}

#[test]
fn a_private_reply_not_found_is_tried_once_more_and_its_refusal_proves_the_first() {
    let (mut world, id) = doubtful_reply();
    world.pass(ECHO_WAIT);
    world.read(id, &nothing());
    world.pass(seconds(1));
    assert_eq!(world.sends(), [(id, 1), (id, 2)]);
    world.refuse(id, Refusal::coded(FailureClass::Done, 100, 2_534_025));
    assert!(matches!(world.state(id), State::Sent { message_id: None, .. }));
}

#[test]
fn a_private_reply_is_tried_no_third_time_without_an_outcome() {
    let (mut world, id) = doubtful_reply();
    world.pass(ECHO_WAIT);
    world.read(id, &nothing());
    world.pass(seconds(1));
    world.doubt(id);
    for _ in 0..2 {
        world.pass(READ_SPACING);
        world.read(id, &nothing());
    }
    assert!(matches!(world.state(id), State::Unknown { .. }));
    world.pass(hours(24));
    assert_eq!(world.sends().len(), 2);
}

#[test]
fn the_late_echo_of_a_private_reply_that_is_tried_again_is_ours() {
    let (mut world, id) = doubtful_reply();
    world.pass(ECHO_WAIT);
    world.read(id, &nothing());
    assert!(
        matches!(world.echo("m1", "p-c1", "here is the link"), EchoMatch::Ours { id: found, .. } if found == id)
    );
    world.assert_sent(id);
    world.pass(minutes(1));
    assert_eq!(world.sends().len(), 1);

    let (mut world, id) = doubtful_reply();
    world.pass(ECHO_WAIT);
    world.read(id, &nothing());
    world.pass(seconds(1));
    assert!(matches!(world.echo("m1", "p-c1", "here is the link"), EchoMatch::Held(_)));
    world.refuse(id, Refusal::coded(FailureClass::Done, 100, 2_534_025));
    assert!(matches!(world.state(id), State::Sent { message_id: Some(_), .. }));
    assert!(world.consequences.is_empty());
}

#[test]
fn failed_reads_are_repeated_with_growing_waits_then_given_up() {
    let (mut world, id) = doubtful();
    let mut waits = Vec::new();
    world.pass(ECHO_WAIT);
    loop {
        world.read(id, &ReadOutcome::Failed { retry_after: None });
        let State::Unconfirmed(search) = world.state(id) else { break };
        let wait = search.next_check_at.since(world.now);
        waits.push(wait.as_secs());
        world.pass(wait);
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 600, 600]);
    assert!(matches!(world.state(id), State::Unknown { why: UnknownReason::Unreadable, .. }));
}

#[test]
fn a_read_without_an_answer_counts_as_failed() {
    let (mut world, id) = doubtful();
    world.pass(ECHO_WAIT + READ_LEASE);
    assert!(matches!(world.state(id), State::Unconfirmed(search) if search.failed == 1 && !search.reading));
}

#[test]
fn answers_to_other_reads_mean_nothing() {
    let (mut world, id) = doubtful();
    assert!(world.outbox.reconciled(world.now, id, 1, &nothing()).is_nothing());
    world.pass(ECHO_WAIT);
    assert!(world.outbox.reconciled(world.now, id, 2, &nothing()).is_nothing());
    world.read(id, &nothing());
    assert!(world.outbox.reconciled(world.now, id, 1, &nothing()).is_nothing());
}

#[test]
fn an_unconfirmed_message_blocks_automatic_ones_of_its_thread_only() {
    let (mut world, id) = doubtful();
    let same = world.dm("p1", "again");
    let other = world.dm("p2", "other");
    let human = Enqueue { author: Author::Human, ..world.dm_request("p1", "by hand") };
    let human = world.enqueue(human);
    world.pass(seconds(2));
    world.assert_queued(same);
    world.assert_sending(other);
    world.assert_sending(human);
    world.sent(human, "m8");
    assert!(world.outbox.thread_blocked(&ThreadId::from(&Igsid::from("p1"))));
    world.echo("m1", "p1", "It is 12 euro.");
    world.assert_sent(id);
    world.pass(seconds(2));
    world.assert_sending(same);
}

#[test]
fn a_crash_leaves_no_attempt_to_be_repeated() {
    let mut world = World::new();
    let ids = [world.dm("p1", "x"), world.private_reply("c1"), world.public_reply("c2", None)];
    world.run();
    world.echo("m1", "p1", "x");
    world.restart();
    assert!(world.outbox.needs_recovery());
    let decided = world.outbox.interrupted(world.now);
    world.take(decided);
    world.assert_sent(ids[0]);
    for id in &ids[1..] {
        assert!(matches!(world.state(*id), State::Unconfirmed(search) if search.doubt == Doubt::Interrupted));
    }
    assert!(!world.outbox.needs_recovery());
    world.pass(ECHO_WAIT + seconds(2));
    assert_eq!(world.sends().len(), 3);
    assert!(world.outbox.needs_recovery(), "reads are in flight");
    let decided = world.outbox.interrupted(world.now);
    world.take(decided);
    assert!(!world.outbox.needs_recovery());
    let reads = world.reads();
    world.pass(seconds(2));
    assert_eq!(world.reads(), reads + 2);
}

#[test]
fn nothing_is_read_while_parked_and_the_search_ends_after_a_day() {
    let (mut world, id) = doubtful();
    let event = world.outbox.park(world.now, ParkReason::Disconnected).unwrap();
    world.emit(event);
    world.pass(hours(23));
    assert_eq!(world.reads(), 0);
    assert!(matches!(world.state(id), State::Unconfirmed(_)));
    world.pass(hours(2));
    assert!(matches!(world.state(id), State::Unknown { why: UnknownReason::TooLong, .. }));
}

#[test]
fn reads_are_paced() {
    let mut world = World::new();
    let ids: Vec<_> = (0..5).map(|number| world.dm(&format!("p{number}"), "x")).collect();
    world.pass(seconds(2));
    ids.iter().for_each(|id| world.doubt(*id));
    world.pass(ECHO_WAIT);
    let first = world.reads();
    world.pass(seconds(2));
    assert_eq!((first, world.reads()), (1, 3));
}
