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

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_actors::{
        Timestamp,
        automation::{self, AutomationInput, Response, limits, response},
        outbox,
    };

    #[test]
    fn the_limits_of_saving_are_those_of_sending() {
        for (saved, sent) in [
            (limits::URL_BYTES_MAX, send::URL_BYTES_MAX),
            (limits::PUBLIC_REPLY_CHARS_MAX, send::PUBLIC_REPLY_CHARS_MAX),
            (response::FIXED_BYTES_MAX, send::TEXT_BYTES_MAX),
            (outbox::TEXT_BYTES_MAX, send::TEXT_BYTES_MAX),
            (response::ELEMENTS_MAX, send::ELEMENTS_MAX),
            (response::TITLE_CHARS_MAX, send::ELEMENT_TITLE_CHARS_MAX),
            (response::BUTTONS_MAX, send::BUTTONS_MAX),
            (response::BUTTON_TITLE_CHARS_MAX, send::BUTTON_TITLE_CHARS_MAX),
        ] {
            assert_eq!(saved, sent);
        }
    }

    fn saved(input: AutomationInput) -> Option<automation::Content> {
        let input = AutomationInput { title: "a".into(), trigger_word: Some("price".into()), ..input };
        automation::validate(&input, Timestamp::from_millis(0)).map(|valid| valid.content).ok()
    }

    /// The elements of a template with this address everywhere, when it can be saved.
    fn template(url: &str) -> Option<String> {
        let button = serde_json::json!({ "type": "web_url", "title": "b".repeat(20), "url": url });
        let element = serde_json::json!({
            "title": "\u{1F600}".repeat(80),
            "subtitle": "\\".repeat(80),
            "image_url": url,
            "default_action": { "type": "web_url", "url": url },
            "buttons": [button, button, button],
        });
        let content = saved(AutomationInput {
            response_type: "generic_template".into(),
            response_content: serde_json::Value::from(vec![element; 10]).to_string(),
            ..AutomationInput::default()
        })?;
        let Response::GenericTemplate(template) = content.response else { panic!("no template") };
        Some(serde_json::to_string(&template.elements).unwrap())
    }

    #[test]
    fn a_template_that_can_be_saved_can_be_sent() {
        let of = |length: usize, tail: &str| format!("https://example.com/{}{tail}", "a".repeat(length - 20));
        let mut kept = 0;
        for url in [
            of(2_048, ""),
            of(2_049, ""),
            // 2,048 characters, and more bytes.
            of(2_047, "é"),
            of(2_046, "é"),
            "https://example.123/".into(),
            "https://1.2.3.4.5/".into(),
            "https://xn--a.com/".into(),
            "https://bücher.example:8443/?q=1#x".into(),
            "https://example.com/a\"b".into(),
        ] {
            let Some(elements) = template(&url) else { continue };
            kept += 1;
            assert!(elements.len() <= outbox::TEMPLATE_BYTES_MAX, "{url}: {}", elements.len());
            let content = send::Content::generic_from_json(&elements).unwrap();
            assert_eq!(content.check(), Ok(()), "{url}");
        }
        assert_eq!(kept, 3);
    }

    #[test]
    fn a_public_reply_that_can_be_saved_can_be_sent() {
        let mut kept = Vec::new();
        let texts = [
            "see https://a.example/?next=https://b.example",
            "请看https://a.example和https://b.example",
            "www.a.example",
            "https://a.example www.b.example",
            "https:// http:// is how links begin",
        ];
        for text in texts {
            let content = saved(AutomationInput {
                response_type: "fixed".into(),
                response_content: "here".into(),
                trigger_scope: Some("comment".into()),
                post_id: Some("1800".into()),
                comment_reply_text: Some(text.into()),
                ..AutomationInput::default()
            });
            let Some(reply) = content.and_then(|content| content.comment_reply_text) else { continue };
            assert!(PublicReply::new(CommentId::parse("1801").unwrap(), reply).is_ok(), "{text}");
            kept.push(text);
        }
        assert_eq!(kept, [texts[0], texts[1], texts[2], texts[4]]);
    }
}
