use super::*;
use crate::sandbox::{ControlError, SandboxError, SandboxState};

#[tokio::test]
async fn only_this_machine_is_served_and_called() {
    let open = Bind::Address("0.0.0.0:0".parse().unwrap());
    let refused = Sandbox::start(SandboxOptions::new(open)).await;
    assert!(matches!(refused, Err(SandboxError::NotLoopback(_))));
    for url in ["https://127.0.0.1/x", "http://example.com/x"] {
        let mut options = SandboxOptions::new(Bind::Address("127.0.0.1:0".parse().unwrap()));
        options.webhook_url = Some(url.parse().unwrap());
        assert!(matches!(Sandbox::start(options).await, Err(SandboxError::WebhookUrl)));
    }
}

#[tokio::test]
async fn a_restart_goes_on_from_the_state_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep").join("sandbox.json");
    let product = Product::start().await;
    let mut first = options(&product).await;
    first.state_file = Some(file.clone());
    let stage = Stage::with(product, first).await;
    stage.dm("remember").await;
    stage.send_to(PERSON, "I do").await;
    let token = stage.token.clone();
    stage.sandbox.shutdown().await;

    let product = Product::start().await;
    let mut second = options(&product).await;
    second.state_file = Some(file);
    second.id_base = 5_000;
    let sandbox = Sandbox::start(second).await.unwrap();
    let stage = Stage { sandbox, product, http: crate::sandbox::running::client().unwrap(), token };
    let list = stage.get("/me/conversations?platform=instagram&fields=messages{message}").await.body;
    assert_eq!(list["data"][0]["messages"]["data"][0]["message"], "I do");
    stage.send_to(PERSON, "I do").await;
    assert_eq!(stage.duplicates().await.len(), 1);
    assert_eq!(stage.dm("new").await, "m_sbx_5002");
}

#[tokio::test]
async fn a_damaged_state_file_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.json");
    std::fs::write(&file, b"{").unwrap();
    let product = Product::start().await;
    let mut damaged = options(&product).await;
    damaged.state_file = Some(file.clone());
    assert!(matches!(Sandbox::start(damaged).await, Err(SandboxError::StateFormat(_))));
    assert_eq!(std::fs::read(&file).unwrap(), b"{");
}

#[tokio::test]
async fn a_reset_gives_the_seed_without_reusing_ids() {
    let stage = Stage::set().await;
    let before = stage.dm("hi").await;
    stage.control("POST", "/reset", json!({"seed": "demo"})).await;
    let state = stage.control("GET", "/state", json!({})).await;
    assert_eq!((&state["threads"], state["accounts"].as_array().unwrap().len()), (&json!([]), 2));
    assert_ne!(stage.dm("hi").await, before);
    stage.control("POST", "/reset", json!({"seed": "empty"})).await;
    assert_eq!(stage.control("GET", "/state", json!({})).await["accounts"], json!([]));
}

#[tokio::test]
async fn bad_requests_are_named() {
    let stage = Stage::set().await;
    let state: &SandboxState = stage.sandbox.state();
    let refuse = |target: &'static str, body: Value| async move {
        state.control("POST", target, body).await.unwrap_err()
    };
    assert_eq!(refuse("/nothing", json!({})).await, ControlError::NotFound("control request"));
    let nobody = json!({"account": BAKERY, "person": "nobody", "text": "x"});
    assert_eq!(refuse("/actions/dm", nobody).await, ControlError::NotFound("person"));
    assert!(matches!(
        refuse("/faults", json!({"match": {"path": "("}, "effect": {"kind": "drop_before"}})).await,
        ControlError::Bad(_)
    ));
    assert!(matches!(refuse("/clock", json!({"advance_s": i64::MAX})).await, ControlError::Bad(_)));
    assert!(matches!(
        state.control("PUT", "/delivery", json!({"batch_max": 0})).await,
        Err(ControlError::Bad(_))
    ));
}

#[tokio::test]
async fn the_owner_can_remove_the_app_and_ask_for_deletion() {
    let stage = Stage::set().await;
    let deleted = stage.control("POST", &format!("/accounts/{BAKERY}/data-deletion"), json!({})).await;
    assert_eq!((&deleted["status"], &deleted["valid"]), (&json!(200), &json!(true)));
    stage.control("POST", &format!("/accounts/{BAKERY}/deauthorize"), json!({})).await;
    let callbacks = stage.product.callbacks();
    assert!(callbacks.len() == 2 && callbacks.iter().all(|form| form.starts_with("signed_request=")));
    assert_eq!(stage.get("/me").await.error(), (190, 458));
}

#[tokio::test]
async fn the_page_escapes_and_its_forms_work() {
    let stage = Stage::set().await;
    let base = stage.sandbox.base_url();
    let form = [("account", BAKERY), ("person", "1"), ("text", "<b>hi</b>")];
    let answer = stage.http.post(format!("{base}/_sandbox/form/dm")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let page = stage.http.get(format!("{base}/_sandbox")).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let page = page.text().await.unwrap();
    assert!(page.contains("&lt;b&gt;hi&lt;/b&gt;") && !page.contains("<b>hi"));
    let foreign = stage.http.post(format!("{base}/_sandbox/reset")).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let over_http = stage.http.get(format!("{base}/_sandbox/sent?duplicates=1")).send().await.unwrap();
    assert_eq!(over_http.json::<Value>().await.unwrap()["data"], json!([]));
    assert_eq!(stage.http.get(format!("{base}/_sandbox/unknown")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn events_of_every_kind_reach_the_product() {
    let stage = Stage::set().await;
    stage.control("PUT", "/delivery", json!({"concurrency": 1})).await;
    let mid = stage.dm("first").await;
    let pair = |more: Value| {
        let mut body = json!({"account": BAKERY, "person": "1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let actions = [
        ("story-reply", pair(json!({"story": "18000000000000106", "text": "wow"})), "message"),
        ("story-mention", pair(json!({})), "message"),
        ("postback", pair(json!({"title": "Prices", "payload": "PRICES"})), "postback"),
        ("reaction", pair(json!({"mid": mid})), "reaction"),
        ("edit", json!({"mid": mid, "text": "second"}), "message_edit"),
        ("unsend", json!({"mid": mid}), "message"),
        ("seen", pair(json!({"mid": mid})), "read"),
        ("referral", pair(json!({"ref": "flyer-7"})), "referral"),
        ("optin", pair(json!({"title": "Offers", "payload": "OFFERS"})), "optin"),
        ("owner-message", pair(json!({"text": "by hand"})), "message"),
        ("handover", pair(json!({"to": "other"})), "pass_thread_control"),
        ("live-comment", pair(json!({"text": "live!"})), "value"),
        ("owner-comment", json!({"media": "18000000000000101", "text": "mine"}), "value"),
        ("mention", json!({"account": BAKERY, "media": "18000000000000101"}), "value"),
        ("story-insights", json!({"account": BAKERY, "media": "18000000000000106"}), "value"),
    ];
    for (n, (action, body, member)) in actions.into_iter().enumerate() {
        stage.control("POST", &format!("/actions/{action}"), body).await;
        let items = stage.product.items(n + 2).await;
        assert!(items[n + 1].get(member).is_some(), "{action}: {}", items[n + 1]);
    }
}
