//! The Graph API: every path below `/ig-graph`, on one page.

mod account;
mod comments;
mod conversations;
mod error;
pub(crate) mod fields;
mod media;
mod messages;
mod messenger_profile;
mod profile;
mod subscriptions;
mod tokens;
mod validate;

pub(crate) use error::{GraphError, GraphResult};

use super::{
    call::Request,
    world::{AccountId, Igsid, Mid, ObjectId, World, tokens::Standing},
};
use serde_json::{Value, json};

const BASIC: &str = "instagram_business_basic";
const MESSAGES: &str = "instagram_business_manage_messages";
const COMMENTS: &str = "instagram_business_manage_comments";

/// Who calls, by token.
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    scopes: Vec<String>,
}

impl Caller {
    fn needs(&self, scope: &str) -> Result<(), GraphError> {
        if self.scopes.iter().any(|have| have == scope) { Ok(()) } else { Err(GraphError::permission(scope)) }
    }
}

/// What the first segment of a path names.
enum Node {
    Account,
    Person(Igsid),
    Comment(ObjectId),
    Media(ObjectId),
    Message(Mid),
    Conversation(Igsid),
}

/// Answers a call.
pub(crate) fn answer(world: &mut World, request: &Request) -> GraphResult {
    let segments: Vec<&str> = request.segments().collect();
    let method = request.method.as_str();
    match (method, segments.as_slice()) {
        ("GET", ["access_token"]) => return tokens::exchange(world, request),
        ("GET", ["refresh_access_token"]) => return tokens::refresh(world, request),
        _ => {}
    }
    let caller = authorise(world, request.token.as_deref())?;
    world.count_call(caller.account)?;
    let (Some(first), edge) = (segments.first(), segments.get(1).copied()) else {
        return Err(GraphError::unsupported(method));
    };
    if segments.len() > 2 {
        return Err(GraphError::unsupported(method));
    }
    let node = resolve(world, caller.account, first).ok_or_else(|| GraphError::unknown_object(first))?;
    let scope = match (&node, edge) {
        (Node::Account, Some("messages" | "conversations" | "messenger_profile"))
        | (Node::Person(_) | Node::Message(_) | Node::Conversation(_), _) => MESSAGES,
        (Node::Comment(_), _) | (Node::Media(_), Some("comments")) => COMMENTS,
        _ => BASIC,
    };
    caller.needs(scope)?;
    match (method, node, edge) {
        ("GET", Node::Account, None) => account::read(world, &caller, request),
        ("POST", Node::Account, Some("messages")) => messages::send(world, &caller, request),
        ("GET", Node::Account, Some("conversations")) => {
            conversations::list(world, &caller, request, *first == "me")
        }
        ("GET", Node::Account, Some("media")) => media::list(world, &caller, request),
        ("GET", Node::Account, Some("stories")) => media::stories(world, &caller, request),
        (_, Node::Account, Some("subscribed_apps")) => {
            subscriptions::answer(world, &caller, request, *first == "me")
        }
        (_, Node::Account, Some("messenger_profile")) => messenger_profile::answer(world, &caller, request),
        ("GET", Node::Person(igsid), None) => profile::read(world, request, igsid),
        ("GET", Node::Message(mid), None) => conversations::message(world, request, mid),
        ("GET", Node::Conversation(igsid), None) => conversations::read(world, request, igsid),
        ("GET", Node::Media(id), None) => media::read(world, request, id),
        ("POST", Node::Media(id), None) => media::change(world, request, id),
        ("GET", Node::Media(id), Some("comments")) => comments::of_media(world, request, id),
        ("GET", Node::Comment(id), None) => comments::read(world, request, id),
        ("POST", Node::Comment(id), None) => comments::hide(world, request, id),
        ("DELETE", Node::Comment(id), None) => comments::delete(world, id),
        ("GET", Node::Comment(id), Some("replies")) => comments::replies(world, request, id),
        ("POST", Node::Comment(id), Some("replies")) => comments::reply(world, request, id),
        _ => Err(GraphError::unsupported(method)),
    }
}

