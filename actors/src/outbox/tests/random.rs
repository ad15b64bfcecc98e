//! Random histories against the invariants.

use super::*;
use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Act {
    Dm { person: u8, human: bool, window: u16, delay: u8 },
    Comment { comment: u8, known: bool, public: bool },
    Pass { seconds: u32 },
    Answer { pick: u8, answer: Answer },
    Stale { pick: u8, answer: Answer },
    Read { pick: u8, found: Option<bool> },
    Echo { pick: u8, own: bool },
    Cancel { pick: u8 },
    Replay { pick: u8 },
    Resend { pick: u8, press: u8 },
    Park,
    Resume,
    Crash,
    Restart,
    Usage { percent: u8 },
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Sent,
    Refused(FailureClass, u32, u32),
    Unknown,
}

fn answer() -> impl Strategy<Value = Answer> {
    use FailureClass::{
        Content, Done, Owner, Permission, Rate, Recipient, Safety, Token, Unreachable, Window,
    };
    prop_oneof![
        6 => Just(Answer::Sent),
        4 => Just(Answer::Unknown),
        6 => prop::sample::select(vec![
            (Unreachable, 0, 0), (Unreachable, 0, 0), (Rate, 613, 0), (Rate, 4, 0), (Token, 190, 0),
            (Permission, 10, 0), (Window, 10, 2_534_022), (Recipient, 551, 0), (Recipient, 200, 0),
            (Content, 100, 0), (Content, 100, 2_018_008), (Done, 100, 2_534_025), (Safety, 368, 0),
            (Owner, 2_018_300, 0),
        ])
        .prop_map(|(class, code, subcode)| Answer::Refused(class, code, subcode)),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4_u8, prop::bool::weighted(0.2), 1..1_500_u16, 0..20_u8)
            .prop_map(|(person, human, window, delay)| Act::Dm { person, human, window, delay }),
        4 => (0..30_u8, any::<bool>(), any::<bool>())
            .prop_map(|(comment, known, public)| Act::Comment { comment, known, public }),
        6 => prop_oneof![0..3_u32, 3..200_u32, 200..20_000_u32].prop_map(|seconds| Act::Pass { seconds }),
        10 => (any::<u8>(), answer()).prop_map(|(pick, answer)| Act::Answer { pick, answer }),
        1 => (any::<u8>(), answer()).prop_map(|(pick, answer)| Act::Stale { pick, answer }),
        5 => (any::<u8>(), prop::option::weighted(0.8, any::<bool>()))
            .prop_map(|(pick, found)| Act::Read { pick, found }),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(pick, own)| Act::Echo { pick, own }),
        1 => any::<u8>().prop_map(|pick| Act::Cancel { pick }),
        1 => any::<u8>().prop_map(|pick| Act::Replay { pick }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(pick, press)| Act::Resend { pick, press }),
        1 => Just(Act::Park),
        3 => Just(Act::Resume),
        1 => Just(Act::Crash),
        1 => Just(Act::Restart),
        1 => (0..110_u8).prop_map(|percent| Act::Usage { percent }),
    ]
}

fn pick(world: &World, pick: u8, chosen: impl Fn(&Outbound) -> bool) -> Option<OutboundId> {
    let ids: Vec<_> = world.outbox.iter().filter(|item| chosen(item)).map(|item| item.id).collect();
    (!ids.is_empty()).then(|| ids[usize::from(pick) % ids.len()])
}

fn outcome(answer: Answer, id: OutboundId) -> SendOutcome {
    match answer {
        Answer::Sent => SendOutcome::Sent { message_id: Mid::from(format!("m{id}")), recipient: None },
        Answer::Unknown => SendOutcome::Unknown { doubt: Doubt::ServerError, code: None },
        Answer::Refused(class, code, subcode) => SendOutcome::NotSent(Refusal::coded(class, code, subcode)),
    }
}

