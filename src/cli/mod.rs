//! What an operator types. Each command is a file; this page lists them.

mod api;
mod config;
mod demo;
mod explain;
mod keys;
mod outbox;
mod progress;
mod quarantine;
mod sandbox;
mod serve;
mod storage;

use crate::config::{Config, Overrides};
use clap::{Parser, Subcommand};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Greenroom: the stateful backend of an Instagram automation product.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = false)]
pub struct Args {
    /// Configuration file (default: greenroom.toml when it exists).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder (setting data.dir).
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the front door (setting server.listen).
    #[arg(long, global = true, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Any setting, for instance --set data.idle=5m; may be repeated.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    values: Vec<(String, String)>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default): front door, actors and, without an Instagram app, the sandbox.
    Serve,
    /// Play the demo day through the real front door, print it, and exit.
    Demo,
    /// Act in the sandbox of a running server: write as a fictional person, inject faults.
    Sandbox(sandbox::Sandbox),
    /// Why a message or comment was (not) answered.
    Explain(explain::Explain),
    /// Messages on their way out, and those that were given up on.
    Outbox(outbox::Outbox),
    /// What arrived and could not be understood, and what a workspace could not digest.
    Quarantine(quarantine::Quarantine),
    /// Keys that seal secrets: make one, and seal again what older ones sealed.
    Keys(keys::Keys),
    /// Check a data folder without changing its data.
    Verify,
    /// Renew the working set from checkpoint and journal.
    Rebuild,
    /// Write the functions of this server as a typed module for web clients.
    Api(api::Api),
    /// Print the merged configuration, secrets masked.
    Config(config::Show),
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl Args {
    fn overrides(&self) -> Overrides {
        let named = [
            ("data.dir", self.data.as_ref().map(|dir| dir.display().to_string())),
            ("server.listen", self.listen.clone()),
        ];
        let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Overrides { file: self.config.clone(), values: named.chain(self.values.iter().cloned()).collect() }
    }
}

/// Runs a command to its end. Errors go to standard error, results to standard output.
#[must_use]
pub fn run(args: Args) -> ExitCode {
    let config = match crate::config::load(&args.overrides()) {
        Ok(config) => config,
        Err(error) => return fail(&error.into()),
    };
    match dispatch(args.command.unwrap_or(Command::Serve), config) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn dispatch(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    crate::telemetry::start_logs(&config.log)?;
    crate::telemetry::quiet_panics();
    match command {
        Command::Serve => serve::run(config),
        Command::Demo => demo::run(config),
        Command::Sandbox(command) => sandbox::run(command, &config),
        Command::Explain(command) => explain::run(command, &config),
        Command::Outbox(command) => outbox::run(command, &config),
        Command::Quarantine(command) => quarantine::run(&command, &config),
        Command::Keys(command) => keys::run(&command, &config),
        Command::Verify => storage::verify(&config),
        Command::Rebuild => storage::rebuild(&config),
        Command::Api(command) => api::run(&command, &config),
        Command::Config(command) => config::run(&command, &config),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "greenroom: {error:#}");
    ExitCode::FAILURE
}

/// Prints to standard output; a closed pipe is no error.
fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The runtime of a command.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("greenroom").build()?)
}
