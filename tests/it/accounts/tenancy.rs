//! Whatever somebody puts into a request, it acts for whoever the cookie belongs to.

use super::{
    browser::{Answer, Browser, Person, consent, patiently, world},
    routes::{Loot, Row, listed, quiet},
};
use crate::world::World;
use std::collections::BTreeSet;

/// Routes that tell their owner much.
const OWN: [&str; 4] = ["/get-session", "/list-accounts", "/list-sessions", "/api/auth/instagram/status"];

#[test]
fn every_route_of_the_program_is_tried() {
    let loot = Loot::default();
    let rows = loot.rows();
    let listed = listed();
    assert!(listed.len() > 40, "{listed:?}");
    for (method, route) in &listed {
        let is_tried = rows.iter().any(|row| row.method == method && row.route == route);
        assert!(is_tried, "nobody tries {method} {route}");
    }
}

async fn two(world: &World) -> (Person, Loot, Person) {
    let mut ada = Person::new(world, "ada.lovelace@example.com").await;
    let loot = Loot::of(world, &mut ada, "fictional.bakery").await;
    let bob = Person::new(world, "bob@example.com").await;
    (ada, loot, bob)
}

/// What an answer tells of somebody else beyond what the request said itself.
fn told<'l>(loot: &'l Loot, row: &Row, answer: &Answer) -> Vec<&'l str> {
    let (said, heard) = (row.said(), answer.everything());
    let secrets = loot.secrets();
    let told = secrets.iter().filter(|(_, secret)| heard.contains(secret) && !said.contains(secret));
    told.map(|(name, _)| *name).collect()
}

#[tokio::test]
async fn with_the_ids_and_tokens_of_another_nothing_of_theirs_is_changed_or_told() {
    let world = world(|auth| auth.confirm_deletion_by_mail = true).await;
    let (mut ada, loot, bob) = two(&world).await;
    // The search finds what is there: she herself is told.
    let mut heard = BTreeSet::new();
    for row in loot.rows().iter().filter(|row| row.method == "GET" && OWN.contains(&row.route)) {
        let answer = ada.browser.send(row.request(&ada.browser)).await;
        heard.extend(told(&loot, row, &answer));
    }
    let known = ["email", "handle", "google row", "password row", "sub", "instagram name"];
    assert!(known.iter().all(|name| heard.contains(name)), "{heard:?}");
    let before = ada.everything(&world).await;
    for row in loot.rows() {
        let mut browser = bob.elsewhere(&world).await.browser;
        let answer = browser.send(row.request(&browser)).await;
        assert_eq!(told(&loot, &row, &answer), Vec::<&str>::new(), "{row:?}: {}", answer.everything());
        quiet(&world, &ada).await;
        assert!(
            ada.everything(&world).await == before,
            "{row:?} changes what is not theirs: {}",
            answer.text
        );
    }
    // And without any cookie at all; the mailed link of a change speaks for itself then.
    for row in loot.rows().iter().filter(|row| !row.path.contains(&loot.change_token)) {
        let mut nobody = Browser::of(&world);
        // A stranger who asks for a verification mail is kept waiting.
        let request = row.request(&nobody);
        let answer = patiently(&world, nobody.send(request)).await;
        assert_eq!(told(&loot, row, &answer), Vec::<&str>::new(), "{row:?}: {}", answer.everything());
        quiet(&world, &ada).await;
        assert!(
            ada.everything(&world).await == before,
            "{row:?} changes something without a cookie: {}",
            answer.text
        );
        assert!(!nobody.is_signed_in().await, "{row:?} signs in");
    }
    let state = bob.identity(&world).await;
    let user = state.user().expect("Bob was not deleted");
    assert_eq!(user.email.as_str(), bob.email);
    assert_eq!(state.accounts().count(), 1, "nothing of Ada's was linked");
    owner_goes_on(&world, ada, &loot).await;
    world.close().await;
}

/// What somebody else tried to use up still works for its owner.
async fn owner_goes_on(world: &World, mut ada: Person, loot: &Loot) {
    let back = consent(&loot.link_page, &ada.email).await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/linked");
    let back = consent(&loot.instagram_page, &loot.instagram_name).await;
    assert_eq!(ada.browser.follow(&back).await.location(), "/settings?success=instagram_connected");
    let follow = format!("/api/auth/delete-user/callback?token={}", loot.deletion_token);
    assert_eq!(ada.browser.get(&follow).await.json()["success"], true);
    assert!(ada.identity(world).await.user().is_none());
}
