//! Tags.

use super::{
    change::{Outcome, changed},
    list::{ByContactId, find},
    view,
};
use crate::functions::{
    NoArgs, Reader, Writer,
    failure::{CallError, Failure},
};
use greenroom_actors::user::contact_change::{ContactChange, NAMED_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags in alphabetical order.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tags {
    tags: Vec<String>,
}

pub(super) async fn of_one(reader: Reader, args: ByContactId) -> Result<Tags, CallError> {
    find(&reader, &args.contact_id).map(|contact| Tags { tags: view::tags(contact) })
}

pub(super) async fn all(reader: Reader, _: NoArgs) -> Result<Tags, CallError> {
    Ok(Tags { tags: reader.user().contact_tags().map(|(tag, _)| tag.to_string()).collect() })
}

/// Names contacts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ByContactIds {
    /// At most 500. Those that name no contact are left out.
    contact_ids: Vec<String>,
}

pub(super) async fn of_many(
    reader: Reader,
    args: ByContactIds,
) -> Result<BTreeMap<String, Vec<String>>, CallError> {
    if args.contact_ids.len() > NAMED_MAX {
        return Err(Failure::field("contactIds", "at most 500 ids").into());
    }
    let known = |id: String| reader.user().contact(&id).map(|contact| (id, view::tags(contact)));
    Ok(args.contact_ids.into_iter().filter_map(known).collect())
}

/// A tag of a contact.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagArgs {
    contact_id: String,
    /// Trimmed, in lower case; 1 to 24 characters. A contact has at most 10.
    tag: String,
}

pub(super) async fn add(writer: Writer, args: TagArgs) -> Outcome {
    changed(&writer, args.contact_id, ContactChange::AddTag(args.tag), 0).await
}

pub(super) async fn remove(writer: Writer, args: TagArgs) -> Outcome {
    changed(&writer, args.contact_id, ContactChange::RemoveTag(args.tag), 0).await
}