/// The account of a token, whether or not it still works; for the ledger and the usage headers.
pub(crate) fn account_of(world: &World, token: Option<&str>) -> Option<AccountId> {
    world.tokens.get(token?).map(|token| token.account)
}

fn authorise(world: &World, token: Option<&str>) -> Result<Caller, GraphError> {
    let unknown = || GraphError::token(None, "Invalid OAuth access token - Cannot parse access token");
    let token = world.tokens.get(token.ok_or_else(unknown)?).ok_or_else(unknown)?;
    match token.standing {
        Standing::Good if token.expires_at > world.now => {}
        Standing::Good => {
            return Err(GraphError::token(Some(463), "Error validating access token: Session has expired."));
        }
        Standing::Revoked => {
            let message = "Error validating access token: The user has not authorized application.";
            return Err(GraphError::token(Some(458), message));
        }
        Standing::PasswordChanged => {
            let message = "Error validating access token: The session has been invalidated because the user changed their password.";
            return Err(GraphError::token(Some(460), message));
        }
        Standing::Checkpoint => {
            let message = "Error validating access token: You cannot access the app till you log in and follow the instructions given.";
            return Err(GraphError::token(Some(459), message));
        }
    }
    Ok(Caller { account: token.account, scopes: token.scopes.clone() })
}

const CONVERSATION_PREFIX: &str = "aWdfZAG06";

fn conversation_id(igsid: Igsid) -> String {
    format!("{CONVERSATION_PREFIX}{igsid}")
}

fn resolve(world: &World, account: AccountId, text: &str) -> Option<Node> {
    if text == "me" {
        return Some(Node::Account);
    }
    if let Some(igsid) = text.strip_prefix(CONVERSATION_PREFIX).and_then(Igsid::parse) {
        return world.threads.get(igsid).filter(|t| t.account == account).map(|_| Node::Conversation(igsid));
    }
    if let Some(mid) = Mid::parse(text) {
        // An unknown message is answered as a deleted one by its reader.
        let foreign = world.threads.of_mid(mid).is_some_and(|thread| thread.account != account);
        return (!foreign).then_some(Node::Message(mid));
    }
    let id = ObjectId::parse(text)?;
    if let Some(found) = world.accounts.by_number(id.0) {
        return (found == account).then_some(Node::Account);
    }
    if world.comments.get(id).is_some_and(|comment| comment.account == account) {
        return Some(Node::Comment(id));
    }
    if world.media.get(id).is_some_and(|media| media.account == account) {
        return Some(Node::Media(id));
    }
    let igsid = Igsid(id.0);
    world.people.behind(igsid).filter(|(owner, _)| *owner == account).map(|_| Node::Person(igsid))
}

fn success() -> Value {
    json!({"success": true})
}

/// A list page; `after` continues behind its last item.
fn page(data: Vec<Value>, after: Option<String>, request: &Request) -> Value {
    let mut page = json!({"data": data});
    if let Some(after) = after {
        // The platform's link carries the token; nobody should follow it.
        let next = format!("https://graph.instagram.com{}?after={after}&access_token=REDACTED", request.path);
        page["paging"] = json!({"cursors": {"before": "QVFIUbefore", "after": after}, "next": next});
    }
    page
}

/// ISO 8601 with a numeric offset, from Unix milliseconds.
fn date(at: i64) -> String {
    let seconds = at.div_euclid(1_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil date, proleptic Gregorian (Howard Hinnant's algorithm).
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+0000")
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_have_an_offset_without_colon() {
        assert_eq!(super::date(1_767_225_600_000), "2026-01-01T00:00:00+0000");
        assert_eq!(super::date(951_782_399_000), "2000-02-28T23:59:59+0000");
        assert_eq!(super::date(951_782_400_000), "2000-02-29T00:00:00+0000");
    }
}
