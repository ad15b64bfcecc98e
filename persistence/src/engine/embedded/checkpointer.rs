//! The checkpoint thread: makes checkpoints when the journal outgrew the last one, or when asked; then removes what they
//! cover.

use super::{
    CheckpointFailed,
    checkpoint::{self, CheckpointError, CheckpointReader, merge},
    erasures::Erasures,
    home::Home,
    keys, recover,
    segment::{self, End, ScanError},
    shared::Shared,
    values,
};
use crate::{EntityId, Position, Seq, metric_definitions as metric};
use bytes::Bytes;
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
};
use tokio::sync::oneshot;

/// A checkpoint is due when the journal since the last one is this many times as large as it.
const GROWTH: u64 = 2;
/// Records collected in memory before a sorted run is written, in bytes.
pub(super) const RUN_BYTES: usize = 64 * 1024 * 1024;

/// Most looks that are passed over after failures. A look comes with each new segment.
const SKIPPED_LOOKS_MAX: u32 = 32;

/// Passes over more and more looks while checkpoints fail: each try reads the journal and writes as much again.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    skip: u32,
}

impl Backoff {
    /// Whether this look may try.
    const fn passes(&mut self) -> bool {
        let passes = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        passes
    }

    fn note(&mut self, has_failed: bool) {
        self.failures = if has_failed { self.failures.saturating_add(1) } else { 0 };
        self.skip = match self.failures {
            0 => 0,
            failures => 1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX).min(SKIPPED_LOOKS_MAX),
        };
    }
}

/// What the thread is asked.
pub(super) enum Request {
    /// Look whether a checkpoint is due.
    Look,
    /// Make one now.
    Make(oneshot::Sender<Result<Position, CheckpointFailed>>),
    Stop,
}

pub(super) struct Checkpointer {
    pub(super) shared: Arc<Shared>,
    pub(super) home: Home,
    pub(super) requests: Receiver<Request>,
    /// Least journal bytes between two checkpoints.
    pub(super) checkpoint_bytes: u64,
    /// Size of the newest checkpoint, in bytes.
    pub(super) newest_bytes: u64,
    /// Size at which a sorted run is written, in bytes.
    pub(super) run_bytes: usize,
    pub(super) backoff: Backoff,
    pub(super) erasures: Erasures,
}

impl Checkpointer {
    pub(super) fn run(mut self) {
        while let Some(request) = self.next_request() {
            match request {
                Request::Stop => return,
                Request::Look => self.look(),
                Request::Make(reply) => {
                    let made = self.make().map_err(|error| CheckpointFailed(error.to_string()));
                    if reply.send(made).is_err() {
                        tracing::debug!("nobody waits for the checkpoint any more");
                    }
                }
            }
        }
    }

