//! `greenroom serve`: the server, until a signal stops it.

use super::{progress::Drawing, runtime, say};
use crate::{
    config::Config,
    demo::{self, Stage},
    running::{self, Running},
    shutdown,
};
use std::{path::Path, process::ExitCode};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(super) fn run(config: Config) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async move {
        let wants_demo = config.uses_sandbox() && config.sandbox.demo;
        let dir = config.data.dir.clone();
        let mut drawing = Drawing::default();
        let running =
            running::start(config, move |phase, done, total| drawing.show(phase, done, total)).await?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(shutdown::on_signals(stop.clone()));
        welcome(&running);
        if wants_demo {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = running.app.stores.journal.failed() => {}
                played = play(&running, &dir) => {
                    if let Err(error) = played {
                        tracing::error!(%error, "the demo day ended early; the server goes on");
                    }
                }
            }
        }
        running.serve(&stop).await?;
        say("stopped: everything acknowledged is on disk");
        Ok(ExitCode::SUCCESS)
    })
}

fn welcome(running: &Running) {
    say(format_args!("Greenroom serves on http://{}", running.address));
    if let Some(sandbox) = &running.sandbox {
        say(format_args!("Instagram is played by the sandbox at {}", sandbox.base()));
    }
}

async fn play(running: &Running, dir: &Path) -> anyhow::Result<()> {
    let Some(control) = &running.sandbox else { return Ok(()) };
    let app = &running.app;
    let owner = demo::arrive(app, running.address, dir, &mut |line| say(line)).await?;
    if owner.is_new {
        demo::play(Stage { app, control, workspace: &owner.workspace }, &mut |line| say(line)).await?;
    } else {
        let state = app.users.published(&owner.workspace).await?.state;
        say(format_args!("The data of the last run is back: {}.", demo::summary(&state, app.clock.now())));
        say(
            "The demo day is played on the first start only; `greenroom demo` plays it on a fresh data folder.",
        );
    }
    say("");
    say(
        "Still serving. Try, in another terminal: greenroom sandbox dm \"what is the PRICE?\"   (Ctrl-C stops)",
    );
    Ok(())
}
