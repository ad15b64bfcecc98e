//! A whole installation in one value: sandbox, application and front door, on free ports, with a clock in hand.

use greenroom::{
    config::{Config, Secret, Span},
    explain,
    http::{Door, router},
    outlets::TOKEN_FIELD,
    parts::{self, App, Replacements},
    running::SANDBOX_APP_ID,
    server, telemetry,
};
use greenroom_actors::{
    Entity, EntityId, Sealed, Timestamp,
    automation::{AutomationId, AutomationInput},
    clock::ManualClock,
    id::AccountId,
    ports::{Clock, Outlet},
    shell::{AskError, ShellLimits},
    user::{
        Command, User,
        command::Connect,
        decision::{DecisionRecord, Verdict},
        plan::Plan,
        settings::SettingsPatch,
    },
};
use greenroom_instagram::{
    plain,
    sandbox::{
        APP_SECRET, Bind, ClockSource, META_SECRET, RunningSandbox, Sandbox, SandboxOptions, SandboxState,
        VERIFY_TOKEN,
    },
    signature,
};
use greenroom_persistence::{
    memory::{self, MemoryHandle},
    secret::Field,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

mod platform;
mod time;

/// Workspace and account of the first tenant.
pub(crate) const BAKERY: Tenant =
    Tenant { workspace: "bakery", account: "17841400000000001", app_scoped: "26000000000000001" };
/// Workspace and account of the second tenant.
pub(crate) const GYM: Tenant =
    Tenant { workspace: "gym", account: "17841400000000002", app_scoped: "26000000000000002" };
/// A post of the bakery.
pub(crate) const POST: &str = "18000000000000101";
/// A post of the gym.
pub(crate) const GYM_POST: &str = "18000000000000201";
/// The client that Google's stand-in knows.
pub(crate) const GOOGLE_CLIENT_ID: &str = "door.apps.googleusercontent.example";
pub(crate) const GOOGLE_CLIENT_SECRET: &str = "door-google-secret-0123456789";
/// Real time within which an installation must come to rest.
const SETTLE_DEADLINE: Duration = Duration::from_secs(120);
/// Real time between two looks when nothing tells of a change.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Looks for an activation that recovers.
const RECOVERIES_MAX: usize = 1_000;
/// Age of the connections: accounts connected less than a week ago send slowly.
const CONNECTED_SINCE: Duration = Duration::from_secs(8 * 86_400);

/// A workspace and its account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenant {
    pub(crate) workspace: &'static str,
    pub(crate) account: &'static str,
    pub(crate) app_scoped: &'static str,
}

/// A whole installation.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) sandbox: SandboxState,
    pub(crate) clock: ManualClock,
    pub(crate) memory: MemoryHandle,
    pub(crate) door: SocketAddr,
    pub(crate) http: reqwest::Client,
    pub(crate) dir: TempDir,
    config: Config,
    limits: ShellLimits,
    tenants: Vec<Tenant>,
    sandbox_server: RunningSandbox,
    stop: CancellationToken,
    door_task: JoinHandle<()>,
}

/// How an installation is made.
pub(crate) struct Plans {
    pub(crate) config: Config,
    pub(crate) outlet: Option<Arc<dyn Outlet<User>>>,
    pub(crate) limits: ShellLimits,
    pub(crate) enforce_rate_limits: bool,
    pub(crate) tenants: Vec<Tenant>,
    /// Token of the handshake.
    pub(crate) verify_token: &'static str,
    /// Secrets that may sign beside those of the sandbox.
    pub(crate) more_secrets: Vec<String>,
}

impl Default for Plans {
    fn default() -> Self {
        let mut config = Config::default();
        config.data.engine = "memory".to_owned();
        config.server.shutdown_deadline = Span::seconds(0);
        Self {
            config,
            outlet: None,
            limits: ShellLimits { tick_spacing: Duration::from_millis(1), ..ShellLimits::default() },
            enforce_rate_limits: true,
            tenants: vec![BAKERY],
            verify_token: VERIFY_TOKEN,
            more_secrets: Vec::new(),
        }
    }
}

impl World {
    /// The bakery alone, with everything at its usual.
    pub(crate) async fn bakery() -> Self {
        Self::with(Plans::default()).await
    }

