//! Handles to the shell's metrics, looked up once per host.

use crate::metric_definitions as names;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// A counter that the host can read back.
pub(super) struct Tally {
    count: AtomicU64,
    metric: Counter,
}

impl Tally {
    const fn new(metric: Counter) -> Self {
        Self { count: AtomicU64::new(0), metric }
    }

    pub(super) fn increment(&self, by: u64) {
        self.count.fetch_add(by, Relaxed);
        self.metric.increment(by);
    }

    pub(super) fn get(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

/// Every metric of one host.
pub(super) struct Metrics {
    pub(super) batch_commands: Histogram,
    pub(super) decide_seconds: Histogram,
    pub(super) append_seconds: Histogram,
    pub(super) activation_seconds: Histogram,
    pub(super) activation_failures: Tally,
    pub(super) resident: Gauge,
    pub(super) resident_bytes: Gauge,
    pub(super) refusals: Tally,
    pub(super) restarts: Tally,
    pub(super) passivations: Tally,
    pub(super) quarantined: Tally,
    pub(super) snapshots: Tally,
    pub(super) snapshot_bytes: Tally,
    pub(super) effects_running: Gauge,
    pub(super) outlet_panics: Tally,
    pub(super) background_left_out: Tally,
    pub(super) timers: Gauge,
}

impl Metrics {
    pub(super) fn of_kind(kind: &'static str) -> Self {
        Self {
            batch_commands: histogram!(names::BATCH_COMMANDS, "kind" => kind),
            decide_seconds: histogram!(names::DECIDE_SECONDS, "kind" => kind),
            append_seconds: histogram!(names::APPEND_SECONDS, "kind" => kind),
            activation_seconds: histogram!(names::ACTIVATION_SECONDS, "kind" => kind),
            activation_failures: Tally::new(counter!(names::ACTIVATION_FAILURES, "kind" => kind)),
            resident: gauge!(names::RESIDENT, "kind" => kind),
            resident_bytes: gauge!(names::RESIDENT_BYTES, "kind" => kind),
            refusals: Tally::new(counter!(names::REFUSALS, "kind" => kind)),
            restarts: Tally::new(counter!(names::RESTARTS, "kind" => kind)),
            passivations: Tally::new(counter!(names::PASSIVATIONS, "kind" => kind)),
            quarantined: Tally::new(counter!(names::QUARANTINED, "kind" => kind)),
            snapshots: Tally::new(counter!(names::SNAPSHOTS, "kind" => kind)),
            snapshot_bytes: Tally::new(counter!(names::SNAPSHOT_BYTES, "kind" => kind)),
            effects_running: gauge!(names::EFFECTS_RUNNING, "kind" => kind),
            background_left_out: Tally::new(counter!(names::BACKGROUND_LEFT_OUT, "kind" => kind)),
            outlet_panics: Tally::new(counter!(names::OUTLET_PANICS, "kind" => kind)),
            timers: gauge!(names::TIMERS, "kind" => kind),
        }
    }
}

/// Measures a span for a metric. Nothing is decided by it.
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "metrics measure real time, in microseconds; no decision reads it"
    )]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