    /// The next request; a look when the time has come for what was erased.
    fn next_request(&self) -> Option<Request> {
        let Some(wait) = self.erasures.wait() else { return self.requests.recv().ok() };
        match self.requests.recv_timeout(wait) {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => Some(Request::Look),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn look(&mut self) {
        let uncovered = self.shared.uncovered_bytes.load(Ordering::Acquire);
        if uncovered > self.checkpoint_bytes.max(self.newest_bytes.saturating_mul(GROWTH))
            && self.backoff.passes()
            && let Err(error) = self.make()
        {
            tracing::error!(%error, "a checkpoint failed; the journal is kept until one succeeds");
        }
        if self.erasures.are_due(&self.shared)
            && self.backoff.passes()
            && self.erasures.prepare(&self.shared)
            && let Err(error) = self.make()
        {
            tracing::error!(%error, "erased data stays on disk until a checkpoint succeeds; trying again");
        }
        self.erasures.settle(&self.shared);
    }

    fn make(&mut self) -> Result<Position, CheckpointError> {
        let started = metric::start();
        let uncovered = self.shared.uncovered_bytes.load(Ordering::Acquire);
        let position = self.shared.position();
        let made = self.write(position);
        self.backoff.note(made.is_err());
        match &made {
            Ok(bytes) => {
                self.newest_bytes = *bytes;
                self.shared.uncovered_bytes.fetch_sub(uncovered, Ordering::AcqRel);
                metric::checkpointed(started, *bytes);
                tracing::info!(%position, bytes, "checkpoint written and verified");
                self.remove_covered(position);
            }
            Err(_) => metric::checkpoint_failed(),
        }
        made.map(|_| position)
    }

    /// Writes, reads back, and only then names the checkpoint. Leaves nothing else behind, whatever happens.
    fn write(&self, position: Position) -> Result<u64, CheckpointError> {
        let cleared =
            || remove_drafts(&self.home).map_err(|error| CheckpointError::Journal(error.to_string()));
        cleared()?;
        let written = self.write_named(position);
        // When the drafts cannot be removed now the next try does it, or fails before it writes more.
        if let Err(error) = cleared() {
            tracing::warn!(%error, "could not remove the drafts of a checkpoint");
        }
        written
    }

    fn write_named(&self, position: Position) -> Result<u64, CheckpointError> {
        let folder = self.home.checkpoints();
        let journal = |error: super::OpenError| CheckpointError::Journal(error.to_string());
        let go_on = || !self.shared.is_stopping();
        let base = recover::newest_checkpoint(&self.home, &go_on).map_err(journal)?;
        let covered = base.as_ref().map_or(Position::ZERO, |(position, _)| *position);
        let target = checkpoint::path_of(&folder, position, checkpoint::EXTENSION);
        if let Some((_, path)) = &base
            && covered == position
        {
            return file_len(path);
        }
        let runs = self.write_runs(covered, position)?;
        let mut sources: Vec<PathBuf> = base.into_iter().map(|(_, path)| path).collect();
        sources.extend(runs.iter().cloned());
        let draft = target.with_extension("tmp");
        let shared = &self.shared;
        let mut newer = |id: &EntityId, kept| newer_snapshot(shared, id, kept);
        let bytes = merge::merge(&sources, &draft, position, &mut newer, &go_on)?;
        CheckpointReader::verify(&draft, &go_on)?;
        let failed = |error| CheckpointError::Io { path: target.clone(), error };
        fs::rename(&draft, &target).map_err(failed)?;
        segment::sync_folder(&folder).map_err(failed)?;
        Ok(bytes)
    }

    /// Sorted runs of the records after `covered` up to `position`.
    fn write_runs(&self, covered: Position, position: Position) -> Result<Vec<PathBuf>, CheckpointError> {
        let journal = |text: String| CheckpointError::Journal(text);
        let mut runs = Vec::new();
        let mut run = merge::Run::default();
        let mut last = covered;
        for (first, path) in self.home.segments().map_err(|error| journal(error.to_string()))? {
            if first > position {
                break;
            }
            let scan = segment::scan(&path, |group, _| {
                if self.shared.is_stopping() {
                    return Err("the engine is being closed");
                }
                for (at, body) in group.bodies().filter(|(at, _)| *at > covered && *at <= position) {
                    if at != last.next() {
                        return Err("records before it are missing");
                    }
                    run.add(at, &body).ok_or("a record has no valid form")?;
                    last = at;
                }
                if run.bytes >= self.run_bytes { self.spill(&mut run, last, &mut runs) } else { Ok(()) }
            });
            let scan = scan.map_err(|error| match error {
                ScanError::Io(error) => CheckpointError::Io { path: path.clone(), error },
                ScanError::Header => journal(format!("the header of {} is damaged", path.display())),
                ScanError::Stopped(error) => journal(format!("{}: {error}", path.display())),
            })?;
            // What is being written while it is read may look damaged too, but comes after the position.
            if let End::Damaged { next_whole } = scan.how
                && scan.last < position
            {
                let (path, end) = (path.display(), scan.end);
                return Err(journal(format!(
                    "{path} is damaged at offset {end}; valid records follow at {next_whole}"
                )));
            }
        }
        if last != position {
            return Err(journal(format!("the segments end at {last}, not at {position}")));
        }
        self.spill(&mut run, last, &mut runs).map_err(|error| journal(error.to_owned()))?;
        Ok(runs)
    }

    fn spill(
        &self,
        run: &mut merge::Run,
        last: Position,
        runs: &mut Vec<PathBuf>,
    ) -> Result<(), &'static str> {
        if run.is_empty() {
            return Ok(());
        }
        // Named by their order: two runs may end at one position only if one of them is empty, but a name that depended
        // on it would let the empty one replace the other.
        let number = Position(runs.len() as u64);
        let path = checkpoint::path_of(&self.home.checkpoints(), number, checkpoint::RUN_EXTENSION);
        run.spill(&path, last).map_err(|error| {
            tracing::error!(%error, "a sorted run could not be written");
            "a sorted run could not be written"
        })?;
        runs.push(path);
        Ok(())
    }

    /// Removes older checkpoints, and segments that checkpoint and working set do not need.
    fn remove_covered(&self, position: Position) {
        let older = self.home.checkpoint_files().unwrap_or_default();
        let mut gone: Vec<PathBuf> =
            older.into_iter().filter(|(at, _)| *at < position).map(|(_, path)| path).collect();
        let needed = position.0.min(self.shared.set_synced.load(Ordering::Acquire));
        {
            let mut index = self.shared.index.write();
            let next_firsts: Vec<_> = index.segments.iter().skip(1).map(|segment| segment.first).collect();
            // The newest segment is being written and always stays.
            let covered = next_firsts.iter().take_while(|next| next.0 <= needed.saturating_add(1)).count();
            let covered = index.segments.drain(..covered).map(|segment| segment.path);
            gone.extend(covered.flat_map(|path| {
                let torn = Some(segment::torn_path(&path)).filter(|torn| torn.exists());
                std::iter::once(path).chain(torn)
            }));
            metric::segments(index.segments.len());
        }
        for path in gone {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "could not remove a covered file");
            }
        }
    }
}

