use super::*;
use crate::shell::encoding;
use greenroom_persistence::{Position, codec};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs, path::Path};

const START: i64 = 1_767_225_600_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START) + Duration::from_secs(seconds)
}

fn pending(ends: u64) -> Pending {
    Pending {
        purpose: Purpose::Provider,
        value: Sealed::from("sealed"),
        bound_to: None,
        owner: None,
        expires_at: at(ends),
    }
}

fn start(secret: &str, pending: Pending) -> Command {
    Command::Start { secret: SecretHash::of(secret), pending }
}

fn take(secret: &str) -> Command {
    Command::Take { secret: SecretHash::of(secret), purpose: Purpose::Provider, session: None }
}

/// One shard, and what happened.
#[derive(Default)]
struct Shard {
    state: SignIns,
    events: Vec<Event>,
}

impl Shard {
    fn run(&mut self, now: Timestamp, command: &Command) -> Result<Reply, Rejection> {
        let mut draft = Draft::new(self.state.clone());
        let savepoint = draft.savepoint();
        let result = SignIns::decide(&mut draft, now, command);
        if result.is_err() {
            draft.rollback(savepoint);
        }
        let parts = draft.into_parts();
        self.events.extend(parts.events);
        self.state = parts.state;
        assert_eq!(self.state.ends.len(), self.state.pending.len());
        assert!(self.state.len() <= PENDING_MAX && self.state.bytes <= PENDING_BYTES_MAX);
        result
    }

    /// Replay, and a snapshot read again, are the live state.
    fn check(&self) {
        let mut replayed = SignIns::vacant("00");
        self.events.iter().for_each(|event| replayed.apply(event));
        let bytes = rmp_serde::to_vec_named(&self.state).unwrap();
        assert_eq!(rmp_serde::to_vec_named(&replayed).unwrap(), bytes);
        let mut restored: SignIns = rmp_serde::from_slice(&bytes).unwrap();
        restored.restored();
        for other in [restored, replayed] {
            assert_eq!((&other.ends, other.bytes), (&self.state.ends, self.state.bytes));
            assert_eq!(other.owned, self.state.owned);
        }
    }
}

#[test]
fn a_secret_belongs_to_one_of_sixty_four_shards() {
    let shards: std::collections::BTreeSet<_> =
        (0..2_000).map(|no| shard_of(&SecretHash::of(&no.to_string()))).collect();
    assert_eq!(shards.len(), 64);
    assert_eq!((shards.first().unwrap().as_str(), shards.last().unwrap().as_str()), ("00", "3f"));
    // SHA-256 of "abc" begins with ba.
    assert_eq!(shard_of(&SecretHash::of("abc")), "3a");
}

#[test]
fn of_two_requests_one_takes_it() {
    let mut shard = Shard::default();
    shard.run(at(0), &start("x", pending(600))).unwrap();
    assert!(shard.state.peek(&SecretHash::of("x"), Purpose::Provider, at(1)).is_some());
    assert_eq!(shard.run(at(1), &take("x")), Ok(Reply::Taken(Arc::new(pending(600)))));
    assert_eq!(shard.run(at(1), &take("x")), Err(Rejection::NotFound));
    assert!(shard.state.is_empty());
    shard.check();
}

#[test]
fn what_is_over_is_unknown_before_it_is_swept() {
    let mut shard = Shard::default();
    shard.run(at(0), &start("x", pending(600))).unwrap();
    let peek = |shard: &Shard, now| shard.state.peek(&SecretHash::of("x"), Purpose::Provider, now).is_some();
    assert!(peek(&shard, at(600)));
    let late = at(600) + Duration::from_millis(1);
    assert!(!peek(&shard, late));
    assert_eq!(shard.run(late, &take("x")), Err(Rejection::NotFound));
    assert_eq!(shard.state.len(), 1);
    let due = shard.state.next_due().unwrap();
    assert_eq!(due, at(660));
    shard.run(due, &Command::Tick).unwrap();
    assert_eq!((shard.state.len(), shard.state.next_due(), shard.state.bytes), (0, None, 0));
    shard.check();
}

