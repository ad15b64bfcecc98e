//! The writer thread: takes what waits, checks fences and claims, writes one group, and answers when it is durable.

use super::{
    checkpointer,
    group::GroupBuilder,
    log::{Log, WriteError},
    memtable::{Applied, NameEffects, name_effects},
    recent::Recent,
    shared::Shared,
    values::TailRecord,
};
use crate::metric_definitions as metric;
use crate::{
    AppendError, Committed, DirectoryChange, DueChange, EntityId, Erase, HistoryRow, JournalHealth, Position,
    ReadError, Seq,
};
use bytes::Bytes;
use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, atomic::Ordering, mpsc::SyncSender},
};
use tokio::sync::{mpsc, oneshot};

/// Most records in a group.
pub(super) const GROUP_RECORDS_MAX: usize = 4096;
/// Bytes after which a group is full. A larger record makes a group of its own.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Room taken for the first group, in bytes.
const FIRST_GROUP_BYTES: usize = 4096;
/// Heads that the writer remembers beside the set, give or take a group.
const HEADS_CACHED_MAX: usize = 262_144;

/// An append that waits.
pub(super) struct Request {
    pub(super) entity: EntityId,
    pub(super) expected_seq: Seq,
    pub(super) directory: Vec<DirectoryChange>,
    pub(super) rows: Vec<HistoryRow>,
    pub(super) due: DueChange,
    pub(super) erase: Erase,
    /// The whole record, framed.
    pub(super) framed: Vec<u8>,
    pub(super) reply: oneshot::Sender<Result<Committed, AppendError>>,
}

/// What the writer is asked.
pub(super) enum Message {
    Append(Request),
    /// Begin a new segment, then answer.
    EndSegment(oneshot::Sender<()>),
    /// Answer what came before, then end.
    Close,
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) log: Log,
    pub(super) queue: mpsc::Receiver<Message>,
    /// Heads as of the last admitted record.
    heads: Recent<EntityId, Seq>,
    checkpoints: SyncSender<checkpointer::Request>,
    /// Size of the last group, in bytes: what the next one probably needs.
    group_bytes: usize,
}

impl Drop for Writer {
    /// However the thread ends, nothing is accepted any more and the follower finishes.
    fn drop(&mut self) {
        let health = if std::thread::panicking() {
            JournalHealth::Failed("the writer thread panicked".into())
        } else {
            JournalHealth::Closed
        };
        self.shared.set_health(health);
        self.queue.close();
        self.refuse_the_rest();
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.want(|wanted| wanted.stop = true);
    }
}

