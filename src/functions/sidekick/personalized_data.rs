//! `sidekick/personalizedData`: all that replies may be made of, in one piece.

use super::facts::{FaqView, LinkView, OfferView, ToneView, main_offering, newest_first};
use crate::functions::{
    context::Reader,
    declare::{Module, NoArgs, Reads, Style},
    failure::CallError,
    profile,
};
use greenroom_actors::{
    identity::{self, field::Field, row::UserRow},
    user::{User, slice},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The functions of the module. The same by the id of a user is not callable: no argument names one.
pub(super) fn module() -> Module {
    let reads = Reads::user(slice::KNOWLEDGE).and(Reads::identity(identity::slice::USER));
    Module::new("sidekick/personalizedData", Style::Redirect).query(
        "getPersonalizedSidekickData",
        "All that replies may be made of.",
        reads,
        get,
    )
}

/// What the owner said of the business.
#[derive(Serialize, JsonSchema)]
pub(super) struct OwnerView {
    name: String,
    main_offering: Option<String>,
    use_case: Option<Vec<String>>,
    business_type: Option<String>,
    leads_per_month: Option<String>,
    active_platforms: Option<Vec<String>>,
    pilot_goal: Option<Vec<String>>,
    current_tracking: Option<Vec<String>>,
}

impl OwnerView {
    fn new(user: &User, row: &UserRow) -> Self {
        Self {
            name: row.name.as_ref().to_owned(),
            main_offering: main_offering(user, row).map(|text| text.as_ref().to_owned()),
            use_case: profile::list(row, Field::UseCase),
            business_type: profile::text(row, Field::BusinessType),
            leads_per_month: profile::text(row, Field::LeadsPerMonth),
            active_platforms: profile::list(row, Field::ActivePlatforms),
            pilot_goal: profile::list(row, Field::PilotGoal),
            current_tracking: profile::list(row, Field::CurrentTracking),
        }
    }
}

/// All that replies may be made of.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Data {
    user: OwnerView,
    offer_links: Vec<LinkView>,
    offers: Vec<OfferView>,
    tone_profile: Option<ToneView>,
    faqs: Vec<FaqView>,
}

/// The data.
#[derive(Serialize, JsonSchema)]
struct Told {
    data: Data,
}

async fn get(reader: Reader, _: NoArgs) -> Result<Told, CallError> {
    let (user, row) = (reader.user(), reader.row()?);
    let knowledge = &user.knowledge;
    Ok(Told {
        data: Data {
            user: OwnerView::new(user, row),
            offer_links: newest_first(&knowledge.links),
            offers: newest_first(&knowledge.offers),
            tone_profile: knowledge.tone.as_ref().map(ToneView::from),
            faqs: newest_first(&knowledge.faqs),
        },
    })
}
