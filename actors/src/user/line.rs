//! Lines of waiting events: the first of them at hand, the rest in the history only.
//!
//! Events of a line are taken up in order, each once. Those at hand come first; then the rest is read page by page
//! (see [`super::backlog`]), and `after` moves on in the same record in which an event of the page is taken up.

use super::{decision::DecisionNo, held::HeldEvent, history};
use crate::{
    Timestamp,
    id::{AccountId, Igsid, Mid},
};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most events at hand that wait for the connection.
pub const PARKED_MAX: usize = 2_000;
/// Most events at hand of new contacts for whom there is no room in the plan.
pub const OVERFLOW_MAX: usize = 1_000;

/// Which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineName {
    /// Events that wait for the connection.
    Parked,
    /// Events of new contacts that wait for room in the plan.
    Overflow,
}

impl LineName {
    /// The history stream of its events.
    #[must_use]
    pub const fn stream(self) -> &'static str {
        match self {
            Self::Parked => history::PARKED,
            Self::Overflow => history::OVERFLOW,
        }
    }

    const fn at_hand_max(self) -> usize {
        match self {
            Self::Parked => PARKED_MAX,
            Self::Overflow => OVERFLOW_MAX,
        }
    }
}

/// A line of waiting events, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    events: Vector<Arc<HeldEvent>>,
    #[serde(default)]
    behind: Option<Behind>,
}

/// Events of a line that are in the history only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// How many.
    pub count: u64,
    /// Everything up to this number was taken up.
    pub after: DecisionNo,
    /// The last of them.
    pub last: DecisionNo,
    /// When the first of them came.
    pub since: Timestamp,
    /// A page of them is being read; without an answer it is asked for again then.
    pub reading_until: Option<Timestamp>,
}

impl Line {
    /// How many wait, at hand and in the history.
    #[must_use]
    pub fn len(&self) -> usize {
        let behind = self.behind.map_or(0, |behind| usize::try_from(behind.count).unwrap_or(usize::MAX));
        self.events.len().saturating_add(behind)
    }

    /// How many wait at hand.
    #[must_use]
    pub fn at_hand(&self) -> usize {
        self.events.len()
    }

    /// Nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.behind.is_none()
    }

    /// Those at hand, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<HeldEvent>> {
        self.events.iter()
    }

    /// The first at hand.
    #[must_use]
    pub fn first(&self) -> Option<&Arc<HeldEvent>> {
        self.events.front()
    }

    /// Those in the history only.
    #[must_use]
    pub const fn behind(&self) -> Option<&Behind> {
        self.behind.as_ref()
    }

    /// When the first in line came.
    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.first().map(|held| held.event.received_at).or(self.behind.map(|behind| behind.since))
    }

    /// When the line goes on, if nothing else is in its way: at once, or when a page that is being read is late.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let at_hand = self.first().map(|held| held.event.received_at);
        at_hand.or(self.behind.map(|behind| behind.reading_until.unwrap_or(behind.since)))
    }

    /// A newcomer is kept at hand: behind those in the history it goes there too.
    pub(super) fn keeps_at_hand(&self, name: LineName) -> bool {
        self.behind.is_none() && self.events.len() < name.at_hand_max()
    }

    /// The event of this number may wait in the history.
    pub(super) fn covers(&self, no: DecisionNo) -> bool {
        self.behind.is_some_and(|behind| behind.after < no && no <= behind.last)
    }

    pub(super) fn push(&mut self, event: Arc<HeldEvent>) {
        self.events.push_back(event);
    }

    pub(super) fn push_behind(&mut self, no: DecisionNo, at: Timestamp) {
        let first = Behind {
            count: 0,
            after: DecisionNo(no.0.saturating_sub(1)),
            last: no,
            since: at,
            reading_until: None,
        };
        let behind = self.behind.get_or_insert(first);
        behind.count = behind.count.saturating_add(1);
        behind.last = no;
    }

    pub(super) const fn reading(&mut self, until: Timestamp) {
        if let Some(behind) = &mut self.behind {
            behind.reading_until = Some(until);
        }
    }

    /// Events of a page were taken up.
    pub(super) fn moved(&mut self, after: DecisionNo, taken: u64) {
        let Some(behind) = &mut self.behind else { return };
        behind.count = behind.count.saturating_sub(taken);
        behind.after = after;
        behind.reading_until = None;
        if after >= behind.last {
            self.behind = None;
        }
    }

    /// The message of a person that waits at hand.
    pub(super) fn message(&self, person: &Igsid, mid: &Mid) -> Option<&Arc<HeldEvent>> {
        self.events.iter().find(|held| held.event.is_message(person, mid))
    }

    /// Drops the content of a message that was taken back; its place in the line stays.
    pub(super) fn take_back(&mut self, person: &Igsid, mid: &Mid) {
        let place = self.events.iter().position(|held| held.event.is_message(person, mid));
        if let Some(held) = place.and_then(|place| self.events.get_mut(place)) {
            *held = Arc::new(held.without_content());
        }
    }

    /// Drops the events of an account that wait at hand.
    pub(super) fn forget(&mut self, is_account: &impl Fn(&AccountId) -> bool) {
        self.events.retain(|held| !is_account(&held.event.account));
    }

    pub(super) fn take(&mut self, no: DecisionNo) {
        if self.events.front().is_some_and(|first| first.no == no) {
            self.events.pop_front();
        } else {
            self.events.retain(|event| event.no != no);
        }
    }
}
