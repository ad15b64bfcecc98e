//! Owners who answered persons that are no contacts yet: automation rests for them when they become contacts.

use crate::{Timestamp, id::Igsid};
use imbl::Vector;
use serde::{Deserialize, Serialize};

/// Most persons remembered, about 100 bytes each; the oldest gives way. A takeover lasts a day at most, and few persons
/// that the owner writes to are unknown.
pub(super) const TAKEOVERS_MAX: usize = 1_000;

/// Persons with the instant until which automation rests for them, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Takeovers(Vector<(Igsid, Timestamp)>);

impl Takeovers {
    /// Until when automation rests for a person that is no contact.
    #[must_use]
    pub(super) fn until(&self, person: &Igsid) -> Option<Timestamp> {
        self.0.iter().rev().find(|(of, _)| of == person).map(|(_, until)| *until)
    }

    pub(super) fn put(&mut self, person: &Igsid, until: Timestamp) {
        let until = self.take(person).map_or(until, |before| before.max(until));
        if self.0.len() >= TAKEOVERS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((person.clone(), until));
    }

    pub(super) fn take(&mut self, person: &Igsid) -> Option<Timestamp> {
        let place = self.0.iter().position(|(of, _)| of == person)?;
        Some(self.0.remove(place).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_person_gives_way() {
        let mut takeovers = Takeovers::default();
        for person in 0..=TAKEOVERS_MAX {
            takeovers.put(&Igsid::from(format!("p{person}")), Timestamp::from_millis(5));
        }
        assert_eq!(takeovers.until(&Igsid::from("p0")), None);
        assert_eq!(takeovers.until(&Igsid::from("p1")), Some(Timestamp::from_millis(5)));
        takeovers.put(&Igsid::from("p1"), Timestamp::from_millis(3));
        assert_eq!(takeovers.take(&Igsid::from("p1")), Some(Timestamp::from_millis(5)));
        assert_eq!(takeovers.until(&Igsid::from("p1")), None);
    }
}
