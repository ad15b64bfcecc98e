//! Bytes of any kind to the product's webhook endpoint.

use super::{Answer, Refused, read};
use crate::sandbox::{
    SandboxState, delivery, sign,
    world::app::{APP_SECRET, META_SECRET},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    body_base64: Option<String>,
    /// A text is sent as it is, anything else as escaped JSON.
    body: Option<Value>,
    #[serde(default = "valid")]
    signature: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn valid() -> String {
    "valid".into()
}

fn sign_as(headers: &mut HeaderMap, how: &str, bytes: &[u8]) -> Result<(), Refused> {
    let signature = match how {
        "valid" => sign::webhook(APP_SECRET, bytes),
        "alt" => sign::webhook(META_SECRET, bytes),
        "wrong" => sign::webhook(delivery::Secret::Wrong.key(), bytes),
        "missing" => return Ok(()),
        "sha1" => {
            // The legacy header alone; its value is never looked at.
            headers.insert(
                "x-hub-signature",
                HeaderValue::from_static("sha1=0000000000000000000000000000000000000000"),
            );
            return Ok(());
        }
        literal => literal.to_owned(),
    };
    let value =
        HeaderValue::from_str(&signature).map_err(|_| Refused::bad("the signature is no header value"))?;
    headers.insert(sign::HEADER, value);
    Ok(())
}

async fn send(state: &SandboxState, headers: HeaderMap, bytes: Vec<u8>) -> Answer {
    let (url, timeout) = state.peek(|world| (world.delivery.url.clone(), world.delivery.timeout_ms));
    let url = url.ok_or(Refused::Conflict("no webhook address is set"))?;
    let outcome = delivery::post_raw(state, &url, headers, bytes, Duration::from_millis(timeout)).await;
    Ok(json!({"status": outcome.status, "body": String::from_utf8_lossy(&outcome.body)}))
}

/// Sends and returns the product's answer.
pub(super) async fn post(state: &SandboxState, body: Value) -> Answer {
    let raw: Raw = read(body)?;
    let bytes = match (raw.body_base64, raw.body) {
        (Some(text), None) => STANDARD.decode(text).map_err(|_| Refused::bad("body_base64 is not base64"))?,
        (None, Some(Value::String(text))) => text.into_bytes(),
        (None, Some(value)) => delivery::escape(&value),
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => return Err(Refused::bad("either body or body_base64")),
    };
    let mut headers = delivery::json_headers();
    sign_as(&mut headers, &raw.signature, &bytes)?;
    for (name, value) in &raw.headers {
        let header = name.parse::<HeaderName>().ok().zip(value.parse::<HeaderValue>().ok());
        let (name, value) = header.ok_or_else(|| Refused::bad("a header is malformed"))?;
        headers.insert(name, value);
    }
    send(state, headers, bytes).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DashboardTest {
    field: String,
}

/// What the "Test" button of the app's dashboard sends.
pub(super) async fn dashboard_test(state: &SandboxState, body: Value) -> Answer {
    let DashboardTest { field } = read(body)?;
    let value = match field.as_str() {
        "messages" => json!({"sender": {"id": "12334"}, "recipient": {"id": "23245"},
            "timestamp": "1527459824", "message": {"mid": "random_mid", "text": "random_text"}}),
        "comments" => json!({"from": {"id": "232323232", "username": "test"},
            "media": {"id": "123123123", "media_product_type": "FEED"}, "id": "17865799348089039",
            "parent_id": "1231231234", "text": "This is an example."}),
        _ => return Err(Refused::NotFound("field with a dashboard test")),
    };
    let now = state.peek(crate::sandbox::world::World::now_seconds);
    let bytes = delivery::escape(&json!({"object": "instagram",
        "entry": [{"id": "0", "time": now, "changes": [{"field": field, "value": value}]}]}));
    let mut headers = delivery::json_headers();
    sign_as(&mut headers, "valid", &bytes)?;
    send(state, headers, bytes).await
}
