//! One signed-up owner and the functions over a whole application: memory engine, a clock in hand, nothing outside.

#![allow(dead_code, reason = "what any module's tests may ask of it")]

use crate::{
    config::{Config, Secret},
    functions::{Caller, Functions, Registry, Snapshot},
    parts::{self, App, Replacements},
    sync::{Answered, Call, Encoded, Failed, Kind, Product, RequestKey, Ts},
    telemetry,
};
use async_trait::async_trait;
use greenroom_actors::{
    Entity, EntityId, Timestamp,
    clock::ManualClock,
    id::{AccountId, EventKey, Igsid, Mid},
    identity::{
        self, Email, RowId, SecretHash,
        command::{NewAccount, NewLogin, NewSession, SignUp},
        field::Extra,
    },
    outbox::SendOutcome,
    ports::{Clock, Outlet},
    sealed::Sealed,
    user::{
        Command, Reply, User, UserEffect,
        command::Connect,
        inbound::{InboundEvent, InboundItem, InboundMessage},
        model::ModelFailure,
        plan::Plan,
        settings::SettingsPatch,
    },
};
use greenroom_persistence::memory;
use parking_lot::Mutex;
use serde_json::{Value, json, value::RawValue};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

/// The account that [`World::connected`] connects.
pub(in crate::functions) const ACCOUNT: &str = "17841400000000001";

/// Where messages go that would leave: each arrives at once. There is no model.
#[derive(Default)]
struct Mailbag(Mutex<Vec<String>>);

#[async_trait]
impl Outlet<User> for Mailbag {
    async fn run(&self, _: &EntityId, effect: UserEffect) -> Option<Command> {
        let send = match effect {
            UserEffect::Send(send) => send,
            UserEffect::AskModel(request) => {
                let (question, attempt) = (request.question, request.attempt);
                let result = Err(ModelFailure::NotConfigured);
                return Some(Command::ModelAnswered { question, attempt, result });
            }
            _ => return None,
        };
        let mut sent = self.0.lock();
        sent.push(send.content.visible_text().unwrap_or_default().to_owned());
        let message_id = Mid::from(format!("sent_{}", sent.len()));
        let outcome = SendOutcome::Sent { message_id, recipient: None };
        let (outbound, attempt) = (send.outbound, send.attempt);
        Some(Command::SendFinished { outbound, attempt, outcome, usage: None })
    }
}

/// See the module. Every call is one of a client that is signed in as [`World::caller`].
pub(in crate::functions) struct World {
    pub(in crate::functions) functions: Functions,
    pub(in crate::functions) app: Arc<App>,
    pub(in crate::functions) clock: ManualClock,
    pub(in crate::functions) caller: Caller,
    sent: Arc<Mailbag>,
    counter: Mutex<u32>,
    _dir: TempDir,
}

