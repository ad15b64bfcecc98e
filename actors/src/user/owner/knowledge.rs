//! What the owner says about the business: offers, answers, links, voice, changed one by one.

use super::super::{
    Rejection, Reply, User, UserEvent, keys,
    knowledge::{
        CUSTOM, Checks, Entry, EntryId, FRIENDLY, Faq, KNOWLEDGE_CONTENT_CHARS_MAX, KNOWLEDGE_ENTRIES_MAX,
        KNOWLEDGE_NAME_CHARS_MAX, KNOWLEDGE_URL_CHARS_MAX, LINK_KINDS, NOTION, Offer, OfferLink, TONE_KINDS,
        TONE_SAMPLE_CHARS_MAX, TONE_SAMPLES_MAX, Tone,
        change::{
            FaqInput, FaqPatch, KnowledgeChange, LinkInput, OfferInput, OfferPatch, Several, ToneInput,
            TonePatch,
        },
        event::KnowledgeEvent,
    },
    reply::Entries,
};
use crate::{Draft, Timestamp, automation::FieldCode};
use std::sync::Arc;

/// Changes the owner's facts.
pub(in super::super) fn change_knowledge(
    draft: &mut Draft<User>,
    now: Timestamp,
    change: &KnowledgeChange,
) -> Result<Reply, Rejection> {
    let mut desk = Desk { draft, now, checks: Checks::default() };
    let reply = desk.change(change)?;
    desk.checks.finish().map_err(Rejection::Invalid)?;
    Ok(reply)
}

/// A draft being changed. What is wrong is only told at the end, which takes everything back.
struct Desk<'a> {
    draft: &'a mut Draft<User>,
    now: Timestamp,
    checks: Checks,
}

/// What to do about an entry that is there already.
#[derive(Clone, Copy, PartialEq)]
enum Present {
    Refuse,
    Replace,
}

