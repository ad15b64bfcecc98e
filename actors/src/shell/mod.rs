//! The shell: runs every kind of entity on ractor, written once.
//!
//! ```text
//! Host::ask ─▶ permit ─▶ slot's queue ─▶ activation: batch ─▶ decide ─▶ append, wait ─▶ publish ─▶ reply
//!                                            ▲                                            ├─▶ timers
//!                              outcomes, ticks (internal lane) ◀── relay ◀── effects ─────┘
//! ```
//!
//! Promises: at most one live activation per entity in a host, and a fenced one cannot append; readers see only what
//! is durable; every queue is bounded by [`ShellLimits`]; no command that was admitted is lost in silence; an append
//! whose outcome is unknown ends the activation, and recovery replays the truth.

mod activation;
mod actor;
mod admission;
mod answer;
mod background;
mod drain;
pub(crate) mod encoding;
mod host;
mod limits;
mod metrics;
mod passivation;
mod plan;
mod quarantine;
mod recovery;
mod relay;
mod shared;
mod slot;
mod snapshots;
mod supervisor;
mod timers;

pub use answer::{Answer, AskError, Published, RecoveryError, StartError, Unavailable};
pub use drain::DrainReport;
pub use host::{Host, HostStats, Watch, WatchEnded};
pub use limits::ShellLimits;
pub use quarantine::{Asker, QUARANTINE_STREAM, QuarantinePage, Quarantined};

#[cfg(test)]
mod tests;
