//! The registry behind the sync protocol.

use super::{
    Registry,
    cache::{Key, Known, Results},
    context::{Caller, Progress, Reader, Writer, ts_of, unauthenticated},
    declare::{Function, Reads, Rendered, Run, SignedOut, Style},
    failure::{CallError, Code, Failure, unreadable},
};
use crate::{
    auth::token::TokenError,
    parts::App,
    sync::{
        Admitted, Answered, Call, Changes, Encoded, Failed, Kind, Mutated, Outcome, Product, Refused,
        RequestKey, Trouble, Ts,
    },
};
use greenroom_actors::{
    identity::Identity,
    shell::{Published, Watch},
    slices::Revisions,
    user::User,
};
use greenroom_persistence::Position;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Where the points of the protocol begin: November 2023 in nanoseconds. Positions are counted from here, so that a point
/// is always behind the clock, and one that a client claims to have seen can be told from an invention.
const EPOCH: u64 = 1_700_000_000_000_000_000;

/// The functions, running.
pub struct Functions {
    app: Arc<App>,
    registry: Registry,
    /// What a commit position is counted from. Raised when clients saw more than there is: the state is from a backup.
    base: AtomicU64,
    results: Results,
}

/// One point of a caller's entities.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) user: Published<User>,
    pub(super) identity: Published<Identity>,
}

/// Subscription to both entities of a caller.
pub struct CallerChanges(Option<(Watch, Watch)>);

impl Changes for CallerChanges {
    async fn changed(&mut self) -> Result<(), Trouble> {
        let Some((user, identity)) = &mut self.0 else { return std::future::pending().await };
        let changed = tokio::select! {
            changed = user.changed() => changed,
            changed = identity.changed() => changed,
        };
        changed.map(drop).map_err(|_| Trouble::Unavailable)
    }
}

impl Functions {
    /// The registry over a running application.
    #[must_use]
    pub fn new(app: Arc<App>, registry: Registry) -> Self {
        Self { app, registry, base: AtomicU64::new(EPOCH), results: Results::default() }
    }

    /// What there is.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    fn at(&self, position: Position) -> Ts {
        Ts(self.base.load(Relaxed) + position.0)
    }

    fn writer(&self, caller: &Caller, key: Option<&RequestKey>) -> Writer {
        Writer {
            app: Arc::clone(&self.app),
            caller: caller.clone(),
            now: self.app.clock.now(),
            key: key.cloned(),
            progress: Arc::new(Progress::default()),
        }
    }

    /// Runs a mutation or action.
    async fn run(
        &self,
        caller: Option<&Caller>,
        call: &Call,
        kind: Kind,
        key: Option<&RequestKey>,
    ) -> Result<(Outcome, Ts), Trouble> {
        let function = match self.find(call, kind) {
            Ok(function) => function,
            Err(failed) => return Ok((Err(failed), self.newest())),
        };
        let args = match arguments(call) {
            Ok(args) => args,
            Err(failure) => return Ok((styled(function, failure), self.newest())),
        };
        let (rendered, ts) = match (&function.run, caller) {
            (Run::Write(run), Some(caller)) => {
                let writer = self.writer(caller, key);
                let progress = Arc::clone(&writer.progress);
                let rendered = run(writer, args).await;
                (rendered, ts_of(&progress, self.newest(), self.base.load(Relaxed)))
            }
            (_, None) => (signed_out(function), self.newest()),
            (Run::Query(_), Some(_)) => return Err(Trouble::Internal),
        };
        Ok((finish(function, rendered)?, ts))
    }

    fn find(&self, call: &Call, kind: Kind) -> Result<&Function, Failed> {
        let missing = || Failed {
            message: format!("Could not find public function for '{}'", call.path),
            data: encoded(&Failure::new(Code::NotFound, "no such function")),
        };
        let function = self.registry.find(&call.path).ok_or_else(missing)?;
        if function.kind == kind {
            return Ok(function);
        }
        let message = format!("'{}' is a {:?}, and was called as a {kind:?}", call.path, function.kind);
        let data = encoded(&Failure::new(Code::Validation, message.clone()));
        Err(Failed { message, data })
    }
}

