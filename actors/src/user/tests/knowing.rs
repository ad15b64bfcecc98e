//! The owner's facts: offers, answers, links and voice, changed one by one.

use super::world::*;
use crate::{
    Entity,
    automation::FieldCode,
    user::{
        Command, Rejection, Reply, UserEvent,
        knowledge::{
            EntryId, KNOWLEDGE_ENTRIES_MAX,
            change::{
                FaqInput, FaqPatch, KnowledgeChange, LinkInput, OfferInput, OfferPatch, Several, ToneInput,
                TonePatch,
            },
        },
        settings::SettingsPatch,
    },
};
use std::sync::Arc;

impl World {
    fn know(&mut self, change: KnowledgeChange) -> Result<Reply, Rejection> {
        self.run(Command::Knowledge(change))
    }

    fn put(&mut self, change: KnowledgeChange) -> EntryId {
        match self.know(change) {
            Ok(Reply::Entry(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Fields and codes of what is refused; nothing may have changed.
    fn refused(&mut self, change: KnowledgeChange) -> Vec<(String, FieldCode)> {
        let before = Self::encoded(&self.user);
        let Err(Rejection::Invalid(errors)) = self.know(change) else { panic!("not refused") };
        assert!(Self::encoded(&self.user) == before, "something changed");
        errors.iter().map(|error| (error.field.clone().into_owned(), error.code)).collect()
    }
}

fn offer(name: &str, value: f64) -> OfferInput {
    OfferInput { name: name.into(), content: "with cream".into(), value: Some(value) }
}

fn faq(question: &str, answer: &str) -> FaqInput {
    FaqInput { question: question.into(), answer: Some(answer.into()) }
}

fn link(kind: &str, url: &str) -> LinkInput {
    LinkInput { kind: kind.into(), url: url.into() }
}

fn wrong(field: &str, code: FieldCode) -> Vec<(String, FieldCode)> {
    vec![(field.to_owned(), code)]
}

#[test]
fn an_offer_is_one_per_name_in_any_case() {
    let mut world = World::vacant();
    let id = world.put(KnowledgeChange::PutOffer(offer("Cake", 12.0)));
    world.now = world.now + secs(60);
    assert_eq!(world.put(KnowledgeChange::PutOffer(offer(" CAKE ", 15.0))), id);
    let [known] = &world.user.knowledge.offers[..] else { panic!("one offer") };
    assert_eq!((&*known.name, known.value), ("CAKE", Some(15)));
    assert_eq!(known.updated_at.unwrap().since(known.created_at.unwrap()), secs(60));
    let before = world.events.len();
    world.put(KnowledgeChange::PutOffer(offer("CAKE", 15.0)));
    assert_eq!(world.events.len(), before, "the same again changes nothing");
    let taken = world.refused(KnowledgeChange::AddOffer(offer("cake", 1.0)));
    assert_eq!(taken, wrong("name", FieldCode::Duplicate));
    let other = world.put(KnowledgeChange::AddOffer(offer("Pie", 9.0)));
    assert_ne!(other, id);
    let patch = OfferPatch { name: Some("cake".into()), ..OfferPatch::default() };
    let taken = world.refused(KnowledgeChange::UpdateOffer { id: other.clone(), patch });
    assert_eq!(taken, wrong("name", FieldCode::Duplicate));
    let patch = OfferPatch { value: Some(None), ..OfferPatch::default() };
    world.put(KnowledgeChange::UpdateOffer { id: other, patch });
    assert_eq!((&*world.user.knowledge.offers[1].name, world.user.knowledge.offers[1].value), ("Pie", None));
    world.know(KnowledgeChange::DeleteOffer(id.clone())).unwrap();
    assert_eq!(world.user.knowledge.offers.len(), 1);
    assert_eq!(world.know(KnowledgeChange::DeleteOffer(id.clone())), Err(Rejection::NoEntry("offer")));
    let patch = OfferPatch::default();
    assert_eq!(
        world.know(KnowledgeChange::UpdateOffer { id, patch }).map_err(|error| error.code()),
        Err("NOT_FOUND")
    );
}

#[test]
fn what_is_wrong_with_an_offer_is_told_at_once() {
    let mut world = World::vacant();
    let bad = OfferInput { name: " ".into(), content: "x".repeat(4_001), value: Some(10_000_001.0) };
    assert_eq!(
        world.refused(KnowledgeChange::PutOffer(bad)),
        [
            ("name".to_owned(), FieldCode::Required),
            ("content".to_owned(), FieldCode::TooLong),
            ("value".to_owned(), FieldCode::OutOfRange),
        ]
    );
    let longest = OfferInput { name: "n".repeat(500), content: "x".repeat(4_000), value: Some(10_000_000.0) };
    world.put(KnowledgeChange::PutOffer(longest));
}

#[test]
fn there_are_at_most_fifty_of_each() {
    let mut world = World::vacant();
    for no in 0..KNOWLEDGE_ENTRIES_MAX {
        world.put(KnowledgeChange::PutOffer(offer(&format!("cake {no}"), 1.0)));
        world.put(KnowledgeChange::AddFaq(faq(&format!("question {no}"), "answer")));
        world.put(KnowledgeChange::PutLink(link("notion", &format!("https://a.example/{no}"))));
    }
    let more = KnowledgeChange::PutOffer(offer("one more", 1.0));
    assert_eq!(world.refused(more), wrong("offers", FieldCode::TooMany));
    let more = KnowledgeChange::AddFaq(faq("one more", "answer"));
    assert_eq!(world.refused(more), wrong("faqs", FieldCode::TooMany));
    let more = KnowledgeChange::PutLink(link("notion", "https://a.example/more"));
    assert_eq!(world.refused(more), wrong("links", FieldCode::TooMany));
    world.put(KnowledgeChange::PutOffer(offer("CAKE 7", 2.0)));
    assert_eq!(world.user.knowledge.offers.len(), KNOWLEDGE_ENTRIES_MAX);
}

#[test]
fn questions_are_told_apart_in_any_case_and_may_wait_for_their_answer() {
    let mut world = World::vacant();
    let open = FaqInput { question: "When?".into(), answer: None };
    let id = world.put(KnowledgeChange::AddFaq(open));
    assert_eq!(
        world.refused(KnowledgeChange::AddFaq(faq("WHEN?", ""))),
        wrong("question", FieldCode::Duplicate)
    );
    assert_eq!(world.put(KnowledgeChange::PutFaq(faq("when?", "daily"))), id);
    assert_eq!(world.user.knowledge.faqs[0].answer.as_deref(), Some("daily"));
    let patch = FaqPatch { answer: Some("  ".into()), ..FaqPatch::default() };
    world.put(KnowledgeChange::UpdateFaq { id: id.clone(), patch });
    assert_eq!(world.user.knowledge.faqs[0].answer, None);
    let patch = FaqPatch { question: Some(" ".into()), ..FaqPatch::default() };
    let blank = world.refused(KnowledgeChange::UpdateFaq { id: id.clone(), patch });
    assert_eq!(blank, wrong("question", FieldCode::Required));
    world.know(KnowledgeChange::DeleteFaq(id.clone())).unwrap();
    assert_eq!(world.know(KnowledgeChange::DeleteFaq(id)), Err(Rejection::NoEntry("faq")));
}

#[test]
fn of_most_kinds_of_links_there_is_one() {
    let mut world = World::vacant();
    let id = world.put(KnowledgeChange::PutLink(link("primary", "https://a.example/old")));
    assert_eq!(world.put(KnowledgeChange::PutLink(link("primary", "https://a.example/new"))), id);
    assert_eq!(&*world.user.knowledge.link("primary").unwrap().url, "https://a.example/new");
    let notes = world.put(KnowledgeChange::PutLink(link("notion", "https://n.example/1")));
    assert_eq!(world.put(KnowledgeChange::PutLink(link("notion", "https://n.example/1"))), notes);
    world.put(KnowledgeChange::PutLink(link("notion", "https://n.example/2")));
    assert_eq!(world.user.knowledge.links.len(), 3);
    let bad = world.refused(KnowledgeChange::PutLink(link("shop", "javascript:alert(1)")));
    assert_eq!(bad, [("type".to_owned(), FieldCode::NotAllowed), ("url".to_owned(), FieldCode::Invalid)]);
    world.know(KnowledgeChange::DeleteLink(id.clone())).unwrap();
    assert_eq!(world.know(KnowledgeChange::DeleteLink(id)), Err(Rejection::NoEntry("link")));
}

#[test]
fn of_several_links_that_an_earlier_program_kept_the_newest_counts_and_is_left() {
    let mut world = World::vacant();
    let old = r#"{"links":[{"kind":"primary","url":"https://a.example/1"},{"kind":"primary","url":"https://a.example/2"}]}"#;
    let event = UserEvent::KnowledgeSet(Arc::new(serde_json::from_str(old).unwrap()));
    world.user.apply(&event);
    world.events.push(event);
    let newest = world.user.knowledge.link("primary").unwrap().clone();
    assert_eq!(&*newest.url, "https://a.example/2");
    assert_eq!(world.put(KnowledgeChange::PutLink(link("primary", "https://a.example/3"))), newest.id);
    assert_eq!(world.user.knowledge.links.len(), 1);
    assert_eq!(world.user.knowledge.links[0].created_at, None);
}

#[test]
fn there_is_one_voice() {
    let mut world = World::vacant();
    world.know(KnowledgeChange::AddToneSample("Hey you!".into())).unwrap();
    assert_eq!(&*world.user.knowledge.tone.as_ref().unwrap().kind, "custom");
    let patch = TonePatch { kind: Some("like_me".into()), ..TonePatch::default() };
    world.know(KnowledgeChange::UpdateTone(patch)).unwrap();
    let tone = world.user.knowledge.tone.clone().unwrap();
    assert_eq!((&*tone.kind, tone.samples.len()), ("like_me", 1));
    let full = ToneInput { kind: "like_me".into(), samples: vec!["x".repeat(1_000); 20], files: vec![] };
    world.know(KnowledgeChange::SetTone(full)).unwrap();
    let more = KnowledgeChange::AddToneSample("one more".into());
    assert_eq!(world.refused(more), wrong("text", FieldCode::TooMany));
    let bad = ToneInput { kind: "loud".into(), samples: vec!["x".repeat(1_001)], files: vec![] };
    assert_eq!(
        world.refused(KnowledgeChange::SetTone(bad)),
        [("toneType".to_owned(), FieldCode::NotAllowed), ("sampleText[0]".to_owned(), FieldCode::TooLong)]
    );
    let many = TonePatch { samples: Some(vec!["x".into(); 21]), ..TonePatch::default() };
    assert_eq!(world.refused(KnowledgeChange::UpdateTone(many)), wrong("sampleText", FieldCode::TooMany));
}

#[test]
fn several_facts_are_taken_together_or_not_at_all() {
    let mut world = World::vacant();
    let all = Several {
        main_offering: Some("cakes".into()),
        links: vec![link("primary", "https://a.example")],
        offers: vec![offer("Cake", 12.0), offer("cake", 13.0)],
        faqs: vec![faq("When?", "daily")],
        tone: Some(ToneInput { kind: "direct".into(), ..ToneInput::default() }),
    };
    let mut bad = all.clone();
    bad.offers.push(offer("", -1.0));
    bad.faqs[0].question = String::new();
    assert_eq!(
        world.refused(KnowledgeChange::Several(Box::new(bad))),
        [
            ("offers[2].name".to_owned(), FieldCode::Required),
            ("offers[2].value".to_owned(), FieldCode::OutOfRange),
            ("faqs[0].question".to_owned(), FieldCode::Required),
        ]
    );
    assert_eq!(world.user.knowledge.lacking(), ["primaryLink", "offers", "mainOffering", "toneProfile"]);
    let Ok(Reply::Entries(put)) = world.know(KnowledgeChange::Several(Box::new(all))) else {
        panic!("not taken")
    };
    let known = Arc::clone(&world.user.knowledge);
    let twice = known.offers[0].id.clone();
    assert_eq!(put.offers, [twice.clone(), twice], "the same offer was sent twice");
    assert_eq!((put.links, put.faqs), (vec![known.links[0].id.clone()], vec![known.faqs[0].id.clone()]));
    assert_eq!(world.user.knowledge.lacking(), <[&str; 0]>::default());
    assert_eq!(world.user.knowledge.offers.len(), 1, "the later of one name counts");
    world.know(KnowledgeChange::Several(Box::default())).unwrap();
    assert_eq!(world.user.knowledge.main_offering.as_deref(), Some("cakes"), "what is absent stays");
    world.know(KnowledgeChange::MainOffering(" ".into())).unwrap();
    assert_eq!(world.user.knowledge.main_offering, None);
    world.passivate();
}

#[test]
fn memory_is_asked_for_at_most_every_ten_minutes() {
    let mut world = World::vacant();
    world.run(Command::SyncMemory).unwrap();
    world.now = world.now + secs(599);
    let again = world.run(Command::SyncMemory);
    assert_eq!(again, Err(Rejection::TooSoon { retry_after: secs(1) }));
    world.now = world.now + secs(1);
    world.run(Command::SyncMemory).unwrap();
    world.passivate();
    assert!(world.run(Command::SyncMemory).is_err());
}

#[test]
fn silence_is_worth_a_follow_up_after_one_to_168_hours() {
    let mut world = World::vacant();
    assert_eq!(world.user.settings.follow_up_after, hours(24));
    for bad in [secs(0), secs(3_599), hours(169)] {
        let patch = SettingsPatch { follow_up_after: Some(bad), ..SettingsPatch::default() };
        assert!(world.run(Command::UpdateSettings(patch)).is_err(), "{bad:?}");
    }
    let patch = SettingsPatch { follow_up_after: Some(hours(168)), ..SettingsPatch::default() };
    world.run(Command::UpdateSettings(patch)).unwrap();
}
