//! What becomes of content: of what cannot be understood, of its neighbours, and of what belongs to somebody else.

use super::*;

#[tokio::test]
async fn what_is_no_delivery_at_all_is_200_and_quarantined_with_its_reason() {
    let world = World::bakery().await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let bodies: [(&[u8], &str); 7] = [
        (b"", "body is not json"),
        (b"not json", "body is not json"),
        (b"{\"object\":\"instagram\",", "body is not json"),
        (b"\xff\xfe\x00", "body is not json"),
        (b"42", "body is neither an object nor a list"),
        (b"\"instagram\"", "body is neither an object nor a list"),
        (b"null", "body is neither an object nor a list"),
    ];
    for (number, (body, reason)) in bodies.into_iter().enumerate() {
        assert_eq!(world.deliver(body).await, 200);
        let reasons = quarantine_reasons(&world).await;
        assert_eq!(reasons.len(), number + 1, "{}", String::from_utf8_lossy(body));
        assert_eq!(reasons.last().unwrap(), reason, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(world.deliver(deep).await, 200);
    world.close().await;
}

#[tokio::test]
async fn lists_and_other_objects_are_200_and_do_nothing() {
    let world = World::bakery().await;
    let page = json!({"object": "page", "entry": [{"id": BAKERY.account, "messaging": [item(BAKERY.account, ANA, "m_page", "price", world.now())]}]});
    for body in [
        json!([]),
        json!({}),
        json!([[]]),
        page,
        json!({"object": "instagram"}),
        json!({"object": "instagram", "entry": []}),
    ] {
        assert_eq!(world.deliver(body.to_string()).await, 200, "{body}");
    }
    assert!(world.decision_if_any(BAKERY, "m_page").await.is_none());
    let listed = json!([message(BAKERY.account, ANA, "m_listed", "hello", world.now())]);
    assert_eq!(world.deliver(listed.to_string()).await, 200);
    assert!(world.decision_if_any(BAKERY, "m_listed").await.is_some(), "the list form is understood");
    world.close().await;
}

#[tokio::test]
async fn a_bad_item_is_quarantined_and_its_neighbours_are_served() {
    let world = World::bakery().await;
    let (account, at) = (BAKERY.account, world.now().as_millis());
    let frame = format!(r#""sender":{{"id":"{ANA}"}},"recipient":{{"id":"{account}"}}"#);
    let bad: [(&str, String); 8] = [
        ("not an object", "17".to_owned()),
        ("neither mid nor content", format!(r#"{{{frame},"timestamp":{at},"message":{{}}}}"#)),
        (
            "mid of a wrong type",
            format!(r#"{{{frame},"timestamp":{at},"message":{{"mid":{{}},"text":"x"}}}}"#),
        ),
        ("no sender", format!(r#"{{"timestamp":{at},"message":{{"mid":"m_bad","text":"x"}}}}"#)),
        (
            "sender that would change a path",
            format!(
                r#"{{"sender":{{"id":"../me"}},"recipient":{{"id":"{account}"}},"timestamp":{at},"message":{{"mid":"m_bad","text":"x"}}}}"#
            ),
        ),
        (
            "sender with a fraction",
            format!(
                r#"{{"sender":{{"id":9.5}},"recipient":{{"id":"{account}"}},"timestamp":{at},"message":{{"mid":"m_bad","text":"x"}}}}"#
            ),
        ),
        (
            "deep nesting",
            format!(
                r#"{{{frame},"timestamp":{at},"message":{{"mid":"m_bad","x":{}1{}}}}}"#,
                "[".repeat(500),
                "]".repeat(500)
            ),
        ),
        (
            "another account inside",
            format!(
                r#"{{"sender":{{"id":"{ANA}"}},"recipient":{{"id":"17841400000000099"}},"timestamp":{at},"message":{{"mid":"m_bad","text":"x"}}}}"#
            ),
        ),
    ];
    for (number, (name, bad)) in bad.iter().enumerate() {
        let good = |side: &str| item(account, ANA, &format!("m_good_{number}_{side}"), "hello", world.now());
        let body = format!(
            r#"{{"object":"instagram","entry":[{{"id":"{account}","time":{at},"messaging":[{},{bad},{}]}}]}}"#,
            good("before"),
            good("after")
        );
        assert_eq!(world.deliver(body).await, 200, "{name}");
        for side in ["before", "after"] {
            let mid = format!("m_good_{number}_{side}");
            assert!(world.decision_if_any(BAKERY, &mid).await.is_some(), "{name}: {side} is lost");
        }
        let intake = intake(&world).await;
        assert_eq!(intake.quarantine.iter().count(), number + 1, "{name} is not quarantined");
        assert_eq!(intake.quarantine.iter().last().unwrap().item.account(), Some(account), "{name}");
        assert!(world.decision_if_any(BAKERY, "m_bad").await.is_none(), "{name} acted");
    }
    world.close().await;
}

#[tokio::test]
async fn a_message_without_an_id_is_decided_on_once_and_explained_by_its_key() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let (account, at) = (BAKERY.account, world.now().as_millis());
    let body = format!(
        r#"{{"object":"instagram","entry":[{{"id":"{account}","time":{at},"messaging":[{{"sender":{{"id":"{ANA}"}},"recipient":{{"id":"{account}"}},"timestamp":{at},"message":{{"text":"price"}}}}]}}]}}"#
    );
    for _ in 0..2 {
        assert_eq!(world.deliver(body.clone()).await, 200);
    }
    world.drain(Duration::from_secs(3_600)).await;
    let hash = "683b531f41ec88a2f345b727afe59757b73162a340a65c86bba62866f8fe556c";
    let key = format!("bakery:message:{ANA}:{at}:{hash}");
    let decision = world.decision(BAKERY, &key).await;
    assert!(decision.automation.is_some() && decision.mid.is_none(), "{decision:?}");
    // The sandbox does not know of the message and refuses the reply: what counts here is that there was one.
    assert_eq!(world.state(BAKERY).await.outbox.iter().count(), 1);
    assert!(intake(&world).await.quarantine.iter().next().is_none());
    world.close().await;
}

#[tokio::test]
async fn odd_but_readable_items_are_served_and_spoil_nothing() {
    let world = World::bakery().await;
    let account = BAKERY.account;
    let at = world.now().as_millis();
    let frame = format!(r#""sender":{{"id":"{ANA}"}},"recipient":{{"id":"{account}"}}"#);
    let odd: [(&str, String); 5] = [
        (
            "a lone surrogate",
            format!(r#"{{{frame},"timestamp":{at},"message":{{"mid":"m_odd_0","text":"cut \ud83d here"}}}}"#),
        ),
        (
            "a number out of range",
            format!(r#"{{{frame},"timestamp":1e400,"message":{{"mid":"m_odd_1","text":"x"}}}}"#),
        ),
        (
            "a member twice",
            format!(
                r#"{{{frame},"timestamp":{at},"message":{{"mid":"m_odd_2","text":"first","text":"second"}}}}"#
            ),
        ),
        (
            "a number as sender",
            format!(
                r#"{{"sender":{{"id":{ANA}}},"recipient":{{"id":{account}}},"timestamp":"{at}","message":{{"mid":"m_odd_3","text":"x"}}}}"#
            ),
        ),
        (
            "an unknown field",
            format!(
                r#"{{{frame},"timestamp":{at},"novelty":{{"x":1}},"message":{{"mid":"m_odd_4","text":"x","new":[]}}}}"#
            ),
        ),
    ];
    for (number, (name, odd)) in odd.iter().enumerate() {
        let neighbour = format!("m_beside_{number}");
        let body = format!(
            r#"{{"object":"instagram","entry":[{{"id":"{account}","time":{at},"messaging":[{odd},{}]}}]}}"#,
            item(account, ANA, &neighbour, "hello", world.now())
        );
        assert_eq!(world.deliver(body).await, 200, "{name}");
        assert!(world.decision_if_any(BAKERY, &neighbour).await.is_some(), "{name} spoils its neighbour");
        let served = world.decision_if_any(BAKERY, &format!("m_odd_{number}")).await.is_some();
        let quarantined = !quarantine_reasons(&world).await.is_empty();
        assert!(served || quarantined, "{name} vanished");
    }
    world.close().await;
}

#[tokio::test]
async fn the_dashboards_test_is_counted_and_makes_no_contact() {
    let world = World::bakery().await;
    for field in ["messages", "comments"] {
        let answer = world.post("actions/dashboard-test", json!({"field": field})).await;
        assert_eq!(answer["status"], 200);
    }
    let preview = json!({"field": "messages", "value": {"sender": {"id": "12334"}, "message": {"mid": "m", "text": "t"}}});
    assert_eq!(world.deliver(preview.to_string()).await, 200);
    assert_eq!(intake(&world).await.tests, 3);
    assert!(quarantine_reasons(&world).await.is_empty());
    assert!(world.state(BAKERY).await.contacts.is_empty());
    assert!(world.sent(BAKERY).await.is_empty());
    world.close().await;
}

#[tokio::test]
async fn what_belongs_to_an_unknown_account_is_kept_and_its_neighbours_are_served() {
    let world = World::bakery().await;
    let now = world.now();
    let stranger = "17841400000000077";
    let body = json!({"object": "instagram", "entry": [
        {"id": stranger, "time": now.as_millis(), "messaging": [item(stranger, ANA, "m_lost", "hello", now)]},
        {"id": BAKERY.account, "time": now.as_millis(), "messaging": [item(BAKERY.account, ANA, "m_found", "hello", now)]},
    ]});
    assert_eq!(world.deliver(body.to_string()).await, 200);
    let intake = intake(&world).await;
    let kept: Vec<_> = intake.unrouted.iter().collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].item.account(), stranger);
    let whole = String::from_utf8_lossy(kept[0].item.whole().unwrap()).into_owned();
    assert!(whole.contains("m_lost"), "{whole}");
    assert!(world.decision_if_any(BAKERY, "m_found").await.is_some());
    assert!(world.decision_if_any(BAKERY, "m_lost").await.is_none());
    world.close().await;
}

#[tokio::test]
async fn what_was_cut_before_its_account_was_connected_is_in_the_quarantine() {
    let world = World::bakery().await;
    let now = world.now();
    let long = "x".repeat(greenroom_actors::intake::UNROUTED_ITEM_BYTES_MAX);
    let whole = "x".repeat(greenroom_actors::intake::KEPT_BYTES_MAX);
    for (mid, text) in [("m_long", &*long), ("m_whole", &*whole), ("m_short", "hello")] {
        let body = message(GYM.account, ANA, mid, text, now);
        assert_eq!(world.deliver(body.to_string()).await, 200);
    }
    world.connect(GYM).await;
    let served = tokio::join!(greenroom::unrouted::serve(&world.app), greenroom::unrouted::serve(&world.app));
    assert!(served.0.unwrap() + served.1.unwrap() >= 3);
    for mid in ["m_whole", "m_short"] {
        assert!(world.decision_if_any(GYM, mid).await.is_some(), "{mid}");
    }
    assert_eq!(intake(&world).await.unrouted.iter().count(), 0);
    let reasons = quarantine_reasons(&world).await;
    assert!(matches!(&reasons[..], [only] if only.contains("too long to be kept whole")), "{reasons:?}");
    world.close().await;
}

#[tokio::test]
async fn an_item_that_names_another_tenants_account_acts_for_nobody() {
    let world = World::both().await;
    world.rule(BAKERY, "price", "49 at the bakery").await;
    world.rule(GYM, "price", "99 at the gym").await;
    let now = world.now();
    let smuggled = json!({"object": "instagram", "entry": [{"id": BAKERY.account, "time": now.as_millis(),
        "messaging": [item(GYM.account, ANA, "m_smuggled", "price", now)]}]});
    assert_eq!(world.deliver(smuggled.to_string()).await, 200);
    world.drain(Duration::from_secs(60)).await;
    assert_eq!(quarantine_reasons(&world).await, ["item belongs to another account than its entry"]);
    for tenant in [BAKERY, GYM] {
        assert!(world.sent(tenant).await.is_empty());
        assert!(world.decision_if_any(tenant, "m_smuggled").await.is_none());
        assert!(world.state(tenant).await.contacts.is_empty());
    }
    world.close().await;
}

#[tokio::test]
async fn an_account_is_found_by_either_of_its_ids_and_the_event_counts_once() {
    let world = World::bakery().await;
    world.rule(BAKERY, "price", "It is 49.").await;
    let person =
        world.post("actions/dm", json!({"account": BAKERY.account, "person": "1", "text": "hello"})).await;
    let igsid = person["igsid"].as_str().unwrap();
    world.settle().await;
    let now = world.now();
    for account in [BAKERY.account, BAKERY.app_scoped] {
        let body = message(account, igsid, "m_either", "price", now);
        assert_eq!(world.deliver(body.to_string()).await, 200);
    }
    world.drain(Duration::from_secs(60)).await;
    assert_eq!(world.sent_texts(BAKERY).await, ["It is 49."]);
    world.close().await;
}
