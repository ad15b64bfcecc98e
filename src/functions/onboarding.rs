//! `onboarding`: what is asked of a new owner, screen by screen.

use super::{
    clearable,
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::{CallError, Code, Failure},
    profile,
    when::When,
};
use greenroom_actors::{
    identity::{
        self,
        command::UserPatch,
        field::{ExtraPatch, Field, Value, Writer as FieldWriter},
    },
    user::{
        Command,
        integration::{Integration, Status},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The functions of the module.
pub(super) fn module() -> Module {
    let row = Reads::identity(identity::slice::USER);
    Module::new("onboarding", Style::Redirect)
        .query("getUserData", "The owner's profile with what onboarding asked.", row, user_data)
        .mutation("updateOnboardingStep", "Saves answers of one screen; absent ones stay, null clears.", save)
        .codes(&[Code::Validation])
        .mutation("completeOnboarding", "Ends onboarding, once everything required is there.", complete)
        .codes(&[Code::Validation])
        .query("checkOnboardingStatus", "Whether onboarding was completed.", row, status)
        .action("getInstagramOnboardingState", "Whether Instagram is connected.", instagram_state)
        .action("prepareInstagramPreview", "Shows how a real message would be answered.", preview)
        .codes(&[Code::NotConnected, Code::RateLimited, Code::AiUnavailable])
}

/// The owner, with the answers of onboarding; null where nothing was said.
#[derive(Serialize, JsonSchema)]
struct UserData {
    id: String,
    name: String,
    email: String,
    email_verified: bool,
    image: Option<String>,
    created_at: When,
    updated_at: When,
    gender: Option<String>,
    use_case: Option<Vec<String>>,
    other_use_case: Option<String>,
    leads_per_month: Option<String>,
    active_platforms: Option<Vec<String>>,
    other_platform: Option<String>,
    business_type: Option<String>,
    other_business_type: Option<String>,
    pilot_goal: Option<Vec<String>>,
    current_tracking: Option<Vec<String>>,
    other_tracking: Option<String>,
    main_offering: Option<String>,
    onboarding_complete: bool,
    sidekick_onboarding_complete: bool,
}

/// The owner.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Told {
    user_data: UserData,
}

async fn user_data(reader: Reader, _: NoArgs) -> Result<Told, CallError> {
    let row = reader.row()?;
    let (text, list) = (|field| profile::text(row, field), |field| profile::list(row, field));
    Ok(Told {
        user_data: UserData {
            id: reader.user_id().to_owned(),
            name: row.name.as_ref().to_owned(),
            email: row.email.as_str().to_owned(),
            email_verified: row.email_verified,
            image: row.image.as_deref().map(str::to_owned),
            created_at: When(row.created_at),
            updated_at: When(row.updated_at),
            gender: text(Field::Gender),
            use_case: list(Field::UseCase),
            other_use_case: text(Field::OtherUseCase),
            leads_per_month: text(Field::LeadsPerMonth),
            active_platforms: list(Field::ActivePlatforms),
            other_platform: text(Field::OtherPlatform),
            business_type: text(Field::BusinessType),
            other_business_type: text(Field::OtherBusinessType),
            pilot_goal: list(Field::PilotGoal),
            current_tracking: list(Field::CurrentTracking),
            other_tracking: text(Field::OtherTracking),
            main_offering: text(Field::MainOffering),
            onboarding_complete: profile::flag(row, Field::OnboardingComplete),
            sidekick_onboarding_complete: profile::flag(row, Field::SidekickOnboardingComplete),
        },
    })
}

/// Answers of one screen. The offered values are those of the screens; other text is taken where a screen asks for it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Step {
    /// 1 to 100 characters.
    #[serde(default)]
    name: Option<String>,
    /// Offered: `male`, `female`, `non-binary`, `prefer_not_to_say`.
    #[serde(default, deserialize_with = "clearable")]
    gender: Option<Option<String>>,
    #[serde(default, deserialize_with = "clearable")]
    use_case: Option<Option<Vec<String>>>,
    /// At most 500 characters.
    #[serde(default, deserialize_with = "clearable")]
    other_use_case: Option<Option<String>>,
    /// Offered: `0-10`, `10-50`, `50-100`, `100+`.
    #[serde(default, deserialize_with = "clearable")]
    leads_per_month: Option<Option<String>>,
    #[serde(default, deserialize_with = "clearable")]
    active_platforms: Option<Option<Vec<String>>>,
    /// At most 500 characters.
    #[serde(default, deserialize_with = "clearable")]
    other_platform: Option<Option<String>>,
    #[serde(default, deserialize_with = "clearable")]
    business_type: Option<Option<String>>,
    /// At most 500 characters.
    #[serde(default, deserialize_with = "clearable")]
    other_business_type: Option<Option<String>>,
    #[serde(default, deserialize_with = "clearable")]
    pilot_goal: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "clearable")]
    current_tracking: Option<Option<Vec<String>>>,
    /// At most 500 characters.
    #[serde(default, deserialize_with = "clearable")]
    other_tracking: Option<Option<String>>,
}

