//! How facts change: one entry at a time, folded into what is there.

use super::{EntryId, Faq, Knowledge, Offer, OfferLink, Tone, entry::Entry};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A fact changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KnowledgeEvent {
    /// What the business sells, in one text.
    MainOfferingSet(Option<Arc<str>>),
    /// An offer was made or changed.
    OfferSet(Offer),
    /// An offer was deleted.
    OfferDropped(EntryId),
    /// A question was asked or answered.
    FaqSet(Faq),
    /// A question was deleted.
    FaqDropped(EntryId),
    /// A link was made or changed.
    LinkSet(OfferLink),
    /// A link was deleted.
    LinkDropped(EntryId),
    /// The voice changed.
    ToneSet(Tone),
}

impl Knowledge {
    pub(in crate::user) fn fold(&mut self, event: &KnowledgeEvent) {
        match event {
            KnowledgeEvent::MainOfferingSet(text) => self.main_offering.clone_from(text),
            KnowledgeEvent::OfferSet(offer) => set(&mut self.offers, offer),
            KnowledgeEvent::OfferDropped(id) => self.offers.retain(|offer| offer.id != *id),
            KnowledgeEvent::FaqSet(faq) => set(&mut self.faqs, faq),
            KnowledgeEvent::FaqDropped(id) => self.faqs.retain(|faq| faq.id != *id),
            KnowledgeEvent::LinkSet(link) => set(&mut self.links, link),
            KnowledgeEvent::LinkDropped(id) => self.links.retain(|link| link.id != *id),
            KnowledgeEvent::ToneSet(tone) => self.tone = Some(tone.clone()),
        }
    }
}

fn set<T: Entry>(entries: &mut Vec<T>, entry: &T) {
    match entries.iter_mut().find(|known| known.id() == entry.id()) {
        Some(known) => *known = entry.clone(),
        None => entries.push(entry.clone()),
    }
}

impl KnowledgeEvent {
    /// Rough bytes of its texts.
    pub(in crate::user) fn bytes(&self) -> usize {
        let of = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        match self {
            Self::MainOfferingSet(text) => of(text),
            Self::OfferSet(offer) => offer.name.len() + offer.content.len(),
            Self::FaqSet(faq) => faq.question.len() + of(&faq.answer),
            Self::LinkSet(link) => link.url.len(),
            Self::ToneSet(tone) => tone.samples.iter().chain(&tone.files).map(|text| text.len()).sum(),
            Self::OfferDropped(_) | Self::FaqDropped(_) | Self::LinkDropped(_) => 0,
        }
    }
}
