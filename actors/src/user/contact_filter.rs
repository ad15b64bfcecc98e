//! Which contacts, and in which order.

use super::{
    contact::{Contact, Crm, Sentiment, Stage},
    contact_index::Facts,
};
use crate::{Timestamp, id::Igsid};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, sync::Arc};

/// Longest search, in characters.
pub const SEARCH_CHARS_MAX: usize = 200;

/// Which contacts: those to which all of it applies. The default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactFilter {
    /// Contained in name, last message, notes or a tag, in any case. Blank is none.
    pub search: Option<String>,
    /// One of these stages; of none, any.
    pub stages: Vec<Stage>,
    /// One of these moods; of none, any.
    pub sentiments: Vec<Sentiment>,
    /// At least one of these tags; of none, any.
    pub tags: Vec<Arc<str>>,
    /// With the lock, or without it.
    pub hrn: Option<bool>,
    /// To be written to, or not.
    pub followup_needed: Option<bool>,
    /// At least this score.
    pub score_min: Option<u8>,
    /// At most this score.
    pub score_max: Option<u8>,
    /// At least this value.
    pub value_min: Option<u32>,
    /// At most this value.
    pub value_max: Option<u32>,
}

/// In which order contacts are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContactSort {
    /// Name as shown, in any case.
    #[default]
    Name,
    /// Instant of the last message; those without one count as oldest.
    LastMessage,
    /// Lead score; none counts as lowest.
    Score,
    /// Lead value; none counts as lowest.
    Value,
    /// Since when a person is needed. Only those where one is.
    HrnTime,
    /// Instant of our last message; never counts as oldest. Only those to be written to.
    FollowUp,
}

impl ContactSort {
    /// Every order.
    pub const ALL: [Self; 6] =
        [Self::Name, Self::LastMessage, Self::Score, Self::Value, Self::HrnTime, Self::FollowUp];
}

/// What a contact is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rank {
    /// A name in its matching form.
    Name(Arc<str>),
    /// An instant.
    At(Option<Timestamp>),
    /// A number.
    Number(Option<u32>),
}

/// The place of a contact in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactKey {
    pub(super) rank: Rank,
    pub(super) person: Igsid,
    pub(super) descending: bool,
}

impl Ord for ContactKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = (&self.rank, &self.person).cmp(&(&other.rank, &other.person));
        if self.descending { ascending.reverse() } else { ascending }
    }
}

impl PartialOrd for ContactKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A filter made ready to be asked many times.
pub struct Matcher<'a> {
    filter: &'a ContactFilter,
    search: Option<Finder<'static>>,
}

impl<'a> Matcher<'a> {
    /// Prepares a filter.
    #[must_use]
    pub fn new(filter: &'a ContactFilter) -> Self {
        let needle = filter.search.as_deref().map(|search| search.trim().to_lowercase());
        let needle = needle.filter(|needle| !needle.is_empty());
        Self { filter, search: needle.map(|needle| Finder::new(needle.as_bytes()).into_owned()) }
    }

    pub(super) fn takes(&self, facts: &Facts) -> bool {
        self.takes_stage(facts.stage)
            && self.takes_sentiment(facts.sentiment)
            && self.takes_tags(&facts.crm)
            && self.takes_rest(facts)
    }

    pub(super) fn takes_stage(&self, stage: Stage) -> bool {
        self.filter.stages.is_empty() || self.filter.stages.contains(&stage)
    }

    pub(super) fn takes_sentiment(&self, sentiment: Sentiment) -> bool {
        self.filter.sentiments.is_empty() || self.filter.sentiments.contains(&sentiment)
    }

    pub(super) fn takes_tags(&self, crm: &Crm) -> bool {
        self.filter.tags.is_empty() || crm.tags.iter().any(|tag| self.filter.tags.contains(tag))
    }

    /// All but stage, mood and tags.
    pub(super) fn takes_rest(&self, facts: &Facts) -> bool {
        let filter = self.filter;
        let within = |value: Option<u32>, min: Option<u32>, max: Option<u32>| {
            min.is_none_or(|min| value.is_some_and(|value| value >= min))
                && max.is_none_or(|max| value.is_some_and(|value| value <= max))
        };
        let (score_min, score_max) = (filter.score_min.map(u32::from), filter.score_max.map(u32::from));
        filter.hrn.is_none_or(|hrn| hrn == facts.hrn_set_at.is_some())
            && filter.followup_needed.is_none_or(|needed| needed == facts.followup_needed)
            && within(facts.lead_score.map(u32::from), score_min, score_max)
            && within(facts.crm.lead_value, filter.value_min, filter.value_max)
            && self.search.as_ref().is_none_or(|search| search.find(facts.haystack.as_bytes()).is_some())
    }
}

impl ContactFilter {
    /// It is the default: all contacts.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// The name under which clients see a contact.
#[must_use]
pub fn shown_name(contact: &Contact) -> &str {
    contact.username.as_deref().unwrap_or("Unknown")
}
