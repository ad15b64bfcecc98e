//! What a message comes to: steps 7 to 16.

use super::world::*;
use crate::{
    id::Igsid,
    user::{
        Command,
        decision::{HrnSource, Silence, Verdict},
        knowledge::change::{KnowledgeChange, LinkInput, Several},
        model::ModelFailure,
        settings::{AckPolicy, SettingsPatch},
    },
};
use std::time::Duration;

#[test]
fn step_7_a_locked_contact_keeps_its_first_reason_and_instant() {
    let mut world = priced();
    world.says(ANA, "I want a refund");
    let set_at = world.contact(ANA).hrn.as_ref().unwrap().set_at;
    world.wait(hours(1));
    let key = world.says(ANA, "price");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { .. }));
    assert_eq!(world.contact(ANA).hrn.as_ref().unwrap().set_at, set_at);
    assert_eq!(world.user.hrn_queue().count(), 1);
    world.run(Command::ClearHrn { person: Igsid::from(ANA) }).unwrap();
    assert_eq!(world.user.hrn_queue().count(), 0);
    world.says(ANA, "price");
    assert_eq!(world.deliver(), ["It is 12 euro."]);
}

#[test]
fn step_8_a_burst_is_answered_once_to_the_last_text() {
    let mut world = priced();
    let mut keys = Vec::new();
    for text in ["hi", "what is the", "price"] {
        let event = world.message(ANA, text);
        keys.push(event.key.as_str().to_owned());
        world.receive(event);
        world.wait(secs(1));
    }
    world.wait(secs(10));
    assert_eq!(world.deliver(), ["It is 12 euro."]);
    assert!(matches!(world.verdict(&keys[0]), Verdict::Merged { .. }));
    assert!(matches!(world.verdict(&keys[1]), Verdict::Merged { .. }));
    assert!(matches!(world.verdict(&keys[2]), Verdict::Replied { .. }));
}

#[test]
fn step_8_without_delay_the_answer_is_decided_at_once() {
    let mut world = priced();
    world.settings(SettingsPatch { reply_delay: Some(Duration::ZERO), ..SettingsPatch::default() });
    let event = world.message(ANA, "price");
    assert!(matches!(world.receive(event), Some(Verdict::Queued { .. })));
    assert_eq!(world.sends.len(), 1);
}

#[test]
fn d_54_an_automation_on_pricing_answers_although_the_word_is_soft() {
    let mut world = World::connected();
    world.automate("a1", fixed("discount", "10 % this week."));
    world.says(ANA, "any discount?");
    assert_eq!(world.deliver(), ["10 % this week."]);
    let key = world.says(BEN, "can you make a special deal on pricing, lower the price");
    assert!(!matches!(world.verdict(&key), Verdict::Queued { .. }));
}

#[test]
fn step_9_hard_categories_go_before_automations() {
    let mut world = World::connected();
    world.automate("a1", fixed("refund", "No refunds."));
    let key = world.says(ANA, "give me a refund");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.all_sends.is_empty());
    assert_eq!(world.user.notifications.iter().count(), 1, "d-63: no notification");
}

#[test]
fn d_60_harmless_words_do_not_lock_threads() {
    let mut world = priced();
    for (person, text) in
        [("910", "I am a customer: price?"), ("911", "horoscope price"), ("912", "doctor price")]
    {
        world.says(person, text);
        assert!(world.contact(person).hrn.is_none(), "{text}");
    }
    assert_eq!(world.sends.len(), 3);
}

#[test]
fn step_10_an_automation_can_ask_for_a_person() {
    let mut world = World::connected();
    let mut input = fixed("wedding", "unused");
    input.hrn_enforced = Some(true);
    world.automate("a1", input);
    let key = world.says(ANA, "wedding cake");
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Automation, .. }));
}

#[test]
fn step_10_cool_down_of_an_automation() {
    let mut world = World::connected();
    let mut input = fixed("price", "12");
    input.cooldown_seconds = Some(3_600);
    world.automate("a1", input);
    world.says(ANA, "price");
    world.deliver();
    let key = world.says(ANA, "price");
    assert_eq!(world.verdict(&key), Verdict::NoReply(Silence::Cooldown));
    world.wait(hours(1));
    world.says(ANA, "price");
    assert_eq!(world.sends.len(), 1);
}

#[test]
fn d_47_a_template_automation_sends_its_template() {
    let mut world = World::connected();
    let mut input = fixed("menu", r#"[{"title":"Menu","subtitle":"All we bake"}]"#);
    input.response_type = "generic_template".into();
    world.automate("a1", input);
    world.says(ANA, "menu");
    assert!(world.deliver()[0].contains("All we bake"));
}

#[test]
fn step_12_acknowledgements_follow_the_setting() {
    for (policy, asks) in
        [(AckPolicy::Ignore, false), (AckPolicy::WhenAsked, false), (AckPolicy::Answer, true)]
    {
        let mut world = priced();
        world.settings(SettingsPatch { acknowledgements: Some(policy), ..SettingsPatch::default() });
        let key = world.says(ANA, "thanks 🙏");
        assert_eq!(!world.questions.is_empty(), asks, "{policy:?}");
        assert_eq!(world.verdict(&key) == Verdict::NoReply(Silence::Acknowledgement), !asks);
    }
    let mut world = World::connected();
    world.automate("a1", fixed("cake", "Shall we bake one for you?"));
    world.says(ANA, "cake");
    world.deliver();
    world.says(ANA, "yes");
    assert_eq!(world.questions.len(), 1, "our last message was a question");
}

#[test]
fn step_13_and_16_sidekick_answers_what_the_classifier_lets_through() {
    let mut world = priced();
    let key = world.says(ANA, "do you bake on sundays");
    world.classify(100);
    assert_eq!(world.user.usage.months().last().unwrap().1.reserved, 1);
    world.write("Yes, every sunday until noon.");
    assert_eq!(world.deliver(), ["Yes, every sunday until noon."]);
    assert!(matches!(world.verdict(&key), Verdict::Replied { .. }));
    let key = world.says(BEN, "can someone look at my case");
    world.classify(900);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Classifier, .. }));
}

