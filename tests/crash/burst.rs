//! A post goes viral and the process is killed in the middle of it.

use crate::{
    audit::Audit,
    load::{Comment, Ledger},
    seeded,
    server::Home,
    world::{Tenant, World, text},
};
use rand::RngExt;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// Comments of the burst, and how many a second.
const COMMENTS: usize = 300;
const PER_SECOND: u64 = 100;
/// Kills while it runs, and the longest life between them in milliseconds.
const KILLS: usize = 4;
const LIFE_MS_MAX: u64 = 900;
/// Private replies that a young account sends at once after a quiet time; the others are paced and wait (product rule).
const AT_ONCE: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viral_burst_survives_kills_without_loss_and_without_repetition() {
    let (_, mut rng) = seeded("viral_burst");
    let world = World::new().await;
    let mut home = Home::new(&world.sandbox_url());
    let tenant: Tenant = world.account("viral.shop").await;
    let server = home.start();
    let token = home.token();
    world.provision(&server, &token, &tenant).await;

    let burst = json!({
        "account": tenant.account, "media": tenant.post, "people": COMMENTS, "text": "LINK please",
        "per_second": PER_SECOND,
    });
    world.post("actions/burst", burst).await;
    let mut server = Some(server);
    for _ in 0..KILLS {
        let life = server.take().unwrap_or_else(|| home.start());
        tokio::time::sleep(Duration::from_micros(rng.random_range(0..LIFE_MS_MAX * 1_000))).await;
        life.kill();
    }
    let server = home.start();

    let tenants = [tenant.clone()];
    let audit = Audit { world: &world, server: &server, token: &token, tenants: &tenants };
    audit.settle().await;
    let state = world.get("state").await;
    let comments: BTreeSet<String> = state["comments"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|comment| comment["media"] == tenant.post && comment["parent"].is_null())
        .map(|comment| text(&comment["id"]))
        .collect();
    assert_eq!(comments.len(), COMMENTS);
    let ledger = Ledger {
        comments: comments.into_iter().map(|id| Comment { tenant: 0, id }).collect(),
        ..Ledger::default()
    };
    let counts = audit.everything_counts_once(&ledger).await;
    println!("{COMMENTS} comments, {KILLS} kills: {counts:?}");
    assert_eq!(counts.private_replies + counts.waiting + counts.doubtful, COMMENTS);
    assert!(counts.private_replies + counts.doubtful >= AT_ONCE, "{counts:?}");

    // The owner is told how long the rest will take.
    let view = world.outbox(&server, &token, &tenant).await;
    let lane = view["lanes"].as_array().unwrap().iter().find(|lane| lane["lane"] == "PrivateReply").unwrap();
    assert!(lane["about"].as_str().unwrap().contains("waiting, about"), "{lane}");
    server.stop();
    let verified = home.verify();
    assert!(verified.is_sound, "{}", verified.text);
}
