//! Given, when, then: a small world around one outbox.

mod control;
mod echoes;
mod lanes;
mod outcomes;
mod queue;
mod random;
mod reconcile;

use super::*;
use crate::id::{CommentId, EventKey, Igsid};
use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    seconds(minutes * 60)
}

const fn hours(hours: u64) -> Duration {
    minutes(hours * 60)
}

/// A round instant, as far as tidying up goes.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

struct World {
    outbox: Outbox,
    now: Timestamp,
    events: Vec<OutboxEvent>,
    effects: Vec<OutboxEffect>,
    consequences: Vec<Consequence>,
    /// Check that the derived orders equal rebuilt ones after each event.
    thorough: bool,
}

impl World {
    fn new() -> Self {
        Self {
            outbox: Outbox::default(),
            now: START,
            events: Vec::new(),
            effects: Vec::new(),
            consequences: Vec::new(),
            thorough: true,
        }
    }

    fn emit(&mut self, event: OutboxEvent) {
        self.outbox.apply(&event);
        self.events.push(event);
        if self.thorough {
            let mut rebuilt = self.outbox.clone();
            rebuilt.restored();
            assert_eq!(rebuilt.index, self.outbox.index, "after {:?}", self.events.last());
        }
    }

    fn take(&mut self, decided: Decided) {
        decided.events.into_iter().for_each(|event| self.emit(event));
        self.consequences.extend(decided.consequences);
    }

    /// Everything that is due now.
    fn run(&mut self) {
        self.run_guarded(&mut |_| Guard::Go);
    }

    fn run_guarded(&mut self, guard: &mut dyn FnMut(&Outbound) -> Guard) {
        for _ in 0..100_000 {
            let Some(step) = self.outbox.advance(self.now, guard) else { return };
            assert!(!step.decided.events.is_empty(), "a step without an event never ends");
            self.take(step.decided);
            self.effects.extend(step.effect);
        }
        panic!("the outbox never comes to rest");
    }

