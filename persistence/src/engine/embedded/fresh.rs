//! A new working set from a checkpoint.

use super::{
    OpenError, Options, Phase, Progress,
    checkpoint::{CheckpointReader, Entry, NameState},
    flush,
    home::{Home, io_error},
    keys,
    recover::Callback,
    values::{self, Head, Rows},
    working_set::{Change, SetError, WorkingSet, digest_part},
};
use crate::{DueChange, EntityId, Position, Seq, TimerEntry};
use std::path::Path;

/// Changes per batch while a checkpoint is loaded.
const BATCH_CHANGES: usize = 2048;
/// Bytes of rows per page while a checkpoint is loaded.
const PAGE_BYTES: usize = 4096;

/// A new set with the content of a checkpoint.
pub(super) fn fresh_set(
    home: &Home,
    generation: u64,
    options: &Options,
    checkpoint: Option<&Path>,
    progress: &mut Callback<'_>,
) -> Result<WorkingSet, OpenError> {
    let folder = home.set(generation);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(io_error(&folder))?;
    }
    let failed = |error: SetError| OpenError::WorkingSet(error.to_string());
    let set = WorkingSet::open(&folder, options.cache_bytes).map_err(failed)?;
    if let Some(path) = checkpoint {
        let mut reader =
            CheckpointReader::open(path).map_err(|error| OpenError::Checkpoint(error.to_string()))?;
        let mut loader = Loader { set: &set, batch: Vec::new(), page: None, history: None };
        while let Some(entry) =
            reader.next_entry().map_err(|error| OpenError::Checkpoint(error.to_string()))?
        {
            loader.entry(entry).map_err(failed)?;
            let (done, total) = (reader.offset(), Some(reader.len()));
            progress(Progress { phase: Phase::LoadingCheckpoint, done, total });
        }
        loader.finish(reader.position()).map_err(failed)?;
    }
    set.vouched.set_whole();
    Ok(set)
}

/// Turns entries of a checkpoint into entries of a fresh set.
struct Loader<'a> {
    set: &'a WorkingSet,
    batch: Vec<Change>,
    /// The page being filled.
    page: Option<(EntityId, String, Rows, usize)>,
    /// The entity whose rows are being read, and the sum over its pages so far.
    history: Option<(EntityId, u64)>,
}

impl Loader<'_> {
    fn entry(&mut self, entry: Entry) -> Result<(), SetError> {
        match entry {
            Entry::Entity { id, head, due, snapshot, tail } => {
                let due = if let DueChange::Set(due) = due { Some(due) } else { None };
                let seq = snapshot.as_ref().map_or(Seq::ZERO, |(seq, _)| *seq);
                let head = Head { seq: head, snapshot: seq, due, pages: 0 };
                self.batch.push((keys::head(&id), Some(head.encode())));
                if let Some((seq, state)) = snapshot {
                    self.batch.push((keys::snapshot(&id), Some(values::encode_snapshot(seq, &state))));
                }
                if let Some(first) = tail.first() {
                    self.batch.push((keys::tail(&id, first.seq), Some(values::encode_tail(&tail))));
                }
                if let Some(due) = due {
                    self.batch.push((keys::timer(&TimerEntry { due, entity: id }), Some(Vec::new())));
                }
            }
            Entry::Row { id, stream, no, row } => {
                let same = |(entity, name, _, bytes): &(EntityId, String, Rows, usize)| {
                    *entity == id && *name == stream && *bytes < PAGE_BYTES
                };
                if !self.page.as_ref().is_some_and(same) {
                    self.end_page();
                }
                if self.history.as_ref().is_none_or(|(entity, _)| *entity != id) {
                    self.end_history()?;
                    self.history = Some((id.clone(), 0));
                }
                let page = self.page.get_or_insert_with(|| (id, stream, Rows::new(), 0));
                page.3 += row.len();
                page.2.push((no, row));
            }
            Entry::Name { name, state } => {
                if let NameState::Owned(owner) = state {
                    self.batch.push((keys::name(&name), Some(owner.as_str().as_bytes().to_vec())));
                }
            }
            // Only runs have it.
            Entry::Erased { .. } => {}
        }
        if self.batch.len() >= BATCH_CHANGES { self.write(None) } else { Ok(()) }
    }

    fn end_page(&mut self) {
        if let Some((id, stream, rows, _)) = self.page.take()
            && let Some((first, _)) = rows.first()
        {
            let (key, value) = (keys::page(&id, &stream, *first), values::encode_page(&rows));
            if let Some((_, sum)) = &mut self.history {
                *sum = sum.wrapping_add(digest_part(&key, &value));
            }
            self.batch.push((key, Some(value)));
        }
    }

    /// Tells the head what its pages add up to. In a checkpoint all heads come before all rows.
    fn end_history(&mut self) -> Result<(), SetError> {
        let Some((id, pages)) = self.history.take() else { return self.write(None) };
        let head = flush::head(self.set, &id)?.ok_or(SetError::Form)?;
        self.batch.push((keys::head(&id), Some(Head { pages, ..head }.encode())));
        Ok(())
    }

    fn write(&mut self, mark: Option<Position>) -> Result<(), SetError> {
        self.set.apply(self.set.prepare(std::mem::take(&mut self.batch), mark)?)
    }

    fn finish(mut self, position: Position) -> Result<(), SetError> {
        self.end_page();
        self.end_history()?;
        self.write(Some(position))
    }
}
