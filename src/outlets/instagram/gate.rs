//! The app as a whole: when the platform limits it, no workspace calls until the pause is over. Calling on would only make
//! the pause longer.

use greenroom_actors::Timestamp;
use parking_lot::Mutex;
use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

/// Longest pause that is believed, whatever the platform announced.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

/// How long a report of the app's usage is believed.
const USAGE_BELIEVED: Duration = Duration::from_secs(300);
/// At this usage, in percent, the platform refuses calls.
const USED_UP: u16 = 100;
/// Pause after the app's usage was used up, when the platform announced none.
const USED_UP_FOR: Duration = Duration::from_secs(300);

/// Shut while the platform limits the app. Not durable: after a restart the first refusal shuts it again.
#[derive(Debug)]
pub(super) struct AppGate {
    closed_until_ms: AtomicI64,
    /// What the platform last said about the app, and when.
    usage: Mutex<Option<(u16, Timestamp)>>,
}

impl Default for AppGate {
    fn default() -> Self {
        Self { closed_until_ms: AtomicI64::new(i64::MIN), usage: Mutex::new(None) }
    }
}

impl AppGate {
    /// Shuts the gate until an instant, or leaves it shut for longer.
    pub(super) fn close(&self, until: Timestamp) {
        self.closed_until_ms.fetch_max(until.as_millis(), Ordering::Relaxed);
        tracing::warn!(
            until_ms = until.as_millis(),
            "the platform limits the whole app: sends of all workspaces pause"
        );
    }

    /// Takes note of what an answer said about the app, whichever account it was for. Nothing left shuts the gate.
    pub(super) fn saw(&self, percent: u16, regain: Option<Duration>, now: Timestamp) {
        *self.usage.lock() = Some((percent, now));
        if percent >= USED_UP && self.closed_for(now).is_none() {
            self.close(now + regain.filter(|regain| !regain.is_zero()).unwrap_or(USED_UP_FOR));
        }
    }

    /// The app's usage in percent, as far as it is known: it counts for every account.
    pub(super) fn usage(&self, now: Timestamp) -> Option<u16> {
        let usage = *self.usage.lock();
        usage.filter(|(_, at)| now.since(*at) < USAGE_BELIEVED).map(|(percent, _)| percent)
    }

    /// How long the gate stays shut; `None` when it is open.
    pub(super) fn closed_for(&self, now: Timestamp) -> Option<Duration> {
        let until = Timestamp::from_millis(self.closed_until_ms.load(Ordering::Relaxed));
        let left = until.since(now);
        (!left.is_zero()).then(|| left.min(PAUSE_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_account_hears_of_the_app_counts_for_all_for_a_while() {
        let gate = AppGate::default();
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(gate.usage(now), None);
        gate.saw(95, None, now);
        assert_eq!((gate.usage(now), gate.closed_for(now)), (Some(95), None));
        assert_eq!(gate.usage(now + USAGE_BELIEVED), None);
        gate.saw(100, Some(Duration::from_secs(60)), now);
        assert_eq!(gate.closed_for(now), Some(Duration::from_secs(60)));
        gate.saw(100, None, now + Duration::from_secs(61));
        assert_eq!(gate.closed_for(now + Duration::from_secs(61)), Some(USED_UP_FOR));
    }

    #[test]
    fn the_gate_opens_by_itself_and_never_shuts_for_less() {
        let gate = AppGate::default();
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(gate.closed_for(now), None);
        gate.close(now + Duration::from_secs(60));
        gate.close(now + Duration::from_secs(10));
        assert_eq!(gate.closed_for(now), Some(Duration::from_secs(60)));
        assert_eq!(gate.closed_for(now + Duration::from_secs(60)), None);
        gate.close(now + Duration::from_secs(90_000));
        assert_eq!(gate.closed_for(now), Some(PAUSE_MAX));
    }
}

/// The operator's stop of all automatic messages: looked at right before a call is made, so that it holds back what was
/// leased and not yet written too. Kept by the intake log; [`crate::send_stop`] brings it here.
#[derive(Debug, Default)]
pub struct SendStop(AtomicBool);

impl SendStop {
    /// Stops, or lets go on.
    pub fn set(&self, stopped: bool) {
        self.0.store(stopped, Ordering::Release);
    }

    /// Automatic messages are stopped.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
