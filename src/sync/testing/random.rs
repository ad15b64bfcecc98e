//! The core of a connection under random orders of everything: what the client sends, what others commit, when jobs end and
//! when the socket takes frames. A model of the client minds the rules; at rest it knows exactly the state.

use super::model::{Model, Version};
use crate::sync::{
    Admitted, Answered, ConnectionLimits, Encoded, Mutated, Ts,
    connection::{Client, Core, Evaluation, Output, Run},
};
use greenroom_actors::Timestamp;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Users of the test.
const USERS: usize = 2;
/// Counters of each.
const COUNTERS: usize = 3;

/// What happens next. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Add(usize),
    Remove(usize),
    /// As a user, or as nobody.
    Authenticate(usize),
    Mutate(usize),
    /// Another client of the user commits.
    Commit(usize, usize),
    /// A job goes on.
    Work(usize),
    /// The socket takes the next frame.
    Take,
    Wait(u64),
    /// The connection breaks, and the client comes back on another one.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..COUNTERS).prop_map(Step::Add),
        1 => (0..8_usize).prop_map(Step::Remove),
        1 => (0..=USERS).prop_map(Step::Authenticate),
        4 => (0..COUNTERS).prop_map(Step::Mutate),
        2 => (0..USERS, 0..COUNTERS).prop_map(|(user, counter)| Step::Commit(user, counter)),
        10 => (0..8_usize).prop_map(Step::Work),
        6 => Just(Step::Take),
        2 => (0..20_u64).prop_map(Step::Wait),
        1 => Just(Step::Reconnect),
    ]
}

/// The state of the product: counters with the point of their last change.
#[derive(Clone, Default)]
struct State {
    counters: [[(u64, Ts); COUNTERS]; USERS],
    ts: Ts,
}

impl State {
    fn add(&mut self, user: usize, counter: usize) -> (u64, Ts) {
        self.ts.0 += 10;
        let (count, at) = &mut self.counters[user][counter];
        *count += 1;
        *at = self.ts;
        (*count, self.ts)
    }
}

enum Job {
    Verify(usize),
    /// Not run yet.
    Mutate(Run<usize>),
    /// It ran; the answer is on its way.
    Mutated(u32, Mutated),
    Snapshot(u64, Option<usize>),
    Evaluate(u64, Option<usize>, Box<State>, Vec<Evaluation>),
    /// A change is being told.
    Changed,
}

struct Simulation {
    core: Core<usize, usize>,
    model: Model,
    state: State,
    now: Timestamp,
    jobs: Vec<Job>,
    wire: VecDeque<(String, bool)>,
    /// Query by number, with its counter.
    live: BTreeMap<u64, usize>,
    next_query: u64,
    next_request: u64,
    /// User of each version of the identity.
    identities: Vec<Option<usize>>,
    /// Counts that own mutations left, with the version of the identity that made them.
    own: Vec<(usize, usize, u64, Ts)>,
    /// What successful mutations came to, by their caller and number.
    records: BTreeMap<(Option<usize>, u32), Mutated>,
    /// Mutations that the client has no transition for: caller, number, counter.
    unsettled: Vec<(Option<usize>, u64, usize)>,
    closed: bool,
}

