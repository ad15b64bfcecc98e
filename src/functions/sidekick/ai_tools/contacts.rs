//! `sidekick/aiTools/contacts`: the people who wrote.

use super::rows;
use crate::functions::{
    contacts::words::{FieldsArgs, SentimentWord, StageWord, id},
    context::{Reader, Writer},
    declare::{Done, Module, Reads, Style},
    failure::{CallError, Code, Failure},
    when::When,
};
use greenroom_actors::{
    Timestamp,
    user::{
        Command,
        audit::Write,
        contact::{Contact, FieldSource, Sentiment, Stage},
        contact_change::{ContactChange, ContactPatch, Write as NewValue},
        contact_filter::{ContactFilter, ContactSort, SEARCH_CHARS_MAX},
        slice,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, sync::Arc};

/// Rows of a list when nothing was said.
const LISTED_USUAL: f64 = 50.0;
/// Rows of a search when nothing was said.
const FOUND_USUAL: f64 = 20.0;
/// What changes of a contact may be refused with.
const CHANGES: &[Code] = &[Code::Validation, Code::NotFound, Code::Conflict, Code::BillingStructurallyFrozen];

/// The functions of the module.
pub(super) fn module() -> Module {
    let contacts = Reads::user(slice::CONTACTS);
    Module::new("sidekick/aiTools/contacts", Style::Result)
        .query("listContacts", "Contacts, newest first unless said otherwise.", contacts, list)
        .query("getContact", "One contact.", contacts, get)
        .codes(&[Code::NotFound])
        .query("searchContacts", "Contacts by name or notes, changed last first.", contacts, search)
        .codes(&[Code::Validation])
        .query("getContactTags", "Tags of a contact, in alphabetical order.", contacts, tags)
        .codes(&[Code::NotFound])
        .mutation("updateContact", "Changes fields of a contact; absent ones stay.", update)
        .codes(CHANGES)
        .mutation("addContactTag", "Adds a tag that the contact has not.", add_tag)
        .codes(CHANGES)
        .mutation("removeContactTag", "Removes a tag; fine when it is not there.", remove_tag)
        .codes(CHANGES)
}

/// A contact. What is not known is null.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToolContact {
    id: String,
    /// Handle.
    username: Option<String>,
    /// Newest inbound text.
    last_message: Option<String>,
    last_message_at: Option<When>,
    stage: StageWord,
    sentiment: SentimentWord,
    /// 0 to 100.
    lead_score: Option<u8>,
    next_action: Option<String>,
    /// Whole dollars.
    lead_value: Option<u32>,
    trigger_matched: bool,
    followup_needed: bool,
    followup_message: Option<String>,
    notes: Option<String>,
    requires_human_response: bool,
    human_response_set_at: Option<When>,
    /// Why a person is needed.
    hrn_reason: Option<String>,
    created_at: When,
    updated_at: When,
}

impl From<&Contact> for ToolContact {
    fn from(contact: &Contact) -> Self {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let (crm, hrn) = (&contact.crm, contact.hrn.as_ref());
        Self {
            id: contact.id.to_string(),
            username: text(&contact.username),
            last_message: text(&contact.last_message),
            last_message_at: contact.last_message_at.map(When),
            stage: contact.stage.into(),
            sentiment: contact.sentiment.into(),
            lead_score: contact.lead_score,
            next_action: text(&crm.next_action),
            lead_value: crm.lead_value,
            trigger_matched: contact.trigger_matched,
            followup_needed: contact.followup_needed,
            followup_message: text(&crm.followup_message),
            notes: text(&crm.notes),
            requires_human_response: hrn.is_some(),
            human_response_set_at: hrn.map(|hrn| When(hrn.set_at)),
            hrn_reason: hrn.map(|hrn| hrn.reason.as_ref().to_owned()),
            created_at: When(contact.created_at),
            updated_at: When(contact.updated_at),
        }
    }
}

/// Contacts.
#[derive(Serialize, JsonSchema)]
struct Contacts {
    contacts: Vec<ToolContact>,
}

/// By what contacts are listed, largest first.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum SortBy {
    /// When they came.
    #[default]
    CreatedAt,
    /// When they last wrote.
    LastMessageAt,
    /// How promising they are.
    LeadScore,
}

/// Which contacts.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    #[serde(default)]
    stage: Option<StageWord>,
    #[serde(default)]
    sentiment: Option<SentimentWord>,
    /// 50 unless said otherwise; taken into 1 to 100.
    #[serde(default)]
    limit: Option<f64>,
    /// `createdAt` unless said otherwise.
    #[serde(default)]
    sort_by: Option<SortBy>,
}

async fn list(reader: Reader, args: List) -> Result<Contacts, CallError> {
    let filter = ContactFilter {
        stages: args.stage.map(Stage::from).into_iter().collect(),
        sentiments: args.sentiment.map(Sentiment::from).into_iter().collect(),
        ..ContactFilter::default()
    };
    let rows = rows(args.limit, LISTED_USUAL);
    let all = |sort| reader.user().list_contacts(sort, true, &filter, None).map(|(_, contact)| &**contact);
    let contacts: Vec<&Contact> = match args.sort_by.unwrap_or_default() {
        SortBy::CreatedAt => newest(all(ContactSort::Name), rows, |contact| contact.created_at),
        SortBy::LastMessageAt => all(ContactSort::LastMessage).take(rows).collect(),
        SortBy::LeadScore => all(ContactSort::Score).take(rows).collect(),
    };
    Ok(told(contacts))
}