    /// Lets time pass, doing everything that becomes due on the way.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        self.run();
        while let Some(due) = self.outbox.next_due().filter(|due| *due <= end) {
            assert!(due > self.now, "due at {due}, which was {} and is done", self.now);
            self.now = due;
            let before = self.events.len();
            self.run();
            assert!(self.events.len() > before, "woken at {due} for nothing");
        }
        self.now = end;
        self.run();
    }

    fn enqueue(&mut self, request: Enqueue) -> OutboundId {
        let event = self.outbox.enqueue(self.now, request).unwrap();
        let id = event.accepted().unwrap().id;
        self.emit(event);
        id
    }

    fn dm(&mut self, person: &str, text: &str) -> OutboundId {
        let request = self.dm_request(person, text);
        self.enqueue(request)
    }

    fn dm_request(&self, person: &str, text: &str) -> Enqueue {
        Enqueue {
            key: format!("17:message:{}:a1:0", self.outbox.last_id.get() + 1).into(),
            cause: EventKey::from("17:message:m1"),
            kind: Kind::Dm { to: Igsid::from(person) },
            content: Content::Text(text.into()),
            automation: Some("a1".into()),
            author: Author::Automation,
            counted: true,
            window_ends_at: self.now + hours(24),
            not_before: self.now,
            depends_on: None,
        }
    }

    fn private_request(&self, comment: &str) -> Enqueue {
        let kind = Kind::PrivateReply {
            comment: CommentId::from(comment),
            person: Some(Igsid::from(format!("p-{comment}"))),
            comment_at: self.now,
            live: false,
        };
        Enqueue {
            key: format!("17:comment:{comment}:private_reply").into(),
            kind,
            window_ends_at: self.now + hours(7 * 24),
            ..self.dm_request("", "here is the link")
        }
    }

    fn private_reply(&mut self, comment: &str) -> OutboundId {
        let request = self.private_request(comment);
        self.enqueue(request)
    }

    fn public_reply(&mut self, comment: &str, depends_on: Option<OutboundId>) -> OutboundId {
        let request = Enqueue {
            key: format!("17:comment:{comment}:public_reply").into(),
            kind: Kind::PublicReply { comment: CommentId::from(comment) },
            content: Content::Text("check your messages".into()),
            counted: false,
            depends_on,
            window_ends_at: self.now + hours(7 * 24),
            ..self.dm_request("", "x")
        };
        self.enqueue(request)
    }

    /// The outcome of the last attempt.
    fn outcome(&mut self, id: OutboundId, outcome: &SendOutcome) {
        let attempt = self.item(id).attempt;
        let decided = self.outbox.outcome(self.now, id, attempt, outcome);
        self.take(decided);
    }

    fn sent(&mut self, id: OutboundId, mid: &str) {
        self.outcome(id, &SendOutcome::Sent { message_id: Mid::from(mid), recipient: None });
    }

    fn refuse(&mut self, id: OutboundId, refusal: Refusal) {
        self.outcome(id, &SendOutcome::NotSent(refusal));
    }

    fn doubt(&mut self, id: OutboundId) {
        self.outcome(id, &SendOutcome::Unknown { doubt: Doubt::Timeout, code: None });
    }

    fn read(&mut self, id: OutboundId, outcome: &ReadOutcome) {
        let State::Unconfirmed(search) = &self.item(id).state else { panic!("nothing to read") };
        let decided = self.outbox.reconciled(self.now, id, search.reads, outcome);
        self.take(decided);
    }

    /// Every read for an unconfirmed message fails until it is given up.
    fn lose(&mut self, id: OutboundId) {
        while let State::Unconfirmed(search) = self.state(id) {
            let wait = search.next_check_at.since(self.now);
            self.pass(wait);
            self.read(id, &ReadOutcome::Failed { retry_after: None });
        }
        assert!(matches!(self.state(id), State::Unknown { .. }));
    }

    fn echo(&mut self, mid: &str, person: &str, text: &str) -> EchoMatch {
        let (message_id, person) = (Mid::from(mid), Igsid::from(person));
        let sent_at = self.now;
        self.take_echo(&Echo {
            message_id: &message_id,
            person: &person,
            text: Some(text),
            is_template: false,
            sent_at,
        })
    }

    /// An echo without a text: a template, or a picture by hand.
    fn textless_echo(&mut self, mid: &str, person: &str, is_template: bool) -> EchoMatch {
        let (message_id, person) = (Mid::from(mid), Igsid::from(person));
        let sent_at = self.now;
        self.take_echo(&Echo { message_id: &message_id, person: &person, text: None, is_template, sent_at })
    }

    fn take_echo(&mut self, echo: &Echo<'_>) -> EchoMatch {
        let found = self.outbox.echo(self.now, echo);
        match &found {
            EchoMatch::Ours { decided, .. } => self.take(decided.clone()),
            EchoMatch::Held(event) => self.emit(event.clone()),
            EchoMatch::AlreadyHeld | EchoMatch::Unmatched => {}
        }
        found
    }

    fn item(&self, id: OutboundId) -> &Outbound {
        self.outbox.get(id).unwrap()
    }

    fn state(&self, id: OutboundId) -> &State {
        &self.item(id).state
    }

    #[track_caller]
    fn assert_sending(&self, id: OutboundId) {
        assert!(matches!(self.state(id), State::Sending { .. }), "{:?}", self.state(id));
    }

    #[track_caller]
    fn assert_queued(&self, id: OutboundId) -> Timestamp {
        let State::Queued { not_before } = self.state(id) else { panic!("{:?}", self.state(id)) };
        *not_before
    }

    #[track_caller]
    fn assert_sent(&self, id: OutboundId) {
        assert!(matches!(self.state(id), State::Sent { .. }), "{:?}", self.state(id));
    }

    #[track_caller]
    fn assert_failed(&self, id: OutboundId, expected: FailureClass) {
        assert!(
            matches!(self.state(id), State::Failed { class, .. } if *class == expected),
            "{:?}",
            self.state(id)
        );
    }

    #[track_caller]
    fn assert_cancelled(&self, id: OutboundId, expected: &CancelReason) {
        assert!(
            matches!(self.state(id), State::Cancelled { reason, .. } if reason == expected),
            "{:?}",
            self.state(id)
        );
    }

    fn sends(&self) -> Vec<(OutboundId, u32)> {
        let send = |effect: &OutboxEffect| match effect {
            OutboxEffect::Send { id, attempt } => Some((*id, *attempt)),
            OutboxEffect::Read { .. } => None,
        };
        self.effects.iter().filter_map(send).collect()
    }

    fn reads(&self) -> usize {
        self.effects.iter().filter(|effect| matches!(effect, OutboxEffect::Read { .. })).count()
    }

    /// As after a restart: encoded, decoded, rebuilt.
    fn restart(&mut self) {
        let bytes = rmp_serde::to_vec_named(&self.outbox).unwrap();
        let mut decoded: Outbox = rmp_serde::from_slice(&bytes).unwrap();
        decoded.restored();
        assert_eq!(decoded, self.outbox);
        self.outbox = decoded;
    }
}