    /// The bakery and the gym.
    pub(crate) async fn both() -> Self {
        Self::with(Plans { tenants: vec![BAKERY, GYM], ..Plans::default() }).await
    }

    /// An installation as planned, with its tenants connected a week ago, answering without delay.
    pub(crate) async fn with(plans: Plans) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let sandbox_server = start_sandbox(&clock, plans.enforce_rate_limits).await;
        let sandbox = sandbox_server.state().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = listener.local_addr().unwrap();
        let mut config = aim(plans.config, &sandbox_server.base_url(), door, dir.path());
        config.instagram.verify_token = Secret::new(plans.verify_token);
        config.instagram.app_secrets.extend(plans.more_secrets.into_iter().map(Secret::new));
        let (stores, memory) = memory::open();
        let replacements = Replacements {
            clock: Some(Arc::new(clock.clone())),
            outlet: plans.outlet,
            stores: Some(stores),
            limits: Some(plans.limits.clone()),
        };
        let (app, stop, door_task) = open_door(&config, replacements, listener);
        let http = plain::client_builder().unwrap().build().unwrap();
        let mut world = Self {
            app,
            sandbox,
            clock,
            memory,
            door,
            http,
            dir,
            config,
            limits: plans.limits,
            tenants: Vec::new(),
            sandbox_server,
            stop,
            door_task,
        };
        let url = world.webhook_url();
        world
            .put("delivery", json!({"url": url, "echo_delay_ms": 0, "timeout_ms": 60_000, "retry": [0, 0, 0, 0, 0, 0, 0, 0], "retry_every": 1}))
            .await;
        for tenant in plans.tenants {
            world.move_in(tenant).await;
        }
        world.clock.advance(CONNECTED_SINCE);
        world.settle().await;
        world
    }

    async fn move_in(&mut self, tenant: Tenant) {
        self.tenants.push(tenant);
        self.connect(tenant).await;
        let settings = SettingsPatch {
            reply_delay: Some(Duration::ZERO),
            sends_per_hour: Some(3_600),
            // There is no model: what matches nothing would lock the thread for a person.
            sidekick: Some(false),
            ..SettingsPatch::default()
        };
        self.tell(tenant, Command::UpdateSettings(settings)).await;
        self.tell(tenant, Command::SetPlan(Plan::Enterprise)).await;
    }

    /// Connects an account with a fresh token, or connects it again.
    pub(crate) async fn connect(&self, tenant: Tenant) {
        let issued = self.post(&format!("tokens/{}", tenant.account), json!({"op": "issue"})).await;
        let token = issued["access_token"].as_str().unwrap().to_owned();
        let entity = EntityId::new(User::KIND, tenant.workspace).unwrap();
        let field = Field { tenant: entity.as_str(), name: TOKEN_FIELD };
        let sealed = self.app.keyring.seal(field, &token, &mut rand::rngs::SysRng).unwrap();
        let connect = Connect {
            account: AccountId::from(tenant.account),
            app_scoped: Some(AccountId::from(tenant.app_scoped)),
            username: format!("fictional.{}", tenant.workspace),
            token: Sealed::from(sealed),
            scopes: Vec::new(),
            expires_at: self.now() + Duration::from_secs(60 * 86_400),
        };
        self.tell(tenant, Command::ConnectInstagram(connect)).await;
        self.subscribed(tenant.workspace).await;
    }

    /// Waits until the platform delivers the webhooks of a workspace that was connected.
    pub(crate) async fn subscribed(&self, workspace: &str) {
        let subscribed = async {
            let stands = |user: &User| {
                user.integration.as_ref().is_some_and(|known| known.webhooks_subscribed_at.is_some())
            };
            while !stands(&self.app.users.published(workspace).await.unwrap().state) {
                let _ = tokio::time::timeout(LOOK_AGAIN, std::future::pending::<()>()).await;
            }
        };
        let subscribed = tokio::time::timeout(SETTLE_DEADLINE, subscribed).await;
        assert!(subscribed.is_ok(), "webhooks are not subscribed");
    }

    /// Watches over a workspace that moved in through the door.
    pub(crate) fn adopt(&mut self, tenant: Tenant) {
        self.tenants.push(tenant);
    }

    /// Ends the process as a kill would, and starts another on the same data and address. Connections to the old one are
    /// of no use any more.
    pub(crate) async fn crash(&mut self, change: impl FnOnce(&mut Config)) {
        self.door_task.abort();
        let _ = (&mut self.door_task).await;
        self.app.users.abort();
        self.app.identities.abort();
        self.app.sign_ins.abort();
        self.app.deletions.abort();
        self.app.custody.abort();
        self.app.intake.abort();
        change(&mut self.config);
        let replacements = Replacements {
            clock: Some(Arc::new(self.clock.clone())),
            outlet: None,
            stores: Some(self.memory.reopen()),
            limits: Some(self.limits.clone()),
        };
        let listener = TcpListener::bind(self.door).await.unwrap();
        (self.app, self.stop, self.door_task) = open_door(&self.config, replacements, listener);
        self.http = plain::client_builder().unwrap().build().unwrap();
    }

    /// Stops in order.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.door_task.await.unwrap();
        self.app.stop(Duration::ZERO).await;
        self.sandbox_server.shutdown().await;
    }

    // ---- the workspace -------------------------------------------------------------------------------------------

    /// A command of the owner, which must be taken.
    pub(crate) async fn tell(&self, tenant: Tenant, command: Command) {
        self.app.users.ask(tenant.workspace, command, 0).await.unwrap();
    }

    /// Changes settings.
    pub(crate) async fn set(&self, tenant: Tenant, patch: SettingsPatch) {
        self.tell(tenant, Command::UpdateSettings(patch)).await;
    }

    /// A rule that answers a word in messages.
    pub(crate) async fn rule(&self, tenant: Tenant, word: &str, answer: &str) {
        self.automation(tenant, word, rule(word, answer)).await;
    }

    /// A rule that answers a word below the tenant's post: privately, and then for all to see when `public` says so.
    pub(crate) async fn comment_rule(&self, tenant: Tenant, word: &str, answer: &str, public: Option<&str>) {
        let post = if tenant.workspace == BAKERY.workspace { POST } else { GYM_POST };
        let input = AutomationInput {
            trigger_scope: Some("comment".to_owned()),
            post_id: Some(post.to_owned()),
            comment_reply_text: public.map(str::to_owned),
            ..rule(word, answer)
        };
        self.automation(tenant, word, input).await;
    }

    /// Any rule.
    pub(crate) async fn automation(&self, tenant: Tenant, id: &str, input: AutomationInput) {
        let command = Command::CreateAutomation { id: AutomationId::from(id), input, inactive: false };
        self.tell(tenant, command).await;
    }

    /// The durable state of a workspace; after a failure of the engine the activation comes back within moments.
    pub(crate) async fn state(&self, tenant: Tenant) -> Arc<User> {
        for _ in 0..RECOVERIES_MAX {
            match self.app.users.published(tenant.workspace).await {
                Ok(published) => return published.state,
                Err(AskError::Unavailable(_) | AskError::Unknown) => {
                    self.clock.advance(Duration::from_millis(20))
                }
                Err(error) => panic!("workspace {}: {error}", tenant.workspace),
            }
        }
        panic!("workspace {} does not come back", tenant.workspace);
    }

    /// The decision on a message or comment.
    pub(crate) async fn decision(&self, tenant: Tenant, id: &str) -> DecisionRecord {
        self.decision_if_any(tenant, id).await.unwrap_or_else(|| panic!("no decision on {id}"))
    }

    /// The decision on a message or comment, if there is one.
    pub(crate) async fn decision_if_any(&self, tenant: Tenant, id: &str) -> Option<DecisionRecord> {
        explain::find(&self.app, tenant.workspace, id).await.unwrap().map(|view| view.record)
    }

    /// Whether a message or comment was answered and the answer arrived.
    pub(crate) async fn was_answered(&self, tenant: Tenant, id: &str) -> bool {
        matches!(self.decision(tenant, id).await.verdict, Verdict::Replied { .. })
    }

    /// The same, when the message may not have arrived yet.
    pub(crate) async fn answered_by_now(&self, tenant: Tenant, id: &str) -> bool {
        self.decision_if_any(tenant, id)
            .await
            .is_some_and(|decision| matches!(decision.verdict, Verdict::Replied { .. }))
    }

    // ---- the door ------------------------------------------------------------------------------------------------

    /// Address of the webhook endpoint.
    pub(crate) fn webhook_url(&self) -> String {
        format!("http://{}/api/webhooks/instagram", self.door)
    }

    /// Delivers bytes with a valid signature; the status.
    pub(crate) async fn deliver(&self, body: impl Into<Vec<u8>>) -> u16 {
        let body = body.into();
        let signature = sign(&body);
        let request = self.http.post(self.webhook_url()).header("x-hub-signature-256", signature).body(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// A request to the operator's routes with the right token.
    pub(crate) async fn operator(&self, method: reqwest::Method, path: &str) -> (u16, Value) {
        self.admin(method, &format!("workspaces/{path}")).await
    }

    /// The same for what belongs to no workspace.
    pub(crate) async fn admin(&self, method: reqwest::Method, path: &str) -> (u16, Value) {
        let url = format!("http://{}/api/admin/{path}", self.door);
        let request = self.http.request(method, url).bearer_auth(self.app.operator_token.expose());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

async fn start_sandbox(clock: &ManualClock, enforce_rate_limits: bool) -> RunningSandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shared = clock.clone();
    let options = SandboxOptions {
        clock: ClockSource::new(move || shared.now().as_millis()),
        echo_delay: Duration::ZERO,
        enforce_rate_limits,
        ..SandboxOptions::new(Bind::Listener(listener))
    };
    Sandbox::start(options).await.unwrap()
}

fn open_door(
    config: &Config,
    replacements: Replacements,
    listener: TcpListener,
) -> (Arc<App>, CancellationToken, JoinHandle<()>) {
    let app =
        parts::build(config, telemetry::start_metrics().unwrap(), replacements, &mut |_, _, _| {}).unwrap();
    let stop = CancellationToken::new();
    let routes = router(Door::new(Arc::clone(&app), &config.server));
    let run = server::run(listener, routes, stop.clone(), config.server.shutdown_deadline.0);
    (app, stop, tokio::spawn(run))
}

/// Points a configuration at a sandbox, a door and a folder.
fn aim(mut config: Config, sandbox: &str, door: SocketAddr, dir: &std::path::Path) -> Config {
    if config.auth.base_url.is_empty() {
        config.auth.base_url = format!("http://{door}");
    }
    if config.mail.transport == "auto" {
        config.mail.transport = "sandbox".to_owned();
    }
    config.google.client_id = GOOGLE_CLIENT_ID.to_owned();
    config.google.client_secret = Secret::new(GOOGLE_CLIENT_SECRET);
    config.google.issuer = format!("{sandbox}/google");
    config.google.auth_url = format!("{sandbox}/google/o/oauth2/v2/auth");
    config.google.token_url = format!("{sandbox}/google/token");
    config.google.jwks_url = format!("{sandbox}/google/certs");
    config.data.dir = dir.to_owned();
    config.instagram.app_id = SANDBOX_APP_ID.to_owned();
    config.instagram.app_secrets = vec![Secret::new(APP_SECRET), Secret::new(META_SECRET)];
    config.instagram.www_url = format!("{sandbox}/ig-www");
    config.instagram.api_url = format!("{sandbox}/ig-api");
    config.instagram.graph_url = format!("{sandbox}/ig-graph");
    config
}

fn rule(word: &str, answer: &str) -> AutomationInput {
    AutomationInput {
        title: format!("rule {word}"),
        trigger_word: Some(word.to_owned()),
        response_type: "fixed".to_owned(),
        response_content: answer.to_owned(),
        ..AutomationInput::default()
    }
}

fn list(mut answer: Value) -> Vec<Value> {
    match answer["data"].take() {
        Value::Array(items) => items,
        other => panic!("no list: {other}"),
    }
}

/// The signature of a body by the sandbox's app.
pub(crate) fn sign(body: &[u8]) -> String {
    signature::sign(&SecretString::from(APP_SECRET), body)
}

/// A delivery of one direct message, as the platform writes it.
pub(crate) fn message(account: &str, person: &str, mid: &str, text: &str, at: Timestamp) -> Value {
    json!({"object": "instagram", "entry": [{"id": account, "time": at.as_millis(), "messaging": [item(account, person, mid, text, at)]}]})
}

/// One direct message inside of a delivery.
pub(crate) fn item(account: &str, person: &str, mid: &str, text: &str, at: Timestamp) -> Value {
    json!({"sender": {"id": person}, "recipient": {"id": account}, "timestamp": at.as_millis(),
        "message": {"mid": mid, "text": text}})
}
