//! A product in memory: the functions that the vectors of the contract call.

use crate::sync::{
    Admitted, Answered, Call, Changes, Encoded, Failed, Kind, Mutated, Outcome, Product, Refused, RequestKey,
    Trouble, Ts, Value,
};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

/// Every commit is so much later than the one before.
const STEP: u64 = 1000;
/// Nobody's token of these tests ends before this, unless it is said.
const FAR_MS: i64 = 9_000_000_000_000;

#[derive(Clone, Default)]
pub(super) struct State {
    counters: BTreeMap<String, f64>,
    messages: Vec<String>,
    changed: BTreeMap<String, Ts>,
    ts: Ts,
}

type Records = HashMap<(Option<String>, RequestKey), Mutated>;

pub(super) struct TestProduct {
    state: watch::Sender<Arc<State>>,
    records: Mutex<Records>,
    /// Mutations that changed something.
    pub(super) executed: watch::Sender<usize>,
    pub(super) evaluated: AtomicUsize,
    /// Tokens that are not accepted, and why.
    pub(super) refused: Mutex<HashMap<String, Refused>>,
    pub(super) expires: Mutex<HashMap<String, i64>>,
    pub(super) revoked: Mutex<HashSet<String>>,
    /// What befalls the next snapshots.
    pub(super) troubles: Mutex<Vec<Trouble>>,
    /// Mutations of `gate:*` wait for a permit.
    pub(super) gate: Semaphore,
}

impl Default for TestProduct {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(Arc::new(State { ts: Ts(STEP), ..State::default() })),
            records: Mutex::default(),
            executed: watch::Sender::new(0),
            evaluated: AtomicUsize::new(0),
            refused: Mutex::default(),
            expires: Mutex::default(),
            revoked: Mutex::default(),
            troubles: Mutex::default(),
            gate: Semaphore::new(0),
        }
    }
}

impl TestProduct {
    pub(super) fn commit(&self, topic: &str, change: impl FnOnce(&mut State)) -> Ts {
        let mut ts = Ts(0);
        self.state.send_modify(|state| {
            let state = Arc::make_mut(state);
            state.ts.0 += STEP;
            ts = state.ts;
            change(state);
            state.changed.insert(topic.to_owned(), ts);
        });
        ts
    }

    pub(super) fn send(&self, body: &str) {
        self.commit("messages", |state| state.messages.push(body.to_owned()));
    }

    fn write(&self, call: &Call) -> Result<(Value, Ts), Failed> {
        let args = args(call)?;
        let now = self.state.borrow().ts;
        match call.path.as_ref() {
            "counter:inc" | "gate:inc" | "seen:inc" => {
                let name = args.get("name").and_then(Value::as_str).unwrap_or("x").to_owned();
                let by = args.get("by").and_then(Value::as_f64).unwrap_or(1.0);
                let mut sum = 0.0;
                let ts = self.commit(&name.clone(), |state| {
                    let counter = state.counters.entry(name).or_default();
                    *counter += by;
                    sum = *counter;
                });
                Ok((Value::Float(sum), ts))
            }
            "values:echoMutation" => {
                let ts = self.commit("echo", |_| {});
                Ok((args.get("v").cloned().unwrap_or(Value::Null), ts))
            }
            "errors:mutationConvex" => Err(convex(args.get("data").unwrap_or(&Value::Null))),
            "errors:mutationPlain" => Err(plain()),
            "panics:mutation" => panic!("as asked"),
            _ => Ok((Value::Null, now)),
        }
    }
}

fn args(call: &Call) -> Result<Value, Failed> {
    let args = Value::parse(call.args.get()).ok().filter(|args| args.as_object().is_some());
    args.ok_or_else(|| Failed { message: "ArgumentValidationError: no object".to_owned(), data: None })
}

fn convex(data: &Value) -> Failed {
    let data = Encoded::from(data);
    Failed { message: format!("Uncaught ConvexError: {}", data.0), data: Some(data) }
}

fn plain() -> Failed {
    Failed { message: "Uncaught Error: boom".to_owned(), data: None }
}

fn whoami(caller: Option<&String>) -> Json {
    caller.map_or(Json::Null, |name| {
        json!({
            "tokenIdentifier": format!("https://api.example.com|{name}"),
            "issuer": "https://api.example.com",
            "subject": name,
            "name": format!("User {name}"),
        })
    })
}

/// A position after a row, or the end.
fn position(cursor: Option<&str>, len: usize) -> Result<Option<usize>, Failed> {
    let invalid = || Failed {
        message: "InvalidCursor: bad cursor".to_owned(),
        data: Some(json!({ "isConvexSystemError": true, "paginationError": "InvalidCursor" }).into()),
    };
    match cursor {
        None => Ok(None),
        Some("end") => Ok(Some(usize::MAX)),
        Some(text) => {
            let row = text.strip_prefix("p:").and_then(|row| row.parse().ok()).ok_or_else(invalid)?;
            if row <= len { Ok(Some(row)) } else { Err(invalid()) }
        }
    }
}

