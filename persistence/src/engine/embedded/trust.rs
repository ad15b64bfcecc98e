//! The start after a clean stop: a few bytes of each file, and the newest segment, instead of everything.

use super::{
    Options, Phase, Progress, Report,
    checkpoint::CheckpointReader,
    clean::CleanStop,
    home::Home,
    log::{IndexedSegment, LogIndex},
    recover::{Callback, Recovered},
    segment::{self, End},
    working_set::WorkingSet,
};
use crate::Position;
use std::path::{Path, PathBuf};

/// The engine's parts as the stop left them, or why everything must be checked after all.
pub(super) fn trusted(
    home: &Home,
    generation: u64,
    stop: &CleanStop,
    options: &Options,
    progress: &mut Callback<'_>,
) -> Result<Recovered, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let base = base(home)?;
    let segments = home.segments().map_err(|error| text(&error))?;
    let (mut index, last) = index(&segments, progress)?;
    index.erased_at = stop.erased_at;
    if last != stop.position || stop.meta.mark != last || base > last {
        return Err(format!("the journal ends at {last}, it was left at {}", stop.position));
    }
    let set = WorkingSet::open(&home.set(generation), options.cache_bytes).map_err(|error| text(&error))?;
    if set.meta() != stop.meta {
        return Err("the working set is not as it was left".into());
    }
    set.vouched.set_whole();
    home.keep_generation(generation);
    let report = Report { position: last, segments: segments.len(), is_trusted: true, ..Report::default() };
    Ok(Recovered { set, generation, index, last, base, report, entities_unchecked: 0 })
}

/// Position of the newest checkpoint, of which only the header is read; zero when there is none.
pub(super) fn base(home: &Home) -> Result<Position, String> {
    match home.checkpoint_files().map_err(|error| error.to_string())?.last() {
        Some((position, path)) => checkpoint_header(path, *position),
        None => Ok(Position::ZERO),
    }
}

fn checkpoint_header(path: &Path, name: Position) -> Result<Position, String> {
    let reader = CheckpointReader::open(path).map_err(|error| error.to_string())?;
    if reader.position() == name { Ok(name) } else { Err("a checkpoint has another position".into()) }
}

/// The index of the journal: only the newest segment, which is written on, is read.
fn index(
    segments: &[(Position, PathBuf)],
    progress: &mut Callback<'_>,
) -> Result<(LogIndex, Position), String> {
    let mut index = LogIndex::default();
    let Some(((name, newest), older)) = segments.split_last() else { return Ok((index, Position::ZERO)) };
    progress(Progress { phase: Phase::ReadingJournal, done: 0, total: Some(1) });
    for (name, path) in older {
        let read = segment::read_header(path).map_err(|error| format!("{}: {error}", path.display()))?;
        match read {
            (Some(header), size) if header.first == *name => {
                index.segments.push(IndexedSegment::unread(header, path.clone(), size));
            }
            _ => return Err(format!("{} has no header, or that of another position", path.display())),
        }
    }
    let scan = segment::scan::<String>(newest, |_, _| Ok(()));
    let scan = scan.map_err(|error| format!("{}: {error}", newest.display()))?;
    if scan.how != End::Clean || scan.header.first != *name {
        return Err(format!("{} does not end cleanly", newest.display()));
    }
    let end = scan.end as u64;
    index.segments.push(IndexedSegment::scanned(scan.header, newest.clone(), end, &scan.points));
    Ok((index, scan.last))
}
