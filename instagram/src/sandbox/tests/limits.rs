use super::*;

#[tokio::test]
async fn a_hundred_messages_a_second_and_no_more() {
    let stage = Stage::set().await;
    stage.dm("hi").await;
    for n in 0..100 {
        assert_eq!(stage.send_to(PERSON, &format!("message {n}")).await.status, 200);
    }
    assert_eq!(stage.send_to(PERSON, "too much").await.error(), (613, 2_534_040));
    stage.advance(1).await;
    assert_eq!(stage.send_to(PERSON, "fine again").await.status, 200);
}

#[tokio::test]
async fn private_replies_have_an_hourly_limit_and_show_their_usage() {
    let stage = Stage::set().await;
    for n in 0..750 {
        let comment = stage.comment("4", "link").await;
        assert_eq!(stage.private_reply(&comment, &format!("here {n}")).await.status, 200, "{n}");
    }
    let comment = stage.comment("5", "link").await;
    let refused = stage.private_reply(&comment, "here").await;
    assert_eq!(refused.error(), (613, 2_534_040));
    let usage: Value =
        serde_json::from_slice(refused.headers["x-business-use-case-usage"].as_bytes()).unwrap();
    assert_eq!(usage[BAKERY][0]["call_count"], 100);
    assert_eq!(usage[BAKERY][0]["estimated_time_to_regain_access"], 61);
    stage.advance(3_600).await;
    assert_eq!(stage.private_reply(&comment, "here").await.status, 200);
}

#[tokio::test]
async fn conversations_are_read_twice_a_second() {
    let stage = Stage::set().await;
    let path = "/me/conversations?platform=instagram";
    assert_eq!((stage.get(path).await.status, stage.get(path).await.status), (200, 200));
    assert_eq!(stage.get(path).await.error().0, 80_002);
    stage.advance(1).await;
    assert_eq!(stage.get(path).await.status, 200);
}

#[tokio::test]
async fn forced_usage_is_shown_and_refuses_at_a_hundred() {
    let stage = Stage::set().await;
    stage.control("POST", "/usage", json!({"account": BAKERY, "call_count": 95, "regain_minutes": 0})).await;
    let answer = stage.get("/me").await;
    let usage: Value =
        serde_json::from_slice(answer.headers["x-business-use-case-usage"].as_bytes()).unwrap();
    assert_eq!((answer.status, &usage[BAKERY][0]["call_count"]), (200, &json!(95)));
    stage.control("POST", "/usage", json!({"account": BAKERY, "call_count": 100, "regain_minutes": 7})).await;
    assert_eq!(stage.get("/me").await.error().0, 80_002);
    stage.control("POST", "/usage", json!({"account": BAKERY})).await;
    stage.control("POST", "/usage", json!({"app": true, "call_count": 100})).await;
    assert_eq!(stage.get("/me").await.error().0, 4);
}

#[tokio::test]
async fn ordinary_calls_depend_on_impressions() {
    let stage = Stage::set().await;
    stage.control("PATCH", &format!("/accounts/{BAKERY}"), json!({"impressions": 0})).await;
    assert_eq!(stage.get("/me").await.error().0, 80_002);
}
