//! The extra fields of a user: declared once, here.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// A declared extra field. Serialised by its name on the wire; a variant is never removed, for old rows name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named like the fields of the onboarding screens")]
pub enum Field {
    Gender,
    UseCase,
    OtherUseCase,
    LeadsPerMonth,
    ActivePlatforms,
    OtherPlatform,
    BusinessType,
    OtherBusinessType,
    PilotGoal,
    CurrentTracking,
    OtherTracking,
    MainOffering,
    OnboardingComplete,
    SidekickOnboardingComplete,
}

/// What is known of an extra field.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Which.
    pub field: Field,
    /// Name on the wire.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Clients may write it at sign-up and afterwards.
    pub client_writable: bool,
    /// Value when unset; `None` means null.
    pub default: Option<bool>,
    /// The values that onboarding offers; empty for free text. Other writers may store other text.
    pub options: &'static [&'static str],
    /// Onboarding is complete only with it.
    pub required: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text of at most so many characters.
    Text {
        /// How many.
        chars_max: usize,
    },
    /// A list of texts.
    List {
        /// At most so many.
        items_max: usize,
        /// Of at most so many characters each.
        chars_max: usize,
    },
    /// True or false.
    Flag,
}

/// A value of an extra field; null is the absence of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Text.
    Text(Arc<str>),
    /// A list of texts.
    List(Vec<Arc<str>>),
    /// True or false.
    Flag(bool),
}

/// Who writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Writer {
    /// A client, through the auth endpoints: writable fields, types and bounds.
    Client,
    /// The onboarding screens: also the option sets; flags are set when what they stand for is there.
    Onboarding,
    /// The product itself: types and bounds.
    Product,
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Clients may not set it (`FIELD_NOT_ALLOWED` on the wire).
    #[error("is not allowed to be set")]
    NotWritable,
    /// It is of another type.
    #[error("is of the wrong type")]
    WrongType,
    /// It is none of the values offered.
    #[error("is none of the values offered")]
    NotOffered,
    /// It is longer than this: characters or bytes, as its limit says.
    #[error("is longer than {0}")]
    TooLong(usize),
    /// It has more items than this.
    #[error("has more than {0} items")]
    TooMany(usize),
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is there already.
    #[error("is there already")]
    Duplicate,
    /// It is missing.
    #[error("is missing")]
    Missing,
}

/// A value that is refused, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    /// Name of the value.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// The extra fields that are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(BTreeMap<Field, Value>);

/// A change: fields to set, or to clear.
pub type ExtraPatch = Vec<(Field, Option<Value>)>;

/// Longest text of one option or short answer, in characters (product rule).
const SHORT: usize = 100;
/// Longest free text, in characters (product rule).
const LONG: usize = 500;
/// Items of one list.
const ITEMS: usize = 20;

const fn text(field: Field, name: &'static str, chars_max: usize) -> Declaration {
    let kind = FieldKind::Text { chars_max };
    Declaration { field, name, kind, client_writable: true, default: None, options: &[], required: false }
}

const fn choice(
    field: Field,
    name: &'static str,
    options: &'static [&'static str],
    required: bool,
) -> Declaration {
    Declaration { options, required, ..text(field, name, SHORT) }
}

const fn choices(field: Field, name: &'static str, options: &'static [&'static str]) -> Declaration {
    let kind = FieldKind::List { items_max: ITEMS, chars_max: SHORT };
    Declaration { kind, ..choice(field, name, options, true) }
}

const fn flag(field: Field, name: &'static str) -> Declaration {
    let kind = FieldKind::Flag;
    Declaration { kind, client_writable: false, default: Some(false), ..text(field, name, 0) }
}

/// Every extra field, in the order of [`Field`].
pub const FIELDS: [Declaration; 14] = [
    choice(Field::Gender, "gender", &["male", "female", "non-binary", "prefer_not_to_say"], false),
    choices(
        Field::UseCase,
        "use_case",
        &[
            "lead_management",
            "customer_follow-ups",
            "sales_automation",
            "community_building",
            "content_planning",
            "other",
        ],
    ),
    text(Field::OtherUseCase, "other_use_case", LONG),
    choice(Field::LeadsPerMonth, "leads_per_month", &["0-10", "10-50", "50-100", "100+"], true),
    choices(
        Field::ActivePlatforms,
        "active_platforms",
        &[
            "instagram",
            "twitter_x",
            "linkedin",
            "tiktok",
            "youtube",
            "facebook",
            "email_newsletter",
            "discord_slack",
            "other",
        ],
    ),
    text(Field::OtherPlatform, "other_platform", LONG),
    choice(
        Field::BusinessType,
        "business_type",
        &["creator", "agency", "coach_consultant", "saas", "e-commerce", "other"],
        true,
    ),
    text(Field::OtherBusinessType, "other_business_type", LONG),
    choices(
        Field::PilotGoal,
        "pilot_goal",
        &[
            "stop_losing_money_on_missed_deals",
            "turn_dms_into_a_revenue_stream",
            "never_forget_to_follow_up_again",
            "see_exactly_where_i'm_losing_sales",
            "know_which_leads_are_worth_my_time",
            "build_a_business_that_runs_itself",
        ],
    ),
    choices(
        Field::CurrentTracking,
        "current_tracking",
        &[
            "spreadsheets",
            "crm_software",
            "email_folders",
            "memory_ad-hoc",
            "notes_app",
            "nothing_yet",
            "other",
        ],
    ),
    text(Field::OtherTracking, "other_tracking", LONG),
    text(Field::MainOffering, "main_offering", LONG),
    flag(Field::OnboardingComplete, "onboarding_complete"),
    flag(Field::SidekickOnboardingComplete, "sidekick_onboarding_complete"),
];

impl Field {
    /// What is known of it.
    #[must_use]
    pub const fn declaration(self) -> &'static Declaration {
        &FIELDS[self as usize]
    }

    /// Name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }

    /// The field with a name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        FIELDS.iter().find(|known| known.name == name).map(|known| known.field)
    }

    const fn refused(self, problem: Problem) -> Invalid {
        Invalid { field: self.name(), problem }
    }
}

