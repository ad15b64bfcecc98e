//! Sends: from a message of the outbox to one call, and from its answer to an outcome.

use super::{NoAccess, UserOutlet, count};
use greenroom_actors::{
    EntityId,
    outbox::{Content, Doubt, FailureClass, Kind, Refusal, SendOutcome, Usage},
    user::{Command, effect::SendRequest},
};
use greenroom_instagram::{
    client::CALL_TIMEOUT,
    errors::ErrorClass,
    ids::{CommentId, IdError, Igsid},
    outcome::{self, Answer, DoubtReason},
    send::{self, ContentError, OutgoingMessage, PublicReply},
};
use std::time::Duration;

/// After this a stopped message is looked at again: how long a stop holds on after it was lifted.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Code of the platform's limits of one kind of call, which close one lane and no other.
const STOPPED_CODE: u32 = 613;

/// Why a message cannot even be written; all of them are final.
#[derive(Debug, thiserror::Error)]
enum Unwritable {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the recipient is no identifier: {0}")]
    Recipient(#[from] IdError),
    #[error("a public reply is text")]
    PublicTemplate,
}

enum Call {
    Message(OutgoingMessage),
    Public(PublicReply),
}

impl UserOutlet {
    pub(super) async fn send(&self, workspace: &EntityId, request: SendRequest) -> Command {
        let (outcome, usage) = self.send_once(workspace, &request).await;
        count(
            call_name(&request.kind),
            match &outcome {
                SendOutcome::Sent { .. } => "sent",
                SendOutcome::NotSent(_) => "refused",
                SendOutcome::Unknown { .. } => "unknown",
            },
        );
        Command::SendFinished { outbound: request.outbound, attempt: request.attempt, outcome, usage }
    }

    async fn send_once(&self, workspace: &EntityId, request: &SendRequest) -> (SendOutcome, Option<Usage>) {
        if self.clock.now() + CALL_TIMEOUT > request.lease_until {
            return (
                refused(FailureClass::Unreachable, "waited too long for its turn; no call was made"),
                None,
            );
        }
        if request.automatic && self.stop.is_on() {
            return (stopped(), None);
        }
        let access = match self.open(workspace, &request.access) {
            Ok(access) => access,
            Err(error) => return (no_access(&error), None),
        };
        let answer = match write(request) {
            Err(error) => return (refused(FailureClass::Content, &error.to_string()), None),
            Ok(Call::Message(message)) => {
                self.client.send_message(&access.token, &access.account, &message).await
            }
            Ok(Call::Public(reply)) => self.client.reply_publicly(&access.token, &reply).await,
        };
        let Answer { value, usage } = answer;
        (convert(value), self.reported(usage))
    }
}

const fn call_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Dm { .. } => "send_dm",
        Kind::PrivateReply { .. } => "send_private_reply",
        Kind::PublicReply { .. } => "send_public_reply",
    }
}

fn write(request: &SendRequest) -> Result<Call, Unwritable> {
    let SendRequest { kind, content, .. } = request;
    if let Kind::PublicReply { comment } = kind {
        let text = content.visible_text().ok_or(Unwritable::PublicTemplate)?;
        return Ok(Call::Public(PublicReply::new(CommentId::parse(comment.as_str())?, text.to_owned())?));
    }
    let content = match content {
        Content::Text(text) => send::Content::Text(text.to_string()),
        Content::Template { elements, .. } => send::Content::generic_from_json(elements)?,
    };
    Ok(Call::Message(match kind {
        Kind::Dm { to } => {
            let message = OutgoingMessage::to_person(Igsid::parse(to.as_str())?, content)?;
            if request.by_human_agent { message.by_human_agent()? } else { message }
        }
        Kind::PrivateReply { comment, .. } | Kind::PublicReply { comment } => {
            OutgoingMessage::private_reply(CommentId::parse(comment.as_str())?, content)?
        }
    }))
}

/// The operator's stop closes the lane like a rate limit of one kind of call: the message stays queued, uses up no
/// attempt, and is looked at again after a while.
fn stopped() -> SendOutcome {
    SendOutcome::NotSent(Refusal {
        code: STOPPED_CODE,
        retry_after: Some(LOOK_AGAIN_AFTER),
        message: Some("automatic messages are stopped by the operator".into()),
        ..Refusal::of(FailureClass::Rate)
    })
}

/// A token that cannot be opened is as good as none: the owner has to connect again.
fn no_access(error: &NoAccess) -> SendOutcome {
    if let NoAccess::Limited(wait) = error {
        return SendOutcome::NotSent(Refusal { retry_after: Some(*wait), ..Refusal::of(FailureClass::Rate) });
    }
    tracing::error!(%error, "a message was not sent");
    refused(FailureClass::Token, &error.to_string())
}

fn refused(class: FailureClass, message: &str) -> SendOutcome {
    SendOutcome::NotSent(Refusal { message: Some(message.into()), ..Refusal::of(class) })
}

fn convert(outcome: outcome::SendOutcome) -> SendOutcome {
    match outcome {
        outcome::SendOutcome::Sent { message_id, recipient_id } => SendOutcome::Sent {
            message_id: message_id.into_inner().into(),
            recipient: recipient_id.map(|person| person.into_inner().into()),
        },
        outcome::SendOutcome::NotSent(refusal) => refusal_of(*refusal),
        outcome::SendOutcome::Unknown(doubt) => SendOutcome::Unknown {
            doubt: doubt_of(doubt.reason),
            code: doubt.refusal.map(|refusal| (refusal.code, refusal.subcode)),
        },
    }
}

fn refusal_of(refusal: outcome::Refusal) -> SendOutcome {
    let code = (refusal.code, refusal.subcode);
    let class = match refusal.class {
        // The client classifies these as doubt; should one slip through, doubt is the safe reading.
        ErrorClass::Ambiguous => {
            return SendOutcome::Unknown { doubt: Doubt::PlatformAmbiguous, code: Some(code) };
        }
        ErrorClass::Unreachable => FailureClass::Unreachable,
        ErrorClass::Rate => FailureClass::Rate,
        ErrorClass::Token => FailureClass::Token,
        ErrorClass::Permission => FailureClass::Permission,
        ErrorClass::Window => FailureClass::Window,
        ErrorClass::Recipient => FailureClass::Recipient,
        ErrorClass::Content => FailureClass::Content,
        ErrorClass::Unexplained => FailureClass::Unexplained,
        ErrorClass::Done => FailureClass::Done,
        ErrorClass::Safety => FailureClass::Safety,
        ErrorClass::Owner => FailureClass::Owner,
    };
    let message = refusal.user_message.unwrap_or(refusal.message);
    SendOutcome::NotSent(Refusal {
        class,
        code: code.0,
        subcode: code.1,
        retry_after: refusal.retry_after,
        message: (!message.is_empty()).then(|| message.into()),
    })
}

const fn doubt_of(reason: DoubtReason) -> Doubt {
    match reason {
        DoubtReason::TimedOut => Doubt::Timeout,
        DoubtReason::Interrupted => Doubt::ConnectionLost,
        DoubtReason::ServerError => Doubt::ServerError,
        DoubtReason::AmbiguousCode => Doubt::PlatformAmbiguous,
        DoubtReason::Unreadable | DoubtReason::DoneWithoutId => Doubt::UnreadableAnswer,
    }
}
