//! A faithful fake of the platform, part of the product: everything runs, is shown and is tested without credentials.
//!
//! It plays Instagram's three hosts under `/ig-www`, `/ig-api` and `/ig-graph`, Google's sign-in under `/google`, serves
//! files under `/cdn`, and is steered under `/_sandbox`, by hand on a page or by tests as JSON. It refuses what the platform refuses, in the platform's
//! words, and misbehaves on demand. It keeps a ledger of what people saw, which says whether anything was sent twice.
//!
//! It has no sign-in, so it listens on loopback unless told otherwise, and is never used in production.
#![expect(
    clippy::disallowed_methods,
    reason = "the sandbox is the outside world: it has its own clock and tasks"
)]

mod call;
mod control;
mod delivery;
mod faults;
mod form;
mod google;
mod graph;
mod ledger;
mod limits;
mod oauth;
mod options;
mod page;
mod router;
mod running;
mod sign;
mod snapshot;
mod state;
mod world;

#[cfg(test)]
mod tests;

pub use control::Refused as ControlError;
pub use options::{Bind, ClockSource, SandboxError, SandboxOptions, Seed};
pub use running::{RunningSandbox, Sandbox};
pub use state::SandboxState;
pub use world::app::{APP_ID, APP_SECRET, META_SECRET, VERIFY_TOKEN};