impl Step {
    fn extra(self) -> Result<ExtraPatch, Failure> {
        let mut patch = ExtraPatch::new();
        let texts = [
            (Field::Gender, self.gender),
            (Field::OtherUseCase, self.other_use_case),
            (Field::LeadsPerMonth, self.leads_per_month),
            (Field::OtherPlatform, self.other_platform),
            (Field::BusinessType, self.business_type),
            (Field::OtherBusinessType, self.other_business_type),
            (Field::OtherTracking, self.other_tracking),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            let text = text.map(|text| profile::checked_text(field.name(), &text)).transpose()?;
            patch.push((field, text.filter(|text| !text.is_empty()).map(Value::Text)));
        }
        let lists = [
            (Field::UseCase, self.use_case),
            (Field::ActivePlatforms, self.active_platforms),
            (Field::PilotGoal, self.pilot_goal),
            (Field::CurrentTracking, self.current_tracking),
        ];
        for (field, list) in lists {
            let Some(list) = list else { continue };
            patch.push((field, list.map(|items| Value::List(items.into_iter().map(Arc::from).collect()))));
        }
        Ok(patch)
    }
}

async fn save(writer: Writer, mut args: Step) -> Result<Done, CallError> {
    let name = args.name.take().map(|name| profile::checked_name(&name)).transpose()?;
    let patch = UserPatch { name, extra: args.extra()?, ..UserPatch::default() };
    if patch != UserPatch::default() {
        profile::set(&writer, FieldWriter::Onboarding, patch).await?;
    }
    Ok(Done {})
}

async fn complete(writer: Writer, _: NoArgs) -> Result<Done, CallError> {
    let extra = vec![(Field::OnboardingComplete, Some(Value::Flag(true)))];
    let patch = UserPatch { extra, ..UserPatch::default() };
    profile::set(&writer, FieldWriter::Onboarding, patch).await?;
    Ok(Done {})
}

/// Whether onboarding was completed.
#[derive(Serialize, JsonSchema)]
struct Complete {
    onboarding_complete: bool,
}

async fn status(reader: Reader, _: NoArgs) -> Result<Complete, CallError> {
    Ok(Complete { onboarding_complete: profile::flag(reader.row()?, Field::OnboardingComplete) })
}

/// Whether Instagram is connected.
#[derive(Serialize, JsonSchema)]
struct Connection {
    connected: bool,
    /// The handle; absent without a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
}

fn is_working(known: &&Arc<Integration>) -> bool {
    matches!(known.status, Status::Active | Status::Limited)
}

async fn instagram_state(writer: Writer, _: NoArgs) -> Result<Connection, CallError> {
    let user = writer.user().await?;
    let known = user.integration.as_ref().filter(is_working);
    let username = known.map(|known| known.username.as_ref().to_owned());
    Ok(Connection { connected: username.is_some(), username })
}

/// A preview of an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Preview {
    connected: bool,
}

async fn preview(writer: Writer, _: NoArgs) -> Result<Preview, CallError> {
    let user = writer.user().await?;
    if user.integration.as_ref().filter(is_working).is_none() {
        return Err(Failure::new(Code::NotConnected, "Instagram is not connected").into());
    }
    writer.ask(Command::TakePreview, 0).await?;
    Err(Failure::new(Code::AiUnavailable, "no model is configured that could write a preview").into())
}
