//! A small entity that does everything an entity can: adds, refuses, panics, claims, waits, asks the outside.

use crate::{Draft, Entity, Timestamp};
use greenroom_persistence::{DirectoryChange, HistoryRow};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub(super) key: String,
    pub(super) entries: Vec<i64>,
    pub(super) due: Option<Timestamp>,
    pub(super) ticks: u32,
    pub(super) in_flight: u32,
    pub(super) outcomes: Vec<u32>,
    pub(super) activations: u32,
    pub(super) padding: String,
    /// Derived; rebuilt after decoding.
    #[serde(skip)]
    pub(super) sum: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    Add(i64),
    /// Emits, then refuses.
    AddThenRefuse(i64),
    /// Emits, then panics.
    AddThenPanic(i64),
    Claim(String),
    Pad(usize),
    /// A row larger than any record may be.
    Burst(usize),
    WakeAt(Timestamp),
    Ask(u32),
    Asked(u32),
    /// A claim by an outcome.
    Outclaim(String),
    Tick,
    Recovered,
    Look,
    /// A row of the history.
    Note(u64),
    /// Forgets everything: entries and history.
    Forget,
    /// Forgets, then refuses.
    ForgetThenRefuse,
    /// Emits an event that panics in apply.
    Curse,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Event {
    Added(i64),
    Padded(usize),
    DueSet(Timestamp),
    Ticked,
    AskStarted,
    Answered(u32),
    Recovered,
    Forgotten,
    Cursed,
}

/// Events under schema 1.
#[derive(Serialize, Deserialize)]
pub(super) enum EventOne {
    Plus(i64),
}

/// A state under schema 1.
#[derive(Serialize, Deserialize)]
pub(super) struct LedgerOne {
    pub(super) lines: Vec<i64>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused")]
pub(super) struct Refused;

/// The first question that nobody waits for.
pub(super) const BACKGROUND: u32 = 100_000;

impl Entity for Ledger {
    const KIND: &'static str = "ledger";
    const SCHEMA: u16 = 2;
    type Command = Command;
    type Event = Event;
    type Effect = u32;
    type Reply = i64;
    type Rejection = Refused;

    fn is_background(question: &u32) -> bool {
        (BACKGROUND..BACKGROUND + 100_000).contains(question)
    }

    fn vacant(key: &str) -> Self {
        Self { key: key.to_owned(), ..Self::default() }
    }

    fn restored(&mut self) {
        self.sum = self.entries.iter().sum();
    }

    fn decide(draft: &mut Draft<Self>, _: Timestamp, command: &Command) -> Result<i64, Refused> {
        match command {
            Command::Add(n) => draft.emit(Event::Added(*n)),
            Command::AddThenRefuse(n) => {
                draft.emit(Event::Added(*n));
                draft.effect(99);
                draft.directory(DirectoryChange::Claim("refused".into()));
                return Err(Refused);
            }
            Command::AddThenPanic(n) => {
                draft.emit(Event::Added(*n));
                panic!("poison {n}");
            }
            Command::Claim(name) | Command::Outclaim(name) => {
                draft.emit(Event::Added(1));
                draft.directory(DirectoryChange::Claim(name.clone()));
            }
            Command::Pad(bytes) => draft.emit(Event::Padded(*bytes)),
            Command::Burst(bytes) => {
                draft.emit(Event::Added(1));
                draft.row(HistoryRow { stream: "burst".into(), no: 1, bytes: vec![0; *bytes] });
            }
            Command::Note(no) => {
                draft.row(HistoryRow { stream: "notes".into(), no: *no, bytes: vec![1] });
            }
            Command::Forget => {
                draft.emit(Event::Forgotten);
                draft.erase_history();
            }
            Command::ForgetThenRefuse => {
                draft.emit(Event::Forgotten);
                draft.erase_history();
                return Err(Refused);
            }
            Command::WakeAt(due) => draft.emit(Event::DueSet(*due)),
            Command::Ask(question) => {
                draft.emit(Event::AskStarted);
                draft.effect(*question);
            }
            Command::Asked(answer) => draft.emit(Event::Answered(*answer)),
            Command::Tick if draft.key == "stubborn" => draft.emit(Event::Added(1)),
            Command::Tick => {
                assert_ne!(draft.key, "cursed", "cursed tick");
                draft.emit(Event::Ticked);
            }
            Command::Recovered => draft.emit(Event::Recovered),
            Command::Curse => draft.emit(Event::Cursed),
            Command::Look => {}
        }
        Ok(draft.sum)
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Added(n) => {
                self.entries.push(*n);
                self.sum += n;
            }
            Event::Padded(bytes) => self.padding = "x".repeat(*bytes),
            Event::DueSet(due) => self.due = Some(*due),
            Event::Ticked => {
                self.ticks += 1;
                self.due = None;
            }
            Event::AskStarted => self.in_flight += 1,
            Event::Answered(answer) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.outcomes.push(*answer);
            }
            Event::Recovered => {
                self.activations += 1;
                self.in_flight = 0;
            }
            Event::Forgotten => *self = Self::vacant(&self.key),
            Event::Cursed => panic!("cursed"),
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.due
    }

    fn tick() -> Command {
        Command::Tick
    }

    fn activated(&self) -> Option<Command> {
        (self.in_flight > 0).then_some(Command::Recovered)
    }

    fn is_busy(&self) -> bool {
        self.in_flight > 0
    }

    fn weight(&self) -> usize {
        100 + self.entries.len() * 8 + self.padding.len()
    }

    fn upcast(schema: u16, bytes: &[u8]) -> Result<Event, rmp_serde::decode::Error> {
        assert_eq!(schema, 1, "today's events need no upcast");
        rmp_serde::from_slice(bytes).map(|EventOne::Plus(n)| Event::Added(n))
    }

    fn upcast_state(schema: u16, bytes: &[u8]) -> Result<Self, rmp_serde::decode::Error> {
        assert_eq!(schema, 1, "today's states need no upcast");
        let LedgerOne { lines } = rmp_serde::from_slice(bytes)?;
        Ok(Self { key: "a".into(), entries: lines, ..Self::default() })
    }
}