impl Simulation {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let limits = Arc::new(ConnectionLimits::default());
        let mut simulation = Self {
            core: Core::new(now, Client { takes_chunks: true }, limits, 1),
            model: Model::default(),
            state: State::default(),
            now,
            jobs: Vec::new(),
            wire: VecDeque::new(),
            live: BTreeMap::new(),
            next_query: 0,
            next_request: 0,
            identities: vec![None],
            own: Vec::new(),
            records: BTreeMap::new(),
            unsettled: Vec::new(),
            closed: false,
        };
        simulation.connect();
        simulation
    }

    fn connect(&mut self) {
        self.send(&json!({ "type": "Connect", "sessionId": super::vectors::SESSION, "connectionCount": 0, "lastCloseReason": "InitialConnect", "clientTs": 0 }));
    }

    fn send(&mut self, message: &Json) {
        self.core.message(self.now, &message.to_string());
        self.perform();
    }

    fn perform(&mut self) {
        while let Some(output) = self.core.take() {
            match output {
                Output::Frame(frame) => {
                    self.wire.push_back((frame.text.into_owned(), frame.ends_transition));
                }
                Output::Verify(token) => self.jobs.push(Job::Verify(token.parse().unwrap())),
                Output::Mutate(run) => self.jobs.push(Job::Mutate(run)),
                Output::Snapshot { serial, caller } => self.jobs.push(Job::Snapshot(serial, caller)),
                Output::Close(_) => self.closed = true,
                Output::Ping | Output::Observe(_) | Output::Act(_) => {}
            }
        }
    }

    /// No message is read while the connection is busy with the one before.
    fn takes_messages(&self) -> bool {
        self.core.takes_messages()
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Add(counter) if self.takes_messages() => {
                let query = self.next_query;
                self.next_query += 1;
                self.live.insert(query, counter);
                self.modify(&[add(query, counter)]);
            }
            Step::Remove(which) if self.takes_messages() && !self.live.is_empty() => {
                let query = *self.live.keys().nth(which % self.live.len()).unwrap();
                self.live.remove(&query);
                self.modify(&[json!({ "type": "Remove", "queryId": query })]);
            }
            Step::Authenticate(user) if self.takes_messages() => self.authenticate(user),
            Step::Mutate(counter) if self.takes_messages() => {
                let request = self.next_request;
                self.next_request += 1;
                let user = self.identities.last().copied().flatten();
                self.unsettled.push((user, request, counter));
                self.mutation(request, counter);
            }
            Step::Commit(user, counter) => {
                self.state.add(user, counter);
                self.jobs.push(Job::Changed);
            }
            Step::Work(which) if !self.jobs.is_empty() => {
                let job = self.jobs.swap_remove(which % self.jobs.len());
                self.work(job);
            }
            Step::Take => self.take(),
            Step::Wait(millis) => {
                self.now = self.now + Duration::from_millis(millis);
                self.core.tick(self.now);
                self.perform();
            }
            Step::Reconnect => self.reconnect(),
            _ => {}
        }
    }

    /// A new connection of the same session: its identity, all subscriptions, and every mutation without a transition, in
    /// one burst. What ran goes on to its end; what had not begun is dropped.
    fn reconnect(&mut self) {
        let user = self.identities.last().copied().flatten();
        let limits = Arc::new(ConnectionLimits::default());
        self.core = Core::new(self.now, Client { takes_chunks: true }, limits, 1);
        self.wire.clear();
        self.jobs.clear();
        let settled: BTreeSet<u64> = {
            let model = &self.model;
            let open = model.open.iter().copied().chain(model.uncovered.iter().map(|(request, _)| *request));
            let open: BTreeSet<u64> = open.collect();
            self.unsettled
                .iter()
                .map(|(_, request, _)| *request)
                .filter(|request| !open.contains(request))
                .collect()
        };
        self.unsettled.retain(|(_, request, _)| !settled.contains(request));
        self.model = Model::default();
        self.identities = vec![None];
        self.connect();
        if let Some(user) = user {
            self.authenticate(user);
            let verified = self.jobs.pop();
            verified.into_iter().for_each(|job| self.work(job));
        }
        let adds: Vec<Json> = self.live.iter().map(|(query, counter)| add(*query, *counter)).collect();
        self.modify(&adds);
        for (_, request, counter) in self.unsettled.clone() {
            self.model.replayed.insert(request);
            self.mutation(request, counter);
        }
    }

    fn authenticate(&mut self, user: usize) {
        let base = self.model.identity;
        self.model.identity += 1;
        self.identities.push((user < USERS).then_some(user));
        let message = match user < USERS {
            true => {
                json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "User", "value": user.to_string() })
            }
            false => json!({ "type": "Authenticate", "baseVersion": base, "tokenType": "None" }),
        };
        self.send(&message);
    }

    fn mutation(&mut self, request: u64, counter: usize) {
        self.model.open.push(request);
        self.send(&json!({ "type": "Mutation", "requestId": request, "udfPath": format!("c:n{counter}"), "args": [{}] }));
    }

    fn modify(&mut self, modifications: &[Json]) {
        let base = self.model.query_set;
        self.model.query_set += 1;
        self.send(&json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": modifications }));
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Verify(user) => {
                let admitted = Admitted { caller: user, expires_at_ms: i64::MAX / 2 };
                self.core.verified(self.now, Ok(admitted));
            }
            Job::Mutate(run) => {
                let mutated = self.mutate(&run);
                self.jobs.push(Job::Mutated(run.request, mutated));
                self.jobs.push(Job::Changed);
            }
            Job::Mutated(request, mutated) => {
                self.core.mutated(self.now, request, crate::sync::connection::End::Done(mutated));
            }
            Job::Snapshot(serial, caller) => {
                let state = self.state.clone();
                let is_stale = |counter: &usize, since| {
                    caller.is_some_and(|user| state.counters[user][*counter].1 > since)
                };
                if let Some(due) = self.core.plan(serial, state.ts, is_stale) {
                    self.jobs.push(Job::Evaluate(serial, caller, Box::new(state), due));
                }
            }
            Job::Evaluate(serial, caller, state, due) => {
                let results = due.into_iter().map(|evaluation| {
                    let counter = counter_of(&evaluation.call.path);
                    let count = caller.map(|user| state.counters[user][counter].0);
                    let value = json!({ "user": caller, "count": count }).to_string();
                    let outcome = Ok(Encoded(value.into()));
                    evaluation.answered(Answered { outcome, journal: None, reads: counter })
                });
                let results = results.collect();
                self.core.evaluated(self.now, serial, results);
            }
            Job::Changed => self.core.changed(self.now),
        }
        self.perform();
    }

    fn mutate(&mut self, run: &Run<usize>) -> Mutated {
        let counter = counter_of(&run.call.path);
        if let Some(known) = self.records.get(&(run.caller, run.request)) {
            return known.clone();
        }
        let mutated = self.execute(run, counter);
        self.records.insert((run.caller, run.request), mutated.clone());
        mutated
    }

    fn execute(&mut self, run: &Run<usize>, counter: usize) -> Mutated {
        match run.caller {
            Some(user) => {
                let (count, ts) = self.state.add(user, counter);
                self.own.push((user, counter, count, ts));
                Mutated { outcome: Ok(Encoded(count.to_string().into())), ts }
            }
            None => {
                // It changes nothing: a transition may show its point before it is answered.
                self.model.replayed.insert(u64::from(run.request));
                Mutated { outcome: Ok(Encoded("null".into())), ts: self.state.ts }
            }
        }
    }

    fn take(&mut self) {
        let Some((text, ended_transition)) = self.wire.pop_front() else { return };
        let before = self.model.results.clone();
        let whole = self.model.receive(&serde_json::from_str(&text).unwrap());
        let whole = whole.unwrap_or_else(|wrong| panic!("{wrong}"));
        if whole.is_some() {
            self.check_transition(&before);
        }
        self.core.written(self.now, text.len(), ended_transition);
        self.perform();
    }

    /// Results are of the identity that the transition names, never step back, and show the client's own commits.
    fn check_transition(&self, before: &BTreeMap<u64, Json>) {
        let (_, identity, ts): Version = self.model.version;
        let user = self.identities[usize::try_from(identity).unwrap()];
        // What the client does not want any more is not answered again.
        let wanted = self.model.results.iter().filter(|(query, _)| self.live.contains_key(query));
        for (query, change) in wanted {
            let shown = &change["value"];
            assert_eq!(shown["user"], json!(user), "R5: a result of another identity");
            let count = shown["count"].as_u64();
            let earlier = before.get(query).filter(|earlier| earlier["value"]["user"] == json!(user));
            assert!(earlier.is_none_or(|earlier| earlier["value"]["count"].as_u64() <= count), "a step back");
            if let (Some(counter), Some(user)) = (self.live.get(query), user) {
                let own = self.own.iter().filter(|(of, at, _, _)| (*of, *at) == (user, *counter));
                let must = own.filter(|(_, _, _, at)| *at <= ts).map(|(_, _, count, _)| *count).max();
                assert!(count >= must, "a commit of its own up to {ts:?} is missing: {count:?} of {must:?}");
            }
        }
    }

    /// Lets everything come to rest, and compares what the client knows with the state.
    fn rest(&mut self) {
        for _ in 0..10_000 {
            if let Some(job) = self.jobs.pop() {
                self.work(job);
            } else if self.wire.is_empty() {
                self.now = self.now + Duration::from_millis(10);
                self.core.tick(self.now);
                self.perform();
                if self.jobs.is_empty() && self.wire.is_empty() {
                    break;
                }
            } else {
                self.take();
            }
        }
        assert!(!self.closed, "nothing here is a reason to close");
        let model = &self.model;
        assert_eq!((model.open.len(), model.uncovered.len()), (0, 0), "R7: a promise that never settles");
        assert_eq!((model.version.0, model.version.1), (model.query_set, model.identity), "R3, R4");
        let known: BTreeSet<u64> = model.results.keys().copied().collect();
        assert_eq!(known, self.live.keys().copied().collect());
        let user = self.identities.last().copied().flatten();
        for (query, counter) in &self.live {
            let count = user.map(|user| self.state.counters[user][*counter].0);
            assert_eq!(model.results[query]["value"]["count"], json!(count), "the last change is missing");
        }
    }
}

fn add(query: u64, counter: usize) -> Json {
    json!({ "type": "Add", "queryId": query, "udfPath": format!("c:n{counter}"), "args": [{}] })
}

fn counter_of(path: &str) -> usize {
    path.trim_start_matches("c:n").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn whatever_the_order_the_rules_hold_and_the_client_ends_with_the_state(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut simulation = Simulation::new();
        for step in &steps {
            simulation.run(step);
        }
        simulation.rest();
    }
}
