//! What an owner's account consists of, as clients see it: onboarding, settings, plan and connection.

use super::world::{ACCOUNT, World};
use greenroom_actors::{
    automation::AutomationId,
    user::{Command, plan::Plan},
};
use serde_json::{Value, json};
use std::time::Duration;

fn answers() -> Value {
    json!({
        "name": "  Cafe\u{301} Ada ",
        "gender": "non-binary",
        "use_case": ["lead_management", "other"],
        "other_use_case": "weddings",
        "leads_per_month": "10-50",
        "active_platforms": ["instagram"],
        "business_type": "other",
        "pilot_goal": ["see_exactly_where_i'm_losing_sales"],
        "current_tracking": ["spreadsheets"],
    })
}

/// Code and names of wrong fields of a refusal in the style with `success`.
fn refused(outcome: Result<Value, Value>) -> (String, Vec<String>) {
    let told = outcome.unwrap();
    assert_eq!(told["success"], false, "{told}");
    let fields = told["fields"].as_array().cloned().unwrap_or_default();
    let fields = fields.iter().map(|field| field["field"].as_str().unwrap_or_default().to_owned());
    (told["code"].as_str().unwrap_or_default().to_owned(), fields.collect())
}

#[tokio::test]
async fn onboarding_saves_screen_by_screen_and_ends_when_all_is_there() {
    let world = World::signed_up().await;
    let (code, fields) = refused(world.mutate("onboarding:completeOnboarding", json!({})).await);
    assert_eq!(code, "VALIDATION");
    let required = [
        "use_case",
        "leads_per_month",
        "active_platforms",
        "business_type",
        "pilot_goal",
        "current_tracking",
    ];
    assert_eq!(fields, required);
    let saved = world.mutate("onboarding:updateOnboardingStep", answers()).await.unwrap();
    assert_eq!(saved, json!({ "success": true }));
    let cleared = json!({ "other_use_case": null, "gender": "" });
    world.mutate("onboarding:updateOnboardingStep", cleared).await.unwrap();
    world.mutate("onboarding:completeOnboarding", json!({})).await.unwrap();
    let status = world.query("onboarding:checkOnboardingStatus", json!({})).await.unwrap();
    assert_eq!(status, json!({ "success": true, "onboarding_complete": true }));
    let told = world.query("onboarding:getUserData", json!({})).await.unwrap();
    let data = &told["userData"];
    assert_eq!(data["name"], "Café Ada");
    assert_eq!((&data["gender"], &data["other_use_case"]), (&Value::Null, &Value::Null));
    assert_eq!(data["use_case"], json!(["lead_management", "other"]));
    assert_eq!(world.user().await.name.as_deref(), Some("Café Ada"), "the workspace speaks in that name");
}

#[tokio::test]
async fn onboarding_takes_nothing_that_its_screens_do_not_offer() {
    let world = World::signed_up().await;
    let wrong = [
        (json!({ "use_case": ["spam"] }), "use_case"),
        (json!({ "gender": "Male" }), "gender"),
        (json!({ "leads_per_month": "1000000" }), "leads_per_month"),
        (json!({ "other_platform": "x".repeat(501) }), "other_platform"),
        (json!({ "other_platform": "a\u{0}b" }), "other_platform"),
        (json!({ "name": "" }), "name"),
    ];
    for (step, field) in wrong {
        let (code, fields) = refused(world.mutate("onboarding:updateOnboardingStep", step.clone()).await);
        assert_eq!((code.as_str(), fields), ("VALIDATION", vec![field.to_owned()]), "{step}");
    }
    for step in [
        json!({ "email": "eve@bakery.example" }),
        json!({ "onboarding_complete": true }),
        json!({ "main_offering": "x" }),
        json!({ "name": ["a"] }),
    ] {
        assert_eq!(refused(world.mutate("onboarding:updateOnboardingStep", step).await).0, "VALIDATION");
    }
    let data = world.query("onboarding:getUserData", json!({})).await.unwrap();
    assert_eq!(data["userData"]["name"], "Fictional Bakery");
}

#[tokio::test]
async fn a_day_has_five_previews_and_without_a_model_none_is_written() {
    let world = World::signed_up().await;
    let path = "onboarding:prepareInstagramPreview";
    assert_eq!(refused(world.act(path, json!({})).await).0, "NOT_CONNECTED");
    let world = World::connected().await;
    let state = world.act("onboarding:getInstagramOnboardingState", json!({})).await.unwrap();
    assert_eq!(state, json!({ "success": true, "connected": true, "username": "fictional.bakery" }));
    for _ in 0..5 {
        assert_eq!(refused(world.act(path, json!({})).await).0, "AI_UNAVAILABLE");
        world.clock.advance(Duration::from_secs(3_600));
    }
    let sixth = world.act(path, json!({})).await.unwrap();
    assert_eq!((&sixth["code"], &sixth["retryAfter"]), (&json!("RATE_LIMITED"), &json!(19 * 3_600)));
    world.clock.advance(Duration::from_secs(19 * 3_600));
    assert_eq!(refused(world.act(path, json!({})).await).0, "AI_UNAVAILABLE");
}

