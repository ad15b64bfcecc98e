//! Looking at a data folder without changing its data: every problem is named with its file and offset. The folder is
//! locked meanwhile, and the copy of the working set lies in it until the end; a start removes what a killed look left.
//!
//! The journal's frames, the sequences of every entity and the positions are checked; the checkpoint is read whole; the
//! working set is copied, checked against its digest, and its heads, its names and what is left of erased histories are
//! compared with what the journal says.

use super::{
    OpenError, Options, Phase, Progress,
    body::Body,
    checkpoint::{CheckpointError, CheckpointReader, Entry, NameState},
    flush,
    home::{Home, io_error},
    keys,
    segment::{self, End, ScanError},
    values::Head,
    working_set::{SetError, WorkingSet},
};
use crate::{DirectoryChange, EntityId, Erase, Position, RowNo, Seq};
use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

/// Most problems that a report lists. A folder with more is not understood better by more.
pub const PROBLEMS_MAX: usize = 1000;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which file or folder.
    pub file: PathBuf,
    /// Where in it, in bytes, when that is known.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// False when a start deals with it without loss: a torn tail, a working set that is built again.
    pub stops_start: bool,
}

/// What was looked at and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Position of the newest checkpoint that reads back whole.
    pub checkpoint: Option<Position>,
    /// Position of the last whole record.
    pub position: Position,
    /// Segments read.
    pub segments: usize,
    /// Records read in them.
    pub records: u64,
    /// Entities known from checkpoint and segments.
    pub entities: usize,
    /// Position up to which the working set has the records; `None` when there is none or it does not open.
    pub working_set: Option<Position>,
    /// Problems, at most [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    fn problem(&mut self, file: &Path, offset: Option<u64>, what: impl Into<String>, stops_start: bool) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { file: file.to_owned(), offset, what: what.into(), stops_start });
        }
    }
}

/// What checkpoint and segments say.
#[derive(Default)]
struct Truth {
    heads: HashMap<EntityId, EntityTruth>,
    names: HashMap<String, EntityId>,
    /// Rows that were written after the last erasure of their entity, for entities that a segment erases.
    written: HashMap<EntityId, HashSet<(String, RowNo)>>,
    /// Position up to which the working set should have everything.
    mark: Position,
}

#[derive(Clone, Copy, Default)]
struct EntityTruth {
    at_mark: Seq,
    last: Seq,
}

/// Checks a data folder that no process has open.
///
/// # Errors
/// When the folder is in use, has another format, or cannot be read. What is wrong with its content is in the report.
pub fn verify(options: &Options, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport, OpenError> {
    let home = Home::new(&options.folder);
    home.check_format()?;
    let _lock = home.lock()?;
    let mut report = VerifyReport::default();
    let scratch = Scratch(home.scratch());
    let set = open_copy(&home, options, &scratch, &mut report, progress)?;
    let mut truth =
        Truth { mark: set.as_ref().map_or(Position::ZERO, |(_, set)| set.mark()), ..Truth::default() };
    let base = check_checkpoints(&home, &mut truth, &mut report, progress)?;
    check_segments(&home, base, &mut truth, &mut report, progress)?;
    report.entities = truth.heads.len();
    if let Some((folder, set)) = &set {
        report.working_set = Some(set.mark());
        if let Err(error) = compare(set, &truth, folder, &mut report) {
            report.problem(folder, None, error.to_string(), false);
        }
    }
    Ok(report)
}

/// A folder that goes when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.0.exists()
            && let Err(error) = fs::remove_dir_all(&self.0)
        {
            tracing::warn!(%error, path = %self.0.display(), "could not remove a temporary copy");
        }
    }
}

