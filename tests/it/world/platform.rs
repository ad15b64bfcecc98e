//! What a test asks of the sandbox: what people do, what they saw, and what goes wrong.

use super::*;

impl World {
    /// A control request to the sandbox.
    pub(crate) async fn post(&self, target: &str, body: Value) -> Value {
        self.control("POST", target, body).await
    }

    /// A setting of the sandbox.
    pub(crate) async fn put(&self, target: &str, body: Value) -> Value {
        self.control("PUT", target, body).await
    }

    /// A look at the sandbox.
    pub(crate) async fn get(&self, target: &str) -> Value {
        self.control("GET", target, json!({})).await
    }

    /// Any control request.
    pub(crate) async fn control(&self, method: &str, target: &str, body: Value) -> Value {
        let answer = self.sandbox.control(method, target, body).await;
        answer.unwrap_or_else(|refused| panic!("the sandbox refuses {method} {target}: {refused}"))
    }

    /// A person writes to an account; the id of the message.
    pub(crate) async fn dm(&self, tenant: Tenant, person: u64, text: &str) -> String {
        let body = json!({"account": tenant.account, "person": person.to_string(), "text": text});
        self.post("actions/dm", body).await["mid"].as_str().unwrap().to_owned()
    }

    /// A person writes to an account; the key of the event.
    pub(crate) async fn dm_key(&self, tenant: Tenant, person: u64, text: &str) -> String {
        let body = json!({"account": tenant.account, "person": person.to_string(), "text": text});
        let said = self.post("actions/dm", body).await;
        let id = |name: &str| said[name].as_str().unwrap().to_owned();
        format!("{}:message:{}:{}", tenant.workspace, id("igsid"), id("mid"))
    }

    /// A person comments on the tenant's post; the id of the comment.
    pub(crate) async fn comment(&self, tenant: Tenant, person: u64, text: &str) -> String {
        let media = if tenant.workspace == BAKERY.workspace { POST } else { GYM_POST };
        let body =
            json!({"account": tenant.account, "media": media, "person": person.to_string(), "text": text});
        self.post("actions/comment", body).await["comment_id"].as_str().unwrap().to_owned()
    }

    /// New people; their numbers.
    pub(crate) async fn people(&self, count: usize) -> Vec<u64> {
        let mut people = Vec::with_capacity(count);
        for _ in 0..count {
            let made = self.post("people", json!({})).await;
            people.push(made["id"].as_str().unwrap().parse().unwrap());
        }
        people
    }

    /// Everything that the account sent through the API, oldest first.
    pub(crate) async fn sent(&self, tenant: Tenant) -> Vec<Value> {
        list(self.get(&format!("sent?account={}", tenant.account)).await)
    }

    /// The texts that the account sent, oldest first.
    pub(crate) async fn sent_texts(&self, tenant: Tenant) -> Vec<String> {
        self.sent(tenant).await.iter().map(|sent| sent["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Nobody got anything twice.
    pub(crate) async fn assert_nothing_twice(&self) {
        let twice = list(self.get("sent?duplicates=1").await);
        assert!(twice.is_empty(), "sent twice: {twice:#?}");
    }

    /// Calls of the product on paths that contain `path`.
    pub(crate) async fn calls(&self, path: &str) -> Vec<Value> {
        list(self.get(&format!("calls?path={path}")).await)
    }

    /// One fault rule for sends.
    pub(crate) async fn fail_sends(&self, times: i64, probability: f64, effect: Value) {
        let rule = json!({"name": "test", "times": times, "probability": probability,
            "match": {"method": "POST", "path": "^/[^/]+/messages$"}, "effect": effect});
        self.post("faults", rule).await;
    }
}
