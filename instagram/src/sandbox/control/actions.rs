//! What people, owners and other apps do.

use super::{Answer, Refused, done, read};
use crate::sandbox::{
    SandboxState,
    delivery::Shape,
    world::{
        AccountId, Igsid, Mid, ObjectId, PersonId, World,
        comments::Author,
        media::Media,
        threads::{Via, frame},
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// App id of the "other app" of handovers.
const OTHER_APP: &str = "990000000000002";

/// Performs one action.
pub(super) fn act(state: &SandboxState, action: &str, body: Value) -> Answer {
    if state.peek(|world| world.queue.is_full()) {
        return Err(Refused::Full("updates waiting for delivery"));
    }
    state.locked(|world| match action {
        "dm" => dm(world, read(body)?),
        "story-reply" => story_reply(world, read(body)?),
        "story-mention" => story_mention(world, read(body)?),
        "postback" => postback(world, read(body)?),
        "reaction" => reaction(world, read(body)?),
        "edit" => edit(world, read(body)?),
        "unsend" => unsend(world, read(body)?),
        "seen" => seen(world, read(body)?),
        "referral" => referral(world, read(body)?),
        "optin" => optin(world, read(body)?),
        "handover" => handover(world, read(body)?),
        "comment" => comment(world, read(body)?),
        "live-comment" => live_comment(world, read(body)?),
        "live-end" => live_end(world, read(body)?),
        "mention" => mention(world, read(body)?),
        "story-insights" => story_insights(world, read(body)?),
        "owner-message" => owner_message(world, read(body)?),
        "owner-comment" => owner_comment(world, read(body)?),
        _ => Err(Refused::NotFound("action")),
    })
}

fn account(world: &World, text: &str) -> Result<AccountId, Refused> {
    world.accounts.find(text).ok_or(Refused::NotFound("account"))
}

fn person(world: &World, text: &str) -> Result<PersonId, Refused> {
    world.people.find(text).ok_or(Refused::NotFound("person"))
}

/// Account, person, and the id that the one has for the other.
#[derive(Deserialize)]
struct Pair {
    account: String,
    person: String,
}

impl Pair {
    fn find(&self, world: &mut World) -> Result<(AccountId, Igsid), Refused> {
        let (account, person) = (account(world, &self.account)?, person(world, &self.person)?);
        Ok((account, world.igsid(account, person)))
    }
}

#[derive(Deserialize)]
struct Dm {
    #[serde(flatten)]
    pair: Pair,
    text: Option<String>,
    attachments: Option<Value>,
    reply_to_mid: Option<String>,
    reply_to_story: Option<String>,
    quick_reply: Option<Value>,
    referral: Option<Value>,
    #[serde(default)]
    unsupported: bool,
}

fn said(world: &mut World, igsid: Igsid, content: Map<String, Value>) -> Answer {
    let mid = world.receive(igsid, content).ok_or(Refused::NotFound("person"))?;
    Ok(json!({"mid": mid.to_string(), "igsid": igsid.to_string()}))
}

fn dm(world: &mut World, dm: Dm) -> Answer {
    let (_, igsid) = dm.pair.find(world)?;
    let mut content = Map::new();
    if let Some(text) = dm.text {
        content.insert("text".into(), text.into());
    }
    if let Some(attachments) = dm.attachments {
        content.insert("attachments".into(), attachments);
    }
    if let Some(mid) = dm.reply_to_mid {
        content.insert("reply_to".into(), json!({"mid": mid}));
    }
    if let Some(story) = dm.reply_to_story {
        content.insert("reply_to".into(), story_link(&story));
    }
    if let Some(reply) = dm.quick_reply {
        let reply = if reply.is_string() { json!({"payload": reply}) } else { reply };
        content.insert("quick_reply".into(), reply);
    }
    if let Some(referral) = dm.referral {
        content.insert("referral".into(), referral);
    }
    if dm.unsupported {
        content.insert("is_unsupported".into(), true.into());
    }
    if content.is_empty() {
        return Err(Refused::bad("the message is empty"));
    }
    said(world, igsid, content)
}

fn story_link(story: &str) -> Value {
    json!({"story": {"id": story, "url": format!("https://lookaside.example/ig_messaging_cdn/?asset_id={story}")}})
}

#[derive(Deserialize)]
struct StoryReply {
    #[serde(flatten)]
    pair: Pair,
    story: String,
    text: String,
}

fn story_reply(world: &mut World, reply: StoryReply) -> Answer {
    let (_, igsid) = reply.pair.find(world)?;
    let mut content = Map::new();
    content.insert("text".into(), reply.text.into());
    content.insert("reply_to".into(), story_link(&reply.story));
    said(world, igsid, content)
}

#[derive(Deserialize)]
struct StoryMention {
    #[serde(flatten)]
    pair: Pair,
    url: Option<String>,
}

fn story_mention(world: &mut World, mention: StoryMention) -> Answer {
    let (_, igsid) = mention.pair.find(world)?;
    let url = mention.url.unwrap_or_else(|| "https://lookaside.example/ig_messaging_cdn/?asset_id=3".into());
    let mut content = Map::new();
    content.insert("attachments".into(), json!([{"type": "story_mention", "payload": {"url": url}}]));
    said(world, igsid, content)
}

#[derive(Deserialize)]
struct Postback {
    #[serde(flatten)]
    pair: Pair,
    title: String,
    payload: String,
    referral: Option<Value>,
}

fn postback(world: &mut World, postback: Postback) -> Answer {
    let (account, igsid) = postback.pair.find(world)?;
    let (now, mid) = (world.now, world.counters.mid());
    // A tap opens the window and is consent, like a message.
    world.thread(igsid).ok_or(Refused::NotFound("person"))?.last_inbound = Some(now);
    let mut event = frame(igsid, account, now);
    event["postback"] = json!({"mid": mid.to_string(), "title": postback.title, "payload": postback.payload});
    if let Some(referral) = postback.referral {
        event["postback"]["referral"] = referral;
    }
    world.emit(account, Shape::Messaging, event, 0);
    Ok(json!({"mid": mid.to_string(), "igsid": igsid.to_string()}))
}

#[derive(Deserialize)]
struct Reaction {
    #[serde(flatten)]
    pair: Pair,
    mid: String,
    #[serde(default = "react")]
    action: String,
    reaction: Option<String>,
    emoji: Option<String>,
}

fn react() -> String {
    "react".into()
}

fn reaction(world: &mut World, reaction: Reaction) -> Answer {
    let (account, igsid) = reaction.pair.find(world)?;
    let mut event = frame(igsid, account, world.now);
    event["reaction"] = json!({"mid": reaction.mid, "action": reaction.action});
    if reaction.action == "react" {
        event["reaction"]["reaction"] = reaction.reaction.unwrap_or_else(|| "love".into()).into();
        event["reaction"]["emoji"] = reaction.emoji.unwrap_or_else(|| "❤️".into()).into();
    }
    world.emit(account, Shape::Messaging, event, 0);
    Ok(done())
}

#[derive(Deserialize)]
struct Edit {
    mid: String,
    text: String,
}

fn message_of(world: &World, mid: &str) -> Result<(Mid, AccountId, Igsid), Refused> {
    let mid = Mid::parse(mid).ok_or(Refused::NotFound("message"))?;
    let (thread, message, _) = world.threads.message(mid).ok_or(Refused::NotFound("message"))?;
    if message.via != Via::Person {
        return Err(Refused::Conflict("the message is not of a person"));
    }
    Ok((mid, thread.account, thread.igsid))
}

fn edit(world: &mut World, edit: Edit) -> Answer {
    let (mid, account, igsid) = message_of(world, &edit.mid)?;
    let message = world.threads.message_mut(mid).ok_or(Refused::NotFound("message"))?;
    message.edits += 1;
    let num_edit = message.edits;
    message.content.insert("text".into(), edit.text.as_str().into());
    let mut event = frame(igsid, account, world.now);
    event["message_edit"] = json!({"mid": mid.to_string(), "text": edit.text, "num_edit": num_edit});
    world.emit(account, Shape::Messaging, event, 0);
    Ok(json!({"num_edit": num_edit}))
}

#[derive(Deserialize)]
struct Unsend {
    mid: String,
}

fn unsend(world: &mut World, unsend: Unsend) -> Answer {
    let (mid, account, igsid) = message_of(world, &unsend.mid)?;
    let message = world.threads.message_mut(mid).ok_or(Refused::NotFound("message"))?;
    message.deleted = true;
    message.content.clear();
    let mut event = frame(igsid, account, world.now);
    event["message"] = json!({"mid": mid.to_string(), "is_deleted": true});
    world.emit(account, Shape::Messaging, event, 0);
    Ok(done())
}

#[derive(Deserialize)]
struct Seen {
    #[serde(flatten)]
    pair: Pair,
    mid: String,
}

fn seen(world: &mut World, seen: Seen) -> Answer {
    let (account, igsid) = seen.pair.find(world)?;
    let mut event = frame(igsid, account, world.now);
    event["read"] = json!({"mid": seen.mid});
    world.emit(account, Shape::Messaging, event, 0);
    Ok(done())
}

#[derive(Deserialize)]
struct Referral {
    #[serde(flatten)]
    pair: Pair,
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default = "short_link")]
    source: String,
}