fn perform(world: &mut World, act: &Act) {
    match *act {
        Act::Dm { person, human, window, delay } => {
            let person = format!("p{person}");
            let author = if human { Author::Human } else { Author::Sidekick };
            let request = Enqueue {
                author,
                window_ends_at: world.now + minutes(u64::from(window)),
                not_before: world.now + seconds(u64::from(delay)),
                ..world.dm_request(&person, "hello")
            };
            if let Ok(event) = world.outbox.enqueue(world.now, request) {
                world.emit(event);
            }
        }
        Act::Comment { comment, known, public } => comment_answered(world, comment, known, public),
        Act::Pass { seconds: span } => world.pass(seconds(u64::from(span))),
        Act::Answer { pick: number, answer } => {
            if let Some(id) = pick(world, number, |item| matches!(item.state, State::Sending { .. })) {
                world.outcome(id, &outcome(answer, id));
            }
        }
        Act::Stale { pick: number, answer } => {
            if let Some(id) = pick(world, number, |item| item.attempt > 1) {
                let attempt = world.item(id).attempt - 1;
                let decided = world.outbox.outcome(world.now, id, attempt, &outcome(answer, id));
                world.take(decided);
            }
        }
        Act::Read { pick: number, found } => {
            let reading =
                |item: &Outbound| matches!(&item.state, State::Unconfirmed(search) if search.reading);
            if let Some(id) = pick(world, number, reading) {
                read(world, id, found);
            }
        }
        Act::Echo { pick: number, own } => {
            let candidate = |item: &Outbound| item.attempt > 0 && !item.kind.is_public();
            if let Some(id) = pick(world, number, candidate) {
                let person = match &world.item(id).thread {
                    ThreadId::Person(person) => person.to_string(),
                    ThreadId::Comment(_) => "somebody".to_owned(),
                };
                let text = if own { "hello" } else { "by hand" };
                let mid = format!("{}{id}", if own { "m" } else { "h" });
                world.echo(&mid, &person, text);
            }
        }
        _ => control(world, act),
    }
    world.run();
}

fn comment_answered(world: &mut World, comment: u8, known: bool, public: bool) {
    let comment = format!("c{comment}");
    let person = known.then(|| Igsid::from(format!("p-{comment}")));
    let kind = Kind::PrivateReply {
        comment: CommentId::from(comment.as_str()),
        person,
        comment_at: world.now,
        live: false,
    };
    let content = Content::Text("hello".into());
    let request = Enqueue { kind, content, ..world.private_request(&comment) };
    let Ok(event) = world.outbox.enqueue(world.now, request) else { return };
    let id = event.accepted().unwrap().id;
    world.emit(event);
    if public {
        world.public_reply(&comment, Some(id));
    }
}

fn read(world: &mut World, id: OutboundId, found: Option<bool>) {
    let message = |world: &World| SeenMessage {
        message_id: Mid::from(format!("m{id}")),
        sent_at: world.item(id).started_at().unwrap(),
        text: world.item(id).content.visible_text().map(Into::into),
        is_template: matches!(world.item(id).content, Content::Template { .. }),
    };
    let outcome = match found {
        Some(true) => ReadOutcome::Read(vec![message(world)]),
        Some(false) => ReadOutcome::Read(Vec::new()),
        None => ReadOutcome::Failed { retry_after: None },
    };
    world.read(id, &outcome);
}

fn control(world: &mut World, act: &Act) {
    match *act {
        Act::Cancel { pick: number } => {
            if let Some(id) = pick(world, number, |_| true)
                && let Ok(decided) = world.outbox.cancel(world.now, id, CancelReason::ByPerson)
            {
                world.take(decided);
            }
        }
        Act::Replay { pick: number } => {
            if let Some(id) = pick(world, number, Outbound::is_dead_letter)
                && let Ok(decided) = world.outbox.replay(world.now, id, None)
            {
                world.take(decided);
            }
        }
        Act::Resend { pick: number, press } => {
            if let Some(id) = pick(world, number, Outbound::is_dead_letter)
                && let Ok(event) = world.outbox.resend(world.now, id, format!("press-{press}").into(), None)
            {
                world.emit(event);
            }
        }
        Act::Park => {
            if let Some(event) = world.outbox.park(world.now, ParkReason::Frozen) {
                world.emit(event);
            }
        }
        Act::Resume => {
            if let Some(event) = world.outbox.resume(world.now) {
                world.emit(event);
            }
        }
        Act::Crash => {
            world.restart();
            let decided = world.outbox.interrupted(world.now);
            world.take(decided);
        }
        Act::Restart => world.restart(),
        Act::Usage { percent } => {
            let usage = Usage { percent: u16::from(percent), regain: None };
            let decided = world.outbox.usage(world.now, &usage);
            world.take(decided);
        }
        _ => {}
    }
}

/// What must be true of every history.
#[derive(Default)]
struct Checker {
    items: BTreeMap<OutboundId, Checked>,
    starts: BTreeMap<Lane, Vec<Timestamp>>,
    in_flight: BTreeMap<ThreadId, OutboundId>,
}

struct Checked {
    item: Outbound,
    /// An attempt may have delivered it.
    doubtful: bool,
    sending: bool,
    ended: Option<&'static str>,
    cleared: bool,
}