fn paginate(messages: &[String], args: &Value, journal: Option<&str>) -> Result<(Json, String), Failed> {
    let options = args.get("paginationOpts").unwrap_or(&Value::Null);
    let text = |key| options.get(key).and_then(Value::as_str);
    let wanted = options.get("numItems").and_then(Value::as_f64).unwrap_or(1.0) as usize;
    let len = messages.len();
    let start = position(text("cursor"), len)?.unwrap_or(0).min(len);
    let pinned = position(text("endCursor"), len)?.or(position(journal, len)?);
    let end = pinned.unwrap_or_else(|| if start + wanted >= len { usize::MAX } else { start + wanted });
    let is_done = end == usize::MAX;
    let rows = start..end.min(len);
    let cursor = if is_done { "end".to_owned() } else { format!("p:{end}") };
    let page: Vec<Json> = rows.clone().map(|row| message(row, &messages[row])).collect();
    let split = (rows.len() >= 2).then(|| format!("p:{}", start + rows.len() / 2));
    let status = (rows.len() >= 4).then_some("SplitRecommended");
    let result = json!({
        "page": page,
        "isDone": is_done,
        "continueCursor": cursor,
        "splitCursor": split,
        "pageStatus": status,
    });
    Ok((result, cursor))
}

fn message(row: usize, body: &str) -> Json {
    json!({ "_id": format!("id{:06}", row + 1), "_creationTime": row + 1, "body": body, "author": null })
}

pub(super) struct TestChanges(watch::Receiver<Arc<State>>);

impl Changes for TestChanges {
    async fn changed(&mut self) -> Result<(), Trouble> {
        self.0.changed().await.map_err(|_| Trouble::Unavailable)
    }
}

impl Product for TestProduct {
    type Caller = String;
    type Snapshot = Arc<State>;
    type Reads = Vec<String>;
    type Changes = TestChanges;

    async fn authenticate(&self, token: &str) -> Result<Admitted<String>, Refused> {
        if let Some(refused) = self.refused.lock().get(token) {
            return Err(refused.clone());
        }
        let name = token.strip_prefix("<JWT ").or((token == "<JWT>").then_some("alice"));
        let name = name.ok_or(Refused::Invalid("Invalid Compact JWS"))?;
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        if name == "mallory" {
            return Err(Refused::Invalid("Could not verify token"));
        }
        let expires_at_ms = self.expires.lock().get(token).copied().unwrap_or(FAR_MS);
        Ok(Admitted { caller: name, expires_at_ms })
    }

    async fn is_live(&self, caller: &String) -> Result<bool, Trouble> {
        Ok(!self.revoked.lock().contains(caller))
    }

    fn watch(&self, _: Option<&String>) -> Result<TestChanges, Trouble> {
        Ok(TestChanges(self.state.subscribe()))
    }

    async fn snapshot(&self, _: Option<&String>) -> Result<Arc<State>, Trouble> {
        match self.troubles.lock().pop() {
            Some(trouble) => Err(trouble),
            None => Ok(Arc::clone(&self.state.borrow())),
        }
    }

    fn ts(&self, snapshot: &Arc<State>) -> Ts {
        snapshot.ts
    }

    fn newest(&self) -> Ts {
        self.state.borrow().ts
    }

    fn observed(&self, ts: Ts) -> Result<(), Trouble> {
        if ts > Ts(1_000_000) {
            return Err(Trouble::Unavailable);
        }
        self.state.send_if_modified(|state| {
            if ts > state.ts {
                Arc::make_mut(state).ts = ts;
            }
            false
        });
        Ok(())
    }

