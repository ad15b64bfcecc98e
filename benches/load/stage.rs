//! The measured server: the whole application behind its own door, in this process, on a runtime of its own, with the
//! durable engine on the disk.

use crate::{
    clock::Shifted,
    outlet::Counting,
    payload::{self, Dm, SECRET, account_id, workspace},
};
use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use greenroom::{
    config::{Config, Secret},
    http::{Door, router},
    parts::{self, App, Replacements},
    server, telemetry,
};
use greenroom_actors::{
    EntityId, Sealed, Timestamp,
    automation::{AutomationId, AutomationInput},
    id::AccountId,
    ports::Clock,
    shell::ShellLimits,
    user::{Command, User, command::Connect, plan::Plan, settings::SettingsPatch},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Threads of the server's runtime.
pub(crate) const SERVER_THREADS: usize = 2;
/// Accounts are connected so long before the run that none counts as young.
const CONNECTED_BEFORE: Duration = Duration::from_secs(8 * 86_400);
/// Life of the tokens.
const TOKEN_LIFE: Duration = Duration::from_secs(60 * 86_400);
/// Workspaces that are set up or looked at at the same time.
const AT_ONCE: usize = 512;
/// Entities that may be in memory beyond a small cap before activations are refused.
const RESIDENT_SLACK_MIN: usize = 48;
/// Time for a stop.
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two looks at whether the server is quiet.
const QUIET_LOOK: Duration = Duration::from_millis(5);
/// Times that a delivery of the set-up is tried.
const DELIVERIES_MAX: u32 = 100;
/// Time between two of them.
const REDELIVER_AFTER: Duration = Duration::from_millis(250);
/// Longest wait until the server is quiet.
const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// What a run of the server differs in.
#[derive(Clone, Debug, Default)]
pub(crate) struct StageOptions {
    /// Use this folder instead of a new one that is removed afterwards.
    pub(crate) folder: Option<PathBuf>,
    /// Entities in memory at most; `None` is the standard.
    pub(crate) resident: Option<usize>,
}

/// A running server.
pub(crate) struct Stage {
    runtime: Runtime,
    folder: PathBuf,
    _temporary: Option<TempDir>,
    pub(crate) app: Arc<App>,
    pub(crate) outlet: Arc<Counting>,
    clock: Arc<Shifted>,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    door: JoinHandle<()>,
}

/// A runtime as the measured server has one.
pub(crate) fn server_runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SERVER_THREADS)
        .thread_name("server")
        .enable_all()
        .build()
}