impl Checker {
    fn check(&mut self, event: &OutboxEvent) {
        if let Some(item) = event.accepted() {
            let item = Outbound::clone(item);
            let checked = Checked { item, doubtful: false, sending: false, ended: None, cleared: false };
            assert!(self.items.insert(checked.item.id, checked).is_none(), "a number used twice");
        }
        match event {
            OutboxEvent::AttemptStarted { id, at, attempt, .. } => self.started(*id, *at, *attempt),
            OutboxEvent::Delivered { id, .. } => {
                let checked = self.over(*id);
                assert!(checked.ended.is_none_or(|end| end == "unknown" || checked.cleared), "{event:?}");
                checked.ended = Some("sent");
            }
            OutboxEvent::Deferred { id, .. } => {
                let checked = self.over(*id);
                assert_eq!(checked.ended, None);
                checked.doubtful = false;
            }
            OutboxEvent::BecameUnconfirmed { id, .. } => {
                let checked = self.over(*id);
                assert_eq!(checked.ended, None);
                checked.doubtful = true;
            }
            OutboxEvent::RetryCleared { id, .. } => {
                let checked = self.over(*id);
                assert!(checked.item.kind.is_private_reply() && !checked.cleared, "{event:?}");
                (checked.cleared, checked.doubtful) = (true, false);
            }
            OutboxEvent::Replayed { id, .. } => {
                let checked = self.over(*id);
                assert!(matches!(checked.ended, Some("failed" | "expired" | "cancelled")), "{event:?}");
                assert!(!checked.doubtful);
                checked.ended = None;
            }
            _ => self.ended(event),
        }
    }

    fn ended(&mut self, event: &OutboxEvent) {
        let Some((ids, end)) = event.ends() else { return };
        for id in ids {
            let checked = self.over(*id);
            let end = match end {
                End::Delivered => "sent",
                End::Unknown => "unknown",
                End::Failed(_) => "failed",
                End::Expired => "expired",
                End::Cancelled => "cancelled",
            };
            // Only a person puts a dead letter away.
            let put_away = end == "cancelled" && checked.ended != Some("sent");
            assert!(checked.ended.is_none() || put_away, "{event:?} after {:?}", checked.ended);
            checked.ended = Some(end);
        }
    }

    fn started(&mut self, id: OutboundId, at: Timestamp, attempt: u32) {
        let checked = self.items.get_mut(&id).unwrap();
        assert!(!checked.sending, "two attempts of {id} in flight");
        assert!(!checked.doubtful, "attempt {attempt} of {id} after one without a known outcome");
        assert_eq!(checked.ended, None, "attempt of {id} after its end");
        assert!(at + WINDOW_MARGIN <= checked.item.window_ends_at, "attempt of {id} past its window");
        checked.sending = true;
        let (lane, thread) = (checked.item.lane(), checked.item.thread.clone());
        self.starts.entry(lane).or_default().push(at);
        assert_eq!(self.in_flight.insert(thread, id), None, "two in flight in a thread");
    }

    fn over(&mut self, id: OutboundId) -> &mut Checked {
        let checked = self.items.get_mut(&id).unwrap();
        checked.sending = false;
        if self.in_flight.get(&checked.item.thread) == Some(&id) {
            self.in_flight.remove(&checked.item.thread);
        }
        checked
    }

    fn finish(&self, world: &World) {
        for (lane, budget) in [(Lane::Send, 200), (Lane::PrivateReply, 700)] {
            if let Some(starts) = self.starts.get(&lane) {
                assert!(lanes::busiest(starts, hours(1)) <= budget, "{lane:?}");
            }
        }
        let archived: BTreeSet<_> = world
            .events
            .iter()
            .filter_map(|event| if let OutboxEvent::Archived { ids } = event { Some(ids) } else { None })
            .flatten()
            .collect();
        for id in self.items.keys() {
            assert!(world.outbox.get(*id).is_some() != archived.contains(id), "{id} is nowhere or twice");
        }
    }
}

fn replay(events: &[OutboxEvent]) -> Outbox {
    let mut outbox = Outbox::default();
    for event in events {
        let bytes = rmp_serde::to_vec_named(event).unwrap();
        outbox.apply(&rmp_serde::from_slice(&bytes).unwrap());
    }
    outbox
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_in_random_histories(acts in vec(act(), 1..120)) {
        let mut world = World::new();
        let mut checker = Checker::default();
        let mut checked = 0;
        for act in &acts {
            perform(&mut world, act);
            world.events[checked..].iter().for_each(|event| checker.check(event));
            checked = world.events.len();
        }
        // In the end everything comes to an end.
        perform(&mut world, &Act::Resume);
        world.pass(hours(9 * 24));
        world.events[checked..].iter().for_each(|event| checker.check(event));
        prop_assert_eq!(world.outbox.open(), 0);
        checker.finish(&world);
        prop_assert_eq!(&replay(&world.events), &world.outbox);
    }
}