fn file_len(path: &std::path::Path) -> Result<u64, CheckpointError> {
    let failed = |error| CheckpointError::Io { path: path.to_owned(), error };
    Ok(fs::metadata(path).map_err(failed)?.len())
}

/// The snapshot that the working set has, when it is newer and reads back whole.
fn newer_snapshot(shared: &Shared, id: &EntityId, kept: Seq) -> Option<(Seq, Bytes)> {
    let set = Arc::clone(shared.slot.read().ready().ok()?);
    let value = set.get(&keys::snapshot(id)).inspect_err(|error| shared.set_is_damaged(error)).ok()??;
    let (seq, state) = values::decode_snapshot(&value)?;
    (seq > kept).then(|| (seq, Bytes::from(state)))
}

/// Files of merges that were cut short.
pub(super) fn remove_drafts(home: &Home) -> Result<(), super::OpenError> {
    let folder = home.checkpoints();
    for extension in ["tmp", checkpoint::RUN_EXTENSION] {
        for (_, path) in segment::numbered(&folder, extension).map_err(super::home::io_error(&folder))? {
            fs::remove_file(&path).map_err(super::home::io_error(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_checkpoints_are_tried_less_and_less_often() {
        let mut backoff = Backoff::default();
        let tries = (0..200)
            .filter(|_| {
                let passes = backoff.passes();
                if passes {
                    backoff.note(true);
                }
                passes
            })
            .collect::<Vec<_>>();
        assert_eq!(&tries[..6], [0, 2, 5, 10, 19, 36]);
        assert_eq!(
            tries.windows(2).map(|pair| pair[1] - pair[0]).max(),
            Some(SKIPPED_LOOKS_MAX as usize + 1)
        );
        backoff.note(false);
        assert_eq!(backoff, Backoff::default());
    }
}
