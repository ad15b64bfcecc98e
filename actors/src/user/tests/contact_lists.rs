//! Orders, filters and counts of contacts are those of a plain list, whatever happened before.

use super::{
    contacts::{change, many},
    world::*,
};
use crate::user::{
    User,
    contact::{Contact, Sentiment, Stage},
    contact_change::{ContactChange, ContactPatch, ManyChange, Which, Write},
    contact_filter::{ContactFilter, ContactSort},
    settings::SettingsPatch,
};
use proptest::prelude::*;
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

#[derive(Clone, Debug)]
enum Step {
    Says(u8, &'static str),
    Edit(u8, Stage, Sentiment, u8),
    Value(u8, Option<u32>),
    Tag(u8, &'static str),
    Untag(&'static str),
    Hrn(u8, bool),
    FollowUp(u8, bool),
    Delete(u8),
    Wait(u16),
}

const TAGS: [&str; 3] = ["vip", "Brunch", "ÄRGER"];
const WORDS: [&str; 3] = ["hello", "Where is my ÖRDER", "10% off?"];

fn step() -> impl Strategy<Value = Step> {
    let person = 0..6_u8;
    let stage = prop::sample::select(Stage::ALL.to_vec());
    let mood = prop::sample::select(Sentiment::ALL.to_vec());
    let tag = prop::sample::select(TAGS.to_vec());
    let word = prop::sample::select(WORDS.to_vec());
    prop_oneof![
        4 => (person.clone(), word).prop_map(|(person, word)| Step::Says(person, word)),
        2 => (person.clone(), stage, mood, 0..=100_u8).prop_map(|(p, s, m, n)| Step::Edit(p, s, m, n)),
        1 => (person.clone(), prop::option::of(0..500_u32)).prop_map(|(p, v)| Step::Value(p, v)),
        2 => (person.clone(), tag.clone()).prop_map(|(p, t)| Step::Tag(p, t)),
        1 => tag.prop_map(Step::Untag),
        1 => (person.clone(), any::<bool>()).prop_map(|(p, on)| Step::Hrn(p, on)),
        1 => (person.clone(), any::<bool>()).prop_map(|(p, on)| Step::FollowUp(p, on)),
        1 => person.prop_map(Step::Delete),
        1 => (0..500_u16).prop_map(Step::Wait),
    ]
}

fn take(world: &mut World, step: &Step) {
    let id = |person: u8| format!("77{person}");
    let edit = |patch| ContactChange::Edit(patch);
    match step.clone() {
        Step::Says(person, text) => drop(world.says(&id(person), text)),
        Step::Edit(person, stage, mood, score) => {
            let patch = ContactPatch {
                stage: Some(stage),
                sentiment: Some(mood),
                lead_score: Some(Write::Set(score)),
                ..ContactPatch::default()
            };
            drop(change(world, &id(person), edit(patch)));
        }
        Step::Value(person, value) => {
            let value = Some(value.map_or(Write::Clear, Write::Set));
            drop(change(world, &id(person), edit(ContactPatch { lead_value: value, ..Default::default() })));
        }
        Step::Tag(person, tag) => drop(change(world, &id(person), ContactChange::AddTag(tag.into()))),
        Step::Untag(tag) => {
            let all = Which::Matching(ContactFilter::default());
            drop(many(world, all, ManyChange::Untag(tag.into())));
        }
        Step::Hrn(person, needed) => {
            drop(change(world, &id(person), ContactChange::Hrn { needed, reason: None }));
        }
        Step::FollowUp(person, needed) => {
            drop(change(world, &id(person), ContactChange::FollowUp { needed }));
        }
        Step::Delete(person) => drop(change(world, &id(person), ContactChange::Delete)),
        Step::Wait(secs_) => world.wait(secs(u64::from(secs_))),
    }
}

fn filters() -> Vec<ContactFilter> {
    let with = |change: fn(&mut ContactFilter)| {
        let mut filter = ContactFilter::default();
        change(&mut filter);
        filter
    };
    vec![
        ContactFilter::default(),
        with(|filter| filter.search = Some(" örder ".into())),
        with(|filter| filter.search = Some("UNKNOWN".into())),
        with(|filter| filter.search = Some("ärg".into())),
        with(|filter| filter.stages = vec![Stage::New, Stage::Lead]),
        with(|filter| filter.tags = vec!["vip".into(), "brunch".into()]),
        with(|filter| (filter.score_min, filter.score_max) = (Some(25), Some(75))),
        with(|filter| (filter.value_min, filter.hrn) = (Some(1), Some(false))),
        with(|filter| (filter.hrn, filter.sentiments) = (Some(true), vec![Sentiment::Neutral])),
        with(|filter| filter.followup_needed = Some(true)),
    ]
}

/// A filter, by the words of its contract.
fn matches(filter: &ContactFilter, contact: &Contact) -> bool {
    let contains = |text: &str, part: &str| text.to_lowercase().contains(&part.trim().to_lowercase());
    let mut texts = vec![contact.username.as_deref().unwrap_or("Unknown")];
    texts.extend(contact.last_message.as_deref());
    texts.extend(contact.crm.notes.as_deref());
    texts.extend(contact.crm.tags.iter().map(AsRef::as_ref));
    filter.search.as_ref().is_none_or(|part| texts.iter().any(|text| contains(text, part)))
        && (filter.stages.is_empty() || filter.stages.contains(&contact.stage))
        && (filter.sentiments.is_empty() || filter.sentiments.contains(&contact.sentiment))
        && (filter.tags.is_empty() || filter.tags.iter().any(|tag| contact.crm.tags.contains(tag)))
        && filter.hrn.is_none_or(|hrn| hrn == contact.hrn.is_some())
        && filter.followup_needed.is_none_or(|needed| needed == contact.followup_needed)
        && filter.score_min.is_none_or(|min| contact.lead_score.is_some_and(|score| score >= min))
        && filter.score_max.is_none_or(|max| contact.lead_score.is_some_and(|score| score <= max))
        && filter.value_min.is_none_or(|min| contact.crm.lead_value.is_some_and(|value| value >= min))
}

fn persons<'a>(contacts: impl Iterator<Item = &'a Arc<Contact>>) -> Vec<&'a str> {
    contacts.map(|contact| contact.igsid.as_str()).collect()
}

fn check(user: &User) {
    for filter in filters() {
        let mut plain: Vec<_> = user.contacts.values().filter(|contact| matches(&filter, contact)).collect();
        assert_eq!(user.count_contacts(&filter), plain.len(), "{filter:?}");
        assert_eq!(user.contact_facets(&filter).matching as usize, plain.len(), "{filter:?}");
        let listed = |sort, descending| {
            persons(user.list_contacts(sort, descending, &filter, None).map(|(_, contact)| contact))
        };
        plain.sort_by_key(|contact| (contact.last_message_at, contact.igsid.clone()));
        assert_eq!(listed(ContactSort::LastMessage, false), persons(plain.iter().copied()), "{filter:?}");
        plain.sort_by_key(|contact| Reverse((contact.lead_score, contact.igsid.clone())));
        assert_eq!(listed(ContactSort::Score, true), persons(plain.iter().copied()), "{filter:?}");
        plain.sort_by_key(|contact| (contact.crm.lead_value, contact.igsid.clone()));
        assert_eq!(listed(ContactSort::Value, false), persons(plain.iter().copied()), "{filter:?}");
        assert_eq!(listed(ContactSort::Name, false).len(), plain.len());
        let locked = plain.iter().filter(|contact| contact.hrn.is_some()).count();
        assert_eq!(listed(ContactSort::HrnTime, true).len(), locked, "{filter:?}");
        let to_write = plain.iter().filter(|contact| contact.followup_needed).count();
        assert_eq!(listed(ContactSort::FollowUp, false).len(), to_write, "{filter:?}");
        // Going on after any row gives the rows behind it.
        for descending in [false, true] {
            let all: Vec<_> = user.list_contacts(ContactSort::Score, descending, &filter, None).collect();
            for (place, (key, _)) in all.iter().enumerate() {
                let rest = user.list_contacts(ContactSort::Score, descending, &filter, Some(key));
                let behind = persons(all[place + 1..].iter().map(|(_, contact)| *contact));
                assert_eq!(persons(rest.map(|(_, contact)| contact)), behind);
            }
        }
    }
    let mut stages = BTreeMap::<&str, u32>::new();
    let mut tags = BTreeMap::<Arc<str>, u32>::new();
    for contact in user.contacts.values() {
        *stages.entry(contact.stage.as_str()).or_default() += 1;
        contact.crm.tags.iter().for_each(|tag| *tags.entry(Arc::clone(tag)).or_default() += 1);
    }
    let facets = user.contact_facets(&ContactFilter::default());
    assert_eq!((facets.stages, facets.tags), (stages, tags));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_those_of_a_plain_list(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::connected();
        world.settings(SettingsPatch { sidekick: Some(false), ..SettingsPatch::default() });
        world.check_replay = false;
        for (place, step) in steps.iter().enumerate() {
            take(&mut world, step);
            if place % 8 == 7 {
                check(&world.user);
            }
        }
        check(&world.user);
        world.assert_replay();
        let before = format!("{:?}", world.user.contact_facets(&ContactFilter::default()));
        world.passivate();
        check(&world.user);
        prop_assert_eq!(before, format!("{:?}", world.user.contact_facets(&ContactFilter::default())));
    }
}
