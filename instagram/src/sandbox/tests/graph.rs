use super::*;

#[tokio::test]
async fn a_dm_is_delivered_signed_and_its_answer_is_echoed() {
    let stage = Stage::set().await;
    let mid = stage.dm("Café ☕ link/price").await;
    let received = stage.product.received(1).await;
    let secret = secrecy::SecretString::from(super::super::APP_SECRET);
    assert_eq!(received[0].signature, crate::signature::sign(&secret, &received[0].body));
    let body = String::from_utf8(received[0].body.to_vec()).unwrap();
    assert!(body.contains(r"Caf\u00e9 \u2615 link\/price"), "{body}");

    let sent = stage.send_to(PERSON, "12 euro").await;
    assert_eq!((sent.status, &sent.body["recipient_id"]), (200, &json!(PERSON)));
    assert!(sent.headers.contains_key("x-app-usage") && sent.headers.contains_key("x-fb-trace-id"));
    assert!(sent.headers.contains_key("x-business-use-case-usage"));
    let items = stage.product.items(2).await;
    assert_eq!(items[0]["message"]["mid"], json!(mid));
    let echo = &items[1]["message"];
    assert_eq!((&echo["is_echo"], &echo["mid"]), (&json!(true), &sent.body["message_id"]));
    assert_eq!(items[1]["recipient"]["id"], PERSON);

    let path = "/me/conversations?platform=instagram&fields=participants,messages.limit(5){id,message,from}";
    let list = stage.get(path).await.body;
    let messages = &list["data"][0]["messages"]["data"];
    assert_eq!(
        (&messages[0]["message"], &messages[1]["message"]),
        (&json!("12 euro"), &json!("Café ☕ link/price"))
    );
    assert_eq!(
        stage.get(&format!("/{BAKERY}/conversations?platform=instagram")).await.body["data"],
        json!([])
    );
    let profile = stage.get(&format!("/{PERSON}?fields=username")).await.body;
    assert_eq!(profile, json!({"id": PERSON, "username": "fict_person_1"}));
    stage.sandbox.shutdown().await;
}

