//! `greenroom api`: the typed functions for web clients.

use crate::functions::{Registry, documents};
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

/// Form of what is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Form {
    /// A TypeScript module for the official `convex` client.
    #[default]
    Typescript,
    /// The list of functions that the tools of Convex read.
    Spec,
    /// An OpenAPI document.
    Openapi,
}

/// Write the functions of this server as a module for web clients.
#[derive(Debug, Args)]
pub(super) struct Api {
    /// Where to write it; standard output when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Form of it.
    #[arg(long, value_enum, default_value_t)]
    form: Form,
}

pub(super) fn run(command: &Api, config: &crate::config::Config) -> anyhow::Result<ExitCode> {
    let registry = Registry::product();
    let url = config.public_origin();
    let text = match command.form {
        Form::Typescript => documents::typescript(&registry),
        Form::Spec => format!("{:#}\n", documents::function_spec(&registry, &url)),
        Form::Openapi => format!("{:#}\n", documents::openapi(&registry, &url)),
    };
    match &command.out {
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
            super::say(format_args!("{} functions written to {}", registry.iter().count(), path.display()));
        }
        None => super::say(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
