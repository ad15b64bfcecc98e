//! The real clock: the one place that asks the machine for the time.

use async_trait::async_trait;
use greenroom_actors::{Timestamp, ports::Clock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest single wait, so that a step of the machine's clock is noticed soon.
const NAP_MAX: Duration = Duration::from_secs(30);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    async fn sleep_until(&self, until: Timestamp) {
        loop {
            let left = until.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(NAP_MAX)).await;
        }
    }
}
