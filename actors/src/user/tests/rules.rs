//! The owner's automations: made, changed, expired, deleted.

use super::world::*;
use crate::user::{Command, Rejection};

#[test]
fn an_expired_automation_is_switched_off_within_a_minute_and_the_owner_is_told() {
    let mut world = World::connected();
    let mut input = fixed("price", "12");
    input.expires_at = Some(world.now + hours(1));
    world.automate("a1", input);
    world.wait(hours(1) + secs(59));
    assert!(!world.user.automations.get("a1").unwrap().is_active);
    assert_eq!(world.user.notifications.iter().count(), 1);
}

#[test]
fn d_55_and_d_50_triggers_are_trimmed_unique_and_switching_works_for_comments() {
    let mut world = priced();
    let taken =
        Command::CreateAutomation { id: "a2".into(), input: fixed("  PRICE ", "again"), inactive: false };
    assert!(matches!(world.run(taken), Err(Rejection::TriggerTaken { .. })));
    world.automate("c1", on_comments("link", "here", None));
    for active in [false, true] {
        world.run(Command::SetAutomationActive { id: "c1".into(), active }).unwrap();
    }
}

#[test]
fn d_51_a_patch_keeps_what_it_does_not_name() {
    let mut world = World::connected();
    world.automate("c1", on_comments("link", "here", Some("sent")));
    let patch = serde_json::from_str(r#"{"title":"new"}"#).unwrap();
    world.run(Command::UpdateAutomation { id: "c1".into(), patch }).unwrap();
    let content = &world.user.automations.get("c1").unwrap().content;
    assert_eq!((content.title.as_str(), content.post_ids.len()), ("new", 1));
    let patch = serde_json::from_str(r#"{"commentReplyText":null}"#).unwrap();
    world.run(Command::UpdateAutomation { id: "c1".into(), patch }).unwrap();
    assert_eq!(world.user.automations.get("c1").unwrap().content.comment_reply_text, None, "d-58");
}

#[test]
fn d_52_deleting_an_automation_keeps_its_log() {
    let mut world = priced();
    world.says(ANA, "price");
    world.deliver();
    world.run(Command::DeleteAutomation { id: "a1".into() }).unwrap();
    let logs = world.user.list_logs(true, 25);
    assert_eq!(logs[0].automation_title.as_deref(), Some("about price"));
    world.says(ANA, "price");
    assert!(world.sends.is_empty());
}
