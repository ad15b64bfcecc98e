//! Pages of a list that changes while it is paged through neither overlap nor leave gaps.

use super::world::World;
use greenroom_actors::user::contact_filter::{ContactFilter, ContactSort};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Step {
    /// The client loads one more page of so many rows.
    More(u8),
    /// A person writes, perhaps for the first time.
    Says(u8),
    /// A score changes: the row moves.
    Score(u8, u8),
    Delete(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let person = 0..40_u8;
    prop_oneof![
        3 => (1..6_u8).prop_map(Step::More),
        4 => person.clone().prop_map(Step::Says),
        3 => (person.clone(), 0..=100_u8).prop_map(|(person, score)| Step::Score(person, score)),
        2 => person.prop_map(Step::Delete),
    ]
}

/// A page as a client holds it.
struct Loaded {
    args: Value,
    journal: Option<Arc<str>>,
    next: Value,
    is_done: bool,
}

/// What a client with these pages shows, every page evaluated anew.
async fn shown(world: &World, pages: &mut [Loaded]) -> Vec<String> {
    let snapshot = world.snapshot().await;
    let mut rows = Vec::new();
    for loaded in pages {
        let journal = loaded.journal.clone();
        let asked = world.query_at(&snapshot, "contacts:list", loaded.args.clone(), journal.as_deref()).await;
        let page = asked.0.unwrap();
        loaded.journal = asked.1;
        (loaded.next, loaded.is_done) = (page["continueCursor"].clone(), page["isDone"] == true);
        let ids = page["page"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned());
        rows.extend(ids);
    }
    rows
}

async fn page_through(steps: Vec<Step>, order: &str) {
    let world = World::connected().await;
    for person in 0..12 {
        world.says(&format!("80{person:02}"), "hello").await;
    }
    let mut pages: Vec<Loaded> = Vec::new();
    for step in steps {
        let id = |person: u8| format!("80{person:02}");
        match step {
            Step::More(rows) => {
                let cursor = pages.last().map_or(json!(null), |page| page.next.clone());
                if pages.last().is_some_and(|page| page.is_done) {
                    continue;
                }
                let opts = json!({ "numItems": rows, "cursor": cursor });
                let args = json!({ "paginationOpts": opts, "sort": "leadScore", "order": order });
                pages.push(Loaded { args, journal: None, next: json!(null), is_done: false });
            }
            Step::Says(person) => drop(world.says(&id(person), "hello").await),
            Step::Score(person, score) => {
                let args = json!({ "contactId": id(person), "leadScore": score });
                drop(world.mutate("contacts:updateContact", args).await);
            }
            Step::Delete(person) => {
                drop(world.mutate("contacts:deleteContact", json!({ "contactId": id(person) })).await);
            }
        }
        let rows = shown(&world, &mut pages).await;
        let (user, filter) = (world.user().await, ContactFilter::default());
        let all = user.list_contacts(ContactSort::Score, order == "desc", &filter, None);
        let all: Vec<String> = all.map(|(_, contact)| contact.id.to_string()).collect();
        assert_eq!(rows, all[..rows.len()], "the pages are the beginning of the list");
        if pages.last().is_some_and(|page| page.is_done) {
            assert_eq!(rows.len(), all.len(), "and all of it once the end was seen");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn pages_are_the_beginning_of_the_list_whatever_happens(
        steps in prop::collection::vec(step(), 1..30),
        order in prop::sample::select(vec!["asc", "desc"]),
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
            .block_on(page_through(steps, order));
    }
}

#[tokio::test]
async fn cursors_of_other_queries_and_callers_are_refused() {
    let world = World::connected().await;
    for person in 0..3 {
        world.says(&format!("80{person:02}"), "hello").await;
    }
    let asked = |sort: &str, cursor: Value| json!({ "paginationOpts": { "numItems": 1, "cursor": cursor }, "sort": sort });
    let page = world.query("contacts:list", asked("name", json!(null))).await.unwrap();
    let cursor = page["continueCursor"].clone();
    assert_eq!(page["page"].as_array().unwrap().len(), 1);
    world.query("contacts:list", asked("name", cursor.clone())).await.unwrap();
    let other = world.query("contacts:list", asked("leadScore", cursor.clone())).await.unwrap_err();
    assert_eq!(other["paginationError"], "InvalidCursor");
    let stranger = world.stranger().await;
    let foreign = world.call_as(Some(&stranger), "contacts:list", asked("name", cursor)).await;
    assert_eq!(foreign.unwrap_err()["paginationError"], "InvalidCursor");
    let none = json!({ "paginationOpts": { "numItems": 0, "cursor": null } });
    assert_eq!(world.query("contacts:list", none).await.unwrap_err()["code"], "VALIDATION");
}
