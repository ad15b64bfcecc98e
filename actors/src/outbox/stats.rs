//! An honest estimate of a queue: "312 waiting, about 1 h 35 min".

use super::{Lane, Outbox, QueueStats, index::queue, lane::GENERAL};
use crate::Timestamp;

impl Outbox {
    /// When the first message of a queue can start, as far as it is concerned itself: what is held back waits.
    fn first_place(&self, lane: Lane, automatic: bool) -> Option<Timestamp> {
        queue(&self.index.due, lane, automatic, Timestamp::MAX).next().map(|(at, _)| at)
    }

    /// How many messages wait in a lane, and when the last of them will have gone at the pace of now. Messages that
    /// wait for another one first are not counted.
    #[must_use]
    pub fn queue_stats(&self, lane: Lane, now: Timestamp) -> QueueStats {
        let waiting = match lane {
            Lane::Human => self.index.waiting[0],
            Lane::Send => self.index.waiting[1],
            Lane::LiveReply => self.index.waiting[2],
            Lane::PrivateReply => self.index.waiting[3],
            Lane::PublicReply => self.index.waiting[4],
        };
        let state = self.lanes.of(lane);
        let closed_until = Some(state.shut_until()).filter(|until| now < *until);
        let stopped = if lane == Lane::Human { None } else { self.safety_stop(now) };
        let first = [false, true].into_iter().filter_map(|automatic| self.first_place(lane, automatic)).min();
        let begin = [closed_until, stopped, first].into_iter().flatten().fold(now, Timestamp::max);
        let rate = self.rate(lane, begin);
        let expected_end = (waiting > 0 && self.parked.is_none()).then(|| match rate {
            Some(rate) => state.bucket.last_of(waiting, &rate, begin),
            None => self.lanes.general.last_of(waiting, &GENERAL, begin),
        });
        QueueStats { waiting, expected_end, closed_until }
    }
}