#[test]
fn a_secret_of_another_purpose_or_session_is_unknown_and_stays() {
    let mut shard = Shard::default();
    let session = SecretHash::of("session");
    let bound = Pending { purpose: Purpose::Instagram, bound_to: Some(session), ..pending(600) };
    shard.run(at(0), &start("x", bound)).unwrap();
    let take = |purpose, session| Command::Take { secret: SecretHash::of("x"), purpose, session };
    for (purpose, of) in [
        (Purpose::Provider, Some(session)),
        (Purpose::Provider, None),
        (Purpose::Instagram, None),
        (Purpose::Instagram, Some(SecretHash::of("another session"))),
    ] {
        assert_eq!(shard.run(at(1), &take(purpose, of)), Err(Rejection::NotFound));
    }
    assert!(matches!(shard.run(at(1), &take(Purpose::Instagram, Some(session))), Ok(Reply::Taken(_))));
}

#[test]
fn asking_again_is_fine_and_another_one_may_not_take_its_place() {
    let mut shard = Shard::default();
    shard.run(at(0), &start("x", pending(600))).unwrap();
    assert_eq!(shard.run(at(0), &start("x", pending(600))), Ok(Reply::Done));
    assert_eq!(shard.events.len(), 1);
    assert_eq!(shard.run(at(0), &start("x", pending(601))), Err(Rejection::Duplicate));
    // One that is over and not swept is none.
    assert_eq!(shard.run(at(601), &start("x", pending(900))), Ok(Reply::Done));
    assert_eq!(shard.state.ends.len(), 1);
    shard.check();
}

#[test]
fn lifetimes_and_values_are_bounded() {
    let mut shard = Shard::default();
    for (ends, expected) in [
        (0, Err(Rejection::Lifetime)),
        (1, Ok(Reply::Done)),
        (3_600, Ok(Reply::Done)),
        (3_601, Err(Rejection::Lifetime)),
    ] {
        assert_eq!(shard.run(at(0), &start(&format!("{ends}"), pending(ends))), expected, "{ends}");
    }
    let long = |len: usize| Pending { value: "v".repeat(len).into(), ..pending(600) };
    assert_eq!(shard.run(at(0), &start("fits", long(VALUE_BYTES_MAX))), Ok(Reply::Done));
    assert_eq!(shard.run(at(0), &start("long", long(VALUE_BYTES_MAX + 1))), Err(Rejection::TooLong));
}

#[test]
fn a_full_shard_refuses_until_something_ended() {
    let mut shard = Shard::default();
    for no in 0..PENDING_MAX {
        let ends = if no == 7 { 10 } else { 600 };
        shard.run(at(0), &start(&no.to_string(), pending(ends))).unwrap();
    }
    let full = Err(Rejection::Full { until: at(10) });
    assert_eq!(shard.run(at(5), &start("x", pending(600))), full);
    assert_eq!(shard.run(at(11), &start("x", pending(600))), Ok(Reply::Done));
    assert_eq!(shard.run(at(11), &start("y", pending(600))), Err(Rejection::Full { until: at(600) }));
    assert!(matches!(shard.run(at(11), &take("x")), Ok(Reply::Taken(_))));
    assert_eq!(shard.run(at(11), &start("y", pending(600))), Ok(Reply::Done));
    // Everything ends at once: swept in steps.
    let mut ticks = 0;
    while !shard.state.is_empty() {
        shard.run(at(700), &Command::Tick).unwrap();
        ticks += 1;
    }
    assert_eq!(ticks, PENDING_MAX.div_ceil(FORGOTTEN_AT_ONCE));
    shard.check();
}

#[test]
fn long_values_fill_a_shard_by_their_bytes() {
    let mut shard = Shard::default();
    let long = Pending { value: "v".repeat(VALUE_BYTES_MAX).into(), ..pending(600) };
    let fit = PENDING_BYTES_MAX / (VALUE_BYTES_MAX + ENTRY_BYTES);
    for no in 0..fit {
        shard.run(at(0), &start(&no.to_string(), long.clone())).unwrap();
    }
    assert!(matches!(shard.run(at(0), &start("x", long)), Err(Rejection::Full { .. })));
    shard.check();
}

fn owned(owner: &str, ends: u64) -> Pending {
    Pending { owner: Some(SecretHash::of(owner)), ..pending(ends) }
}

