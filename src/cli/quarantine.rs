//! `greenroom quarantine`: what arrived and could not be understood, and what a workspace could not digest.

use super::{runtime, say};
use crate::{cli_api::Operator, config::Config, quarantine_view::LISTED};
use clap::Args;
use std::process::ExitCode;

/// Which quarantine, and how much of it.
#[derive(Debug, Args)]
pub(super) struct Quarantine {
    /// Commands that this workspace could not digest, instead of what arrived and could not be understood.
    #[arg(long)]
    workspace: Option<String>,
    /// Items at most, newest first.
    #[arg(long, default_value_t = LISTED)]
    limit: usize,
    /// Go on after an earlier page of a workspace's commands (its `next`).
    #[arg(long, requires = "workspace")]
    cursor: Option<u64>,
    /// Show what arrived, which holds what people wrote.
    #[arg(long, conflicts_with = "workspace")]
    content: bool,
}

pub(super) fn run(command: &Quarantine, config: &Config) -> anyhow::Result<ExitCode> {
    let mut parameters = vec![("limit", command.limit.to_string()), ("content", command.content.to_string())];
    parameters.extend(command.cursor.map(|cursor| ("cursor", cursor.to_string())));
    let answer = runtime()?.block_on(async {
        match &command.workspace {
            Some(workspace) => Operator::new(config, workspace)?.query(&["quarantine"], &parameters).await,
            None => Operator::of_installation(config)?.query(&["intake"], &parameters).await,
        }
    })?;
    say(serde_json::to_string_pretty(&answer)?);
    Ok(ExitCode::SUCCESS)
}
