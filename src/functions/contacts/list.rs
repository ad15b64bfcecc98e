//! Lists, counts and single contacts.

use super::{
    view::ContactView,
    words::{FilterArgs, Order, SentimentWord, SortWord, id, whole},
};
use crate::functions::{
    NoArgs, Reader, When,
    failure::{CallError, Failure},
    pages::{self, PaginationOpts, PaginationResult, ROWS_MAX},
};
use greenroom_actors::user::{
    contact::{Contact, Sentiment},
    contact_filter::{ContactFilter, ContactSort},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// A short list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FirstArgs {
    #[serde(default)]
    filter: Option<FilterArgs>,
    /// By name unless said otherwise.
    #[serde(default)]
    sort: Option<SortWord>,
    /// `asc` unless said otherwise.
    #[serde(default)]
    order: Option<Order>,
    /// At most 500, which is usual.
    #[serde(default)]
    limit: Option<f64>,
}

pub(super) async fn first(reader: Reader, args: FirstArgs) -> Result<Vec<ContactView>, CallError> {
    let filter = args.filter.unwrap_or_default().read()?;
    let limit = match args.limit {
        Some(limit) => whole("limit", limit, u32::MAX)? as usize,
        None => ROWS_MAX,
    };
    let (sort, descending) = sorting(args.sort, args.order);
    let found = reader.user().list_contacts(sort, descending, &filter, None);
    Ok(found.take(limit.min(ROWS_MAX)).map(|(_, contact)| ContactView::new(contact)).collect())
}

fn sorting(sort: Option<SortWord>, order: Option<Order>) -> (ContactSort, bool) {
    (sort.map_or(ContactSort::Name, ContactSort::from), order == Some(Order::Desc))
}

/// A page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PageArgs {
    /// 100 rows are usual, 500 at most.
    pagination_opts: PaginationOpts,
    #[serde(default)]
    filter: Option<FilterArgs>,
    /// By name unless said otherwise.
    #[serde(default)]
    sort: Option<SortWord>,
    /// `asc` unless said otherwise.
    #[serde(default)]
    order: Option<Order>,
}

pub(super) async fn page(reader: Reader, args: PageArgs) -> Result<PaginationResult<ContactView>, CallError> {
    let filter = args.filter.unwrap_or_default().read()?;
    let (sort, descending) = sorting(args.sort, args.order);
    let user = reader.user();
    pages::page(&reader, &args.pagination_opts, &(sort, descending, &filter), |after| {
        let rows = user.list_contacts(sort, descending, &filter, after);
        rows.map(|(key, contact)| (key, ContactView::new(contact)))
    })
}

pub(super) async fn follow_ups(reader: Reader, _: NoArgs) -> Result<Vec<ContactView>, CallError> {
    let all = ContactFilter::default();
    let found = reader.user().list_contacts(ContactSort::FollowUp, false, &all, None);
    Ok(found.take(ROWS_MAX).map(|(_, contact)| ContactView::new(contact)).collect())
}

/// In which order the queue is shown.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum QueueSort {
    /// Since when a person is needed.
    HrnTime,
    LeadScore,
    LeadValue,
}

/// The queue of those who need a person.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct QueueArgs {
    /// `hrnTime` unless said otherwise.
    #[serde(default)]
    sort: Option<QueueSort>,
    /// `desc` unless said otherwise.
    #[serde(default)]
    order: Option<Order>,
    /// One of these.
    #[serde(default)]
    sentiments: Option<Vec<SentimentWord>>,
    /// 0 to 100.
    #[serde(default)]
    score_min: Option<f64>,
}

pub(super) async fn locked(reader: Reader, args: QueueArgs) -> Result<Vec<ContactView>, CallError> {
    let sentiments: Vec<Sentiment> =
        args.sentiments.unwrap_or_default().into_iter().map(Sentiment::from).collect();
    let score_min = args.score_min.map(|score| whole("scoreMin", score, 100)).transpose()?;
    let taken = |contact: &&Arc<Contact>| {
        (sentiments.is_empty() || sentiments.contains(&contact.sentiment))
            && score_min.is_none_or(|min| contact.lead_score.is_some_and(|score| u32::from(score) >= min))
    };
    let mut found: Vec<&Arc<Contact>> = reader.user().hrn_queue().filter(taken).collect();
    // Stable: those with the same score or value stay in the order of their waiting.
    match args.sort.unwrap_or(QueueSort::HrnTime) {
        QueueSort::HrnTime => {}
        QueueSort::LeadScore => found.sort_by_key(|contact| contact.lead_score),
        QueueSort::LeadValue => found.sort_by_key(|contact| contact.crm.lead_value),
    }
    if args.order != Some(Order::Asc) {
        found.reverse();
    }
    Ok(found.into_iter().take(ROWS_MAX).map(|contact| ContactView::new(contact)).collect())
}

/// Names a contact.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ByContactId {
    /// Which: its id, or its id on Instagram.
    pub(super) contact_id: String,
}

/// The contact of an id.
pub(super) fn find<'a>(reader: &'a Reader, contact_id: &str) -> Result<&'a Arc<Contact>, CallError> {
    id("contactId", contact_id)?;
    reader.user().contact(contact_id).ok_or_else(|| Failure::not_found("contact").into())
}

/// One contact.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Found {
    contact: ContactView,
}

pub(super) async fn get(reader: Reader, args: ByContactId) -> Result<Found, CallError> {
    find(&reader, &args.contact_id).map(|contact| Found { contact: ContactView::new(contact) })
}

/// What to count.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FacetArgs {
    #[serde(default)]
    filter: Option<FilterArgs>,
}

/// How many contacts there are: by stage, mood and tag each of what all other parts of the filter take.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FacetsView {
    stages: BTreeMap<String, f64>,
    sentiments: BTreeMap<String, f64>,
    tags: BTreeMap<String, f64>,
    /// A person is needed.
    requires_human_response: f64,
    followup_needed: f64,
    /// All that match.
    total: f64,
}

pub(super) async fn facets(reader: Reader, args: FacetArgs) -> Result<FacetsView, CallError> {
    let filter = args.filter.unwrap_or_default().read()?;
    let facets = reader.user().contact_facets(&filter);
    let counts = |words: BTreeMap<&'static str, u32>| {
        words.into_iter().map(|(word, count)| (word.to_owned(), f64::from(count))).collect()
    };
    Ok(FacetsView {
        stages: counts(facets.stages),
        sentiments: counts(facets.sentiments),
        tags: facets.tags.iter().map(|(tag, count)| (tag.to_string(), f64::from(*count))).collect(),
        requires_human_response: f64::from(facets.hrn),
        followup_needed: f64::from(facets.followup_needed),
        total: f64::from(facets.matching),
    })
}

pub(super) async fn changed_at(reader: Reader, _: NoArgs) -> Result<Option<When>, CallError> {
    Ok(reader.user().contacts_changed_at().map(When))
}

/// Since when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SinceArgs {
    /// ISO 8601; what is no instant is after all changes.
    since_iso: String,
}

/// Whether something changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Updated {
    updated: bool,
}

pub(super) async fn changed_since(reader: Reader, args: SinceArgs) -> Result<Updated, CallError> {
    let since = args.since_iso.parse::<jiff::Timestamp>().ok().map(|since| since.as_millisecond());
    let changed = reader.user().contacts_changed_at().map(|at| at.as_millis());
    Ok(Updated { updated: since.zip(changed).is_some_and(|(since, changed)| changed > since) })
}
