//! `settings`: the owner's own profile.

use super::{
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, SignedOut, Style},
    failure::{CallError, Code, Failure},
    profile::{self, Gender},
};
use crate::files;
use greenroom_actors::{
    identity::{
        self,
        command::UserPatch,
        field::{Field, Value},
    },
    user::{
        Command,
        files::{FileCommand, Purpose},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions of the module.
pub(super) fn module() -> Module {
    let row = Reads::identity(identity::slice::USER);
    Module::new("settings", Style::Result)
        .mutation("updateUserSettings", "Sets name and gender; without a gender it is cleared.", update)
        .codes(&[Code::Validation])
        .mutation(
            "updateProfileImage",
            "Shows a picture that was uploaded here; null shows none.",
            update_image,
        )
        .codes(&[Code::Validation])
        .style(Style::Throws)
        .query("getUserSettings", "The owner's profile; null when nobody is signed in.", row, get)
        .signed_out(SignedOut::Gets("null"))
}

/// The owner's profile.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Update {
    /// 1 to 100 characters.
    name: String,
    #[serde(default)]
    gender: Option<Gender>,
}

async fn update(writer: Writer, args: Update) -> Result<Done, CallError> {
    let name = profile::checked_name(&args.name)?;
    let gender = args.gender.map(|gender| Value::Text(gender.word().into()));
    let patch = UserPatch { name: Some(name), extra: vec![(Field::Gender, gender)], ..UserPatch::default() };
    profile::set(&writer, identity::field::Writer::Onboarding, patch).await?;
    Ok(Done {})
}

/// A picture.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Image {
    /// Address of an upload of the caller.
    image_url: Option<String>,
}

/// The workspace learns of it first: a picture that is shown is never taken for one that nothing uses.
async fn update_image(writer: Writer, args: Image) -> Result<Done, CallError> {
    let foreign = || Failure::field("imageUrl", "not the address of a picture that was uploaded here");
    let url = args.image_url.filter(|url| !url.is_empty());
    let id = match &url {
        None => None,
        Some(url) => {
            let id = files::id_of_url(writer.app(), url).ok_or_else(foreign)?;
            let user = writer.user().await?;
            let file = user.files.get(id).ok_or_else(foreign)?;
            if file.purpose == Purpose::Attachment {
                return Err(foreign().into());
            }
            Some(file.id.clone())
        }
    };
    writer.ask(Command::Files(FileCommand::UseAsPicture(id)), 0).await?;
    let patch = UserPatch { image: Some(url.map(Into::into)), ..UserPatch::default() };
    profile::set(&writer, identity::field::Writer::Product, patch).await?;
    Ok(Done {})
}

/// The owner's profile.
#[derive(Serialize, JsonSchema)]
struct SettingsView {
    id: String,
    name: String,
    email: String,
    /// `male`, `female`, `non-binary`, `prefer_not_to_say`, or what an earlier deployment stored.
    gender: Option<String>,
    /// Address of a picture.
    image: Option<String>,
}

async fn get(reader: Reader, _: NoArgs) -> Result<SettingsView, CallError> {
    let row = reader.row()?;
    Ok(SettingsView {
        id: reader.user_id().to_owned(),
        name: row.name.as_ref().to_owned(),
        email: row.email.as_str().to_owned(),
        gender: profile::text(row, Field::Gender),
        image: row.image.as_deref().map(str::to_owned),
    })
}
