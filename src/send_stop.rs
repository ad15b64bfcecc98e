//! The operator's stop of all automatic messages of the installation: durable in the intake log, in force in the way out.

use crate::parts::App;
use greenroom_actors::{
    Timestamp,
    intake::{Command, INTAKE_KEY, Intake},
    shell::AskError,
};

/// Stops the automatic messages of all workspaces, or lets them go on. In force from here on for every call that is not
/// being made yet, and durable when this returns. People's own messages go on.
///
/// # Errors
/// When the intake log does not take it. A stop is in force all the same, until the process ends.
pub async fn set(app: &App, stopped: bool) -> Result<(), AskError<Intake>> {
    if stopped {
        app.send_stop.set(true);
    }
    app.intake.ask(INTAKE_KEY, Command::StopSends(stopped), 0).await?;
    app.send_stop.set(stopped);
    tracing::warn!(stopped, "the operator switched the automatic messages of all workspaces");
    Ok(())
}

/// Since when automatic messages are stopped.
///
/// # Errors
/// When the intake log does not answer.
pub async fn since(app: &App) -> Result<Option<Timestamp>, AskError<Intake>> {
    Ok(app.intake.published(INTAKE_KEY).await?.state.sends_stopped_at)
}

/// Brings the stop of an earlier process into force.
///
/// # Errors
/// When the intake log does not answer.
pub async fn restore(app: &App) -> Result<(), AskError<Intake>> {
    let stopped = since(app).await?.is_some();
    app.send_stop.set(stopped);
    Ok(())
}
