//! What time does to a connection, and what a client that does not read costs: on the core, with a clock that is moved.

use crate::sync::{
    Answered, ConnectionLimits, Encoded, Mutated, Trouble, Ts,
    connection::{Client, Core, End, Output, Run},
    limits::{MUTATION_TIME_MAX, PING_AFTER, STALL_MAX, TRANSPORT_PING_EVERY, UNSENT_TRANSITIONS_MAX},
};
use greenroom_actors::Timestamp;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// What a connection asked for.
#[derive(Debug, PartialEq)]
enum Asked {
    Frame(String),
    Ping,
    Observe,
    Snapshot(u64),
    Mutate(u32),
    Close(Option<u16>),
}

struct Bench {
    core: Core<u8, ()>,
    now: Timestamp,
    base: u32,
}

impl Bench {
    fn new() -> Self {
        Self::with(ConnectionLimits::default())
    }

    fn with(limits: ConnectionLimits) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        Self { core: Core::new(now, Client { takes_chunks: true }, Arc::new(limits), 1), now, base: 0 }
    }

    fn send(&mut self, message: serde_json::Value) -> Vec<Asked> {
        self.core.message(self.now, &message.to_string());
        self.asked()
    }

    /// Subscribes to so many, each with a number of its own.
    fn subscribe(&mut self, count: u32) -> Vec<Asked> {
        let base = self.base;
        self.base += 1;
        let adds: Vec<_> = (0..count)
            .map(|query| json!({ "type": "Add", "queryId": base * 1000 + query, "udfPath": "a:b", "args": [] }))
            .collect();
        self.send(json!({ "type": "ModifyQuerySet", "baseVersion": base, "newVersion": base + 1, "modifications": adds }))
    }

    fn pass(&mut self, span: Duration) -> Vec<Asked> {
        self.now = self.now + span;
        self.core.tick(self.now);
        self.asked()
    }

    /// A snapshot at a point, every result of so many bytes.
    fn answer(&mut self, serial: u64, at: u64, bytes: usize) -> Vec<Asked> {
        let due = self.core.plan(serial, Ts(at), |(), since| since < Ts(at)).unwrap();
        let value = format!("\"{}\"", format!("{at:06}").repeat(bytes.div_ceil(6)));
        let answered = || Answered { outcome: Ok(Encoded(value.clone().into())), journal: None, reads: () };
        let results = due.into_iter().map(|query| query.answered(answered())).collect();
        self.core.evaluated(self.now, serial, results);
        self.asked()
    }

    fn asked(&mut self) -> Vec<Asked> {
        let mut asked = Vec::new();
        while let Some(output) = self.core.take() {
            asked.push(match output {
                Output::Frame(frame) => Asked::Frame(frame.text.into_owned()),
                Output::Ping => Asked::Ping,
                Output::Observe(_) => Asked::Observe,
                Output::Snapshot { serial, .. } => Asked::Snapshot(serial),
                Output::Mutate(Run { request, .. }) => Asked::Mutate(request),
                Output::Close(close) => Asked::Close(close.code),
                other => panic!("{other:?}"),
            });
        }
        asked
    }

    /// Up to the first transition, which is taken by the socket.
    fn ready() -> Self {
        let mut bench = Self::new();
        bench.subscribe(1);
        let asked = bench.pass(Duration::from_millis(5));
        assert_eq!(asked, [Asked::Snapshot(1)]);
        let frames = bench.answer(1, 10, 8);
        bench.take(&frames);
        bench
    }

    fn take(&mut self, frames: &[Asked]) {
        for frame in frames {
            if let Asked::Frame(text) = frame {
                self.core.written(self.now, text.len(), text.contains("Transition"));
            }
        }
    }
}

