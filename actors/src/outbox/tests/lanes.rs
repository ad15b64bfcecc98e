//! Pacing: budgets, closings, usage, estimates, across restarts.

use super::*;

/// Starts and answers at once everything that becomes due for a span; the instants of the starts.
fn drive(world: &mut World, span: Duration) -> Vec<Timestamp> {
    let end = world.now + span;
    let mut starts = Vec::new();
    loop {
        while let Some(step) = world.outbox.advance(world.now, &mut |_| Guard::Go) {
            world.take(step.decided);
            if let Some(OutboxEffect::Send { id, attempt }) = step.effect {
                starts.push(world.now);
                let message_id = Mid::from(format!("m{id}-{attempt}"));
                let decided = world.outbox.outcome(
                    world.now,
                    id,
                    attempt,
                    &SendOutcome::Sent { message_id, recipient: None },
                );
                world.take(decided);
            }
        }
        match world.outbox.next_due().filter(|due| *due <= end) {
            Some(due) => world.now = due,
            None => break,
        }
    }
    world.now = end;
    starts
}

pub(super) fn busiest(starts: &[Timestamp], per: Duration) -> usize {
    let mut from = 0;
    let mut most = 0;
    for (to, at) in starts.iter().enumerate() {
        while starts[from] + per <= *at {
            from += 1;
        }
        most = most.max(to - from + 1);
    }
    most
}

fn quick() -> World {
    World { thorough: false, ..World::new() }
}

#[test]
fn no_rolling_hour_holds_more_than_the_budget_of_automatic_messages() {
    let mut world = quick();
    for number in 0..700 {
        world.dm(&format!("p{number}"), "x");
    }
    let starts = drive(&mut world, hours(4));
    assert_eq!(starts.len(), 700);
    assert_eq!(busiest(&starts, hours(1)), 200);
    assert!(starts[19] < START + seconds(10), "a burst goes at once");
    assert!(busiest(&starts, seconds(1)) <= 10);
}

#[test]
fn a_restart_gives_no_new_budget() {
    let mut world = quick();
    for number in 0..400 {
        world.dm(&format!("p{number}"), "x");
    }
    let mut starts = Vec::new();
    for _ in 0..60 {
        starts.extend(drive(&mut world, minutes(1)));
        world.restart();
    }
    assert_eq!(busiest(&starts, hours(1)), 200);
}

#[test]
fn a_young_account_goes_slower() {
    let mut world = quick();
    let event = world.outbox.set_pace(Pace::connected_at(START)).unwrap();
    world.emit(event);
    for number in 0..200 {
        world.dm(&format!("p{number}"), "x");
    }
    let starts = drive(&mut world, hours(2));
    assert_eq!(busiest(&starts, hours(1)), 50);
}

#[test]
fn private_replies_have_their_own_budget() {
    let mut world = quick();
    for number in 0..1_500 {
        world.private_reply(&format!("c{number}"));
    }
    let dm = world.dm("p1", "x");
    let starts = drive(&mut world, hours(3));
    assert!(busiest(&starts, hours(1)) <= 701);
    world.assert_gone(dm);
    assert_eq!(starts.len(), 1_501);
}

#[test]
fn comments_on_a_broadcast_do_not_wait_behind_those_on_posts() {
    let mut world = quick();
    for number in 0..900 {
        world.private_reply(&format!("c{number}"));
    }
    drive(&mut world, minutes(1));
    let mut live = Vec::new();
    for number in 0..100 {
        let mut request = world.private_request(&format!("l{number}"));
        if let Kind::PrivateReply { live, .. } = &mut request.kind {
            *live = true;
        }
        live.push(world.enqueue(request));
    }
    drive(&mut world, minutes(1));
    live.iter().for_each(|id| world.assert_sent(*id));
}

#[test]
fn the_estimate_of_a_burst_is_honest() {
    let mut world = quick();
    for number in 0..312 {
        world.dm(&format!("p{number}"), "x");
    }
    let stats = world.outbox.queue_stats(Lane::Send, START);
    assert_eq!(stats.waiting, 312);
    let promised = stats.expected_end.unwrap();
    let about = promised.since(START).as_secs() / 60;
    assert!((90..=100).contains(&about), "{about} min");
    let starts = drive(&mut world, hours(3));
    let last = starts[311];
    let off = promised.since(last).max(last.since(promised));
    assert!(off < seconds(5), "promised {promised}, was {last}");
    let empty = world.outbox.queue_stats(Lane::Send, world.now);
    assert_eq!((empty.waiting, empty.expected_end), (0, None));
}

#[test]
fn a_parked_queue_promises_nothing() {
    let mut world = World::new();
    world.dm("p1", "x");
    let event = world.outbox.park(START, ParkReason::Expired).unwrap();
    world.emit(event);
    let stats = world.outbox.queue_stats(Lane::Send, START);
    assert_eq!((stats.waiting, stats.expected_end), (1, None));
}

