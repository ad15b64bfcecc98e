//! `greenroom sandbox …`: a client of the sandbox's control API.

use super::{runtime, say};
use crate::{cli_api::Control, config::Config, demo::DEMO_ACCOUNT};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

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
    /// Run the sandbox alone, for servers that are told its address by the setting sandbox.url.
    Serve,
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
    if matches!(sandbox.action, Action::Serve) {
        return serve(config.clone());
    }
    let base = config.sandbox_url();
    let account = sandbox.account;
    let answer = runtime()?.block_on(async move {
        let control = Control::new(&base)?;
        match sandbox.action {
            Action::Serve => Ok(Value::Null),
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

fn serve(mut config: Config) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async move {
        let sandbox = crate::running::start_sandbox(&mut config).await?;
        say(format_args!("sandbox at {}", config.sandbox_url()));
        tokio::signal::ctrl_c().await?;
        sandbox.shutdown().await;
        Ok(ExitCode::SUCCESS)
    })
}