/// A folder on the disk that the build goes to.
pub(crate) fn temporary() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("load-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

impl Stage {
    /// Starts the server over a folder.
    pub(crate) fn start(options: &StageOptions) -> anyhow::Result<Self> {
        let (temporary, folder) = match &options.folder {
            Some(folder) => (None, folder.clone()),
            None => {
                let new = temporary()?;
                let folder = new.path().to_owned();
                (Some(new), folder)
            }
        };
        let runtime = server_runtime()?;
        let config = config(&folder);
        let (outlet, clock) = (Arc::new(Counting::default()), Arc::new(Shifted::default()));
        let replacements = Replacements {
            clock: Some(Arc::<Shifted>::clone(&clock)),
            outlet: Some(Arc::<Counting>::clone(&outlet)),
            stores: None,
            limits: Some(limits(&config, options)),
        };
        let metrics = telemetry::start_metrics()?;
        let guard = runtime.enter();
        let app = parts::build(&config, metrics, replacements, &mut |_, _, _| ())?;
        drop(guard);
        let door = Door::new(Arc::clone(&app), &config.server);
        let stop = CancellationToken::new();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let door = runtime.spawn(server::run(listener, router(door), stop.clone(), STOP_WITHIN));
        Ok(Self { runtime, folder, _temporary: temporary, app, outlet, clock, address, stop, door })
    }

    /// Runs something on the server's own runtime.
    pub(crate) fn block_on<T>(&self, run: impl Future<Output = T>) -> T {
        self.runtime.block_on(run)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Connects accounts `0..accounts`, each with three automations, no delay, and no plan limits.
    pub(crate) fn connect_accounts(&self, accounts: u32) -> anyhow::Result<()> {
        self.clock.set_behind(CONNECTED_BEFORE);
        let expires_at = self.clock.now() + CONNECTED_BEFORE + TOKEN_LIFE;
        let app = &self.app;
        let connected = self.block_on(
            stream::iter(0..accounts)
                .map(|account| async move {
                    let commands = new_workspace(account, expires_at);
                    for answer in app.users.ask_all(&workspace(account), commands, 0).await? {
                        answer?;
                    }
                    anyhow::Ok(())
                })
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>(),
        );
        self.clock.set_behind(Duration::ZERO);
        connected?;
        self.wait_until_quiet()
    }

    /// Delivers messages without the network, so that their persons are known contacts.
    pub(crate) fn introduce(&self, messages: &[Dm]) -> anyhow::Result<()> {
        let at = self.now();
        let requests =
            messages.chunk_by(|a, b| a.account == b.account).map(|of_account| payload::body(of_account, at));
        let app = &self.app;
        self.block_on(
            stream::iter(requests)
                .map(|body| async move {
                    let secret = secrecy::SecretString::from(SECRET);
                    let signature = greenroom_instagram::signature::sign(&secret, body.as_bytes());
                    let (signatures, body) = ([signature.parse()?], body.into());
                    for attempt in 1.. {
                        let parcels = greenroom::delivery::open(app, &signatures, &body)?;
                        match greenroom::delivery::deliver(app, parcels).await {
                            Ok(()) => break,
                            // What is refused for now is delivered again, as the platform does it.
                            Err(_) if attempt < DELIVERIES_MAX => self.clock.sleep(REDELIVER_AFTER).await,
                            Err(error) => return Err(error.into()),
                        }
                    }
                    anyhow::Ok(())
                })
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>(),
        )?;
        self.wait_until_quiet()
    }

    /// Waits until no command waits and no effect runs.
    pub(crate) fn wait_until_quiet(&self) -> anyhow::Result<()> {
        self.wait_until("quiet", || {
            let stats = self.app.users.stats();
            stats.commands == 0 && stats.effects == 0
        })
    }

    /// Waits until something is so.
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) -> anyhow::Result<()> {
        let deadline = self.now() + QUIET_WITHIN;
        while !is_so() {
            anyhow::ensure!(self.now() < deadline, "not {what} within {QUIET_WITHIN:?}");
            self.block_on(self.clock.sleep(QUIET_LOOK));
        }
        Ok(())
    }

    /// The durable state of an account's workspace.
    pub(crate) async fn state(&self, account: u32) -> anyhow::Result<Arc<User>> {
        Ok(self.app.users.published(&workspace(account)).await?.state)
    }

    /// Messages whose decision is in no state, and pairs that share one; every workspace is looked at once.
    pub(crate) fn verify(&self, accepted: &[Dm]) -> anyhow::Result<Verified> {
        let mut sorted = accepted.to_vec();
        sorted.sort_unstable_by_key(|message| message.account);
        let groups: Vec<&[Dm]> = sorted.chunk_by(|a, b| a.account == b.account).collect();
        let verified = self.block_on(
            stream::iter(groups)
                .map(|messages| async move {
                    let first = messages.first().context("an empty group")?;
                    let state = self.state(first.account).await?;
                    let mut numbers: Vec<u64> =
                        messages.iter().filter_map(|message| message.decision_in(&state)).collect();
                    let found = numbers.len();
                    numbers.sort_unstable();
                    numbers.dedup();
                    anyhow::Ok(Verified {
                        missing: messages.len() - found,
                        shared: found - numbers.len(),
                        decided: found,
                    })
                })
                .buffer_unordered(AT_ONCE)
                .try_fold(Verified::default(), |sum, one| async move { Ok(sum.plus(&one)) }),
        )?;
        Ok(verified)
    }

    /// Stops, and moves what is in the data folder to another place.
    pub(crate) fn stop_to(mut self, to: &Path) -> anyhow::Result<()> {
        let temporary = self._temporary.take();
        let from = self.folder.clone();
        self.stop()?;
        std::fs::rename(from, to)?;
        drop(temporary);
        Ok(())
    }

    /// Stops in order: the door, the actors, the engine.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let Self { runtime, app, door, _temporary, .. } = self;
        runtime.block_on(async {
            door.await?;
            app.stop(STOP_WITHIN).await;
            anyhow::Ok(())
        })?;
        drop(app);
        runtime.shutdown_timeout(STOP_WITHIN);
        Ok(())
    }
}

