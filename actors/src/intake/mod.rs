//! The intake log: what arrived and belongs to no workspace, bounded.
//!
//! One entity for the whole installation. It keeps items of accounts that nobody has connected (yet), so that an account
//! connected moments later can still be served, and deliveries or items that could not be understood, so that a person
//! can look at them. Both lists are bounded by count, bytes and age; the oldest leave first and are counted.

mod item;
#[cfg(test)]
mod tests;

pub use item::{KEPT_BYTES_MAX, Quarantined, UNROUTED_ITEM_BYTES_MAX, Unrouted};

use crate::{Draft, Entity, Timestamp};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

/// Key of the one intake entity.
pub const INTAKE_KEY: &str = "main";
/// How long an item of an unknown account is kept (product rule).
pub const UNROUTED_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// How long a quarantined item is kept: as long as raw payloads are (product rule).
pub const QUARANTINE_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Bytes of items of unknown accounts kept in all.
pub const UNROUTED_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of quarantined items kept in all.
pub const QUARANTINE_BYTES_MAX: usize = 1024 * 1024;
/// Items that one event may drop; more leave with the next one.
const DROPPED_AT_ONCE: usize = 1_000;

/// What is kept of deliveries that belong to no workspace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Intake {
    /// Items of accounts that nobody has connected, oldest first.
    pub unrouted: Kept<Unrouted>,
    /// Deliveries and items that could not be understood, oldest first.
    pub quarantine: Kept<Quarantined>,
    /// Dashboard tests received.
    pub tests: u64,
    /// When the last one came.
    pub last_test_at: Option<Timestamp>,
    /// Since when the operator has stopped the automatic messages of all workspaces.
    #[serde(default)]
    pub sends_stopped_at: Option<Timestamp>,
}

/// A bounded list, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept<T: Clone> {
    items: Vector<Arc<Stamped<T>>>,
    bytes: usize,
    /// Items received since the beginning.
    pub received: u64,
    /// Items that left because there were too many bytes or they were too old.
    pub dropped: u64,
}

impl<T: Clone> Default for Kept<T> {
    fn default() -> Self {
        Self { items: Vector::new(), bytes: 0, received: 0, dropped: 0 }
    }
}

/// An item and when it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// When it came.
    pub at: Timestamp,
    /// What.
    pub item: T,
    /// Which of those received it is, from 1; 0 when it was kept before items were numbered.
    #[serde(default)]
    pub number: u64,
}

/// Something whose bytes count.
pub trait Weigh: Clone {
    /// Bytes that it takes.
    fn size(&self) -> usize;
}

impl<T: Weigh> Kept<T> {
    /// The items, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Stamped<T>> {
        self.items.iter().map(AsRef::as_ref)
    }

    fn add(&mut self, at: Timestamp, item: &T) {
        self.received += 1;
        self.bytes += item.size();
        self.items.push_back(Arc::new(Stamped { at, item: item.clone(), number: self.received }));
    }

    fn drop_oldest(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(gone) = self.items.pop_front() {
                self.bytes = self.bytes.saturating_sub(gone.item.size());
                self.dropped += 1;
            }
        }
    }

    /// How many of the oldest must leave to make room for `size` more bytes and to keep none beyond its age.
    fn surplus(&self, now: Timestamp, size: usize, bytes_max: usize, age_max: Duration) -> usize {
        let mut bytes = self.bytes + size;
        let surplus = self.items.iter().take(DROPPED_AT_ONCE).take_while(|kept| {
            let leaves = bytes > bytes_max || now.since(kept.at) > age_max;
            if leaves {
                bytes = bytes.saturating_sub(kept.item.size());
            }
            leaves
        });
        surplus.count()
    }
}

/// What can be asked of the intake log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Keep an item of an account that nobody has connected.
    Unrouted(Unrouted),
    /// Keep what could not be understood.
    Quarantine(Quarantined),
    /// Count a dashboard test.
    CountTest,
    /// Let go the items of an account that are durable in its workspace by now. Those that were cut, and so could not be
    /// delivered, go to the quarantine.
    ReleaseUnrouted {
        /// The account, as the items name it.
        account: String,
        /// Number of the last one that was delivered; items that came meanwhile stay.
        through: u64,
    },
    /// Stop the automatic messages of all workspaces, or let them go on.
    StopSends(bool),
    /// Let go what is too old.
    Tick,
}

impl Command {
    /// An item of an account that nobody has connected.
    #[must_use]
    pub fn unrouted(account: &str, raw: &[u8]) -> Self {
        Self::Unrouted(Unrouted::new(account, raw))
    }

    /// Size for admission, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Unrouted(item) => item.size(),
            Self::Quarantine(item) => item.size(),
            Self::CountTest | Self::ReleaseUnrouted { .. } | Self::StopSends(_) | Self::Tick => 0,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An item of an unknown account was kept.
    UnroutedKept {
        /// When.
        at: Timestamp,
        /// What.
        item: Unrouted,
    },
    /// Something not understood was kept.
    Quarantined {
        /// When.
        at: Timestamp,
        /// What.
        item: Quarantined,
    },
    /// The oldest left.
    Dropped {
        /// How many of the items of unknown accounts.
        unrouted: usize,
        /// How many of the quarantined ones.
        quarantined: usize,
    },
    /// A dashboard test was counted.
    TestCounted {
        /// When.
        at: Timestamp,
    },
    /// Automatic messages were stopped at an instant; `None` lets them go on.
    SendsStopped(Option<Timestamp>),
    /// The oldest items of an account left for its workspace. Only older programs wrote this.
    UnroutedReleased {
        /// Which account.
        account: String,
        /// How many.
        count: usize,
    },
    /// The items of an account left for its workspace.
    UnroutedServed {
        /// Which account.
        account: String,
        /// Number of the last one.
        through: u64,
    },
}

