//! What could not be understood is counted, and told to whoever reads the log: now and then, however much there is.

use crate::metric_definitions as names;
use greenroom_actors::Timestamp;
use parking_lot::Mutex;
use std::time::Duration;

/// Least time between two warnings.
const WARNING_SPACING: Duration = Duration::from_secs(60);

/// Counts one item or delivery, by a reason out of a closed set.
pub(super) fn count(reason: &'static str) {
    metrics::counter!(names::WEBHOOK_QUARANTINED, "reason" => reason).increment(1);
}

/// Warns of quarantined items, at most once in [`WARNING_SPACING`].
#[derive(Debug, Default)]
pub struct QuarantineWarning(Mutex<Untold>);

#[derive(Debug, Default)]
struct Untold {
    items: usize,
    told_at: Option<Timestamp>,
}

impl QuarantineWarning {
    /// Notes items that are durable in the quarantine.
    pub(super) fn note(&self, items: usize, now: Timestamp) {
        if let Some(items) = self.due(items, now) {
            tracing::warn!(items, "webhook items could not be understood: `greenroom quarantine` lists them");
        }
    }

    /// How many to warn of now.
    fn due(&self, items: usize, now: Timestamp) -> Option<usize> {
        if items == 0 {
            return None;
        }
        let mut untold = self.0.lock();
        untold.items += items;
        if untold.told_at.is_some_and(|at| now.since(at) < WARNING_SPACING) {
            return None;
        }
        untold.told_at = Some(now);
        Some(std::mem::take(&mut untold.items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_warning_a_minute_and_none_is_left_out_of_the_count() {
        let warning = QuarantineWarning::default();
        let at = |seconds| Timestamp::from_millis(0) + Duration::from_secs(seconds);
        assert_eq!(warning.due(0, at(0)), None);
        assert_eq!(warning.due(1, at(0)), Some(1));
        assert_eq!(warning.due(5, at(1)), None);
        assert_eq!(warning.due(7, at(59)), None);
        assert_eq!(warning.due(1, at(60)), Some(13));
    }
}