    async fn query(
        &self,
        caller: Option<&String>,
        snapshot: &Arc<State>,
        call: &Call,
        journal: Option<&str>,
    ) -> Result<Answered<Vec<String>>, Trouble> {
        self.evaluated.fetch_add(1, Ordering::Relaxed);
        let counter = |args: &Value| {
            let name = args.get("name").and_then(Value::as_str).unwrap_or("x").to_owned();
            (snapshot.counters.get(&name).copied().unwrap_or(0.0), vec![name])
        };
        let args = match args(call) {
            Ok(args) => args,
            Err(failed) => return Ok(Answered { outcome: Err(failed), journal: None, reads: vec![] }),
        };
        let mut journaled = None;
        let (outcome, reads): (Result<Json, Failed>, Vec<String>) = match call.path.as_ref() {
            "counter:get" => {
                let (value, reads) = counter(&args);
                (Ok(json!(value)), reads)
            }
            "errors:untilPositive" => {
                let (value, reads) = counter(&args);
                (if value > 0.0 { Ok(json!(value)) } else { Err(plain()) }, reads)
            }
            "messages:list" => {
                let rows = snapshot.messages.iter().enumerate().map(|(row, body)| message(row, body));
                (Ok(Json::Array(rows.collect())), vec!["messages".to_owned()])
            }
            "messages:paginate" => {
                let page = paginate(&snapshot.messages, &args, journal);
                let page = page.map(|(page, end)| {
                    journaled = Some(end);
                    page
                });
                (page, vec!["messages".to_owned()])
            }
            "auth:whoami" => (Ok(whoami(caller)), vec![]),
            "values:echo" => {
                let outcome = Ok(Encoded::from(args.get("v").unwrap_or(&Value::Null)));
                return Ok(Answered { outcome, journal: None, reads: vec![] });
            }
            "errors:queryConvex" => (Err(convex(&json!({ "code": "NOPE", "n": 1 }).into())), vec![]),
            "big:query" => {
                let size = args.get("size").and_then(Value::as_f64).unwrap_or(0.0) as usize;
                (Ok(json!("x€".repeat(size / 2))), vec!["x".to_owned()])
            }
            "logs:query" => (Ok(json!("ok")), vec![]),
            "mod:default" => (Ok(json!("default export")), vec![]),
            "sidekick/settings:get" => (Ok(json!({ "theme": "light" })), vec![]),
            "panics:query" => panic!("as asked"),
            _ => (Ok(Json::Null), vec![]),
        };
        Ok(Answered { outcome: outcome.map(Encoded::from), journal: journaled.map(Arc::from), reads })
    }

    fn is_stale(&self, reads: &Vec<String>, since: Ts, snapshot: &Arc<State>) -> bool {
        reads.iter().any(|topic| snapshot.changed.get(topic).is_some_and(|at| *at > since))
    }

    async fn mutate(
        &self,
        caller: Option<&String>,
        call: &Call,
        key: Option<&RequestKey>,
    ) -> Result<Mutated, Trouble> {
        if call.path.as_ref() == "errors:unknown" {
            return Err(Trouble::Unknown);
        }
        if call.path.as_ref() == "auth:whoamiMutation" {
            let ts = self.commit("whoami", |_| {});
            return Ok(Mutated { outcome: Ok(Encoded::from(whoami(caller))), ts });
        }
        // On purpose no protection against two copies at the same time: that is the lane's.
        let key = key.map(|key| (caller.cloned(), key.clone()));
        if let Some(known) = key.as_ref().and_then(|key| self.records.lock().get(key).cloned()) {
            return Ok(known);
        }
        if call.path.starts_with("gate:") {
            self.gate.acquire().await.map_err(|_| Trouble::Unknown)?.forget();
        }
        let written = self.write(call);
        let mutated = match written {
            Ok((value, ts)) => Mutated { outcome: Ok(Encoded::from(value)), ts },
            Err(failed) => return Ok(Mutated { outcome: Err(failed), ts: Ts(0) }),
        };
        if let Some(key) = key {
            self.records.lock().insert(key, mutated.clone());
        }
        self.executed.send_modify(|count| *count += 1);
        Ok(mutated)
    }

    fn is_seen_outside(&self, path: &str) -> bool {
        path.starts_with("seen:")
    }

    async fn act(&self, _: Option<&String>, call: &Call) -> Result<Outcome, Trouble> {
        let args = match args(call) {
            Ok(args) => args,
            Err(failed) => return Ok(Err(failed)),
        };
        Ok(match call.path.as_ref() {
            "values:echoAction" => Ok(Encoded::from(args.get("v").unwrap_or(&Value::Null))),
            "errors:actionConvex" => Err(convex(&Value::Text("just a string".to_owned()))),
            "errors:actionTrouble" => return Err(Trouble::Internal),
            "slow:action" => {
                self.gate.acquire().await.map_err(|_| Trouble::Internal)?.forget();
                Ok(Encoded::null())
            }
            _ => Ok(Encoded::null()),
        })
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "counter:inc"
            | "gate:inc"
            | "seen:inc"
            | "values:echoMutation"
            | "auth:whoamiMutation"
            | "errors:mutationConvex"
            | "errors:mutationPlain"
            | "errors:unknown"
            | "panics:mutation" => Some(Kind::Mutation),
            "values:echoAction" | "errors:actionConvex" | "errors:actionTrouble" | "slow:action" => {
                Some(Kind::Action)
            }
            "counter:get"
            | "errors:untilPositive"
            | "messages:list"
            | "messages:paginate"
            | "auth:whoami"
            | "values:echo"
            | "errors:queryConvex"
            | "big:query"
            | "logs:query"
            | "mod:default"
            | "sidekick/settings:get"
            | "panics:query" => Some(Kind::Query),
            _ => None,
        }
    }
}

/// Kept from being too long to wait for: tests never wait for real time.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