impl World {
    /// The owner signed up and did nothing else.
    pub(in crate::functions) async fn signed_up() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.engine = "memory".to_owned();
        config.data.dir = dir.path().to_owned();
        config.auth.base_url = "http://127.0.0.1:8080".to_owned();
        config.instagram.app_id = "1000000000000001".to_owned();
        config.instagram.app_secrets = vec![Secret::new("not-the-secret-of-an-app")];
        config.mail.transport = "sandbox".to_owned();
        let clock = ManualClock::default();
        let sent = Arc::<Mailbag>::default();
        let replacements = Replacements {
            clock: Some(Arc::new(clock.clone())),
            outlet: Some(Arc::clone(&sent) as Arc<dyn Outlet<User>>),
            stores: Some(memory::open().0),
            limits: None,
        };
        let metrics = telemetry::start_metrics().unwrap();
        let app = parts::build(&config, metrics, replacements, &mut |_, _, _| {}).unwrap();
        let functions = Functions::new(Arc::clone(&app), Registry::product());
        let caller = sign_up(&app, "owner").await;
        Self { functions, app, clock, caller, sent, counter: Mutex::new(0), _dir: dir }
    }

    /// The same with Instagram connected for a week, on the largest plan, without Sidekick (there is no model) and
    /// without delays.
    pub(in crate::functions) async fn connected() -> Self {
        let world = Self::signed_up().await;
        let connect = Connect {
            account: AccountId::from(ACCOUNT),
            app_scoped: None,
            username: "fictional.bakery".to_owned(),
            token: Sealed::from("not-a-token"),
            scopes: Vec::new(),
            expires_at: world.now() + Duration::from_secs(60 * 86_400),
        };
        let settings = SettingsPatch {
            reply_delay: Some(Duration::ZERO),
            sidekick: Some(false),
            sends_per_hour: Some(3_600),
            ..SettingsPatch::default()
        };
        world.tell(Command::SetPlan(Plan::Enterprise)).await;
        world.tell(Command::ConnectInstagram(connect)).await;
        world.tell(Command::UpdateSettings(settings)).await;
        world.clock.advance(Duration::from_secs(8 * 86_400));
        world
    }

    /// The present instant.
    pub(in crate::functions) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A second user of the same installation.
    pub(in crate::functions) async fn stranger(&self) -> Caller {
        sign_up(&self.app, "stranger").await
    }

    /// A command to the owner's workspace, which must be taken.
    pub(in crate::functions) async fn tell(&self, command: Command) -> Reply {
        self.app.users.ask(&self.caller.user_id, command, 0).await.unwrap().reply
    }

    /// The owner's workspace.
    pub(in crate::functions) async fn user(&self) -> Arc<User> {
        self.app.users.published(&self.caller.user_id).await.unwrap().state
    }

    /// A person writes. Gives the id of the message.
    pub(in crate::functions) async fn says(&self, person: &str, text: &str) -> String {
        let mid = format!("m_{}", self.next());
        let item = InboundItem::Message(InboundMessage {
            person: Igsid::from(person),
            mid: Some(Mid::from(mid.as_str())),
            text: Some(text.into()),
            cut: false,
            attachments: Vec::new(),
            reply_to: None,
            quick_reply: None,
            referral: None,
            is_unsupported: false,
        });
        let event = InboundEvent {
            key: EventKey::from(format!("{ACCOUNT}:message:{person}:{mid}")),
            account: AccountId::from(ACCOUNT),
            at: self.now(),
            received_at: self.now(),
            standby: false,
            unrouted: false,
            item,
        };
        self.tell(Command::Receive(Arc::new(event))).await;
        mid
    }

    /// Texts that went out until nothing more happens by itself, oldest first.
    pub(in crate::functions) async fn sent(&self) -> Vec<String> {
        self.settle().await;
        self.sent.0.lock().clone()
    }

    /// Waits, without letting time pass, until nothing more happens by itself in the owner's workspace.
    pub(in crate::functions) async fn settle(&self) {
        /// Real time between two looks when nothing tells of a change.
        const LOOK_AGAIN: Duration = Duration::from_millis(2);
        /// Looks before the test fails.
        const LOOKS_MAX: usize = 10_000;
        let mut watch = self.app.users.watch(&self.caller.user_id).unwrap();
        for _ in 0..LOOKS_MAX {
            let (user, stats) = (self.user().await, self.app.users.stats());
            let is_due = user.next_due().is_some_and(|due| due <= self.now());
            if !is_due && !user.is_busy() && stats.commands == 0 && stats.effects == 0 {
                return;
            }
            if tokio::time::timeout(LOOK_AGAIN, watch.changed()).await.is_err() && is_due {
                // Ticks of an entity that stays due are a moment apart.
                self.clock.advance(Duration::from_millis(1));
            }
        }
        panic!("the workspace does not come to rest: {:?}", self.app.users.stats());
    }

    /// Lets time pass, stopping wherever something is due.
    pub(in crate::functions) async fn pass(&self, span: Duration) {
        let end = self.now() + span;
        loop {
            self.settle().await;
            if self.now() >= end {
                return;
            }
            self.clock.advance_to(self.user().await.next_due().map_or(end, |due| due.min(end)));
        }
    }

    /// Calls a query at the newest snapshot.
    pub(in crate::functions) async fn query(&self, path: &str, args: Value) -> Result<Value, Value> {
        let snapshot = self.snapshot().await;
        self.query_at(&snapshot, path, args, None).await.0
    }

    /// A point of the owner's entities, to ask [`World::query_at`] more than once.
    pub(in crate::functions) async fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.functions.snapshot(Some(&self.caller)).await.unwrap()
    }

    /// Calls a query at a snapshot, with the journal of its last answer. Gives the next one.
    pub(in crate::functions) async fn query_at(
        &self,
        snapshot: &Option<Arc<Snapshot>>,
        path: &str,
        args: Value,
        journal: Option<&str>,
    ) -> (Result<Value, Value>, Option<Arc<str>>) {
        let call = call(path, &args);
        let Answered { outcome, journal, .. } =
            self.functions.query(Some(&self.caller), snapshot, &call, journal).await.unwrap();
        (told(outcome), journal)
    }

    /// Calls a mutation, without a key.
    pub(in crate::functions) async fn mutate(&self, path: &str, args: Value) -> Result<Value, Value> {
        self.mutate_as(Some(&self.caller), path, args, None).await.0
    }

    /// Calls a mutation under the number of a request: the same number again is the same request again.
    pub(in crate::functions) async fn mutate_once(
        &self,
        request: u32,
        path: &str,
        args: Value,
    ) -> Result<Value, Value> {
        self.mutate_as(Some(&self.caller), path, args, Some(request)).await.0
    }

    /// Calls a mutation as anybody. Gives the point from which on its change is seen.
    pub(in crate::functions) async fn mutate_as(
        &self,
        caller: Option<&Caller>,
        path: &str,
        args: Value,
        request: Option<u32>,
    ) -> (Result<Value, Value>, Ts) {
        let key = request.map(|request| RequestKey { session: "a tab".into(), request });
        let mutated = self.functions.mutate(caller, &call(path, &args), key.as_ref()).await.unwrap();
        (told(mutated.outcome), mutated.ts)
    }

    /// Calls an action.
    pub(in crate::functions) async fn act(&self, path: &str, args: Value) -> Result<Value, Value> {
        told(self.functions.act(Some(&self.caller), &call(path, &args)).await.unwrap())
    }

    /// Calls a function of any kind as anybody.
    pub(in crate::functions) async fn call_as(
        &self,
        caller: Option<&Caller>,
        path: &str,
        args: Value,
    ) -> Result<Value, Value> {
        let call = call(path, &args);
        match self.functions.kind(path).unwrap_or_else(|| panic!("no function {path}")) {
            Kind::Query => {
                let snapshot = self.functions.snapshot(caller).await.unwrap();
                told(self.functions.query(caller, &snapshot, &call, None).await.unwrap().outcome)
            }
            Kind::Mutation => told(self.functions.mutate(caller, &call, None).await.unwrap().outcome),
            Kind::Action => told(self.functions.act(caller, &call).await.unwrap()),
        }
    }

    fn next(&self) -> u32 {
        let mut counter = self.counter.lock();
        *counter += 1;
        *counter
    }
}

