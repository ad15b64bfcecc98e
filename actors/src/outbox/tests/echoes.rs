//! Echoes in every order.

use super::*;

fn human_answers(world: &World) -> usize {
    world.consequences.iter().filter(|each| matches!(each, Consequence::HumanAnswered { .. })).count()
}

fn in_flight() -> (World, OutboundId) {
    let mut world = World::new();
    let id = world.dm("p1", "It is 12 euro.");
    world.run();
    (world, id)
}

#[test]
fn the_echo_after_the_response_is_ours() {
    let (mut world, id) = in_flight();
    world.sent(id, "m1");
    assert_eq!(world.echo("m1", "p1", "whatever"), EchoMatch::Ours { id, decided: Decided::default() });
}

#[test]
fn the_echo_before_the_response_is_held_and_then_ours() {
    let (mut world, id) = in_flight();
    assert!(matches!(world.echo("m1", "p1", "It is 12 euro."), EchoMatch::Held(_)));
    assert_eq!(world.echo("m1", "p1", "It is 12 euro."), EchoMatch::AlreadyHeld);
    world.sent(id, "m1");
    assert!(world.events.contains(&OutboxEvent::EchoSettled { message_id: Mid::from("m1"), ours: Some(id) }));
    world.pass(minutes(5));
    assert_eq!(human_answers(&world), 0);
    assert!(world.outbox.held.is_empty());
}

#[test]
fn an_echo_by_hand_while_a_send_is_in_flight_is_told_when_the_send_is_over() {
    let (mut world, id) = in_flight();
    world.echo("m9", "p1", "I answer myself");
    assert_eq!(human_answers(&world), 0);
    world.sent(id, "m1");
    assert_eq!(human_answers(&world), 1);
}

#[test]
fn an_echo_by_hand_is_told_after_thirty_seconds_at_the_latest() {
    let (mut world, _) = in_flight();
    world.echo("m9", "p1", "I answer myself");
    world.pass(seconds(29));
    assert_eq!(human_answers(&world), 0);
    world.pass(seconds(1));
    assert_eq!(human_answers(&world), 1);
}

#[test]
fn an_echo_with_no_send_in_flight_is_by_hand_at_once() {
    let mut world = World::new();
    assert_eq!(world.echo("m9", "p1", "I answer myself"), EchoMatch::Unmatched);
    let queued = world.dm("p1", "later");
    assert_eq!(world.echo("m8", "p1", "later"), EchoMatch::Unmatched);
    world.assert_queued(queued);
}

#[test]
fn an_echo_in_another_thread_does_not_wait() {
    let (mut world, _) = in_flight();
    assert_eq!(world.echo("m9", "p2", "It is 12 euro."), EchoMatch::Unmatched);
}

#[test]
fn a_lost_response_is_made_good_by_the_echo_that_follows() {
    let (mut world, id) = in_flight();
    world.doubt(id);
    world.now = world.now + seconds(3);
    assert!(
        matches!(world.echo("m1", "p1", " It is 12 euro. "), EchoMatch::Ours { id: found, .. } if found == id)
    );
    world.assert_sent(id);
    world.pass(minutes(5));
    assert_eq!((world.sends().len(), world.reads()), (1, 0));
}

#[test]
fn a_lost_response_is_made_good_by_the_echo_that_came_before() {
    let (mut world, id) = in_flight();
    world.echo("m1", "p1", "It is 12 euro.");
    world.doubt(id);
    world.assert_sent(id);
    assert_eq!(human_answers(&world), 0);
    assert!(matches!(world.echo("m1", "p1", "It is 12 euro."), EchoMatch::Ours { .. }));
}

#[test]
fn an_echo_with_another_text_does_not_confirm() {
    let (mut world, id) = in_flight();
    world.doubt(id);
    assert_eq!(world.echo("m9", "p1", "I answer myself"), EchoMatch::Unmatched);
    assert!(matches!(world.state(id), State::Unconfirmed(_)));
}

