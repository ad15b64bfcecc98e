//! `files` and `upload`: what the owner uploads.

use super::{
    context::{Reader, Writer},
    declare::{Module, Reads, Style},
    failure::{CallError, Code, Failure},
    ids,
};
use crate::{
    files::{self, UploadError},
    sync::Trouble,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use greenroom_actors::user::{
    Command,
    files::{FileCommand, Purpose},
    slice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What uploads may be refused with.
const UPLOADS: &[Code] = &[Code::Validation, Code::RateLimited, Code::Upstream];
/// Longest base64 of a picture, in bytes: of the largest one, with its prefix.
const BASE64_BYTES_MAX: usize = 12 * 1_024 * 1_024;

/// The functions of the modules.
pub(super) fn modules() -> [Module; 2] {
    let files = Module::new("files", Style::Throws)
        .mutation("generateUploadUrl", "An address that takes one file, for an hour.", generate_upload_url)
        .codes(UPLOADS)
        .query(
            "getUrl",
            "The address of a file; null when there is none.",
            Reads::user(slice::FILES),
            get_url,
        )
        .mutation("deleteFile", "Deletes a file: nobody gets it from now on.", delete)
        .codes(&[Code::NotFound]);
    let upload = Module::new("upload", Style::Throws)
        .action("uploadImage", "Takes a picture as base64; gives its address.", upload_image)
        .codes(UPLOADS);
    [files, upload]
}

/// What a file is for.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum For {
    /// The owner's picture: JPEG, PNG or WebP, at most 5 MB.
    ProfilePicture,
    /// A picture of a template: GIF too, at most 8 MB.
    AutomationTemplate,
    /// Any bytes, at most 8 MB, served as a download.
    #[default]
    Attachment,
}

impl From<For> for Purpose {
    fn from(purpose: For) -> Self {
        match purpose {
            For::ProfilePicture => Self::ProfilePicture,
            For::AutomationTemplate => Self::AutomationTemplate,
            For::Attachment => Self::Attachment,
        }
    }
}

/// What a file will be for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `attachment` unless said otherwise.
    #[serde(default)]
    purpose: For,
}

async fn generate_upload_url(writer: Writer, args: Wanted) -> Result<String, CallError> {
    let token = sign(&writer, args.purpose.into())?;
    Ok(format!("{}/api/storage/upload?token={token}", writer.app().auth.origins.own()))
}

fn sign(writer: &Writer, purpose: Purpose) -> Result<String, CallError> {
    let id = ids::fresh()?;
    let token = writer.app().uploads.key.sign(writer.user_id(), id, purpose, writer.now());
    token.ok_or_else(|| Trouble::Internal.into())
}

/// Names a file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ById {
    /// The `storageId` of its upload.
    #[serde(alias = "storageId")]
    id: String,
}

async fn get_url(reader: Reader, args: ById) -> Result<Option<String>, CallError> {
    let known = reader.user().files.get(&args.id);
    Ok(known.map(|file| files::url(reader.app(), &file.id)))
}

async fn delete(writer: Writer, args: ById) -> Result<(), CallError> {
    let command = Command::Files(FileCommand::Delete(args.id.into()));
    writer.ask(command, 0).await.map(drop)
}

/// A picture.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Picture {
    /// A data address, or base64 alone.
    base64_image: String,
    /// Where earlier deployments put it: names with `profile` or `avatar` mean the owner's picture, others a template's.
    #[serde(default)]
    folder: Option<String>,
}

async fn upload_image(writer: Writer, args: Picture) -> Result<String, CallError> {
    let wrong = || Failure::field("base64Image", "no base64 of a picture");
    if args.base64_image.len() > BASE64_BYTES_MAX {
        return Err(Failure::field("base64Image", "the picture is too large").into());
    }
    let text = match args.base64_image.strip_prefix("data:") {
        Some(data) => data.split_once(";base64,").ok_or_else(wrong)?.1,
        None => &args.base64_image,
    };
    let text = text.trim();
    let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).map_err(|_| wrong())?;
    let folder = args.folder.unwrap_or_default().to_lowercase();
    let is_profile = folder.contains("profile") || folder.contains("avatar");
    let purpose = if is_profile { Purpose::ProfilePicture } else { Purpose::AutomationTemplate };
    let app = writer.app();
    let upload =
        app.uploads.key.verify(&sign(&writer, purpose)?, writer.now()).map_err(|_| Trouble::Internal)?;
    let overloaded = || Trouble::Overloaded { retry_after: std::time::Duration::from_secs(1) };
    let _room = app.uploads.room.take(writer.user_id()).ok_or_else(overloaded)?;
    taken(files::take_in(app, &upload, bytes.into(), None, None).await)?;
    Ok(files::url(app, &upload.id))
}

fn taken(outcome: Result<(), UploadError>) -> Result<(), CallError> {
    outcome.map_err(|error| match error {
        UploadError::NoUser => super::context::unauthenticated(),
        UploadError::TooLarge(_) | UploadError::Digest | UploadError::Picture(_) => {
            Failure::field("base64Image", error.to_string()).into()
        }
        UploadError::Ask(error) => error.into(),
        UploadError::Identity(error) => error.into(),
        UploadError::Store(error) => {
            tracing::warn!(%error, "an upload is not stored");
            Failure::new(Code::Upstream, "the file store does not answer").into()
        }
        UploadError::Broken => Trouble::Internal.into(),
    })
}