#[test]
fn no_model_configured_goes_to_a_person_at_once() {
    let mut world = priced();
    let key = world.says(ANA, "do you bake on sundays");
    world.answer(Err(ModelFailure::NotConfigured));
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }));
    assert_eq!(&*world.contact(ANA).hrn.as_ref().unwrap().reason, "no model configured");
    world.says(BEN, "price");
    assert_eq!(world.deliver(), ["It is 12 euro."], "fixed automations still answer");
}

#[test]
fn d_35_a_model_outage_is_retried_for_a_quarter_of_an_hour_then_a_person_is_asked() {
    let mut world = priced();
    let key = world.says(ANA, "do you bake on sundays");
    let began = world.now;
    for wait in [5, 30, 120, 300, 300] {
        world.answer(Err(ModelFailure::Unavailable("busy".into())));
        assert!(world.questions.is_empty());
        world.wait(secs(wait));
    }
    world.answer(Err(ModelFailure::Unavailable("busy".into())));
    assert!(world.contact(ANA).hrn.is_none());
    world.wait(hours(1));
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }));
    let set_at = world.contact(ANA).hrn.as_ref().unwrap().set_at;
    assert_eq!(set_at.since(began), Duration::from_secs(15 * 60));
}

#[test]
fn a_lost_question_is_asked_again_after_a_restart() {
    let mut world = priced();
    world.says(ANA, "do you bake on sundays");
    let old = world.questions[0].clone();
    world.passivate();
    assert_eq!(world.questions.len(), 1);
    assert_ne!(world.questions[0].attempt, old.attempt);
    world.classify(0);
    world.write("Yes.");
    assert_eq!(world.deliver(), ["Yes."]);
}

#[test]
fn step_16_unsafe_output_is_regenerated_once_and_then_left_to_a_person() {
    for bad in ["See https://evil.example/x", "It costs $99", "Hi {{name}}", ""] {
        let mut world = priced();
        world
            .run(Command::Knowledge(KnowledgeChange::Several(Box::new(Several {
                links: vec![LinkInput { kind: "website".into(), url: "https://bakery.example/menu".into() }],
                main_offering: Some("Cakes from $12".into()),
                ..Several::default()
            }))))
            .unwrap();
        let key = world.says(ANA, "where is the menu");
        world.classify(0);
        world.write(bad);
        world.write(bad);
        assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Failure, .. }), "{bad}");
        assert_eq!(world.user.usage.months().last().unwrap().1.reserved, 0);
        let key = world.says(BEN, "where is the menu");
        world.classify(0);
        world.write(bad);
        world.write("From $12, see bakery.example/menu");
        assert!(matches!(world.verdict(&key), Verdict::Queued { .. }));
    }
}

#[test]
fn d_65_the_transcript_keeps_the_newest_lines_and_the_text_comes_last() {
    let mut world = priced();
    world.settings(SettingsPatch { human_takeover: Some(Duration::ZERO), ..SettingsPatch::default() });
    for line in 0..30 {
        let echo = world.echo(ANA, &format!("h{line}"), &format!("line {line}"));
        if line == 0 {
            world.says(ANA, "thanks");
        }
        world.receive(echo);
        world.wait(secs(1));
    }
    world.says(ANA, "do you bake on sundays");
    let request = &world.questions[0];
    assert_eq!(request.text, "do you bake on sundays");
    assert_eq!(request.transcript.last().map(|line| &*line.text), Some("line 29"));
    assert_eq!(request.transcript.len(), 6);
    let rows = world.rows.keys().filter(|(stream, _)| stream == &format!("messages/{ANA}")).count();
    assert_eq!(rows, 32 - 20, "older messages leave to the history");
}

fn in_a_row(world: &mut World, texts: &[&str]) -> String {
    let mut key = String::new();
    for text in texts {
        let event = world.message(ANA, text);
        key = event.key.as_str().to_owned();
        world.receive(event);
        world.wait(secs(1));
    }
    world.wait(secs(20));
    key
}

#[test]
fn step_9_sees_a_grave_text_that_too_many_others_followed() {
    let mut world = priced();
    in_a_row(&mut world, &["I want a refund", "hello", "are", "you", "there", "the price"]);
    let hrn = world.contact(ANA).hrn.clone().expect("a person is asked");
    assert_eq!(hrn.source, HrnSource::Heuristic);
    assert!(world.all_sends.is_empty());
}

#[test]
fn step_9_sees_a_grave_text_that_does_not_fit_beside_the_others() {
    let mut world = priced();
    let long = format!("what is the price {}", "please ".repeat(165));
    assert!(long.chars().count() > 1_170);
    let key = in_a_row(&mut world, &["I will sue you", &long]);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.all_sends.is_empty());
}

#[test]
fn step_9_sees_the_end_of_a_text_that_is_cut_for_the_rules() {
    let mut world = priced();
    let long = format!("what is the price {} or I will sue you", "please ".repeat(300));
    let key = in_a_row(&mut world, &[&long]);
    assert!(matches!(world.verdict(&key), Verdict::Hrn { source: HrnSource::Heuristic, .. }));
    assert!(world.all_sends.is_empty());
}
