//! A table of contacts to be downloaded.

use super::words::{FilterArgs, Order, SortWord};
use crate::{
    exports::{self, ContactExport, Format},
    functions::{When, Writer, failure::CallError},
    sync::Trouble,
};
use greenroom_actors::user::contact_filter::ContactSort;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In which form.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum FormatWord {
    /// Text with commas, in UTF-8.
    Csv,
    /// A workbook.
    Xlsx,
}

/// What to export.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExportArgs {
    /// All contacts unless said otherwise.
    #[serde(default)]
    filter: Option<FilterArgs>,
    /// By name unless said otherwise.
    #[serde(default)]
    sort: Option<SortWord>,
    /// `asc` unless said otherwise.
    #[serde(default)]
    order: Option<Order>,
    format: FormatWord,
}

/// Where the table is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    /// Whoever has it gets the contacts as they are then, until it expires.
    url: String,
    file_name: String,
    expires_at: When,
    /// Contacts that match now.
    rows: f64,
}

/// An address instead of the table itself: results are kept for queries and sent as JSON, which a table of 50,000 rows is
/// too large for, and browsers save what they load.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(super) async fn link(writer: Writer, args: ExportArgs) -> Result<Link, CallError> {
    let filter = args.filter.unwrap_or_default().read()?;
    let rows = writer.user().await?.count_contacts(&filter) as f64;
    let export = ContactExport {
        user_id: writer.user_id().to_owned(),
        filter,
        sort: args.sort.map_or(ContactSort::Name, ContactSort::from),
        descending: args.order == Some(Order::Desc),
        format: match args.format {
            FormatWord::Csv => Format::Csv,
            FormatWord::Xlsx => Format::Xlsx,
        },
        expires_at: writer.now() + exports::LINK_LIFETIME,
    };
    let token = export.token(&writer.app().keyring).map_err(|error| {
        tracing::error!(%error, "an export cannot be sealed");
        Trouble::Internal
    })?;
    Ok(Link {
        url: format!("{}/api/exports/{token}", writer.app().auth.origins.own()),
        file_name: export.file_name(writer.now()),
        expires_at: When(export.expires_at),
        rows,
    })
}
