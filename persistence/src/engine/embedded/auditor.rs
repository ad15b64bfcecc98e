//! The audit thread: after a crash it reads, at a modest pace and while everybody is served, what the start left
//! unread: the entities of the working set, and the checkpoint.
//!
//! A working set that turns out to be damaged is built again at once. A damaged checkpoint is told loudly and leaves the
//! working set in place: it may be all that is left of what the checkpoint lost.

use super::{
    audit::Walk,
    checkpoint::{CheckpointError, CheckpointReader},
    home::Home,
    shared::Shared,
    working_set::{SetError, WorkingSet},
};
use crate::metric_definitions as metric;
use std::{
    cell::Cell,
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Most problems that are kept to be asked for. All are logged.
const PROBLEMS_MAX: usize = 100;
/// Work between two rests.
const WORK: Duration = Duration::from_millis(20);
/// A rest is this many times as long as the work before it: the audit takes at most a third of one core.
const REST_PER_WORK: u32 = 2;
/// Longest rest; also the time between two looks at a set that is being built again.
const REST_MAX: Duration = Duration::from_millis(200);

/// What the check of everything after a crash has found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// It goes on.
    pub is_running: bool,
    /// It came to its end. Otherwise the next start begins it again.
    pub is_complete: bool,
    /// Entities that were checked.
    pub entities: u64,
    /// Entities that there were at the start.
    pub entities_total: u64,
    /// What was found, at most 100 of it.
    pub problems: Vec<String>,
}

pub(super) struct Auditor {
    shared: Arc<Shared>,
    home: Home,
    entities: u64,
    pace: Pace,
}

impl Auditor {
    /// From here on the audit counts as running.
    pub(super) fn new(shared: Arc<Shared>, home: Home, entities: u64) -> Self {
        shared.audit.send_replace(Audit { is_running: true, entities_total: entities, ..Audit::default() });
        metric::audit_running(true);
        Self { shared, home, entities, pace: Pace::default() }
    }

    pub(super) fn run(self) {
        tracing::info!(
            entities = self.entities,
            "the last stop was a crash: working set and checkpoint are checked while serving"
        );
        self.check_set();
        self.check_checkpoint();
        if self.shared.is_stopping() {
            tracing::info!("the check after the crash is not finished; the next start begins it again");
        } else {
            self.shared.audit.send_modify(|audit| audit.is_complete = true);
            let found = self.shared.audit.borrow().problems.len();
            tracing::info!(found, "the check after the crash is finished");
        }
    }

    fn problem(&self, what: String) {
        metric::audit_problem();
        tracing::error!(what, "the check after the crash found damage");
        self.shared.audit.send_modify(|audit| {
            if audit.problems.len() < PROBLEMS_MAX {
                audit.problems.push(what);
            }
        });
    }

    /// Ends when the set is whole, or another one is in its place.
    fn check_set(&self) {
        let mut walk = Walk::default();
        while !self.shared.is_stopping() {
            // Not held while resting: whoever closes it waits for its last user.
            let Ok(set) = self.shared.set() else {
                thread::park_timeout(REST_MAX);
                continue;
            };
            if set.vouched.is_whole() {
                return;
            }
            match walk.step(&set, || self.shared.gate.read()) {
                Ok(_) => self.tell(walk.checked),
                Err(error) => self.distrust(set, &error),
            }
            self.pace.rest();
        }
    }

    fn tell(&self, checked: u64) {
        metric::audited(checked);
        let tenth = |checked: u64| checked.saturating_mul(10).checked_div(self.entities).unwrap_or(10);
        let before = self.shared.audit.borrow().entities;
        if tenth(checked) > tenth(before) {
            tracing::info!(checked, of = self.entities, "checking the entities of the working set");
        }
        self.shared.audit.send_modify(|audit| audit.entities = checked);
    }

    /// Has the set built again, and waits until it is out of the way.
    fn distrust(&self, set: Arc<WorkingSet>, error: &SetError) {
        self.problem(format!("working set: {error}"));
        self.shared.set_is_damaged(error);
        let damaged = Arc::downgrade(&set);
        drop(set);
        while !self.shared.is_stopping()
            && self.shared.set().is_ok_and(|now| std::ptr::eq(Arc::as_ptr(&now), damaged.as_ptr()))
        {
            thread::park_timeout(WORK);
        }
    }

    fn check_checkpoint(&self) {
        let go_on = || {
            self.pace.rest();
            !self.shared.is_stopping()
        };
        let files = match self.home.checkpoint_files() {
            Ok(files) => files,
            Err(error) => return self.problem(error.to_string()),
        };
        let Some((position, path)) = files.last() else { return };
        match CheckpointReader::verify(path, &go_on) {
            Ok(found) if found == *position => {}
            Ok(_) => self.problem(format!("{} has the name of another position", path.display())),
            Err(CheckpointError::Stopped) => {}
            // A newer one took its place, and was read whole when it was made.
            Err(CheckpointError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.problem(error.to_string()),
        }
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        metric::audit_running(false);
        self.shared.audit.send_modify(|audit| audit.is_running = false);
    }
}

/// Rests after work.
struct Pace {
    since: Cell<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { since: Cell::new(metric::start()) }
    }
}

impl Pace {
    fn rest(&self) {
        let worked = self.since.get().elapsed();
        if worked >= WORK {
            thread::park_timeout(worked.saturating_mul(REST_PER_WORK).min(REST_MAX));
            self.since.set(metric::start());
        }
    }
}
