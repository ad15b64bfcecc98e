//! A whole server: sandbox when needed, application, front door. Started and stopped as one thing.

use crate::{
    cli_api::Control,
    config::{Config, Secret},
    demo, files,
    functions::Functions,
    http::{Door, Entrance, router},
    parts::{self, App, Replacements},
    reseal, send_stop, server,
    sync::Sync,
    telemetry, unrouted,
};
use anyhow::Context;
use greenroom_instagram::sandbox::{Bind, RunningSandbox, Sandbox, SandboxOptions};
use serde_json::json;
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// App id of the sandbox.
pub const SANDBOX_APP_ID: &str = "990000000000001";
/// Secrets of the sandbox; it signs with either.
const SANDBOX_SECRETS: [&str; 2] = ["sandbox-app-secret", "sandbox-meta-secret"];
/// Verify token of the sandbox.
const SANDBOX_VERIFY_TOKEN: &str = "sandbox-verify";
/// Ids that one run of the sandbox may hand out before those of the next run begin.
const SANDBOX_IDS_PER_RUN: u64 = 1_000_000;

/// A running server.
pub struct Running {
    /// The application behind the door.
    pub app: Arc<App>,
    /// Where the door is.
    pub address: SocketAddr,
    /// Control API of the sandbox, when there is one.
    pub sandbox: Option<Control>,
    own_sandbox: Option<RunningSandbox>,
    stop: DropGuard,
    door: JoinHandle<()>,
    /// Connections of live clients.
    live: Arc<Sync<Functions>>,
    grace: Duration,
}

/// The server ended by itself, because it could not have gone on.
#[derive(Debug, thiserror::Error)]
#[error("the journal failed, and only a new start can tell what stands in it: {0}")]
pub struct JournalFailed(String);

/// Starts everything; returns when work is taken. Until then the door says that it is recovering.
///
/// # Errors
/// Names what did not start. What had started is stopped again by being dropped.
pub async fn start(
    config: Config,
    progress: impl FnMut(&str, u64, u64) + Send + 'static,
) -> anyhow::Result<Running> {
    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("cannot listen on {} (setting server.listen)", config.server.listen))?;
    start_on(listener, config, Replacements::default(), progress).await
}

/// The same on a socket that is open already, with other parts in place of the standard ones.
///
/// # Errors
/// As [`start`].
pub async fn start_on(
    listener: TcpListener,
    mut config: Config,
    replacements: Replacements,
    progress: impl FnMut(&str, u64, u64) + Send + 'static,
) -> anyhow::Result<Running> {
    let metrics = telemetry::start_metrics()?;
    let address = listener.local_addr()?;
    if config.auth.base_url.is_empty() {
        config.auth.base_url = format!("http://{address}");
    }
    let sandboxed = config.uses_sandbox();
    let own_sandbox = if sandboxed { use_sandbox(&mut config).await? } else { None };
    let (entrance, stop) = (Entrance::default(), CancellationToken::new());
    let grace = config.server.shutdown_deadline.0;
    let door = spawn_door(server::run(listener, entrance.clone(), stop.clone(), grace));
    let stop = stop.drop_guard();
    let app = build(config.clone(), metrics, replacements, progress).await?;
    send_stop::restore(&app).await.context("cannot read whether automatic messages are stopped")?;
    serve_unrouted(&app).await;
    let whole = Door::new(Arc::clone(&app), &config.server);
    let live = Arc::clone(&whole.live);
    entrance.open(router(whole));
    spawn_upkeep(&app, stop.token().clone());
    let mut running = Running { app, address, sandbox: None, own_sandbox, stop, door, live, grace };
    if sandboxed {
        running.sandbox = Some(aim_sandbox(&config, address).await?);
    } else {
        demo::dismiss(&running.app, &config.data.dir)
            .await
            .context("the owner of the demo is not deleted")?;
    }
    Ok(running)
}

/// A process that ended between a connection and the serving of what had arrived before it left the rest to this one.
async fn serve_unrouted(app: &Arc<App>) {
    if let Err(error) = unrouted::serve(app).await {
        tracing::warn!(%error, "what arrived before its account was connected is kept for the next start");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the composition root starts the door and waits for it in stop"
)]
fn spawn_door(door: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(door)
}

#[expect(clippy::disallowed_methods, reason = "ends with the door, and nothing waits for it")]
fn spawn_upkeep(app: &Arc<App>, stop: CancellationToken) {
    let (metrics, clock) = (app.metrics.clone(), Arc::clone(&app.clock));
    let ended = stop.clone();
    tokio::spawn(async move { telemetry::keep_up(&metrics, clock.as_ref(), &ended).await });
    let (sweeping, until) = (files::keep_up(Arc::clone(app)), stop.clone());
    tokio::spawn(async move { until.run_until_cancelled(sweeping).await });
    if let Some(noticed) = app.take_noticed() {
        let resealing = reseal::keep_up(Arc::clone(app), noticed);
        tokio::spawn(async move { stop.run_until_cancelled(resealing).await });
    }
}

