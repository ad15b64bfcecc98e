//! Arrivals by the clock, not by the answers: a slow server cannot slow the load down and hide its tail.

use crate::http::Connection;
use hdrhistogram::Histogram;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Slowest answer that the histogram tells apart, in microseconds.
const LATENCY_MAX_MICROS: u64 = 60_000_000;

/// One run.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    /// Requests per second; `None` sends as fast as answers come (closed loop), for finding the capacity.
    pub(crate) rate: Option<f64>,
    /// Share of the requests at the start that is not measured.
    pub(crate) warm_up: f64,
}

/// What came out.
pub(crate) struct Outcome {
    pub(crate) elapsed: Duration,
    pub(crate) measured: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    /// Time from the planned arrival to the whole answer, in microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Outcome {
    pub(crate) fn per_second(&self) -> f64 {
        self.measured as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

struct Shared {
    next: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Load {
    /// Sends every request once.
    #[expect(clippy::disallowed_methods, reason = "a load tool measures real time on its own tasks")]
    pub(crate) async fn run(&self, requests: Arc<Vec<Vec<u8>>>) -> anyhow::Result<Outcome> {
        let shared = Arc::new(Shared {
            next: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            connections.push(Connection::open(self.address).await?);
        }
        let first_measured = (requests.len() as f64 * self.warm_up) as usize;
        let start = Instant::now();
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                let (shared, requests) = (Arc::clone(&shared), Arc::clone(&requests));
                tokio::spawn(work(connection, shared, requests, self.rate, first_measured, start))
            })
            .collect();
        let mut latency = Histogram::new_with_bounds(1, LATENCY_MAX_MICROS, 3)?;
        let mut first = None::<Instant>;
        for task in tasks {
            let (histogram, begun) = task.await?;
            latency.add(&histogram)?;
            first = match (first, begun) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        Ok(Outcome {
            elapsed: first.unwrap_or(start).elapsed(),
            measured: latency.len(),
            accepted: shared.accepted.load(Ordering::Relaxed),
            refused: shared.refused.load(Ordering::Relaxed),
            failed: shared.failed.load(Ordering::Relaxed),
            latency,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a load tool measures real time")]
async fn work(
    mut connection: Connection,
    shared: Arc<Shared>,
    requests: Arc<Vec<Vec<u8>>>,
    rate: Option<f64>,
    first_measured: usize,
    start: Instant,
) -> (Histogram<u64>, Option<Instant>) {
    #[expect(clippy::expect_used, reason = "constant bounds")]
    let mut latency = Histogram::new_with_bounds(1, LATENCY_MAX_MICROS, 3).expect("constant bounds");
    let mut begun = None;
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(index) else { return (latency, begun) };
        let planned = match rate {
            Some(rate) => {
                let planned = start + Duration::from_secs_f64(index as f64 / rate);
                tokio::time::sleep_until(planned.into()).await;
                planned
            }
            None => Instant::now(),
        };
        let status = connection.send(request).await;
        if index >= first_measured {
            begun.get_or_insert(planned);
            latency.saturating_record(u64::try_from(planned.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
        }
        let counter = match status {
            Ok(200) => &shared.accepted,
            Ok(_) => &shared.refused,
            Err(_) => &shared.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if status.is_err() {
            return (latency, begun);
        }
    }
}
