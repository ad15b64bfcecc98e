use super::*;

async fn set(stage: &Stage, settings: Value) {
    stage.control("PUT", "/delivery", settings).await;
}

#[tokio::test]
async fn a_failed_delivery_is_retried() {
    let stage = Stage::set().await;
    set(&stage, json!({"retry": [0, 0, 0]})).await;
    stage.product.answer_next(&[500, 503]);
    stage.dm("hi").await;
    let received = stage.product.received(3).await;
    assert_eq!(received[0].body, received[2].body);
    stage.settle().await;
    let list = stage.control("GET", "/deliveries", json!({})).await;
    assert_eq!((&list["data"][0]["attempts"], &list["data"][0]["fate"]), (&json!(3), &json!("delivered")));
}

#[tokio::test]
async fn an_account_whose_deliveries_keep_failing_is_unsubscribed() {
    let stage = Stage::set().await;
    set(&stage, json!({"retry": [0], "disable_after_s": 0})).await;
    stage.product.answer_next(&[500, 500]);
    stage.dm("hi").await;
    stage.product.received(1).await;
    stage.settle().await;
    assert_eq!(stage.get(&format!("/{BAKERY}/subscribed_apps")).await.body, json!({"data": []}));
    stage.dm("unheard").await;
    stage.settle().await;
    assert_eq!(stage.product.received_now(), 1);
    assert_eq!(stage.send_to(PERSON, "x").await.error(), (10, 2_534_022));
}

#[tokio::test]
async fn held_updates_are_released_shuffled_in_batches() {
    let stage = Stage::set().await;
    stage.control("POST", "/deliveries/hold", json!({})).await;
    let mut mids = Vec::new();
    for n in 0..40 {
        mids.push(stage.dm(&format!("message {n}")).await);
    }
    stage.settle().await;
    assert_eq!(stage.product.received_now(), 0);
    let released =
        stage.control("POST", "/deliveries/release", json!({"order": "shuffle", "batch": 15})).await;
    assert_eq!(released["released"], 40);
    let items = stage.product.items(3).await;
    let mut seen: Vec<String> =
        items.iter().map(|item| item["message"]["mid"].as_str().unwrap().to_owned()).collect();
    assert_ne!(seen, mids);
    seen.sort();
    mids.sort();
    assert_eq!(seen, mids);
}

#[tokio::test]
async fn updates_are_batched_and_doubled() {
    let stage = Stage::set().await;
    set(&stage, json!({"batch_max": 100, "batch_ms": 60_000, "duplicates": 1, "duplicate_delay_ms": 0}))
        .await;
    for n in 0..50 {
        stage.dm(&format!("message {n}")).await;
    }
    let items = stage.product.items(1).await;
    assert_eq!((items.len(), stage.product.received_now()), (100, 1));
}

#[tokio::test]
async fn reordered_updates_all_arrive() {
    let stage = Stage::set().await;
    set(&stage, json!({"reorder": 0.5, "concurrency": 1})).await;
    let mut mids = Vec::new();
    for n in 0..30 {
        mids.push(stage.dm(&format!("message {n}")).await);
    }
    let items = stage.product.items(30).await;
    let mut seen: Vec<String> =
        items.iter().map(|item| item["message"]["mid"].as_str().unwrap().to_owned()).collect();
    seen.sort();
    mids.sort();
    assert_eq!(seen, mids);
}

#[tokio::test]
async fn forms_and_companions_can_be_chosen() {
    let stage = Stage::set().await;
    set(&stage, json!({"companion_edit": "instead"})).await;
    let mid = stage.dm("hi").await;
    let items = stage.product.items(1).await;
    assert_eq!(items[0]["message_edit"], json!({"mid": mid, "num_edit": 0}));
    set(&stage, json!({"companion_edit": "none", "form": {"messages": "changes", "comments": "entry", "top": "array"}, "escape": false, "numeric_ids": true})).await;
    stage.dm("é").await;
    let body = stage.product.received(2).await[1].body.clone();
    assert!(String::from_utf8_lossy(&body).contains('é'));
    let body: Value = serde_json::from_slice(&body).unwrap();
    let change = &body[0]["entry"][0]["changes"][0];
    assert_eq!(
        (&change["field"], &change["value"]["sender"]["id"]),
        (&json!("messages"), &json!(900_000_000_000_001_u64))
    );
    stage.comment("4", "link").await;
    let body: Value = serde_json::from_slice(&stage.product.received(3).await[2].body).unwrap();
    assert_eq!(
        (&body[0]["entry"][0]["field"], &body[0]["entry"][0]["value"]["text"]),
        (&json!("comments"), &json!("link"))
    );
}

#[tokio::test]
async fn an_echo_can_come_before_the_answer() {
    let stage = Stage::set().await;
    set(&stage, json!({"echo_before_answer": true})).await;
    stage.dm("hi").await;
    stage.settle().await;
    stage.send_to(PERSON, "hello").await;
    assert_eq!(stage.product.received_now(), 2);
}

#[tokio::test]
async fn an_old_delivery_can_be_repeated_at_once() {
    let stage = Stage::set().await;
    stage.dm("hi").await;
    stage.settle().await;
    let list = stage.control("GET", "/deliveries", json!({})).await;
    let target = format!("/deliveries/{}/redeliver", list["data"][0]["id"]);
    let repeated = stage.control("POST", &target, json!({"times": 3, "concurrent": true})).await;
    assert_eq!(repeated["statuses"], json!([200, 200, 200]));
    assert_eq!(stage.product.received_now(), 4);
}

#[tokio::test]
async fn a_burst_of_comments_arrives_whole() {
    let stage = Stage::set().await;
    let burst = json!({"account": BAKERY, "media": "18000000000000101", "people": 300, "text": "link"});
    stage.control("POST", "/actions/burst", burst).await;
    stage.settle().await;
    let items = stage.product.items(300).await;
    let people: std::collections::BTreeSet<&str> =
        items.iter().map(|item| item["value"]["from"]["id"].as_str().unwrap()).collect();
    assert_eq!((items.len(), people.len()), (300, 300));
}

#[tokio::test]
async fn raw_bytes_are_signed_as_asked() {
    let stage = Stage::set().await;
    for signature in ["valid", "alt", "wrong", "missing", "sha1", "sha256=zz"] {
        let answer =
            stage.control("POST", "/actions/raw", json!({"body": "{}", "signature": signature})).await;
        assert_eq!(answer["status"], 200);
    }
    let received = stage.product.received(6).await;
    let signature = |secret: &str| crate::signature::sign(&secrecy::SecretString::from(secret), b"{}");
    assert_eq!(received[0].signature, signature("sandbox-app-secret"));
    assert_eq!(received[1].signature, signature("sandbox-meta-secret"));
    assert!(
        ![signature("sandbox-app-secret"), signature("sandbox-meta-secret")].contains(&received[2].signature)
    );
    assert_eq!((received[3].signature.as_str(), received[4].signature.as_str()), ("", ""));
    assert_eq!(received[5].signature, "sha256=zz");
    stage.control("POST", "/actions/dashboard-test", json!({"field": "messages"})).await;
    let body: Value = serde_json::from_slice(&stage.product.received(7).await[6].body).unwrap();
    assert_eq!(body["entry"][0]["id"], "0");
}
