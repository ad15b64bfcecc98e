//! Runs one connection: moves frames between the socket and the core, and carries out what the core asks for.

use super::{
    core::{Client, Core, End, Output, close_of},
    outgoing::Close,
    queries::{Evaluated, Evaluation},
    requests::Run,
};
use crate::sync::{
    Admitted, Changes, Kind, Mutated, Outcome, Product, Refused, Sync, Trouble, Ts, failure,
    lanes::Lane,
    limits::PARALLEL_QUERIES_MAX,
    metric_definitions,
    room::caught,
    socket::{Arrived, Wire},
};
use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use greenroom_actors::Timestamp;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// Whoever holds less than this is not closed because all together hold too much.
const SMALL_BYTES: usize = 256 * 1024;

/// Something that the connection waited for.
enum Ended<P: Product> {
    Observed(Result<(), Trouble>),
    Verified(Result<Admitted<P::Caller>, Refused>),
    Mutated(u32, End<Mutated>),
    Acted(u32, usize, End<Outcome>),
    Taken(u64, P::Snapshot, Ts),
    Evaluated(u64, Vec<Evaluated<P::Reads>>),
    NotEvaluated(u64, Trouble),
    Revoked,
}

/// A subscription to changes, and for whom.
struct Watch<P: Product> {
    caller: Option<P::Caller>,
    changes: P::Changes,
}

/// The lane in use, and whose it is.
type OwnLane<C> = (Option<C>, Arc<Lane<C>>);

struct Shell<P: Product> {
    room: Arc<Sync<P>>,
    core: Core<P::Caller, P::Reads>,
    wire: Wire,
    jobs: FuturesUnordered<BoxFuture<'static, Ended<P>>>,
    watch: Option<Watch<P>>,
    lane: Option<OwnLane<P::Caller>>,
    timer: Option<(Timestamp, BoxFuture<'static, ()>)>,
    stops_at: Option<Timestamp>,
    held: usize,
    closing: Option<Close>,
}

/// Serves a connection to its end.
pub(in crate::sync) async fn run<P: Product>(room: Arc<Sync<P>>, wire: Wire, client: Client) {
    let (seed, connections) = (room.seed(), room.counters.connections.clone());
    connections.increment(1);
    let core = Core::new(room.now(), client, Arc::clone(&room.connection_limits), seed);
    let mut shell = Shell {
        room,
        core,
        wire,
        jobs: FuturesUnordered::new(),
        watch: None,
        lane: None,
        timer: None,
        stops_at: None,
        held: 0,
        closing: None,
    };
    shell.serve(seed).await;
    connections.decrement(1);
    let close = shell.closing;
    let (clock, wire) = (Arc::clone(&shell.room.clock), &mut shell.wire);
    if let Some(close) = close {
        metric_definitions::closed(close);
        wire.finish(close, clock.as_ref()).await;
    }
}

impl<P: Product> Drop for Shell<P> {
    fn drop(&mut self) {
        self.room.hold(self.held, 0);
    }
}

impl<P: Product> Shell<P> {
    async fn serve(&mut self, seed: u64) {
        let stop = self.room.stop.clone();
        while self.closing.is_none() {
            self.set_timer();
            let timer = self.timer.as_mut().map(|(_, timer)| timer);
            let reads = self.core.takes_messages();
            tokio::select! {
                Some(ended) = self.jobs.next() => self.ended(ended),
                arrived = self.wire.next(reads) => {
                    if !self.arrived(arrived) {
                        return;
                    }
                }
                changed = changed(self.watch.as_mut()) => self.changed(changed),
                () = sleep(timer) => {
                    self.timer = None;
                    self.tick();
                }
                () = stop.cancelled(), if self.stops_at.is_none() => self.stop_later(seed),
            }
            self.perform();
            self.account();
        }
    }

    /// Keeps the timer while it is early enough: firing early costs less than setting it again for every frame.
    fn set_timer(&mut self) {
        let due = self.stops_at.into_iter().fold(self.core.next_tick(), Timestamp::min);
        if self.timer.as_ref().is_none_or(|(set, _)| due < *set) {
            let clock = Arc::clone(&self.room.clock);
            self.timer = Some((due, async move { clock.sleep_until(due).await }.boxed()));
        }
    }

