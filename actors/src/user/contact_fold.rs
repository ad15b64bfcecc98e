//! Folding what was changed by hand, or by a tool, into a contact.

use super::{
    User, UserEvent,
    contact::{Contact, FieldSource},
    contact_change::ContactPatch,
};
use crate::Timestamp;
use std::sync::Arc;

impl User {
    pub(super) fn fold_by_hand(&mut self, event: &UserEvent) {
        match event {
            UserEvent::ContactEdited { person, edit, by, at } => {
                self.with_contact(person, |contact| apply(contact, edit, *by, *at));
            }
            UserEvent::ContactTagged { person, tag, at } => self.with_contact(person, |contact| {
                contact.updated_at = *at;
                if !contact.crm.tags.contains(tag) {
                    Arc::make_mut(&mut contact.crm).tags.push(Arc::clone(tag));
                }
            }),
            UserEvent::ContactUntagged { person, tag, at } => self.with_contact(person, |contact| {
                contact.updated_at = *at;
                Arc::make_mut(&mut contact.crm).tags.retain(|known| known != tag);
            }),
            UserEvent::FollowUpDecided { person, needed, snoozed_until, at } => {
                self.with_contact(person, |contact| {
                    contact.updated_at = *at;
                    contact.followup_needed = *needed;
                    if contact.crm.followup_snoozed_until != *snoozed_until {
                        Arc::make_mut(&mut contact.crm).followup_snoozed_until = *snoozed_until;
                    }
                });
            }
            UserEvent::ContactDeleted { person, forgetting } => self.delete_contact(person, forgetting),
            UserEvent::ForgettingSet { person, forgetting } => self.set_forgetting(person, forgetting),
            UserEvent::ForgettingClosed(person) => self.close_forgetting(person),
            UserEvent::BulkSet(bulk) => {
                self.side_used(bulk.no);
                self.bulks.insert(bulk.no, Arc::clone(bulk));
            }
            UserEvent::BulkEnded(no) => {
                self.bulks.remove(no);
            }
            _ => {}
        }
    }
}

fn apply(contact: &mut Contact, edit: &ContactPatch, by: FieldSource, at: Timestamp) {
    contact.updated_at = at;
    let crm = Arc::make_mut(&mut contact.crm);
    if let Some(stage) = edit.stage {
        contact.stage = stage;
        crm.stage_source = Some(by);
    }
    if let Some(sentiment) = edit.sentiment {
        contact.sentiment = sentiment;
        crm.sentiment_source = Some(by);
    }
    if let Some(score) = edit.lead_score {
        contact.lead_score = score.value();
        crm.score_source = Some(by);
    }
    if let Some(value) = edit.lead_value {
        crm.lead_value = value.value();
        crm.value_source = Some(by);
    }
    if let Some(next) = &edit.next_action {
        crm.next_action = next.clone().value();
        crm.next_action_source = Some(by);
    }
    if let Some(notes) = &edit.notes {
        crm.notes = notes.clone().value().filter(|notes| !notes.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{AccountId, ContactId, Igsid},
        user::{contact::ContactSource, contact_change::Write},
    };

    #[test]
    fn only_what_is_named_changes() {
        let (igsid, account) = (Igsid::from("9"), AccountId::from("1"));
        let id = ContactId::from("c");
        let mut contact = Contact::new(id, igsid, account, ContactSource::Message, Timestamp::MIN);
        let edit = ContactPatch { lead_value: Some(Write::Set(0)), ..ContactPatch::default() };
        apply(&mut contact, &edit, FieldSource::User, Timestamp::from_millis(5));
        assert_eq!((contact.crm.lead_value, contact.crm.value_source), (Some(0), Some(FieldSource::User)));
        assert_eq!((contact.crm.stage_source, contact.lead_score), (None, Some(50)));
        let edit = ContactPatch { lead_value: Some(Write::Clear), ..ContactPatch::default() };
        apply(&mut contact, &edit, FieldSource::User, Timestamp::from_millis(6));
        assert_eq!(contact.crm.lead_value, None);
    }
}
