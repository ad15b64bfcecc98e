//! What all connections and calls share.

use super::{
    Limits, Product, Trouble,
    admission::{Admission, Place},
    connection::{End, Run},
    failure::{self, RequestIds},
    lanes::Lanes,
    metric_definitions::{self, Counters},
    product::{Kind, Mutated, Outcome, Ts},
    recent::Recent,
};
use crate::{auth::address::ClientAddresses, server::Peer};
use axum::http::{Extensions, HeaderMap};
use futures::FutureExt;
use greenroom_actors::{Timestamp, ports::Clock};
use parking_lot::Mutex;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Bytes that one byte-permit stands for.
const BYTES_PER_PERMIT: usize = 1024;

/// The room of the protocol over a product.
pub struct Sync<P: Product> {
    pub(super) product: Arc<P>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) connection_limits: Arc<super::ConnectionLimits>,
    pub(super) lanes: Lanes<P::Caller>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) calls: Arc<Semaphore>,
    pub(super) bodies: Arc<Semaphore>,
    pub(super) recent: Recent<P>,
    pub(super) counters: Counters,
    admission: Arc<Admission>,
    actions: Arc<Semaphore>,
    addresses: ClientAddresses,
    ids: Mutex<RequestIds>,
    held: AtomicUsize,
}

impl<P: Product> Sync<P> {
    /// A room over this product. The seed makes the names of failures.
    pub fn new(
        product: Arc<P>,
        clock: Arc<dyn Clock>,
        addresses: ClientAddresses,
        limits: Limits,
        seed: u64,
    ) -> Arc<Self> {
        metric_definitions::describe();
        Arc::new(Self {
            product,
            clock,
            connection_limits: Arc::new(limits.connection.clone()),
            lanes: Lanes::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            calls: Arc::new(Semaphore::new(limits.calls_max)),
            bodies: Arc::new(Semaphore::new(limits.body_bytes_max / BYTES_PER_PERMIT)),
            recent: Recent::default(),
            counters: Counters::default(),
            admission: Admission::new(limits.connections_max, limits.connections_per_address_max),
            actions: Arc::new(Semaphore::new(limits.actions_max)),
            addresses,
            ids: Mutex::new(RequestIds::new(seed)),
            held: AtomicUsize::new(0),
            limits,
        })
    }

    /// Closes all connections, spread over [`Limits::close_spread`], and waits for them and for the calls that run.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Cancelled when connections are about to be closed: whoever else keeps one open ends it, too.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What the room serves.
    pub fn product(&self) -> &P {
        &self.product
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number that no other call of this got.
    pub(super) fn seed(&self) -> u64 {
        self.ids.lock().next()
    }

    pub(super) fn named(&self, failed: super::Failed) -> super::Failed {
        failure::named(failed, &mut self.ids.lock())
    }

    /// A place for a connection, or nothing when there are too many.
    pub(super) fn admit(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<Place> {
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let address = match self.addresses.is_behind_proxies() {
            true => self.addresses.resolve(forwarded),
            // Anybody may have written the header.
            false => extensions.get::<Peer>().map(|peer| peer.0.ip().into()),
        };
        self.admission.admit(address)
    }

    /// A connection holds this much instead of that; `false` when all together hold too much.
    pub(super) fn hold(&self, before: usize, now: usize) -> bool {
        if now >= before {
            self.held.fetch_add(now - before, Ordering::Relaxed) + (now - before)
                <= self.limits.held_bytes_max
        } else {
            self.held.fetch_sub(before - now, Ordering::Relaxed);
            true
        }
    }

    /// Room for so many bytes of bodies.
    pub(super) const fn body_permits(bytes: usize) -> usize {
        bytes.div_ceil(BYTES_PER_PERMIT)
    }

    /// Whether this caller may still act.
    pub(super) async fn check_live(&self, caller: Option<&P::Caller>) -> Result<bool, Trouble> {
        match caller {
            Some(caller) => caught(self.product.is_live(caller)).await,
            None => Ok(true),
        }
    }

    /// Runs a mutation whose turn it is.
    pub(super) async fn mutate(&self, run: &Run<P::Caller>) -> End<Mutated> {
        let caller = run.caller.as_ref();
        match self.check_live(caller).await {
            Ok(true) => {}
            Ok(false) => return End::Revoked,
            Err(trouble) => return End::Trouble(trouble),
        }
        let path = &run.call.path;
        if let Some(failed) = failure::wrong_kind(path, self.product.kind(path), Kind::Mutation) {
            return End::Done(Mutated { outcome: Err(failed), ts: Ts(0) });
        }
        if run.key.is_none() && self.product.is_seen_outside(path) {
            return End::Unkeyed;
        }
        self.counters.mutations.increment(1);
        // When it panics, nobody can say what had happened by then.
        match caught_as(self.product.mutate(caller, &run.call, run.key.as_ref()), Trouble::Unknown).await {
            Ok(mutated) => End::Done(mutated),
            Err(trouble) => End::Trouble(trouble),
        }
    }

    /// Runs an action.
    pub(super) async fn act(&self, run: &Run<P::Caller>) -> End<Outcome> {
        let Ok(_permit) = self.actions.try_acquire() else {
            return End::Trouble(Trouble::Overloaded { retry_after: Duration::from_secs(3) });
        };
        let caller = run.caller.as_ref();
        match self.check_live(caller).await {
            Ok(true) => {}
            Ok(false) => return End::Revoked,
            Err(trouble) => return End::Trouble(trouble),
        }
        let path = &run.call.path;
        if let Some(failed) = failure::wrong_kind(path, self.product.kind(path), Kind::Action) {
            return End::Done(Err(failed));
        }
        self.counters.actions.increment(1);
        match caught(self.product.act(caller, &run.call)).await {
            Ok(outcome) => End::Done(outcome),
            Err(trouble) => End::Trouble(trouble),
        }
    }
}

/// A panic of the product is a trouble like any other: the connection or call ends in order.
pub(super) async fn caught<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    caught_as(work, Trouble::Internal).await
}

async fn caught_as<T>(
    work: impl Future<Output = Result<T, Trouble>>,
    panicked: Trouble,
) -> Result<T, Trouble> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("the product panicked in a call of the sync protocol");
        Err(panicked)
    })
}
