//! What lists of contacts cost in a large workspace: pages, searches, counts, keeping the orders up, making them anew.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop at any error and prints sizes"
)]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use greenroom_actors::{
    Entity, Timestamp,
    id::{AccountId, ContactId, Igsid},
    user::{
        User, UserEvent,
        contact::{Contact, ContactSource, FieldSource},
        contact_change::{ContactPatch, Write},
        contact_filter::{ContactFilter, ContactSort},
    },
};
use std::{hint::black_box, sync::Arc, time::Duration};

const CONTACTS: u32 = 50_000;
const PAGE: usize = 100;
const SMALL_WORKSPACES: usize = 2_000;
const SMALL_CONTACTS: u32 = 10;
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn workspace(contacts: u32) -> User {
    let mut user = User::vacant("w");
    for person in 0..contacts {
        let (id, igsid) = (ContactId::from(format!("c{person}")), Igsid::from(format!("90{person:014}")));
        let at = START + Duration::from_secs(u64::from(person.wrapping_mul(7_919) % contacts));
        let mut contact = Contact::new(id, igsid, AccountId::from("1"), ContactSource::Message, at);
        contact.username = Some(format!("Fictional.Person{}", person.wrapping_mul(31) % contacts).into());
        contact.last_message =
            Some(format!("Hi! How much is the blue one, and do you ship it to {person}?").into());
        contact.last_message_at = Some(at);
        contact.lead_score = u8::try_from(person % 101).ok();
        let crm = Arc::make_mut(&mut contact.crm);
        crm.tags = vec![format!("tag{}", person % 20).into()];
        crm.notes = Some("Asked twice about delivery; likes the spring collection.".into());
        user.apply(&UserEvent::ContactCreated(Arc::new(contact)));
    }
    user
}

/// Resident bytes of the process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4_096
}

fn decoded(bytes: &[u8]) -> User {
    rmp_serde::from_slice(bytes).expect("decodable")
}

fn memory() {
    for (workspaces, contacts) in [(SMALL_WORKSPACES, SMALL_CONTACTS), (1, CONTACTS)] {
        // Kept, so that what is freed is not taken for what was never there.
        let made = workspace(contacts);
        let bytes = rmp_serde::to_vec_named(&made).expect("encodable");
        let before = resident();
        let mut users: Vec<User> = (0..workspaces).map(|_| decoded(&bytes)).collect();
        let without = resident();
        users.iter_mut().for_each(Entity::restored);
        let with = resident();
        println!(
            "{workspaces} workspaces of {contacts} contacts: {} KiB, and {} KiB derived",
            without.saturating_sub(before) / 1_024,
            with.saturating_sub(without) / 1_024
        );
        black_box((&made, &users));
    }
}

fn listing(criterion: &mut Criterion) {
    memory();
    let user = workspace(CONTACTS);
    let all = ContactFilter::default();
    let (middle, _) =
        user.list_contacts(ContactSort::Name, false, &all, None).nth(CONTACTS as usize / 2).expect("a row");
    criterion.bench_function("page/by name, from the middle", |b| {
        b.iter(|| user.list_contacts(ContactSort::Name, false, &all, Some(&middle)).take(PAGE).count());
    });
    criterion.bench_function("page/newest message first", |b| {
        b.iter(|| user.list_contacts(ContactSort::LastMessage, true, &all, None).take(PAGE).count());
    });
    for (name, search) in
        [("found in most", "blue one"), ("found once", "ship it to 49999"), ("not found", "zebra")]
    {
        let filter = ContactFilter { search: Some(search.to_owned()), ..ContactFilter::default() };
        criterion.bench_function(&format!("search/{name}"), |b| {
            b.iter(|| user.list_contacts(ContactSort::Name, false, &filter, None).take(PAGE).count());
        });
    }
    let filter = ContactFilter { tags: vec!["tag7".into()], score_min: Some(50), ..ContactFilter::default() };
    criterion.bench_function("facets/all", |b| b.iter(|| user.contact_facets(&all)));
    criterion.bench_function("facets/filtered", |b| b.iter(|| user.contact_facets(&filter)));
    let edit = Arc::new(ContactPatch { lead_score: Some(Write::Set(77)), ..ContactPatch::default() });
    let person = Igsid::from(format!("90{:014}", 25_000));
    let edited = UserEvent::ContactEdited { person, edit, by: FieldSource::User, at: START };
    criterion.bench_function("apply/one edit", |b| {
        b.iter_batched(|| user.clone(), |mut user| user.apply(black_box(&edited)), BatchSize::SmallInput);
    });
    let bytes = rmp_serde::to_vec_named(&user).expect("encodable");
    let mut group = criterion.benchmark_group("made anew");
    group.sample_size(10);
    group.bench_function("orders of all contacts", |b| {
        b.iter_batched(|| decoded(&bytes), |mut user| user.restored(), BatchSize::LargeInput);
    });
}

criterion_group!(benches, listing);
criterion_main!(benches);
