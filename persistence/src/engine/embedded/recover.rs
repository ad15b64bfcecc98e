//! From files to a working engine: check the journal, check or rebuild the working set, apply what it lacks.

use super::{
    OpenError, Options, Phase, Progress, Report,
    checkpoint::{CheckpointError, CheckpointReader, Entry, GoOn},
    clean::CleanStop,
    flush::Applier,
    home::Home,
    keys,
    log::{IndexedSegment, LogIndex},
    segment::{self, End, ScanError},
    trust,
    values::{self, Head, Rows},
    working_set::{Change, SetError, WorkingSet},
};
use crate::{DueChange, EntityId, Position, Seq, TimerEntry};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a set is tried whose files cannot be read or written.
const SET_TRIES: u32 = 3;
/// Time between two such tries.
const SET_WAIT: Duration = Duration::from_millis(200);
/// Changes per batch while a checkpoint is loaded.
const BATCH_CHANGES: usize = 2048;
/// Bytes of rows per page while a checkpoint is loaded.
const PAGE_BYTES: usize = 4096;

/// What recovery found and made.
pub(super) struct Recovered {
    pub(super) set: WorkingSet,
    pub(super) generation: u64,
    pub(super) index: LogIndex,
    pub(super) last: Position,
    /// Position of the checkpoint; zero when there is none.
    pub(super) base: Position,
    pub(super) report: Report,
}

/// Why a pass over the journal stopped.
enum Stopped {
    Open(OpenError),
    Set(SetError),
}

impl From<SetError> for Stopped {
    fn from(error: SetError) -> Self {
        Self::Set(error)
    }
}

pub(super) type Callback<'a> = dyn FnMut(Progress) + 'a;

pub(super) fn recover(
    home: &Home,
    options: &Options,
    force_rebuild: bool,
    progress: &mut Callback<'_>,
) -> Result<Recovered, OpenError> {
    let newest = home.generations()?.last().copied();
    // Taken away in any case: from here on files change.
    let clean = CleanStop::take(home, newest)?;
    if let (Some(stop), Some(generation), false) = (clean, newest, force_rebuild) {
        match trust::trusted(home, generation, &stop, options, progress) {
            Ok(recovered) => return Ok(recovered),
            Err(why) => tracing::warn!(why, "the mark of a clean stop is not trusted; everything is checked"),
        }
    }
    let base = newest_checkpoint(home, &|| true)?;
    let base_position = base.as_ref().map_or(Position::ZERO, |(position, _)| *position);
    let segments = home.segments()?;
    settle(&segments)?;
    let mut report = Report::default();
    if let (Some(generation), false) = (newest, force_rebuild) {
        let mut tried = try_set(home, generation, (&segments, base_position), options, &mut report, progress);
        for _ in 1..SET_TRIES {
            if !matches!(tried, Err(Stopped::Set(SetError::Io(_)))) {
                break;
            }
            std::thread::park_timeout(SET_WAIT);
            tried = try_set(home, generation, (&segments, base_position), options, &mut report, progress);
        }
        match tried {
            Ok((set, index, last)) => {
                home.keep_generation(generation);
                return Ok(Recovered { set, generation, index, last, base: base_position, report });
            }
            Err(Stopped::Open(error)) => return Err(error),
            Err(Stopped::Set(error)) => {
                tracing::warn!(%error, "the working set cannot be used and is rebuilt from checkpoint and journal");
                report.rebuilt = Some(error.to_string());
                // It goes before the new one is built, so that there is room; but not while the journal may still turn
                // out to lack what it has.
                check_journal(&segments, base_position, progress)?;
                home.keep_generation(generation + 1);
            }
        }
    } else if !segments.is_empty() {
        report.rebuilt = Some("there was no working set".into());
    }
    let generation = newest.map_or(1, |newest| newest + 1);
    let fresh =
        fresh_set(home, generation, options, base.as_ref().map(|(_, path)| path.as_path()), progress)?;
    match replay(&segments, base_position, fresh, options, &mut report, progress) {
        Ok((set, index, last)) => {
            home.keep_generation(generation);
            Ok(Recovered { set, generation, index, last, base: base_position, report })
        }
        Err(Stopped::Open(error)) => Err(error),
        Err(Stopped::Set(error)) => Err(OpenError::WorkingSet(error.to_string())),
    }
}

