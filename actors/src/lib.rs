//! Entities and the shell that runs them.
//!
//! The core (`user`, `identity`, `signin`, `deletion`, `custody`, `intake`, `text`, `hrn`, `automation`) decides: pure, synchronous,
//! deterministic, without tokio, ractor, clocks, randomness, storage or HTTP. The shell (`shell`) owns mailboxes,
//! recovery, passivation, supervision and the outbox relay, and is written once for every kind.

pub mod automation;
#[cfg(any(test, feature = "test-support"))]
pub mod clock;
pub mod custody;
pub mod deletion;
pub mod entity;
pub mod errand;
pub mod hrn;
pub mod id;
pub mod identity;
pub mod intake;
pub mod metric_definitions;
pub mod outbox;
pub mod ports;
pub mod requests;
pub mod sealed;
pub mod shell;
pub mod signin;
pub mod slices;
pub mod text;
pub mod user;

pub use entity::{Draft, Entity};
pub use greenroom_persistence::{EntityId, Timestamp};
pub use sealed::Sealed;
