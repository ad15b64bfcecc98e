//! `automations`, as clients see it.

use super::world::World;
use serde_json::json;

#[tokio::test]
async fn an_automation_is_made_once_seen_by_its_owner_and_by_nobody_else() {
    let world = World::connected().await;
    let new = json!({ "title": "Prices", "triggerWord": "price", "responseType": "fixed", "responseContent": "12 euro" });
    let made = world.mutate_once(1, "automations:createAutomation", new.clone()).await.unwrap();
    let again = world.mutate_once(1, "automations:createAutomation", new.clone()).await.unwrap();
    assert_eq!(made, again);
    assert_eq!(world.query("automations:getAutomations", json!({})).await.unwrap(), json!([made]));
    let twice = world.mutate_once(2, "automations:createAutomation", new).await.unwrap_err();
    assert_eq!(twice["code"], "CONFLICT");
    world.says("900000000000001", "what is the price?").await;
    assert_eq!(world.sent().await, ["12 euro"]);
    let stranger = world.stranger().await;
    let seen = world.call_as(Some(&stranger), "automations:getAutomation", json!({ "id": made["id"] })).await;
    assert_eq!(seen.unwrap(), json!(null));
    let anonymous = world.call_as(None, "automations:getAutomations", json!({})).await.unwrap_err();
    assert_eq!(anonymous["code"], "UNAUTHENTICATED");
}