    fn tick(&mut self) {
        let now = self.room.now();
        if self.stops_at.is_some_and(|at| now >= at) {
            self.core.close(Close::RESTART);
        }
        self.core.tick(now);
    }

    /// Spread over a span, so that the clients do not all come back at once.
    fn stop_later(&mut self, seed: u64) {
        let spread = self.room.limits.close_spread;
        self.stops_at =
            Some(self.room.now() + spread.mul_f64(f64::from((seed >> 32) as u32) / f64::from(u32::MAX)));
        if spread == Duration::ZERO {
            self.core.close(Close::RESTART);
        }
    }

    /// `false` when the client is gone.
    fn arrived(&mut self, arrived: Arrived) -> bool {
        let now = self.room.now();
        match arrived {
            Arrived::Written(bytes, ended_transition) => self.core.written(now, bytes, ended_transition),
            Arrived::Text(text) => {
                self.core.heard(now);
                self.core.message(now, text.as_str());
            }
            Arrived::Other => self.core.heard(now),
            Arrived::Wrong(why) => self.core.fatal(now, why),
            Arrived::Gone => return false,
        }
        true
    }

    fn changed(&mut self, changed: Result<(), Trouble>) {
        match changed {
            Ok(()) => self.core.changed(self.room.now()),
            // The process is stopping.
            Err(_) => self.core.close(Close::RESTART),
        }
    }

    fn account(&mut self) {
        let held = self.core.held_bytes();
        let is_within = self.room.hold(self.held, held);
        self.held = held;
        if !is_within && held > SMALL_BYTES {
            self.core.close(Close::OVERLOAD);
            self.perform();
        }
    }

    fn perform(&mut self) {
        while let Some(output) = self.core.take() {
            match output {
                Output::Frame(frame) => {
                    self.room.counters.transitions.increment(u64::from(frame.ends_transition));
                    self.wire.queue(frame);
                }
                Output::Ping => self.wire.ping(),
                Output::Observe(ts) => {
                    let observed = self.room.product.observed(ts);
                    self.jobs.push(std::future::ready(Ended::Observed(observed)).boxed());
                }
                Output::Verify(token) => self.verify(token),
                Output::Mutate(run) => self.mutate(run),
                Output::Act(run) => self.act(run),
                Output::Snapshot { serial, caller } => self.take_snapshot(serial, caller),
                Output::Close(close) => self.closing = Some(close),
            }
        }
    }

    fn verify(&self, token: String) {
        let room = Arc::clone(&self.room);
        let verified = async move {
            let checked = AssertUnwindSafe(room.product.authenticate(&token)).catch_unwind().await;
            Ended::Verified(checked.unwrap_or(Err(Refused::Unchecked)))
        };
        self.jobs.push(verified.boxed());
    }

    /// Goes on when the socket is gone, and keeps its turn: a copy that comes by the next socket waits for it.
    fn mutate(&mut self, run: Run<P::Caller>) {
        let (room, lane, request) = (Arc::clone(&self.room), self.lane(&run), run.request);
        let (mut answer, answered) = oneshot::channel();
        self.room.tasks.spawn(async move {
            let turn = tokio::select! {
                turn = lane.turn() => turn,
                // Not started, so dropped: the client sends it again.
                () = answer.closed() => return,
            };
            let end = room.mutate(&run).await;
            drop(turn);
            // A socket that is gone needs no answer.
            let _ = answer.send(end);
        });
        let ended =
            async move { Ended::Mutated(request, answered.await.unwrap_or(End::Trouble(Trouble::Unknown))) };
        self.jobs.push(ended.boxed());
    }

    fn lane(&mut self, run: &Run<P::Caller>) -> Arc<Lane<P::Caller>> {
        match &self.lane {
            Some((caller, lane)) if *caller == run.caller => Arc::clone(lane),
            _ => {
                let lane = Arc::new(self.room.lanes.of(self.core.session(), run.caller.as_ref()));
                // Without a session the lane is no other connection's; the session may still come.
                if self.core.session().is_some() {
                    self.lane = Some((run.caller.clone(), Arc::clone(&lane)));
                }
                lane
            }
        }
    }