/// A record that passed its checks and stands in the group.
struct Admitted {
    request: Request,
    body: Range<usize>,
    names: NameEffects,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        log: Log,
        queue: mpsc::Receiver<Message>,
        checkpoints: SyncSender<checkpointer::Request>,
    ) -> Self {
        Self {
            shared,
            log,
            queue,
            heads: Recent::new(HEADS_CACHED_MAX),
            checkpoints,
            group_bytes: FIRST_GROUP_BYTES,
        }
    }

    /// Runs until closed, or until nobody can append any more.
    pub(super) fn run(mut self) {
        let mut taken = Vec::with_capacity(GROUP_RECORDS_MAX);
        let mut closing = false;
        while !closing && self.queue.blocking_recv_many(&mut taken, GROUP_RECORDS_MAX) > 0 {
            if self.shared.abandoned.load(Ordering::Acquire) {
                break;
            }
            let mut waiting = taken.drain(..).peekable();
            while waiting.peek().is_some() {
                closing |= self.commit_group(&mut waiting);
            }
        }
    }

    /// What came after the close was not written. (What a crash leaves unanswered stays unknown.)
    fn refuse_the_rest(&mut self) {
        if self.shared.abandoned.load(Ordering::Acquire) {
            return;
        }
        while let Ok(message) = self.queue.try_recv() {
            if let Message::Append(request) = message {
                answer(request.reply, Err(AppendError::Unavailable("the journal is closed".into())));
            }
        }
    }

    /// Commits the next group of what waits. True when asked to close.
    fn commit_group(&mut self, waiting: &mut impl Iterator<Item = Message>) -> bool {
        let started = metric::start();
        // Only here: between groups every head can be read again, within one it cannot.
        self.heads.age();
        let mut group = GroupBuilder::new(self.group_bytes);
        let mut admitted: Vec<Admitted> = Vec::new();
        let mut names = HashMap::new();
        let mut closing = false;
        for message in waiting {
            let request = match message {
                Message::Append(request) => request,
                Message::EndSegment(done) => {
                    self.end_segment(done);
                    continue;
                }
                Message::Close => {
                    closing = true;
                    continue;
                }
            };
            self.shared.queued_bytes.fetch_sub(request.framed.len(), Ordering::AcqRel);
            match self.admit(&request, &names) {
                Err(error) => answer(request.reply, Err(error)),
                Ok(effects) => {
                    self.remember_head(request.entity.clone(), request.expected_seq.next());
                    names.extend(effects.iter().cloned());
                    let body = group.push(&request.framed);
                    admitted.push(Admitted { request, body, names: effects });
                }
            }
            if group.len() >= GROUP_BYTES_MAX {
                break;
            }
        }
        if !group.is_empty() {
            self.group_bytes = group.len();
            self.write(group, admitted);
            metric::group_committed(started);
        }
        closing
    }

    /// When it fails the answer is no answer.
    fn end_segment(&mut self, done: oneshot::Sender<()>) {
        let ended = self.shared.check_writable().is_ok().then(|| self.log.end_segment());
        match ended {
            Some(Ok(())) if done.send(()).is_err() => tracing::trace!("nobody waits for the segment's end"),
            Some(Err(error @ WriteError::Unknown(_))) => {
                tracing::error!(%error, "a journal segment could not be begun: no more appends until a restart");
                self.shared.set_health(JournalHealth::Failed(error.to_string()));
            }
            Some(Err(error)) => tracing::warn!(%error, "a journal segment could not be begun"),
            Some(Ok(())) | None => {}
        }
    }

    /// Checks one record against everything that was admitted before it.
    fn admit(
        &mut self,
        request: &Request,
        group_names: &HashMap<String, Option<EntityId>>,
    ) -> Result<NameEffects, AppendError> {
        self.shared.check_writable()?;
        let actual = self.head(&request.entity)?;
        if actual != request.expected_seq {
            let (entity, expected) = (request.entity.clone(), request.expected_seq);
            return Err(AppendError::Fenced { entity, expected, actual });
        }
        let owner = |name: &str| match group_names.get(name) {
            Some(owner) => Ok(owner.clone()),
            None => owner_of(&self.shared, name),
        };
        match name_effects(&request.entity, &request.directory, owner).map_err(cannot_check)? {
            Ok(effects) => Ok(effects),
            Err(taken) => Err(AppendError::Taken { name: taken.name, owner: taken.owner }),
        }
    }

    fn head(&mut self, entity: &EntityId) -> Result<Seq, AppendError> {
        if let Some(head) = self.heads.get(entity) {
            return Ok(*head);
        }
        let head = super::reads::head(&self.shared, entity).map_err(cannot_check)?;
        self.remember_head(entity.clone(), head);
        Ok(head)
    }

    fn remember_head(&mut self, entity: EntityId, head: Seq) {
        self.heads.insert(entity, head);
    }

    fn write(&mut self, group: GroupBuilder, admitted: Vec<Admitted>) {
        let bytes = group.len();
        match self.log.append(group) {
            Ok(durable) => {
                metric::group_written(admitted.len(), bytes);
                self.shared.uncovered_bytes.fetch_add(bytes as u64, Ordering::AcqRel);
                if durable.rotated {
                    metric::segments(self.shared.index.read().segments.len());
                    // A full queue has a request already that will see what this one would.
                    drop(self.checkpoints.try_send(checkpointer::Request::Look));
                }
                self.publish(&durable.bytes, durable.first, admitted);
            }
            Err(error @ WriteError::NotWritten(_)) => {
                tracing::error!(%error, "appends are refused until there is room");
                for one in admitted {
                    // What was admitted raised it; nothing of that is true.
                    self.heads.remove(&one.request.entity);
                    answer(one.request.reply, Err(AppendError::Unavailable(error.to_string())));
                }
            }
            Err(error @ WriteError::Unknown(_)) => {
                tracing::error!(%error, "a journal write failed: no more appends until a restart");
                self.shared.set_health(JournalHealth::Failed(error.to_string()));
                for one in admitted {
                    answer(one.request.reply, Err(AppendError::Unknown(error.to_string())));
                }
            }
        }
    }

    /// Makes the records of a durable group visible, then answers.
    fn publish(&self, group: &Bytes, first: Position, admitted: Vec<Admitted>) {
        let mut replies = Vec::with_capacity(admitted.len());
        let mut applied = Vec::with_capacity(admitted.len());
        let (mut last, mut erased) = (first, None);
        for (position, Admitted { request, body, names }) in (first.0..).map(Position).zip(admitted) {
            let seq = request.expected_seq.next();
            let record = TailRecord { position, seq, body: group.slice(body) };
            let row = |row: HistoryRow| (row.stream, row.no, Bytes::from(row.bytes));
            let rows = request.rows.into_iter().map(row).collect();
            let (due, erase) = (request.due, request.erase);
            if erase == Erase::History {
                erased = Some(position);
            }
            applied.push(Applied { entity: request.entity, record, due, erase, rows, names });
            replies.push((request.reply, Committed { position, seq }));
            last = position;
        }
        let changed: NameEffects = applied.iter().flat_map(|one| one.names.iter().cloned()).collect();
        self.apply(applied, last);
        if !changed.is_empty() {
            self.shared.names_changed(changed.iter().map(|(name, owner)| (name.as_str(), owner.clone())));
        }
        if let Some(position) = erased {
            self.shared.index.write().erased_at = position;
            // A full queue has a request already that will see it.
            drop(self.checkpoints.try_send(checkpointer::Request::Look));
        }
        for (reply, committed) in replies {
            answer(reply, Ok(committed));
        }
    }

    fn apply(&self, applied: Vec<Applied>, last: Position) {
        let mut layers = self.shared.layers.write();
        let before = layers.active.bytes;
        for one in applied {
            layers.active.apply(one);
        }
        let added = layers.active.bytes.saturating_sub(before);
        // Under the lock: the follower must not take the records off the lag before they are on it.
        let lag = self.shared.lag_bytes.fetch_add(added, Ordering::AcqRel) + added;
        // Also under the lock: a rebuild that finds the layers empty takes this for the end of what they had.
        self.shared.published.store(last.0, Ordering::Release);
        drop(layers);
        self.shared.lag_grew(lag, added);
    }
}

fn owner_of(shared: &Shared, name: &str) -> Result<Option<EntityId>, ReadError> {
    super::reads::owner(shared, name)
}

/// A check that cannot be made refuses the record: nothing was written.
fn cannot_check(error: ReadError) -> AppendError {
    AppendError::Unavailable(error.to_string())
}

/// A caller that went away does not need its answer.
fn answer(reply: oneshot::Sender<Result<Committed, AppendError>>, result: Result<Committed, AppendError>) {
    if reply.send(result).is_err() {
        tracing::trace!("the caller of an append went away");
    }
}
