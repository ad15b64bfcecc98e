//! What the owner changes of contacts, one by one and many at once.

use super::world::*;
use crate::{
    automation::FieldCode,
    id::ContactId,
    user::{
        Command, Rejection, Reply,
        contact::{FieldSource, Sentiment, Stage},
        contact_change::{ContactChange, ContactPatch, ManyChange, Which, Write},
        contact_filter::ContactFilter,
        decision::{CancelReason, HrnSource, Verdict},
        plan::Plan,
    },
};

pub(super) fn change(world: &mut World, person: &str, change: ContactChange) -> Result<Reply, Rejection> {
    world.run(Command::Contact { contact: ContactId::from(person), change, by: FieldSource::User })
}

pub(super) fn many(world: &mut World, which: Which, change: ManyChange) -> Result<Reply, Rejection> {
    world.run(Command::ManyContacts { which, change, by: FieldSource::User })
}

fn named(ids: &[&str]) -> Which {
    Which::Named(ids.iter().map(|id| ContactId::from(*id)).collect())
}

fn codes(refused: Result<Reply, Rejection>) -> Vec<FieldCode> {
    match refused {
        Err(Rejection::Invalid(errors)) => errors.iter().map(|error| error.code).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_person_sets_is_known_as_theirs() {
    let mut world = priced();
    world.says(ANA, "price");
    let patch = ContactPatch {
        stage: Some(Stage::Lead),
        lead_score: Some(Write::Set(0)),
        lead_value: Some(Write::Set(250)),
        notes: Some(Write::Set("Cafe\u{301}".into())),
        ..ContactPatch::default()
    };
    world.wait(secs(60));
    change(&mut world, ANA, ContactChange::Edit(patch)).unwrap();
    let ana = world.contact(ANA);
    assert_eq!((ana.stage, ana.lead_score, ana.crm.lead_value), (Stage::Lead, Some(0), Some(250)));
    assert_eq!(ana.crm.notes.as_deref(), Some("Café"));
    assert_eq!((ana.crm.stage_source, ana.crm.sentiment_source), (Some(FieldSource::User), None));
    assert_eq!(ana.updated_at, world.now);
    assert_eq!(world.user.contacts_changed_at(), Some(world.now));
    // By the id that clients see, too.
    let id = world.contact(ANA).id.to_string();
    let cleared = ContactPatch { lead_score: Some(Write::Clear), ..ContactPatch::default() };
    change(&mut world, &id, ContactChange::Edit(cleared)).unwrap();
    assert_eq!(world.contact(ANA).lead_score, None);
}

#[test]
fn wrong_values_and_unknown_contacts_are_refused() {
    let mut world = priced();
    world.says(ANA, "price");
    let before = world.events.len();
    let patch = ContactPatch {
        lead_score: Some(Write::Set(101)),
        notes: Some(Write::Set("x".repeat(10_001).into())),
        next_action: Some(Write::Set("bell \u{7}".into())),
        ..ContactPatch::default()
    };
    let refused = change(&mut world, ANA, ContactChange::Edit(patch));
    assert_eq!(codes(refused), [FieldCode::OutOfRange, FieldCode::Invalid, FieldCode::TooLong]);
    let unknown = change(&mut world, "900", ContactChange::Delete);
    assert_eq!(unknown, Err(Rejection::NoContact));
    assert_eq!(world.events.len(), before);
}

#[test]
fn a_contact_has_ten_tags_in_one_form() {
    let mut world = priced();
    world.says(ANA, "price");
    change(&mut world, ANA, ContactChange::AddTag("  VIP ".into())).unwrap();
    assert_eq!(change(&mut world, ANA, ContactChange::AddTag("vip".into())), Err(Rejection::TagPresent));
    for n in 1..10 {
        change(&mut world, ANA, ContactChange::AddTag(format!("t{n}"))).unwrap();
    }
    assert_eq!(codes(change(&mut world, ANA, ContactChange::AddTag("more".into()))), [FieldCode::TooMany]);
    change(&mut world, ANA, ContactChange::RemoveTag("Vip".into())).unwrap();
    change(&mut world, ANA, ContactChange::RemoveTag("never there".into())).unwrap();
    assert_eq!(world.contact(ANA).crm.tags.len(), 9);
    assert_eq!(world.user.contact_tags().map(|(tag, _)| &**tag).next(), Some("t1"));
}

#[test]
fn a_lock_is_set_and_cleared_and_says_by_whom() {
    let mut world = priced();
    let key = world.says(ANA, "price");
    change(&mut world, ANA, ContactChange::Hrn { needed: true, reason: Some("mine".into()) }).unwrap();
    let hrn = world.contact(ANA).hrn.clone().unwrap();
    assert_eq!((hrn.source, &*hrn.reason, hrn.set_at), (HrnSource::Manual, "mine", world.now));
    assert_eq!(world.user.hrn_queue().count(), 1);
    // What was in flight goes on; nothing else answers.
    assert!(matches!(world.verdict(&key), Verdict::Queued { .. }));
    change(&mut world, ANA, ContactChange::Hrn { needed: false, reason: None }).unwrap();
    assert_eq!(world.contact(ANA).hrn, None);
    assert_eq!(world.contact(ANA).hrn_resolved_by, Some(FieldSource::User));
    assert_eq!(world.user.hrn_queue().count(), 0);
}

#[test]
fn a_follow_up_that_is_not_needed_rests_until_the_person_writes() {
    let mut world = priced();
    world.says(ANA, "price");
    change(&mut world, ANA, ContactChange::FollowUp { needed: true }).unwrap();
    assert!(world.contact(ANA).followup_needed);
    let stage = ContactPatch { stage: Some(Stage::Lead), ..ContactPatch::default() };
    change(&mut world, ANA, ContactChange::FollowedUp(stage)).unwrap();
    assert!(!world.contact(ANA).followup_needed && world.contact(ANA).stage == Stage::Lead);
    change(&mut world, ANA, ContactChange::FollowUp { needed: false }).unwrap();
    assert_eq!(world.contact(ANA).crm.followup_snoozed_until, Some(world.now + hours(7 * 24)));
    world.says(ANA, "hello again");
    assert_eq!(world.contact(ANA).crm.followup_snoozed_until, None);
}

#[test]
fn a_frozen_workspace_still_clears_locks_and_deletes() {
    let mut world = priced();
    world.check_replay = false;
    for person in 0..51 {
        world.says(&format!("7{person}"), "hello");
    }
    world.check_replay = true;
    change(&mut world, "70", ContactChange::Hrn { needed: true, reason: None }).unwrap();
    world.run(Command::SetPlan(Plan::Free)).unwrap();
    assert!(world.user.is_frozen());
    let frozen = |result| matches!(result, Err(Rejection::Frozen { contacts_over: 1, automations_over: 0 }));
    for gated in [
        ContactChange::Edit(ContactPatch { stage: Some(Stage::Lead), ..ContactPatch::default() }),
        ContactChange::AddTag("vip".into()),
        ContactChange::RemoveTag("vip".into()),
        ContactChange::FollowUp { needed: true },
        ContactChange::FollowedUp(ContactPatch::default()),
        ContactChange::Hrn { needed: true, reason: None },
    ] {
        assert!(frozen(change(&mut world, "71", gated.clone())), "{gated:?}");
    }
    assert!(frozen(many(&mut world, named(&["71"]), ManyChange::Stage(Stage::Lead))));
    change(&mut world, "70", ContactChange::Hrn { needed: false, reason: None }).unwrap();
    many(&mut world, named(&["70"]), ManyChange::Hrn(false)).unwrap();
    many(&mut world, named(&["71"]), ManyChange::Delete).unwrap();
    assert!(!world.user.is_frozen());
    change(&mut world, "72", ContactChange::AddTag("vip".into())).unwrap();
}

#[test]
fn many_named_contacts_change_in_one_go() {
    let mut world = priced();
    for person in [ANA, BEN, "903"] {
        world.says(person, "hello");
    }
    let tagged =
        many(&mut world, named(&[ANA, BEN, ANA, "nobody"]), ManyChange::Tag(" New ".into())).unwrap();
    assert_eq!(tagged, Reply::Many { done: 2, unchanged: 0, queued: 0 });
    let again = many(&mut world, named(&[ANA, "903"]), ManyChange::Tag("new".into())).unwrap();
    assert_eq!(again, Reply::Many { done: 1, unchanged: 1, queued: 0 });
    assert_eq!(world.user.contact_tags().map(|(_, count)| count).collect::<Vec<_>>(), [3]);
    many(&mut world, named(&[ANA]), ManyChange::Untag("new".into())).unwrap();
    many(&mut world, named(&[BEN]), ManyChange::Sentiment(Sentiment::Hot)).unwrap();
    let filter = ContactFilter { tags: vec!["new".into()], ..ContactFilter::default() };
    let locked = many(&mut world, Which::Matching(filter), ManyChange::Hrn(true)).unwrap();
    assert_eq!(locked, Reply::Many { done: 2, unchanged: 0, queued: 0 });
    assert!(world.contact(ANA).hrn.is_none() && world.contact(BEN).hrn.is_some());
    assert_eq!(world.contact(BEN).sentiment, Sentiment::Hot);
    let ids = Which::Named((0..501).map(|n| ContactId::from(format!("{n}"))).collect());
    assert_eq!(codes(many(&mut world, ids, ManyChange::Delete)), [FieldCode::TooMany]);
    assert_eq!(codes(many(&mut world, named(&[ANA]), ManyChange::Tag(" ".into()))), [FieldCode::Required]);
}

#[test]
fn a_lock_of_many_stops_what_waits() {
    let mut world = priced();
    let event = world.message(ANA, "price");
    let key = event.key.as_str().to_owned();
    world.receive(event);
    many(&mut world, Which::Matching(ContactFilter::default()), ManyChange::Hrn(true)).unwrap();
    world.wait(hours(1));
    assert_eq!(world.verdict(&key), Verdict::Cancelled(CancelReason::HrnSet));
    assert!(world.sends.is_empty());
}

/// Thousands of contacts who wrote one word, without the time of checking replay after each.
pub(super) fn crowd(contacts: usize) -> World {
    let mut world = World::connected();
    world.run(Command::SetPlan(Plan::Enterprise)).unwrap();
    world.settings(crate::user::settings::SettingsPatch {
        sidekick: Some(false),
        reply_delay: Some(std::time::Duration::ZERO),
        ..Default::default()
    });
    world.check_replay = false;
    for person in 0..contacts {
        let event = world.message(&format!("8{person:05}"), "hello");
        world.receive(event);
    }
    world.wait(secs(1));
    world
}

#[test]
fn more_than_fits_in_one_record_follows_tick_by_tick() {
    const CROWD: usize = 5_000;
    let mut world = crowd(CROWD);
    world.largest = 0;
    let filter = ContactFilter { stages: vec![Stage::New], ..ContactFilter::default() };
    let reply = many(&mut world, Which::Matching(filter), ManyChange::Stage(Stage::Ghosted)).unwrap();
    let Reply::Many { done, unchanged: 0, queued } = reply else { panic!("{reply:?}") };
    assert!(done >= 1_000 && queued >= 1_000 && done + queued == 5_000, "{done} {queued}");
    // Contacts that come meanwhile are not meant.
    world.now = world.now + secs(1);
    let late = world.message("999999", "hello");
    world.receive(late);
    world.passivate();
    world.wait(secs(5));
    let ghosted = ContactFilter { stages: vec![Stage::Ghosted], ..ContactFilter::default() };
    assert_eq!(world.user.count_contacts(&ghosted), CROWD);
    assert_eq!(world.contact("999999").stage, Stage::New);
    assert!(world.largest < greenroom_persistence::RECORD_BYTES_MAX / 2, "{}", world.largest);
    world.assert_replay();
    let deleted = many(&mut world, Which::Matching(ghosted), ManyChange::Delete).unwrap();
    assert!(matches!(deleted, Reply::Many { queued: 1.., .. }), "{deleted:?}");
    world.wait(secs(600));
    assert_eq!(world.user.contacts.len(), 1);
    assert!(world.largest < greenroom_persistence::RECORD_BYTES_MAX / 2, "{}", world.largest);
    world.assert_replay();
}
