//! Questions about contacts to a snapshot.

use super::{
    User,
    contact::Contact,
    contact_filter::{ContactFilter, ContactKey, ContactSort, Matcher},
    contact_index::Facets,
    decision::DecisionNo,
};
use crate::{
    Timestamp,
    id::{ContactId, Igsid},
};
use std::sync::Arc;

impl User {
    /// A contact by the id that clients see, or by the id on Instagram.
    #[must_use]
    pub fn contact(&self, id: &str) -> Option<&Arc<Contact>> {
        let by_client_id =
            self.contact_ids.get(&ContactId::from(id)).and_then(|person| self.contacts.get(person));
        by_client_id.or_else(|| self.contacts.get(id))
    }

    /// Contacts that match, in an order, those after a key. Without a filter each one costs its own look-up; with one,
    /// those passed over cost a look each.
    pub fn list_contacts<'a>(
        &'a self,
        sort: ContactSort,
        descending: bool,
        filter: &'a ContactFilter,
        after: Option<&ContactKey>,
    ) -> impl Iterator<Item = (ContactKey, &'a Arc<Contact>)> + Send + use<'a> {
        let matcher = (!filter.is_all()).then(|| Matcher::new(filter));
        self.contact_index.ordered(sort, descending, after).filter_map(move |(rank, person)| {
            if let Some(matcher) = &matcher
                && !self.contact_index.facts(person).is_some_and(|facts| matcher.takes(facts))
            {
                return None;
            }
            let contact = self.contacts.get(person)?;
            Some((ContactKey { rank: rank.clone(), person: person.clone(), descending }, contact))
        })
    }

    /// How many contacts match.
    #[must_use]
    pub fn count_contacts(&self, filter: &ContactFilter) -> usize {
        self.contact_index.matching(filter)
    }

    /// Counts of contacts by stage, mood and tag: each of those that all other parts of the filter take.
    #[must_use]
    pub fn contact_facets(&self, filter: &ContactFilter) -> Facets {
        self.contact_index.facets(filter)
    }

    /// Every tag with its number of contacts, in alphabetical order.
    pub fn contact_tags(&self) -> impl Iterator<Item = (&Arc<str>, u32)> {
        self.contact_index.tags()
    }

    /// When a contact last changed, came or went.
    #[must_use]
    pub const fn contacts_changed_at(&self) -> Option<Timestamp> {
        self.contact_index.changed_at()
    }

    /// Contacts that need a person, longest waiting first.
    pub fn hrn_queue(&self) -> impl Iterator<Item = &Arc<Contact>> {
        let locked = self.contact_index.ordered(ContactSort::HrnTime, false, None);
        locked.filter_map(|(_, person)| self.contacts.get(person))
    }

    /// The message of this number came before this state.
    #[must_use]
    pub const fn has_seen(&self, no: DecisionNo) -> bool {
        no.0 < self.next_no
    }

    /// The message of this number belongs to a contact that was deleted, whatever its row in the history still says.
    #[must_use]
    pub fn was_deleted(&self, person: &Igsid, no: DecisionNo) -> bool {
        self.forgettings.get(person).is_some_and(|forgetting| no <= forgetting.last)
    }
}
