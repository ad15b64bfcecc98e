//! Many do the same thing at the same moment: one of them wins, and nobody gets anything of somebody else.

use super::browser::{
    Browser, PASSWORD, Person, begin_google, consent, holder, identity, plans, reset_token, verify, world,
};
use crate::world::World;
use futures::future::join_all;
use greenroom_actors::{Entity, identity::Identity};
use serde_json::json;
use std::collections::BTreeSet;

/// Identities that anything was ever written of.
fn identities(world: &World) -> BTreeSet<String> {
    let records = world.memory.records();
    let ours = records.iter().filter(|record| record.record.entity.kind() == Identity::KIND);
    ours.map(|record| record.record.entity.key().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sign_ups_with_one_address_one_wins_and_the_others_learn_nothing() {
    for count in [2, 16] {
        let world = world(|_| {}).await;
        let sign_up = async |n: usize| {
            let mut browser = Browser::of(&world);
            let body = json!({"name": format!("Number {n}"), "email": "Same@example.com",
                "password": format!("password number {n}")});
            (browser.tell("/sign-up/email", body).await, browser)
        };
        let answers = join_all((0..count).map(sign_up)).await;
        let mut winners = Vec::new();
        for (n, (answer, mut browser)) in answers.into_iter().enumerate() {
            if answer.status == 200 {
                winners.push((n, answer.json()["user"]["id"].as_str().unwrap().to_owned(), browser));
                continue;
            }
            let refused = (422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL".to_owned());
            assert_eq!(answer.outcome(), refused);
            assert!(answer.all("set-cookie").is_empty(), "{:?}", answer.headers);
            assert!(!answer.text.contains("Number"), "{}", answer.text);
            assert!(!browser.is_signed_in().await);
        }
        let [(winner, id, browser)] = winners.as_mut_slice() else { panic!("{} won", winners.len()) };
        assert_eq!(holder(&world, "same@example.com").await.as_deref(), Some(id.as_str()));
        assert_eq!(identities(&world), BTreeSet::from([id.clone()]));
        assert_eq!(browser.whoami().await["user"]["name"], format!("Number {winner}"));
        for n in 0..count {
            let status =
                Browser::of(&world).sign_in("same@example.com", &format!("password number {n}")).await;
            assert_eq!(status.status, if n == *winner { 200 } else { 401 }, "{n}");
        }
        world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_first_sign_ins_with_one_google_account_one_makes_the_user() {
    let world = World::with(plans()).await;
    let mut ready = Vec::new();
    for _ in 0..8 {
        let mut browser = Browser::of(&world);
        let page = begin_google(&mut browser, json!({})).await;
        ready.push((consent(&page, "owner@example.com").await, browser));
    }
    let come_back = async |(back, mut browser): (String, Browser)| {
        let answer = browser.follow(&back).await;
        (answer, browser)
    };
    let mut ids = BTreeSet::new();
    for (answer, mut browser) in join_all(ready.into_iter().map(come_back)).await {
        assert_eq!(answer.status, 302, "{}", answer.text);
        let session = browser.whoami().await;
        if answer.location() == "/dash" {
            ids.insert(session["user"]["id"].as_str().unwrap().to_owned());
        } else {
            // Somebody else was faster: told, and not half signed in.
            assert!(answer.location().starts_with("/err?error=unable_to_"), "{}", answer.location());
            assert!(session.is_null());
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(holder(&world, "owner@example.com").await.as_ref(), ids.first());
    assert_eq!(identities(&world), ids);
    let state = identity(&world, ids.first().unwrap()).await;
    assert_eq!(state.accounts().count(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_that_is_sent_many_times_at_once_signs_in_once() {
    let world = World::with(plans()).await;
    let mut browser = Browser::of(&world);
    let page = begin_google(&mut browser, json!({})).await;
    let back = consent(&page, "owner@example.com").await;
    let again = async |mut browser: Browser| browser.follow(&back).await;
    let answers = join_all((0..8).map(|_| again(browser.clone()))).await;
    let entered = answers.iter().filter(|answer| answer.location() == "/dash").count();
    assert_eq!(entered, 1);
    for answer in answers.iter().filter(|answer| answer.location() != "/dash") {
        let code = super::browser::parameter(&answer.location(), "error");
        assert_eq!(code.as_deref(), Some("state_mismatch"), "{}", answer.location());
    }
    let id = holder(&world, "owner@example.com").await.unwrap();
    assert_eq!(identity(&world, &id).await.sessions(world.now()).count(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_resets_with_one_token_one_sets_the_password() {
    for count in [2, 16] {
        let world = world(|_| {}).await;
        let person = Person::new(&world, "ada@example.com").await;
        let token = reset_token(&world, &person.email).await;
        let reset = async |n: usize| {
            let body = json!({"newPassword": format!("password number {n}"), "token": token});
            Browser::of(&world).tell("/reset-password", body).await
        };
        let answers = join_all((0..count).map(reset)).await;
        let winners: Vec<_> = (0..count).filter(|n| answers[*n].status == 200).collect();
        let [winner] = winners[..] else { panic!("{winners:?} won") };
        for (n, answer) in answers.iter().enumerate().filter(|(n, _)| *n != winner) {
            assert_eq!(answer.outcome(), (400, "INVALID_TOKEN".to_owned()), "{n}");
        }
        for n in 0..count {
            let answer = Browser::of(&world).sign_in(&person.email, &format!("password number {n}")).await;
            assert_eq!(answer.status, if n == winner { 200 } else { 401 }, "{n}");
        }
        assert_eq!(Browser::of(&world).sign_in(&person.email, PASSWORD).await.status, 401);
        world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_move_to_one_address_at_once_do_not_share_it() {
    let world = world(|auth| auth.change_unverified_email_at_once = true).await;
    let mut people = Vec::new();
    for email in ["ada@example.com", "bob@example.com"] {
        people.push(Person::new(&world, email).await);
    }
    let move_house = async |person: &mut Person| {
        person.browser.tell("/change-email", json!({"newEmail": "new@example.com"})).await
    };
    for answer in join_all(people.iter_mut().map(move_house)).await {
        // Who was slower is not told that the address is taken.
        assert_eq!((answer.status, answer.json()), (200, json!({"status": true})));
    }
    let owner = holder(&world, "new@example.com").await.unwrap();
    for person in &people {
        let user = person.identity(&world).await.user().cloned().unwrap();
        let address = if person.id == owner { "new@example.com" } else { person.email.as_str() };
        assert_eq!(user.email.as_str(), address);
        let old = holder(&world, &person.email).await;
        assert_eq!(old.as_ref() == Some(&person.id), person.id != owner);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_that_are_removed_at_once_leave_one_way_in() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "owner@example.com").await;
    verify(&world, &mut person).await;
    let answer = super::browser::google_sign_in(&mut person.browser, "owner@example.com").await;
    assert_eq!(answer.location(), "/dash");
    let accounts = person.browser.auth("/list-accounts").await.json();
    let rows: Vec<String> =
        accounts.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(rows.len(), 2);
    let unlink = async |row: &String| {
        person.browser.clone().tell("/unlink-account", json!({"accountId": row})).await.outcome()
    };
    let mut outcomes = join_all(rows.iter().map(unlink)).await;
    outcomes.sort();
    let refused = (400, "FAILED_TO_UNLINK_LAST_ACCOUNT".to_owned());
    assert_eq!(outcomes, [(200, String::new()), refused]);
    assert_eq!(person.identity(&world).await.accounts().count(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_signs_in_while_the_user_is_deleted_is_not_signed_in_afterwards() {
    let world = world(|_| {}).await;
    let mut person = Person::new(&world, "ada@example.com").await;
    let mut late = Browser::of(&world);
    let (email, again) = (person.email.clone(), person.email.clone());
    let (deleted, signed_in) = tokio::join!(
        person.browser.tell("/delete-user", json!({"password": PASSWORD})),
        late.sign_in(&email, PASSWORD),
    );
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert!([200, 401].contains(&signed_in.status), "{}", signed_in.text);
    assert!(!late.is_signed_in().await);
    assert_eq!(holder(&world, &again).await, None);
    assert_eq!(Browser::of(&world).sign_in(&again, PASSWORD).await.status, 401);
    world.close().await;
}