#[test]
fn of_one_owner_the_oldest_give_way_and_nobody_elses() {
    let mut shard = Shard::default();
    shard.run(at(0), &start("of nobody", pending(600))).unwrap();
    shard.run(at(0), &start("of another", owned("another", 600))).unwrap();
    for no in 0..u64::try_from(PENDING_OF_OWNER_MAX).unwrap() + 3 {
        shard.run(at(no), &start(&no.to_string(), owned("ada", 600 + no))).unwrap();
    }
    let knows = |shard: &Shard, secret: &str| {
        shard.state.peek(&SecretHash::of(secret), Purpose::Provider, at(1)).is_some()
    };
    assert_eq!(shard.state.len(), PENDING_OF_OWNER_MAX + 2);
    assert_eq!(["0", "2", "3", "34"].map(|secret| knows(&shard, secret)), [false, false, true, true]);
    assert!(knows(&shard, "of nobody") && knows(&shard, "of another"));
    // Asked again, because the answer was lost: nothing gives way.
    let before = shard.events.len();
    shard.run(at(34), &start("34", owned("ada", 634))).unwrap();
    assert_eq!(shard.events.len(), before);
    shard.check();
}

#[test]
fn long_values_of_one_owner_leave_room_for_others() {
    let mut shard = Shard::default();
    let long = Pending { value: "v".repeat(VALUE_BYTES_MAX).into(), ..owned("ada", 600) };
    for no in 0..20 {
        shard.run(at(0), &start(&no.to_string(), long.clone())).unwrap();
    }
    assert_eq!(shard.state.len(), BYTES_OF_OWNER_MAX / (VALUE_BYTES_MAX + ENTRY_BYTES));
    shard.check();
}

#[test]
fn a_secret_is_drawn_for_the_shard_of_its_owner() {
    let mut no = 0;
    let mut next = || {
        no += 1;
        Ok::<_, Infallible>(format!("secret {no}"))
    };
    for owner in ["ada", "bob", "198.51.100.7"].map(SecretHash::of) {
        let Ok(secret) = draw(Some(&owner), &mut next);
        assert_eq!(shard_of(&SecretHash::of(&secret)), shard_of(&owner));
    }
    let mut drawn = 0;
    let Ok(_) = draw(None, || {
        drawn += 1;
        Ok::<_, Infallible>(String::new())
    });
    assert_eq!(drawn, 1);
    // A source that is stuck is not asked for ever.
    let owner = (0..)
        .map(|no: u32| SecretHash::of(&no.to_string()))
        .find(|owner| shard_of(owner) != shard_of(&SecretHash::of("stuck")));
    let Ok(stuck) = draw(owner.as_ref(), || Ok::<_, Infallible>("stuck".to_owned()));
    assert_eq!(stuck, "stuck");
    assert_eq!(draw(None, || Err::<String, _>("no randomness")), Err("no randomness"));
}

#[test]
fn a_decoy_is_written_and_leaves_nothing() {
    let mut shard = Shard::default();
    let empty = rmp_serde::to_vec_named(&shard.state).unwrap();
    let decoy = |len: usize| Command::Decoy { value: "v".repeat(len).into() };
    assert_eq!(shard.run(at(0), &decoy(VALUE_BYTES_MAX)), Ok(Reply::Done));
    assert_eq!(shard.events.len(), 1);
    assert!(SignIns::event_bytes(&shard.events[0]) > VALUE_BYTES_MAX);
    assert_eq!(rmp_serde::to_vec_named(&shard.state).unwrap(), empty);
    assert_eq!(shard.run(at(0), &decoy(VALUE_BYTES_MAX + 1)), Err(Rejection::TooLong));
    shard.check();
}

proptest! {
    #[test]
    fn whatever_happens_each_is_taken_at_most_once(
        acts in prop::collection::vec((0..4_u8, 0..6_u8, 0..500_u64), 1..80),
    ) {
        let (mut shard, mut now) = (Shard::default(), 0);
        let mut model: BTreeMap<u8, u64> = BTreeMap::new();
        for (act, secret, seconds) in acts {
            let name = secret.to_string();
            let live = model.get(&secret).is_some_and(|ends| *ends >= now);
            match act {
                0 => {
                    let started = shard.run(at(now), &start(&name, pending(now + 600)));
                    let again = model.get(&secret) == Some(&(now + 600));
                    prop_assert_eq!(started.is_ok(), !live || again);
                    model.entry(secret).and_modify(|ends| if !live { *ends = now + 600 }).or_insert(now + 600);
                }
                1 => {
                    prop_assert_eq!(shard.run(at(now), &take(&name)).is_ok(), live);
                    if live {
                        model.remove(&secret);
                    }
                }
                2 => {
                    shard.run(at(now), &Command::Tick).unwrap();
                    prop_assert!(shard.state.next_due().is_none_or(|due| due > at(now)));
                }
                _ => now += seconds,
            }
            shard.check();
        }
    }
}

