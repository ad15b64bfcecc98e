//! `greenroom sandbox …`: a client of the sandbox's control API.

use super::{runtime, say};
use crate::config::Config;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// A call to a server on this machine that takes longer is given up.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Account that the demo workspace is connected to.
pub(crate) const DEMO_ACCOUNT: &str = "17841400000000001";

/// Act in the sandbox.
#[derive(Debug, Args)]
pub(super) struct Sandbox {
    /// Account that is written to.
    #[arg(long, global = true, default_value = DEMO_ACCOUNT)]
    account: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a direct message as a fictional person.
    Dm {
        /// Id of the person; `greenroom sandbox state` lists them.
        #[arg(long, default_value = "900000000000001")]
        person: String,
        /// What is written.
        text: String,
    },
    /// Comment on a post as a fictional person.
    Comment {
        /// Id of the person.
        #[arg(long, default_value = "900000000000001")]
        person: String,
        /// Id of the post.
        #[arg(long, default_value = "18000000000000101")]
        media: String,
        /// What is written.
        text: String,
    },
    /// Answer a person by hand, as the owner would in the Instagram app.
    Owner {
        /// Id of the person.
        #[arg(long, default_value = "900000000000001")]
        person: String,
        /// What is written.
        text: String,
    },
    /// Let many people comment on one post.
    Burst {
        /// How many people.
        #[arg(long, default_value_t = 500)]
        people: u32,
        /// Comments per second.
        #[arg(long, default_value_t = 50)]
        per_second: u32,
        /// Id of the post.
        #[arg(long, default_value = "18000000000000101")]
        media: String,
        /// What is written.
        #[arg(default_value = "link")]
        text: String,
    },
    /// Inject a fault: the name of a preset, or a rule as JSON.
    Fault {
        /// For instance `rate-limited`, `bursty-5xx`, `flaky-network`, `slow-meta`.
        rule: String,
    },
    /// Remove all faults.
    ClearFaults,
    /// What people have received.
    Sent {
        /// Only texts that somebody got twice.
        #[arg(long)]
        duplicates: bool,
    },
    /// Everything that the sandbox knows.
    State,
}

pub(super) fn run(sandbox: Sandbox, config: &Config) -> anyhow::Result<ExitCode> {
    let base = format!("http://{}/_sandbox", config.sandbox.listen);
    let account = sandbox.account;
    let answer = runtime()?.block_on(async move {
        let control = Control::new(&base)?;
        match sandbox.action {
            Action::Dm { person, text } => {
                control.post("actions/dm", &json!({"account": account, "person": person, "text": text})).await
            }
            Action::Comment { person, media, text } => {
                let body = json!({"account": account, "media": media, "person": person, "text": text});
                control.post("actions/comment", &body).await
            }
            Action::Owner { person, text } => {
                let body = json!({"account": account, "person": person, "text": text});
                control.post("actions/owner-message", &body).await
            }
            Action::Burst { people, per_second, media, text } => {
                let body = json!({"account": account, "media": media, "people": people, "text": text, "per_second": per_second});
                control.post("actions/burst", &body).await
            }
            Action::Fault { rule } => {
                let body = serde_json::from_str(&rule).unwrap_or_else(|_| json!({ "preset": rule }));
                control.post("faults", &body).await
            }
            Action::ClearFaults => control.delete("faults").await,
            Action::Sent { duplicates } => {
                let path = if duplicates { "sent?duplicates=1" } else { "sent" };
                control.get(path).await
            }
            Action::State => control.get("state").await,
        }
    })?;
    say(serde_json::to_string_pretty(&answer)?);
    Ok(ExitCode::SUCCESS)
}

/// The sandbox's control API, seen from outside.
pub(crate) struct Control {
    base: String,
    http: reqwest::Client,
}

impl Control {
    pub(crate) fn new(base: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(CALL_TIMEOUT).build()?;
        Ok(Self { base: base.to_owned(), http })
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(self.http.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(self.http.post(self.url(path)).json(body)).await
    }

    async fn delete(&self, path: &str) -> anyhow::Result<Value> {
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
