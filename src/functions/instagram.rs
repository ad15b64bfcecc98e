//! `instagram`: the connection, as it is stored. The platform is not asked on every look: that it does not answer says
//! nothing of a connection.

use super::{
    context::Writer,
    declare::{Done, Module, NoArgs, SignedOut, Style},
    failure::{CallError, Code},
};
use greenroom_actors::user::{
    Command,
    integration::{Integration, Status},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The functions of the module.
pub(super) fn module() -> Module {
    Module::new("instagram", Style::Result)
        .mutation("disconnectInstagram", "Disconnects the account; contacts and history stay.", disconnect)
        .style(Style::Throws)
        .action(
            "getInstagramIntegration",
            "Whether Instagram is connected, and to which account.",
            integration,
        )
        .signed_out(SignedOut::Gets(r#"{"connected":false}"#))
}

/// The connection.
#[derive(Default, Serialize, JsonSchema)]
struct IntegrationView {
    connected: bool,
    /// The handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// Professional account id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Why it does not work any more, or what of it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<&Integration> for IntegrationView {
    fn from(known: &Integration) -> Self {
        let error = known.last_error.as_deref().map(str::to_owned);
        match known.status {
            Status::Disconnected => Self::default(),
            Status::Expired | Status::Revoked => {
                let error = error.unwrap_or_else(|| "the connection has ended: connect again".to_owned());
                Self { error: Some(error), ..Self::default() }
            }
            Status::Active | Status::Limited => Self {
                connected: true,
                username: Some(known.username.as_ref().to_owned()),
                id: Some(known.account.as_str().to_owned()),
                error,
            },
        }
    }
}

async fn integration(writer: Writer, _: NoArgs) -> Result<IntegrationView, CallError> {
    let user = writer.user().await?;
    Ok(user.integration.as_deref().map(IntegrationView::from).unwrap_or_default())
}

/// What is not connected is disconnected already.
async fn disconnect(writer: Writer, _: NoArgs) -> Result<Done, CallError> {
    match writer.ask(Command::DisconnectInstagram, 0).await {
        Ok(_) => Ok(Done {}),
        Err(CallError::Failed(failure)) if failure.code == Code::NotConnected => Ok(Done {}),
        Err(error) => Err(error),
    }
}
