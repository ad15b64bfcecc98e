//! What is asked of the outside until it is confirmed: attempts with growing waits between them, and a lease for an attempt
//! whose outcome does not come.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How attempts follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Wait after the first attempt that failed; doubles with each one.
    pub first: Duration,
    /// Longest wait between attempts.
    pub max: Duration,
    /// An attempt without an outcome after this long is made again.
    pub lease: Duration,
}

/// Erasing what was asked to be erased. Attempts never end.
pub const ERASING: Patience = Patience {
    first: Duration::from_secs(5),
    max: Duration::from_secs(3_600),
    lease: Duration::from_secs(600),
};

/// Doublings that are counted: the longest wait is reached long before.
const DOUBLINGS_MAX: u32 = 16;

impl Patience {
    /// Wait after so many failed attempts.
    #[must_use]
    pub fn wait(&self, attempts: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempts.saturating_sub(1).min(DOUBLINGS_MAX));
        doubled.min(self.max)
    }
}

/// Where an errand stands. Stored: the names of variants and fields stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stand {
    /// An attempt is out.
    InFlight {
        /// Since when.
        since: Timestamp,
    },
    /// It waits for the next attempt.
    Waiting {
        /// Until when.
        until: Timestamp,
    },
    /// It is done.
    Done {
        /// Since when that is known.
        at: Timestamp,
    },
}

impl Stand {
    /// An attempt is out.
    #[must_use]
    pub const fn is_in_flight(&self) -> bool {
        matches!(self, Self::InFlight { .. })
    }

    /// When the next attempt is made; `None` when it is done.
    #[must_use]
    pub fn due(&self, patience: &Patience) -> Option<Timestamp> {
        match *self {
            Self::InFlight { since } => Some(since + patience.lease),
            Self::Waiting { until } => Some(until),
            Self::Done { .. } => None,
        }
    }
}

/// An errand that comes again: done for now, and begun anew when its owner says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Attempts begun since it was last done.
    pub attempts: u32,
    /// Where it stands.
    pub stand: Stand,
}

impl Default for Errand {
    /// Never tried: due at once.
    fn default() -> Self {
        Self { attempts: 0, stand: Stand::Waiting { until: Timestamp::from_millis(0) } }
    }
}

impl Errand {
    /// The same with one more attempt out.
    #[must_use]
    pub const fn started(self, since: Timestamp) -> Self {
        Self { attempts: self.attempts.saturating_add(1), stand: Stand::InFlight { since } }
    }

    /// The same waiting for the next attempt.
    #[must_use]
    pub const fn postponed(self, until: Timestamp) -> Self {
        Self { stand: Stand::Waiting { until }, ..self }
    }

    /// Done for now.
    #[must_use]
    pub const fn done(at: Timestamp) -> Self {
        Self { attempts: 0, stand: Stand::Done { at } }
    }

    /// The attempt that began then is the one that is out. Outcomes of others, of before a crash or of another connection,
    /// say nothing of it.
    #[must_use]
    pub fn is_attempt(&self, since: Timestamp) -> bool {
        self.stand == Stand::InFlight { since }
    }

    /// When it was last done, unless it is under way again.
    #[must_use]
    pub const fn done_at(&self) -> Option<Timestamp> {
        match self.stand {
            Stand::Done { at } => Some(at),
            Stand::InFlight { .. } | Stand::Waiting { .. } => None,
        }
    }

    /// Attempts that failed, or got no outcome.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.attempts.saturating_sub(if self.stand.is_in_flight() { 1 } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u64> = (0..5).map(|attempts| ERASING.wait(attempts).as_secs()).collect();
        assert_eq!(waits, [5, 5, 10, 20, 40]);
        assert!((0..200).chain([u32::MAX]).all(|attempts| ERASING.wait(attempts) <= ERASING.max));
        assert_eq!(ERASING.wait(200), ERASING.max);
    }

    #[test]
    fn an_errand_knows_its_own_attempt_and_what_failed() {
        let out = Errand::default().started(AT);
        assert!(out.is_attempt(AT) && !out.is_attempt(AT + Duration::from_millis(1)));
        assert_eq!((out.failures(), out.stand.due(&ERASING)), (0, Some(AT + ERASING.lease)));
        let waiting = out.postponed(AT + ERASING.wait(out.attempts));
        assert_eq!((waiting.failures(), waiting.stand.due(&ERASING)), (1, Some(AT + ERASING.first)));
        assert_eq!(waiting.started(AT).failures(), 1);
        let done = Errand::done(AT);
        assert_eq!((done.failures(), done.stand.due(&ERASING), done.done_at()), (0, None, Some(AT)));
    }
}
