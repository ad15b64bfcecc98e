//! Arrivals by the clock, not by the answers: a slow server cannot slow the load down and hide its tail.

use crate::http::Connection;
use hdrhistogram::Histogram;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Slowest answer that the histogram tells apart, in microseconds.
const LATENCY_MAX_MICROS: u64 = 60_000_000;
/// Status of a request that was not answered.
const FAILED: u16 = 0;

/// One run.
#[derive(Clone, Copy)]
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
    pub(crate) begun: Instant,
    pub(crate) elapsed: Duration,
    pub(crate) measured: u64,
    /// By request: the status, 0 when it was not answered.
    pub(crate) statuses: Vec<u16>,
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

    /// Requests answered 200, answered otherwise, and not answered.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let accepted = self.statuses.iter().filter(|status| **status == 200).count();
        let failed = self.statuses.iter().filter(|status| **status == FAILED).count();
        (accepted, self.statuses.len() - accepted - failed, failed)
    }
}

struct Shared {
    next: AtomicUsize,
    statuses: Vec<AtomicU16>,
}

impl Load {
    /// Sends every request once.
    #[expect(clippy::disallowed_methods, reason = "a load tool measures real time on its own tasks")]
    pub(crate) async fn run(self, requests: Arc<Vec<Vec<u8>>>) -> anyhow::Result<Outcome> {
        let shared = Arc::new(Shared {
            next: AtomicUsize::new(0),
            statuses: requests.iter().map(|_| AtomicU16::new(FAILED)).collect(),
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
        let mut begun = None::<Instant>;
        for task in tasks {
            let (histogram, first) = task.await??;
            latency.add(&histogram)?;
            begun = begun.into_iter().chain(first).min();
        }
        let begun = begun.unwrap_or(start);
        Ok(Outcome {
            begun,
            elapsed: begun.elapsed(),
            measured: latency.len(),
            statuses: shared.statuses.iter().map(|status| status.load(Ordering::Relaxed)).collect(),
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
) -> anyhow::Result<(Histogram<u64>, Option<Instant>)> {
    let mut latency = Histogram::new_with_bounds(1, LATENCY_MAX_MICROS, 3)?;
    let mut begun = None;
    loop {
        let index = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = requests.get(index) else { return Ok((latency, begun)) };
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
            latency
                .saturating_record(u64::try_from(planned.elapsed().as_micros()).unwrap_or(u64::MAX).max(1));
        }
        match status {
            Ok(status) => shared.statuses[index].store(status, Ordering::Relaxed),
            // The request counts as failed; this connection carries no more.
            Err(_) => return Ok((latency, begun)),
        }
    }
}
