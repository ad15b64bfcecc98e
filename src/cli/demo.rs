//! `greenroom demo`: the demo day, then a clean stop.

use super::{progress::Drawing, runtime, say};
use crate::{
    config::Config,
    demo::{self, Stage},
    running::{self, Running},
};
use std::{path::Path, process::ExitCode};

pub(super) fn run(config: Config) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(config.uses_sandbox(), "the demo plays in the sandbox: unset instagram.app_id");
    let dir = config.data.dir.clone();
    runtime()?.block_on(async move {
        let mut drawing = Drawing::default();
        let running =
            running::start(config, move |phase, done, total| drawing.show(phase, done, total)).await?;
        let played = play(&running, &dir).await;
        running.stop().await;
        played.map(|()| ExitCode::SUCCESS)
    })
}

async fn play(running: &Running, dir: &Path) -> anyhow::Result<()> {
    let Some(control) = &running.sandbox else { return Ok(()) };
    let app = &running.app;
    let owner = demo::arrive(app, running.address, dir, &mut |line| say(line)).await?;
    demo::play(Stage { app, control, workspace: &owner.workspace }, &mut |line| say(line)).await
}