impl Entity for Intake {
    const KIND: &'static str = "intake";
    const SCHEMA: u16 = 1;

    type Command = Command;
    type Event = Event;
    type Effect = Infallible;
    type Reply = ();
    type Rejection = Infallible;

    fn vacant(_: &str) -> Self {
        Self::default()
    }

    fn decide(draft: &mut Draft<Self>, now: Timestamp, command: &Command) -> Result<(), Infallible> {
        make_room(draft, now, command);
        match command {
            Command::Unrouted(item) => draft.emit(Event::UnroutedKept { at: now, item: item.clone() }),
            Command::Quarantine(item) => draft.emit(Event::Quarantined { at: now, item: item.clone() }),
            Command::CountTest => draft.emit(Event::TestCounted { at: now }),
            Command::ReleaseUnrouted { account, through } => release(draft, now, account, *through),
            Command::StopSends(stopped) => {
                if draft.sends_stopped_at.is_some() != *stopped {
                    draft.emit(Event::SendsStopped(stopped.then_some(now)));
                }
            }
            Command::Tick => {}
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::UnroutedKept { at, item } => self.unrouted.add(*at, item),
            Event::Quarantined { at, item } => self.quarantine.add(*at, item),
            Event::Dropped { unrouted, quarantined } => {
                self.unrouted.drop_oldest(*unrouted);
                self.quarantine.drop_oldest(*quarantined);
            }
            Event::TestCounted { at } => {
                self.tests += 1;
                self.last_test_at = Some(*at);
            }
            Event::SendsStopped(at) => self.sends_stopped_at = *at,
            Event::UnroutedReleased { account, count } => {
                let mut left = *count;
                self.unrouted.items.retain(|kept| {
                    let leaves = left > 0 && kept.item.account() == account;
                    left -= usize::from(leaves);
                    !leaves
                });
                self.unrouted.bytes = self.unrouted.iter().map(|kept| kept.item.size()).sum();
            }
            Event::UnroutedServed { account, through } => {
                self.unrouted.items.retain(|kept| !is_served(kept, account, *through));
                self.unrouted.bytes = self.unrouted.iter().map(|kept| kept.item.size()).sum();
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let unrouted = self.unrouted.items.front().map(|kept| kept.at + UNROUTED_AGE_MAX);
        let quarantined = self.quarantine.items.front().map(|kept| kept.at + QUARANTINE_AGE_MAX);
        // One millisecond past the age, because only then it is beyond it.
        unrouted.into_iter().chain(quarantined).min().map(|due| due + Duration::from_millis(1))
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        None
    }

    fn is_busy(&self) -> bool {
        false
    }

    fn weight(&self) -> usize {
        self.unrouted.bytes + self.quarantine.bytes
    }
}

fn is_served(kept: &Stamped<Unrouted>, account: &str, through: u64) -> bool {
    kept.number <= through && kept.item.account() == account
}

fn release(draft: &mut Draft<Intake>, now: Timestamp, account: &str, through: u64) {
    let served = draft.unrouted.iter().filter(|kept| is_served(kept, account, through));
    let cut: Vec<_> = served.filter_map(|kept| kept.item.cut()).collect();
    for item in cut {
        let size = item.size();
        let quarantined = draft.quarantine.surplus(now, size, QUARANTINE_BYTES_MAX, QUARANTINE_AGE_MAX);
        if quarantined > 0 {
            draft.emit(Event::Dropped { unrouted: 0, quarantined });
        }
        draft.emit(Event::Quarantined { at: now, item });
    }
    draft.emit(Event::UnroutedServed { account: account.to_owned(), through });
}

fn make_room(draft: &mut Draft<Intake>, now: Timestamp, command: &Command) {
    let (unrouted, quarantined) = match command {
        Command::Unrouted(item) => (item.size(), 0),
        Command::Quarantine(item) => (0, item.size()),
        Command::CountTest | Command::ReleaseUnrouted { .. } | Command::StopSends(_) | Command::Tick => {
            (0, 0)
        }
    };
    let unrouted = draft.unrouted.surplus(now, unrouted, UNROUTED_BYTES_MAX, UNROUTED_AGE_MAX);
    let quarantined = draft.quarantine.surplus(now, quarantined, QUARANTINE_BYTES_MAX, QUARANTINE_AGE_MAX);
    if (unrouted, quarantined) != (0, 0) {
        draft.emit(Event::Dropped { unrouted, quarantined });
    }
}

/// Reasons of the quarantine with their counts.
#[must_use]
pub fn reasons(intake: &Intake) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for kept in intake.quarantine.iter() {
        *counts.entry(kept.item.reason()).or_default() += 1;
    }
    counts
}
