//! Reads of persons' profiles: paced, few at once, and never in the way of a reply.

use super::{User, UserEffect, UserEvent};
use crate::{Draft, Timestamp, id::Igsid};
use imbl::Vector;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Time that one read costs. With the burst that makes five in any second (platform practice for other calls).
pub const PROFILE_SPACING: Duration = Duration::from_millis(334);
/// Reads at once after a quiet time.
pub const PROFILES_BURST: u32 = 3;
/// Reads in flight at once: a reply never waits behind more.
pub const PROFILES_IN_FLIGHT_MAX: usize = 4;
/// Persons whose profile waits to be read, about 40 bytes each. Those beyond are asked for after their next message.
pub const PROFILES_WAITING_MAX: usize = 1_000;
/// A read without an answer is given up after this.
pub const PROFILE_LEASE: Duration = Duration::from_secs(120);
/// Persons taken out of the line by one tick.
const TAKEN_AT_ONCE: usize = 64;

/// Profiles that are waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    /// Oldest first. At most [`PROFILES_WAITING_MAX`].
    waiting: Vector<Igsid>,
    /// Reads in flight, with the ends of their leases.
    reading: Vector<(Igsid, Timestamp)>,
    /// The burst will be whole again then.
    full_at: Timestamp,
}

impl Default for Profiles {
    fn default() -> Self {
        Self { waiting: Vector::new(), reading: Vector::new(), full_at: Timestamp::MIN }
    }
}

impl Profiles {
    /// When the next person's turn is.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        (!self.waiting.is_empty()).then(|| self.free_at())
    }

    fn free_at(&self) -> Timestamp {
        let lease = self.reading.iter().map(|(_, lease_until)| *lease_until).min();
        let is_full = self.reading.len() >= PROFILES_IN_FLIGHT_MAX;
        let open_at = self.full_at - PROFILE_SPACING * (PROFILES_BURST - 1);
        open_at.max(lease.filter(|_| is_full).unwrap_or(Timestamp::MIN))
    }

    fn is_waited_for(&self, person: &Igsid) -> bool {
        self.waiting.contains(person) || self.reading.iter().any(|(of, _)| of == person)
    }

    pub(super) fn want(&mut self, person: &Igsid) {
        if self.waiting.len() < PROFILES_WAITING_MAX {
            self.waiting.push_back(person.clone());
        }
    }

    pub(super) fn asked(&mut self, person: &Igsid, at: Timestamp) {
        self.settled(person);
        self.reading.retain(|(_, lease_until)| at < *lease_until);
        self.reading.push_back((person.clone(), at + PROFILE_LEASE));
        self.full_at = self.full_at.max(at) + PROFILE_SPACING;
    }

    pub(super) fn settled(&mut self, person: &Igsid) {
        self.waiting.retain(|of| of != person);
        self.reading.retain(|(of, _)| of != person);
    }
}

/// Asks for a person's profile when it is missing and was not asked for lately: at once, or when its turn comes.
pub(super) fn refresh(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) {
    if !is_readable(draft, now, person) || draft.profiles.is_waited_for(person) {
        return;
    }
    if draft.profiles.waiting.is_empty() && draft.profiles.free_at() <= now {
        ask(draft, now, person);
    } else if draft.profiles.waiting.len() < PROFILES_WAITING_MAX {
        draft.emit(UserEvent::ProfileWanted(person.clone()));
    }
}

/// Asks for those whose turn has come.
pub(super) fn tick(draft: &mut Draft<User>, now: Timestamp) {
    for done in 0..TAKEN_AT_ONCE {
        let is_due = draft.profiles.next_due().is_some_and(|due| due <= now);
        if !is_due || (done > 0 && draft.is_full()) {
            return;
        }
        let Some(person) = draft.profiles.waiting.front().cloned() else { return };
        if is_readable(draft, now, &person) {
            ask(draft, now, &person);
        } else {
            draft.emit(UserEvent::ProfileSettled(person));
        }
    }
}

fn is_readable(user: &User, now: Timestamp, person: &Igsid) -> bool {
    user.integration.as_ref().is_some_and(|integration| integration.is_usable(now))
        && user.contacts.get(person).is_some_and(|contact| contact.wants_profile(now))
        && user.outbox.background_reads_allowed(now)
}

fn ask(draft: &mut Draft<User>, now: Timestamp, person: &Igsid) {
    if let Some(access) = draft.access() {
        draft.emit(UserEvent::ProfileAsked { person: person.clone(), at: now });
        draft.effect(UserEffect::FetchProfile { person: person.clone(), access });
    }
}
