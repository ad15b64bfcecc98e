//! Reads: did a doubtful message arrive, does the token live, who is this person, what was this message.

use super::{NoAccess, UserOutlet, count};
use greenroom_actors::{
    EntityId, Timestamp,
    id::{AccountId, CommentId, EventKey, Igsid, MediaId, Mid},
    outbox::{ReadOutcome, SeenMessage, Usage},
    user::{
        command::{CommentPost, LookedUp, Profile, TokenState},
        effect::Access,
        inbound::{Attachment, AttachmentKind, InboundEvent, InboundItem, InboundMessage},
    },
};
use greenroom_instagram::{
    client::{CommentPlace, StoredMessage},
    errors::ErrorClass,
    ids,
    outcome::{Answer, CallError},
    webhook::key,
};
use std::sync::Arc;

impl UserOutlet {
    /// The newest messages that the account itself sent to a person; to anybody when the person is not known. Nothing is
    /// left out for its age: instants of the platform are whole seconds, and the outbox knows how near one must be.
    pub(super) async fn read_conversation(
        &self,
        workspace: &EntityId,
        person: Option<&Igsid>,
        since: Timestamp,
        access: &Access,
    ) -> (ReadOutcome, Option<Usage>) {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(error) => return failed(error.retry_after()),
        };
        let answer = match person.map(|person| ids::Igsid::parse(person.as_str())) {
            Some(Err(_)) => return failed(None),
            Some(Ok(person)) => {
                let Answer { value, usage } = self.client.conversation_with(&opened.token, &person).await;
                let messages = value.map(|found| found.map(|found| found.messages).unwrap_or_default());
                Answer { value: messages, usage }
            }
            None => {
                let Answer { value, usage } = self.client.conversations(&opened.token, None).await;
                let messages = value.map(|page| {
                    page.items.into_iter().flat_map(|conversation| conversation.messages).collect()
                });
                Answer { value: messages, usage }
            }
        };
        let usage = self.reported(answer.usage);
        conclude("read_conversation", answer.value, usage, |messages: Vec<StoredMessage>| {
            let own = messages.into_iter().filter(|message| {
                message.from.as_ref().is_some_and(|from| from.id.as_str() == access.account.as_str())
            });
            own.map(|message| SeenMessage {
                message_id: Mid::from(message.mid.into_inner()),
                sent_at: message.created_at.map_or(since, |at| Timestamp::from_millis(at.as_millis())),
                text: message.text.map(|text| text.value),
                is_template: message.has_template,
            })
            .collect()
        })
    }

    /// The replies below a comment. Older ones and others' are told apart by instant and text, by the outbox.
    pub(super) async fn read_replies(
        &self,
        workspace: &EntityId,
        comment: &CommentId,
        since: Timestamp,
        access: &Access,
    ) -> (ReadOutcome, Option<Usage>) {
        let (Ok(opened), Ok(comment)) =
            (self.open(workspace, access), ids::CommentId::parse(comment.as_str()))
        else {
            return failed(None);
        };
        let answer = self.client.comment_replies(&opened.token, &comment).await;
        let usage = self.reported(answer.usage);
        conclude("read_replies", answer.value, usage, |replies| {
            replies
                .into_iter()
                .map(|reply| SeenMessage {
                    message_id: Mid::from(reply.id.into_inner()),
                    sent_at: reply.created_at.map_or(since, |at| Timestamp::from_millis(at.as_millis())),
                    text: reply.text.map(|text| text.value),
                    is_template: false,
                })
                .collect()
        })
    }

    pub(super) async fn check_token(&self, workspace: &EntityId, access: &Access) -> TokenState {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(NoAccess::Limited(_)) => return TokenState::Unknown,
            Err(error) => return TokenState::Dead(error.to_string().into()),
        };
        match self.client.me(&opened.token).await.value {
            Ok(_) => TokenState::Alive,
            // Only the platform's own words end a token: a proxy may answer 401 too.
            Err(CallError::Refused(refusal)) if refusal.class == ErrorClass::Token && refusal.code != 0 => {
                TokenState::Dead(refusal.user_message.unwrap_or(refusal.message).into())
            }
            Err(_) => TokenState::Unknown,
        }
    }

    pub(super) async fn profile(
        &self,
        workspace: &EntityId,
        person: &Igsid,
        access: &Access,
    ) -> Option<Profile> {
        let opened = self.open(workspace, access).ok()?;
        let person = ids::Igsid::parse(person.as_str()).ok()?;
        let found = self.client.person(&opened.token, &person).await.value;
        count("read_profile", if found.is_ok() { "read" } else { "failed" });
        let found = found.ok()?;
        Some(Profile {
            username: found.username,
            display_name: found.name,
            profile_pic_url: found.picture_url,
        })
    }

    /// Below which post a comment stands.
    pub(super) async fn comment_post(
        &self,
        workspace: &EntityId,
        comment: &CommentId,
        access: &Access,
    ) -> CommentPost {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(error) => return CommentPost::Failed { retry_after: error.retry_after() },
        };
        let Ok(id) = ids::CommentId::parse(comment.as_str()) else { return CommentPost::Missing };
        let found = self.client.comment_place(&opened.token, &id).await.value;
        count("read_comment", if found.is_ok() { "read" } else { "failed" });
        match found {
            Ok(place) => place_of(place),
            Err(CallError::Refused(refusal)) if is_final(refusal.class) => CommentPost::Missing,
            Err(error) => CommentPost::Failed { retry_after: error.retry_after() },
        }
    }

    /// A message that was only hinted at, as the event that its own webhook would have been: with the same key, so that a
    /// late webhook is a duplicate.
    pub(super) async fn look_up(&self, workspace: &EntityId, mid: &Mid, access: &Access) -> LookedUp {
        let opened = match self.open(workspace, access) {
            Ok(opened) => opened,
            Err(error) => return LookedUp::Failed { retry_after: error.retry_after() },
        };
        let Ok(id) = ids::Mid::parse(mid.as_str()) else { return LookedUp::Missing };
        let found = self.client.message(&opened.token, &id).await.value;
        count("read_message", if found.is_ok() { "read" } else { "failed" });
        match found {
            Ok(found) => {
                let event = event_of(found, workspace, access, self.clock.now());
                event.map_or(LookedUp::Missing, |event| LookedUp::Found(Arc::new(event)))
            }
            Err(CallError::Refused(refusal)) if is_final(refusal.class) => LookedUp::Missing,
            Err(error) => LookedUp::Failed { retry_after: error.retry_after() },
        }
    }
}

