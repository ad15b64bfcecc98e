//! The composition root: every part is made here, by hand, and handed to those who need it.

use crate::{
    auth::{
        address::ClientAddresses,
        cookie::Cookies,
        google::{GoogleClient, GoogleClientError},
        hashing::HashingPool,
        mail::{Mailbox, Mailer, NoMailer, SmtpConfigError, SmtpMailer},
        origin::TrustedOrigins,
        parts::Auth,
        rate_limit::RateLimiter,
    },
    clock::SystemClock,
    config::{Config, MailTransport, Secret},
    custodian::Custodian,
    delivery::QuarantineWarning,
    erasure::DeletionKey,
    files::{FileStore, StoreError, UploadKey, Uploads},
    keys::{self, KeysError},
    metric_definitions::WebhookCounters,
    outlets::{
        CustodyOutlet, DeletionOutlet, IdentityOutlet, IntakeOutlet, SendStop, SignInOutlet, UserOutlet,
        UserOutletParts, model::NoModel,
    },
    posts::Posts,
    reseal::{Noticed, NoticedEntities},
};
use greenroom_actors::{
    custody::Custody,
    deletion::Deletion,
    identity::Identity,
    intake::Intake,
    ports::{Clock, Outlet},
    shell::{Host, ShellLimits, StartError},
    signin::SignIns,
    user::User,
};
use greenroom_instagram::{
    client::{self, Client, ClientConfig},
    signature::{SecretList, SecretListError},
};
use greenroom_persistence::{JournalHealth, Stores, embedded, memory, secret::Keyring};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The running application.
pub struct App {
    /// Workspaces.
    pub users: Host<User>,
    /// The auth side of users.
    pub identities: Host<Identity>,
    /// Sign-ins that are under way.
    pub sign_ins: Host<SignIns>,
    /// What the auth endpoints need beside them.
    pub auth: Auth,
    /// Mails of the sandbox, when nothing else takes them.
    pub mailbox: Option<Mailbox>,
    /// What no workspace wants.
    pub intake: Host<Intake>,
    /// Deletion requests of the platform.
    pub deletions: Host<Deletion>,
    /// Which workspaces hold data of an account.
    pub custody: Host<Custody>,
    /// The same, by the account.
    pub custodian: Custodian,
    /// Makes the codes of deletion requests.
    pub deletion_key: Arc<DeletionKey>,
    /// The engine.
    pub stores: Stores,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Secrets that may sign webhooks.
    pub secrets: SecretList,
    /// Token of the webhook handshake.
    pub verify_token: Secret,
    /// Id of the app at Meta.
    pub app_id: String,
    /// The app at Meta, for authorisations.
    pub instagram_app: client::App,
    /// Calls Instagram.
    pub client: Client,
    /// What the owners upload.
    pub uploads: Uploads,
    /// Posts that were read lately.
    pub posts: Posts,
    /// Seals tokens.
    pub keyring: Arc<Keyring>,
    /// Notices what an older key had sealed.
    pub noticed: Noticed,
    /// What it noticed, until somebody takes it up.
    noticed_entities: Mutex<Option<NoticedEntities>>,
    /// Token of the operator's routes.
    pub operator_token: Secret,
    /// The operator's stop of all automatic messages, as the way out sees it.
    pub send_stop: Arc<SendStop>,
    /// Renders metrics.
    pub metrics: PrometheusHandle,
    /// What deliveries count.
    pub webhook_counters: WebhookCounters,
    /// Tells of what could not be understood.
    pub quarantine_warning: QuarantineWarning,
    draining: AtomicBool,
}

/// Whether new work is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// It is.
    Ready,
    /// Not any more: what is in flight is finished.
    Draining,
    /// Not any more: nothing can be made durable until the next start.
    Failed,
}