/// The argument object, without values that no function of this product takes.
fn arguments(call: &Call) -> Result<Value, Failure> {
    let invalid = |cause: &str| Failure::new(Code::Validation, format!("ArgumentValidationError: {cause}"));
    let args: Value =
        serde_json::from_str(call.args.get()).map_err(|_| invalid("the argument is no valid JSON"))?;
    let Value::Object(map) = &args else { return Err(invalid("the argument is no object")) };
    if has_special(map) {
        return Err(invalid("bigints, bytes and special numbers are not taken"));
    }
    Ok(args)
}

fn has_special(map: &Map<String, Value>) -> bool {
    fn within(value: &Value) -> bool {
        match value {
            Value::Object(map) => has_special(map),
            Value::Array(values) => values.iter().any(within),
            _ => false,
        }
    }
    map.iter().any(|(key, value)| key.starts_with('$') || within(value))
}

fn encoded(value: &impl Serialize) -> Option<Encoded> {
    serde_json::to_string(value).ok().map(|text| Encoded(text.into()))
}

fn signed_out(function: &Function) -> Rendered {
    match function.signed_out {
        SignedOut::Gets(json) => Ok(Encoded(json.into())),
        SignedOut::Refused => Err(unauthenticated()),
    }
}

/// A failure in the style of its function.
fn styled(function: &Function, failure: Failure) -> Outcome {
    let throws = match function.style {
        Style::Throws => true,
        Style::Result => false,
        Style::Redirect => failure.code == Code::Unauthenticated,
    };
    if throws {
        return Err(Failed { message: failure.message.clone().into_owned(), data: encoded(&failure) });
    }
    #[derive(Serialize)]
    struct NotDone<'a> {
        success: bool,
        error: &'a str,
        #[serde(flatten)]
        failure: &'a Failure,
    }
    let told = NotDone { success: false, error: &failure.message, failure: &failure };
    encoded(&told).ok_or_else(|| Failed { message: failure.message.clone().into_owned(), data: None })
}

/// The words and the data by which the official client knows to start over (sync contract, section 11.4).
fn invalid_cursor() -> Failed {
    const DATA: &str = r#"{"isConvexSystemError":true,"paginationError":"InvalidCursor"}"#;
    let message = "InvalidCursor: the cursor is not of this query".to_owned();
    Failed { message, data: Some(Encoded(DATA.into())) }
}

fn finish(function: &Function, rendered: Rendered) -> Result<Outcome, Trouble> {
    match rendered {
        Ok(encoded) => Ok(Ok(encoded)),
        Err(CallError::Failed(failure)) => Ok(styled(function, failure)),
        Err(CallError::InvalidCursor) => Ok(Err(invalid_cursor())),
        Err(CallError::Trouble(trouble)) => Err(trouble),
    }
}

impl Product for Functions {
    type Caller = Caller;
    type Snapshot = Option<Arc<Snapshot>>;
    type Reads = Reads;
    type Changes = CallerChanges;

    async fn authenticate(&self, token: &str) -> Result<Admitted<Caller>, Refused> {
        let proven = self.app.auth.convex.verify(token, self.app.clock.now()).map_err(|error| {
            Refused::Invalid(match error {
                TokenError::Invalid => "the token is not valid",
                TokenError::Foreign => "the token is not meant for this server",
                TokenError::Expired => "the token has expired",
            })
        })?;
        let session_id = proven.session_id.ok_or(Refused::Invalid("the token names no session"))?;
        let caller = Caller { user_id: proven.user_id.into(), session_id: session_id.into(), chat: None };
        match self.is_live(&caller).await {
            Ok(true) => Ok(Admitted { caller, expires_at_ms: proven.expires_s.saturating_mul(1000) }),
            Ok(false) => Err(Refused::Invalid("the session has ended")),
            Err(_) => Err(Refused::Unchecked),
        }
    }

    async fn is_live(&self, caller: &Caller) -> Result<bool, Trouble> {
        let identity = self.app.identities.published(&caller.user_id).await.map_err(unreadable)?;
        Ok(identity.state.session_by_id(&caller.session_id, self.app.clock.now()).is_some())
    }

    fn watch(&self, caller: Option<&Caller>) -> Result<CallerChanges, Trouble> {
        let Some(caller) = caller else { return Ok(CallerChanges(None)) };
        let user = self.app.users.watch(&caller.user_id).map_err(unreadable)?;
        let identity = self.app.identities.watch(&caller.user_id).map_err(unreadable)?;
        Ok(CallerChanges(Some((user, identity))))
    }

