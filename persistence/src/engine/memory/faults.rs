//! Faults on purpose: how a test holds appends back, or makes them fail.

use super::{Shared, stores};
use crate::{AppendError, JournalHealth, ReadError, StoredRecord, Stores};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// What happens to an append instead of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refused with [`AppendError::Unavailable`]; nothing is written.
    Unavailable,
    /// Refused with [`AppendError::Overloaded`]; nothing is written.
    Overloaded,
    /// Answered with [`AppendError::Unknown`]; nothing was written.
    UnknownLost,
    /// Answered with [`AppendError::Unknown`]; the record was written.
    UnknownKept,
}

/// Steers a memory engine from a test. Cheap to clone.
#[derive(Clone)]
pub struct MemoryHandle {
    pub(super) shared: Arc<Shared>,
}

impl MemoryHandle {
    /// The next append gets this fault; called several times, the appends after it get theirs in order.
    pub fn fail_next_append(&self, fault: Fault) {
        self.shared.faults.appends.lock().push_back(fault);
    }

    /// The next `count` reads of any kind fail with [`ReadError::Unavailable`].
    pub fn fail_next_reads(&self, count: usize) {
        *self.shared.faults.reads.lock() = count;
    }

    /// From now on appends are refused with [`AppendError::Overloaded`] and this hint, and
    /// [`crate::Journal::pressure`] says so; `None` ends it.
    pub fn set_pressure(&self, retry_after: Option<Duration>) {
        *self.shared.faults.pressure.lock() = retry_after;
    }

    /// From now on every append is refused with [`AppendError::Unavailable`], as after a write that failed, and
    /// [`crate::Journal::health`] says so.
    pub fn fail_for_good(&self, why: &str) {
        self.shared.faults.health.send_replace(JournalHealth::Failed(why.to_owned()));
    }

    /// Holds every append from now on, before anything is checked or written.
    pub fn pause_appends(&self) {
        self.shared.faults.gate.send_replace(true);
    }

    /// Lets the held appends go on.
    pub fn resume_appends(&self) {
        self.shared.faults.gate.send_replace(false);
    }

    /// How many appends are held now.
    #[must_use]
    pub fn held_appends(&self) -> usize {
        self.shared.faults.held.load(Ordering::Acquire)
    }

    /// Every record, in global order.
    #[must_use]
    pub fn records(&self) -> Vec<StoredRecord> {
        self.shared.table.lock().read(crate::Position(1), usize::MAX)
    }

    /// A new opening of the same data, as after a restart. The earlier openings keep working unless they were closed,
    /// so two writers can be set against each other.
    #[must_use]
    pub fn reopen(&self) -> Stores {
        stores(&self.shared)
    }
}

pub(super) struct Faults {
    appends: Mutex<VecDeque<Fault>>,
    reads: Mutex<usize>,
    pressure: Mutex<Option<Duration>>,
    gate: watch::Sender<bool>,
    pub(super) health: watch::Sender<JournalHealth>,
    held: AtomicUsize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            appends: Mutex::default(),
            reads: Mutex::default(),
            pressure: Mutex::default(),
            gate: watch::Sender::new(false),
            health: watch::Sender::new(JournalHealth::Open),
            held: AtomicUsize::new(0),
        }
    }
}

pub(super) enum Verdict {
    Pass,
    Refuse(AppendError),
    AppendThen(AppendError),
}

/// Counts a held append for as long as its future lives.
struct Held<'a>(&'a AtomicUsize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Faults {
    /// Returns once the gate is open.
    pub(super) async fn pass_gate(&self) {
        let mut gate = self.gate.subscribe();
        if !*gate.borrow() {
            return;
        }
        self.held.fetch_add(1, Ordering::AcqRel);
        let _held = Held(&self.held);
        while *gate.borrow_and_update() {
            if gate.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn pressure(&self) -> Option<Duration> {
        *self.pressure.lock()
    }

    pub(super) fn next_append(&self) -> Verdict {
        const WHY: &str = "fault asked for by a test";
        const RETRY_AFTER: Duration = Duration::from_millis(50);
        match self.appends.lock().pop_front() {
            None => Verdict::Pass,
            Some(Fault::Unavailable) => Verdict::Refuse(AppendError::Unavailable(WHY.into())),
            Some(Fault::Overloaded) => Verdict::Refuse(AppendError::Overloaded { retry_after: RETRY_AFTER }),
            Some(Fault::UnknownLost) => Verdict::Refuse(AppendError::Unknown(WHY.into())),
            Some(Fault::UnknownKept) => Verdict::AppendThen(AppendError::Unknown(WHY.into())),
        }
    }

    pub(super) fn next_read(&self) -> Result<(), ReadError> {
        let mut left = self.reads.lock();
        if *left == 0 {
            return Ok(());
        }
        *left -= 1;
        Err(ReadError::Unavailable("fault asked for by a test".into()))
    }
}
