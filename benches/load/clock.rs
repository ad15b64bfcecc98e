//! The machine's clock, set back while accounts are connected: young accounts send slowly.

use async_trait::async_trait;
use greenroom::clock::SystemClock;
use greenroom_actors::{Timestamp, ports::Clock};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Longest single wait, so that a change of the setting is noticed.
const NAP_MAX: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Default)]
pub(crate) struct Shifted {
    behind_ms: AtomicU64,
}

impl Shifted {
    /// Goes behind the machine's clock from now on.
    pub(crate) fn set_behind(&self, behind: Duration) {
        self.behind_ms.store(u64::try_from(behind.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        let behind = i64::try_from(self.behind_ms.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        Timestamp::from_millis(SystemClock.now().as_millis().saturating_sub(behind))
    }

    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.since(self.now());
            if left.is_zero() {
                return;
            }
            SystemClock.sleep(left.min(NAP_MAX)).await;
        }
    }
}
