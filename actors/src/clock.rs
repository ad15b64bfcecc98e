//! A clock that moves only when told to.

use crate::{Timestamp, ports::Clock};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A clock for tests and simulation. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<watch::Sender<Timestamp>>,
}

impl ManualClock {
    /// A clock that stands at an instant.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: Arc::new(watch::Sender::new(now)) }
    }

    /// Moves the clock ahead and wakes whoever waited for an instant up to then.
    pub fn advance(&self, span: Duration) {
        self.now.send_modify(|now| *now = *now + span);
    }

    /// Moves the clock to an instant, never back.
    pub fn advance_to(&self, instant: Timestamp) {
        self.now.send_modify(|now| *now = instant.max(*now));
    }
}

impl Default for ManualClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_millis(1_767_225_600_000))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, until: Timestamp) {
        // The sender lives in `self`, so that the wait cannot fail.
        let _ = self.now.subscribe().wait_for(|now| *now >= until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn sleepers_wake_at_their_instant_and_not_before() {
        let clock = ManualClock::default();
        let sleep = clock.sleep(Duration::from_secs(2));
        futures::pin_mut!(sleep);
        // A wait begins when it is first polled.
        assert!(sleep.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_millis(1_999));
        assert!(sleep.as_mut().now_or_never().is_none());
        clock.advance(Duration::from_millis(1));
        sleep.await;
    }
}