impl Desk<'_> {
    fn change(&mut self, change: &KnowledgeChange) -> Result<Reply, Rejection> {
        match change {
            KnowledgeChange::MainOffering(text) => self.main_offering(text),
            KnowledgeChange::AddOffer(input) => return Ok(Reply::Entry(self.offer(input, Present::Refuse))),
            KnowledgeChange::PutOffer(input) => return Ok(Reply::Entry(self.offer(input, Present::Replace))),
            KnowledgeChange::UpdateOffer { id, patch } => {
                return self.update_offer(id, patch).map(Reply::Entry);
            }
            KnowledgeChange::DeleteOffer(id) => {
                known(&self.draft.knowledge.offers, id)?;
                self.emit(KnowledgeEvent::OfferDropped(id.clone()));
            }
            KnowledgeChange::AddFaq(input) => return Ok(Reply::Entry(self.faq(input, Present::Refuse))),
            KnowledgeChange::PutFaq(input) => return Ok(Reply::Entry(self.faq(input, Present::Replace))),
            KnowledgeChange::UpdateFaq { id, patch } => return self.update_faq(id, patch).map(Reply::Entry),
            KnowledgeChange::DeleteFaq(id) => {
                known(&self.draft.knowledge.faqs, id)?;
                self.emit(KnowledgeEvent::FaqDropped(id.clone()));
            }
            KnowledgeChange::PutLink(input) => return Ok(Reply::Entry(self.link(input))),
            KnowledgeChange::DeleteLink(id) => {
                known(&self.draft.knowledge.links, id)?;
                self.emit(KnowledgeEvent::LinkDropped(id.clone()));
            }
            KnowledgeChange::SetTone(input) => self.tone(input),
            KnowledgeChange::UpdateTone(patch) => self.update_tone(patch),
            KnowledgeChange::AddToneSample(text) => self.add_sample(text),
            KnowledgeChange::Several(several) => return Ok(Reply::Entries(self.several(several))),
        }
        Ok(Reply::Done)
    }

    fn emit(&mut self, event: KnowledgeEvent) {
        self.draft.emit(UserEvent::KnowledgeChanged(Arc::new(event)));
    }

    fn fresh_id<T: Entry>(&self, subject: &str) -> EntryId {
        let subject = format!("{}\0{}\0{subject}", T::KIND, self.now.as_millis());
        keys::derived_id(self.draft.key(), &subject).into()
    }

    fn room(&mut self, field: &str, count: usize) {
        if count >= KNOWLEDGE_ENTRIES_MAX {
            self.checks.refuse(field, FieldCode::TooMany, "at most 50 entries");
        }
    }

    fn several(&mut self, several: &Several) -> Entries {
        let mut put = Entries::default();
        if let Some(text) = several.main_offering.as_deref().filter(|text| !text.trim().is_empty()) {
            self.main_offering(text);
        }
        for (field, count) in [
            ("offerLinks", several.links.len()),
            ("offers", several.offers.len()),
            ("faqs", several.faqs.len()),
        ] {
            if count > KNOWLEDGE_ENTRIES_MAX {
                self.checks.refuse(field, FieldCode::TooMany, "at most 50 entries");
                return put;
            }
        }
        for (place, link) in several.links.iter().enumerate() {
            self.checks.at = format!("offerLinks[{place}].");
            let id = self.link(link);
            put.links.push(id);
        }
        for (place, offer) in several.offers.iter().enumerate() {
            self.checks.at = format!("offers[{place}].");
            let id = self.offer(offer, Present::Replace);
            put.offers.push(id);
        }
        for (place, faq) in several.faqs.iter().enumerate() {
            self.checks.at = format!("faqs[{place}].");
            let id = self.faq(faq, Present::Replace);
            put.faqs.push(id);
        }
        if let Some(tone) = &several.tone {
            self.checks.at = "toneProfile.".to_owned();
            self.tone(tone);
        }
        self.checks.at = String::new();
        put
    }

    fn main_offering(&mut self, typed: &str) {
        let text = self.checks.text("mainOffering", typed, KNOWLEDGE_NAME_CHARS_MAX);
        let text = Some(text).filter(|text| !text.is_empty());
        if text != self.draft.knowledge.main_offering {
            self.emit(KnowledgeEvent::MainOfferingSet(text));
        }
    }

    fn offer(&mut self, input: &OfferInput, present: Present) -> EntryId {
        let name = self.checks.required("name", &input.name, KNOWLEDGE_NAME_CHARS_MAX);
        let content = self.checks.required("content", &input.content, KNOWLEDGE_CONTENT_CHARS_MAX);
        let value = self.checks.price("value", input.value);
        let before = same(&self.draft.knowledge.offers, &name).cloned();
        if before.is_some() && present == Present::Refuse {
            self.checks.refuse("name", FieldCode::Duplicate, "there is an offer of this name");
        }
        if before.is_none() {
            self.room("offers", self.draft.knowledge.offers.len());
        }
        let after = match &before {
            Some(before) => Offer { name, content, value, ..before.clone() },
            None => Offer {
                id: self.fresh_id::<Offer>(&name),
                name,
                content,
                value,
                created_at: Some(self.now),
                updated_at: None,
            },
        };
        self.set_offer(before.as_ref(), after)
    }

    fn update_offer(&mut self, id: &EntryId, patch: &OfferPatch) -> Result<EntryId, Rejection> {
        let before = known(&self.draft.knowledge.offers, id)?.clone();
        let mut after = before.clone();
        if let Some(name) = &patch.name {
            after.name = self.checks.required("name", name, KNOWLEDGE_NAME_CHARS_MAX);
            if same(&self.draft.knowledge.offers, &after.name).is_some_and(|other| other.id != *id) {
                self.checks.refuse("name", FieldCode::Duplicate, "there is an offer of this name");
            }
        }
        if let Some(content) = &patch.content {
            after.content = self.checks.required("content", content, KNOWLEDGE_CONTENT_CHARS_MAX);
        }
        if let Some(value) = patch.value {
            after.value = self.checks.price("value", value);
        }
        Ok(self.set_offer(Some(&before), after))
    }

    fn set_offer(&mut self, before: Option<&Offer>, after: Offer) -> EntryId {
        let id = after.id.clone();
        if before != Some(&after) {
            self.emit(KnowledgeEvent::OfferSet(Offer { updated_at: Some(self.now), ..after }));
        }
        id
    }

    fn faq(&mut self, input: &FaqInput, present: Present) -> EntryId {
        let question = self.checks.required("question", &input.question, KNOWLEDGE_NAME_CHARS_MAX);
        let answer = input.answer.as_deref().and_then(|answer| self.answer(answer));
        let before = same(&self.draft.knowledge.faqs, &question).cloned();
        if before.is_some() && present == Present::Refuse {
            self.checks.refuse("question", FieldCode::Duplicate, "this question is there already");
        }
        if before.is_none() {
            self.room("faqs", self.draft.knowledge.faqs.len());
        }
        let after = match &before {
            Some(before) => Faq { question, answer, ..before.clone() },
            None => Faq {
                id: self.fresh_id::<Faq>(&question),
                question,
                answer,
                created_at: Some(self.now),
                updated_at: None,
            },
        };
        self.set_faq(before.as_ref(), after)
    }

    fn update_faq(&mut self, id: &EntryId, patch: &FaqPatch) -> Result<EntryId, Rejection> {
        let before = known(&self.draft.knowledge.faqs, id)?.clone();
        let mut after = before.clone();
        if let Some(question) = &patch.question {
            after.question = self.checks.required("question", question, KNOWLEDGE_NAME_CHARS_MAX);
            if same(&self.draft.knowledge.faqs, &after.question).is_some_and(|other| other.id != *id) {
                self.checks.refuse("question", FieldCode::Duplicate, "this question is there already");
            }
        }
        if let Some(answer) = &patch.answer {
            after.answer = self.answer(answer);
        }
        Ok(self.set_faq(Some(&before), after))
    }

    fn answer(&mut self, typed: &str) -> Option<Arc<str>> {
        let answer = self.checks.text("answer", typed, KNOWLEDGE_CONTENT_CHARS_MAX);
        Some(answer).filter(|answer| !answer.is_empty())
    }

    fn set_faq(&mut self, before: Option<&Faq>, after: Faq) -> EntryId {
        let id = after.id.clone();
        if before != Some(&after) {
            self.emit(KnowledgeEvent::FaqSet(Faq { updated_at: Some(self.now), ..after }));
        }
        id
    }

    fn link(&mut self, input: &LinkInput) -> EntryId {
        let kind = self.checks.word("type", &input.kind, &LINK_KINDS);
        let url = self.checks.url("url", &input.url);
        let links = &self.draft.knowledge.links;
        let is_same = |link: &&OfferLink| link.kind == kind && (&*kind != NOTION || link.url == url);
        let before = links.iter().rev().find(is_same).cloned();
        if before.is_none() {
            self.room("links", self.draft.knowledge.links.len());
        }
        // An earlier program kept several of one kind, and the newest counted.
        let surplus = self.draft.knowledge.links.iter().filter(|link| {
            link.kind == kind && &*kind != NOTION && before.as_ref().is_some_and(|kept| kept.id != link.id)
        });
        for id in surplus.map(|link| link.id.clone()).collect::<Vec<_>>() {
            self.emit(KnowledgeEvent::LinkDropped(id));
        }
        let after = match &before {
            Some(before) => OfferLink { kind, url, ..before.clone() },
            None => OfferLink {
                id: self.fresh_id::<OfferLink>(&format!("{kind}\0{url}")),
                kind,
                url,
                created_at: Some(self.now),
                updated_at: None,
            },
        };
        let id = after.id.clone();
        if before.as_ref() != Some(&after) {
            self.emit(KnowledgeEvent::LinkSet(OfferLink { updated_at: Some(self.now), ..after }));
        }
        id
    }

    fn tone(&mut self, input: &ToneInput) {
        let tone = Tone {
            kind: self.checks.word("toneType", &input.kind, &TONE_KINDS),
            samples: self.samples(&input.samples),
            files: self.files(&input.files),
        };
        self.set_tone(tone);
    }

    fn update_tone(&mut self, patch: &TonePatch) {
        let mut tone = self.known_tone(FRIENDLY);
        if let Some(kind) = &patch.kind {
            tone.kind = self.checks.word("toneType", kind, &TONE_KINDS);
        }
        if let Some(samples) = &patch.samples {
            tone.samples = self.samples(samples);
        }
        if let Some(files) = &patch.files {
            tone.files = self.files(files);
        }
        self.set_tone(tone);
    }

    fn add_sample(&mut self, typed: &str) {
        let mut tone = self.known_tone(CUSTOM);
        if tone.samples.len() >= TONE_SAMPLES_MAX {
            self.checks.refuse("text", FieldCode::TooMany, "at most 20 samples");
        }
        tone.samples.push(self.checks.required("text", typed, TONE_SAMPLE_CHARS_MAX));
        self.set_tone(tone);
    }

    fn known_tone(&self, kind: &str) -> Tone {
        let fresh = || Tone { kind: kind.into(), samples: Vec::new(), files: Vec::new() };
        self.draft.knowledge.tone.clone().unwrap_or_else(fresh)
    }

    fn samples(&mut self, typed: &[String]) -> Vec<Arc<str>> {
        self.checks.texts("sampleText", typed, TONE_SAMPLES_MAX, TONE_SAMPLE_CHARS_MAX)
    }

    fn files(&mut self, typed: &[String]) -> Vec<Arc<str>> {
        self.checks.texts("sampleFiles", typed, TONE_SAMPLES_MAX, KNOWLEDGE_URL_CHARS_MAX)
    }

    fn set_tone(&mut self, tone: Tone) {
        if self.draft.knowledge.tone.as_ref() != Some(&tone) {
            self.emit(KnowledgeEvent::ToneSet(tone));
        }
    }
}

/// The entry of an id.
fn known<'a, T: Entry>(entries: &'a [T], id: &EntryId) -> Result<&'a T, Rejection> {
    entries.iter().find(|entry| entry.id() == id).ok_or(Rejection::NoEntry(T::KIND))
}

/// The entry that says the same, in any case.
fn same<'a, T: Entry>(entries: &'a [T], subject: &str) -> Option<&'a T> {
    let subject = subject.to_lowercase();
    entries.iter().find(|entry| entry.subject().to_lowercase() == subject)
}
