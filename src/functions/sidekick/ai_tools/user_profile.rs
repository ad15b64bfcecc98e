//! `sidekick/aiTools/userProfile`: the owner, without what is nobody's business but theirs.

use super::{
    super::{
        CHANGES,
        facts::{copy_main_offering, main_offering},
        quota::QuotaView,
    },
    change,
};
use crate::functions::{
    context::{Reader, Writer, unauthenticated},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::{CallError, Code, Failure, Field as Wrong},
    profile,
};
use greenroom_actors::{
    identity::{
        self,
        command::UserPatch,
        field::{Field, Value, Writer as FieldWriter},
        row::UserRow,
    },
    text::typed,
    user::{audit::Write, knowledge::change::KnowledgeChange, slice},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use std::sync::Arc;

/// Longest name, kind of business or use, in characters (product contract, section 3.18).
const NAME_CHARS_MAX: usize = 100;
/// Longest gender, in characters.
const GENDER_CHARS_MAX: usize = 50;
/// Most uses.
const USES_MAX: usize = 10;
/// Longest main offering, in characters.
const OFFERING_CHARS_MAX: usize = 500;

const TOOL: &str = "updateUserProfile";

/// The functions of the module.
pub(super) fn module() -> Module {
    let reads = Reads::user(slice::KNOWLEDGE.and(slice::USAGE).and(slice::CONTACTS).and(slice::AUTOMATIONS));
    let reads = reads.and(Reads::identity(identity::slice::USER));
    Module::new("sidekick/aiTools/userProfile", Style::Result)
        .query("getUserProfile", "The owner's business and what is used of the plan.", reads, get)
        .mutation(TOOL, "Changes the owner's profile; absent parts stay.", update)
        .codes(CHANGES)
}

/// The owner. E-mail and gender are not told: what is here may reach a model.
#[derive(Serialize, JsonSchema)]
struct Profile {
    name: String,
    use_case: Option<Vec<String>>,
    business_type: Option<String>,
    main_offering: Option<String>,
    quota: QuotaView,
}

/// The owner.
#[derive(Serialize, JsonSchema)]
struct Told {
    profile: Profile,
}

async fn get(reader: Reader, _: NoArgs) -> Result<Told, CallError> {
    let (user, row) = (reader.user(), reader.row()?);
    Ok(Told {
        profile: Profile {
            name: row.name.as_ref().to_owned(),
            use_case: profile::list(row, Field::UseCase),
            business_type: profile::text(row, Field::BusinessType),
            main_offering: main_offering(user, row).map(|text| text.as_ref().to_owned()),
            quota: QuotaView::new(user, reader.app().clock.now()),
        },
    })
}

/// New values of the profile.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Update {
    /// 1 to 100 characters.
    #[serde(default)]
    name: Option<String>,
    /// At most 50 characters; empty clears.
    #[serde(default)]
    gender: Option<String>,
    /// At most 10, none of them empty, of at most 100 characters each.
    #[serde(default)]
    use_case: Option<Vec<String>>,
    /// At most 100 characters; empty clears.
    #[serde(default)]
    business_type: Option<String>,
    /// At most 500 characters; empty clears.
    #[serde(default)]
    main_offering: Option<String>,
}

async fn update(writer: Writer, args: Update) -> Result<Done, CallError> {
    let (patch, offering) = checked(args)?;
    if let Some(offering) = offering {
        change(&writer, TOOL, KnowledgeChange::MainOffering(offering)).await?;
        copy_main_offering(&writer).await?;
    }
    if patch == UserPatch::default() {
        return Ok(Done {});
    }
    let identity = writer.identity().await?;
    let row = identity.user().ok_or_else(unauthenticated)?;
    // Noted first: a write that is noted and then fails comes again with its request, one that is not noted is never told.
    let (before, after) = (before(row, &patch), after(&patch));
    writer.ask_as_tool(TOOL, Write::Profile { before, after }, 0).await?;
    profile::set(&writer, FieldWriter::Product, patch).await?;
    Ok(Done {})
}

/// What the row says of the fields of a patch, as JSON.
fn before(row: &UserRow, patch: &UserPatch) -> Arc<str> {
    let name = patch.name.as_ref().map(|_| &row.name);
    object(name, patch.extra.iter().map(|(field, _)| (*field, row.extra.get(*field))))
}

/// What a patch makes of them, as JSON.
fn after(patch: &UserPatch) -> Arc<str> {
    object(patch.name.as_ref(), patch.extra.iter().cloned())
}

fn object(name: Option<&Arc<str>>, extra: impl Iterator<Item = (Field, Option<Value>)>) -> Arc<str> {
    let name = name.map(|name| ("name", json!(name)));
    let extra = extra.map(|(field, value)| {
        let value = match value {
            None => json!(null),
            Some(Value::Text(text)) => json!(text),
            Some(Value::List(items)) => json!(items),
            Some(Value::Flag(flag)) => json!(flag),
        };
        (field.name(), value)
    });
    let fields = name.into_iter().chain(extra).map(|(field, value)| (field.to_owned(), value));
    serde_json::Value::Object(fields.collect::<Map<_, _>>()).to_string().into()
}

/// The change of the row, and the new main offering.
fn checked(args: Update) -> Result<(UserPatch, Option<String>), Failure> {
    let mut wrong = Vec::new();
    let mut text =
        |field: &'static str, typed_text: &str, chars: std::ops::RangeInclusive<usize>| -> Arc<str> {
            let stored = typed(typed_text.trim()).map_err(|error| error.to_string());
            let stored = stored.and_then(|text| match text.chars().count() {
                count if chars.contains(&count) => Ok(Arc::from(text.as_ref())),
                _ => Err(format!("{} to {} characters", chars.start(), chars.end())),
            });
            stored.unwrap_or_else(|message| {
                wrong.push(Wrong { field: field.into(), code: "INVALID".into(), message: message.into() });
                Arc::default()
            })
        };
    let name = args.name.map(|name| text("name", &name, 1..=NAME_CHARS_MAX));
    let mut extra = Vec::new();
    let some = |text: Arc<str>| Some(text).filter(|text| !text.is_empty()).map(Value::Text);
    if let Some(gender) = args.gender {
        extra.push((Field::Gender, some(text("gender", &gender, 0..=GENDER_CHARS_MAX))));
    }
    if let Some(kind) = args.business_type {
        extra.push((Field::BusinessType, some(text("business_type", &kind, 0..=NAME_CHARS_MAX))));
    }
    if let Some(uses) = &args.use_case {
        let uses = uses.iter().take(USES_MAX).map(|one| text("use_case", one, 1..=NAME_CHARS_MAX));
        extra.push((Field::UseCase, Some(Value::List(uses.collect()))));
    }
    if let Some(offering) = &args.main_offering {
        text("main_offering", offering, 0..=OFFERING_CHARS_MAX);
    }
    if args.use_case.is_some_and(|uses| uses.len() > USES_MAX) {
        let message = "at most 10".into();
        wrong.push(Wrong { field: "use_case".into(), code: "TOO_MANY".into(), message });
    }
    match wrong.first() {
        None => Ok((UserPatch { name, image: None, extra }, args.main_offering)),
        Some(first) => {
            let message = first.message.clone();
            Err(Failure { fields: wrong, ..Failure::new(Code::Validation, message) })
        }
    }
}
