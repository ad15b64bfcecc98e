use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn at(days: u32) -> Timestamp {
    Timestamp::from_millis(0) + DAY * days
}

/// Runs commands and checks that replaying their events gives the same state.
fn run(commands: &[(Timestamp, Command)]) -> Intake {
    let mut draft = Draft::new(Intake::vacant(INTAKE_KEY));
    for (now, command) in commands {
        let Ok(()) = Intake::decide(&mut draft, *now, command);
    }
    let mut replayed = Intake::vacant(INTAKE_KEY);
    for event in draft.events() {
        replayed.apply(event);
    }
    assert_eq!(rmp_serde::to_vec_named(&replayed).unwrap(), rmp_serde::to_vec_named(draft.state()).unwrap());
    replayed
}

#[test]
fn only_the_items_that_were_served_leave_and_later_ones_stay() {
    let state = run(&[
        (at(0), Command::unrouted("1", b"first")),
        (at(0), Command::unrouted("2", b"other")),
        (at(1), Command::unrouted("1", b"came meanwhile")),
        (at(1), Command::ReleaseUnrouted { account: "1".to_owned(), through: 1 }),
    ]);
    let left: Vec<_> = state.unrouted.iter().map(|kept| kept.item.whole().unwrap()).collect();
    assert_eq!(left, [&b"other"[..], b"came meanwhile"]);
    assert_eq!(state.weight(), state.unrouted.iter().map(|kept| kept.item.size()).sum::<usize>());
}

#[test]
fn two_who_served_the_same_items_take_nothing_that_came_meanwhile() {
    let served = Command::ReleaseUnrouted { account: "1".to_owned(), through: 2 };
    let state = run(&[
        (at(0), Command::unrouted("1", b"first")),
        (at(0), Command::unrouted("1", b"second")),
        (at(1), Command::unrouted("1", b"came meanwhile")),
        (at(1), served.clone()),
        (at(1), served),
    ]);
    let left: Vec<_> = state.unrouted.iter().map(|kept| kept.item.whole().unwrap()).collect();
    assert_eq!(left, [&b"came meanwhile"[..]]);
}

#[test]
fn an_item_that_was_cut_is_not_let_go_without_a_trace() {
    let long = vec![7; UNROUTED_ITEM_BYTES_MAX + 1];
    let state = run(&[
        (at(0), Command::unrouted("1", &long)),
        (at(0), Command::unrouted("2", &long)),
        (at(1), Command::ReleaseUnrouted { account: "1".to_owned(), through: 2 }),
    ]);
    assert_eq!(state.unrouted.iter().map(|kept| kept.item.account()).collect::<Vec<_>>(), ["2"]);
    let kept: Vec<_> = state.quarantine.iter().map(|kept| (kept.item.account(), kept.item.raw().1)).collect();
    assert_eq!(kept, [(Some("1"), true)]);
}

#[test]
fn items_and_events_of_before_items_were_numbered_are_understood() {
    #[derive(Serialize)]
    struct Old {
        at: Timestamp,
        item: Unrouted,
    }
    let old = rmp_serde::to_vec_named(&Old { at: at(0), item: Unrouted::new("1", b"old") }).unwrap();
    let old: Stamped<Unrouted> = rmp_serde::from_slice(&old).unwrap();
    let mut state = Intake::default();
    state.unrouted.items.push_back(Arc::new(old.clone()));
    state.apply(&Event::UnroutedReleased { account: "1".to_owned(), count: 1 });
    assert_eq!(state.unrouted.iter().count(), 0);
    state.unrouted.items.push_back(Arc::new(old));
    state.apply(&Event::UnroutedServed { account: "1".to_owned(), through: 0 });
    assert_eq!(state.unrouted.iter().count(), 0);
}

#[test]
fn old_items_leave_after_their_age() {
    let commands = [
        (at(0), Command::unrouted("1", b"x")),
        (at(0), Command::Quarantine(Quarantined::new(None, "bad", b"y"))),
    ];
    let state = run(&commands);
    let due = state.next_due().unwrap();
    assert_eq!(due, at(7) + Duration::from_millis(1));
    let mut late = commands.to_vec();
    late.push((due, Command::Tick));
    let state = run(&late);
    assert_eq!((state.unrouted.iter().count(), state.unrouted.dropped), (0, 1));
    assert_eq!(state.quarantine.iter().count(), 1);
    assert_eq!(state.next_due(), Some(at(30) + Duration::from_millis(1)));
}

#[test]
fn bytes_stay_below_the_limit_and_the_oldest_leave() {
    let big = vec![7_u8; KEPT_BYTES_MAX];
    let commands: Vec<_> =
        (0..200).map(|_| (at(0), Command::Quarantine(Quarantined::new(Some("1"), "bad", &big)))).collect();
    let state = run(&commands);
    assert!(state.weight() <= QUARANTINE_BYTES_MAX, "{}", state.weight());
    assert_eq!(state.quarantine.received, 200);
    assert_eq!(state.quarantine.iter().count() as u64 + state.quarantine.dropped, 200);
    assert_eq!(reasons(&state).get("bad"), Some(&state.quarantine.iter().count()));
}

#[test]
fn long_items_are_cut_and_no_longer_deliverable() {
    let item = Unrouted::new("1", &vec![0_u8; UNROUTED_ITEM_BYTES_MAX + 1]);
    assert_eq!(item.whole(), None);
    assert!(Unrouted::new("1", &vec![0_u8; UNROUTED_ITEM_BYTES_MAX]).whole().is_some());
    assert!(!format!("{:?}", Unrouted::new("1", b"secret text")).contains("secret"));
}

#[test]
fn tests_of_the_dashboard_are_counted() {
    let state = run(&[(at(0), Command::CountTest), (at(2), Command::CountTest)]);
    assert_eq!((state.tests, state.last_test_at), (2, Some(at(2))));
}