/// The newest checkpoint that reads back whole.
pub(super) fn newest_checkpoint(
    home: &Home,
    go_on: GoOn<'_>,
) -> Result<Option<(Position, PathBuf)>, OpenError> {
    let mut damaged = None;
    for (position, path) in home.checkpoint_files()?.into_iter().rev() {
        match CheckpointReader::verify(&path, go_on) {
            Ok(found) if found == position => return Ok(Some((position, path))),
            Ok(_) => damaged = Some(format!("{} has the name of another position", path.display())),
            Err(error @ CheckpointError::Stopped) => return Err(OpenError::Checkpoint(error.to_string())),
            Err(error) => {
                tracing::error!(%error, "a checkpoint is damaged");
                damaged = Some(error.to_string());
            }
        }
    }
    // Without any checkpoint the segments may still reach back to the first record; the journal check tells.
    if let Some(error) = damaged
        && home.segments()?.first().is_none_or(|(first, _)| *first > Position(1))
    {
        return Err(OpenError::Checkpoint(error));
    }
    Ok(None)
}

/// Opens a set, checks it, and applies what it lacks.
fn try_set(
    home: &Home,
    generation: u64,
    (segments, base): (&[(Position, PathBuf)], Position),
    options: &Options,
    report: &mut Report,
    progress: &mut Callback<'_>,
) -> Result<(WorkingSet, LogIndex, Position), Stopped> {
    report.applied = 0;
    let set = open_set(&home.set(generation), options, progress).map_err(Stopped::Set)?;
    replay(segments, base, set, options, report, progress)
}

/// Reads every segment and changes nothing.
fn check_journal(
    segments: &[(Position, PathBuf)],
    base: Position,
    progress: &mut Callback<'_>,
) -> Result<(), OpenError> {
    let open = |stopped| match stopped {
        Stopped::Open(error) => error,
        Stopped::Set(error) => OpenError::WorkingSet(error.to_string()),
    };
    let first = segments.first().map(|(first, _)| *first);
    check_beginning(first, base, base).map_err(open)?;
    let mut last = first.map_or(Position::ZERO, |first| Position(first.0.saturating_sub(1)));
    let total = Some(segments.len() as u64);
    for (done, (name, path)) in (0..).zip(segments) {
        progress(Progress { phase: Phase::ReadingJournal, done, total });
        let is_newest = done + 1 == segments.len() as u64;
        last = read_segment(path, *name, last, is_newest, |_, _| Ok(())).map_err(open)?.last;
    }
    if last < base { Err(OpenError::JournalShort { end: last, applied: base }) } else { Ok(()) }
}

/// Opens a set and checks all of it.
fn open_set(folder: &Path, options: &Options, progress: &mut Callback<'_>) -> Result<WorkingSet, SetError> {
    let set = WorkingSet::open(folder, options.cache_bytes)?;
    progress(Progress { phase: Phase::CheckingWorkingSet, done: 0, total: None });
    set.audit(|done| progress(Progress { phase: Phase::CheckingWorkingSet, done, total: None }))?;
    Ok(set)
}

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
        std::fs::remove_dir_all(&folder).map_err(super::home::io_error(&folder))?;
    }
    let failed = |error: SetError| OpenError::WorkingSet(error.to_string());
    let set = WorkingSet::open(&folder, options.cache_bytes).map_err(failed)?;
    if let Some(path) = checkpoint {
        let mut reader =
            CheckpointReader::open(path).map_err(|error| OpenError::Checkpoint(error.to_string()))?;
        let mut loader = Loader { set: &set, batch: Vec::new(), page: None };
        while let Some(entry) =
            reader.next_entry().map_err(|error| OpenError::Checkpoint(error.to_string()))?
        {
            loader.entry(entry).map_err(failed)?;
            let (done, total) = (reader.offset(), Some(reader.len()));
            progress(Progress { phase: Phase::LoadingCheckpoint, done, total });
        }
        loader.finish(reader.position()).map_err(failed)?;
    }
    Ok(set)
}

/// Turns entries of a checkpoint into entries of a fresh set.
struct Loader<'a> {
    set: &'a WorkingSet,
    batch: Vec<Change>,
    /// The page being filled.
    page: Option<(EntityId, String, Rows, usize)>,
}