/// Events that came later, and a state with an owner.
const LATER_STATE: &[u8] = include_bytes!("golden/state-2.bin");
const LATER: &[u8] = include_bytes!("golden/history-2.bin");

#[test]
fn bytes_with_owners_and_decoys_are_still_read() {
    let mut shard = Shard::default();
    for no in 0..=PENDING_OF_OWNER_MAX {
        shard.run(at(0), &start(&no.to_string(), owned("ada", 600 + u64::from(no == 7)))).unwrap();
    }
    shard.run(at(1), &Command::Decoy { value: "nothing".into() }).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/signin/golden");
    if LATER_STATE.is_empty() || LATER.is_empty() {
        let state = encoding::snapshot(&shard.state, Position(7)).unwrap();
        fs::write(folder.join("state-2.bin"), state).unwrap();
        let events = codec::encode_events(SignIns::SCHEMA, &shard.events).unwrap();
        fs::write(folder.join("history-2.bin"), events).unwrap();
        panic!("filled: run the tests again and commit them");
    }
    let (mut state, _) = encoding::state::<SignIns>(LATER_STATE).unwrap();
    state.restored();
    let mut replayed = SignIns::vacant("00");
    encoding::replay(&mut replayed, LATER).unwrap();
    for read in [state, replayed] {
        assert_eq!((read.len(), read.owned.len()), (PENDING_OF_OWNER_MAX, PENDING_OF_OWNER_MAX));
        let kept = read.peek(&SecretHash::of("7"), Purpose::Provider, at(601));
        assert_eq!(kept.map(|pending| Pending::clone(pending)), Some(owned("ada", 601)));
    }
}

/// Never written again once a release has them; an empty file is filled and told.
const STATE: &[u8] = include_bytes!("golden/state-1.bin");
const HISTORY: &[u8] = include_bytes!("golden/history-1.bin");

#[test]
fn bytes_that_an_earlier_program_wrote_are_still_read() {
    let mut shard = Shard::default();
    let bound = Pending { purpose: Purpose::Instagram, bound_to: Some(SecretHash::of("s")), ..pending(900) };
    for (now, command) in [
        (0, start("taken", pending(600))),
        (1, take("taken")),
        (2, start("expires", pending(10))),
        (3, start("stays", bound.clone())),
        (70, Command::Tick),
    ] {
        shard.run(at(now), &command).unwrap();
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/signin/golden");
    if STATE.is_empty() || HISTORY.is_empty() {
        fs::write(folder.join("state-1.bin"), encoding::snapshot(&shard.state, Position(7)).unwrap())
            .unwrap();
        fs::write(
            folder.join("history-1.bin"),
            codec::encode_events(SignIns::SCHEMA, &shard.events).unwrap(),
        )
        .unwrap();
        panic!("filled: run the tests again and commit them");
    }
    let (mut state, position) = encoding::state::<SignIns>(STATE).unwrap();
    state.restored();
    let mut replayed = SignIns::vacant("00");
    encoding::replay(&mut replayed, HISTORY).unwrap();
    assert_eq!(position, Position(7));
    for read in [state, replayed] {
        let stays = read.peek(&SecretHash::of("stays"), Purpose::Instagram, at(100));
        assert_eq!(stays.map(|pending| Pending::clone(pending)), Some(bound.clone()));
        assert_eq!((read.len(), read.next_due()), (1, Some(at(960))));
    }
    let kinds: std::collections::BTreeSet<String> = codec::decode_events(HISTORY)
        .unwrap()
        .into_iter()
        .flat_map(|event| {
            rmp_serde::from_slice::<serde_json::Value>(event).unwrap().as_object().unwrap().clone()
        })
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["Expired", "Started", "Taken"]);
}