#[tokio::test]
async fn the_window_closes_after_a_day_and_longer_for_humans() {
    let stage = Stage::set().await;
    assert_eq!(stage.send_to(PERSON, "hello?").await.error(), (10, 2_534_022));
    stage.dm("hi").await;
    assert_eq!(stage.send_to(PERSON, "one").await.status, 200);
    stage.advance(24 * 3_600).await;
    let refused = stage.send_to(PERSON, "two").await;
    assert_eq!((refused.status, refused.error()), (403, (10, 2_534_022)));
    let path = format!("/{BAKERY}/messages");
    let human = json!({"recipient": {"id": PERSON}, "message": {"text": "three"}, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"});
    assert_eq!(stage.post(&path, human.clone()).await.status, 200);
    stage.advance(6 * 86_400).await;
    assert_eq!(stage.post(&path, human).await.error(), (10, 2_534_022));
}

#[tokio::test]
async fn a_comment_gets_one_private_reply_within_a_week() {
    let stage = Stage::set().await;
    let comment = stage.comment("4", "LINK please").await;
    let first = stage.private_reply(&comment, "here").await;
    assert_eq!((first.status, &first.body["recipient_id"]), (200, &json!("900000000000004")));
    assert_eq!(stage.private_reply(&comment, "here again").await.error(), (100, 2_534_025));
    // Nothing more until the person answers.
    assert_eq!(stage.send_to("900000000000004", "more").await.error(), (10, 2_534_022));
    let old = stage.comment("5", "me too").await;
    stage.advance(7 * 86_400 + 1).await;
    assert_eq!(stage.private_reply(&old, "late").await.error(), (100, 2_534_025));
    assert_eq!(stage.private_reply("18000000000999999", "what").await.error(), (100, 2_534_025));
    assert_eq!(stage.sent().await.len(), 1);
}

#[tokio::test]
async fn public_replies_and_moderation() {
    let stage = Stage::set().await;
    let comment = stage.comment("4", "LINK please").await;
    let reply = stage.post(&format!("/{comment}/replies"), json!({"message": "check your messages"})).await;
    assert_eq!(reply.status, 200);
    let read = stage.get(&format!("/{comment}?fields=text,replies{{id,text}}")).await.body;
    assert_eq!(read["replies"]["data"][0]["id"], reply.body["id"]);
    let created = stage.post(&format!("/{comment}/replies?fields=id"), json!({"message": "again"})).await;
    assert_eq!(created.error(), (20, 1_772_107));
    assert_eq!(stage.get(&format!("/{comment}/replies")).await.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(stage.post(&format!("/{comment}?hide=true"), json!({})).await.body, json!({"success": true}));
    assert_eq!(stage.post(&format!("/{comment}/replies"), json!({"message": "x"})).await.error().0, 100);
    assert_eq!(stage.call("DELETE", &format!("/{comment}"), None).await.unwrap().status, 200);
    assert_eq!(stage.get(&format!("/{comment}")).await.error(), (100, 33));
}

#[tokio::test]
async fn pages_follow_cursors_to_the_end() {
    let stage = Stage::set().await;
    let mut seen = Vec::new();
    for n in 0..5 {
        stage.comment("4", &format!("comment {n}")).await;
    }
    let mut path = "/18000000000000101/comments?fields=text&limit=2".to_owned();
    loop {
        let page = stage.get(&path).await.body;
        seen.extend(
            page["data"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()),
        );
        let Some(after) = page["paging"]["cursors"]["after"].as_str() else { break };
        path = format!("/18000000000000101/comments?fields=text&limit=2&after={after}");
    }
    assert_eq!(seen, ["comment 4", "comment 3", "comment 2", "comment 1", "comment 0"]);
    assert_eq!(stage.get("/me/media?fields=id,caption").await.body["data"].as_array().unwrap().len(), 5);
    assert_eq!(stage.get("/me/stories").await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_platform_refuses_is_refused() {
    let stage = Stage::set().await;
    stage.dm("hi").await;
    assert_eq!(stage.send_to("900000000000777", "x").await.error(), (100, 2_534_014));
    assert_eq!(stage.send_to("900000000000101", "other account's person").await.error(), (100, 2_534_014));
    assert_eq!(stage.send_to(PERSON, &"a".repeat(1_001)).await.error(), (100, 2_534_015));
    assert_eq!(stage.get("/900000000000002").await.error().0, 230);
    assert_eq!(stage.get("/12345").await.error(), (100, 33));
    assert_eq!(stage.call("DELETE", "/me", None).await.unwrap().error().0, 100);
    assert_eq!(stage.get("/m_sbx_99999").await.error().0, 9_000_001);
    let account = format!("/accounts/{BAKERY}");
    stage.control("PATCH", &account, json!({"messages_access": false})).await;
    assert_eq!(stage.send_to(PERSON, "x").await.error(), (200, 2_534_041));
    stage.control("PATCH", &account, json!({"messages_access": true, "restricted_until": NOW + 1_000})).await;
    assert_eq!(stage.send_to(PERSON, "x").await.error(), (10, 1_893_063));
    stage.control("PATCH", &account, json!({"restricted_until": 0})).await;
    stage.control("PATCH", "/people/1", json!({"blocked": true})).await;
    assert_eq!(stage.send_to(PERSON, "x").await.error(), (551, 1_545_041));
    stage.control("PATCH", "/people/1", json!({"blocked": false})).await;
    let pair = json!({"account": BAKERY, "person": "1", "to": "other"});
    stage.control("POST", "/actions/handover", pair).await;
    assert_eq!(stage.send_to(PERSON, "x").await.error().0, 2_018_300);
    assert!(stage.sent().await.is_empty());
}

#[tokio::test]
async fn connecting_goes_from_consent_to_a_long_lived_token() {
    let mut stage = Stage::set().await;
    let (base, redirect) = (stage.sandbox.base_url(), "http://127.0.0.1:9/callback");
    let consent = |login: &str| {
        let scope = "instagram_business_basic%2Cinstagram_business_manage_messages";
        format!(
            "{base}/ig-www/oauth/authorize?client_id=990000000000001&redirect_uri={}&response_type=code&scope={scope}&state=s%2F1{login}",
            super::super::form::encode(redirect)
        )
    };
    let page = stage.http.get(consent("")).send().await.unwrap();
    assert!(page.headers().contains_key("content-security-policy"));
    assert!(page.text().await.unwrap().contains("Continue as fictional.gym"));
    let denied = stage.http.get(consent("&sandbox_login=deny")).send().await.unwrap();
    assert!(denied.headers()["location"].to_str().unwrap().contains("error=access_denied"));
    let granted = stage.http.get(consent("&sandbox_login=fictional.gym")).send().await.unwrap();
    let location = granted.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.ends_with("&state=s%2F1#_"), "{location}");
    let code = location.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let form = [
        ("client_id", "990000000000001"),
        ("client_secret", "sandbox-app-secret"),
        ("grant_type", "authorization_code"),
        ("redirect_uri", redirect),
        ("code", code),
    ];
    let exchange = || stage.http.post(format!("{base}/ig-api/oauth/access_token")).form(&form).send();
    let short: Value = exchange().await.unwrap().json().await.unwrap();
    assert_eq!(short["user_id"], 26_000_000_000_000_002_u64);
    let again = exchange().await.unwrap();
    assert_eq!(again.status(), 400);
    assert_eq!(again.json::<Value>().await.unwrap()["error_type"], "OAuthException");
    let short = short["access_token"].as_str().unwrap();
    let path = format!(
        "/access_token?grant_type=ig_exchange_token&client_secret=sandbox-app-secret&access_token={short}"
    );
    let long = stage.get(&path).await.body;
    assert_eq!(long["expires_in"], 60 * 86_400);
    stage.token = long["access_token"].as_str().unwrap().to_owned();
    assert!(stage.token.starts_with("IGSBX") && stage.token.len() == 180);
    let me = stage.get("/me?fields=id,user_id,username").await.body;
    assert_eq!(
        me,
        json!({"id": "26000000000000002", "user_id": "17841400000000002", "username": "fictional.gym"})
    );
    // The scope for comments was not granted.
    assert_eq!(stage.get("/18000000000000201/comments").await.error().0, 10);
}

#[tokio::test]
async fn tokens_age_expire_and_are_revoked() {
    let mut stage = Stage::set().await;
    let refresh =
        |token: &str| format!("/refresh_access_token?grant_type=ig_refresh_token&access_token={token}");
    assert_eq!(stage.get(&refresh(&stage.token)).await.error().0, 100);
    let tokens = format!("/tokens/{BAKERY}");
    stage.control("POST", &tokens, json!({"op": "age", "seconds": 86_400})).await;
    let fresh = stage.get(&refresh(&stage.token)).await.body;
    assert_eq!((&fresh["token_type"], &fresh["expires_in"]), (&json!("bearer"), &json!(60 * 86_400)));
    // Both live, until the switch says otherwise; a fresh one is too young again.
    assert_eq!(stage.get("/me").await.status, 200);
    let old = std::mem::replace(&mut stage.token, fresh["access_token"].as_str().unwrap().to_owned());
    assert_eq!(stage.get("/me").await.status, 200);
    assert_eq!(stage.get(&refresh(&stage.token)).await.error().0, 100);
    stage.control("PATCH", "/app", json!({"refresh_ends_old_token": true})).await;
    assert_eq!(stage.get(&refresh(&old)).await.status, 200);
    stage.token = old.clone();
    assert_eq!(stage.get("/me").await.error(), (190, 463));
    assert_eq!(stage.get(&refresh(&old)).await.error(), (190, 463), "an ended token is dead for good");
    // Without the basic permission there is nothing to refresh.
    stage.token = stage.issue(BAKERY).await;
    stage.control("POST", &tokens, json!({"op": "age", "seconds": 86_400})).await;
    let basic = json!({"op": "drop_scope", "scope": "instagram_business_basic"});
    stage.control("POST", &tokens, basic).await;
    assert_eq!(stage.get(&refresh(&stage.token)).await.error().0, 10);
    stage.control("POST", &tokens, json!({"op": "expire"})).await;
    let expired = stage.get("/me").await;
    assert_eq!((expired.status, expired.error()), (401, (190, 463)));
    for (op, subcode) in [("revoke", 458), ("password_changed", 460), ("checkpoint", 459)] {
        stage.token = stage.issue(BAKERY).await;
        stage.control("POST", &tokens, json!({"op": op})).await;
        assert_eq!(stage.get("/me").await.error(), (190, subcode));
    }
    stage.token = "unknown".into();
    assert_eq!(stage.get("/me").await.error(), (190, 0));
}
