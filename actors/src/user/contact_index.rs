//! What can be derived from contacts: their orders, counts and searchable texts. Kept up with every change, so that a page
//! costs what is on it; rebuilt after a snapshot is read.

use super::{
    contact::{Contact, Crm, Sentiment, Stage},
    contact_filter::{ContactFilter, ContactKey, ContactSort, Matcher, Rank, shown_name},
};
use crate::{Timestamp, id::Igsid};
use imbl::{OrdMap, OrdSet};
use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

/// Characters of a name that count for its place.
const NAME_CHARS_MAX: usize = 48;

/// What is derived from one contact.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Name in its matching form.
    name: Arc<str>,
    last_message_at: Option<Timestamp>,
    last_outbound_at: Option<Timestamp>,
    pub(super) lead_score: Option<u8>,
    pub(super) hrn_set_at: Option<Timestamp>,
    pub(super) followup_needed: bool,
    pub(super) stage: Stage,
    pub(super) sentiment: Sentiment,
    pub(super) crm: Arc<Crm>,
    /// Everything that is searched, in lower case.
    pub(super) haystack: Arc<str>,
    /// What it was made of.
    texts: [Option<Arc<str>>; 3],
}

impl Facts {
    fn of(contact: &Contact, before: Option<&Self>) -> Self {
        let texts =
            [&contact.username, &contact.display_name, &contact.last_message].map(|text| text.clone());
        let unchanged = before.filter(|before| {
            Arc::ptr_eq(&before.crm, &contact.crm)
                && before.texts.iter().zip(&texts).all(|(before, now)| is_same(before.as_ref(), now.as_ref()))
        });
        let name = || -> Arc<str> {
            let name: String = shown_name(contact).to_lowercase().chars().take(NAME_CHARS_MAX).collect();
            name.into()
        };
        Self {
            name: unchanged.map_or_else(name, |before| Arc::clone(&before.name)),
            last_message_at: contact.last_message_at,
            last_outbound_at: contact.last_outbound_at,
            lead_score: contact.lead_score,
            hrn_set_at: contact.hrn.as_ref().map(|hrn| hrn.set_at),
            followup_needed: contact.followup_needed,
            stage: contact.stage,
            sentiment: contact.sentiment,
            crm: Arc::clone(&contact.crm),
            haystack: unchanged.map_or_else(|| haystack(contact), |before| Arc::clone(&before.haystack)),
            texts,
        }
    }

    /// Its place in an order; `None` when it is not listed there.
    fn rank(&self, sort: ContactSort) -> Option<Rank> {
        Some(match sort {
            ContactSort::Name => Rank::Name(Arc::clone(&self.name)),
            ContactSort::LastMessage => Rank::At(self.last_message_at),
            ContactSort::Score => Rank::Number(self.lead_score.map(u32::from)),
            ContactSort::Value => Rank::Number(self.crm.lead_value),
            ContactSort::HrnTime => Rank::At(Some(self.hrn_set_at?)),
            ContactSort::FollowUp => Rank::At(self.followup_needed.then_some(self.last_outbound_at)?),
        })
    }
}

fn is_same(before: Option<&Arc<str>>, now: Option<&Arc<str>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (None, None) => true,
        _ => false,
    }
}

fn haystack(contact: &Contact) -> Arc<str> {
    let crm = &contact.crm;
    let name = Some(shown_name(contact));
    let texts =
        [name, contact.display_name.as_deref(), contact.last_message.as_deref(), crm.notes.as_deref()];
    let mut all = String::new();
    for text in texts.into_iter().flatten().chain(crm.tags.iter().map(AsRef::as_ref)) {
        all.push_str(text);
        // A search never reaches over two of them.
        all.push('\u{1}');
    }
    all.to_lowercase().into()
}

/// How many contacts there are of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By stage.
    pub stages: BTreeMap<&'static str, u32>,
    /// By mood.
    pub sentiments: BTreeMap<&'static str, u32>,
    /// By tag.
    pub tags: BTreeMap<Arc<str>, u32>,
    /// With the lock.
    pub hrn: u32,
    /// To be written to.
    pub followup_needed: u32,
    /// All that match.
    pub matching: u32,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct ContactIndex {
    facts: OrdMap<Igsid, Arc<Facts>>,
    /// By [`ContactSort::ALL`].
    orders: [OrdSet<(Rank, Igsid)>; ContactSort::ALL.len()],
    stages: [u32; Stage::ALL.len()],
    sentiments: [u32; Sentiment::ALL.len()],
    tags: OrdMap<Arc<str>, u32>,
    /// When a contact last changed, came or went.
    changed_at: Option<Timestamp>,
}

