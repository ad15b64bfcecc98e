//! Lanes: how fast messages of a kind may go, in instants and whole milliseconds, so that a replay paces alike.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);
/// Automatic messages in any rolling hour, unless set otherwise (convention of such tools).
const SEND_PER_HOUR: u32 = 200;
/// The same for an account connected less than [`WARM_UP`] ago.
const SEND_PER_HOUR_WARMING: u32 = 50;
/// Private replies in any rolling hour (platform limit: 750).
const PRIVATE_REPLIES_PER_HOUR: u32 = 700;
/// How long an account counts as young.
const WARM_UP: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Highest setting: well below the platform's limit of 100 per second.
const SEND_PER_HOUR_MAX: u32 = 20_000;

/// A kind of message that is paced by itself. In the order in which lanes are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// Direct messages of people: paced only with everything else.
    Human,
    /// Automatic direct messages.
    Send,
    /// Private replies to comments on a broadcast, while it is on: the platform takes a hundred a second.
    LiveReply,
    /// Private replies to other comments.
    PrivateReply,
    /// Public replies and other calls.
    PublicReply,
}

impl Lane {
    /// All lanes, in the order in which they are served.
    pub const ALL: [Self; 5] =
        [Self::Human, Self::Send, Self::LiveReply, Self::PrivateReply, Self::PublicReply];

    /// The lane that rests when the platform does not permit this one. People's messages never do: every press of a
    /// person tries whether the automatic ones may go on.
    pub(super) const fn permitted_with(self) -> Self {
        match self {
            Self::Human | Self::Send => Self::Send,
            Self::LiveReply => Self::LiveReply,
            Self::PrivateReply => Self::PrivateReply,
            Self::PublicReply => Self::PublicReply,
        }
    }
}

/// The owner's setting of the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    send_per_hour: u32,
    connected_at: Timestamp,
}

/// A pace outside the hard limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("automatic messages per hour must be from 1 to {SEND_PER_HOUR_MAX}")]
pub struct PaceError;

impl Default for Pace {
    fn default() -> Self {
        Self { send_per_hour: SEND_PER_HOUR, connected_at: Timestamp::MIN }
    }
}

impl Pace {
    /// The default pace of an account connected at an instant: slower in its first days.
    #[must_use]
    pub const fn connected_at(connected_at: Timestamp) -> Self {
        Self { send_per_hour: SEND_PER_HOUR, connected_at }
    }

    /// The same account with another number of automatic messages per rolling hour.
    ///
    /// # Errors
    /// When the number is outside the hard limits.
    pub const fn with_send_per_hour(self, send_per_hour: u32) -> Result<Self, PaceError> {
        if send_per_hour == 0 || send_per_hour > SEND_PER_HOUR_MAX {
            return Err(PaceError);
        }
        Ok(Self { send_per_hour, connected_at: self.connected_at })
    }

    /// Automatic messages that may start in the rolling hour up to `now`.
    #[must_use]
    pub fn send_per_hour(&self, now: Timestamp) -> u32 {
        if self.is_warming(now) { self.send_per_hour.min(SEND_PER_HOUR_WARMING) } else { self.send_per_hour }
    }

    fn is_warming(&self, now: Timestamp) -> bool {
        now < self.connected_at + WARM_UP
    }

    /// The rate of a lane; `None` when only [`GENERAL`] paces it.
    pub(super) fn rate(&self, lane: Lane, now: Timestamp) -> Option<Rate> {
        match lane {
            Lane::Human | Lane::LiveReply => None,
            Lane::Send => {
                let budget = self.send_per_hour(now);
                Some(Rate { budget, per: HOUR, burst: (budget / 5).clamp(1, 20) })
            }
            Lane::PrivateReply => {
                let budget = if self.is_warming(now) {
                    PRIVATE_REPLIES_PER_HOUR.min(self.send_per_hour(now))
                } else {
                    PRIVATE_REPLIES_PER_HOUR
                };
                Some(Rate { budget, per: HOUR, burst: (budget / 5).clamp(1, 20) })
            }
            Lane::PublicReply => Some(Rate { budget: 5, per: SECOND, burst: 1 }),
        }
    }
}

/// Everything that is sent, together.
pub(super) const GENERAL: Rate = Rate { budget: 10, per: SECOND, burst: 4 };
/// Reads of conversations and comment replies.
pub(super) const READS: Rate = Rate { budget: 1, per: SECOND, burst: 1 };

/// At most `budget` starts in any window of length `per`, `burst` of them at once after a quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) budget: u32,
    pub(super) per: Duration,
    pub(super) burst: u32,
}

impl Rate {
    /// Time that one start costs. A burst followed by starts at this distance is exactly `budget` in one window.
    pub(super) fn interval(&self) -> Duration {
        let starts = u128::from(self.budget.saturating_sub(self.burst).saturating_add(1));
        let millis = self.per.as_millis().div_ceil(starts);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The same budget at half pace.
    pub(super) fn halved(self) -> Self {
        Self { budget: (self.budget / 2).max(1), per: self.per, burst: (self.burst / 2).max(1) }
    }
}

/// A token bucket as two instants (generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// When it will be full again.
    full_at: Timestamp,
    /// When the next start is allowed, at the rate of the last one.
    pub(super) open_at: Timestamp,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { full_at: Timestamp::MIN, open_at: Timestamp::MIN }
    }
}