    fn act(&self, run: Run<P::Caller>) {
        let (room, request, bytes) = (Arc::clone(&self.room), run.request, run.bytes());
        let (answer, answered) = oneshot::channel();
        self.room.tasks.spawn(async move {
            // A socket that is gone needs no answer.
            let _ = answer.send(room.act(&run).await);
        });
        let ended = async move {
            Ended::Acted(request, bytes, answered.await.unwrap_or(End::Trouble(Trouble::Internal)))
        };
        self.jobs.push(ended.boxed());
    }

    /// Subscribes to changes before it reads, so that none is missed.
    fn take_snapshot(&mut self, serial: u64, caller: Option<P::Caller>) {
        if self.core.is_unsubscribed() {
            self.watch = None;
        } else if self.watch.as_ref().is_none_or(|watch| watch.caller != caller) {
            match self.room.product.watch(caller.as_ref()) {
                Ok(changes) => self.watch = Some(Watch { caller: caller.clone(), changes }),
                Err(trouble) => return self.core.close(close_of(&trouble)),
            }
        }
        let room = Arc::clone(&self.room);
        let taken = async move {
            match room.check_live(caller.as_ref()).await {
                Ok(true) => {}
                Ok(false) => return Ended::Revoked,
                Err(trouble) => return Ended::NotEvaluated(serial, trouble),
            }
            match caught(room.product.snapshot(caller.as_ref())).await {
                Ok(snapshot) => {
                    let ts = room.product.ts(&snapshot);
                    Ended::Taken(serial, snapshot, ts)
                }
                Err(trouble) => Ended::NotEvaluated(serial, trouble),
            }
        };
        self.jobs.push(taken.boxed());
    }

    fn evaluate(&mut self, serial: u64, snapshot: P::Snapshot, ts: Ts) {
        let product = Arc::clone(&self.room.product);
        let Some(due) = self.core.plan(serial, ts, |reads, since| product.is_stale(reads, since, &snapshot))
        else {
            return;
        };
        let (looked_at, due_count) = (self.core.subscriptions() as u64, due.len() as u64);
        self.room.counters.evaluated.increment(due_count);
        self.room.counters.skipped.increment(looked_at.saturating_sub(due_count));
        if due.is_empty() {
            return self.core.evaluated(self.room.now(), serial, Vec::new());
        }
        let caller = self.core.caller().cloned();
        let evaluated = async move {
            let (product, caller, snapshot) = (&product, caller.as_ref(), &snapshot);
            let each = stream::iter(due)
                .map(|evaluation| evaluate(product.as_ref(), caller, snapshot, evaluation))
                .buffered(PARALLEL_QUERIES_MAX);
            match each.try_collect().await {
                Ok(results) => Ended::Evaluated(serial, results),
                Err(trouble) => Ended::NotEvaluated(serial, trouble),
            }
        };
        self.jobs.push(evaluated.boxed());
    }

    fn ended(&mut self, ended: Ended<P>) {
        let now = self.room.now();
        match ended {
            Ended::Observed(result) => self.core.observed(now, result),
            Ended::Verified(result) => self.core.verified(now, result),
            Ended::Mutated(request, end) => self.core.mutated(now, request, end),
            Ended::Acted(request, bytes, end) => self.core.acted(now, request, bytes, end),
            Ended::Taken(serial, snapshot, ts) => self.evaluate(serial, snapshot, ts),
            Ended::Evaluated(serial, results) => self.core.evaluated(now, serial, results),
            Ended::NotEvaluated(serial, trouble) => self.core.not_evaluated(now, serial, &trouble),
            Ended::Revoked => self.core.revoked(now),
        }
    }
}

async fn evaluate<P: Product>(
    product: &P,
    caller: Option<&P::Caller>,
    snapshot: &P::Snapshot,
    evaluation: Evaluation,
) -> Result<Evaluated<P::Reads>, Trouble> {
    let path = &evaluation.call.path;
    if let Some(failed) = failure::wrong_kind(path, product.kind(path), Kind::Query) {
        return Ok(evaluation.failed(failed));
    }
    let query = product.query(caller, snapshot, &evaluation.call, evaluation.journal.as_deref());
    let answered = caught(query).await?;
    Ok(evaluation.answered(answered))
}

async fn changed<P: Product>(watch: Option<&mut Watch<P>>) -> Result<(), Trouble> {
    match watch {
        Some(watch) => watch.changes.changed().await,
        None => std::future::pending().await,
    }
}

async fn sleep(timer: Option<&mut BoxFuture<'static, ()>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}