impl ContactIndex {
    /// The index of these contacts.
    pub(super) fn of<'a>(contacts: impl Iterator<Item = &'a Arc<Contact>>) -> Self {
        let mut index = Self::default();
        contacts.for_each(|contact| index.set(contact));
        index
    }

    /// A contact came or changed.
    pub(super) fn set(&mut self, contact: &Contact) {
        let before = self.facts.get(&contact.igsid).cloned();
        let after = Facts::of(contact, before.as_deref());
        self.changed_at = self.changed_at.max(Some(contact.updated_at));
        self.replace(&contact.igsid, before.as_deref(), Some(&after));
        self.facts.insert(contact.igsid.clone(), Arc::new(after));
    }

    /// A contact went.
    pub(super) fn remove(&mut self, person: &Igsid, at: Timestamp) {
        if let Some(before) = self.facts.remove(person) {
            self.changed_at = self.changed_at.max(Some(at));
            self.replace(person, Some(&before), None);
        }
    }

    fn replace(&mut self, person: &Igsid, before: Option<&Facts>, after: Option<&Facts>) {
        for (order, sort) in self.orders.iter_mut().zip(ContactSort::ALL) {
            let [before, after] = [before, after].map(|facts| facts.and_then(|facts| facts.rank(sort)));
            if before == after {
                continue;
            }
            if let Some(rank) = before {
                order.remove(&(rank, person.clone()));
            }
            if let Some(rank) = after {
                order.insert((rank, person.clone()));
            }
        }
        self.count(before, after);
    }

    fn count(&mut self, before: Option<&Facts>, after: Option<&Facts>) {
        for (facts, comes) in [(before, false), (after, true)] {
            let Some(facts) = facts else { continue };
            let step = |count: &mut u32| {
                *count = if comes { count.saturating_add(1) } else { count.saturating_sub(1) };
            };
            step(&mut self.stages[facts.stage as usize]);
            step(&mut self.sentiments[facts.sentiment as usize]);
        }
        if let (Some(before), Some(after)) = (before, after)
            && (Arc::ptr_eq(&before.crm, &after.crm) || before.crm.tags == after.crm.tags)
        {
            return;
        }
        for tag in before.iter().flat_map(|facts| &facts.crm.tags) {
            match self.tags.get_mut(tag) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.tags.remove(tag)),
            }
        }
        for tag in after.iter().flat_map(|facts| &facts.crm.tags) {
            *self.tags.entry(Arc::clone(tag)).or_insert(0) += 1;
        }
    }

    pub(super) fn facts(&self, person: &Igsid) -> Option<&Arc<Facts>> {
        self.facts.get(person)
    }

    pub(super) const fn changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    /// Every tag with its number of contacts, in alphabetical order.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&Arc<str>, u32)> {
        self.tags.iter().map(|(tag, count)| (tag, *count))
    }

    /// Persons in an order, those after a key.
    pub(super) fn ordered(
        &self,
        sort: ContactSort,
        descending: bool,
        after: Option<&ContactKey>,
    ) -> Box<dyn Iterator<Item = &(Rank, Igsid)> + Send + '_> {
        let order = &self.orders[sort as usize];
        let after = after.map_or(Unbounded, |key| Excluded((key.rank.clone(), key.person.clone())));
        match (descending, after) {
            (false, after) => Box::new(order.range((after, Unbounded))),
            (true, before) => Box::new(order.range((Unbounded, before)).rev()),
        }
    }

    /// How many match.
    pub(super) fn matching(&self, filter: &ContactFilter) -> usize {
        if filter.is_all() {
            return self.facts.len();
        }
        let matcher = Matcher::new(filter);
        self.facts.values().filter(|facts| matcher.takes(facts)).count()
    }

    /// Counts by stage, mood and tag, each of what all other parts of the filter take.
    pub(super) fn facets(&self, filter: &ContactFilter) -> Facets {
        if filter.is_all() {
            return self.all();
        }
        let matcher = Matcher::new(filter);
        let mut facets = Facets::default();
        for facts in self.facts.values().filter(|facts| matcher.takes_rest(facts)) {
            let stage = matcher.takes_stage(facts.stage);
            let sentiment = matcher.takes_sentiment(facts.sentiment);
            let tags = matcher.takes_tags(&facts.crm);
            if sentiment && tags {
                *facets.stages.entry(facts.stage.as_str()).or_default() += 1;
            }
            if stage && tags {
                *facets.sentiments.entry(facts.sentiment.as_str()).or_default() += 1;
            }
            if stage && sentiment {
                for tag in &facts.crm.tags {
                    *facets.tags.entry(Arc::clone(tag)).or_default() += 1;
                }
            }
            if stage && sentiment && tags {
                facets.matching += 1;
                facets.hrn += u32::from(facts.hrn_set_at.is_some());
                facets.followup_needed += u32::from(facts.followup_needed);
            }
        }
        facets
    }

    fn all(&self) -> Facets {
        let stages = Stage::ALL.into_iter().map(|stage| (stage.as_str(), self.stages[stage as usize]));
        let sentiments =
            Sentiment::ALL.into_iter().map(|mood| (mood.as_str(), self.sentiments[mood as usize]));
        let listed = |sort: ContactSort| u32::try_from(self.orders[sort as usize].len()).unwrap_or(u32::MAX);
        Facets {
            stages: stages.filter(|(_, count)| *count > 0).collect(),
            sentiments: sentiments.filter(|(_, count)| *count > 0).collect(),
            tags: self.tags().map(|(tag, count)| (Arc::clone(tag), count)).collect(),
            hrn: listed(ContactSort::HrnTime),
            followup_needed: listed(ContactSort::FollowUp),
            matching: u32::try_from(self.facts.len()).unwrap_or(u32::MAX),
        }
    }
}