async fn sign_up(app: &App, user_id: &str) -> Caller {
    let session = NewSession {
        id: RowId::from(format!("session-of-{user_id}")),
        token: SecretHash::of(user_id),
        ip: "203.0.113.7".into(),
        user_agent: "Browser".into(),
        remember: true,
    };
    let command = identity::Command::SignUp(Box::new(SignUp {
        name: "Fictional Bakery".into(),
        email: Email::new(&format!("{user_id}@bakery.example")),
        email_verified: true,
        image: None,
        extra: Extra::default(),
        account: NewAccount { id: "account".into(), login: NewLogin::Password("not-a-hash".into()) },
        session: Some(session),
        mail: None,
    }));
    app.identities.ask(user_id, command, 0).await.unwrap();
    Caller { user_id: user_id.into(), session_id: format!("session-of-{user_id}").into(), chat: None }
}

fn call(path: &str, args: &Value) -> Call {
    Call { path: path.into(), args: RawValue::from_string(args.to_string()).unwrap().into() }
}

/// What a client sees: the result, or the data of the failure.
fn told(outcome: Result<Encoded, Failed>) -> Result<Value, Value> {
    let json = |encoded: &Encoded| serde_json::from_str(&encoded.0).unwrap();
    match outcome {
        Ok(result) => Ok(json(&result)),
        Err(failed) => Err(failed.data.as_ref().map_or_else(|| json!({ "message": failed.message }), json)),
    }
}