/// Opening sled changes its files, so a copy is opened.
fn open_copy(
    home: &Home,
    options: &Options,
    scratch: &Scratch,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<(PathBuf, WorkingSet)>, OpenError> {
    let Some(generation) = home.generations()?.last().copied() else { return Ok(None) };
    let folder = home.set(generation);
    if scratch.0.exists() {
        fs::remove_dir_all(&scratch.0).map_err(io_error(&scratch.0))?;
    }
    copy_folder(&folder, &scratch.0).map_err(io_error(&folder))?;
    let opened = WorkingSet::open(&scratch.0, options.cache_bytes).and_then(|set| {
        set.audit(|done| progress(Progress { phase: Phase::CheckingWorkingSet, done, total: None }))?;
        Ok(set)
    });
    Ok(match opened {
        Ok(set) => Some((folder, set)),
        Err(error) => {
            report.problem(&folder, None, format!("{error}; a start builds it again"), false);
            None
        }
    })
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Reads every checkpoint; the newest whole one is where the truth begins.
fn check_checkpoints(
    home: &Home,
    truth: &mut Truth,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Progress),
) -> Result<Position, OpenError> {
    for (position, path) in home.checkpoint_files()?.into_iter().rev() {
        let mut read = Truth { mark: truth.mark, ..Truth::default() };
        match read_checkpoint(&path, &mut read, progress) {
            Ok(()) if report.checkpoint.is_none() => {
                report.checkpoint = Some(position);
                *truth = read;
            }
            Ok(()) => {}
            Err(CheckpointError::Damaged { path, offset, what }) => {
                report.problem(&path, Some(offset), what, true)
            }
            Err(error) => report.problem(&path, None, error.to_string(), true),
        }
    }
    Ok(report.checkpoint.unwrap_or_default())
}

fn read_checkpoint(
    path: &Path,
    truth: &mut Truth,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), CheckpointError> {
    let mut reader = CheckpointReader::open(path)?;
    while let Some(entry) = reader.next_entry()? {
        match entry {
            Entry::Entity { id, head, .. } => {
                truth.heads.insert(id, EntityTruth { at_mark: head, last: head });
            }
            Entry::Name { name, state: NameState::Owned(owner) } => {
                truth.names.insert(name, owner);
            }
            Entry::Name { .. } | Entry::Row { .. } | Entry::Erased { .. } => {}
        }
        let (done, total) = (reader.offset(), Some(reader.len()));
        progress(Progress { phase: Phase::CheckingCheckpoint, done, total });
    }
    Ok(())
}

fn check_segments(
    home: &Home,
    base: Position,
    truth: &mut Truth,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), OpenError> {
    let segments = home.segments()?;
    let total = Some(segments.len() as u64);
    let mut last = segments.first().map_or(base, |(first, _)| Position(first.0.saturating_sub(1)));
    if last > base {
        let what =
            format!("the journal begins after position {last}, but nothing covers what is after {base}");
        report.problem(&home.journal(), None, what, true);
    }
    for (done, (first, path)) in (0..).zip(&segments) {
        progress(Progress { phase: Phase::ReadingJournal, done, total });
        let is_newest = done + 1 == segments.len() as u64;
        if *first != last.next() {
            report.problem(
                path,
                Some(0),
                format!("the segment begins at {first}, the one before ends at {last}"),
                true,
            );
        }
        last = check_segment(path, *first, is_newest, base, truth, report);
        report.segments += 1;
    }
    report.position = last;
    let applied = base.max(truth.mark);
    if last < applied {
        let what = format!("the journal ends at {last}, but records up to {applied} were applied from it");
        report.problem(&home.journal(), None, what, true);
    }
    Ok(())
}

/// Checks one segment. Position of its last whole record.
fn check_segment(
    path: &Path,
    first: Position,
    is_newest: bool,
    base: Position,
    truth: &mut Truth,
    report: &mut VerifyReport,
) -> Position {
    let mut found = Vec::new();
    let mut records = 0;
    let scan = segment::scan::<()>(path, |group, offset| {
        for (position, body) in group.bodies() {
            records += 1;
            if position > base
                && let Some(what) = truth.add(position, &body)
            {
                found.push((offset, what));
            }
        }
        Ok(())
    });
    report.records += records;
    for (offset, what) in found {
        report.problem(path, Some(offset as u64), what, true);
    }
    let scan = match scan {
        Ok(scan) => scan,
        Err(ScanError::Io(error)) => {
            report.problem(path, None, error.to_string(), true);
            return Position(first.0.saturating_sub(1));
        }
        Err(ScanError::Header | ScanError::Stopped(())) => {
            report.problem(path, Some(0), "the segment header is damaged", true);
            return Position(first.0.saturating_sub(1));
        }
    };
    let (end, next) = (scan.end as u64, scan.last.next());
    match scan.how {
        End::Clean => {}
        End::Torn if is_newest => {
            report.problem(
                path,
                Some(end),
                format!("torn tail after position {}; a start cuts it", scan.last),
                false,
            );
        }
        End::Torn => report.problem(path, Some(end), format!("damaged at position {next}"), true),
        End::Damaged { next_whole } => {
            let what = format!("damaged at position {next}; valid records follow at offset {next_whole}");
            report.problem(path, Some(end), what, true);
        }
    }
    scan.last
}

impl Truth {
    /// Adds a record; what is wrong with it, when something is.
    fn add(&mut self, position: Position, bytes: &[u8]) -> Option<String> {
        let Some((body, id)) =
            Body::parse(bytes).and_then(|body| Some((body, EntityId::parse(body.entity).ok()?)))
        else {
            return Some(format!("the record at position {position} has no valid form"));
        };
        for change in body.changes() {
            match change {
                DirectoryChange::Claim(name) => {
                    self.names.insert(name, id.clone());
                }
                DirectoryChange::Release(name) => {
                    if self.names.get(&name) == Some(&id) {
                        self.names.remove(&name);
                    }
                }
            }
        }
        if body.erase == Erase::History {
            self.written.insert(id.clone(), HashSet::new());
        }
        if let Some(written) = self.written.get_mut(&id) {
            written.extend(body.rows().map(|(stream, no, _)| (stream.to_owned(), no)));
        }
        let truth = self.heads.entry(id.clone()).or_default();
        let expected = truth.last.next();
        truth.last = body.seq;
        if position <= self.mark {
            truth.at_mark = body.seq;
        }
        let wrong = body.seq != expected;
        wrong.then(|| format!("{id} has seq {} at position {position}, expected {expected}", body.seq))
    }
}

/// Compares heads, names and erased histories of the set with the truth.
fn compare(
    set: &WorkingSet,
    truth: &Truth,
    folder: &Path,
    report: &mut VerifyReport,
) -> Result<(), SetError> {
    let mut missing = truth.heads.values().filter(|head| head.at_mark > Seq::ZERO).count();
    set.scan_prefix(&[keys::HEADS], |key, value| {
        let head = Head::decode(&value).ok_or(SetError::Form)?;
        let id = key.get(1..).and_then(keys::parse_entity).ok_or(SetError::Form)?;
        let expected = truth.heads.get(&id).copied().unwrap_or_default();
        if expected.at_mark > Seq::ZERO {
            missing = missing.saturating_sub(1);
        }
        if head.seq < expected.at_mark || head.seq > expected.last {
            let what = format!("{id} is at seq {}, the journal says {}", head.seq, expected.at_mark);
            report.problem(folder, None, what, false);
        }
        Ok(true)
    })?;
    if missing > 0 {
        report.problem(folder, None, format!("{missing} entities of the journal are missing"), false);
    }
    if set.mark() != report.position {
        return Ok(());
    }
    let mut names = 0;
    set.scan_prefix(&[keys::NAMES], |key, value| {
        names += 1;
        let name = key.get(1..).and_then(|name| std::str::from_utf8(name).ok()).ok_or(SetError::Form)?;
        if truth.names.get(name).map(EntityId::as_str).map(str::as_bytes) != Some(&value) {
            report.problem(folder, None, "a name has another owner than the journal says", false);
        }
        Ok(true)
    })?;
    if names != truth.names.len() {
        let what = format!("{names} names are kept, the journal says {}", truth.names.len());
        report.problem(folder, None, what, false);
    }
    compare_erased(set, truth, folder, report)
}

/// Looks for rows that an erasure left.
fn compare_erased(
    set: &WorkingSet,
    truth: &Truth,
    folder: &Path,
    report: &mut VerifyReport,
) -> Result<(), SetError> {
    for (id, written) in &truth.written {
        set.scan_prefix(&keys::all_pages(id), |key, value| {
            let stream = keys::stream_of(key, id).ok_or(SetError::Form)?;
            let (_, rows) = flush::parse_page(key, &value)?;
            if rows.iter().any(|(no, _)| !written.contains(&(stream.to_owned(), *no))) {
                report.problem(folder, None, format!("erased history of {id} is still there"), false);
                return Ok(false);
            }
            Ok(true)
        })?;
    }
    Ok(())
}
