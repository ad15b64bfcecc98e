//! Clients of this program's own HTTP surfaces, for the operator's commands and the demo.

use crate::{
    config::{Config, Secret},
    demo, keys,
};
use anyhow::Context;
use greenroom_instagram::plain;
use serde_json::Value;
use std::time::Duration;

/// A call to a server on this machine that takes longer is given up.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// A client for servers of this machine: plain HTTP, no proxy.
fn local_http() -> anyhow::Result<reqwest::Client> {
    Ok(plain::client_builder()?.timeout(CALL_TIMEOUT).build()?)
}

/// The sandbox's control API, seen from outside.
pub struct Control {
    base: String,
    http: reqwest::Client,
}

impl Control {
    /// A client of the sandbox at `base`, for instance `http://127.0.0.1:4010`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let http = local_http()?;
        Ok(Self { base: format!("{base}/_sandbox"), http })
    }

    /// Reads.
    ///
    /// # Errors
    /// When nothing answers, or the answer is an error.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(self.http.get(self.url(path))).await
    }

    /// Acts.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(self.http.post(self.url(path)).json(body)).await
    }

    /// Sets.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(self.http.put(self.url(path)).json(body)).await
    }

    /// Base address of the control API.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Removes.
    ///
    /// # Errors
    /// As [`Control::get`].
    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(self.http.delete(self.url(path))).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request
            .send()
            .await
            .with_context(|| format!("no sandbox answers at {}: is `greenroom` running?", self.base))?;
        let status = answer.status();
        let body = answer.text().await?;
        anyhow::ensure!(status.is_success(), "the sandbox says {status}: {body}");
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? })
    }
}

/// The operator's routes of a running server, for one workspace or for the whole installation.
pub struct Operator {
    base: reqwest::Url,
    token: Secret,
    http: reqwest::Client,
}

impl Operator {
    /// A client with the token of the data folder.
    ///
    /// # Errors
    /// When the token cannot be read or the address is wrong.
    pub fn new(config: &Config, workspace: &str) -> anyhow::Result<Self> {
        let mut operator = Self::of_installation(config)?;
        extend(&mut operator.base, &["workspaces", workspace]);
        Ok(operator)
    }

    /// The same for a workspace, or without one for that of the demo's owner.
    ///
    /// # Errors
    /// As [`Operator::new`] and [`Operator::get`]; also when the demo has no owner yet.
    pub async fn of_workspace_or_demo(config: &Config, workspace: Option<&str>) -> anyhow::Result<Self> {
        if let Some(workspace) = workspace {
            return Self::new(config, workspace);
        }
        let owner = [("owner", demo::OWNER_ADDRESS.to_owned())];
        let found = Self::of_installation(config)?.query(&["workspaces"], &owner).await?;
        Self::new(config, found["workspace"].as_str().context("the server names no workspace")?)
    }

    /// The same for what belongs to no workspace.
    ///
    /// # Errors
    /// As [`Operator::new`].
    pub fn of_installation(config: &Config) -> anyhow::Result<Self> {
        let token = keys::existing_operator_token(&config.data.dir).with_context(|| {
            format!("no operator's token in {}: is `greenroom` running?", config.data.dir.display())
        })?;
        let base = reqwest::Url::parse(&format!("http://{}/api/admin", config.server.listen))?;
        let http = local_http()?;
        Ok(Self { base, token, http })
    }

    /// Reads. Each part of the path is encoded, so that an id cannot change the request.
    ///
    /// # Errors
    /// When nothing answers, or the answer is an error.
    pub async fn get(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.call(self.http.get(self.url(path))).await
    }

    /// Reads with parameters.
    ///
    /// # Errors
    /// As [`Operator::get`].
    pub async fn query(&self, path: &[&str], parameters: &[(&str, String)]) -> anyhow::Result<Value> {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(parameters);
        self.call(self.http.get(url)).await
    }

    /// Acts.
    ///
    /// # Errors
    /// As [`Operator::get`].
    pub async fn post(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.call(self.http.post(self.url(path))).await
    }

    /// Acts, with parameters.
    ///
    /// # Errors
    /// As [`Operator::get`].
    pub async fn post_with(&self, path: &[&str], parameters: &[(&str, String)]) -> anyhow::Result<Value> {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(parameters);
        self.call(self.http.post(url)).await
    }

    /// Removes.
    ///
    /// # Errors
    /// As [`Operator::get`].
    pub async fn delete(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.call(self.http.delete(self.url(path))).await
    }

    fn url(&self, path: &[&str]) -> reqwest::Url {
        let mut url = self.base.clone();
        extend(&mut url, path);
        url
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let address =
            format!("{}:{}", self.base.host_str().unwrap_or_default(), self.base.port().unwrap_or_default());
        let answer = request
            .bearer_auth(self.token.expose())
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("no server answers at {address}: is `greenroom` running?"))?;
        let status = answer.status();
        let body: Value = answer.json().await.with_context(|| format!("the server says {status}"))?;
        if status.is_success() {
            return Ok(body);
        }
        anyhow::bail!("{}", body["error"]["message"].as_str().unwrap_or("the server refused"))
    }
}

fn extend(url: &mut reqwest::Url, path: &[&str]) {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.extend(path);
    }
}
