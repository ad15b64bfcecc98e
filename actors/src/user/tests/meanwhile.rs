//! What the owner changes while the model takes its time: the answer is not sent as if nothing had happened.

use super::world::*;
use crate::{
    automation::AutomationPatch,
    user::{
        Command,
        action_log::ActionResult,
        decision::{CancelReason, Silence, Verdict},
        settings::SettingsPatch,
    },
};

fn prompted(scope_comment: bool) -> World {
    let mut world = World::connected();
    let mut input =
        if scope_comment { on_comments("menu", "Be nice.", None) } else { fixed("menu", "Be nice.") };
    input.response_type = "ai_prompt".into();
    input.expires_at = Some(world.now + secs(600));
    world.automate("a1", input);
    world
}

fn sidekick_off(world: &mut World) {
    world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
}

fn answers_fixed(world: &mut World) {
    let patch = AutomationPatch {
        response_type: Some("fixed".into()),
        response_content: Some("Here is the menu.".into()),
        ..AutomationPatch::default()
    };
    world.run(Command::UpdateAutomation { id: "a1".into(), patch }).unwrap();
}

fn assert_dropped(world: &mut World, key: &str, verdict: &Verdict, code: &str) {
    assert_eq!(world.verdict(key), *verdict);
    assert!(world.questions.is_empty(), "nothing more is asked");
    world.wait(secs(60));
    assert!(world.all_sends.is_empty());
    assert_eq!(world.user.usage.months().last().map_or(0, |(_, month)| month.reserved), 0);
    let row = world.user.list_logs(false, 1).pop().expect("a row for the owner");
    assert_eq!((row.result, row.error_code.as_deref()), (ActionResult::Skipped, Some(code)));
}

#[test]
fn sidekick_that_was_switched_off_after_the_question_says_nothing() {
    let silent = Verdict::NoReply(Silence::NoMatch);
    let mut world = World::connected();
    let key = world.says(ANA, "do you bake on sundays");
    sidekick_off(&mut world);
    world.classify(0);
    assert_dropped(&mut world, &key, &silent, "sidekick_off");
    let mut world = World::connected();
    let key = world.says(ANA, "do you bake on sundays");
    world.classify(0);
    sidekick_off(&mut world);
    world.write("Yes, we do.");
    assert_dropped(&mut world, &key, &silent, "sidekick_off");
}

#[test]
fn an_automation_that_ran_out_or_changed_after_the_question_says_nothing() {
    let gone = Verdict::Cancelled(CancelReason::AutomationGone);
    let changes: [fn(&mut World); 2] = [|world| world.now = world.now + secs(600), answers_fixed];
    for change in changes {
        for classified in [false, true] {
            let mut world = prompted(false);
            let key = world.says(ANA, "the menu please");
            if classified {
                world.classify(0);
            }
            change(&mut world);
            if classified {
                world.write("Gladly.");
            } else {
                world.classify(0);
            }
            assert!(world.contact(ANA).followup_needed, "somebody waits for an answer");
            assert_dropped(&mut world, &key, &gone, "automation_gone");
        }
        let mut world = prompted(true);
        let key = world.comments(ANA, "the menu please");
        change(&mut world);
        world.write("Gladly.");
        assert_dropped(&mut world, &key, &gone, "automation_gone");
    }
}

#[test]
fn what_did_not_change_is_answered_whatever_else_did() {
    let mut world = prompted(false);
    let key = world.says(ANA, "the menu please");
    sidekick_off(&mut world);
    world.classify(0);
    let patch = AutomationPatch { title: Some("other".into()), ..AutomationPatch::default() };
    world.run(Command::UpdateAutomation { id: "a1".into(), patch }).unwrap();
    world.write("Gladly.");
    assert_eq!(world.deliver(), ["Gladly."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
}
