//! `greenroom outbox`: what is on its way, what was given up on, and what to do about it.

use super::{runtime, say};
use crate::{cli_api::Operator, config::Config};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Which workspace, and what to do.
#[derive(Debug, Args)]
pub(super) struct Outbox {
    /// Workspace (default: the demo's).
    #[arg(long, global = true)]
    workspace: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what waits (and when it will be done), what is doubtful, and the dead letters.
    List,
    /// Take a waiting message back.
    Cancel {
        /// Id of the message.
        id: String,
    },
    /// Try a dead letter again; what stood in its way is looked at again.
    Replay {
        /// Id of the message.
        id: String,
    },
    /// Send again a message of which nobody knows whether it arrived.
    Resend {
        /// Id of the message.
        id: String,
    },
    /// End a safety stop before its time, once what led to it is settled with the platform.
    LiftSafetyStop,
}

pub(super) fn run(command: Outbox, config: &Config) -> anyhow::Result<ExitCode> {
    let answer = runtime()?.block_on(async {
        let operator = Operator::of_workspace_or_demo(config, command.workspace.as_deref()).await?;
        match &command.action {
            Action::List => operator.get(&["outbox"]).await,
            Action::Cancel { id } => operator.post(&["outbox", id, "cancel"]).await,
            Action::Replay { id } => operator.post(&["outbox", id, "replay"]).await,
            Action::LiftSafetyStop => operator.delete(&["safety-stop"]).await,
            Action::Resend { id } => operator.post(&["outbox", id, "resend"]).await,
        }
    })?;
    say(serde_json::to_string_pretty(&answer)?);
    Ok(ExitCode::SUCCESS)
}
