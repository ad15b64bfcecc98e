//! What time does to a connection: signs of life, and the end of patience.

use super::{
    core::{Blocked, Core, Output},
    outgoing::Close,
};
use crate::sync::{
    limits::{MUTATION_TIME_MAX, PING_AFTER, SILENCE_MAX, STALL_MAX, TRANSPORT_PING_EVERY},
    message,
};
use greenroom_actors::Timestamp;

impl<C: Clone + PartialEq, R> Core<C, R> {
    /// Time has passed.
    pub(in crate::sync) fn tick(&mut self, now: Timestamp) {
        if self.closed {
            return;
        }
        if now.since(self.heard_at) >= SILENCE_MAX {
            return self.close(Close::GONE);
        }
        if self.outgoing.frames > 0 && now.since(self.written_at) >= STALL_MAX {
            return self.close(Close::OVERLOAD);
        }
        if self.requests.running().is_some_and(|running| now.since(running.since) >= MUTATION_TIME_MAX) {
            return self.close(Close::TROUBLE);
        }
        if let Some(Blocked::Ahead(ts, until)) = self.blocked
            && now >= until
        {
            self.blocked = Some(Blocked::Observing(ts));
            self.out.push_back(Output::Observe(ts));
        }
        if self.outgoing.frames == 0 {
            if now.since(self.sent_at) >= PING_AFTER {
                self.send(now, message::ping().into(), false);
            }
            if now.since(self.pinged_at) >= TRANSPORT_PING_EVERY {
                self.pinged_at = now;
                self.out.push_back(Output::Ping);
            }
        }
        self.advance(now);
    }

    /// When [`Core::tick`] is due if nothing else happens.
    pub(in crate::sync) fn next_tick(&self) -> Timestamp {
        let silence = self.heard_at + SILENCE_MAX;
        let sending = match self.outgoing.frames {
            0 => (self.sent_at + PING_AFTER).min(self.pinged_at + TRANSPORT_PING_EVERY),
            _ => self.written_at + STALL_MAX,
        };
        let mutation = self.requests.running().map(|running| running.since + MUTATION_TIME_MAX);
        let ahead = match self.blocked {
            Some(Blocked::Ahead(_, until)) => Some(until),
            _ => None,
        };
        let due = [mutation, ahead, self.transition_due()];
        due.into_iter().flatten().fold(silence.min(sending), Timestamp::min)
    }
}