    async fn snapshot(&self, caller: Option<&Caller>) -> Result<Self::Snapshot, Trouble> {
        let Some(caller) = caller else { return Ok(None) };
        let user = self.app.users.published(&caller.user_id).await.map_err(unreadable)?;
        let identity = self.app.identities.published(&caller.user_id).await.map_err(unreadable)?;
        Ok(Some(Arc::new(Snapshot { user, identity })))
    }

    fn ts(&self, snapshot: &Self::Snapshot) -> Ts {
        match snapshot {
            Some(snapshot) => self.at(snapshot.user.position.max(snapshot.identity.position)),
            None => self.newest(),
        }
    }

    fn newest(&self) -> Ts {
        self.at(self.app.stores.journal.position())
    }

    fn observed(&self, ts: Ts) -> Result<(), Trouble> {
        let clock =
            u64::try_from(self.app.clock.now().as_millis()).unwrap_or_default().saturating_mul(1_000_000);
        if ts.0 > clock.max(EPOCH) {
            return Err(Trouble::Unavailable);
        }
        let newest = self.newest();
        if ts > newest {
            tracing::warn!(
                ahead = ts.0 - newest.0,
                "a client saw later states than there are: restored from a backup"
            );
            self.base.fetch_max(ts.0 - self.app.stores.journal.position().0, Relaxed);
        }
        Ok(())
    }

    async fn query(
        &self,
        caller: Option<&Caller>,
        snapshot: &Self::Snapshot,
        call: &Call,
        journal: Option<&str>,
    ) -> Result<Answered<Reads>, Trouble> {
        let plain = |outcome| Answered { outcome, journal: None, reads: Reads::default() };
        let function = match self.find(call, Kind::Query) {
            Ok(function) => function,
            Err(failed) => return Ok(plain(Err(failed))),
        };
        let args = match arguments(call) {
            Ok(args) => args,
            Err(failure) => return Ok(plain(styled(function, failure))),
        };
        let (Some(caller), Some(snapshot)) = (caller, snapshot) else {
            return Ok(plain(finish(function, signed_out(function))?));
        };
        let Run::Query(run) = &function.run else { return Err(Trouble::Internal) };
        let key = Key {
            user_id: Arc::clone(&caller.user_id),
            path: Arc::clone(&call.path),
            args: call.args.get().into(),
            journal: journal.map(Arc::from),
        };
        let of = Some(Arc::clone(snapshot));
        let at = self.ts(&of);
        if let Some(known) = self.results.get(&key)
            && known.at <= at
            && !self.is_stale(&known.answered.reads, known.at, &of)
        {
            return Ok(known.answered.clone());
        }
        let next_journal = Arc::new(OnceLock::new());
        let reader = Reader {
            app: Arc::clone(&self.app),
            caller: caller.clone(),
            path: Arc::clone(&call.path),
            snapshot: Arc::clone(snapshot),
            journal: key.journal.clone(),
            next_journal: Arc::clone(&next_journal),
        };
        let outcome = finish(function, run(reader, args).await)?;
        let answered = Answered { outcome, journal: next_journal.get().cloned(), reads: function.reads };
        self.results.put(key, Known { answered: answered.clone(), at });
        Ok(answered)
    }

    fn is_stale(&self, reads: &Reads, since: Ts, snapshot: &Self::Snapshot) -> bool {
        let Some(snapshot) = snapshot else { return false };
        let last = |revisions: &Revisions, slices| self.at(revisions.last_of(slices));
        last(&snapshot.user.revisions, reads.user) > since
            || last(&snapshot.identity.revisions, reads.identity) > since
    }

    async fn mutate(
        &self,
        caller: Option<&Caller>,
        call: &Call,
        key: Option<&RequestKey>,
    ) -> Result<Mutated, Trouble> {
        let (outcome, ts) = self.run(caller, call, Kind::Mutation, key).await?;
        Ok(Mutated { outcome, ts })
    }

    fn is_seen_outside(&self, path: &str) -> bool {
        self.registry.find(path).is_some_and(|function| function.seen_outside)
    }

    async fn act(&self, caller: Option<&Caller>, call: &Call) -> Result<Outcome, Trouble> {
        self.run(caller, call, Kind::Action, None).await.map(|(outcome, _)| outcome)
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        self.registry.find(path).map(|function| function.kind)
    }
}