fn is_ping(asked: &Asked) -> bool {
    *asked == Asked::Frame(r#"{"type":"Ping"}"#.to_owned())
}

#[test]
fn pings_come_when_nothing_else_does_and_their_instant_is_told() {
    let mut bench = Bench::ready();
    let start = bench.now;
    let mut pings = Vec::new();
    while bench.now < start + Duration::from_secs(60) {
        let due = bench.core.next_tick();
        assert!(due > bench.now, "a tick that is due already would never end");
        bench.now = due;
        bench.core.heard(bench.now);
        bench.core.tick(bench.now);
        let asked = bench.asked();
        bench.take(&asked);
        if asked.iter().any(is_ping) {
            pings.push(bench.now.since(start));
        }
        assert!(asked.iter().all(|asked| is_ping(asked) || *asked == Asked::Ping), "{asked:?}");
    }
    assert_eq!(pings, [1, 2, 3, 4].map(|count| PING_AFTER * count));
    assert!(TRANSPORT_PING_EVERY < PING_AFTER);
}

#[test]
fn a_client_that_does_not_read_gets_few_transitions_and_then_the_newest_one() {
    let mut bench = Bench::ready();
    let mut unsent = Vec::new();
    let mut serial = 1;
    for round in 0..10 {
        bench.core.changed(bench.now);
        for asked in bench.pass(Duration::from_millis(10)) {
            let Asked::Snapshot(next) = asked else { panic!("{asked:?}") };
            serial = next;
            unsent.extend(bench.answer(serial, 20 + round, 8));
        }
    }
    assert_eq!(unsent.len(), UNSENT_TRANSITIONS_MAX);
    let next = |bench: &mut Bench, frame: Asked| {
        bench.take(&[frame]);
        bench.asked()
    };
    let first = unsent.remove(0);
    assert_eq!(next(&mut bench, first), [Asked::Snapshot(serial + 1)]);
    let newest = bench.answer(serial + 1, 29, 8);
    assert!(matches!(&newest[..], [Asked::Frame(text)] if text.contains("000029")), "{newest:?}");
    let asked = bench.pass(STALL_MAX);
    assert_eq!(asked, [Asked::Close(Some(1013))]);
}

#[test]
fn bytes_that_nobody_takes_are_bounded() {
    let mut bench = Bench::with(ConnectionLimits { queued_bytes_max: 1000, ..ConnectionLimits::default() });
    bench.subscribe(3);
    bench.pass(Duration::from_millis(5));
    let asked = bench.answer(1, 10, 400);
    assert_eq!(asked.last(), Some(&Asked::Close(Some(1013))));
}

#[test]
fn arguments_that_wait_are_bounded() {
    let mut bench = Bench::with(ConnectionLimits { held_bytes_max: 1000, ..ConnectionLimits::default() });
    let big = |request: u32| json!({ "type": "Mutation", "requestId": request, "udfPath": "a:b", "args": [{ "v": "x".repeat(400) }] });
    assert_eq!(bench.send(big(0)), [Asked::Mutate(0)]);
    assert_eq!(bench.send(big(1)), []);
    assert_eq!(bench.send(big(2)), [Asked::Close(Some(1013))]);
}

/// A snapshot that may show a running mutation is not written before the mutation is answered, however long that takes.
#[test]
fn a_transition_waits_for_the_answer_of_what_it_may_show() {
    let mut bench = Bench::ready();
    let mutation = json!({ "type": "Mutation", "requestId": 7, "udfPath": "a:b", "args": [] });
    assert_eq!(bench.send(mutation), [Asked::Mutate(7)]);
    bench.core.changed(bench.now);
    assert_eq!(bench.pass(Duration::from_millis(5)), [Asked::Snapshot(2)]);
    assert_eq!(bench.answer(2, 20, 8), []);
    assert!(bench.pass(Duration::from_secs(3)).is_empty());
    let mutated = Mutated { outcome: Ok(Encoded::null()), ts: Ts(20) };
    bench.core.mutated(bench.now, 7, End::Done(mutated));
    let asked = bench.asked();
    assert!(
        matches!(&asked[..], [Asked::Frame(response), Asked::Frame(transition)]
            if response.contains("MutationResponse") && transition.contains("000020")),
        "{asked:?}"
    );
}

#[test]
fn a_mutation_that_never_ends_ends_the_connection() {
    let mut bench = Bench::ready();
    bench.send(json!({ "type": "Mutation", "requestId": 0, "udfPath": "a:b", "args": [] }));
    bench.core.heard(bench.now + MUTATION_TIME_MAX);
    let asked = bench.pass(MUTATION_TIME_MAX);
    assert_eq!(asked.last(), Some(&Asked::Close(Some(1011))));
}

#[test]
fn nothing_older_is_shown_than_the_client_saw() {
    let saw = |bench: &Bench, ahead: Duration| {
        let at = u64::try_from(bench.now.as_millis()).unwrap() * 1_000_000;
        let ts = Ts(at + u64::try_from(ahead.as_nanos()).unwrap());
        json!({ "type": "Connect", "sessionId": "s", "connectionCount": 1, "lastCloseReason": null, "maxObservedTimestamp": ts.to_wire() })
    };
    let mut bench = Bench::new();
    let connect = saw(&bench, Duration::from_secs(30));
    assert_eq!(bench.send(connect), [Asked::Observe]);
    assert!(!bench.core.takes_messages());
    bench.core.observed(bench.now, Err(Trouble::Unavailable));
    assert_eq!(
        bench.pass(Duration::from_secs(29)).iter().filter(|asked| **asked == Asked::Observe).count(),
        0
    );
    assert!(bench.pass(Duration::from_secs(1)).contains(&Asked::Observe));
    bench.core.observed(bench.now, Ok(()));
    assert!(bench.core.takes_messages());

    let mut bench = Bench::new();
    let connect = saw(&bench, Duration::from_secs(61));
    bench.send(connect);
    bench.core.observed(bench.now, Err(Trouble::Unavailable));
    assert_eq!(bench.asked(), [Asked::Close(Some(1011))]);
}
