//! Reading the journal's files: to check them, and to apply to a working set what it lacks.

use super::{
    OpenError, Options, Phase, Progress, Report, body,
    flush::Applier,
    home::{Home, io_error},
    log::{IndexedSegment, LogIndex},
    recover::Callback,
    segment::{self, End, ScanError},
    working_set::{SetError, WorkingSet},
};
use crate::Position;
use std::path::{Path, PathBuf};

/// Why a pass over the journal stopped.
pub(super) enum Stopped {
    Open(OpenError),
    Set(SetError),
}

impl From<SetError> for Stopped {
    fn from(error: SetError) -> Self {
        Self::Set(error)
    }
}

/// Reads every segment and changes nothing.
pub(super) fn check_journal(
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

/// Before anything is taken from the journal's end, its end is on the disk: what the working set has, and what a reader
/// was shown, must not be gone after a power cut. What is damaged is left for the check to name.
pub(super) fn settle(segments: &[(Position, PathBuf)]) -> Result<(), OpenError> {
    let Some((_, path)) = segments.last() else { return Ok(()) };
    match segment::scan::<()>(path, |_, _| Ok(())) {
        Ok(scan) => segment::settle(path, &scan).map_err(io_error(path)),
        Err(_) => Ok(()),
    }
}

/// Reads every segment, checks that nothing is missing, and applies what the set lacks. `base` is the position of the
/// checkpoint.
pub(super) fn replay(
    (segments, base): (&[(Position, PathBuf)], Position),
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
            if body::erases_history(body) {
                index.erased_at = position;
            }
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
    kept.map_err(io_error(path))?;
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
    let mut applier = Applier::new(set, flush_bytes);
    walk(home, set.mark(), upto, |position, body| applier.record(position, body))?;
    let failed = |error: SetError| OpenError::WorkingSet(error.to_string());
    applier.flush().map_err(failed)?;
    set.flush().map_err(failed)
}

/// Sees that a set of position `from` could be brought up to `upto`. Used while the engine runs.
pub(super) fn check_reach(home: &Home, from: Position, upto: Position) -> Result<(), OpenError> {
    // A checkpoint may be ahead of the records that are asked for.
    if from < upto { walk(home, from, upto, |_, _| Ok(())) } else { Ok(()) }
}

/// Hands over the records after `from` up to `upto`, none missing, while more may be written.
fn walk(
    home: &Home,
    from: Position,
    upto: Position,
    mut each: impl FnMut(Position, &bytes::Bytes) -> Result<(), SetError>,
) -> Result<(), OpenError> {
    // A checkpoint made meanwhile may remove segments, so that each position is accounted for.
    let mut last = from;
    for (first, path) in home.segments()? {
        if first > upto {
            break;
        }
        let scan = segment::scan(&path, |group, _| {
            let bodies = group.bodies().filter(|(position, _)| *position > from && *position <= upto);
            for (position, body) in bodies {
                if position != last.next() {
                    return Err(SetError::Missing { after: last, next: position });
                }
                each(position, &body)?;
                last = position;
            }
            Ok(())
        });
        scan.map_err(|error| match error {
            ScanError::Io(error) => OpenError::Io { path: path.clone(), error },
            ScanError::Header => OpenError::WorkingSet("a segment header is damaged".into()),
            ScanError::Stopped(error) => OpenError::WorkingSet(error.to_string()),
        })?;
    }
    if last < upto { Err(OpenError::JournalShort { end: last, applied: upto }) } else { Ok(()) }
}