#[test]
fn an_echo_of_long_after_the_attempt_does_not_confirm() {
    let (mut world, id) = in_flight();
    world.doubt(id);
    world.now = world.now + minutes(5) + seconds(1);
    assert_eq!(world.echo("m9", "p1", "It is 12 euro."), EchoMatch::Unmatched);
}

#[test]
fn a_late_echo_makes_an_unknown_message_delivered_and_lets_go_what_waited_for_it() {
    let mut world = World::new();
    let reply = world.private_reply("c1");
    let public = world.public_reply("c1", Some(reply));
    world.run();
    world.doubt(reply);
    world.lose(reply);
    world.assert_queued(public);
    let (message_id, person) = (Mid::from("m1"), Igsid::from("p-c1"));
    let echo = Echo {
        message_id: &message_id,
        person: &person,
        text: Some("here is the link"),
        is_template: false,
        sent_at: START + seconds(2),
    };
    let EchoMatch::Ours { decided, .. } = world.outbox.echo(world.now, &echo) else { panic!() };
    world.take(decided);
    world.assert_sent(reply);
    world.run();
    world.assert_sending(public);
}

#[test]
fn of_two_equal_unconfirmed_messages_the_oldest_is_confirmed_first() {
    let mut world = World::new();
    let first = world.dm("p1", "same");
    world.run();
    world.doubt(first);
    let human = Enqueue { author: Author::Human, ..world.dm_request("p1", "same") };
    let second = world.enqueue(human);
    world.pass(seconds(2));
    world.assert_sending(second);
    world.doubt(second);
    assert!(matches!(world.echo("m1", "p1", "same"), EchoMatch::Ours { id, .. } if id == first));
    assert!(matches!(world.echo("m2", "p1", "same"), EchoMatch::Ours { id, .. } if id == second));
}

#[test]
fn the_echo_of_a_private_reply_to_nobody_knows_whom_is_held() {
    let mut world = World::new();
    let kind =
        Kind::PrivateReply { comment: CommentId::from("c1"), person: None, comment_at: START, live: false };
    let request = Enqueue { kind, ..world.private_request("c1") };
    let id = world.enqueue(request);
    world.run();
    assert!(matches!(world.echo("m1", "p7", "here is the link"), EchoMatch::Held(_)));
    assert!(matches!(world.echo("m2", "p8", "by hand"), EchoMatch::Held(_)));
    world.sent(id, "m1");
    assert_eq!(human_answers(&world), 1);
}

#[test]
fn a_late_success_ends_the_search() {
    let (mut world, id) = in_flight();
    world.pass(ATTEMPT_LEASE);
    assert!(matches!(world.state(id), State::Unconfirmed(_)));
    world.sent(id, "m1");
    world.assert_sent(id);
}

#[test]
fn more_echoes_than_can_be_held_are_by_hand() {
    let (mut world, _) = in_flight();
    for number in 0..ECHOES_HELD_MAX {
        assert!(matches!(world.echo(&format!("m{number}"), "p1", "x"), EchoMatch::Held(_)));
    }
    assert_eq!(world.echo("one more", "p1", "x"), EchoMatch::Unmatched);
}

#[test]
fn a_picture_by_hand_is_no_proof_that_a_template_arrived() {
    let mut world = World::new();
    let template = Content::Template { elements: "[{}]".into(), text_form: "Summer guide".into() };
    let id = world.enqueue(Enqueue { content: template, ..world.dm_request("p1", "x") });
    world.run();
    world.doubt(id);
    assert_eq!(world.textless_echo("m_picture", "p1", false), EchoMatch::Unmatched);
    assert!(matches!(world.state(id), State::Unconfirmed(_)));
    assert!(matches!(world.textless_echo("m_template", "p1", true), EchoMatch::Ours { .. }));
    world.assert_sent(id);
}
