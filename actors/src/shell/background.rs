//! Effects that nobody waits for: a second, bounded, paced lane of an entity, served when no other lane has anything to
//! start.

use super::limits::ShellLimits;
use crate::Timestamp;
use std::{collections::VecDeque, time::Duration};

/// The span that [`ShellLimits::background_starts`] counts in.
const PACE: Duration = Duration::from_secs(1);

/// Background effects of one entity.
pub(super) struct Background<T> {
    waiting: VecDeque<T>,
    /// Running, or with an outcome that is not decided yet.
    running: usize,
    /// In the relay's round, or waiting for its pace.
    in_round: bool,
    /// The last starts, oldest first, at most as many as may start in one span.
    starts: VecDeque<Timestamp>,
}

impl<T> Default for Background<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0, in_round: false, starts: VecDeque::new() }
    }
}

/// What a turn brings.
pub(super) enum Turn<T> {
    /// An effect to run, and whether the lane stays in the round.
    Start(T, bool),
    /// The pace allows the next one only then; the lane counts as being in the round until it is put back.
    Wait(Timestamp),
    /// Nothing: the lane left the round.
    Leave,
}

impl<T> Background<T> {
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }

    /// Adds effects as long as there is room; how many were left out, and whether the lane must join the round.
    pub(super) fn push(&mut self, effects: Vec<T>, limits: &ShellLimits) -> (usize, bool) {
        let room = limits.background_waiting.saturating_sub(self.waiting.len());
        let left_out = effects.len().saturating_sub(room);
        self.waiting.extend(effects.into_iter().take(room));
        (left_out, self.join(limits))
    }

    fn join(&mut self, limits: &ShellLimits) -> bool {
        let joins = !self.in_round && !self.waiting.is_empty() && self.running < limits.background_running;
        self.in_round |= joins;
        joins
    }

    /// Takes the lane's turn.
    pub(super) fn turn(&mut self, now: Timestamp, limits: &ShellLimits) -> Turn<T> {
        self.in_round = false;
        if self.running >= limits.background_running || self.waiting.is_empty() {
            return Turn::Leave;
        }
        while self.starts.front().is_some_and(|start| now >= *start + PACE) {
            self.starts.pop_front();
        }
        if let Some(oldest) = self.starts.front().filter(|_| self.starts.len() >= limits.background_starts) {
            self.in_round = true;
            return Turn::Wait(*oldest + PACE);
        }
        let Some(effect) = self.waiting.pop_front() else { return Turn::Leave };
        self.starts.push_back(now);
        self.running += 1;
        Turn::Start(effect, self.join(limits))
    }

    /// An outcome was decided; true when the lane must join the round.
    pub(super) fn ended(&mut self, limits: &ShellLimits) -> bool {
        self.running = self.running.saturating_sub(1);
        self.join(limits)
    }

    /// Forgets what was not started.
    pub(super) fn clear(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.waiting)
    }
}
