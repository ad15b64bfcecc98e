//! Erasing what was taken back long after it came: its row is found by the index of the history.

use super::{
    User, UserEffect, UserEvent, backlog,
    decision::DecisionNo,
    history::{self, Tombstone},
    keys,
    look_back::{Found, LookBack},
    tell,
};
use crate::{
    Draft, Timestamp,
    id::{Igsid, Mid},
};
use imbl::OrdMap;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// Most messages looked for at once. One beyond it takes the place of another, whose text stays hidden for the days that
/// [`super::seen::EVENT_DAYS`] says.
pub const ERASURES_MAX: usize = 1_000;
/// An answer that did not come by then is asked for again.
const LOOK_LEASE: Duration = Duration::from_secs(30);

/// A message whose row is looked for, to be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Whose.
    pub person: Igsid,
    /// Asked again then.
    pub due: Timestamp,
}

/// Messages whose rows are looked for.
pub type Erasures = OrdMap<Mid, Arc<Erasure>>;

impl User {
    /// The message was taken back by its writer and must not be shown, whatever its row in the history still says.
    #[must_use]
    pub fn was_taken_back(&self, person: &Igsid, mid: &Mid) -> bool {
        self.erasures.contains_key(mid) || self.tombstones.get(keys::message(person, mid)).is_some()
    }
}

/// Looks for the row of a message of which nothing is at hand.
pub(super) fn begin(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, mid: &Mid) {
    if draft.erasures.len() >= ERASURES_MAX
        && let Some((first, _)) = draft.erasures.get_min().cloned()
    {
        draft.emit(UserEvent::ErasureClosed(first));
    }
    look(draft, now, person, mid);
}

fn look(draft: &mut Draft<User>, now: Timestamp, person: &Igsid, mid: &Mid) {
    let erasure = Arc::new(Erasure { person: person.clone(), due: now + LOOK_LEASE });
    draft.emit(UserEvent::ErasureSet { mid: mid.clone(), erasure });
    draft.effect(UserEffect::ReadHistory(LookBack::Message { person: person.clone(), mid: mid.clone() }));
}

/// An answer did not come.
pub(super) fn due(draft: &mut Draft<User>, now: Timestamp, mid: &Mid) {
    if let Some(erasure) = draft.erasures.get(mid).cloned() {
        look(draft, now, &erasure.person, mid);
    }
}

/// Looks again for what was lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    let open: Vec<Mid> = draft.erasures.keys().cloned().collect();
    for mid in open {
        due(draft, now, &mid);
    }
}

/// The row was found, or there is none: the message came before the workspace kept anything.
pub(super) fn found(draft: &mut Draft<User>, now: Timestamp, mid: &Mid, found: Option<&Found>) {
    let (Some(erasure), Some(Found::Message(no))) = (draft.erasures.get(mid).cloned(), found) else { return };
    draft.emit(UserEvent::ErasureClosed(mid.clone()));
    if let Some(no) = no {
        tombstone(draft, &erasure.person, mid, *no);
        backlog::take_back(draft, now, &erasure.person, mid, Some(*no));
    }
}

/// Replaces the row of a message that left its thread.
pub(super) fn tombstone(draft: &mut Draft<User>, person: &Igsid, mid: &Mid, no: DecisionNo) {
    let tombstone = Tombstone { mid: mid.clone(), unsent: true };
    let row = tell::row(history::messages_of(person), no.0, &tombstone);
    draft.row(row);
}
