//! What can be derived from the messages: who is next, who is late, who belongs together. Kept up with every event,
//! and rebuilt after a snapshot is read.

use super::{Fingerprint, Kind, Lane, Outbound, OutboundId, State, ThreadId};
use crate::Timestamp;
use imbl::OrdSet;

/// A place in a queue: lane, automatic, instant, message.
pub(super) type Place = (Lane, bool, Timestamp, OutboundId);

/// Derived orders. Each operation is logarithmic in the number of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Messages that could start, by the instant from which they can.
    pub(super) due: OrdSet<Place>,
    /// All queued messages, by the last instant at which they may start.
    pub(super) deadlines: OrdSet<Place>,
    /// Messages that are not at their end, and unknown ones, by thread.
    pub(super) threads: OrdSet<(ThreadId, OutboundId)>,
    /// Messages that wait for another one, by that one.
    pub(super) children: OrdSet<(OutboundId, OutboundId)>,
    /// Ends of leases and next looks at unconfirmed messages.
    pub(super) checks: OrdSet<(Timestamp, OutboundId)>,
    /// Private replies to nobody knows whom, whose echo may still come.
    pub(super) anonymous: OrdSet<OutboundId>,
    /// Delivered and cancelled messages, by their end.
    pub(super) ended: OrdSet<(Timestamp, OutboundId)>,
    /// Dead letters, by their end.
    pub(super) dead: OrdSet<(Timestamp, OutboundId)>,
    /// Remembered keys and message ids, by age.
    pub(super) key_ages: OrdSet<(Timestamp, Fingerprint)>,
    pub(super) mid_ages: OrdSet<(Timestamp, Fingerprint)>,
    /// Attempts in flight.
    pub(super) sending: usize,
    /// Reads in flight.
    pub(super) reading: usize,
    /// Queued messages that wait for no other one, by lane.
    pub(super) waiting: [usize; Lane::ALL.len()],
    /// Messages that are not at their end.
    pub(super) open: usize,
}

impl Index {
    /// Enters everything about a message that depends on nothing but itself.
    pub(super) fn add(&mut self, item: &Outbound) {
        self.count(item, |counter| *counter += 1);
        let id = item.id;
        if in_thread(item) {
            self.threads.insert((item.thread.clone(), id));
        }
        if is_anonymous(item) {
            self.anonymous.insert(id);
        }
        if let (Some(parent), false) = (item.depends_on, is_gone(item)) {
            self.children.insert((parent, id));
        }
        match &item.state {
            State::Queued { .. } => {
                self.deadlines.insert(deadline(item));
            }
            State::Sending { .. } | State::Unconfirmed(_) => {
                self.checks.extend(check(item));
            }
            _ if item.is_dead_letter() => self.dead.extend(end(item)),
            _ => self.ended.extend(end(item)),
        }
    }

    /// Undoes [`Index::add`]; `item` is the message as it was then.
    pub(super) fn remove(&mut self, item: &Outbound) {
        self.count(item, |counter| *counter = counter.saturating_sub(1));
        let id = item.id;
        if in_thread(item) {
            self.threads.remove(&(item.thread.clone(), id));
        }
        if is_anonymous(item) {
            self.anonymous.remove(&id);
        }
        if let (Some(parent), false) = (item.depends_on, is_gone(item)) {
            self.children.remove(&(parent, id));
        }
        match &item.state {
            State::Queued { .. } => {
                self.deadlines.remove(&deadline(item));
            }
            State::Sending { .. } | State::Unconfirmed(_) => {
                check(item).map(|place| self.checks.remove(&place));
            }
            _ if item.is_dead_letter() => {
                end(item).map(|place| self.dead.remove(&place));
            }
            _ => {
                end(item).map(|place| self.ended.remove(&place));
            }
        }
    }

    fn count(&mut self, item: &Outbound, mut change: impl FnMut(&mut usize)) {
        if !item.is_ended() {
            change(&mut self.open);
        }
        match &item.state {
            State::Queued { .. } if item.depends_on.is_none() => match item.lane() {
                Lane::Human => change(&mut self.waiting[0]),
                Lane::Send => change(&mut self.waiting[1]),
                Lane::LiveReply => change(&mut self.waiting[2]),
                Lane::PrivateReply => change(&mut self.waiting[3]),
                Lane::PublicReply => change(&mut self.waiting[4]),
            },
            State::Sending { .. } => change(&mut self.sending),
            State::Unconfirmed(search) if search.reading => change(&mut self.reading),
            _ => {}
        }
    }

    /// Messages of a thread that are not at their end, and unknown ones, oldest first.
    pub(super) fn of_thread(&self, thread: &ThreadId) -> impl Iterator<Item = OutboundId> {
        let all = (thread.clone(), OutboundId::MIN)..=(thread.clone(), OutboundId::MAX);
        self.threads.range(all).map(|(_, id)| *id)
    }

    /// Messages that wait for this one, oldest first.
    pub(super) fn of_parent(&self, parent: OutboundId) -> impl Iterator<Item = OutboundId> {
        self.children.range((parent, OutboundId::MIN)..=(parent, OutboundId::MAX)).map(|(_, id)| *id)
    }
}

/// The queue of a lane in an index of places, up to an instant.
pub(super) fn queue(
    places: &OrdSet<Place>,
    lane: Lane,
    automatic: bool,
    until: Timestamp,
) -> impl Iterator<Item = (Timestamp, OutboundId)> {
    let all = (lane, automatic, Timestamp::MIN, OutboundId::MIN)..=(lane, automatic, until, OutboundId::MAX);
    places.range(all).map(|(_, _, at, id)| (*at, *id))
}

fn deadline(item: &Outbound) -> Place {
    (item.lane(), item.is_automatic(), item.last_start(), item.id)
}

const fn check(item: &Outbound) -> Option<(Timestamp, OutboundId)> {
    match &item.state {
        State::Sending { lease_until, .. } => Some((*lease_until, item.id)),
        State::Unconfirmed(search) => Some((search.next_check_at, item.id)),
        _ => None,
    }
}

fn end(item: &Outbound) -> Option<(Timestamp, OutboundId)> {
    item.ended_at().map(|at| (at, item.id))
}

const fn in_thread(item: &Outbound) -> bool {
    !item.is_ended() || matches!(item.state, State::Unknown { .. })
}

/// Its parent can not bring it back.
const fn is_gone(item: &Outbound) -> bool {
    item.is_ended() && !item.is_dead_letter()
}

const fn is_anonymous(item: &Outbound) -> bool {
    let awaited = match item.state {
        State::Sending { .. } | State::Unconfirmed(_) | State::Unknown { .. } => true,
        State::Queued { .. } => item.doubtful,
        State::Sent { .. } | State::Failed { .. } | State::Expired { .. } | State::Cancelled { .. } => false,
    };
    awaited && matches!(item.kind, Kind::PrivateReply { person: None, .. })
}