/// Opening the engine blocks, so it happens on a blocking thread; hosts start on the runtime of the caller.
async fn build(
    config: Config,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    replacements: Replacements,
    mut progress: impl FnMut(&str, u64, u64) + Send + 'static,
) -> anyhow::Result<Arc<App>> {
    let opened =
        tokio::task::spawn_blocking(move || parts::build(&config, metrics, replacements, &mut progress));
    Ok(opened.await??)
}

/// Points the configuration at the sandbox, and starts one unless another process runs it.
async fn use_sandbox(config: &mut Config) -> anyhow::Result<Option<RunningSandbox>> {
    let started = if config.sandbox.url.is_empty() { Some(start_sandbox(config).await?) } else { None };
    let base = config.sandbox_url();
    config.sign_in_with_sandbox(&base);
    config.instagram.app_id = SANDBOX_APP_ID.to_owned();
    config.instagram.app_secrets = SANDBOX_SECRETS.map(Secret::new).to_vec();
    config.instagram.verify_token = Secret::new(SANDBOX_VERIFY_TOKEN);
    config.instagram.www_url = format!("{base}/ig-www");
    config.instagram.api_url = format!("{base}/ig-api");
    config.instagram.graph_url = format!("{base}/ig-graph");
    Ok(started)
}

/// Points the sandbox's webhooks at the door.
async fn aim_sandbox(config: &Config, door: SocketAddr) -> anyhow::Result<Control> {
    let control = Control::new(&config.sandbox_url())?;
    let url = format!("http://{door}/api/webhooks/instagram");
    let aimed = control.put("delivery", &json!({ "url": url })).await;
    aimed.context("the sandbox does not take the webhook address")?;
    Ok(control)
}

/// Starts the sandbox with its state beside the data, so that a second start continues.
///
/// # Errors
/// When its address is taken or its state cannot be read.
pub async fn start_sandbox(config: &mut Config) -> anyhow::Result<RunningSandbox> {
    let listener = TcpListener::bind(config.sandbox.listen)
        .await
        .with_context(|| format!("cannot listen on {} (setting sandbox.listen)", config.sandbox.listen))?;
    config.sandbox.listen = listener.local_addr()?;
    let mut options = SandboxOptions::new(Bind::Listener(listener));
    if config.data.engine != "memory" {
        let dir = config.data.dir.join("sandbox");
        options.id_base = next_run(&dir)? * SANDBOX_IDS_PER_RUN;
        options.state_file = Some(dir.join("state.json"));
    }
    Ok(Sandbox::start(options).await?)
}

/// Counts the runs of the sandbox, so that ids handed out before a crash never come again. The count is replaced whole: a
/// crash in between leaves the old one, and that run handed out nothing yet.
fn next_run(dir: &Path) -> anyhow::Result<u64> {
    greenroom_persistence::folder::create_private(dir)?;
    let path = dir.join("run");
    let last: u64 = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().with_context(|| format!("{} is no number", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error.into()),
    };
    let next = (last + 1) % (SandboxOptions::ID_BASE_MAX / SANDBOX_IDS_PER_RUN);
    let draft = path.with_extension("new");
    std::fs::write(&draft, next.to_string())?;
    std::fs::rename(&draft, &path)?;
    Ok(next)
}

impl Running {
    /// Serves until asked to stop and then stops in order, or until nothing can be made durable any more and then ends at
    /// once: whoever supervises the process starts it again, and recovery is the same as after a crash.
    ///
    /// # Errors
    /// When it ended by itself.
    pub async fn serve(self, stop: &CancellationToken) -> Result<(), JournalFailed> {
        let journal = Arc::clone(&self.app.stores.journal);
        tokio::select! {
            () = stop.cancelled() => {
                self.stop().await;
                Ok(())
            }
            why = journal.failed() => {
                self.close_door().await.abandon().await;
                Err(JournalFailed(why))
            }
        }
    }

    /// Stops in order: the door, the actors, the engine, the sandbox.
    pub async fn stop(mut self) {
        let (grace, sandbox) = (self.grace, self.own_sandbox.take());
        self.close_door().await.stop(grace).await;
        if let Some(sandbox) = sandbox {
            sandbox.shutdown().await;
        }
    }

    /// First whoever asks is told that the end is near, then nothing more is let in.
    async fn close_door(self) -> Arc<App> {
        self.app.announce_stop();
        drop(self.stop);
        // Live connections are no requests: they are told, and closed one after the other, while requests end.
        let ((), door) = tokio::join!(self.live.shut_down(), self.door);
        if door.is_err() {
            tracing::error!("the front door ended by a panic");
        }
        self.app
    }
}
