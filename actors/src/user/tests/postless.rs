//! Comments whose post the platform did not name.

use super::world::*;
use crate::{
    id::{CommentId, MediaId},
    user::{
        Command, UserEffect,
        command::CommentPost,
        decision::{Silence, Verdict},
        inbound::InboundItem,
    },
};

/// A workspace that answers "link" below one post, and a comment without any.
fn commented(text: &str) -> (World, CommentId, String) {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    let mut event = world.comment(ANA, text);
    let InboundItem::Comment(comment) = &mut event.item else { panic!() };
    comment.media = None;
    let (id, key) = (comment.id.clone(), event.key.as_str().to_owned());
    world.receive(event);
    (world, id, key)
}

fn look_ups(world: &World) -> usize {
    world.effects.iter().filter(|effect| matches!(effect, UserEffect::LookUpComment { .. })).count()
}

fn found(world: &mut World, comment: &CommentId, found: CommentPost) {
    world.run(Command::CommentLookedUp { comment: comment.clone(), found }).unwrap();
}

fn on(post: &str) -> CommentPost {
    CommentPost::Found { media: MediaId::from(post), live: false }
}

#[test]
fn the_post_is_looked_up_and_its_automation_answers_once() {
    let (mut world, comment, key) = commented("link please");
    assert!(matches!(world.verdict(&key), Verdict::Collecting { .. }));
    assert_eq!((look_ups(&world), world.all_sends.len()), (1, 0));
    found(&mut world, &comment, on(POST));
    found(&mut world, &comment, on(POST));
    assert_eq!(world.deliver(), ["here"]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    let again = world.comments(ANA, "link");
    assert_eq!(world.verdict(&again), Verdict::NoReply(Silence::Cooldown), "it is known which post it was");
}

#[test]
fn below_another_post_or_none_nothing_is_answered() {
    for (no, post) in [on("1801"), CommentPost::Missing].into_iter().enumerate() {
        let (mut world, comment, key) = commented("link please");
        found(&mut world, &comment, post);
        assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::NoMatch), "{no}");
        world.wait(hours(1));
        assert_eq!((look_ups(&world), world.all_sends.len()), (1, 0));
    }
}

#[test]
fn a_comment_that_no_post_would_make_match_is_not_looked_up() {
    let (world, _, key) = commented("lovely");
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::NoMatch));
    assert_eq!(look_ups(&world), 0);
}

#[test]
fn a_look_up_that_fails_or_is_lost_is_tried_again_and_given_up_in_the_end() {
    let (mut world, comment, key) = commented("link please");
    found(&mut world, &comment, CommentPost::Failed { retry_after: None });
    world.wait(secs(31));
    assert_eq!(look_ups(&world), 2);
    world.passivate();
    assert_eq!(look_ups(&world), 3, "asked again after a restart");
    world.wait(hours(2));
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::NoMatch));
    assert!(world.user.postless.is_empty());
    let asked = look_ups(&world);
    assert!(asked > 4, "{asked}");
    world.wait(hours(2));
    assert_eq!(look_ups(&world), asked);
}

#[test]
fn a_comment_without_a_post_waits_for_the_connection_first() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", None));
    world.run(Command::RevokeInstagram).unwrap();
    let mut event = world.comment(ANA, "link");
    let InboundItem::Comment(comment) = &mut event.item else { panic!() };
    comment.media = None;
    let id = comment.id.clone();
    assert_eq!(world.receive(event), Some(Verdict::Parked));
    assert_eq!(look_ups(&world), 0);
    world.connect();
    world.wait(secs(1));
    found(&mut world, &id, on(POST));
    assert_eq!(world.deliver(), ["here"]);
}