impl Value {
    /// Whether a client's language takes it for true.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::List(_) => true,
            Self::Flag(flag) => *flag,
        }
    }
}

impl Value {
    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(items) => items.iter().map(|item| item.len()).sum(),
            Self::Flag(_) => 1,
        }
    }
}

impl Extra {
    /// The value of a field, or its default.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<Value> {
        self.0.get(&field).cloned().or_else(|| field.declaration().default.map(Value::Flag))
    }

    /// Every declared field with its value, in order; `None` is null.
    pub fn all(&self) -> impl Iterator<Item = (&'static Declaration, Option<Value>)> {
        FIELDS.iter().map(|known| (known, self.get(known.field)))
    }

    /// Required fields that have no value, in order.
    pub fn missing(&self) -> impl Iterator<Item = Field> {
        let is_given = |field: Field| match self.0.get(&field) {
            None => false,
            Some(Value::Text(text)) => !text.is_empty(),
            Some(Value::List(items)) => !items.is_empty(),
            Some(Value::Flag(_)) => true,
        };
        FIELDS.iter().filter(move |known| known.required && !is_given(known.field)).map(|known| known.field)
    }

    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        self.0.values().map(Value::bytes).sum()
    }

    pub(super) fn set(&mut self, field: Field, value: Option<Value>) {
        match value {
            Some(value) => self.0.insert(field, value),
            None => self.0.remove(&field),
        };
    }
}

/// What sign-up stores of the extra fields that a client sent.
///
/// # Errors
/// The first value that may not be set, or is of the wrong type or too long.
pub fn at_sign_up(sent: ExtraPatch) -> Result<Extra, Invalid> {
    let mut extra = Extra::default();
    for (field, value) in sent {
        let known = field.declaration();
        if !known.client_writable {
            // A default silently replaces what was sent.
            if known.default.is_none() && value.is_some_and(|value| value.is_truthy()) {
                return Err(field.refused(Problem::NotWritable));
            }
            continue;
        }
        check(field, value.as_ref(), Writer::Client)?;
        extra.set(field, value);
    }
    Ok(extra)
}

/// What an update by a client changes of the extra fields.
///
/// # Errors
/// The first value that may not be set, or is of the wrong type or too long.
pub fn at_update(sent: ExtraPatch) -> Result<ExtraPatch, Invalid> {
    let mut patch = Vec::with_capacity(sent.len());
    for (field, value) in sent {
        if !field.declaration().client_writable && !value.as_ref().is_some_and(Value::is_truthy) {
            continue;
        }
        check(field, value.as_ref(), Writer::Client)?;
        patch.push((field, value));
    }
    Ok(patch)
}

/// Whether a writer may store a value; `None` clears the field.
///
/// # Errors
/// What is wrong with it.
pub fn check(field: Field, value: Option<&Value>, writer: Writer) -> Result<(), Invalid> {
    let known = field.declaration();
    if writer == Writer::Client && !known.client_writable {
        return Err(field.refused(Problem::NotWritable));
    }
    let Some(value) = value else { return Ok(()) };
    match (known.kind, value) {
        (FieldKind::Text { chars_max }, Value::Text(text)) => one(known, text, chars_max, writer),
        (FieldKind::List { items_max, chars_max }, Value::List(items)) => {
            if items.len() > items_max {
                return Err(field.refused(Problem::TooMany(items_max)));
            }
            items.iter().try_for_each(|item| one(known, item, chars_max, writer))
        }
        (FieldKind::Flag, Value::Flag(_)) => Ok(()),
        _ => Err(field.refused(Problem::WrongType)),
    }
}

fn one(known: &Declaration, text: &str, chars_max: usize, writer: Writer) -> Result<(), Invalid> {
    if text.chars().nth(chars_max).is_some() {
        return Err(known.field.refused(Problem::TooLong(chars_max)));
    }
    if writer == Writer::Onboarding && !known.options.is_empty() && !known.options.contains(&text) {
        return Err(known.field.refused(Problem::NotOffered));
    }
    Ok(())
}

/// What an import stores for a value of a previous deployment: values outside the option sets are tolerated, labels
/// become values, what is too long is cut, and a value of another type is dropped. True when it is not the same any more.
pub(super) fn imported(field: Field, value: Value) -> (Option<Value>, bool) {
    let cut =
        |text: &Arc<str>, chars_max: usize| -> Arc<str> { crate::text::cut_chars(text, chars_max).0.into() };
    let stored = match (field.declaration().kind, &value) {
        (FieldKind::Text { .. }, Value::Text(label)) if field == Field::Gender => {
            // Onboarding once wrote the labels of its screen.
            let value = label.to_lowercase().replace(' ', "_");
            let known = field.declaration().options.contains(&value.as_str());
            Some(Value::Text(if known { value.into() } else { cut(label, SHORT) }))
        }
        (FieldKind::Text { chars_max }, Value::Text(text)) => Some(Value::Text(cut(text, chars_max))),
        (FieldKind::List { items_max, chars_max }, Value::List(items)) => {
            Some(Value::List(items.iter().take(items_max).map(|item| cut(item, chars_max)).collect()))
        }
        (FieldKind::Flag, Value::Flag(flag)) => Some(Value::Flag(*flag)),
        _ => None,
    };
    let changed = stored.as_ref() != Some(&value);
    (stored, changed)
}
