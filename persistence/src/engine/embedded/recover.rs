//! From files to a working engine: how much must be checked, and what is built again.
//!
//! | The stop before | What is read before anybody is served |
//! |---|---|
//! | clean, no file changed since | the newest segment, headers |
//! | a crash | the journal, and the index of the working set; the rest of it and the checkpoint by the [audit](super::auditor), while serving |
//! | clean, but files changed since; or any of the above failed | everything |

use super::{
    OpenError, Options, Phase, Progress, Report,
    checkpoint::{CheckpointError, CheckpointReader, GoOn},
    clean::{CleanStop, Left},
    fresh::fresh_set,
    home::Home,
    log::LogIndex,
    replay::{Stopped, check_journal, replay, settle},
    trust,
    working_set::{SetError, WorkingSet},
};
use crate::Position;
use std::{path::PathBuf, time::Duration};

/// How often a set is tried whose files cannot be read or written.
const SET_TRIES: u32 = 3;
/// Time between two such tries.
const SET_WAIT: Duration = Duration::from_millis(200);

/// What recovery found and made.
pub(super) struct Recovered {
    pub(super) set: WorkingSet,
    pub(super) generation: u64,
    pub(super) index: LogIndex,
    pub(super) last: Position,
    /// Position of the checkpoint; zero when there is none.
    pub(super) base: Position,
    pub(super) report: Report,
    /// Entities that the audit has to check.
    pub(super) entities_unchecked: u64,
}

pub(super) type Callback<'a> = dyn FnMut(Progress) + 'a;

pub(super) fn recover(
    home: &Home,
    options: &Options,
    force_rebuild: bool,
    progress: &mut Callback<'_>,
) -> Result<Recovered, OpenError> {
    let newest = home.generations()?.last().copied();
    let left = CleanStop::take(home, newest)?;
    let mut report = Report::default();
    let mut distrusted = None;
    if let (Some(generation), false) = (newest, force_rebuild) {
        match left {
            Left::Clean(stop) => match trust::trusted(home, generation, &stop, options, progress) {
                Ok(recovered) => return Ok(recovered),
                Err(why) => {
                    tracing::warn!(why, "the mark of a clean stop is not trusted; everything is checked")
                }
            },
            Left::Crash => match after_crash(home, generation, options, &mut report, progress) {
                Ok(recovered) => return Ok(recovered),
                Err(Stopped::Set(error)) if !matches!(error, SetError::Io(_)) => distrusted = Some(error),
                Err(Stopped::Set(error)) => tracing::warn!(%error, "everything is checked"),
                Err(Stopped::Open(error)) => tracing::warn!(%error, "everything is checked"),
            },
            Left::Changed => {}
        }
    }
    let kept = newest.filter(|_| !force_rebuild);
    let recovered = thorough(home, options, kept, distrusted, report, progress)?;
    CleanStop::remove(home)?;
    Ok(recovered)
}

/// The set of a process that was killed: what could be missing without being noticed later is checked now.
fn after_crash(
    home: &Home,
    generation: u64,
    options: &Options,
    report: &mut Report,
    progress: &mut Callback<'_>,
) -> Result<Recovered, Stopped> {
    let base = trust::base(home).map_err(|why| Stopped::Open(OpenError::Checkpoint(why)))?;
    let segments = home.segments().map_err(Stopped::Open)?;
    settle(&segments).map_err(Stopped::Open)?;
    let set = WorkingSet::open(&home.set(generation), options.cache_bytes)?;
    progress(Progress { phase: Phase::CheckingWorkingSet, done: 0, total: None });
    let entities_unchecked = set.audit_index(&mut |done| {
        progress(Progress { phase: Phase::CheckingWorkingSet, done, total: None });
    })?;
    let (set, index, last) = replay((&segments, base), set, options, report, progress)?;
    home.keep_generation(generation);
    report.audit_follows = true;
    let report = std::mem::take(report);
    Ok(Recovered { set, generation, index, last, base, report, entities_unchecked })
}

/// Reads everything; builds the set again when it is `distrusted`, cannot be used, or is not to be `kept`.
fn thorough(
    home: &Home,
    options: &Options,
    kept: Option<u64>,
    distrusted: Option<SetError>,
    mut report: Report,
    progress: &mut Callback<'_>,
) -> Result<Recovered, OpenError> {
    let checkpoint = newest_checkpoint(home, &|| true)?;
    let base = checkpoint.as_ref().map_or(Position::ZERO, |(position, _)| *position);
    let segments = home.segments()?;
    settle(&segments)?;
    let files = (segments.as_slice(), base);
    if let Some(generation) = kept {
        let tried = match distrusted {
            Some(error) => Err(Stopped::Set(error)),
            None => try_set(home, generation, files, options, &mut report, progress),
        };
        match tried {
            Ok((set, index, last)) => {
                home.keep_generation(generation);
                return Ok(Recovered { set, generation, index, last, base, report, entities_unchecked: 0 });
            }
            Err(Stopped::Open(error)) => return Err(error),
            Err(Stopped::Set(error)) => {
                tracing::warn!(%error, "the working set cannot be used and is rebuilt from checkpoint and journal");
                report.rebuilt = Some(error.to_string());
                // It goes before the new one is built, so that there is room; but not while the journal may still turn
                // out to lack what it has.
                check_journal(&segments, base, progress)?;
                home.keep_generation(generation + 1);
            }
        }
    } else if !segments.is_empty() {
        report.rebuilt = Some("there was no working set".into());
    }
    report.applied = 0;
    let generation = home.generations()?.last().copied().or(kept).map_or(1, |newest| newest + 1);
    let path = checkpoint.as_ref().map(|(_, path)| path.as_path());
    let fresh = fresh_set(home, generation, options, path, progress)?;
    match replay(files, fresh, options, &mut report, progress) {
        Ok((set, index, last)) => {
            home.keep_generation(generation);
            Ok(Recovered { set, generation, index, last, base, report, entities_unchecked: 0 })
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

/// Opens a set, checks all of it, and applies what it lacks. More than once when its files cannot be read or written.
fn try_set(
    home: &Home,
    generation: u64,
    files: (&[(Position, PathBuf)], Position),
    options: &Options,
    report: &mut Report,
    progress: &mut Callback<'_>,
) -> Result<(WorkingSet, LogIndex, Position), Stopped> {
    let mut tries = 1;
    loop {
        report.applied = 0;
        let tried = WorkingSet::open(&home.set(generation), options.cache_bytes)
            .and_then(|set| {
                progress(Progress { phase: Phase::CheckingWorkingSet, done: 0, total: None });
                set.audit(|done| progress(Progress { phase: Phase::CheckingWorkingSet, done, total: None }))?;
                Ok(set)
            })
            .map_err(Stopped::Set)
            .and_then(|set| replay(files, set, options, report, progress));
        if tries == SET_TRIES || !matches!(tried, Err(Stopped::Set(SetError::Io(_)))) {
            return tried;
        }
        tries += 1;
        std::thread::park_timeout(SET_WAIT);
    }
}