fn short_link() -> String {
    "SHORTLINK".into()
}

fn referral(world: &mut World, referral: Referral) -> Answer {
    let (account, igsid) = referral.pair.find(world)?;
    let mut event = frame(igsid, account, world.now);
    event["referral"] = json!({"ref": referral.reference, "source": referral.source, "type": "OPEN_THREAD"});
    world.emit(account, Shape::Messaging, event, 0);
    Ok(done())
}

#[derive(Deserialize)]
struct Optin {
    #[serde(flatten)]
    pair: Pair,
    title: String,
    payload: String,
}

fn optin(world: &mut World, optin: Optin) -> Answer {
    let (account, igsid) = optin.pair.find(world)?;
    let token = format!("nmt_sbx_{}", world.counters.other());
    let mut event = frame(igsid, account, world.now);
    event["optin"] = json!({"type": "notification_messages", "title": optin.title, "payload": optin.payload,
        "notification_messages_token": token, "notification_messages_frequency": "WEEKLY",
        "notification_messages_timezone": "Europe/Berlin",
        "token_expiry_timestamp": world.now + 180 * 86_400_000, "user_token_status": "REFRESHED"});
    world.emit(account, Shape::Messaging, event, 0);
    Ok(json!({"notification_messages_token": token}))
}

/// Which app gets the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Holder {
    Us,
    Other,
}

