//! `greenroom explain`: the decision record of a message or comment, as a person reads it.

use super::{runtime, say};
use crate::{cli_api::Operator, config::Config, explain};
use clap::Args;
use greenroom_actors::user::decision::DecisionView;
use std::process::ExitCode;

/// What to explain.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Id of a message or comment, or the key of an event.
    id: String,
    /// Workspace that it came to (default: the demo's).
    #[arg(long)]
    workspace: Option<String>,
    /// Print the record as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: Explain, config: &Config) -> anyhow::Result<ExitCode> {
    let answer = runtime()?.block_on(async {
        Operator::of_workspace_or_demo(config, command.workspace.as_deref())
            .await?
            .get(&["explain", &command.id])
            .await
    })?;
    if command.json {
        say(serde_json::to_string_pretty(&answer)?);
    } else {
        let view: DecisionView = serde_json::from_value(answer)?;
        say(explain::render(&view));
    }
    Ok(ExitCode::SUCCESS)
}
