//! Logs and metrics of the process, installed once.

use crate::config;
use greenroom_actors::ports::Clock;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan, util::SubscriberInitExt};

/// How often the histograms are folded.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Buckets of every latency histogram, in seconds: 50 µs to 30 s.
const LATENCY_BUCKETS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    30.0,
];

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter does not parse.
    #[error("setting log.filter: {0}")]
    Filter(String),
    /// Something else in the process has installed a recorder.
    #[error("metrics cannot start: {0}")]
    Metrics(String),
}

/// Sends structured events to standard error.
///
/// # Errors
/// When the filter is wrong. A subscriber that is installed already is left alone.
pub fn start_logs(log: &config::Log) -> Result<(), TelemetryError> {
    let filter =
        EnvFilter::try_new(&log.filter).map_err(|error| TelemetryError::Filter(error.to_string()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    let outcome = if log.format == "json" {
        builder.json().finish().try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).finish().try_init()
    };
    if outcome.is_err() {
        tracing::debug!("a log subscriber is installed already");
    }
    Ok(())
}

/// Says where a panic happened and nothing else: its text may quote what people wrote.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        tracing::error!(place, thread, "a panic; its activation or request ends, the process goes on");
    }));
}

/// The recorder is one per process, however many servers run in it.
static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// Installs the metrics recorder, once per process, and returns the handle that renders it.
///
/// # Errors
/// When another recorder is installed already.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*recorder {
        return Ok(handle.clone());
    }
    let failed = |error: metrics_exporter_prometheus::BuildError| TelemetryError::Metrics(error.to_string());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS)
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)?;
    *recorder = Some(handle.clone());
    Ok(handle)
}

/// Folds what the histograms have collected, now and then: without it they grow for ever.
pub async fn keep_up(metrics: &PrometheusHandle, clock: &dyn Clock, stop: &CancellationToken) {
    while stop.run_until_cancelled(clock.sleep(UPKEEP_INTERVAL)).await.is_some() {
        metrics.run_upkeep();
    }
}
