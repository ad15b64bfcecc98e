//! The functions: everything that a web client can ask of its owner's workspace, each declared once.
//!
//! One declaration ([`Function`]) gives the call over WebSocket and HTTP, the published documents and the generated client.
//! A handler receives the entities of its own caller ([`Reader`], [`Writer`]); no argument names a user.
//!
//! To add a function: one line in the list of its module, and the handler beside it. To add a module: one file here and
//! one line in [`Registry::product`].

mod automations;
mod billing;
mod cache;
mod contacts;
mod context;
mod declare;
pub mod documents;
mod failure;
mod files;
mod ids;
mod instagram;
mod instagram_sync_config;
mod onboarding;
pub mod pages;
mod product;
mod profile;
mod realtime;
mod registry;
mod settings;
mod sidekick;
#[cfg(test)]
mod tests;
mod when;
mod wire;

use wire::{clearable, word};

pub use context::{Caller, Reader, Writer};
pub use declare::{Done, Function, NoArgs, Reads, SignedOut, Style};
pub use failure::{CallError, Code, Failure, Field};
pub use product::{Functions, Snapshot};
pub use registry::Registry;
pub use when::When;
