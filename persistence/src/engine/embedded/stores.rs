//! The seams over the threads.

use super::super::failure;
use super::{
    CheckpointFailed, OpenError, Opened, Options, Progress,
    auditor::{Audit, Auditor},
    body,
    checkpointer::{self, Checkpointer},
    erasures::Erasures,
    follower::{Follower, Mending},
    home::{Home, io_error},
    log::Log,
    reads::{self, PageQuery},
    recover,
    shared::Shared,
    spare::Spares,
    writer::{Message, Request, Writer},
};
use crate::{
    AppendError, Committed, Direction, Directory, EntityId, History, Journal, JournalHealth, NewRecord, Page,
    Position, ReadError, RowNo, Seq, SnapshotBlob, Snapshots, StoredRecord, Stores, TimerEntry, Timers,
    Timestamp, metric_definitions as metric,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    fs, io,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Most appends that wait for the writer.
const QUEUE_MAX: usize = 16_384;
/// Most requests that wait for the checkpoint thread.
const CHECKPOINT_QUEUE_MAX: usize = 16;
/// When to try again after the queue was full: a few groups later.
const RETRY_AFTER_QUEUE: Duration = Duration::from_millis(20);
/// When to try again after the working set lagged too far: a few flushes later.
const RETRY_AFTER_LAG: Duration = Duration::from_millis(250);

/// Work on an open engine beyond the seams.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    checkpoints: SyncSender<checkpointer::Request>,
}

impl Handle {
    /// Makes a checkpoint of everything that is durable now, verifies it, and removes what it covers. Its position.
    ///
    /// # Errors
    /// When it cannot be made; everything then stays as it was.
    pub async fn checkpoint(&self) -> Result<Position, CheckpointFailed> {
        let (reply, made) = oneshot::channel();
        self.checkpoints
            .try_send(checkpointer::Request::Make(reply))
            .map_err(|_| CheckpointFailed("the checkpoint thread is busy or stopped".into()))?;
        made.await.map_err(|_| CheckpointFailed("the engine was closed".into()))?
    }

    /// Asks for a flush into the working set soon, and does not wait for it.
    pub fn flush_soon(&self) {
        self.shared.want(|wanted| wanted.flush = true);
    }

    /// Records that the working set does not have yet, in bytes.
    #[must_use]
    pub fn lag_bytes(&self) -> usize {
        self.shared.lag_bytes.load(Ordering::Acquire)
    }

    /// How far the check of what a crash left is, and what it found. Empty when there was no crash.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.shared.audit.borrow().clone()
    }

    /// Waits until that check has ended, and a working set that it found damaged is built again.
    pub async fn audited(&self) -> Audit {
        let mut audit = self.shared.audit.subscribe();
        // The sender lives in `shared`, so this cannot fail.
        match audit.wait_for(|audit| !audit.is_running).await {
            Ok(ended) => ended.clone(),
            Err(_) => self.audit(),
        }
    }

    /// Stops as a crash would: nothing more is answered or brought into the working set. For tests.
    #[cfg(any(test, feature = "test-support"))]
    pub async fn abandon(&self) {
        self.shared.abandoned.store(true, Ordering::Release);
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.set_health(JournalHealth::Closed);
        self.shared.want(|wanted| wanted.abandon = true);
        wait_for_end(&self.shared).await;
    }

    #[cfg(test)]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

async fn wait_for_end(shared: &Shared) {
    let mut finished = shared.finished.subscribe();
    // The sender lives in `shared`, so this cannot fail.
    if finished.wait_for(|finished| *finished).await.is_err() {
        tracing::error!("the engine ended without saying so");
    }
}

