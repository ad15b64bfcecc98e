//! Soft stop on the first signal, hard stop on the second.

use tokio_util::sync::CancellationToken;

/// Exit code of a hard stop: 128 + SIGINT, as shells count.
const HARD_STOP_CODE: i32 = 130;

/// Cancels `stop` at the first interrupt or termination signal. A second one ends the process at once; recovery after
/// that is the same as after a crash.
///
/// The handlers are there when this returns, not when the future is first polled: whoever says "serving" afterwards can be
/// stopped from then on.
pub fn on_signals(stop: CancellationToken) -> impl Future<Output = ()> {
    let mut signals = Signals::new();
    async move {
        signals.next().await;
        tracing::info!("stopping: finishing what is in flight, a second signal stops at once");
        stop.cancel();
        signals.next().await;
        tracing::warn!("stopped hard by a second signal");
        std::process::exit(HARD_STOP_CODE);
    }
}

/// The signals that stop the process. One that has no handler is warned of once and never comes.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let handler =
            |kind| signal(kind).inspect_err(|error| tracing::warn!(%error, "no handler for a signal")).ok();
        Self { interrupt: handler(SignalKind::interrupt()), terminate: handler(SignalKind::terminate()) }
    }

    async fn next(&mut self) {
        let Self { interrupt, terminate } = self;
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
        }
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    const fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