/// What became of accepted messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verified {
    pub(crate) decided: usize,
    pub(crate) missing: usize,
    pub(crate) shared: usize,
}

impl Verified {
    fn plus(self, other: &Self) -> Self {
        Self {
            decided: self.decided + other.decided,
            missing: self.missing + other.missing,
            shared: self.shared + other.shared,
        }
    }

    pub(crate) const fn is_right(&self) -> bool {
        self.missing == 0 && self.shared == 0
    }
}

/// Settings of the measured server: the standard ones, beside what must differ.
fn config(folder: &Path) -> Config {
    let mut config = Config::default();
    folder.clone_into(&mut config.data.dir);
    config.instagram.app_id = "990000000000009".to_owned();
    config.instagram.app_secrets = vec![Secret::new(SECRET)];
    config.instagram.verify_token = Secret::new("load-verify");
    config
}

fn limits(config: &Config, options: &StageOptions) -> ShellLimits {
    let resident = options.resident.unwrap_or(config.data.resident_max);
    ShellLimits {
        // Nothing leaves memory by idleness: what is measured is said by the scenario.
        idle: Duration::from_secs(3_600),
        effects: config.instagram.calls_max,
        resident,
        // Activations one after another outrun the sweeps of a very small cap.
        resident_refuse: resident + (resident / 4).max(RESIDENT_SLACK_MIN),
        resident_bytes: config.data.resident_bytes_max,
        ..ShellLimits::default()
    }
}

fn new_workspace(account: u32, expires_at: Timestamp) -> Vec<Command> {
    let connect = Connect {
        account: AccountId::from(account_id(account)),
        app_scoped: None,
        username: format!("load.account.{account}"),
        token: Sealed::from("not-a-token"),
        scopes: Vec::new(),
        expires_at,
    };
    let settings = SettingsPatch {
        reply_delay: Some(Duration::ZERO),
        sidekick: Some(false),
        sends_per_hour: Some(3_600),
        ..SettingsPatch::default()
    };
    let mut commands = vec![
        Command::SetPlan(Plan::Enterprise),
        Command::ConnectInstagram(connect),
        Command::UpdateSettings(settings),
    ];
    commands.extend([("price", "prices"), ("guide", "the guide"), ("appointment", "appointments")].map(
        |(word, title)| Command::CreateAutomation {
            id: AutomationId::from(format!("load-{account}-{word}")),
            input: AutomationInput {
                title: title.to_owned(),
                trigger_word: Some(word.to_owned()),
                response_type: "fixed".to_owned(),
                response_content:
                    "Hi {{first_name}}! It is $49, shipping included. Shall I keep one for you?".to_owned(),
                ..AutomationInput::default()
            },
            inactive: false,
        },
    ));
    commands
}

/// Id of the entity of an account's workspace.
pub(crate) fn entity(account: u32) -> anyhow::Result<EntityId> {
    Ok(EntityId::new("user", &workspace(account))?)
}