#[derive(Deserialize)]
struct Handover {
    #[serde(flatten)]
    pair: Pair,
    to: Holder,
    metadata: Option<String>,
}

fn handover(world: &mut World, handover: Handover) -> Answer {
    use crate::sandbox::world::app::APP_ID;
    let (account, igsid) = handover.pair.find(world)?;
    let to_other = handover.to == Holder::Other;
    let (previous, new) = if to_other { (APP_ID, OTHER_APP) } else { (OTHER_APP, APP_ID) };
    let thread = world.thread(igsid).ok_or(Refused::NotFound("person"))?;
    thread.held_by = to_other.then(|| OTHER_APP.to_owned());
    let mut event = frame(igsid, account, world.now);
    event["pass_thread_control"] = json!({"previous_owner_app_id": previous, "new_owner_app_id": new,
        "metadata": handover.metadata.unwrap_or_default()});
    world.emit(account, Shape::Messaging, event, 0);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewComment {
    /// Taken from the media; checked when given.
    account: Option<String>,
    media: String,
    person: String,
    text: String,
    parent: Option<String>,
    /// Written below the ad that was made of the post.
    #[serde(default)]
    ad: bool,
}

fn media(world: &World, text: &str) -> Result<(ObjectId, AccountId), Refused> {
    let media = ObjectId::parse(text).and_then(|id| world.media.get(id));
    media.map(|media| (media.id, media.account)).ok_or(Refused::NotFound("media"))
}

fn parent(text: Option<&str>) -> Result<Option<ObjectId>, Refused> {
    text.map(|text| ObjectId::parse(text).ok_or(Refused::NotFound("parent comment"))).transpose()
}

fn comment(world: &mut World, new: NewComment) -> Answer {
    let (post, owner) = media(world, &new.media)?;
    if let Some(text) = &new.account
        && account(world, text)? != owner
    {
        return Err(Refused::Conflict("the media is of another account"));
    }
    let person = person(world, &new.person)?;
    let post = if new.ad { ad_of(world, post)? } else { post };
    if world.media.get(post).is_some_and(|media| !media.comment_enabled) {
        return Err(Refused::Conflict("comments are switched off"));
    }
    let id = world.write_comment(post, Author::Person(person), new.text, parent(new.parent.as_deref())?)?;
    Ok(json!({"comment_id": id.to_string(), "igsid": world.igsid(owner, person).to_string()}))
}

/// The ad made of a post; made on first use.
fn ad_of(world: &mut World, post: ObjectId) -> Result<ObjectId, Refused> {
    if let Some(ad) = world.media.iter().find(|media| media.original == Some(post)) {
        return Ok(ad.id);
    }
    let original: Media = world.media.get(post).ok_or(Refused::NotFound("media"))?.clone();
    world.publish(crate::sandbox::world::media::NewMedia {
        account: original.account.to_string(),
        media_type: original.media_type,
        product_type: "AD".into(),
        caption: original.caption,
        original: Some(post.to_string()),
    })
}

#[derive(Deserialize)]
struct LiveComment {
    #[serde(flatten)]
    pair: Pair,
    text: String,
}

fn live_comment(world: &mut World, new: LiveComment) -> Answer {
    let (account, igsid) = new.pair.find(world)?;
    let person = person(world, &new.pair.person)?;
    let live = world.accounts.get(account).and_then(|account| account.live);
    let live = match live {
        Some(live) => live,
        None => world.publish(crate::sandbox::world::media::NewMedia {
            account: account.to_string(),
            media_type: "VIDEO".into(),
            product_type: "LIVE".into(),
            caption: None,
            original: None,
        })?,
    };
    let id = world.write_comment(live, Author::Person(person), new.text, None)?;
    Ok(json!({"comment_id": id.to_string(), "media": live.to_string(), "igsid": igsid.to_string()}))
}

#[derive(Deserialize)]
struct LiveEnd {
    account: String,
}

fn live_end(world: &mut World, end: LiveEnd) -> Answer {
    let id = account(world, &end.account)?;
    let account = world.accounts.get_mut(id).ok_or(Refused::NotFound("account"))?;
    match account.live.take() {
        Some(_) => Ok(done()),
        None => Err(Refused::Conflict("no broadcast runs")),
    }
}

#[derive(Deserialize)]
struct Mention {
    account: String,
    media: String,
    comment: Option<String>,
}

fn mention(world: &mut World, mention: Mention) -> Answer {
    let account = account(world, &mention.account)?;
    let mut value = json!({"media_id": mention.media});
    if let Some(comment) = mention.comment {
        value["comment_id"] = comment.into();
    }
    world.emit(account, Shape::Change("mentions".into()), value, 0);
    Ok(done())
}

#[derive(Deserialize)]
struct StoryInsights {
    account: String,
    media: String,
}

fn story_insights(world: &mut World, insights: StoryInsights) -> Answer {
    let account = account(world, &insights.account)?;
    let value = json!({"media_id": insights.media, "impressions": 120, "reach": 100, "taps_forward": 20,
        "taps_back": -1, "exits": 30, "replies": -1});
    world.emit(account, Shape::Change("story_insights".into()), value, 0);
    Ok(done())
}

#[derive(Deserialize)]
struct OwnerMessage {
    #[serde(flatten)]
    pair: Pair,
    text: String,
}

fn owner_message(world: &mut World, message: OwnerMessage) -> Answer {
    let (_, igsid) = message.pair.find(world)?;
    let mut content = Map::new();
    content.insert("text".into(), message.text.into());
    let (mid, _) = world.answer(igsid, Via::Owner, content, 0).ok_or(Refused::NotFound("person"))?;
    Ok(json!({"mid": mid.to_string(), "igsid": igsid.to_string()}))
}

#[derive(Deserialize)]
struct OwnerComment {
    media: String,
    text: String,
    parent: Option<String>,
}

fn owner_comment(world: &mut World, new: OwnerComment) -> Answer {
    let (post, _) = media(world, &new.media)?;
    let id = world.write_comment(post, Author::Owner, new.text, parent(new.parent.as_deref())?)?;
    Ok(json!({"comment_id": id.to_string()}))
}
