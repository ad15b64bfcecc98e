//! The suite that every engine passes: the promises of the seams, checked from outside.
//!
//! [`run`] checks them all; each check makes an engine of its own. Panics name the promise that was broken.
#![expect(clippy::unwrap_used, reason = "a broken promise ends the test that runs this suite")]

mod appends;
mod erasure;
mod names;
mod rows;
mod states;

use crate::{DueChange, EntityId, Erase, NewRecord, Seq, Stores};
use async_trait::async_trait;

/// How the suite makes an engine, and opens it again.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Where the data lives between two openings.
    type Place: Send + Sync;

    /// A new, empty engine.
    async fn create(&self) -> (Stores, Self::Place);

    /// The same data after a restart. The earlier opening was closed.
    async fn reopen(&self, place: &Self::Place) -> Stores;
}

/// Checks every promise.
///
/// # Panics
/// When the engine breaks one.
pub async fn run<E: Engine>(engine: &E) {
    check_appends(engine).await;
    check_names(engine).await;
    check_rows(engine).await;
    check_erasure(engine).await;
    check_states(engine).await;
}

/// Checks fencing, order, sequences, limits and closing.
///
/// # Panics
/// When the engine breaks a promise.
pub async fn check_appends<E: Engine>(engine: &E) {
    appends::run(engine).await;
}

/// Checks claims and releases.
///
/// # Panics
/// When the engine breaks a promise.
pub async fn check_names<E: Engine>(engine: &E) {
    names::run(engine).await;
}

/// Checks the history.
///
/// # Panics
/// When the engine breaks a promise.
pub async fn check_rows<E: Engine>(engine: &E) {
    rows::run(engine).await;
}

/// Checks that erased history is gone.
///
/// # Panics
/// When the engine breaks a promise.
pub async fn check_erasure<E: Engine>(engine: &E) {
    erasure::run(engine).await;
}

/// Checks snapshots, tails after them, and timers.
///
/// # Panics
/// When the engine breaks a promise.
pub async fn check_states<E: Engine>(engine: &E) {
    states::run(engine).await;
}

/// The entity `user/<key>`.
///
/// # Panics
/// When the key is not valid.
#[must_use]
pub fn entity(key: &str) -> EntityId {
    EntityId::new("user", key).unwrap()
}

/// A record with a payload and nothing else.
///
/// # Panics
/// When the key is not valid.
#[must_use]
pub fn record(key: &str, expected: u64, payload: &str) -> NewRecord {
    NewRecord {
        entity: entity(key),
        expected_seq: Seq(expected),
        payload: payload.as_bytes().to_vec(),
        rows: Vec::new(),
        directory: Vec::new(),
        due: DueChange::Unchanged,
        erase: Erase::Nothing,
    }
}

/// Closes and opens again.
async fn restart<E: Engine>(engine: &E, stores: Stores, place: &E::Place) -> Stores {
    stores.journal.close().await;
    drop(stores);
    engine.reopen(place).await
}