impl Loader<'_> {
    fn entry(&mut self, entry: Entry) -> Result<(), SetError> {
        match entry {
            Entry::Entity { id, head, due, snapshot, tail } => {
                let due = if let DueChange::Set(due) = due { Some(due) } else { None };
                let seq = snapshot.as_ref().map_or(Seq::ZERO, |(seq, _)| *seq);
                self.batch.push((keys::head(&id), Some(Head { seq: head, snapshot: seq, due }.encode())));
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
                let page = self.page.get_or_insert_with(|| (id, stream, Rows::new(), 0));
                page.3 += row.len();
                page.2.push((no, row));
            }
            Entry::Name { name, state } => {
                if let super::checkpoint::NameState::Owned(owner) = state {
                    self.batch.push((keys::name(&name), Some(owner.as_str().as_bytes().to_vec())));
                }
            }
        }
        if self.batch.len() >= BATCH_CHANGES { self.write(None) } else { Ok(()) }
    }

    fn end_page(&mut self) {
        if let Some((id, stream, rows, _)) = self.page.take()
            && let Some((first, _)) = rows.first()
        {
            self.batch.push((keys::page(&id, &stream, *first), Some(values::encode_page(&rows))));
        }
    }

    fn write(&mut self, mark: Option<Position>) -> Result<(), SetError> {
        self.set.apply(self.set.prepare(std::mem::take(&mut self.batch), mark)?)
    }

    fn finish(mut self, position: Position) -> Result<(), SetError> {
        self.end_page();
        self.write(Some(position))
    }
}

/// Before anything is taken from the journal's end, its end is on the disk: what the working set has, and what a reader
/// was shown, must not be gone after a power cut. What is damaged is left for the check to name.
fn settle(segments: &[(Position, PathBuf)]) -> Result<(), OpenError> {
    let Some((_, path)) = segments.last() else { return Ok(()) };
    match segment::scan::<()>(path, |_, _| Ok(())) {
        Ok(scan) => segment::settle(path, &scan).map_err(super::home::io_error(path)),
        Err(_) => Ok(()),
    }
}

/// Reads every segment, checks that nothing is missing, and applies what the set lacks.
fn replay(
    segments: &[(Position, PathBuf)],
    base: Position,
    set: WorkingSet,
    options: &Options,
    report: &mut Report,
    progress: &mut Callback<'_>,
) -> Result<(WorkingSet, LogIndex, Position), Stopped> {
    let mark = set.mark();
    let first = segments.first().map(|(first, _)| *first);
    check_beginning(first, base, mark)?;
    let mut index = LogIndex::default();
    let mut applier = Applier::new(&set, options.flush_bytes);
    let mut last = first.map_or(Position::ZERO, |first| Position(first.0.saturating_sub(1)));
    let total = Some(segments.len() as u64);
    let mut torn = None;
    for (done, (name, path)) in (0..).zip(segments) {
        progress(Progress { phase: Phase::ReadingJournal, done, total });
        let is_newest = done + 1 == segments.len() as u64;
        let segment = read_segment(path, *name, last, is_newest, |position, body| {
            if position > mark {
                report.applied += 1;
                applier.record(position, body)?;
            }
            Ok(())
        })?;
        last = segment.last;
        torn = torn.or(segment.torn.map(|end| (path, end)));
        index.segments.push(segment.index);
    }
    if last < mark.max(base) {
        return Err(Stopped::Open(OpenError::JournalShort { end: last, applied: mark.max(base) }));
    }
    // Only now is it sure that no acknowledged record was in it.
    if let Some((path, end)) = torn {
        report.torn = Some(cut(path, end, last).map_err(Stopped::Open)?);
    }
    applier.flush()?;
    set.flush()?;
    report.position = last;
    report.segments = segments.len();
    Ok((set, index, last))
}