fn place_of(place: CommentPlace) -> CommentPost {
    let live = place.media_product_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("LIVE"));
    let found = |media: ids::MediaId| CommentPost::Found { media: MediaId::from(media.into_inner()), live };
    place.media.map_or(CommentPost::Missing, found)
}

fn event_of(
    found: StoredMessage,
    workspace: &EntityId,
    access: &Access,
    received_at: Timestamp,
) -> Option<InboundEvent> {
    let person = found.from.filter(|from| from.id.as_str() != access.account.as_str())?.id;
    let key = key::EventKey::message(workspace.key(), &person, &found.mid);
    let (text, cut) = found.text.map_or((None, false), |text| (Some(text.value), text.cut));
    // What they are is not told here, only that there are some.
    let attachments = found.has_attachments.then_some(Attachment {
        kind: AttachmentKind::Media,
        url: None,
        title: None,
        media: None,
    });
    Some(InboundEvent {
        key: EventKey::from(key.into_string()),
        account: AccountId::from(access.account.as_str()),
        at: found.created_at.map_or(received_at, |at| Timestamp::from_millis(at.as_millis())),
        received_at,
        standby: false,
        unrouted: false,
        item: InboundItem::Message(InboundMessage {
            person: Igsid::from(person.into_inner()),
            mid: Some(Mid::from(found.mid.into_inner())),
            text,
            cut,
            attachments: attachments.into_iter().collect(),
            reply_to: None,
            quick_reply: None,
            referral: None,
            is_unsupported: found.is_unsupported,
        }),
    })
}

/// Asking again brings the same answer: there is no such message for this account.
const fn is_final(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Permission
        | ErrorClass::Window
        | ErrorClass::Recipient
        | ErrorClass::Content
        | ErrorClass::Done
        | ErrorClass::Owner => true,
        ErrorClass::Ambiguous
        | ErrorClass::Unreachable
        | ErrorClass::Unexplained
        | ErrorClass::Rate
        | ErrorClass::Token
        | ErrorClass::Safety => false,
    }
}

const fn failed(retry_after: Option<std::time::Duration>) -> (ReadOutcome, Option<Usage>) {
    (ReadOutcome::Failed { retry_after }, None)
}

fn conclude<T>(
    call: &'static str,
    answer: Result<T, CallError>,
    usage: Option<Usage>,
    seen: impl FnOnce(T) -> Vec<SeenMessage>,
) -> (ReadOutcome, Option<Usage>) {
    let outcome = match answer {
        Ok(value) => ReadOutcome::Read(seen(value)),
        Err(CallError::Refused(refusal)) => ReadOutcome::Failed { retry_after: refusal.retry_after },
        Err(_) => ReadOutcome::Failed { retry_after: None },
    };
    count(call, if matches!(outcome, ReadOutcome::Read(_)) { "read" } else { "failed" });
    (outcome, usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_actors::Sealed;
    use greenroom_instagram::client::Participant;

    #[test]
    fn a_comment_without_a_post_is_missing_and_a_broadcast_is_one() {
        let nowhere = CommentPlace { media: None, media_product_type: Some("FEED".into()) };
        assert_eq!(place_of(nowhere), CommentPost::Missing);
        let media = Some(ids::MediaId::parse("1800").unwrap());
        let live = CommentPlace { media, media_product_type: Some("LIVE".into()) };
        assert_eq!(place_of(live), CommentPost::Found { media: MediaId::from("1800"), live: true });
    }

    #[test]
    fn a_looked_up_picture_is_a_message_with_an_attachment() {
        let from = Participant { id: ids::Igsid::parse("900000000000001").unwrap(), username: None };
        let found = StoredMessage {
            mid: ids::Mid::parse("m_1").unwrap(),
            created_at: None,
            from: Some(from),
            to: Vec::new(),
            text: None,
            has_attachments: true,
            has_template: false,
            is_unsupported: false,
        };
        let access = Access { account: AccountId::from("17841400000000001"), token: Sealed::from("sealed") };
        let workspace = EntityId::new("user", "w1").unwrap();
        let event = event_of(found, &workspace, &access, Timestamp::from_millis(1)).unwrap();
        let InboundItem::Message(message) = event.item else { panic!("{:?}", event.item) };
        assert_eq!(message.attachments.len(), 1);
        assert_eq!(message.attachments[0].kind, AttachmentKind::Media);
    }
}
