use super::*;

const MESSAGES: &str = "^/[^/]+/messages$";

async fn open(effect: Value) -> Stage {
    let stage = Stage::set().await;
    stage.dm("hi").await;
    stage.fault(json!({"match": {"method": "POST", "path": MESSAGES}, "effect": effect})).await;
    stage
}

async fn try_send(stage: &Stage) -> Result<Answered, reqwest::Error> {
    let body = json!({"recipient": {"id": PERSON}, "message": {"text": "hello"}});
    stage.call("POST", &format!("/{BAKERY}/messages"), Some(body)).await
}

#[tokio::test]
async fn a_drop_before_applies_nothing() {
    let stage = open(json!({"kind": "drop_before"})).await;
    assert!(try_send(&stage).await.is_err());
    assert!(stage.sent().await.is_empty());
    assert_eq!(try_send(&stage).await.unwrap().status, 200);
    let calls = stage.control("GET", "/calls?path=/messages", json!({})).await;
    assert_eq!((&calls["data"][0]["status"], &calls["data"][0]["fault"]), (&json!(0), &json!("drop_before")));
}

#[tokio::test]
async fn a_drop_after_has_applied() {
    let stage = open(json!({"kind": "apply_then_drop"})).await;
    assert!(try_send(&stage).await.is_err());
    assert_eq!(stage.sent().await.len(), 1);
    assert!(stage.duplicates().await.is_empty());
    // The naive retry is what the oracle is for.
    try_send(&stage).await.unwrap();
    assert_eq!(stage.duplicates().await[0]["kind"], "same_text");
}

#[tokio::test]
async fn an_error_after_applying_looks_ambiguous() {
    let stage = open(json!({"kind": "apply_then_error", "status": 500})).await;
    let answer = try_send(&stage).await.unwrap();
    assert_eq!((answer.status, answer.error().0), (500, 2));
    assert_eq!(stage.sent().await.len(), 1);
}

#[tokio::test]
async fn an_error_object_has_all_members_and_usage() {
    let stage = open(json!({"kind": "graph_error", "code": 613, "subcode": 2_534_040, "regain_minutes": 3, "retry_after_s": 9})).await;
    let answer = try_send(&stage).await.unwrap();
    assert_eq!((answer.status, answer.error()), (400, (613, 2_534_040)));
    assert_eq!(answer.headers["retry-after"], "9");
    let usage: Value =
        serde_json::from_slice(answer.headers["x-business-use-case-usage"].as_bytes()).unwrap();
    assert_eq!(usage[BAKERY][0]["estimated_time_to_regain_access"], 3);
    assert!(answer.body["error"]["fbtrace_id"].is_string());
    assert!(stage.sent().await.is_empty());
}

#[tokio::test]
async fn other_answers_are_possible() {
    let stage = open(json!({"kind": "http", "status": 502, "body": "<html>"})).await;
    let answer = try_send(&stage).await.unwrap();
    assert_eq!((answer.status, answer.body), (502, json!("<html>")));
    let stage = open(json!({"kind": "truncate", "bytes": 10})).await;
    let answer = try_send(&stage).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str().unwrap().len()), (200, 10));
    let stage = open(json!({"kind": "slow_body", "bytes_per_s": 10_000})).await;
    assert!(try_send(&stage).await.unwrap().body["message_id"].is_string());
    let stage = open(json!({"kind": "shape", "shape": "wrapped"})).await;
    assert!(try_send(&stage).await.unwrap().body["data"][0]["message_id"].is_string());
    let stage = open(json!({"kind": "delay", "ms": 1})).await;
    assert_eq!(try_send(&stage).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_hanging_call_gives_no_answer() {
    let stage = open(json!({"kind": "hang", "seconds": 600, "applied": true})).await;
    let url = format!("{}/ig-graph/{BAKERY}/messages", stage.sandbox.base_url());
    let body = json!({"recipient": {"id": PERSON}, "message": {"text": "hello"}});
    let call = stage.http.post(url).bearer_auth(&stage.token).json(&body).send();
    let applied = stage.control("POST", "/wait", json!({"sent_at_least": 1}));
    let (call, applied) = tokio::join!(
        async {
            tokio::select! {
                answer = call => Some(answer.is_ok()),
                reached = stage.control("POST", "/wait", json!({"calls_at_least": 1, "path": "/messages"})) => {
                    assert_eq!(reached["reached"], true);
                    None
                }
            }
        },
        applied
    );
    assert_eq!((call, &applied["reached"]), (None, &json!(true)));
}

#[tokio::test]
async fn the_oracle_sees_two_messages_of_one_call() {
    let stage = open(json!({"kind": "duplicate_apply"})).await;
    try_send(&stage).await.unwrap();
    assert_eq!((stage.sent().await.len(), stage.duplicates().await.len()), (2, 1));
    stage.fault(json!({"effect": {"kind": "duplicate_apply"}})).await;
    let comment = stage.comment("4", "link").await;
    stage.private_reply(&comment, "here").await;
    let kinds: Vec<Value> = stage.duplicates().await.iter().map(|found| found["kind"].clone()).collect();
    assert_eq!(kinds, ["same_text", "same_text", "private_replies"]);
    let none = stage.control("GET", "/sent?duplicates=1&person=2", json!({})).await;
    assert_eq!(none["data"], json!([]));
}

#[tokio::test]
async fn the_same_text_is_no_duplicate_after_ten_minutes_or_for_another_person() {
    let stage = Stage::set().await;
    stage.dm("hi").await;
    stage.control("POST", "/actions/dm", json!({"account": BAKERY, "person": "2", "text": "hi"})).await;
    stage.send_to(PERSON, "hello").await;
    stage.send_to("900000000000002", "hello").await;
    stage.advance(600).await;
    stage.send_to(PERSON, "hello").await;
    assert!(stage.duplicates().await.is_empty());
    stage.advance(599).await;
    stage.send_to(PERSON, "hello").await;
    assert_eq!(stage.duplicates().await.len(), 1);
}

#[tokio::test]
async fn rules_count_skip_and_times() {
    let stage = Stage::set().await;
    stage.fault(json!({"match": {"path": "^/me$"}, "skip": 1, "times": 2, "effect": {"kind": "http", "status": 503}})).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(stage.get("/me").await.status);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    for preset in [
        "rate-limited",
        "bursty-5xx",
        "flaky-network",
        "token-expired-mid-run",
        "meta-outage-10min",
        "slow-meta",
        "spam-block",
        "window-closed",
        "all-shapes-wrapped",
    ] {
        stage.control("POST", "/faults", json!({"preset": preset})).await;
    }
    stage.control("DELETE", "/faults", json!({})).await;
    stage.control("POST", "/faults", json!({"preset": "meta-outage-10min"})).await;
    assert_eq!(stage.get("/me").await.status, 503);
    stage.advance(600).await;
    assert_eq!(stage.get("/me").await.status, 200);
}
