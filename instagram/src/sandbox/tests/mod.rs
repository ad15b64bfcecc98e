//! The sandbox over real sockets.

mod control;
mod deliveries;
mod faults;
mod graph;
mod limits;
mod product;

use super::{Bind, ClockSource, RunningSandbox, Sandbox, SandboxOptions};
use product::Product;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// 2026-01-01T00:00:00Z; the outside clock of tests stands still.
const NOW: i64 = 1_767_225_600_000;
const BAKERY: &str = "17841400000000001";
const PERSON: &str = "900000000000001";

/// A sandbox, a product that takes its webhooks, and a token of the bakery.
struct Stage {
    sandbox: RunningSandbox,
    product: Product,
    http: reqwest::Client,
    token: String,
}

struct Answered {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answered {
    /// Code and subcode of the error.
    fn error(&self) -> (i64, i64) {
        let error = &self.body["error"];
        (error["code"].as_i64().unwrap_or(0), error["error_subcode"].as_i64().unwrap_or(0))
    }
}

async fn options(product: &Product) -> SandboxOptions {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    SandboxOptions {
        webhook_url: Some(product.url().parse().unwrap()),
        clock: ClockSource::new(|| NOW),
        echo_delay: std::time::Duration::ZERO,
        ..SandboxOptions::new(Bind::Listener(listener))
    }
}

impl Stage {
    async fn set() -> Self {
        let product = Product::start().await;
        let options = options(&product).await;
        Self::with(product, options).await
    }

    /// The bakery is connected and subscribed.
    async fn with(product: Product, options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let http = super::running::client().unwrap();
        let mut stage = Self { sandbox, product, http, token: String::new() };
        stage.token = stage.issue(BAKERY).await;
        let path = format!("/{BAKERY}/subscribed_apps?subscribed_fields=messages,comments");
        assert_eq!(stage.post(&path, json!({})).await.body, json!({"success": true}));
        stage
    }

    async fn issue(&self, account: &str) -> String {
        let issued = self.control("POST", &format!("/tokens/{account}"), json!({"op": "issue"})).await;
        issued["access_token"].as_str().unwrap().to_owned()
    }

    async fn control(&self, method: &str, target: &str, body: Value) -> Value {
        self.sandbox.state().control(method, target, body).await.unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Answered, reqwest::Error> {
        let url = format!("{}/ig-graph/v25.0{path}", self.sandbox.base_url());
        let mut request = self.http.request(method.parse().unwrap(), url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answered { status, headers, body })
    }

    async fn get(&self, path: &str) -> Answered {
        self.call("GET", path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Answered {
        self.call("POST", path, Some(body)).await.unwrap()
    }

    async fn send_to(&self, person: &str, text: &str) -> Answered {
        let body = json!({"recipient": {"id": person}, "message": {"text": text}});
        self.post(&format!("/{BAKERY}/messages"), body).await
    }

    async fn private_reply(&self, comment: &str, text: &str) -> Answered {
        let body = json!({"recipient": {"comment_id": comment}, "message": {"text": text}});
        self.post(&format!("/{BAKERY}/messages"), body).await
    }

    /// Person 1 writes to the bakery.
    async fn dm(&self, text: &str) -> String {
        let body = json!({"account": BAKERY, "person": "1", "text": text});
        self.control("POST", "/actions/dm", body).await["mid"].as_str().unwrap().to_owned()
    }

    async fn comment(&self, person: &str, text: &str) -> String {
        let body = json!({"media": "18000000000000101", "person": person, "text": text});
        self.control("POST", "/actions/comment", body).await["comment_id"].as_str().unwrap().to_owned()
    }

    async fn advance(&self, seconds: i64) {
        self.control("POST", "/clock", json!({"advance_s": seconds})).await;
    }

    /// Nothing is pending any more.
    async fn settle(&self) {
        let wait = json!({"deliveries_idle": true, "quiet_ms": 0, "timeout_s": 20});
        assert_eq!(self.control("POST", "/wait", wait).await, json!({"reached": true}));
    }

    async fn fault(&self, rule: Value) {
        self.control("POST", "/faults", rule).await;
    }

    async fn sent(&self) -> Vec<Value> {
        self.control("GET", "/sent", json!({})).await["data"].as_array().unwrap().clone()
    }

    async fn duplicates(&self) -> Vec<Value> {
        self.control("GET", "/sent?duplicates=1", json!({})).await["data"].as_array().unwrap().clone()
    }
}
