//! The loop: load, kill at a random instant, verify, start again.

use crate::{
    audit::Audit,
    load::Load,
    number, seeded,
    server::{Home, Verified},
    world::World,
};
use rand::{RngExt, rngs::StdRng};
use std::{sync::Arc, time::Duration};

/// Kills of a run in CI.
const ROUNDS: u64 = 14;
/// Workspaces, and rounds for which one more is made: a young account sends only ten messages at once.
const TENANTS: usize = 16;
const ROUNDS_PER_TENANT: u64 = 2;
/// People of one workspace who write something that is answered.
const PEOPLE: usize = 40;
/// New things that are asked for in one round.
const BUDGET: usize = 120;
/// A process lives at most this long after its start, in milliseconds.
const LIFE_MS_MAX: u64 = 1_100;
/// In one of so many rounds the next process is killed while it starts.
const EARLY_KILL_EVERY: u32 = 4;
/// An early kill comes at the latest after this many milliseconds.
const EARLY_KILL_MS_MAX: u64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_nothing_and_answer_nobody_twice() {
    let (seed, mut rng) = seeded("kills_under_load");
    let rounds = number("GREENROOM_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let world = Arc::new(World::new().await);
    let mut home = Home::new(&world.sandbox_url());
    let tenants = TENANTS + usize::try_from(rounds / ROUNDS_PER_TENANT).unwrap();
    let load = Load::prepare(&world, seed, tenants, PEOPLE).await;
    let server = home.start();
    let token = home.token();
    load.provision(&world, &server, &token).await;
    let mut durable = world.position(&server).await;
    server.kill();
    for round in 0..rounds {
        durable = one_life(&mut home, &world, &load, round, &mut rng).await.max(durable);
        check(&home.verify(), durable);
        if rng.random_ratio(1, EARLY_KILL_EVERY) {
            home.start_and_kill_after(Duration::from_millis(rng.random_range(0..EARLY_KILL_MS_MAX)));
            check(&home.verify(), durable);
        }
    }

    let server = home.start();
    let audit = Audit { world: &world, server: &server, token: &token, tenants: &load.tenants };
    audit.settle().await;
    let ledger = load.ledger();
    audit.nothing_is_half(&ledger).await;
    let counts = audit.everything_counts_once(&ledger).await;
    println!("{} lives, {rounds} kills under load: {counts:?}", home.lives());
    assert!(counts.acknowledged > 0 && counts.answered > 0 && counts.private_replies > 0, "{counts:?}");

    // The platform repeats what was never answered, and what was. Both count once.
    load.post_all_again(&world, &server).await;
    audit.settle().await;
    let counts = audit.everything_counts_once(&load.ledger()).await;
    assert_eq!(counts.unanswered, 0);
    println!("after everything was delivered again: {counts:?}");

    server.stop();
    let verified = home.verify();
    assert!(verified.is_sound, "{}", verified.text);
    let server = home.start();
    let audit = Audit { world: &world, server: &server, token: &token, tenants: &load.tenants };
    audit.settle().await;
    audit.everything_counts_once(&load.ledger()).await;
    server.stop();
}

/// Starts, works, is killed. Position of the journal that was seen durable shortly before.
async fn one_life(
    home: &mut Home,
    world: &Arc<World>,
    load: &Arc<Load>,
    round: u64,
    rng: &mut StdRng,
) -> u64 {
    let server = home.start();
    let workers = load.start(world, &server.base, round, BUDGET);
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..LIFE_MS_MAX * 1_000))).await;
    let durable = world.position(&server).await;
    server.kill();
    workers.stop().await;
    durable
}

/// Nothing that stops a start, and nothing durable is gone.
fn check(verified: &Verified, durable: u64) {
    for line in verified.text.lines().filter(|line| line.starts_with("PROBLEM")) {
        assert!(line.ends_with("(repaired by the next start)"), "{}", verified.text);
    }
    let position = verified.position();
    assert!(position >= durable, "position {durable} was durable, the journal ends at {position}");
}
