//! `sidekick/*`, as clients and Sidekick itself see it.

use super::world::World;
use crate::functions::Caller;
use greenroom_actors::{
    automation::AutomationInput,
    identity::{
        self,
        command::UserPatch,
        field::{Field, Value as FieldValue, Writer},
    },
    user::{
        Command,
        action_log::ACTION_LOGS_MAX,
        audit::{Actor, AuditRow, Target},
        plan::Plan,
        settings::SettingsPatch,
    },
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const ONBOARDING: &str = "sidekick/onboarding";
const TOOLS: &str = "sidekick/aiTools";

fn everything() -> Value {
    json!({
        "mainOffering": "  Cakes for weddings ",
        "offerLinks": [{ "type": "primary", "url": "https://bakery.example" }],
        "offers": [{ "name": "Cake", "content": "With cream", "value": 120 }],
        "faqs": [{ "question": "When?", "answer": "Daily" }, { "question": "Where?" }],
        "toneProfile": { "toneType": "like_me", "sampleText": ["Hey you!", "See you"] },
    })
}

/// What a function in the style with `success` refuses with.
fn refused(outcome: Result<Value, Value>) -> (String, Vec<String>) {
    let told = outcome.unwrap();
    assert_eq!(told["success"], false, "{told}");
    assert!(told["error"].as_str().is_some_and(|error| !error.is_empty()), "{told}");
    let fields = told["fields"].as_array().cloned().unwrap_or_default();
    let fields = fields.iter().map(|field| field["field"].as_str().unwrap_or_default().to_owned());
    (told["code"].as_str().unwrap_or_default().to_owned(), fields.collect())
}

async fn newest_audit(world: &World) -> Arc<AuditRow> {
    world.user().await.audit.iter().next().cloned().unwrap()
}

#[tokio::test]
async fn onboarding_ends_when_everything_needed_is_there() {
    let world = World::signed_up().await;
    let path = |name: &str| format!("{ONBOARDING}:{name}");
    let (code, fields) = refused(world.mutate(&path("completeSidekickOnboarding"), json!({})).await);
    assert_eq!(code, "VALIDATION");
    assert_eq!(fields, ["primaryLink", "offers", "mainOffering", "toneProfile"]);
    let status = world.query(&path("checkSidekickOnboardingStatus"), json!({})).await.unwrap();
    assert_eq!(status, json!({ "success": true, "sidekick_onboarding_complete": false }));
    let done = world.mutate(&path("updateSidekickOnboardingData"), everything()).await.unwrap();
    assert_eq!(done["success"], true, "{done}");
    world.mutate(&path("completeSidekickOnboarding"), json!({})).await.unwrap();
    let status = world.query(&path("checkSidekickOnboardingStatus"), json!({})).await.unwrap();
    assert_eq!(status["sidekick_onboarding_complete"], true);
    let data = world.query(&path("getSidekickOnboardingData"), json!({})).await.unwrap();
    assert_eq!(
        data["offerLinks"],
        json!({ "primaryOfferUrl": "https://bakery.example", "calendarLink": "", "additionalInfoUrl": "" })
    );
    assert_eq!(
        (&data["mainOffering"], &data["offers"][0]["value"]),
        (&json!("Cakes for weddings"), &json!(120))
    );
    assert_eq!(
        data["toneProfile"],
        json!({ "toneType": "Like Me", "tone": "like_me", "customTone": "", "sampleMessages": "Hey you!\nSee you" })
    );
    let row = world.app.identities.published(&world.caller.user_id).await.unwrap().state;
    let shown = row.user().unwrap().extra.get(Field::MainOffering);
    assert_eq!(shown, Some(FieldValue::Text("Cakes for weddings".into())), "sessions show it too");
    for (name, part) in [
        ("getSidekickOfferLinks", "offerLinks"),
        ("getSidekickOffers", "offers"),
        ("getSidekickToneProfile", "toneProfile"),
        ("getSidekickMainOffering", "mainOffering"),
    ] {
        let told = world.query(&path(name), json!({})).await.unwrap();
        assert_eq!(told[part], data[part], "{name}");
    }
}

#[tokio::test]
async fn d_107_what_was_saved_is_named_and_saving_it_again_replaces_it() {
    let world = World::signed_up().await;
    let path = |name: &str| format!("{ONBOARDING}:{name}");
    let saved = world.mutate(&path("updateSidekickOnboardingData"), everything()).await.unwrap();
    let ids = |part: &str| saved[part].as_array().cloned().unwrap();
    assert_eq!((ids("linkIds").len(), ids("offerIds").len(), ids("faqIds").len()), (1, 1, 2));
    let offer = json!({ "name": "CAKE", "content": "With cream", "value": 150 });
    let again = world.mutate(&path("saveSidekickOffer"), offer).await.unwrap();
    assert_eq!(again["offerId"], ids("offerIds")[0]);
    let shown = world.query(&path("getSidekickOffers"), json!({})).await.unwrap()["offers"].clone();
    assert_eq!((shown.as_array().map(Vec::len), &shown[0]["value"]), (Some(1), &json!(150)));
    let link = json!({ "type": "primary", "url": "https://new.example" });
    let again = world.mutate(&path("saveSidekickOfferLink"), link).await.unwrap();
    assert_eq!(again["linkId"], ids("linkIds")[0]);
    world.mutate(&path("deleteOffer"), json!({ "offerId": ids("offerIds")[0] })).await.unwrap();
    world.mutate(&path("deleteFaq"), json!({ "faqId": ids("faqIds")[0] })).await.unwrap();
    let user = world.user().await;
    assert!(user.knowledge.offers.is_empty());
    let [left] = &user.knowledge.faqs[..] else { panic!("one question") };
    assert_eq!(&*left.question, "Where?");
}

#[tokio::test]
async fn d_105_a_voice_is_shown_as_it_is_sent_and_one_that_was_never_chosen_as_none() {
    let world = World::signed_up().await;
    let path = |name: &str| format!("{ONBOARDING}:{name}");
    let shown = world.query(&path("getSidekickToneProfile"), json!({})).await.unwrap()["toneProfile"].clone();
    assert_eq!((&shown["toneType"], &shown["tone"]), (&json!("Friendly"), &Value::Null));
    for (tone, label) in
        [("friendly", "Friendly"), ("direct", "Direct"), ("like_me", "Like Me"), ("custom", "Custom")]
    {
        world.mutate(&path("saveSidekickToneProfile"), json!({ "toneType": tone })).await.unwrap();
        let shown = world.query(&path("getSidekickToneProfile"), json!({})).await.unwrap();
        let shown = &shown["toneProfile"];
        assert_eq!((&shown["toneType"], &shown["tone"]), (&json!(label), &json!(tone)));
    }
}

#[tokio::test]
async fn what_an_earlier_deployment_knew_of_the_offering_counts() {
    let world = World::signed_up().await;
    let offering = Some(FieldValue::Text("bread".into()));
    let patch = UserPatch { extra: vec![(Field::MainOffering, offering)], ..UserPatch::default() };
    let command = identity::Command::UpdateUser { writer: Writer::Product, patch };
    world.app.identities.ask(&world.caller.user_id, command, 0).await.unwrap();
    let mut rest = everything();
    rest.as_object_mut().unwrap().remove("mainOffering");
    world.mutate(&format!("{ONBOARDING}:updateSidekickOnboardingData"), rest).await.unwrap();
    let done = world.mutate(&format!("{ONBOARDING}:completeSidekickOnboarding"), json!({})).await.unwrap();
    assert_eq!(done, json!({ "success": true }));
    assert_eq!(world.user().await.knowledge.main_offering.as_deref(), Some("bread"));
}

#[tokio::test]
async fn wrong_facts_are_named_as_they_were_sent_and_nothing_is_taken() {
    let world = World::signed_up().await;
    let path = format!("{ONBOARDING}:updateSidekickOnboardingData");
    let mut bad = everything();
    bad["offerLinks"][0]["url"] = json!("ftp://bakery.example");
    bad["offers"][0]["value"] = json!(1.5);
    bad["faqs"][1]["question"] = json!("  ");
    bad["toneProfile"]["toneType"] = json!("loud");
    let (code, fields) = refused(world.mutate(&path, bad).await);
    assert_eq!(code, "VALIDATION");
    assert_eq!(fields, ["offerLinks[0].url", "offers[0].value", "faqs[1].question", "toneProfile.toneType"]);
    assert_eq!(world.user().await.knowledge.lacking().len(), 4);
    for unknown in
        [json!({ "userId": "stranger" }), json!({ "offers": [{ "name": "a", "content": "b", "id": "c" }] })]
    {
        assert_eq!(refused(world.mutate(&path, unknown).await).0, "VALIDATION");
    }
}

#[tokio::test]
async fn each_function_without_a_user_answers_as_its_style_says() {
    let world = World::signed_up().await;
    let complete = format!("{ONBOARDING}:completeSidekickOnboarding");
    let anonymous = world.call_as(None, &complete, json!({})).await.unwrap_err();
    assert_eq!(anonymous["code"], "UNAUTHENTICATED");
    let tool = world.call_as(None, &format!("{TOOLS}/faqs:listFaqs"), json!({})).await;
    assert_eq!(refused(tool).0, "UNAUTHENTICATED");
    let actions = "sidekick/actionLogs:getRecentSidekickActions";
    assert_eq!(world.call_as(None, actions, json!({})).await.unwrap(), json!([]));
    let alias = "sidekick/ai-tools/tone-profile:getToneProfile";
    let told = world.query(alias, json!({})).await.unwrap();
    assert_eq!(told, json!({ "success": true, "toneProfile": null }));
}

#[tokio::test]
async fn tools_write_facts_once_and_every_write_is_noted_with_its_chat() {
    let world = World::signed_up().await;
    let in_chat = world.caller.clone().in_chat("chat_1".into());
    let add = format!("{TOOLS}/faqs:addFaq");
    let faq = json!({ "question": " When? ", "answer": "Daily" });
    let (first, _) = world.mutate_as(Some(&in_chat), &add, faq.clone(), Some(1)).await;
    let (again, _) = world.mutate_as(Some(&in_chat), &add, faq.clone(), Some(1)).await;
    assert_eq!(first, again);
    let id = first.unwrap()["faqId"].clone();
    let noted = newest_audit(&world).await;
    assert_eq!(noted.by, Actor::SidekickTool { chat: Some("chat_1".into()) });
    assert_eq!((&*noted.operation, &noted.target), ("addFaq", &Target::Faq(id.as_str().unwrap().into())));
    assert_eq!(world.user().await.audit.iter().count(), 1);
    assert_eq!(
        refused(world.mutate(&add, faq).await),
        ("VALIDATION".to_owned(), vec!["question".to_owned()])
    );
    let answered = json!({ "faqId": id, "answer": "On sundays" });
    world.mutate(&format!("{TOOLS}/faqs:updateFaq"), answered).await.unwrap();
    assert_eq!(newest_audit(&world).await.by, Actor::SidekickTool { chat: None });
    let listed = world.query(&format!("{TOOLS}/faqs:listFaqs"), json!({})).await.unwrap();
    assert_eq!((&listed["faqs"][0]["id"], &listed["faqs"][0]["answer"]), (&id, &json!("On sundays")));
    assert!(listed["faqs"][0]["createdAt"].is_string());
}

#[tokio::test]
async fn the_ids_of_somebody_else_are_not_found() {
    let world = World::signed_up().await;
    let put = |path: &str, args: Value| (format!("{TOOLS}/{path}"), args);
    let (path, args) = put("offers:createUserOffer", json!({ "name": "Cake", "content": "With cream" }));
    let offer = world.mutate(&path, args).await.unwrap()["offerId"].clone();
    let (path, args) =
        put("offers:addUserOfferLink", json!({ "type": "notion", "url": "https://n.example/1" }));
    let link = world.mutate(&path, args).await.unwrap()["linkId"].clone();
    let (path, args) = put("faqs:addFaq", json!({ "question": "When?" }));
    let faq = world.mutate(&path, args).await.unwrap()["faqId"].clone();
    let calls = [
        (format!("{TOOLS}/offers:updateUserOffer"), json!({ "offerId": offer, "name": "Mine" })),
        (format!("{TOOLS}/offers:deleteUserOffer"), json!({ "offerId": offer })),
        (format!("{TOOLS}/offers:deleteUserOfferLink"), json!({ "linkId": link })),
        (format!("{TOOLS}/faqs:updateFaq"), json!({ "faqId": faq, "answer": "x" })),
        (format!("{TOOLS}/faqs:deleteFaq"), json!({ "faqId": faq })),
        (format!("{ONBOARDING}:deleteOffer"), json!({ "offerId": offer })),
        (format!("{ONBOARDING}:deleteFaq"), json!({ "faqId": faq })),
        (format!("{TOOLS}/actions:getActionLog"), json!({ "actionId": "1" })),
    ];
    let stranger: Caller = world.stranger().await;
    for (path, args) in &calls {
        let told = world.call_as(Some(&stranger), path, args.clone()).await;
        assert_eq!(refused(told).0, "NOT_FOUND", "{path}");
    }
    let knowledge = Arc::clone(&world.user().await.knowledge);
    assert_eq!((knowledge.offers.len(), knowledge.links.len(), knowledge.faqs.len()), (1, 1, 1));
    for (path, args) in &calls[..3] {
        let told = world.mutate(path, args.clone()).await.unwrap();
        assert_eq!(told["success"], true, "{path}: {told}");
    }
    assert_eq!(world.user().await.knowledge.offers.len(), 0);
}

#[tokio::test]
async fn offers_take_a_price_or_none() {
    let world = World::signed_up().await;
    let path = |name: &str| format!("{TOOLS}/offers:{name}");
    let offer = json!({ "name": "Cake", "content": "With cream", "value": 120 });
    let id = world.mutate(&path("createUserOffer"), offer).await.unwrap()["offerId"].clone();
    let update = json!({ "offerId": id, "value": null });
    world.mutate(&path("updateUserOffer"), update).await.unwrap();
    let listed = world.query(&path("listUserOffers"), json!({})).await.unwrap();
    assert_eq!((&listed["offers"][0]["name"], &listed["offers"][0]["value"]), (&json!("Cake"), &Value::Null));
    let high = json!({ "offerId": id, "value": 10_000_001 });
    let (code, fields) = refused(world.mutate(&path("updateUserOffer"), high).await);
    assert_eq!((code.as_str(), fields), ("VALIDATION", vec!["value".to_owned()]));
}

#[tokio::test]
async fn settings_are_shown_and_changed_in_their_own_words() {
    let world = World::signed_up().await;
    let get = "sidekick/settings:getSidekickSettings";
    let settings = world.query(get, json!({})).await.unwrap()["settings"].clone();
    assert_eq!(
        settings,
        json!({
            "systemPrompt": "",
            "autoReplyEnabled": true,
            "hrnSensitivity": "balanced",
            "followUpAfterHours": 24.0,
            "humanTakeoverMinutes": 60.0,
        })
    );
    let prompt = "sidekick/settings:updateSystemPrompt";
    world.mutate(prompt, json!({ "prompt": "Say moin." })).await.unwrap();
    let long = world.mutate(prompt, json!({ "prompt": "x".repeat(2_001) })).await;
    assert_eq!(refused(long), ("VALIDATION".to_owned(), vec!["prompt".to_owned()]));
    let update = "sidekick/settings:updateSidekickSettings";
    let change = json!({ "autoReplyEnabled": false, "hrnSensitivity": "relaxed", "followUpAfterHours": 168 });
    world.mutate(update, change).await.unwrap();
    let settings = world.query(get, json!({})).await.unwrap()["settings"].clone();
    assert_eq!(
        (&settings["systemPrompt"], &settings["hrnSensitivity"]),
        (&json!("Say moin."), &json!("relaxed"))
    );
    assert_eq!(
        (&settings["autoReplyEnabled"], &settings["followUpAfterHours"]),
        (&json!(false), &json!(168.0))
    );
    for (bad, field) in [
        (json!({ "followUpAfterHours": 0 }), "followUpAfterHours"),
        (json!({ "followUpAfterHours": 169 }), "followUpAfterHours"),
        (json!({ "followUpAfterHours": -1 }), "followUpAfterHours"),
        (json!({ "followUpAfterHours": 1e300 }), "followUpAfterHours"),
        (json!({ "humanTakeoverMinutes": 0.5 }), "humanTakeoverMinutes"),
        (json!({ "humanTakeoverMinutes": 1_441 }), "humanTakeoverMinutes"),
    ] {
        assert_eq!(
            refused(world.mutate(update, bad).await),
            ("VALIDATION".to_owned(), vec![field.to_owned()])
        );
    }
    world.mutate(prompt, json!({ "prompt": "" })).await.unwrap();
    assert_eq!(world.user().await.settings.extra_instructions, None);
}

#[tokio::test]
async fn memory_is_asked_for_at_most_every_ten_minutes_and_is_not_there_yet() {
    let world = World::signed_up().await;
    let sync = "sidekick/memory:syncSidekickMemory";
    assert_eq!(refused(world.act(sync, json!({})).await).0, "AI_UNAVAILABLE");
    world.clock.advance(Duration::from_millis(1_500));
    let again = world.act(sync, json!({})).await.unwrap();
    assert_eq!((&again["code"], &again["retryAfter"]), (&json!("RATE_LIMITED"), &json!(599)));
    world.clock.advance(Duration::from_secs(600));
    assert_eq!(refused(world.act(sync, json!({})).await).0, "AI_UNAVAILABLE");
    let sample = json!({ "text": "Hey you!" });
    world.mutate(&format!("{TOOLS}/toneProfile:addToneSample"), sample).await.unwrap();
    let told = world.query("sidekick/memory:getSidekickMemoryOverview", json!({})).await.unwrap();
    assert_eq!(
        told["overview"],
        json!({ "toneType": "custom", "toneSamples": 1, "totalContacts": 0, "seededContacts": 0 })
    );
}

#[tokio::test]
async fn replies_are_listed_and_found_when_they_are_old() {
    let world = World::connected().await;
    let off = SettingsPatch { auto_reply: Some(false), ..SettingsPatch::default() };
    world.tell(Command::UpdateSettings(off)).await;
    for no in 0..=ACTION_LOGS_MAX {
        world.says("900000000000001", &format!("are you open on day {no}")).await;
        world.settle().await;
    }
    let path = format!("{TOOLS}/actions:listActionLogs");
    let usual = world.query(&path, json!({})).await.unwrap();
    assert_eq!(usual["logs"].as_array().map(Vec::len), Some(20));
    let most = world.query(&path, json!({ "limit": 1_000 })).await.unwrap();
    assert_eq!(most["logs"].as_array().map(Vec::len), Some(100));
    let recent = world.query("sidekick/actionLogs:getRecentSidekickActions", json!({})).await.unwrap();
    assert_eq!(recent.as_array().map(Vec::len), Some(10));
    assert_eq!((&recent[0]["userId"], &recent[0]["action"]), (&json!("owner"), &json!("sent_reply")));
    assert_eq!(recent[0]["id"], usual["logs"][0]["id"]);
    let user = world.user().await;
    let kept = user.logs.iter().last().unwrap().no;
    let one = format!("{TOOLS}/actions:getActionLog");
    let here = world.query(&one, json!({ "actionId": kept.to_string() })).await.unwrap();
    assert_eq!(here["log"]["id"], kept.to_string());
    let left = (1..kept).rev();
    let mut found = 0;
    for no in left {
        let told = world.query(&one, json!({ "actionId": no.to_string() })).await.unwrap();
        found += usize::from(told["log"]["recipientId"] == "900000000000001");
    }
    assert_eq!(found, 1, "the one row that left is in the history");
    for unknown in ["0", "18446744073709551615", "x", ""] {
        assert_eq!(refused(world.query(&one, json!({ "actionId": unknown })).await).0, "NOT_FOUND");
    }
}

#[tokio::test]
async fn the_profile_is_changed_by_a_tool_and_shown_without_what_is_private() {
    let world = World::signed_up().await;
    let (get, update) =
        (format!("{TOOLS}/userProfile:getUserProfile"), format!("{TOOLS}/userProfile:updateUserProfile"));
    let change = json!({
        "name": " New Bakery ", "gender": "female", "use_case": ["other"],
        "business_type": "creator", "main_offering": "Cakes",
    });
    let done = world.mutate(&update, change).await.unwrap();
    assert_eq!(done, json!({ "success": true }));
    let profile = world.query(&get, json!({})).await.unwrap()["profile"].clone();
    assert_eq!((&profile["name"], &profile["use_case"]), (&json!("New Bakery"), &json!(["other"])));
    assert_eq!((&profile["business_type"], &profile["main_offering"]), (&json!("creator"), &json!("Cakes")));
    let replies = world.user().await.name.clone();
    assert_eq!(replies.as_deref(), Some("New Bakery"), "replies are written in the new name");
    let quota = &profile["quota"];
    assert_eq!((&quota["planId"], &quota["planName"]), (&json!("free"), &json!("Free")));
    assert_eq!(quota["exceeded"], false);
    let status = world.query("billing:getCurrentBillingStatusAction", json!({})).await.unwrap();
    assert_eq!((&quota["usage"], &quota["limits"]), (&status["usage"], &status["limits"]));
    assert!(profile.get("email").is_none() && profile.get("gender").is_none(), "{profile}");
    let noted = newest_audit(&world).await;
    assert_eq!((&noted.target, &*noted.operation), (&Target::Profile, "updateUserProfile"));
    assert!(noted.before.as_ref().unwrap().contains("Fictional Bakery"));
    assert!(noted.after.as_ref().unwrap().contains("New Bakery"));
    let fewer = json!({ "business_type": "", "use_case": ["other", "leads"] });
    world.mutate(&update, fewer).await.unwrap();
    let noted = newest_audit(&world).await;
    assert_eq!(noted.before.as_deref(), Some(r#"{"business_type":"creator","use_case":["other"]}"#));
    assert_eq!(noted.after.as_deref(), Some(r#"{"business_type":null,"use_case":["other","leads"]}"#));
    let bad = json!({
        "name": " ", "gender": "x".repeat(51), "use_case": [""], "business_type": "x".repeat(101),
        "main_offering": "x".repeat(501),
    });
    let (code, fields) = refused(world.mutate(&update, bad).await);
    assert_eq!(code, "VALIDATION");
    assert_eq!(fields, ["name", "gender", "business_type", "use_case", "main_offering"]);
    let many = json!({ "use_case": vec!["x"; 11] });
    assert_eq!(refused(world.mutate(&update, many).await).1, ["use_case"]);
    assert_eq!(refused(world.mutate(&update, json!({ "email": "a@b.example" })).await).0, "VALIDATION");
}

#[tokio::test]
async fn a_plan_that_is_used_up_anywhere_is_exceeded() {
    let world = World::signed_up().await;
    let input = AutomationInput {
        title: "Prices".into(),
        trigger_word: Some("price".into()),
        response_type: "fixed".into(),
        response_content: "12 euro".into(),
        ..AutomationInput::default()
    };
    world.tell(Command::CreateAutomation { id: "a1".into(), input, inactive: false }).await;
    let told = world.query(&format!("{TOOLS}/userProfile:getUserProfile"), json!({})).await.unwrap();
    assert_eq!(told["profile"]["quota"]["exceeded"], true, "the free plan has one automation");
}

#[tokio::test]
async fn all_that_replies_are_made_of_is_in_one_piece() {
    let world = World::signed_up().await;
    world.mutate(&format!("{ONBOARDING}:updateSidekickOnboardingData"), everything()).await.unwrap();
    let told = world.query("sidekick/personalizedData:getPersonalizedSidekickData", json!({})).await.unwrap();
    let data = &told["data"];
    assert_eq!(
        (&data["user"]["name"], &data["user"]["pilot_goal"]),
        (&json!("Fictional Bakery"), &Value::Null)
    );
    assert_eq!(data["user"]["main_offering"], "Cakes for weddings");
    assert_eq!(data["faqs"][0]["question"], "Where?", "newest first");
    assert_eq!(data["toneProfile"]["sampleText"], json!(["Hey you!", "See you"]));
    assert_eq!(data["offerLinks"][0]["type"], "primary");
    for path in ["getPersonalizedSidekickDataByUserId", "getPersonalizedAutoReplyPrompt"] {
        for module in ["sidekick/personalizedData", "sidekick/personalizedPrompts"] {
            assert!(
                world.functions.registry().find(&format!("{module}:{path}")).is_none(),
                "{path} is internal"
            );
        }
    }
}

#[tokio::test]
async fn suggestions_need_a_model() {
    let world = World::connected().await;
    world.says("900000000000001", "what is the price?").await;
    let path = |name: &str| format!("sidekick/personalizedPrompts:{name}");
    for name in ["suggestToneProfile", "suggestFaqs", "suggestOffers"] {
        assert_eq!(refused(world.act(&path(name), json!({})).await).0, "AI_UNAVAILABLE", "{name}");
    }
    let contact = |id: &str| json!({ "contactId": id });
    for name in ["suggestLeadScore", "suggestContactTags"] {
        assert_eq!(refused(world.act(&path(name), contact("900000000000001")).await).0, "AI_UNAVAILABLE");
        assert_eq!(refused(world.act(&path(name), contact("900000000000009")).await).0, "NOT_FOUND");
    }
    let judged = json!({ "contactId": ANA, "message": "hello" });
    assert_eq!(refused(world.act(&path("suggestMessageSentiment"), judged).await).0, "AI_UNAVAILABLE");
    let blank = json!({ "contactId": ANA, "message": " " });
    assert_eq!(refused(world.act(&path("suggestMessageSentiment"), blank).await).0, "VALIDATION");
}

const ANA: &str = "900000000000001";

#[tokio::test]
async fn tools_see_and_change_contacts_as_their_owner_does() {
    let world = World::connected().await;
    let path = |name: &str| format!("{TOOLS}/contacts:{name}");
    for (no, person) in [ANA, "900000000000002", "900000000000003"].into_iter().enumerate() {
        world.clock.advance(Duration::from_secs(60));
        world.says(person, &format!("hello {no}")).await;
        world.settle().await;
    }
    let ids = |told: &Value| -> Vec<String> {
        let contacts = told["contacts"].as_array().cloned().unwrap_or_default();
        contacts
            .iter()
            .map(|contact| contact["lastMessage"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let all = world.query(&path("listContacts"), json!({})).await.unwrap();
    assert_eq!(ids(&all), ["hello 2", "hello 1", "hello 0"]);
    let two = world.query(&path("listContacts"), json!({ "limit": 2 })).await.unwrap();
    assert_eq!(ids(&two), ["hello 2", "hello 1"]);
    let id = all["contacts"][2]["id"].clone();
    let in_chat = world.caller.clone().in_chat("chat_1".into());
    let fields = json!({
        "contactId": id, "stage": "lead", "leadScore": 90, "leadValue": 0, "nextAction": "call",
        "notes": "Allergic to 100% nuts",
    });
    let done = world.call_as(Some(&in_chat), &path("updateContact"), fields).await.unwrap();
    assert_eq!(done, json!({ "success": true }));
    let contact =
        world.query(&path("getContact"), json!({ "contactId": id })).await.unwrap()["contact"].clone();
    assert_eq!(
        (&contact["stage"], &contact["leadScore"], &contact["leadValue"]),
        (&json!("lead"), &json!(90), &json!(0))
    );
    let noted = newest_audit(&world).await;
    assert_eq!(noted.by, Actor::SidekickTool { chat: Some("chat_1".into()) });
    assert_eq!(noted.target, Target::Contact(id.as_str().unwrap().into()));
    assert!(noted.after.as_ref().unwrap().contains("Allergic"), "{noted:?}");
    let by_score = json!({ "sortBy": "leadScore", "limit": 1 });
    assert_eq!(ids(&world.query(&path("listContacts"), by_score).await.unwrap()), ["hello 0"]);
    let leads = json!({ "stage": "lead", "sortBy": "lastMessageAt" });
    assert_eq!(ids(&world.query(&path("listContacts"), leads).await.unwrap()), ["hello 0"]);
    for (query, found) in [("ALLERGIC to 100%", 1), ("100_", 0), ("hello", 0), ("%", 1)] {
        let told = world.query(&path("searchContacts"), json!({ "query": query })).await.unwrap();
        assert_eq!(ids(&told).len(), found, "{query}");
    }
    assert_eq!(refused(world.query(&path("searchContacts"), json!({ "query": " " })).await).0, "VALIDATION");
    let tag = json!({ "contactId": id, "tag": " VIP " });
    world.mutate(&path("addContactTag"), tag.clone()).await.unwrap();
    assert_eq!(refused(world.mutate(&path("addContactTag"), tag.clone()).await).0, "CONFLICT");
    let tags = world.query(&path("getContactTags"), json!({ "contactId": id })).await.unwrap();
    assert_eq!(tags["tags"], json!([{ "id": "vip", "tag": "vip", "createdAt": null }]));
    world.mutate(&path("removeContactTag"), tag).await.unwrap();
    assert_eq!(newest_audit(&world).await.operation.as_ref(), "removeContactTag");
    let bad = json!({ "contactId": id, "leadScore": 101 });
    assert_eq!(refused(world.mutate(&path("updateContact"), bad).await).0, "VALIDATION");
    let stranger = world.stranger().await;
    for (name, args) in [
        ("getContact", json!({ "contactId": id })),
        ("updateContact", json!({ "contactId": ANA, "notes": "mine" })),
        ("addContactTag", json!({ "contactId": id, "tag": "mine" })),
        ("getContactTags", json!({ "contactId": ANA })),
    ] {
        assert_eq!(refused(world.call_as(Some(&stranger), &path(name), args).await).0, "NOT_FOUND", "{name}");
    }
    world.mutate("contacts:deleteContact", json!({ "contactId": id })).await.unwrap();
    assert!(
        world.user().await.audit.iter().all(|row| row.target != noted.target),
        "it goes with the contact"
    );
}

#[tokio::test]
async fn a_frozen_workspace_refuses_tools_what_it_refuses_its_owner() {
    let world = World::connected().await;
    for no in 0..=50 {
        world.says(&format!("9000000000001{no:02}"), "hello").await;
    }
    world.settle().await;
    world.tell(Command::SetPlan(Plan::Free)).await;
    let person = "900000000000100";
    let edit = json!({ "contactId": person, "notes": "x" });
    let told = world.mutate(&format!("{TOOLS}/contacts:updateContact"), edit).await;
    assert_eq!(refused(told).0, "BILLING_STRUCTURALLY_FROZEN");
    let faq = json!({ "question": "When?" });
    let told = world.mutate(&format!("{TOOLS}/faqs:addFaq"), faq).await.unwrap();
    assert_eq!(told["success"], true, "facts are not frozen");
}
