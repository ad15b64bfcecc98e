//! How a sandbox is started.

use reqwest::Url;
use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::net::TcpListener;

/// What exists at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seed {
    /// Accounts `fictional.bakery` and `fictional.gym` with media, and nine people.
    #[default]
    Demo,
    /// The app only.
    Empty,
}

/// Where the sandbox listens.
#[derive(Debug)]
pub enum Bind {
    /// A socket that is bound already; how tests use port 0.
    Listener(TcpListener),
    /// An address to bind.
    Address(SocketAddr),
}

/// Unix milliseconds of the outside world; the sandbox adds its own offset.
#[derive(Clone)]
pub struct ClockSource(Arc<dyn Fn() -> i64 + Send + Sync>);

impl ClockSource {
    /// A clock from a function that returns Unix milliseconds.
    pub fn new(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    }

    /// Unix milliseconds, without the sandbox's offset.
    #[must_use]
    pub fn now_millis(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockSource")
    }
}

/// How a sandbox is started.
#[derive(Debug)]
pub struct SandboxOptions {
    /// Where to listen. Loopback, unless `allow_remote`.
    pub bind: Bind,
    /// Accept a listen address or a webhook target outside of this machine. The sandbox has no sign-in.
    pub allow_remote: bool,
    /// What exists at the start, when there is no state file yet.
    pub seed: Seed,
    /// Seed of every random choice (fault probability, shuffling).
    pub rng_seed: u64,
    /// The product's webhook endpoint; plain `http`. Without one nothing is delivered until the control API sets it.
    pub webhook_url: Option<Url>,
    /// Registered redirect addresses, compared byte for byte. Empty: any loopback address is taken.
    pub redirect_uris: Vec<String>,
    /// Number from which everything made after the seed counts, so that a restarted sandbox never uses an id twice.
    /// At most 10^9. The seed's own accounts, people and media keep their well-known ids.
    pub id_base: u64,
    /// Where the state is kept between runs: read at start, written within half a second of a change and at shutdown.
    pub state_file: Option<PathBuf>,
    /// Time between a send and its echo webhook.
    pub echo_delay: Duration,
    /// Whether the platform's call limits are enforced. Off for load tests on one account.
    pub enforce_rate_limits: bool,
    /// The clock below the sandbox's own.
    pub clock: ClockSource,
}

impl SandboxOptions {
    /// Largest [`SandboxOptions::id_base`]: ids keep their number of digits.
    pub const ID_BASE_MAX: u64 = 1_000_000_000;

    /// The demo seed at `bind`, delivering nowhere yet.
    #[must_use]
    pub fn new(bind: Bind) -> Self {
        Self {
            bind,
            allow_remote: false,
            seed: Seed::Demo,
            rng_seed: 1,
            webhook_url: None,
            redirect_uris: Vec::new(),
            id_base: 0,
            state_file: None,
            echo_delay: Duration::from_millis(50),
            enforce_rate_limits: true,
            clock: ClockSource::system(),
        }
    }
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address could not be bound or read.
    #[error("the sandbox can not listen")]
    Listen(#[source] std::io::Error),
    /// The listen address is reachable from outside.
    #[error("the sandbox listens on loopback only, not on {0}; it has no sign-in")]
    NotLoopback(SocketAddr),
    /// The webhook address is not plain http on this machine.
    #[error("the webhook address must be plain http on this machine")]
    WebhookUrl,
    /// The number to count from is too large.
    #[error("id_base must be at most {}", SandboxOptions::ID_BASE_MAX)]
    IdBase,
    /// The HTTP client could not be made.
    #[error("the sandbox can not make its http client")]
    Client(#[source] reqwest::Error),
    /// The TLS settings of the client could not be made.
    #[error("the sandbox can not make its tls settings")]
    Tls(#[source] rustls::Error),
    /// The state file could not be read.
    #[error("the sandbox can not read its state file")]
    StateFile(#[source] std::io::Error),
    /// The state file is not what a sandbox of this version writes.
    #[error("the state file of the sandbox is damaged or of another version; delete it to start anew")]
    StateFormat(#[source] serde_json::Error),
    /// The background task that reads the state file died.
    #[error("the sandbox could not run a background task")]
    Background,
}
