//! The engines: one set of promises, kept in different ways.

use crate::JournalHealth;
use tokio::sync::watch;

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod memory;

/// Waits until a write failed, and says why.
async fn failure(mut health: watch::Receiver<JournalHealth>) -> String {
    loop {
        if let JournalHealth::Failed(why) = &*health.borrow_and_update() {
            return why.clone();
        }
        if health.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}
