//! When erased bytes must leave the disk: the checkpoint that is made for them, and the segment that is ended before.

use super::{shared::Shared, writer::Message};
use crate::{Position, metric_definitions as metric};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// Time to the next try when the bytes could not be removed, or the working set was not on disk yet.
const RETRY_WAIT: Duration = Duration::from_secs(60);

/// What waits to be removed.
pub(super) struct Erasures {
    /// To end the segment that is being written. Weak: the writer ends when nobody can append any more.
    writer: mpsc::WeakSender<Message>,
    within: Duration,
    /// When the bytes must go; `None` while there are none.
    due: Option<Instant>,
}

impl Erasures {
    /// `has_erased` tells that there are erased bytes from before the start: they are due at once.
    pub(super) fn new(writer: mpsc::WeakSender<Message>, within: Duration, has_erased: bool) -> Self {
        Self { writer, within, due: has_erased.then(metric::start) }
    }

    /// How long until something is due; `None` when nothing will be.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(metric::start()))
    }

    /// Whether a checkpoint is to be made now for what was erased.
    pub(super) fn are_due(&self, shared: &Shared) -> bool {
        self.wait() == Some(Duration::ZERO) && shared.index.read().erased().is_some()
    }

    /// Ends the segment, so that a checkpoint can cover all of it, and sees that the working set has on disk what was
    /// erased, since only then segments go. True when it is so.
    pub(super) fn prepare(&self, shared: &Shared) -> bool {
        let erased = shared.index.read().erased().unwrap_or_default();
        if Position(shared.set_synced.load(Ordering::Acquire)) < erased {
            shared.want(|wanted| wanted.flush = true);
            return false;
        }
        self.end_segment()
    }

    fn end_segment(&self) -> bool {
        let Some(writer) = self.writer.upgrade() else { return false };
        let (done, ended) = oneshot::channel();
        let sent = writer.try_send(Message::EndSegment(done));
        drop(writer);
        sent.is_ok() && ended.blocking_recv().is_ok()
    }

    /// Sets the next due time: none when nothing waits, soon when it was due and still waits.
    pub(super) fn settle(&mut self, shared: &Shared) {
        let now = metric::start();
        self.due = match (self.due, shared.index.read().erased()) {
            (_, None) => None,
            (None, Some(_)) => Some(now + self.within),
            (Some(due), Some(_)) if due <= now => Some(now + RETRY_WAIT.min(self.within)),
            (due, Some(_)) => due,
        };
    }
}
