//! Changes of one's own row.

use super::{Outcome, call::Call};
use crate::auth::{
    answer::Answer,
    body::is_truthy,
    error::{AuthError, Refusal},
    validate::{self, Fields, Shape},
};
use greenroom_actors::{
    identity::{
        Command, Rejection,
        command::UserPatch,
        field::{self, ExtraPatch, Field, Invalid, Problem, Value as Extra, Writer},
    },
    shell::AskError,
};
use serde_json::{Value, json};

/// `POST /update-user`: name, picture and the extra fields that clients may write; other keys are ignored.
pub(super) async fn update_user(call: &mut Call) -> Outcome {
    let (patch, email) = validate::body(call.body.as_ref(), Shape::Record, |fields| {
        let name = fields.optional_string("name").map(Into::into);
        let image = fields.nullable_string("image").map(|image| image.map(Into::into));
        let email = fields.raw("email").is_some_and(is_truthy);
        (UserPatch { name, image, extra: extra(fields) }, email)
    })?;
    let live = call.require_session().await?;
    if email {
        return Err(Refusal::EmailCanNotBeUpdated.into());
    }
    let patch = UserPatch { extra: field::at_update(patch.extra).map_err(refused)?, ..patch };
    let command = Command::UpdateUser { writer: Writer::Client, patch };
    call.ask(&live.identity.user_id, command).await.map_err(|error| match error {
        AskError::Rejected(Rejection::NothingToUpdate) => Refusal::NoFieldsToUpdate.into(),
        AskError::Rejected(Rejection::Invalid(invalid)) => refused(invalid),
        AskError::Rejected(Rejection::NoUser) => Refusal::Unauthorized.into(),
        error => error.into(),
    })?;
    let token = call.session_token().unwrap_or_default();
    call.issue_session(&token);
    Ok(Answer::json(&json!({ "status": true })))
}

/// `POST /update-session`: no extra field of sessions is declared, so there is never one to update.
pub(super) async fn update_session(call: &mut Call) -> Outcome {
    validate::body(call.body.as_ref(), Shape::Record, |_| ())?;
    call.require_session().await?;
    Err(Refusal::NoFieldsToUpdate.into())
}

/// The declared extra fields that were sent; of a wrong type: a problem of the schema.
pub(super) fn extra(fields: &mut Fields<'_>) -> ExtraPatch {
    let declared = field::FIELDS.iter().filter_map(|declared| Some((declared, fields.raw(declared.name)?)));
    let sent: Vec<_> = declared.map(|(declared, value)| (declared.field, value.clone())).collect();
    sent.into_iter().filter_map(|(field, value)| Some((field, read(fields, field, &value)?))).collect()
}

/// `Some(None)` clears. The outer `None` is a value that no field of that type holds; the schema has a problem then.
fn read(fields: &mut Fields<'_>, field: Field, value: &Value) -> Option<Option<Extra>> {
    let name = field.name();
    match (field.declaration().kind, value) {
        (_, Value::Null) => Some(None),
        (field::FieldKind::Text { .. }, _) => {
            fields.optional_string(name).map(|text| Some(Extra::Text(text.into())))
        }
        (field::FieldKind::List { .. }, _) => fields
            .optional_strings(name)
            .map(|items| Some(Extra::List(items.into_iter().map(Into::into).collect()))),
        (field::FieldKind::Flag, _) => fields.optional_bool(name).map(|flag| Some(Extra::Flag(flag))),
    }
}

/// A value that the declaration refuses.
pub(super) fn refused(invalid: Invalid) -> AuthError {
    match invalid.problem {
        Problem::NotWritable => AuthError::FieldNotAllowed(invalid.field.to_owned()),
        Problem::Missing => AuthError::MissingField(invalid.field.to_owned()),
        problem => AuthError::Validation(format!("[body.{}] Invalid input: {problem}", invalid.field)),
    }
}
