//! `greenroom config`: the merged configuration, or the reference.

use super::say;
use crate::config::Config;
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

/// What to print.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Print every setting with purpose, unit, default and bounds instead.
    #[arg(long)]
    reference: bool,
}

pub(super) fn run(show: &Show, config: &Config) -> anyhow::Result<ExitCode> {
    let merged = serde_json::to_value(config)?;
    for doc in Config::docs() {
        let value =
            doc.key.split('.').try_fold(&merged, |value, part| value.get(part)).unwrap_or(&Value::Null);
        if show.reference {
            say(format_args!("# {} ({})", doc.purpose, doc.unit));
            if let Some(bounds) = doc.bounds {
                say(format_args!("# bounds: {bounds}"));
            }
            say(format_args!("# default: {}", if doc.default.is_empty() { "(empty)" } else { &doc.default }));
        }
        say(format_args!("{} = {value}", doc.key));
        if show.reference {
            say("");
        }
    }
    Ok(ExitCode::SUCCESS)
}