/// Why the application did not start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine did not open.
    #[error("data folder {}: {cause}", dir.display())]
    Engine {
        /// Which folder.
        dir: std::path::PathBuf,
        /// Why.
        cause: String,
    },
    /// Keys are missing or wrong.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Webhook secrets are missing or wrong.
    #[error("setting instagram.app_secrets: {0}")]
    Secrets(#[from] SecretListError),
    /// The client of Instagram did not start.
    #[error("instagram client")]
    Client(#[from] client::ConfigError),
    /// Sign-in with Google cannot work.
    #[error("sign-in with google: {0}")]
    Google(#[from] GoogleClientError),
    /// Uploads have no place.
    #[error(transparent)]
    Files(#[from] StoreError),
    /// Mails cannot leave.
    #[error("mail: {0}")]
    Mail(#[from] SmtpConfigError),
    /// A host of entities did not start.
    #[error("actors: {0}")]
    Host(#[from] StartError),
}

/// What a caller may put in place of the standard parts; tests and the load tool do.
#[derive(Default)]
pub struct Replacements {
    /// Another clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// Another way out of the workspaces.
    pub outlet: Option<Arc<dyn Outlet<User>>>,
    /// Another engine.
    pub stores: Option<Stores>,
    /// Other bounds of the shell.
    pub limits: Option<ShellLimits>,
}

/// Shows progress of long work: phase, done, total (0 when not known).
pub type ShowProgress<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// Makes all parts. Opening the engine blocks: call it where blocking is allowed, inside a runtime.
///
/// # Errors
/// See [`BuildError`]; nothing is left running.
pub fn build(
    config: &Config,
    metrics: PrometheusHandle,
    replacements: Replacements,
    progress: ShowProgress<'_>,
) -> Result<Arc<App>, BuildError> {
    crate::metric_definitions::describe();
    let stores = match replacements.stores {
        Some(stores) => stores,
        None => open_engine(config, progress)?,
    };
    let keyring = Arc::new(keys::keyring(&config.data.dir, &config.data.keys)?);
    let (noticed, noticed_entities) = Noticed::new(Arc::clone(&keyring));
    let operator_token = keys::operator_token(&config.data.dir)?;
    let secrets = SecretList::new(config.instagram.app_secrets.iter().map(Secret::to_secret_string))?;
    let client = Client::new(&client_config(config))?;
    let clock: Arc<dyn Clock> = replacements.clock.unwrap_or_else(|| Arc::new(SystemClock));
    let limits = replacements.limits.unwrap_or_else(|| shell_limits(config));
    let send_stop = Arc::<SendStop>::default();
    let files = FileStore::open(config)?;
    let deletion_key = Arc::new(DeletionKey::new(keys::deletion_key(&config.data.dir)?));
    let custody = Host::start(stores.clone(), Arc::new(CustodyOutlet), Arc::clone(&clock), limits.clone())?;
    let custodian = Custodian::new(custody.clone(), Arc::clone(&deletion_key));
    let outlet = replacements.outlet.unwrap_or_else(|| {
        Arc::new(UserOutlet::new(UserOutletParts {
            client: client.clone(),
            app_id: config.instagram.app_id.clone(),
            keyring: Arc::clone(&keyring),
            noticed: noticed.clone(),
            model: Arc::new(NoModel),
            history: Arc::clone(&stores.history),
            clock: Arc::clone(&clock),
            files: files.clone(),
            custodian: custodian.clone(),
            stop: Arc::clone(&send_stop),
        }))
    });
    let users = Host::start(stores.clone(), outlet, Arc::clone(&clock), limits.clone())?;
    let outlet = Arc::new(DeletionOutlet::new(users.clone(), custodian.clone()));
    let deletions = Host::start(stores.clone(), outlet, Arc::clone(&clock), limits.clone())?;
    let mailbox = (config.mail_transport() == MailTransport::Sandbox).then(Mailbox::default);
    let mailer = mailer(config, mailbox.as_ref())?;
    let auth = auth(config, mailer.is_some())?;
    let mailer = mailer.unwrap_or_else(|| Arc::new(NoMailer));
    let outlet = Arc::new(IdentityOutlet::new(
        mailer,
        Arc::clone(&keyring),
        noticed.clone(),
        users.clone(),
        custodian.clone(),
        files.clone(),
    ));
    let identities = Host::start(stores.clone(), outlet, Arc::clone(&clock), limits.clone())?;
    let sign_ins = Host::start(stores.clone(), Arc::new(SignInOutlet), Arc::clone(&clock), limits.clone())?;
    let intake = Host::start(stores.clone(), Arc::new(IntakeOutlet), Arc::clone(&clock), limits)?;
    Ok(Arc::new(App {
        users,
        identities,
        sign_ins,
        auth,
        mailbox,
        intake,
        deletions,
        custody,
        custodian,
        deletion_key,
        stores,
        clock,
        secrets,
        verify_token: config.instagram.verify_token.clone(),
        app_id: config.instagram.app_id.clone(),
        instagram_app: client::App {
            id: config.instagram.app_id.clone(),
            secret: config.instagram.app_secrets.first().map(Secret::to_secret_string).unwrap_or_default(),
        },
        client,
        posts: Posts::default(),
        uploads: Uploads::new(files, UploadKey::new(keys::upload_key(&config.data.dir)?)),
        keyring,
        noticed,
        noticed_entities: Mutex::new(Some(noticed_entities)),
        operator_token,
        send_stop,
        metrics,
        webhook_counters: WebhookCounters::new(config.instagram.app_secrets.len()),
        quarantine_warning: QuarantineWarning::default(),
        draining: AtomicBool::new(false),
    }))
}

/// The way of mails.
fn mailer(config: &Config, mailbox: Option<&Mailbox>) -> Result<Option<Arc<dyn Mailer>>, SmtpConfigError> {
    Ok(match (config.mail_transport(), mailbox) {
        (MailTransport::Smtp, _) => Some(Arc::new(SmtpMailer::new(&config.mail)?)),
        (MailTransport::Sandbox, Some(mailbox)) => Some(Arc::new(mailbox.clone())),
        (MailTransport::Sandbox | MailTransport::Off, _) => None,
    })
}

fn auth(config: &Config, sends_mail: bool) -> Result<Auth, BuildError> {
    let origin = config.public_origin();
    let secrets = keys::auth_secrets(&config.data.dir, &config.auth.secrets)?;
    Ok(Auth {
        cookies: Cookies::new(origin.starts_with("https://"), secrets.clone()),
        secrets,
        limiter: config.limits_auth_rate().then(RateLimiter::default),
        addresses: ClientAddresses::behind(&config.auth.trusted_proxies),
        hashing: HashingPool::new(config.auth.hashing_threads, config.auth.hashing_queue_max),
        google: GoogleClient::new(&config.google)?,
        convex: keys::convex_tokens(&config.data.dir, &origin)?,
        origins: TrustedOrigins::new(&origin, &config.auth.trusted_origins),
        settings: config.auth.clone(),
        sends_mail,
    })
}

/// The one place where the engine is chosen.
fn open_engine(config: &Config, progress: ShowProgress<'_>) -> Result<Stores, BuildError> {
    if config.data.engine == "memory" {
        return Ok(memory::open().0);
    }
    let failed = |cause: String| BuildError::Engine { dir: config.data.dir.clone(), cause };
    let opened = embedded::open(&engine_options(config), &mut |step| show(progress, step))
        .map_err(|error| failed(error.to_string()))?;
    let report = opened.report;
    if let Some(torn) = &report.torn {
        tracing::warn!(%torn, "the end of the journal was torn by the last stop and is cut: nothing of it was acknowledged");
    }
    if report.rebuilt.is_none() && report.position.0 > 0 && report.applied >= report.position.0 {
        tracing::warn!("the working set was empty and is built again from the journal: nothing is lost");
    }
    if let Some(reason) = &report.rebuilt {
        tracing::warn!(%reason, "the working set was built again from checkpoint and journal: nothing is lost");
    }
    tracing::info!(
        position = report.position.0,
        segments = report.segments,
        applied = report.applied,
        "journal open"
    );
    Ok(opened.stores)
}

/// Tells a step of the engine to whoever draws progress.
pub fn show(progress: ShowProgress<'_>, step: embedded::Progress) {
    let phase = match step.phase {
        embedded::Phase::CheckingWorkingSet => "checking the working set",
        embedded::Phase::LoadingCheckpoint => "loading the checkpoint",
        embedded::Phase::ReadingJournal => "reading the journal",
        embedded::Phase::CheckingCheckpoint => "checking the checkpoint",
    };
    progress(phase, step.done, step.total.unwrap_or(0));
}

/// Options of the embedded engine.
#[must_use]
pub fn engine_options(config: &Config) -> embedded::Options {
    embedded::Options {
        segment_bytes: config.data.segment_bytes,
        cache_bytes: config.data.cache_bytes,
        checkpoint_bytes: config.data.checkpoint_bytes,
        ..embedded::Options::new(&config.data.dir)
    }
}

fn shell_limits(config: &Config) -> ShellLimits {
    ShellLimits {
        idle: config.data.idle.0,
        effects: config.instagram.calls_max,
        resident: config.data.resident_max,
        resident_refuse: config.data.resident_max.saturating_add(config.data.resident_max / 4),
        resident_bytes: config.data.resident_bytes_max,
        ..ShellLimits::default()
    }
}

fn client_config(config: &Config) -> ClientConfig {
    let instagram = &config.instagram;
    ClientConfig {
        www_url: instagram.www_url.clone(),
        api_url: instagram.api_url.clone(),
        graph_url: instagram.graph_url.clone(),
        graph_version: instagram.graph_version.clone(),
        ..ClientConfig::default()
    }
}

impl App {
    /// The entities in which something is opened that an older key had sealed; once.
    pub fn take_noticed(&self) -> Option<NoticedEntities> {
        self.noticed_entities.lock().take()
    }

    /// Whether new work is taken.
    pub fn readiness(&self) -> Readiness {
        match self.stores.journal.health() {
            JournalHealth::Failed(_) => Readiness::Failed,
            JournalHealth::Open if !self.draining.load(Ordering::Relaxed) => Readiness::Ready,
            JournalHealth::Open | JournalHealth::Closed => Readiness::Draining,
        }
    }

    /// Says that the end is near, so that whoever looks sends new work elsewhere. What comes still is taken.
    pub fn announce_stop(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Finishes what is in flight, brings the working set up to date and closes the engine.
    pub async fn stop(&self, within: Duration) {
        self.announce_stop();
        let deadline = self.clock.now() + within;
        // First: what identities and deletion requests ask for is done by the workspaces.
        self.identities.drain(deadline).await;
        self.sign_ins.drain(deadline).await;
        self.deletions.drain(deadline).await;
        let report = self.users.drain(deadline).await;
        // Last of them: what workspaces note is kept there.
        self.custody.drain(deadline).await;
        self.intake.drain(deadline).await;
        if !report.complete {
            tracing::warn!(
                commands = report.commands,
                effects = report.effects,
                "stopped before everything was finished; the next start takes it up"
            );
        }
        self.stores.journal.close().await;
    }

    /// Ends at once what can no longer be finished, because nothing can be journaled any more, and closes the engine. The
    /// next start finds what was acknowledged.
    pub async fn abandon(&self) {
        self.announce_stop();
        self.identities.abort();
        self.sign_ins.abort();
        self.deletions.abort();
        self.users.abort();
        self.custody.abort();
        self.intake.abort();
        self.stores.journal.close().await;
    }
}