#[tokio::test]
async fn settings_are_the_owners_own_and_signed_out_there_are_none() {
    let world = World::signed_up().await;
    let update = json!({ "name": "Ada", "gender": "female" });
    world.mutate("settings:updateUserSettings", update).await.unwrap();
    let told = world.query("settings:getUserSettings", json!({})).await.unwrap();
    let expected = json!({
        "id": "owner", "name": "Ada", "email": "owner@bakery.example", "gender": "female", "image": null,
    });
    assert_eq!(told, expected);
    world.mutate("settings:updateUserSettings", json!({ "name": "Ada" })).await.unwrap();
    let told = world.query("settings:getUserSettings", json!({})).await.unwrap();
    assert_eq!(told["gender"], Value::Null, "without one it is cleared");
    for wrong in [
        json!({ "name": " " }),
        json!({ "name": "a".repeat(101) }),
        json!({ "name": "Ada", "gender": "Female" }),
        json!({ "name": "Ada", "email": "eve@bakery.example" }),
    ] {
        assert_eq!(refused(world.mutate("settings:updateUserSettings", wrong).await).0, "VALIDATION");
    }
    let stranger = world.stranger().await;
    let told = world.call_as(Some(&stranger), "settings:getUserSettings", json!({})).await.unwrap();
    assert_eq!((&told["id"], &told["name"]), (&json!("stranger"), &json!("Fictional Bakery")));
    assert_eq!(world.call_as(None, "settings:getUserSettings", json!({})).await.unwrap(), Value::Null);
}

async fn automate(world: &World, id: &str) {
    let input = serde_json::from_value(json!({
        "title": id, "triggerWord": id, "responseType": "fixed", "responseContent": "Hi",
    }));
    let id = AutomationId::from(id);
    world.tell(Command::CreateAutomation { id, input: input.unwrap(), inactive: false }).await;
}

#[tokio::test]
async fn the_billing_status_says_what_may_be_done_and_what_would_end_a_freeze() {
    let world = World::connected().await;
    let path = "billing:getCurrentBillingStatusAction";
    world.tell(Command::SetPlan(Plan::Starter)).await;
    for id in ["one", "two", "three"] {
        automate(&world, id).await;
    }
    world.says("900", "one").await;
    world.pass(Duration::from_secs(60)).await;
    let told = world.query(path, json!({})).await.unwrap();
    assert_eq!((&told["planId"], &told["limits"]["maxContactsTotal"]), (&json!("starter"), &json!(2000)));
    assert_eq!(
        told["usage"],
        json!({
            "contactsTotal": 1, "newContactsThisMonth": 1, "automationsTotal": 3, "sidekickSendsThisMonth": 1,
            "sidekickChatPromptsThisMonth": 0,
        })
    );
    assert_eq!(
        told["flags"],
        json!({
            "isStructurallyFrozen": false, "canCreateContact": true, "canMutateContacts": true,
            "canCreateAutomation": false, "canMutateAutomations": true, "canUseSidekickChat": true,
            "canSendSidekickReply": true,
        })
    );
    assert_eq!(told["freeze"], Value::Null);
    world.tell(Command::SetPlan(Plan::Free)).await;
    let told = world.query(path, json!({})).await.unwrap();
    let freeze = json!({ "contactsToRemove": 0, "automationsToSwitchOff": 2, "sufficientPlanId": "starter" });
    assert_eq!(told["freeze"], freeze);
    let flags = told["flags"].as_object().unwrap();
    assert!(flags.iter().all(|(name, on)| on.as_bool() == Some(name == "isStructurallyFrozen")), "{flags:?}");
    let history = world.query("billing:getUsageHistory", json!({})).await.unwrap();
    assert_eq!((&history[0]["newContacts"], &history[0]["sidekickSends"]), (&json!(1), &json!(1)));
    assert_eq!(world.call_as(None, path, json!({})).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn the_connection_is_told_from_what_is_stored() {
    let world = World::connected().await;
    let path = "instagram:getInstagramIntegration";
    let told = world.act(path, json!({})).await.unwrap();
    assert_eq!(told, json!({ "connected": true, "username": "fictional.bakery", "id": ACCOUNT }));
    world.tell(Command::RevokeInstagram).await;
    let told = world.act(path, json!({})).await.unwrap();
    assert_eq!(told["connected"], false);
    assert!(told["error"].is_string(), "{told}");
    let told = world.call_as(None, path, json!({})).await.unwrap();
    assert_eq!(told, json!({ "connected": false }));
}

#[tokio::test]
async fn the_interval_of_syncs_is_taken_into_bounds_and_outlives_a_disconnection() {
    let world = World::connected().await;
    let get = "instagramSyncConfig:getInstagramSyncConfig";
    let set = "instagram-sync-config:updateInstagramSyncInterval";
    let told = world.query(get, json!({})).await.unwrap();
    assert_eq!(told, json!({ "connected": true, "intervalHours": 24, "lastSyncedAt": null }));
    for (hours, stored) in [(1.0, 5), (7.9, 7), (1e9, 24), (-3.0, 5), (12.0, 12)] {
        let told = world.mutate(set, json!({ "hours": hours })).await.unwrap();
        assert_eq!(told, json!({ "success": true, "intervalHours": stored }), "{hours}");
    }
    assert_eq!(refused(world.mutate(set, json!({ "hours": "12" })).await).0, "VALIDATION");
    for _ in 0..2 {
        let done = world.mutate("instagram:disconnectInstagram", json!({})).await.unwrap();
        assert_eq!(done, json!({ "success": true }), "also when there is nothing to disconnect");
    }
    assert_eq!(world.query(get, json!({})).await.unwrap(), json!({ "connected": false }));
    assert_eq!(refused(world.mutate(set, json!({ "hours": 6 })).await).0, "NOT_CONNECTED");
    assert_eq!(world.user().await.contact_sync.interval_hours, 12);
}
