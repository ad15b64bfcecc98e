//! The platform of a test, and the workspaces that are provisioned against it.

use crate::server::Server;
use greenroom_instagram::sandbox::{APP_SECRET, Bind, RunningSandbox, Sandbox, SandboxOptions, SandboxState};
use greenroom_instagram::signature;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;

/// A webhook without an answer by then counts as not answered; the platform waits about as long.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// A call of the operator.
const OPERATOR_TIMEOUT: Duration = Duration::from_secs(30);

/// The platform, and clients of the server under test.
pub(crate) struct World {
    running: RunningSandbox,
    http: reqwest::Client,
}

/// A workspace with its account.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) workspace: String,
    pub(crate) account: String,
    pub(crate) post: String,
}

/// A person as one account sees it.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) igsid: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let options = SandboxOptions {
            // What is under test is not the platform's limits; refusals would only hide sends.
            enforce_rate_limits: false,
            ..SandboxOptions::new(Bind::Address("127.0.0.1:0".parse().unwrap()))
        };
        let running = Sandbox::start(options).await.unwrap();
        let http = greenroom_instagram::plain::client_builder().unwrap().build().unwrap();
        let world = Self { running, http };
        world.put("delivery", json!({
            "batch_max": 20, "batch_ms": 15, "duplicates": 1, "duplicate_delay_ms": 250, "reorder": 0.2,
            "retry": [0, 1], "retry_every": 1, "disable_after_s": 86_400, "give_up_after_s": 86_400,
            "echo_delay_ms": 20,
        })).await;
        // Half of the sends take a while, so that kills find them under way.
        for ms in [40, 150] {
            world
                .post(
                    "faults",
                    json!({
                        "name": "slow", "times": -1, "probability": 0.3,
                        "match": {"method": "POST", "path": "/(messages|replies)$"},
                        "effect": {"kind": "delay", "ms": ms},
                    }),
                )
                .await;
        }
        world
    }

    pub(crate) fn sandbox_url(&self) -> String {
        self.running.base_url()
    }

    fn state(&self) -> &SandboxState {
        self.running.state()
    }

    pub(crate) async fn get(&self, target: &str) -> Value {
        self.control("GET", target, json!({})).await
    }

    pub(crate) async fn post(&self, target: &str, body: Value) -> Value {
        self.control("POST", target, body).await
    }

    pub(crate) async fn put(&self, target: &str, body: Value) -> Value {
        self.control("PUT", target, body).await
    }

    async fn control(&self, method: &str, target: &str, body: Value) -> Value {
        let answer = self.state().control(method, &format!("/{target}"), body).await;
        answer.unwrap_or_else(|refused| panic!("the sandbox refuses {method} {target}: {refused}"))
    }

    /// An account with a post that the platform knows and nobody is connected to.
    pub(crate) async fn account(&self, name: &str) -> Tenant {
        let made = self.post("accounts", json!({"username": name})).await;
        let account = text(&made["id"]);
        let post = self.post("media", json!({"account": account, "caption": "Comment LINK"})).await;
        Tenant { workspace: name.to_owned(), account, post: text(&post["id"]) }
    }

    /// A person who has written to the account. Before the account is connected nobody is told of it, and from then on
    /// the person can be answered.
    pub(crate) async fn person(&self, tenant: &Tenant) -> Person {
        let id = text(&self.post("people", json!({})).await["id"]);
        let wrote = self.dm(tenant, &id, "hello").await;
        Person { id, igsid: text(&wrote["igsid"]) }
    }

    /// The person writes; the platform tells the server by itself.
    pub(crate) async fn dm(&self, tenant: &Tenant, person: &str, words: &str) -> Value {
        self.post("actions/dm", json!({"account": tenant.account, "person": person, "text": words})).await
    }

    /// A stranger comments; the platform tells the server by itself. Comment and person.
    pub(crate) async fn comment(&self, tenant: &Tenant, words: &str) -> String {
        let person = text(&self.post("people", json!({})).await["id"]);
        let body = json!({"account": tenant.account, "media": tenant.post, "person": person, "text": words});
        text(&self.post("actions/comment", body).await["comment_id"])
    }

    /// Connects a workspace to its account and gives it a plan, settings and automations, as an operator does.
    pub(crate) async fn provision(&self, server: &Server, token: &str, tenant: &Tenant) {
        let issued = self.post(&format!("tokens/{}", tenant.account), json!({"op": "issue"})).await;
        let connection = json!({"access_token": issued["access_token"], "lifetime": "1400h"});
        self.set(server, token, tenant, "instagram", connection).await;
        self.automate(server, token, tenant).await;
    }

    /// Plan, settings and automations of a workspace.
    pub(crate) async fn automate(&self, server: &Server, token: &str, tenant: &Tenant) {
        self.set(server, token, tenant, "plan", json!({"plan": "enterprise"})).await;
        self.set(server, token, tenant, "settings", json!({"reply_delay": "0s"})).await;
        let automations = [
            (
                "price",
                json!({
                    "title": "Prices", "triggerWord": "price", "responseType": "fixed",
                    "responseContent": "The class is $49.",
                }),
            ),
            (
                "link",
                json!({
                    "title": "Link", "triggerWord": "link", "triggerScope": "comment", "postId": tenant.post,
                    "responseType": "fixed", "responseContent": "Here it is: https://shop.example/recipe",
                    "commentReplyText": "Sent you a message!",
                }),
            ),
        ];
        for (id, input) in automations {
            let url = self.operator_url(server, tenant, &["automations"]) + "?id=" + id;
            self.operator(reqwest::Method::POST, &url, token, Some(input)).await.unwrap();
        }
    }

    async fn set(&self, server: &Server, token: &str, tenant: &Tenant, what: &str, body: Value) {
        let url = self.operator_url(server, tenant, &[what]);
        self.operator(reqwest::Method::PUT, &url, token, Some(body)).await.unwrap();
    }

    fn operator_url(&self, server: &Server, tenant: &Tenant, path: &[&str]) -> String {
        format!("{}/api/admin/workspaces/{}/{}", server.base, tenant.workspace, path.join("/"))
    }

    async fn operator(
        &self,
        method: reqwest::Method,
        url: &str,
        token: &str,
        body: Option<Value>,
    ) -> Option<Value> {
        let mut request = self.http.request(method, url).bearer_auth(token).timeout(OPERATOR_TIMEOUT);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, words) = (answer.status(), answer.text().await.unwrap());
        if status == reqwest::StatusCode::NOT_FOUND {
            return None;
        }
        assert!(status.is_success(), "{url}: {status} {words}");
        Some(serde_json::from_str(&words).unwrap())
    }

    /// The decision on a message or comment, when there is one.
    pub(crate) async fn explain(
        &self,
        server: &Server,
        token: &str,
        tenant: &Tenant,
        id: &str,
    ) -> Option<Value> {
        let url = self.operator_url(server, tenant, &["explain", id]);
        Some(self.operator(reqwest::Method::GET, &url, token, None).await?["record"].take())
    }

    /// The outbox of a workspace as its operator sees it.
    pub(crate) async fn outbox(&self, server: &Server, token: &str, tenant: &Tenant) -> Value {
        let url = self.operator_url(server, tenant, &["outbox"]) + "?limit=10000";
        self.operator(reqwest::Method::GET, &url, token, None).await.unwrap()
    }

    /// Position of the journal.
    pub(crate) async fn position(&self, server: &Server) -> u64 {
        let url = format!("{}/health/ready", server.base);
        let answer = self.http.get(url).timeout(OPERATOR_TIMEOUT).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()["position"].as_u64().unwrap()
    }

    /// Posts a signed webhook to the server's address; the status, or nothing when there was no answer.
    pub(crate) async fn webhook(&self, base: &str, body: &str) -> Option<u16> {
        let signature = signature::sign(&SecretString::from(APP_SECRET), body.as_bytes());
        let request = self
            .http
            .post(format!("{base}/api/webhooks/instagram"))
            .header(signature::SIGNATURE_HEADER, signature)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .timeout(WEBHOOK_TIMEOUT)
            .body(body.to_owned());
        Some(request.send().await.ok()?.status().as_u16())
    }

    /// Waits until the platform has delivered everything, and fails when it cannot.
    pub(crate) async fn deliveries_idle(&self, within: Duration) {
        let wait = json!({"deliveries_idle": true, "quiet_ms": 0, "timeout_s": within.as_secs()});
        let reached = self.post("wait", wait).await["reached"].as_bool().unwrap();
        assert!(reached, "the platform still has undelivered webhooks after {within:?}");
        let lost = self.get("deliveries?limit=0").await["lost"].as_u64();
        assert_eq!(lost, Some(0), "the platform itself lost updates");
    }

    /// What an account sent, oldest first.
    pub(crate) async fn sent(&self, tenant: &Tenant) -> Vec<Value> {
        let answer = self.get(&format!("sent?account={}", tenant.account)).await;
        answer["data"].as_array().unwrap().clone()
    }

    /// Pairs of sends of which the second should not exist.
    pub(crate) async fn duplicates(&self) -> Vec<Value> {
        let answer = self.get("sent?duplicates=1").await;
        let listed = answer["data"].as_array().unwrap();
        assert_eq!(answer["duplicates_total"], listed.len(), "the platform does not list all of them");
        listed.clone()
    }

    /// The account writes to a person by the platform's API, as the product does.
    pub(crate) async fn send_as(&self, tenant: &Tenant, person: &Person, words: &str) {
        let issued = self.post(&format!("tokens/{}", tenant.account), json!({"op": "issue"})).await;
        let account = format!("{}/ig-graph/v25.0/{}", self.sandbox_url(), tenant.account);
        let message = json!({"recipient": {"id": person.igsid}, "message": {"text": words}});
        let calls = [("subscribed_apps?subscribed_fields=messages", json!({})), ("messages", message)];
        for (path, body) in calls {
            let request = self.http.post(format!("{account}/{path}")).json(&body).timeout(OPERATOR_TIMEOUT);
            let answer = request.bearer_auth(text(&issued["access_token"])).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        }
    }
}

/// A member that is a text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