pub(super) fn open(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<Opened, OpenError> {
    let home = Home::new(&options.folder);
    let lock = home.prepare()?;
    checkpointer::remove_drafts(&home)?;
    let recovered = recover::recover(&home, options, false, progress)?;
    let journal = home.journal();
    let spares = Spares::start(&journal, options.segment_bytes).map_err(io_error(&journal))?;
    let (last, base, generation) = (recovered.last, recovered.base, recovered.generation);
    let has_erased = recovered.index.erased().is_some();
    let shared = Shared::new(recovered.set, recovered.index, last, options.flush_bytes, lock);
    let uncovered: u64 = shared.index.read().segments.iter().map(|segment| segment.end).sum();
    shared.uncovered_bytes.store(uncovered, Ordering::Release);
    let shared = Arc::new(shared);
    let auditor = recovered
        .report
        .audit_follows
        .then(|| Auditor::new(Arc::clone(&shared), home.clone(), recovered.entities_unchecked));
    let index = Arc::clone(&shared.index);
    #[cfg_attr(not(test), expect(unused_mut, reason = "tests plant a fault"))]
    let mut log = Log::resume(journal.clone(), options.segment_bytes, index, last, spares)
        .map_err(io_error(&journal))?;
    #[cfg(test)]
    {
        log.fail_next_write = Arc::clone(&shared.fail_next_write);
    }

    let (checkpoints, requests) = sync_channel(CHECKPOINT_QUEUE_MAX);
    let (queue, messages) = mpsc::channel(QUEUE_MAX);
    let newest = super::checkpoint::path_of(&home.checkpoints(), base, super::checkpoint::EXTENSION);
    let checkpointer = Checkpointer {
        shared: Arc::clone(&shared),
        home: home.clone(),
        requests,
        checkpoint_bytes: options.checkpoint_bytes,
        newest_bytes: fs::metadata(newest).map_or(0, |data| data.len()),
        // Small journals have small runs, so that tests merge many.
        run_bytes: checkpointer::RUN_BYTES.min(usize::try_from(options.segment_bytes).unwrap_or(usize::MAX)),
        backoff: checkpointer::Backoff::default(),
        erasures: Erasures::new(queue.downgrade(), options.erased_within, has_erased),
    };
    let checkpointer = start("journal-checkpoint", move || checkpointer.run()).map_err(io_error(&journal))?;
    let stop = checkpoints.clone();
    let follower = Follower {
        shared: Arc::clone(&shared),
        home,
        options: options.clone(),
        generation,
        unsynced: 0,
        is_finished: false,
        mending: Mending::default(),
        checkpointer: Some(checkpointer),
        wake_checkpointer: Box::new(move || {
            // Fails only when the thread ended already.
            drop(stop.send(checkpointer::Request::Stop));
        }),
    };
    start("journal-follower", move || follower.run()).map_err(io_error(&journal))?;
    let writer = Writer::new(Arc::clone(&shared), log, messages, checkpoints.clone());
    start("journal-writer", move || writer.run()).map_err(io_error(&journal))?;
    if let Some(auditor) = auditor {
        start("journal-audit", move || auditor.run()).map_err(io_error(&journal))?;
    }

    let handle = Handle { shared: Arc::clone(&shared), checkpoints };
    let limits = Limits { lag_bytes: options.lag_bytes_max, queue_bytes: options.queue_bytes_max };
    let engine = Arc::new(Engine { shared, queue, limits, append_seconds: metric::appends() });
    let stores = Stores {
        journal: Arc::<Engine>::clone(&engine),
        snapshots: Arc::<Engine>::clone(&engine),
        directory: Arc::<Engine>::clone(&engine),
        history: Arc::<Engine>::clone(&engine),
        timers: engine,
    };
    Ok(Opened { stores, report: recovered.report, handle })
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

#[derive(Clone, Copy)]
struct Limits {
    lag_bytes: usize,
    queue_bytes: usize,
}

struct Engine {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Message>,
    limits: Limits,
    append_seconds: metrics::Histogram,
}

impl Engine {
    /// Runs a read that may wait for the disk, off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(&self.shared);
        let read = tokio::task::spawn_blocking(move || read(&shared)).await;
        read.map_err(|_| ReadError::Unavailable("the read was cut short".into()))?
    }

    /// Refuses early what would only wait.
    fn admit(&self) -> Result<(), AppendError> {
        self.shared.check_writable()?;
        let Some(retry_after) = self.overload() else { return Ok(()) };
        metric::overloaded();
        Err(AppendError::Overloaded { retry_after })
    }

    /// When to try again, while the follower or the writer is too far behind.
    fn overload(&self) -> Option<Duration> {
        if self.shared.lag_bytes.load(Ordering::Acquire) >= self.limits.lag_bytes {
            Some(RETRY_AFTER_LAG)
        } else if self.shared.queued_bytes.load(Ordering::Acquire) >= self.limits.queue_bytes
            || self.queue.capacity() == 0
        {
            Some(RETRY_AFTER_QUEUE)
        } else {
            None
        }
    }

    fn send(&self, request: Request) -> Result<(), AppendError> {
        let size = request.framed.len();
        self.shared.queued_bytes.fetch_add(size, Ordering::AcqRel);
        self.queue.try_send(Message::Append(request)).map_err(|error| {
            self.shared.queued_bytes.fetch_sub(size, Ordering::AcqRel);
            match error {
                mpsc::error::TrySendError::Full(_) => {
                    metric::overloaded();
                    AppendError::Overloaded { retry_after: RETRY_AFTER_QUEUE }
                }
                mpsc::error::TrySendError::Closed(_) => {
                    AppendError::Unavailable("the journal is closed".into())
                }
            }
        })
    }
}

#[async_trait]
impl Journal for Engine {
    async fn append(&self, record: NewRecord) -> Result<Committed, AppendError> {
        let started = metric::start();
        self.admit()?;
        record.check_limits()?;
        if record.expected_seq == Seq(u64::MAX) {
            // No entity can be there, and there is no seq after it to encode.
            let NewRecord { entity, expected_seq: expected, .. } = record;
            let actual =
                self.head(&entity).await.map_err(|error| AppendError::Unavailable(error.to_string()))?;
            return Err(AppendError::Fenced { entity, expected, actual });
        }
        let framed = body::encode(&record);
        let NewRecord { entity, expected_seq, rows, directory, due, erase, payload: _ } = record;
        let (reply, answer) = oneshot::channel();
        self.send(Request { entity, expected_seq, directory, rows, due, erase, framed, reply })?;
        let committed =
            answer.await.map_err(|_| AppendError::Unknown("the writer ended before it answered".into()))?;
        self.append_seconds.record(started.elapsed());
        committed
    }

    async fn head(&self, entity: &EntityId) -> Result<Seq, ReadError> {
        let recent = self.shared.layers.read().head(entity);
        if let Some(head) = recent {
            return Ok(head);
        }
        let entity = entity.clone();
        self.blocking(move |shared| reads::head(shared, &entity)).await
    }

    async fn entities(
        &self,
        kind: &str,
        after: Option<&EntityId>,
        limit: usize,
    ) -> Result<Vec<EntityId>, ReadError> {
        let (kind, after) = (kind.to_owned(), after.cloned());
        self.blocking(move |shared| reads::entities(shared, &kind, after.as_ref(), limit)).await
    }

    async fn tail(&self, entity: &EntityId, after: Seq) -> Result<Vec<StoredRecord>, ReadError> {
        let entity = entity.clone();
        self.blocking(move |shared| reads::tail(shared, &entity, after)).await
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<StoredRecord>, ReadError> {
        self.blocking(move |shared| reads::read(shared, from, limit)).await
    }

    fn position(&self) -> Position {
        self.shared.position()
    }

    fn pressure(&self) -> Option<Duration> {
        self.overload()
    }

    fn health(&self) -> JournalHealth {
        self.shared.health().borrow().clone()
    }

    async fn failed(&self) -> String {
        failure(self.shared.health()).await
    }

    async fn close(&self) {
        if self.queue.send(Message::Close).await.is_err() {
            tracing::debug!("the journal was closed before");
        }
        wait_for_end(&self.shared).await;
    }
}

#[async_trait]
impl Snapshots for Engine {
    async fn load(&self, entity: &EntityId) -> Result<Option<SnapshotBlob>, ReadError> {
        let entity = entity.clone();
        self.blocking(move |shared| reads::snapshot(shared, &entity)).await
    }

    async fn save(&self, entity: &EntityId, snapshot: SnapshotBlob) -> Result<(), ReadError> {
        if self.shared.lag_bytes.load(Ordering::Acquire) >= self.limits.lag_bytes {
            return Err(ReadError::Unavailable("the working set is behind".into()));
        }
        let entity = entity.clone();
        self.blocking(move |shared| {
            let (head, kept) = reads::head_and_snapshot(shared, &entity)?;
            if snapshot.seq > head {
                let seq = snapshot.seq;
                let why = format!("the snapshot of {entity} at seq {seq} is ahead of its journal at {head}");
                return Err(ReadError::Unavailable(why));
            }
            if snapshot.seq >= kept && head > Seq::ZERO {
                shared.keep_snapshot(&entity, snapshot.seq, Bytes::from(snapshot.bytes));
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Directory for Engine {
    async fn lookup(&self, name: &str) -> Result<Option<EntityId>, ReadError> {
        if let Ok(owner) = self.shared.cached_owner(name) {
            return Ok(owner);
        }
        let name = name.to_owned();
        self.blocking(move |shared| reads::owner(shared, &name)).await
    }
}

#[async_trait]
impl History for Engine {
    async fn page(
        &self,
        entity: &EntityId,
        stream: &str,
        cursor: Option<RowNo>,
        limit: usize,
        direction: Direction,
    ) -> Result<Page, ReadError> {
        let (entity, stream) = (entity.clone(), stream.to_owned());
        self.blocking(move |shared| {
            reads::page(shared, &PageQuery { entity: &entity, stream: &stream, cursor, limit, direction })
        })
        .await
    }
}

#[async_trait]
impl Timers for Engine {
    async fn due(
        &self,
        until: Timestamp,
        after: Option<&TimerEntry>,
        limit: usize,
    ) -> Result<Vec<TimerEntry>, ReadError> {
        let after = after.cloned();
        self.blocking(move |shared| reads::due(shared, until, after.as_ref(), limit)).await
    }
}