fn check_beginning(first: Option<Position>, base: Position, mark: Position) -> Result<(), Stopped> {
    match first {
        Some(first) if first > base.next() => {
            Err(Stopped::Open(OpenError::RecordsMissing { after: base, next: first }))
        }
        // The set is older than what the segments still have, but the checkpoint is not.
        Some(first) if first > mark.next() => Err(Stopped::Set(SetError::Meta)),
        None if base > Position::ZERO || mark > Position::ZERO => {
            Err(Stopped::Open(OpenError::JournalShort { end: Position::ZERO, applied: mark.max(base) }))
        }
        _ => Ok(()),
    }
}

/// Cuts a torn tail; a copy of it stays beside the segment. Tells where.
fn cut(path: &Path, end: usize, last: Position) -> Result<String, OpenError> {
    let what = format!("{} cut at offset {end} after position {last}", path.display());
    tracing::warn!(torn = %what, "the journal had a torn tail: a write that was never acknowledged");
    let kept = segment::keep_torn(path, end).and_then(|()| segment::cut(path, end));
    kept.map_err(super::home::io_error(path))?;
    Ok(what)
}

struct ReadSegment {
    index: IndexedSegment,
    last: Position,
    /// Offset at which a torn tail begins.
    torn: Option<usize>,
}

/// Reads one segment: whole groups are handed over, a torn tail of the newest one is told, anything else is damage.
fn read_segment(
    path: &Path,
    name: Position,
    before: Position,
    is_newest: bool,
    mut each: impl FnMut(Position, &bytes::Bytes) -> Result<(), SetError>,
) -> Result<ReadSegment, Stopped> {
    let damaged = |offset: usize, position: Position, what: &str| {
        let (path, offset, what) = (path.to_owned(), offset as u64, what.to_owned());
        Stopped::Open(OpenError::Damaged { path, offset, position, what })
    };
    let scan =
        segment::scan(path, |group, _| group.bodies().try_for_each(|(position, body)| each(position, &body)));
    let scan = scan.map_err(|error| match error {
        ScanError::Io(error) => Stopped::Open(OpenError::Io { path: path.to_owned(), error }),
        ScanError::Header => damaged(0, name, "the segment header is damaged"),
        ScanError::Stopped(error) => Stopped::Set(error),
    })?;
    if scan.header.first != name {
        return Err(damaged(0, name, "the segment has the name of another position"));
    }
    if name != before.next() {
        return Err(Stopped::Open(OpenError::RecordsMissing { after: before, next: name }));
    }
    let torn = match scan.how {
        End::Clean => None,
        End::Damaged { next_whole } => {
            let what = format!("valid records follow at offset {next_whole}");
            return Err(damaged(scan.end, scan.last.next(), &what));
        }
        End::Torn if is_newest => Some(scan.end),
        End::Torn => {
            return Err(damaged(
                scan.end,
                scan.last.next(),
                "a segment that is not the newest has a torn end",
            ));
        }
    };
    let index = IndexedSegment::scanned(scan.header, path.to_owned(), scan.end as u64, &scan.points);
    Ok(ReadSegment { index, last: scan.last, torn })
}

/// Applies to a set the records that the segments have between its mark and `upto`. Used while the engine runs.
pub(super) fn catch_up(
    home: &Home,
    set: &WorkingSet,
    upto: Position,
    flush_bytes: usize,
) -> Result<(), OpenError> {
    let failed = |error: SetError| OpenError::WorkingSet(error.to_string());
    let mark = set.mark();
    let mut applier = Applier::new(set, flush_bytes);
    // A checkpoint made meanwhile may remove segments, so that each position is accounted for.
    let mut last = mark;
    for (first, path) in home.segments()? {
        if first > upto {
            break;
        }
        let scan = segment::scan(&path, |group, _| {
            let bodies = group.bodies().filter(|(position, _)| *position > mark && *position <= upto);
            for (position, body) in bodies {
                if position != last.next() {
                    return Err(SetError::Missing { after: last, next: position });
                }
                applier.record(position, &body)?;
                last = position;
            }
            Ok(())
        });
        scan.map_err(|error| match error {
            ScanError::Io(error) => OpenError::Io { path: path.clone(), error },
            ScanError::Header => OpenError::WorkingSet("a segment header is damaged".into()),
            ScanError::Stopped(error) => failed(error),
        })?;
    }
    if last < upto {
        return Err(OpenError::JournalShort { end: last, applied: upto });
    }
    applier.flush().map_err(failed)?;
    set.flush().map_err(failed)
}