impl Bucket {
    /// Takes one start at an instant.
    pub(super) fn take(&mut self, rate: &Rate, at: Timestamp) {
        self.full_at = self.full_at.max(at) + rate.interval();
        self.open_at = self.full_at - rate.interval().saturating_mul(rate.burst.saturating_sub(1));
    }

    /// When the last of `starts` would go, when they begin at an instant and go as fast as allowed.
    pub(super) fn last_of(&self, starts: usize, rate: &Rate, at: Timestamp) -> Timestamp {
        let spaced = u32::try_from(starts).unwrap_or(u32::MAX).saturating_sub(rate.burst);
        let begin = self.open_at.max(at);
        begin.max(self.full_at.max(at) + rate.interval().saturating_mul(spaced))
    }
}

/// A lane's bucket and its closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LaneState {
    pub(super) bucket: Bucket,
    pub(super) closed_at: Timestamp,
    pub(super) closed_until: Timestamp,
    /// Rate refusals in a row.
    pub(super) step: u8,
    /// A permission or a setting is missing.
    #[serde(default)]
    pub(super) lack: Option<Lack>,
}

/// The rest of a lane that the platform does not permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lack {
    /// Last refusal.
    pub(super) since: Timestamp,
    /// The next message tries then.
    pub(super) until: Timestamp,
    /// Refusals in a row, from 1.
    pub(super) step: u8,
}

impl Default for LaneState {
    fn default() -> Self {
        Self {
            bucket: Bucket::default(),
            closed_at: Timestamp::MIN,
            closed_until: Timestamp::MIN,
            step: 0,
            lack: None,
        }
    }
}

impl LaneState {
    /// When its closing and its rest are over.
    pub(super) fn shut_until(&self) -> Timestamp {
        self.closed_until.max(self.lack.map_or(Timestamp::MIN, |lack| lack.until))
    }
}

/// All lanes of a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lanes {
    human: LaneState,
    send: LaneState,
    #[serde(default)]
    live_reply: LaneState,
    private_reply: LaneState,
    public_reply: LaneState,
    pub(super) general: Bucket,
    pub(super) reads: Bucket,
}

impl Lanes {
    pub(super) const fn of(&self, lane: Lane) -> &LaneState {
        match lane {
            Lane::Human => &self.human,
            Lane::Send => &self.send,
            Lane::LiveReply => &self.live_reply,
            Lane::PrivateReply => &self.private_reply,
            Lane::PublicReply => &self.public_reply,
        }
    }

    pub(super) const fn of_mut(&mut self, lane: Lane) -> &mut LaneState {
        match lane {
            Lane::Human => &mut self.human,
            Lane::Send => &mut self.send,
            Lane::LiveReply => &mut self.live_reply,
            Lane::PrivateReply => &mut self.private_reply,
            Lane::PublicReply => &mut self.public_reply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts as early as allowed for `span`, after a quiet time; returns the instants.
    fn drain(rate: Rate, span: Duration) -> Vec<Timestamp> {
        let (mut bucket, mut now, mut starts) = (Bucket::default(), Timestamp::from_millis(0), Vec::new());
        let end = now + span;
        while now < end {
            now = now.max(bucket.open_at);
            bucket.take(&rate, now);
            starts.push(now);
        }
        starts
    }

    fn busiest(starts: &[Timestamp], per: Duration) -> usize {
        (0..starts.len())
            .map(|from| starts[from..].iter().take_while(|at| **at < starts[from] + per).count())
            .max()
            .unwrap()
    }

    #[test]
    fn a_rolling_window_never_holds_more_than_the_budget_and_reaches_it() {
        let pace = Pace::default();
        let now = Timestamp::from_millis(0);
        for lane in [Lane::Send, Lane::PrivateReply, Lane::PublicReply] {
            let rate = pace.rate(lane, now).unwrap();
            let starts = drain(rate, rate.per * 5);
            assert_eq!(busiest(&starts, rate.per), rate.budget as usize, "{lane:?}");
        }
        for rate in [GENERAL, READS] {
            assert_eq!(busiest(&drain(rate, rate.per * 5), rate.per), rate.budget as usize);
        }
    }

    #[test]
    fn half_pace_is_at_most_half() {
        let rate = Pace::default().rate(Lane::Send, Timestamp::from_millis(0)).unwrap().halved();
        assert_eq!(busiest(&drain(rate, HOUR * 5), HOUR), 100);
    }

    #[test]
    fn young_accounts_go_slower() {
        let start = Timestamp::from_millis(0);
        let pace = Pace::connected_at(start);
        assert_eq!(pace.send_per_hour(start), 50);
        assert_eq!(pace.send_per_hour(start + WARM_UP - Duration::from_millis(1)), 50);
        assert_eq!(pace.send_per_hour(start + WARM_UP), 200);
    }

    #[test]
    fn young_accounts_answer_comments_slower_too() {
        let start = Timestamp::from_millis(0);
        let budget = |pace: Pace, now| pace.rate(Lane::PrivateReply, now).unwrap().budget;
        let pace = Pace::connected_at(start);
        assert_eq!(budget(pace, start), 50);
        assert_eq!(budget(pace.with_send_per_hour(20).unwrap(), start), 20);
        assert_eq!(budget(pace, start + WARM_UP), 700);
    }

    #[test]
    fn a_pace_has_hard_limits() {
        assert_eq!(Pace::default().with_send_per_hour(0), Err(PaceError));
        assert_eq!(Pace::default().with_send_per_hour(SEND_PER_HOUR_MAX + 1), Err(PaceError));
        assert!(Pace::default().with_send_per_hour(SEND_PER_HOUR_MAX).is_ok());
    }
}
