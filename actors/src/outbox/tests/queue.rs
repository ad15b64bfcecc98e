//! A viral post: tens of thousands of queued private replies in one workspace.

use super::*;

const BURST: usize = 60_000;

#[test]
fn sixty_thousand_private_replies_are_paced_and_none_is_lost() {
    let mut world = World { thorough: false, ..World::new() };
    let template = world.private_request("c");
    for number in 0..BURST {
        let request = Enqueue {
            key: format!("17:comment:{number}:private_reply").into(),
            kind: Kind::PrivateReply {
                comment: CommentId::from(format!("{number}")),
                person: Some(Igsid::from(format!("p{number}"))),
                comment_at: START,
                live: false,
            },
            ..template.clone()
        };
        let event = world.outbox.enqueue(START, request).unwrap();
        world.outbox.apply(&event);
    }
    let stats = world.outbox.queue_stats(Lane::PrivateReply, START);
    assert_eq!(stats.waiting, BURST);
    let promised = stats.expected_end.unwrap().since(START);
    assert!(promised > hours(85) && promised < hours(90), "{promised:?}");

    world.restart();
    let (mut sent, mut ended) = (0, 0);
    let end = START + hours(12);
    loop {
        while let Some(step) = world.outbox.advance(world.now, &mut |_| Guard::Go) {
            step.decided.events.iter().for_each(|event| world.outbox.apply(event));
            if let Some(OutboxEffect::Send { id, attempt }) = step.effect {
                sent += 1;
                let message_id = Mid::from(format!("m{id}"));
                let decided = world.outbox.outcome(
                    world.now,
                    id,
                    attempt,
                    &SendOutcome::Sent { message_id, recipient: None },
                );
                ended += decided.events.len();
                decided.events.iter().for_each(|event| world.outbox.apply(event));
            }
        }
        match world.outbox.next_due().filter(|due| *due <= end) {
            Some(due) => world.now = due,
            None => break,
        }
    }
    assert_eq!(sent, ended);
    assert!((12 * 675..=12 * 700).contains(&sent), "{sent}");
    assert_eq!(world.outbox.open(), BURST - sent);
    world.restart();
}

#[test]
fn an_expired_burst_ends_as_listed_dead_letters_and_the_rest_in_the_history() {
    const MANY: usize = 3_000;
    let mut world = World { thorough: false, ..World::new() };
    for number in 0..MANY {
        let request =
            Enqueue { window_ends_at: START + hours(1), ..world.private_request(&format!("c{number}")) };
        world.enqueue(request);
    }
    let event = world.outbox.park(START, ParkReason::Expired).unwrap();
    world.emit(event);
    world.pass(hours(2));
    let archived: usize = world
        .events
        .iter()
        .map(|event| if let OutboxEvent::Archived { ids } = event { ids.len() } else { 0 })
        .sum();
    assert_eq!(world.outbox.dead_letters().count(), DEAD_LETTERS_MAX);
    assert_eq!(archived + DEAD_LETTERS_MAX, MANY);
    let biggest = world.events.iter().filter_map(OutboxEvent::ends).map(|(ids, _)| ids.len()).max();
    assert_eq!(biggest, Some(EXPIRE_BATCH_MAX));
}
