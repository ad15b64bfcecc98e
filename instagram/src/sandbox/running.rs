//! Starting and stopping.

use super::{
    SandboxState, delivery,
    limits::SHUTDOWN_GRACE,
    options::{Bind, SandboxError, SandboxOptions},
    router, snapshot,
    state::Origin,
};
use reqwest::Url;
use std::{net::SocketAddr, path::PathBuf};
use tokio::{net::TcpListener, task::JoinHandle};

/// The fake platform.
#[derive(Debug)]
pub struct Sandbox;

/// A sandbox that listens. Dropping it stops it without the last save; prefer [`RunningSandbox::shutdown`].
#[derive(Debug)]
pub struct RunningSandbox {
    address: SocketAddr,
    state: SandboxState,
    server: JoinHandle<()>,
    deliveries: JoinHandle<()>,
    saver: Option<(JoinHandle<()>, PathBuf)>,
}

/// Webhooks go over plain http only; the client's TLS side exists because it must, and trusts nobody.
pub(crate) fn client() -> Result<reqwest::Client, SandboxError> {
    crate::plain::client_builder()
        .map_err(SandboxError::Tls)?
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(SandboxError::Client)
}

async fn bind(bind: Bind, allow_remote: bool) -> Result<(TcpListener, SocketAddr), SandboxError> {
    let refuse = |address: SocketAddr| {
        if allow_remote || address.ip().is_loopback() {
            Ok(())
        } else {
            Err(SandboxError::NotLoopback(address))
        }
    };
    let listener = match bind {
        Bind::Listener(listener) => listener,
        Bind::Address(address) => {
            refuse(address)?;
            TcpListener::bind(address).await.map_err(SandboxError::Listen)?
        }
    };
    let address = listener.local_addr().map_err(SandboxError::Listen)?;
    refuse(address)?;
    Ok((listener, address))
}

impl Sandbox {
    /// Starts a sandbox; it serves once this returns.
    ///
    /// # Errors
    /// When the options are refused, the address can not be bound, or the state file can not be read.
    pub async fn start(options: SandboxOptions) -> Result<RunningSandbox, SandboxError> {
        if options.id_base > SandboxOptions::ID_BASE_MAX {
            return Err(SandboxError::IdBase);
        }
        let allowed = |url: &Url| delivery::is_allowed_target(url, options.allow_remote);
        if !options.webhook_url.as_ref().is_none_or(allowed) {
            return Err(SandboxError::WebhookUrl);
        }
        let (listener, address) = bind(options.bind, options.allow_remote).await?;
        let webhook_url = options.webhook_url.map(String::from);
        let settings = delivery::Settings {
            url: webhook_url.clone(),
            echo_delay_ms: u64::try_from(options.echo_delay.as_millis()).unwrap_or(u64::MAX),
            ..delivery::Settings::default()
        };
        let origin = Origin {
            rng_seed: options.rng_seed,
            id_base: options.id_base,
            allow_remote: options.allow_remote,
            settings,
            redirect_uris: options.redirect_uris,
            enforce_rate_limits: options.enforce_rate_limits,
        };
        let loaded = match options.state_file.clone() {
            None => None,
            Some(path) => tokio::task::spawn_blocking(move || snapshot::load(&path))
                .await
                .map_err(|_| SandboxError::Background)??,
        };
        let world = match loaded {
            None => origin.world(options.seed, options.rng_seed, options.clock.now_millis()),
            Some(world) => {
                let mut world = world.restored(options.id_base, options.rng_seed);
                // Addresses belong to this run, not to the one that wrote the file.
                world.delivery.url = webhook_url.or(world.delivery.url);
                world.app.redirect_uris.clone_from(&origin.redirect_uris);
                world
            }
        };
        let state = SandboxState::new(world, origin, options.clock, client()?);
        let saver =
            options.state_file.map(|path| (tokio::spawn(snapshot::run(state.clone(), path.clone())), path));
        let deliveries = tokio::spawn(delivery::run(state.clone()));
        let server = tokio::spawn(serve(listener, state.clone()));
        Ok(RunningSandbox { address, state, server, deliveries, saver })
    }
}

async fn serve(listener: TcpListener, state: SandboxState) {
    let app = router::router(state.clone());
    let stopped = async move { state.stopped().await };
    if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the sandbox stopped serving");
    }
}

impl RunningSandbox {
    /// Where it listens, without a path: `http://127.0.0.1:4010`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle for control and observation in the same process.
    #[must_use]
    pub const fn state(&self) -> &SandboxState {
        &self.state
    }

    /// Stops serving and delivering, and saves the state. Calls in progress get two seconds.
    pub async fn shutdown(mut self) {
        self.state.stop();
        for task in [&mut self.server, &mut self.deliveries] {
            if tokio::time::timeout(SHUTDOWN_GRACE, &mut *task).await.is_err() {
                task.abort();
            }
        }
        if let Some((mut saver, path)) = self.saver.take() {
            // A save in progress ends by itself; only a broken disk makes it last.
            if tokio::time::timeout(SHUTDOWN_GRACE * 5, &mut saver).await.is_err() {
                saver.abort();
            }
            snapshot::finish(&self.state, &path).await;
        }
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.state.stop();
    }
}
