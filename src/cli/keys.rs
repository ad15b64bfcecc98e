//! `greenroom keys`: a new key, and sealing again what older keys sealed.

use super::{runtime, say};
use crate::{cli_api::Operator, config::Config};
use clap::{Args, Subcommand};
use greenroom_persistence::secret::Key;
use serde_json::Value;
use std::{collections::BTreeMap, process::ExitCode};

/// What to do.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a new key. It seals when it stands first in data.keys, or in the file `keys` of the data folder.
    New {
        /// Its id, which no other key has: 1 to 32 characters of a-z, 0-9 and -.
        id: String,
    },
    /// Seal again, under the first key, what older keys sealed, and say which of those may be removed.
    Reseal,
}

pub(super) fn run(command: &Keys, config: &Config) -> anyhow::Result<ExitCode> {
    match &command.action {
        Action::New { id } => {
            say(Key::generate(id, &mut rand::rngs::SysRng)?.expose().as_str());
            Ok(ExitCode::SUCCESS)
        }
        Action::Reseal => runtime()?.block_on(reseal(config)),
    }
}

async fn reseal(config: &Config) -> anyhow::Result<ExitCode> {
    let operator = Operator::of_installation(config)?;
    let (mut entities, mut resealed) = (0, 0);
    let mut remaining: BTreeMap<String, u64> = BTreeMap::new();
    let mut after: Option<String> = None;
    let page = loop {
        let place: Vec<_> = after.iter().map(|after| ("after", after.clone())).collect();
        let page = operator.post_with(&["keys", "reseal"], &place).await?;
        entities += page["entities"].as_u64().unwrap_or_default();
        resealed += page["resealed"].as_u64().unwrap_or_default();
        for (key, count) in page["remaining"].as_object().into_iter().flatten() {
            *remaining.entry(key.clone()).or_default() += count.as_u64().unwrap_or_default();
        }
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => break page,
        }
    };
    let current = page["current"].as_str().unwrap_or_default();
    say(format_args!(
        "{entities} entities looked at, {resealed} secrets sealed again under the key {current}"
    ));
    for older in page["older"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !remaining.contains_key(older) {
            say(format_args!("key {older}: nothing is sealed under it any more; it may be removed"));
        }
    }
    for (key, count) in &remaining {
        say(format_args!(
            "key {key}: {count} secrets are still sealed under it; sign-ins under way end within ten minutes, then run this again"
        ));
    }
    Ok(if remaining.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
