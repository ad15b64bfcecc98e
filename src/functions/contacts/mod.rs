//! `contacts`: the people who wrote, for their owner.

mod change;
mod conversation;
mod export;
mod list;
mod many;
mod send;
mod tags;
mod view;
pub(super) mod words;

use super::declare::{Module, Reads, SignedOut, Style};
use super::failure::Code;
use greenroom_actors::user::slice;

/// What changes of a contact may be refused with.
const CHANGES: &[Code] = &[Code::Validation, Code::NotFound, Code::Conflict, Code::BillingStructurallyFrozen];
/// What messages by hand may be refused with.
const SENDS: &[Code] = &[Code::Validation, Code::NotFound, Code::Conflict, Code::NotConnected];

/// The functions of the module.
pub(super) fn module() -> Module {
    let module = Module::new("contacts", Style::Throws);
    changes(lists(module).style(Style::Result))
}

/// Whose results are no objects, or pages.
fn lists(module: Module) -> Module {
    let contacts = Reads::user(slice::CONTACTS);
    let (none, nothing) = (SignedOut::Gets("[]"), SignedOut::Gets("null"));
    module
        .query(
            "fetchContacts",
            "Contacts by name, at most 500; `list` gives them all.",
            contacts,
            list::first,
        )
        .signed_out(none)
        .query("fetchInstagramContacts", "The old name of `fetchContacts`.", contacts, list::first)
        .signed_out(none)
        .query("list", "A page of contacts, filtered and sorted.", contacts, list::page)
        .query(
            "fetchFollowUpContacts",
            "Whom to write to, longest waiting first.",
            contacts,
            list::follow_ups,
        )
        .signed_out(none)
        .query(
            "fetchHRNContacts",
            "Who needs a person, newest first unless said otherwise.",
            contacts,
            list::locked,
        )
        .signed_out(none)
        .query(
            "contactFacets",
            "How many contacts there are of which stage, mood and tag.",
            contacts,
            list::facets,
        )
        .query("getConversation", "A page of a thread, newest message first.", contacts, conversation::page)
        .codes(&[Code::NotFound])
        .query("fetchContactTagsForContacts", "Tags of contacts by their ids.", contacts, tags::of_many)
        .signed_out(SignedOut::Gets("{}"))
        .query(
            "getContactsLastUpdatedAt",
            "When a contact last changed, came or went.",
            contacts,
            list::changed_at,
        )
        .signed_out(nothing)
        .query(
            "hasContactsUpdatedSince",
            "Whether a contact changed after an instant.",
            contacts,
            list::changed_since,
        )
        .signed_out(SignedOut::Gets("{\"updated\":false}"))
}

/// Whose results are objects.
fn changes(module: Module) -> Module {
    let contacts = Reads::user(slice::CONTACTS);
    module
        .query("getContact", "One contact.", contacts, list::get)
        .codes(&[Code::NotFound])
        .query("getContactTagsAction", "Tags of a contact, in alphabetical order.", contacts, tags::of_one)
        .codes(&[Code::NotFound])
        .query("getUserTagsAction", "All tags in use, in alphabetical order.", contacts, tags::all)
        .mutation("updateContact", "Changes fields of a contact; null clears.", change::fields)
        .codes(CHANGES)
        .mutation("updateContactStage", "Sets the stage.", change::stage)
        .codes(CHANGES)
        .mutation("updateContactSentiment", "Sets the mood.", change::sentiment)
        .codes(CHANGES)
        .mutation("updateContactNotes", "Sets the notes.", change::notes)
        .codes(CHANGES)
        .mutation("updateContactHRNState", "Leaves a thread to a person, or not any more.", change::hrn)
        .codes(CHANGES)
        .mutation(
            "updateContactFollowUpStatus",
            "Says whether a contact is to be written to.",
            change::follow_up,
        )
        .codes(CHANGES)
        .mutation("updateContactAfterFollowUp", "Changes fields after a follow-up.", change::followed_up)
        .codes(CHANGES)
        .mutation("addContactTagAction", "Adds a tag.", tags::add)
        .codes(CHANGES)
        .mutation("removeContactTagAction", "Removes a tag; fine when it is not there.", tags::remove)
        .codes(CHANGES)
        .mutation("bulkUpdateContacts", "Changes up to 500 contacts, or all that match.", many::update)
        .codes(CHANGES)
        .mutation(
            "deleteContact",
            "Deletes a contact and everything it wrote and was written.",
            change::delete,
        )
        .codes(&[Code::NotFound])
        .mutation("replyToContact", "Writes to a contact by hand.", send::reply)
        .codes(SENDS)
        .seen_outside()
        .mutation("sendFollowUp", "Writes to a contact by hand; no follow-up is needed then.", send::reply)
        .codes(SENDS)
        .seen_outside()
        .action("generateFollowUpMessage", "Drafts a follow-up.", send::draft)
        .codes(&[Code::NotFound, Code::NotConnected, Code::BillingStructurallyFrozen, Code::AiUnavailable])
        .action("syncInstagramContacts", "Reads the account's conversations anew.", send::sync)
        .codes(&[Code::NotConnected, Code::BillingStructurallyFrozen, Code::Upstream])
        .action(
            "exportContacts",
            "An address where a table of contacts can be had for a while.",
            export::link,
        )
        .codes(&[Code::Validation])
}
