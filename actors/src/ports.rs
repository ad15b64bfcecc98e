//! What the shell needs from outside. Implemented in the composition root, faked in tests.

use crate::{Entity, Timestamp};
use async_trait::async_trait;
use greenroom_persistence::EntityId;
use std::time::Duration;

/// The one source of instants and waiting.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Returns when `now() >= until`. Cancel-safe.
    async fn sleep_until(&self, until: Timestamp);

    /// Waits for a span.
    async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }
}

/// One way out for the effects of a kind of entity.
///
/// Runs after the record that implies the effect is durable. Never panics, never retries a visible effect: retrying is
/// a decision of the entity. The command it returns carries the outcome and is delivered to the same entity without
/// asking for an admission permit.
#[async_trait]
pub trait Outlet<E: Entity>: Send + Sync + 'static {
    /// Performs the effect. `None` when there is no outcome to tell.
    async fn run(&self, entity: &EntityId, effect: E::Effect) -> Option<E::Command>;
}