#[test]
fn one_message_of_a_thread_is_in_flight_and_the_next_follows_after_a_second() {
    let mut world = World::new();
    let (first, second) = (world.dm("p1", "x"), world.dm("p1", "y"));
    world.pass(seconds(5));
    world.assert_queued(second);
    world.sent(first, "m1");
    world.pass(THREAD_SPACING - Duration::from_millis(1));
    world.assert_queued(second);
    world.pass(Duration::from_millis(1));
    world.assert_sending(second);
}

#[test]
fn so_many_are_in_flight_and_not_one_more() {
    let mut world = World::new();
    for number in 0..=IN_FLIGHT_MAX {
        world.dm(&format!("p{number}"), "x");
    }
    world.pass(minutes(1));
    assert_eq!(world.sends().len(), IN_FLIGHT_MAX);
    let first = world.sends()[0].0;
    world.sent(first, "m1");
    world.run();
    assert_eq!(world.sends().len(), IN_FLIGHT_MAX + 1);
}

#[test]
fn near_the_end_of_the_window_first_then_oldest() {
    let mut world = World::new();
    let (old, young) = (world.dm("p1", "x"), world.dm("p2", "x"));
    let request = Enqueue { window_ends_at: START + minutes(30), ..world.dm_request("p3", "x") };
    let urgent = world.enqueue(request);
    world.pass(seconds(1));
    let order: Vec<_> = world.sends().into_iter().map(|(id, _)| id).collect();
    assert_eq!(order, [urgent, old, young]);
}

#[test]
fn urgent_messages_of_a_blocked_thread_stop_nobody() {
    let mut world = World::new();
    let request = Enqueue { window_ends_at: START + minutes(30), ..world.dm_request("p1", "x") };
    let blocker = world.enqueue(request);
    world.run();
    world.doubt(blocker);
    for _ in 1..THREAD_QUEUE_MAX {
        let request = Enqueue { window_ends_at: START + minutes(30), ..world.dm_request("p1", "x") };
        world.enqueue(request);
    }
    let other = world.dm("p2", "x");
    world.pass(seconds(1));
    world.assert_sending(other);
}

#[test]
fn a_reply_delay_is_kept() {
    let mut world = World::new();
    let request = Enqueue { not_before: START + seconds(7), ..world.dm_request("p1", "x") };
    let id = world.enqueue(request);
    world.pass(seconds(7) - Duration::from_millis(1));
    world.assert_queued(id);
    world.pass(Duration::from_millis(1));
    world.assert_sending(id);
}

#[test]
fn a_message_starts_at_the_margin_of_its_window_and_not_after() {
    let mut world = World::new();
    for (late, expected) in [(Duration::ZERO, true), (Duration::from_millis(1), false)] {
        let request = Enqueue { window_ends_at: world.now + minutes(5), ..world.dm_request("p1", "x") };
        let id = world.enqueue(request);
        world.now = world.item(id).last_start() + late;
        world.run();
        assert_eq!(matches!(world.state(id), State::Sending { .. }), expected);
        if expected {
            world.sent(id, "m1");
        } else {
            assert!(matches!(world.state(id), State::Expired { .. }));
        }
        world.pass(minutes(5));
    }
}

#[test]
fn usage_stops_background_reads_then_halves_the_pace_then_closes_the_lanes() {
    let mut world = World::new();
    let report = |world: &mut World, percent, regain| {
        let decided = world.outbox.usage(world.now, &Usage { percent, regain });
        world.take(decided);
    };
    report(&mut world, 74, None);
    assert!(world.events.is_empty() && world.outbox.background_reads_allowed(START));
    report(&mut world, 75, None);
    assert!(!world.outbox.background_reads_allowed(START));
    assert_eq!(world.outbox.rate(Lane::Send, START).unwrap().budget, 200);
    report(&mut world, 79, None);
    assert_eq!(world.outbox.rate(Lane::Send, START).unwrap().budget, 200);
    report(&mut world, 80, None);
    assert_eq!(world.outbox.rate(Lane::Send, START).unwrap().budget, 100);
    assert_eq!(world.outbox.rate(Lane::PrivateReply, START).unwrap().budget, 350);
    let events = world.events.len();
    report(&mut world, 91, None);
    assert_eq!(world.events.len(), events, "the same level again is no event");
    report(&mut world, 100, Some(minutes(9)));
    let id = world.dm("p1", "x");
    world.pass(minutes(9) - seconds(1));
    world.assert_queued(id);
    world.pass(seconds(1));
    world.assert_sending(id);
    let later = world.now + USAGE_BELIEVED;
    assert!(world.outbox.background_reads_allowed(later), "an old report is not believed");
}

#[test]
fn public_replies_go_five_in_a_second() {
    let mut world = quick();
    for number in 0..50 {
        world.public_reply(&format!("c{number}"), None);
    }
    let starts = drive(&mut world, minutes(1));
    assert_eq!((starts.len(), busiest(&starts, seconds(1))), (50, 5));
}

impl World {
    /// Delivered, or delivered and in the history.
    fn assert_gone(&self, id: OutboundId) {
        assert!(self.outbox.get(id).is_none_or(|item| matches!(item.state, State::Sent { .. })));
    }
}
