//! `greenroom demo`: the demo day, then a clean stop.

use super::{progress::Drawing, runtime, say};
use crate::{config::Config, demo, running};
use std::process::ExitCode;

pub(super) fn run(config: Config) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(config.uses_sandbox(), "the demo plays in the sandbox: unset instagram.app_id");
    runtime()?.block_on(async move {
        let mut drawing = Drawing::default();
        let running =
            running::start(config, move |phase, done, total| drawing.show(phase, done, total)).await?;
        let played = match &running.sandbox {
            Some(control) => demo::play(&running.app, control, &mut |line| say(line)).await,
            None => Ok(()),
        };
        running.stop().await;
        played.map(|()| ExitCode::SUCCESS)
    })
}
