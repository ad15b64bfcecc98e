//! Somebody tries ten thousand passwords.

use super::browser::{Browser, PASSWORD, Person, plans, world};
use crate::world::World;
use futures::{StreamExt, stream};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

/// Wrong passwords of each of the two floods.
const ATTEMPTS: usize = 5_000;
/// Attempts under way at once.
const AT_ONCE: usize = 64;

/// Tries wrong passwords, the `n`th from the `n`th address if `spread`; how often each status was answered.
async fn flood(world: &World, email: &str, spread: bool) -> BTreeMap<u16, usize> {
    let browser = Browser::of(world);
    let attempt = async |n: usize| {
        let mut browser = browser.clone();
        let n = if spread { n } else { 0 };
        browser.address = Some(format!("198.{}.{}.{}", 18 + n / 65_536, n / 256 % 256, n % 256));
        let answer = browser.sign_in(email, "not the password").await;
        match answer.status {
            401 => assert_eq!(answer.code(), "INVALID_EMAIL_OR_PASSWORD"),
            429 => {
                assert_eq!(answer.all("x-retry-after"), ["10"]);
                assert_eq!(answer.json(), json!({"message": "Too many requests. Please try again later."}));
            }
            503 => assert_eq!(answer.all("retry-after"), ["2"], "{}", answer.text),
            other => panic!("{other}: {}", answer.text),
        }
        answer.status
    };
    let statuses = stream::iter(0..ATTEMPTS).map(attempt).buffer_unordered(AT_ONCE);
    let count = |mut counts: BTreeMap<u16, usize>, status| {
        *counts.entry(status).or_default() += 1;
        std::future::ready(counts)
    };
    statuses.fold(BTreeMap::new(), count).await
}

#[tokio::test]
async fn from_one_address_three_are_tried_and_the_owner_comes_in_from_another() {
    let mut plans = plans();
    plans.config.auth.rate_limit = "on".to_owned();
    let world = World::with(plans).await;
    let ada = Person::new(&world, "ada@example.com").await;
    assert_eq!(flood(&world, &ada.email, false).await, BTreeMap::from([(401, 3), (429, ATTEMPTS - 3)]));
    let mut browser = Browser::of(&world);
    browser.address = Some("203.0.113.7".to_owned());
    assert_eq!(browser.sign_in(&ada.email, PASSWORD).await.status, 200);
    // And from that very address, once its window is over.
    browser.address = Some("198.18.0.0".to_owned());
    assert_eq!(browser.sign_in(&ada.email, PASSWORD).await.status, 429);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(browser.sign_in(&ada.email, PASSWORD).await.status, 200);
    world.close().await;
}

#[tokio::test]
async fn an_address_that_is_made_up_in_a_list_is_no_address_of_its_own() {
    let mut plans = plans();
    plans.config.auth.rate_limit = "on".to_owned();
    plans.config.auth.trusted_proxies = vec!["10.0.0.0/8".to_owned()];
    let world = World::with(plans).await;
    let mut browser = Browser::of(&world);
    let mut statuses = Vec::new();
    for n in 0..5 {
        // The proxy appends whom it sees; what stands before it was written by the client.
        browser.address = Some(format!("203.0.113.{n}, 198.51.100.1, 10.0.0.1"));
        statuses.push(browser.sign_in("ada@example.com", "wrong password").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    // IPv6 clients have a network to play with, which counts as one.
    statuses.clear();
    for n in 1..=4 {
        browser.address = Some(format!("2001:db8::{n}, 10.0.0.1"));
        statuses.push(browser.sign_in("ada@example.com", "wrong password").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 429]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_many_addresses_hashing_sheds_and_everybody_else_is_served() {
    let mut plans = plans();
    plans.config.auth.rate_limit = "on".to_owned();
    plans.config.auth.hashing_threads = 1;
    plans.config.auth.hashing_queue_max = 2;
    let world = World::with(plans).await;
    let mut ada = Person::new(&world, "ada@example.com").await;
    let resident = world.app.identities.stats().resident;
    let attack = flood(&world, "ada@example.com", true);
    let mut bystander = ada.browser.clone();
    bystander.address = Some("203.0.113.7".to_owned());
    let reads = async {
        // As many as the rate limit allows within one window.
        for n in 0..100 {
            assert_eq!(bystander.whoami().await["user"]["id"], ada.id.as_str(), "read {n}");
        }
    };
    let (counts, ()) = tokio::join!(attack, reads);
    let (tried, shed) = (counts[&401], counts[&503]);
    assert_eq!(tried + shed, ATTEMPTS);
    assert!(shed > ATTEMPTS / 2, "{counts:?}");
    assert_eq!(world.app.identities.stats().resident, resident, "the attack leaves nothing behind");
    ada.browser.address = Some("203.0.113.8".to_owned());
    assert_eq!(ada.browser.sign_in("ada@example.com", PASSWORD).await.status, 200);
    world.close().await;
}

#[tokio::test]
async fn every_path_has_the_limit_of_the_contract() {
    let mut plans = plans();
    plans.config.auth.rate_limit = "on".to_owned();
    let world = World::with(plans).await;
    for (path, max) in [
        ("/sign-in/email", 3),
        ("/sign-in/social", 3),
        ("/sign-up/email", 3),
        ("/change-password", 3),
        ("/change-email", 3),
        ("/request-password-reset", 3),
        ("/send-verification-email", 3),
        ("/reset-password", 100),
        ("/verify-password", 100),
        ("/delete-user", 100),
        ("/nothing-is-here", 100),
    ] {
        let mut browser = Browser::of(&world);
        browser.address = Some("198.51.100.7".to_owned());
        for n in 0..max {
            assert_ne!(browser.tell(path, json!({})).await.status, 429, "{path}: {n}");
        }
        let refused = browser.tell(path, json!({})).await;
        assert_eq!(refused.status, 429, "{path}");
        assert_eq!(refused.all("x-retry-after").len(), 1);
        browser.address = Some("198.51.100.8".to_owned());
        assert_ne!(browser.tell(path, json!({})).await.status, 429, "{path}");
    }
    world.close().await;
}

#[tokio::test]
async fn without_a_limit_nothing_is_limited() {
    let world = world(|_| {}).await;
    let mut browser = Browser::of(&world);
    for _ in 0..10 {
        assert_eq!(browser.tell("/sign-in/email", json!({})).await.status, 400);
    }
    world.close().await;
}
