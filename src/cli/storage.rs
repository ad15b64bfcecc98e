//! `greenroom verify` and `greenroom rebuild`: the data folder of a server that does not run.

use super::{progress::Drawing, say};
use crate::{config::Config, parts};
use greenroom_persistence::embedded;
use std::process::ExitCode;

pub(super) fn verify(config: &Config) -> anyhow::Result<ExitCode> {
    let mut drawing = Drawing::default();
    let report = embedded::verify(&parts::engine_options(config), &mut |step| {
        parts::show(&mut |phase, done, total| drawing.show(phase, done, total), step);
    })?;
    drawing.finish();
    let position = |position: Option<greenroom_persistence::Position>| {
        position.map_or_else(|| "none".to_owned(), |position| position.to_string())
    };
    say(format_args!(
        "journal      {} records in {} segments, up to position {}",
        report.records, report.segments, report.position
    ));
    say(format_args!("checkpoint   {}", position(report.checkpoint)));
    say(format_args!("working set  up to position {}", position(report.working_set)));
    say(format_args!("entities     {}", report.entities));
    for problem in &report.problems {
        let place = problem.offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
        let weight = if problem.stops_start { "stops the start" } else { "repaired by the next start" };
        say(format_args!("PROBLEM      {}{place}: {} ({weight})", problem.file.display(), problem.what));
    }
    if report.problems.is_empty() {
        say("sound: no problem found");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

pub(super) fn rebuild(config: &Config) -> anyhow::Result<ExitCode> {
    let mut drawing = Drawing::default();
    let report = embedded::rebuild(&parts::engine_options(config), &mut |step| {
        parts::show(&mut |phase, done, total| drawing.show(phase, done, total), step);
    })?;
    drawing.finish();
    say(format_args!(
        "working set renewed: {} records applied, up to position {}",
        report.applied, report.position
    ));
    Ok(ExitCode::SUCCESS)
}
