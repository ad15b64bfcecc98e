//! Every metric of this room: name, unit, meaning.

use metrics::{Histogram, counter, gauge, histogram};
use std::time::Instant;

/// Histogram, seconds: from taking a group to its answers.
pub const GROUP_SECONDS: &str = "greenroom_journal_group_seconds";
/// Histogram, records: how many records shared a flush.
pub const GROUP_RECORDS: &str = "greenroom_journal_group_records";
/// Counter, bytes: written to the journal.
pub const BYTES_WRITTEN: &str = "greenroom_journal_bytes_total";
/// Histogram, seconds: from asking for an append to its answer.
pub const APPEND_SECONDS: &str = "greenroom_journal_append_seconds";
/// Counter, appends: refused because the engine was behind.
pub const APPENDS_OVERLOADED: &str = "greenroom_journal_appends_overloaded_total";
/// Gauge, files: segments of the journal.
pub const SEGMENTS: &str = "greenroom_journal_segments";
/// Gauge, bytes: records that the working set does not have yet.
pub const LAG_BYTES: &str = "greenroom_working_set_lag_bytes";
/// Histogram, seconds: one flush into the working set.
pub const FLUSH_SECONDS: &str = "greenroom_working_set_flush_seconds";
/// Counter, rebuilds: of the working set while running.
pub const REBUILDS: &str = "greenroom_working_set_rebuilds_total";
/// Gauge, 0 or 1: what a crash left is being checked while the engine runs.
pub const AUDIT_RUNNING: &str = "greenroom_audit_running";
/// Gauge, entities: checked by that audit so far.
pub const AUDIT_ENTITIES: &str = "greenroom_audit_entities";
/// Counter, problems: found by that audit.
pub const AUDIT_PROBLEMS: &str = "greenroom_audit_problems_total";
/// Histogram, seconds: one checkpoint.
pub const CHECKPOINT_SECONDS: &str = "greenroom_checkpoint_seconds";
/// Gauge, bytes: size of the newest checkpoint.
pub const CHECKPOINT_BYTES: &str = "greenroom_checkpoint_bytes";
/// Counter, checkpoints that failed.
pub const CHECKPOINTS_FAILED: &str = "greenroom_checkpoints_failed_total";

/// A moment to measure from.
#[expect(
    clippy::disallowed_methods,
    reason = "measures how long work took, for metrics and for pauses between work"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) fn group_committed(started: Instant) {
    histogram!(GROUP_SECONDS).record(started.elapsed());
}

pub(crate) fn group_written(records: usize, bytes: usize) {
    histogram!(GROUP_RECORDS).record(float(records));
    counter!(BYTES_WRITTEN).increment(u64::try_from(bytes).unwrap_or(u64::MAX));
}

/// Looked up once: it is told of every append.
pub(crate) fn appends() -> Histogram {
    histogram!(APPEND_SECONDS)
}

pub(crate) fn overloaded() {
    counter!(APPENDS_OVERLOADED).increment(1);
}

pub(crate) fn segments(count: usize) {
    gauge!(SEGMENTS).set(float(count));
}

pub(crate) fn lag(bytes: usize) {
    gauge!(LAG_BYTES).set(float(bytes));
}

pub(crate) fn flushed(started: Instant) {
    histogram!(FLUSH_SECONDS).record(started.elapsed());
}

pub(crate) fn rebuilt() {
    counter!(REBUILDS).increment(1);
}

pub(crate) fn audit_running(is_running: bool) {
    gauge!(AUDIT_RUNNING).set(if is_running { 1.0 } else { 0.0 });
}

pub(crate) fn audited(entities: u64) {
    gauge!(AUDIT_ENTITIES).set(float(usize::try_from(entities).unwrap_or(usize::MAX)));
}

pub(crate) fn audit_problem() {
    counter!(AUDIT_PROBLEMS).increment(1);
}

pub(crate) fn checkpointed(started: Instant, bytes: u64) {
    histogram!(CHECKPOINT_SECONDS).record(started.elapsed());
    gauge!(CHECKPOINT_BYTES).set(float(usize::try_from(bytes).unwrap_or(usize::MAX)));
}

pub(crate) fn checkpoint_failed() {
    counter!(CHECKPOINTS_FAILED).increment(1);
}

/// Gauges and histograms are floats; sizes here are far below where that loses anything that matters.
fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number / 1024).unwrap_or(u32::MAX))
        .mul_add(1024.0, f64::from(u32::try_from(number % 1024).unwrap_or(0)))
}