fn told(contacts: Vec<&Contact>) -> Contacts {
    Contacts { contacts: contacts.into_iter().map(ToolContact::from).collect() }
}

/// So many of the newest, newest first.
fn newest<'a>(
    contacts: impl Iterator<Item = &'a Contact>,
    rows: usize,
    at: fn(&Contact) -> Timestamp,
) -> Vec<&'a Contact> {
    let order = |a: &&Contact, b: &&Contact| -> Ordering { (at(b), &b.id).cmp(&(at(a), &a.id)) };
    let mut all: Vec<&Contact> = contacts.collect();
    if all.len() > rows {
        all.select_nth_unstable_by(rows, order);
        all.truncate(rows);
    }
    all.sort_unstable_by(order);
    all
}

/// Names a contact.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByContactId {
    /// Which.
    contact_id: String,
}

fn find<'a>(reader: &'a Reader, contact_id: &str) -> Result<&'a Contact, Failure> {
    reader.user().contact(contact_id).map(|contact| &**contact).ok_or_else(|| Failure::not_found("contact"))
}

/// A contact.
#[derive(Serialize, JsonSchema)]
struct Told {
    contact: ToolContact,
}

async fn get(reader: Reader, args: ByContactId) -> Result<Told, CallError> {
    Ok(Told { contact: find(&reader, &args.contact_id)?.into() })
}

/// What to look for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// Contained in the handle or the notes, in any case. 1 to 200 characters.
    query: String,
    /// 20 unless said otherwise; taken into 1 to 100.
    #[serde(default)]
    limit: Option<f64>,
}

async fn search(reader: Reader, args: Search) -> Result<Contacts, CallError> {
    let query = args.query.trim().to_lowercase();
    if query.is_empty() || query.chars().count() > SEARCH_CHARS_MAX {
        return Err(Failure::field("query", "1 to 200 characters").into());
    }
    let contains =
        |text: &Option<Arc<str>>| text.as_ref().is_some_and(|text| text.to_lowercase().contains(&query));
    // The index of searchable texts leaves few to look at.
    let filter = ContactFilter { search: Some(query.clone()), ..ContactFilter::default() };
    let found = reader.user().list_contacts(ContactSort::Name, false, &filter, None);
    let found = found.map(|(_, contact)| &**contact);
    let found = found.filter(|contact| contains(&contact.username) || contains(&contact.crm.notes));
    Ok(told(newest(found, rows(args.limit, FOUND_USUAL), |contact| contact.updated_at)))
}

/// A tag.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Tag {
    /// The tag itself: a contact has it once.
    id: String,
    tag: String,
    /// Null: it is not kept when a tag was added.
    created_at: Option<When>,
}

/// Tags.
#[derive(Serialize, JsonSchema)]
struct Tags {
    tags: Vec<Tag>,
}

async fn tags(reader: Reader, args: ByContactId) -> Result<Tags, CallError> {
    let contact = find(&reader, &args.contact_id)?;
    let mut tags: Vec<&Arc<str>> = contact.crm.tags.iter().collect();
    tags.sort_unstable();
    let tag =
        |tag: &Arc<str>| Tag { id: tag.as_ref().to_owned(), tag: tag.as_ref().to_owned(), created_at: None };
    Ok(Tags { tags: tags.into_iter().map(tag).collect() })
}

async fn change(
    writer: &Writer,
    tool: &'static str,
    contact_id: String,
    change: ContactChange,
    bytes: usize,
) -> Result<Done, CallError> {
    id("contactId", &contact_id)?;
    let command = Command::Contact { contact: contact_id.into(), change, by: FieldSource::Tool };
    writer.ask_as_tool(tool, Write::Command(Box::new(command)), bytes).await.map(|_| Done {})
}

async fn update(writer: Writer, args: FieldsArgs) -> Result<Done, CallError> {
    let contact_id = args.contact_id.clone();
    let patch = args.read()?;
    let bytes = bytes(&patch);
    change(&writer, "updateContact", contact_id, ContactChange::Edit(patch), bytes).await
}

fn bytes(patch: &ContactPatch) -> usize {
    let texts = [&patch.notes, &patch.next_action];
    let of = |text: &NewValue<Arc<str>>| if let NewValue::Set(text) = text { text.len() } else { 0 };
    texts.into_iter().flatten().map(of).sum()
}

/// A tag of a contact.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByTag {
    /// Whose.
    contact_id: String,
    /// Trimmed, in lower case; 1 to 24 characters. A contact has at most 10.
    tag: String,
}

async fn add_tag(writer: Writer, args: ByTag) -> Result<Done, CallError> {
    change(&writer, "addContactTag", args.contact_id, ContactChange::AddTag(args.tag), 0).await
}

async fn remove_tag(writer: Writer, args: ByTag) -> Result<Done, CallError> {
    change(&writer, "removeContactTag", args.contact_id, ContactChange::RemoveTag(args.tag), 0).await
}
