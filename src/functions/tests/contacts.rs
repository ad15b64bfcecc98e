//! `contacts`, as clients see it.

use super::world::World;
use crate::{
    exports::ContactExport,
    functions::{Registry, SignedOut, documents::args_schema},
    sync::Kind,
};
use greenroom_actors::user::{Command, plan::Plan};
use serde_json::{Value, json};
use std::time::Duration;

const ANA: &str = "900000000000001";
const BEN: &str = "900000000000002";

async fn contacts(world: &World, args: Value) -> Vec<Value> {
    let found = world.query("contacts:fetchContacts", args).await.unwrap();
    found.as_array().unwrap().clone()
}

fn names(contacts: &[Value]) -> Vec<&str> {
    contacts.iter().map(|contact| contact["lastMessage"].as_str().unwrap()).collect()
}

async fn id_of(world: &World, person: &str) -> String {
    world.user().await.contact(person).unwrap().id.to_string()
}

#[tokio::test]
async fn a_contact_is_shown_with_zeros_and_texts_and_changed_by_name() {
    let world = World::connected().await;
    world.says(ANA, "hello").await;
    let id = id_of(&world, ANA).await;
    let done = json!({ "success": true });
    for (name, args) in [
        ("updateContactStage", json!({ "contactId": id, "stage": "follow-up" })),
        ("updateContactSentiment", json!({ "contactId": id, "sentiment": "hot" })),
        ("updateContactNotes", json!({ "contactId": id, "notes": "likes <cake>" })),
        ("updateContact", json!({ "contactId": id, "leadScore": 0, "leadValue": 0, "nextAction": "call" })),
        ("addContactTagAction", json!({ "contactId": id, "tag": " VIP " })),
        (
            "updateContactHRNState",
            json!({ "contactId": id, "requiresHumanResponse": true, "reason": "mine" }),
        ),
        ("updateContactFollowUpStatus", json!({ "contactId": id, "followupNeeded": true })),
    ] {
        assert_eq!(world.mutate(&format!("contacts:{name}"), args).await.unwrap(), done, "{name}");
    }
    let shown = &world.query("contacts:getContact", json!({ "contactId": ANA })).await.unwrap()["contact"];
    for (field, value) in [
        ("id", json!(id)),
        ("name", json!("Unknown")),
        ("lastMessage", json!("hello")),
        ("stage", json!("follow-up")),
        ("sentiment", json!("hot")),
        ("notes", json!("likes <cake>")),
        ("leadScore", json!(0.0)),
        ("leadValue", json!(0.0)),
        ("nextAction", json!("call")),
        ("tags", json!(["vip"])),
        ("requiresHumanResponse", json!(true)),
        ("hrnReason", json!("mine")),
        ("hrnSignals", json!([])),
        ("stageSource", json!("user")),
        ("followupNeeded", json!(true)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    assert!(shown.get("displayName").is_none() && shown["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(world.query("contacts:fetchHRNContacts", json!({})).await.unwrap()[0]["id"], json!(id));
    assert_eq!(world.query("contacts:fetchFollowUpContacts", json!({})).await.unwrap()[0]["id"], json!(id));
    let tags = world.query("contacts:getUserTagsAction", json!({})).await.unwrap();
    assert_eq!(tags, json!({ "success": true, "tags": ["vip"] }));
    let of =
        world.query("contacts:fetchContactTagsForContacts", json!({ "contactIds": [id, "nobody"] })).await;
    assert_eq!(of.unwrap(), json!({ id: ["vip"] }));
    let again = world.mutate("contacts:addContactTagAction", json!({ "contactId": ANA, "tag": "vip" })).await;
    let again = again.unwrap();
    assert_eq!((&again["success"], &again["code"]), (&json!(false), &json!("CONFLICT")));
    let cleared = json!({ "contactId": ANA, "leadScore": null });
    world.mutate("contacts:updateContact", cleared).await.unwrap();
    assert!(contacts(&world, json!({})).await[0].get("leadScore").is_none());
}

#[tokio::test]
async fn wrong_values_say_where() {
    let world = World::connected().await;
    world.says(ANA, "hello").await;
    for (name, args, field) in [
        ("updateContact", json!({ "contactId": ANA, "leadScore": 101 }), "leadScore"),
        ("updateContact", json!({ "contactId": ANA, "leadValue": -1 }), "leadValue"),
        ("updateContactNotes", json!({ "contactId": ANA, "notes": "x".repeat(10_001) }), "notes"),
        ("addContactTagAction", json!({ "contactId": ANA, "tag": "x".repeat(25) }), "tag"),
        ("addContactTagAction", json!({ "contactId": "x".repeat(129), "tag": "x" }), "contactId"),
        ("bulkUpdateContacts", json!({ "op": { "type": "delete" } }), "ids"),
        ("replyToContact", json!({ "contactId": ANA, "text": " " }), "text"),
        ("replyToContact", json!({ "contactId": ANA, "text": "x".repeat(1_001) }), "text"),
    ] {
        let refused = world.mutate(&format!("contacts:{name}"), args).await.unwrap();
        let told = (&refused["success"], &refused["code"], &refused["fields"][0]["field"]);
        assert_eq!(told, (&json!(false), &json!("VALIDATION"), &json!(field)), "{name}: {refused}");
    }
    let unknown = json!({ "contactId": ANA, "stage": "lost" });
    let refused = world.mutate("contacts:updateContactStage", unknown).await.unwrap();
    assert_eq!(refused["code"], "VALIDATION");
    let extra = json!({ "contactId": ANA, "stage": "new", "userId": "stranger" });
    assert_eq!(world.mutate("contacts:updateContactStage", extra).await.unwrap()["code"], "VALIDATION");
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_counted_by_the_server() {
    let world = World::connected().await;
    for (person, text) in [("71", "apple cake"), ("72", "Banana"), ("73", "cherry CAKE")] {
        world.says(person, text).await;
        world.pass(Duration::from_secs(60)).await;
    }
    for (person, score) in [("71", 10), ("72", 90), ("73", 50)] {
        let args = json!({ "contactId": person, "leadScore": score });
        world.mutate("contacts:updateContact", args).await.unwrap();
    }
    let cake =
        contacts(&world, json!({ "filter": { "search": "CAKE" }, "sort": "leadScore", "order": "desc" }))
            .await;
    assert_eq!(names(&cake), ["cherry CAKE", "apple cake"]);
    let newest = contacts(&world, json!({ "sort": "lastMessage", "order": "desc", "limit": 2 })).await;
    assert_eq!(names(&newest), ["cherry CAKE", "Banana"]);
    let high = contacts(&world, json!({ "filter": { "scoreMin": 50 }, "sort": "leadScore" })).await;
    assert_eq!(names(&high), ["cherry CAKE", "Banana"]);
    let bulk = json!({ "filter": { "scoreMin": 50 }, "op": { "type": "stage", "stage": "lead" } });
    let done = world.mutate("contacts:bulkUpdateContacts", bulk).await.unwrap();
    assert_eq!(done, json!({ "success": true, "done": 2.0, "unchanged": 0.0, "queued": 0.0 }));
    let facets = world.query("contacts:contactFacets", json!({})).await.unwrap();
    assert_eq!((&facets["stages"], &facets["total"]), (&json!({ "lead": 2.0, "new": 1.0 }), &json!(3.0)));
    let bulk = json!({ "ids": ["71", "72"], "op": { "type": "delete" } });
    world.mutate("contacts:bulkUpdateContacts", bulk).await.unwrap();
    assert_eq!(names(&contacts(&world, json!({})).await), ["cherry CAKE"]);
}

#[tokio::test]
async fn pollers_learn_of_changes() {
    let world = World::connected().await;
    let asked = |since: &str| json!({ "sinceIso": since });
    let path = "contacts:hasContactsUpdatedSince";
    assert_eq!(world.query("contacts:getContactsLastUpdatedAt", json!({})).await.unwrap(), json!(null));
    world.says(ANA, "hello").await;
    let at = world.query("contacts:getContactsLastUpdatedAt", json!({})).await.unwrap();
    let at = at.as_str().unwrap().to_owned();
    assert_eq!(world.query(path, asked(&at)).await.unwrap(), json!({ "updated": false }));
    assert_eq!(world.query(path, asked("nonsense")).await.unwrap(), json!({ "updated": false }));
    world.pass(Duration::from_secs(5)).await;
    world.mutate("contacts:deleteContact", json!({ "contactId": ANA })).await.unwrap();
    assert_eq!(world.query(path, asked(&at)).await.unwrap(), json!({ "updated": true }));
}

#[tokio::test]
async fn a_message_by_hand_is_sent_once_however_often_the_request_comes() {
    let world = World::connected().await;
    world.says(ANA, "hello").await;
    world
        .mutate("contacts:updateContactFollowUpStatus", json!({ "contactId": ANA, "followupNeeded": true }))
        .await
        .unwrap();
    let args = json!({ "contactId": ANA, "text": "Hi Ana" });
    let first = world.mutate_once(1, "contacts:sendFollowUp", args.clone()).await.unwrap();
    let again = world.mutate_once(1, "contacts:sendFollowUp", args.clone()).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(world.sent().await, ["Hi Ana"]);
    world.mutate_once(2, "contacts:replyToContact", args.clone()).await.unwrap();
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.sent().await, ["Hi Ana", "Hi Ana"]);
    let ana = world.user().await.contact(ANA).unwrap().clone();
    assert!(!ana.followup_needed && ana.thread.messages.len() == 3);
    world.pass(Duration::from_secs(8 * 86_400)).await;
    let late = world.mutate_once(3, "contacts:replyToContact", args.clone()).await.unwrap();
    assert_eq!(late["code"], "CONFLICT");
    world.tell(Command::DisconnectInstagram).await;
    let apart = world.mutate_once(4, "contacts:replyToContact", args).await.unwrap();
    assert_eq!(apart["code"], "NOT_CONNECTED");
}

#[tokio::test]
async fn what_needs_other_services_says_which_are_missing() {
    let world = World::connected().await;
    world.says(ANA, "hello").await;
    let drafted = world.act("contacts:generateFollowUpMessage", json!({ "contactId": ANA })).await.unwrap();
    assert_eq!((&drafted["success"], &drafted["code"]), (&json!(false), &json!("AI_UNAVAILABLE")));
    let unknown = world.act("contacts:generateFollowUpMessage", json!({ "contactId": BEN })).await.unwrap();
    assert_eq!(unknown["code"], "NOT_FOUND");
    let synced = world.act("contacts:syncInstagramContacts", json!({ "fullSync": true })).await.unwrap();
    assert_eq!(synced["code"], "UPSTREAM");
    world.tell(Command::DisconnectInstagram).await;
    let synced = world.act("contacts:syncInstagramContacts", json!({})).await.unwrap();
    assert_eq!(synced["code"], "NOT_CONNECTED");
}

#[tokio::test]
async fn a_frozen_workspace_reads_exports_deletes_and_clears_locks() {
    let world = World::connected().await;
    for person in 0..51 {
        world.says(&format!("70{person}"), "hello").await;
    }
    world.tell(Command::SetPlan(Plan::Free)).await;
    let gated =
        world.mutate("contacts:updateContactStage", json!({ "contactId": "700", "stage": "lead" })).await;
    let gated = gated.unwrap();
    assert_eq!(gated["code"], "BILLING_STRUCTURALLY_FROZEN");
    assert!(gated["error"].as_str().unwrap().contains("1 contacts"), "{gated}");
    assert_eq!(contacts(&world, json!({})).await.len(), 51);
    let link = world.act("contacts:exportContacts", json!({ "format": "csv" })).await.unwrap();
    assert_eq!(link["rows"], json!(51.0));
    let hrn = json!({ "contactId": "700", "requiresHumanResponse": false });
    assert_eq!(world.mutate("contacts:updateContactHRNState", hrn).await.unwrap()["success"], true);
    let gone = world.mutate("contacts:deleteContact", json!({ "contactId": "700" })).await.unwrap();
    assert_eq!(gone["success"], true);
    let after =
        world.mutate("contacts:updateContactStage", json!({ "contactId": "701", "stage": "lead" })).await;
    assert_eq!(after.unwrap()["success"], true);
}

#[tokio::test]
async fn an_export_is_had_at_its_address_for_minutes_and_is_the_callers() {
    let world = World::connected().await;
    world.says(ANA, "=HYPERLINK(1)").await;
    world.says(BEN, "hello").await;
    let asked = json!({ "format": "csv", "filter": { "search": "hyper" } });
    let link = world.act("contacts:exportContacts", asked).await.unwrap();
    assert_eq!((&link["rows"], &link["fileName"]), (&json!(1.0), &json!("contacts-2026-01-09.csv")));
    let token = link["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080/api/exports/").unwrap();
    let export = ContactExport::open(token, &world.app.keyring, world.now()).unwrap();
    assert_eq!(export.user_id, "owner");
    let file = String::from_utf8(export.file(&*world.user().await).unwrap()).unwrap();
    assert_eq!(file.lines().count(), 2);
    assert!(file.contains("'=HYPERLINK(1)") && !file.contains("hello"), "{file}");
    world.clock.advance(Duration::from_secs(301));
    assert!(ContactExport::open(token, &world.app.keyring, world.now()).is_none());
}

#[tokio::test]
async fn contacts_of_others_are_as_if_there_were_none() {
    let world = World::connected().await;
    world.says(ANA, "hello").await;
    let id = id_of(&world, ANA).await;
    let stranger = world.stranger().await;
    let page = json!({ "numItems": 10, "cursor": null });
    let calls = [
        ("getContact", json!({ "contactId": id })),
        ("getConversation", json!({ "contactId": id, "paginationOpts": page })),
        ("getContactTagsAction", json!({ "contactId": id })),
        ("updateContact", json!({ "contactId": id, "leadScore": 1 })),
        ("updateContactStage", json!({ "contactId": id, "stage": "lead" })),
        ("updateContactSentiment", json!({ "contactId": id, "sentiment": "hot" })),
        ("updateContactNotes", json!({ "contactId": id, "notes": "x" })),
        ("updateContactHRNState", json!({ "contactId": id, "requiresHumanResponse": true })),
        ("updateContactFollowUpStatus", json!({ "contactId": id, "followupNeeded": true })),
        ("updateContactAfterFollowUp", json!({ "contactId": id })),
        ("addContactTagAction", json!({ "contactId": id, "tag": "x" })),
        ("removeContactTagAction", json!({ "contactId": id, "tag": "x" })),
        ("replyToContact", json!({ "contactId": id, "text": "x" })),
        ("sendFollowUp", json!({ "contactId": id, "text": "x" })),
        ("generateFollowUpMessage", json!({ "contactId": id })),
        ("deleteContact", json!({ "contactId": id })),
    ];
    for (name, args) in &calls {
        let path = format!("contacts:{name}");
        for whose in [id.as_str(), ANA] {
            let mut args = args.clone();
            args["contactId"] = json!(whose);
            let told = match world.call_as(Some(&stranger), &path, args).await {
                Ok(told) | Err(told) => told,
            };
            assert_eq!(told["code"], "NOT_FOUND", "{name}: {told}");
        }
    }
    // Whatever names a contact is in the list above.
    for function in Registry::product().iter().filter(|function| function.module == "contacts") {
        let is_one = args_schema(function)["properties"].get("contactId").is_some();
        assert_eq!(is_one, calls.iter().any(|(name, _)| *name == function.name), "{}", function.name);
    }
    assert_eq!(contacts(&world, json!({})).await[0]["notes"], json!(null));
}

#[tokio::test]
async fn nobody_signed_in_gets_nothing() {
    let world = World::connected().await;
    for function in Registry::product().iter().filter(|function| function.module == "contacts") {
        let told = world.call_as(None, &function.path(), json!({})).await;
        match (function.kind, function.signed_out) {
            (Kind::Query, SignedOut::Gets(json)) => {
                assert_eq!(told.unwrap(), serde_json::from_str::<Value>(json).unwrap());
            }
            _ => {
                let (Ok(told) | Err(told)) = told;
                assert_eq!(told["code"], "UNAUTHENTICATED", "{}", function.path());
            }
        }
    }
}
