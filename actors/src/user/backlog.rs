//! Events of a line that are in the history only: read page by page when their turn has come, and taken up in order.

use super::{
    User, UserEffect, UserEvent, connection,
    decision::{DecisionNo, Silence, Verdict},
    dm,
    held::HeldEvent,
    history,
    line::{Line, LineName},
    look_back::{Found, LookBack},
    tell,
    trail::conclude,
};
use crate::{
    Draft, Timestamp,
    id::{Igsid, Mid},
};
use std::{sync::Arc, time::Duration};

/// A page that did not come by then is asked for again.
const READ_LEASE: Duration = Duration::from_secs(30);

impl User {
    pub(super) const fn line(&self, name: LineName) -> &Line {
        match name {
            LineName::Parked => &self.parked,
            LineName::Overflow => &self.overflow,
        }
    }

    pub(super) const fn line_mut(&mut self, name: LineName) -> &mut Line {
        match name {
            LineName::Parked => &mut self.parked,
            LineName::Overflow => &mut self.overflow,
        }
    }

    /// A page of a line is being read.
    pub(super) fn reads_back(&self) -> bool {
        [LineName::Parked, LineName::Overflow].into_iter().any(|name| is_reading(self, name))
    }
}

fn is_reading(user: &User, name: LineName) -> bool {
    user.line(name).behind().is_some_and(|behind| behind.reading_until.is_some())
}

/// Keeps an event in its line: at hand while there is room, else in the history.
pub(super) fn keep(draft: &mut Draft<User>, name: LineName, held: HeldEvent) {
    if draft.line(name).keeps_at_hand(name) {
        let held = Arc::new(held);
        return draft.emit(match name {
            LineName::Parked => UserEvent::Parked(held),
            LineName::Overflow => UserEvent::Overflowed(held),
        });
    }
    let row = tell::row(name.stream(), held.no.0, &held);
    draft.row(row);
    draft.emit(UserEvent::HeldBehind { line: name, no: held.no, at: held.event.received_at });
}

/// A message that waits was taken back: it waits no more, and its row in the history loses its content. `no` is its
/// number, when that is known.
pub(super) fn take_back(
    draft: &mut Draft<User>,
    now: Timestamp,
    person: &Igsid,
    mid: &Mid,
    no: Option<DecisionNo>,
) {
    for name in [LineName::Parked, LineName::Overflow] {
        let line = draft.line(name);
        let is_contact = draft.contacts.contains_key(person);
        let taken = if let Some(no) = line.message(person, mid).map(|held| held.no) {
            draft.emit(match name {
                LineName::Parked => UserEvent::Unparked(no),
                LineName::Overflow => UserEvent::OverflowTaken(no),
            });
            no
        } else if let (Some(no), Some(after)) = (no, line.behind().map(|behind| behind.after))
            && line.covers(no)
            && (name == LineName::Parked || !is_contact)
        {
            draft.row(history::emptied(name.stream(), no));
            // A page that is being read may hold the text: it is not waited for any more.
            draft.emit(UserEvent::BehindMoved { line: name, after, taken: 1 });
            no
        } else {
            continue;
        };
        conclude(draft, now, taken, Verdict::NoReply(Silence::Unsent));
    }
}

/// Asks for the next page of a line, when nothing of it is at hand and no page is being read.
pub(super) fn ask(draft: &mut Draft<User>, now: Timestamp, name: LineName) {
    let line = draft.line(name);
    let Some(behind) = line.behind().copied().filter(|_| line.first().is_none()) else { return };
    if behind.reading_until.is_some_and(|until| now < until) {
        return;
    }
    draft.emit(UserEvent::BehindAsked { line: name, until: now + READ_LEASE });
    let (after, last) = (behind.after, behind.last);
    draft.effect(UserEffect::ReadHistory(LookBack::Held { line: name, after, last }));
}

/// Asks again for pages that were lost with the activation.
pub(super) fn recover(draft: &mut Draft<User>, now: Timestamp) {
    for name in [LineName::Parked, LineName::Overflow] {
        if is_reading(draft, name) {
            draft.emit(UserEvent::BehindAsked { line: name, until: now });
            ask(draft, now, name);
        }
    }
}

/// A page came: takes up as many of its events as fit in this decision. A page that was asked for twice counts once.
pub(super) fn read(
    draft: &mut Draft<User>,
    now: Timestamp,
    (name, after): (LineName, DecisionNo),
    found: Option<&Found>,
) {
    let awaited = draft.line(name).behind().is_some_and(|it| it.after == after && it.reading_until.is_some());
    // Without an answer of the store the lease asks again.
    let Some(Found::Held { events, up_to }) = found.filter(|_| awaited) else { return };
    let (mut taken, mut moved) = (0_u64, after);
    let mut whole = true;
    for held in events.iter().filter(|held| held.no > after) {
        let fits = taken == 0 || !draft.is_full();
        if !fits || !take(draft, now, name, held) {
            whole = false;
            break;
        }
        draft.row(history::emptied(name.stream(), held.no));
        taken += 1;
        moved = held.no;
    }
    let after = if whole { moved.max(*up_to) } else { moved };
    draft.emit(UserEvent::BehindMoved { line: name, after, taken });
    if name == LineName::Overflow && draft.overflow.is_empty() {
        draft.emit(UserEvent::OverflowTried(now));
    } else if whole {
        ask(draft, now, name);
    }
}

/// Takes one event up. Whether its turn has come.
fn take(draft: &mut Draft<User>, now: Timestamp, name: LineName, held: &HeldEvent) -> bool {
    match name {
        LineName::Parked => connection::unpark_one(draft, now, held),
        LineName::Overflow => {
            let taken = dm::take_up(draft, now, held);
            if !taken {
                draft.emit(UserEvent::OverflowTried(now));
            }
            taken
        }
    }
}
