//! Soft stop on the first signal, hard stop on the second.

use tokio_util::sync::CancellationToken;

/// Exit code of a hard stop: 128 + SIGINT, as shells count.
const HARD_STOP_CODE: i32 = 130;

/// Cancels `stop` at the first interrupt or termination signal. A second one ends the process at once; recovery after
/// that is the same as after a crash.
pub async fn on_signals(stop: CancellationToken) {
    next_signal().await;
    tracing::info!("stopping: finishing what is in flight, a second signal stops at once");
    stop.cancel();
    next_signal().await;
    tracing::warn!("stopped hard by a second signal");
    std::process::exit(HARD_STOP_CODE);
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "no handler for the termination signal");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    let _ = tokio::signal::ctrl_c().await;
}
