//! The platform's call limits: real sliding windows on the sandbox's clock.

use super::{AccountId, World};
use std::collections::{HashMap, VecDeque};

/// Which limit a call counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Text, links, reactions, stickers: 100 per second (platform limit).
    Text,
    /// Audio and video: 10 per second (platform limit).
    Heavy,
    /// Private replies to posts and reels: 750 per hour (platform limit).
    PrivateReply,
    /// Private replies to live comments: 100 per second (platform limit).
    LivePrivateReply,
    /// Conversations: 2 per second (platform limit).
    Conversations,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Calls per impression in 24 hours (platform limit).
const CALLS_PER_IMPRESSION: u64 = 4_800;
/// Calls per user of the app in an hour (platform limit).
const CALLS_PER_USER: u64 = 200;

impl Lane {
    /// Calls, and the window in milliseconds.
    const fn limit(self) -> (usize, i64) {
        match self {
            Self::Text | Self::LivePrivateReply => (100, SECOND),
            Self::Heavy => (10, SECOND),
            Self::PrivateReply => (750, HOUR),
            Self::Conversations => (2, SECOND),
        }
    }
}

/// Counts by minute over a longer window.
#[derive(Clone, Debug, Default)]
struct Minutes {
    counts: VecDeque<(i64, u64)>,
    sum: u64,
}

impl Minutes {
    fn prune(&mut self, now: i64, window: i64) {
        while let Some((minute, count)) = self.counts.front().copied()
            && (minute + 1) * MINUTE + window <= now
        {
            self.sum -= count;
            self.counts.pop_front();
        }
    }

    fn add(&mut self, now: i64) {
        let minute = now.div_euclid(MINUTE);
        self.sum += 1;
        match self.counts.back_mut() {
            Some((last, count)) if *last >= minute => *count += 1,
            _ => self.counts.push_back((minute, 1)),
        }
    }
}

/// Calls counted so far. Not kept over a restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rates {
    lanes: HashMap<(AccountId, Lane), VecDeque<i64>>,
    calls: HashMap<AccountId, Minutes>,
    app: Minutes,
}

/// Which limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// All calls of the app.
    App,
    /// Ordinary calls of the account.
    Account,
    /// A lane of the account.
    Lane(Lane),
}

fn percent(part: u64, whole: u64) -> u32 {
    u32::try_from(part.saturating_mul(100) / whole.max(1)).unwrap_or(u32::MAX)
}

impl World {
    /// Counts an ordinary call. A forced usage of 100 refuses as well.
    pub(crate) fn count_call(&mut self, account: AccountId) -> Result<(), Exceeded> {
        if self.app.forced_usage.is_some_and(|(percent, _)| percent >= 100) {
            return Err(Exceeded::App);
        }
        let Some(owner) = self.accounts.get(account) else { return Ok(()) };
        if owner.forced_usage.is_some_and(|(percent, _)| percent >= 100) {
            return Err(Exceeded::Account);
        }
        let (account_max, app_max) =
            (owner.impressions * CALLS_PER_IMPRESSION, self.app.users * CALLS_PER_USER);
        let now = self.now;
        let app = &mut self.rates.app;
        app.prune(now, HOUR);
        let calls = self.rates.calls.entry(account).or_default();
        calls.prune(now, 24 * HOUR);
        if self.app.enforce_rate_limits {
            if app.sum >= app_max {
                return Err(Exceeded::App);
            }
            if calls.sum >= account_max {
                return Err(Exceeded::Account);
            }
        }
        app.add(now);
        calls.add(now);
        Ok(())
    }

    /// Counts a call in a lane.
    pub(crate) fn count_in(&mut self, account: AccountId, lane: Lane) -> Result<(), Exceeded> {
        if !self.app.enforce_rate_limits {
            return Ok(());
        }
        let (limit, window) = lane.limit();
        let now = self.now;
        let calls = self.rates.lanes.entry((account, lane)).or_default();
        while calls.front().is_some_and(|at| *at <= now - window) {
            calls.pop_front();
        }
        if calls.len() >= limit {
            return Err(Exceeded::Lane(lane));
        }
        calls.push_back(now);
        Ok(())
    }

    /// Usage of the app: percent, and minutes until access returns.
    pub(crate) fn app_usage(&self) -> (u32, u32) {
        self.app
            .forced_usage
            .unwrap_or_else(|| (percent(self.rates.app.sum, self.app.users * CALLS_PER_USER), 0))
    }

    /// Usage of an account: percent, and minutes until access returns.
    pub(crate) fn account_usage(&self, account: AccountId) -> (u32, u32) {
        let Some(owner) = self.accounts.get(account) else { return (0, 0) };
        owner.forced_usage.unwrap_or_else(|| {
            let calls = self.rates.calls.get(&account).map_or(0, |calls| calls.sum);
            let ordinary = percent(calls, owner.impressions * CALLS_PER_IMPRESSION);
            let (limit, window) = Lane::PrivateReply.limit();
            let replies = self.rates.lanes.get(&(account, Lane::PrivateReply));
            let used =
                replies.map_or(0, |at| at.len() - at.partition_point(|at| *at <= self.now - window)) as u64;
            let wait = replies
                .and_then(|at| at.front())
                .filter(|_| used >= limit as u64)
                .map_or(0, |at| (at + window - self.now).max(0).div_euclid(MINUTE) + 1);
            (ordinary.max(percent(used, limit as u64)), u32::try_from(wait).unwrap_or(0))
        })
    }
}
