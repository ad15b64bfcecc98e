//! What offers, answers and links have in common: an id.

use super::{Faq, Offer, OfferLink};
use crate::user::keys;
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, sync::Arc};

/// The id of an offer, an answer or a link. Opaque, at most 128 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(Arc<str>);

impl EntryId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for EntryId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for EntryId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of a list.
pub(in crate::user) trait Entry: Clone + PartialEq {
    /// What it is called among others.
    const KIND: &'static str;

    fn id(&self) -> &EntryId;
    fn id_mut(&mut self) -> &mut EntryId;
    /// What tells it from the others of its kind.
    fn subject(&self) -> &str;
}

impl Entry for Offer {
    const KIND: &'static str = "offer";

    fn id(&self) -> &EntryId {
        &self.id
    }

    fn id_mut(&mut self) -> &mut EntryId {
        &mut self.id
    }

    fn subject(&self) -> &str {
        &self.name
    }
}

impl Entry for Faq {
    const KIND: &'static str = "faq";

    fn id(&self) -> &EntryId {
        &self.id
    }

    fn id_mut(&mut self) -> &mut EntryId {
        &mut self.id
    }

    fn subject(&self) -> &str {
        &self.question
    }
}

impl Entry for OfferLink {
    const KIND: &'static str = "link";

    fn id(&self) -> &EntryId {
        &self.id
    }

    fn id_mut(&mut self) -> &mut EntryId {
        &mut self.id
    }

    fn subject(&self) -> &str {
        &self.url
    }
}

/// Reads a list; entries of an earlier program get the id that they always get.
pub(super) fn with_ids<'de, D: Deserializer<'de>, T: Entry + Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let mut entries = Vec::<T>::deserialize(deserializer)?;
    for (place, entry) in entries.iter_mut().enumerate() {
        if entry.id().as_str().is_empty() {
            let subject = format!("{place}\0{}", entry.subject());
            *entry.id_mut() = keys::derived_id(T::KIND, &subject).into();
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::super::Knowledge;

    #[test]
    fn entries_of_an_earlier_program_get_the_same_ids_every_time() {
        let old = r#"{"offers":[{"name":"cake","content":"","value":1},{"name":"cake","content":"","value":2}],
            "faqs":[{"question":"cake","answer":null}],"links":[{"kind":"primary","url":"https://a.example"}]}"#;
        let read = || serde_json::from_str::<Knowledge>(old).unwrap();
        let knowledge = read();
        let mut ids: Vec<_> = knowledge.offers.iter().map(|offer| offer.id.clone()).collect();
        ids.push(knowledge.faqs[0].id.clone());
        ids.push(knowledge.links[0].id.clone());
        assert!(ids.iter().all(|id| id.as_str().len() == 36), "{ids:?}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4);
        assert_eq!(knowledge, read());
        let stored = serde_json::to_string(&knowledge).unwrap();
        assert_eq!(serde_json::from_str::<Knowledge>(&stored).unwrap(), knowledge);
    }
}
