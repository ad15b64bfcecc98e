//! First scenes: the two pipelines from end to end.

use super::world::*;
use crate::user::decision::Verdict;

#[test]
fn a_matching_message_is_answered_once_with_the_fixed_reply() {
    let mut world = World::connected();
    world.automate("a1", fixed("price", "It is 12 euro, {{first_name}}."));
    let key = world.says(ANA, "what is the PRICE?");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    assert_eq!(world.user.usage.months().last().unwrap().1.sends, 1);
    world.wait(hours(1));
    assert_eq!(world.all_sends.len(), 1);
}

#[test]
fn a_matching_comment_gets_one_private_and_then_one_public_reply() {
    let mut world = World::connected();
    world.automate("a1", on_comments("link", "Here it is", Some("It is in your inbox")));
    let key = world.comments(ANA, "LINK please");
    let private = world.take_send();
    assert_eq!(text_of(&private), "Here it is");
    world.sends.push(private);
    assert_eq!(world.deliver(), ["Here it is", "It is in your inbox"]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    assert!(world.user.contacts.contains_key(ANA));
}
