//! What clients send. Unknown fields are ignored; the order of keys is free.

use crate::sync::{
    Call, Encoded, Failed, Ts, Value,
    path::{self, PathError},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, sync::Arc};

/// Longest name of a session.
const SESSION_BYTES_MAX: usize = 64;
/// Longest journal that is taken back.
const JOURNAL_BYTES_MAX: usize = 2048;
/// Longest token.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A frame that is no message: ends the connection for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::sync) struct Malformed(pub(in crate::sync) &'static str);

/// A message of a client.
#[derive(Debug)]
pub(in crate::sync) enum ClientMessage {
    /// First message of most connections.
    Connect {
        /// Name of the client object.
        session: Arc<str>,
        /// Newest point that it saw.
        observed: Option<Ts>,
        /// Its clock, in milliseconds.
        clock_ms: Option<f64>,
    },
    /// Subscribes and unsubscribes.
    ModifyQuerySet {
        /// Version that it continues.
        base: u32,
        /// Version that it makes.
        new: u32,
        /// What changes.
        modifications: Vec<Modification>,
    },
    /// Changes state.
    Mutation(Request),
    /// Calls others.
    Action(Request),
    /// Names the user.
    Authenticate {
        /// Number of such messages before it.
        base: u32,
        /// How.
        token: Token,
    },
    /// Something for the statistics.
    Event,
}

/// One change of the set of subscriptions.
#[derive(Debug)]
pub(in crate::sync) enum Modification {
    /// Subscribes.
    Add {
        /// Named by the client.
        query: u32,
        /// What to evaluate, or why that cannot be.
        call: Result<Call, Failed>,
        /// What it was told last about this subscription.
        journal: Option<Arc<str>>,
    },
    /// Unsubscribes.
    Remove {
        /// Named by the client.
        query: u32,
    },
}

/// A call that is answered once.
#[derive(Debug)]
pub(in crate::sync) struct Request {
    /// Number in the session.
    pub id: u32,
    /// What to run, or why that cannot be.
    pub call: Result<Call, Failed>,
}

/// As whom the connection acts.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sync) enum Token {
    /// As the user that this token names.
    User(String),
    /// As nobody.
    None,
    /// With rights that nobody has here.
    Admin,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connect {
    session_id: String,
    max_observed_timestamp: Option<Ts>,
    client_ts: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModifyQuerySet<'a> {
    base_version: u32,
    new_version: u32,
    #[serde(borrow)]
    modifications: Vec<RawModification<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawModification<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    query_id: u32,
    #[serde(borrow)]
    udf_path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    journal: Option<Cow<'a, str>>,
    #[serde(borrow)]
    component_path: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRequest<'a> {
    request_id: u32,
    #[serde(borrow)]
    udf_path: Cow<'a, str>,
    #[serde(borrow)]
    args: &'a RawValue,
    #[serde(borrow)]
    component_path: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authenticate<'a> {
    base_version: u32,
    #[serde(borrow)]
    token_type: Cow<'a, str>,
    value: Option<String>,
}

impl ClientMessage {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is not JSON, of no known type, or lacks a field.
    pub(in crate::sync) fn parse(text: &str) -> Result<Self, Malformed> {
        let kind = parse::<Typed<'_>>(text, "a frame is no object with a type")?.kind;
        match kind.as_ref() {
            "Connect" => connect(parse(text, "malformed Connect")?),
            "ModifyQuerySet" => modify(parse(text, "malformed ModifyQuerySet")?),
            "Mutation" => Ok(Self::Mutation(request(&parse(text, "malformed Mutation")?)?)),
            "Action" => Ok(Self::Action(request(&parse(text, "malformed Action")?)?)),
            "Authenticate" => authenticate(parse(text, "malformed Authenticate")?),
            "Event" => Ok(Self::Event),
            _ => Err(Malformed("unknown type of message")),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, wrong: &'static str) -> Result<T, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed(wrong))
}

fn connect(message: Connect) -> Result<ClientMessage, Malformed> {
    if message.session_id.is_empty() || message.session_id.len() > SESSION_BYTES_MAX {
        return Err(Malformed("malformed sessionId"));
    }
    Ok(ClientMessage::Connect {
        session: message.session_id.into(),
        observed: message.max_observed_timestamp,
        clock_ms: message.client_ts,
    })
}

fn modify(message: ModifyQuerySet<'_>) -> Result<ClientMessage, Malformed> {
    let modifications = message.modifications.iter().map(modification).collect::<Result<_, _>>()?;
    Ok(ClientMessage::ModifyQuerySet { base: message.base_version, new: message.new_version, modifications })
}

fn modification(raw: &RawModification<'_>) -> Result<Modification, Malformed> {
    match (raw.kind.as_ref(), &raw.udf_path, raw.args) {
        ("Add", Some(path), Some(args)) => Ok(Modification::Add {
            query: raw.query_id,
            call: call(path, args, raw.component_path.as_deref())?,
            // One that is too long cannot be ours; the function would refuse it as it refuses a forged one.
            journal: raw
                .journal
                .as_deref()
                .filter(|journal| journal.len() <= JOURNAL_BYTES_MAX)
                .map(Arc::from),
        }),
        ("Remove", ..) => Ok(Modification::Remove { query: raw.query_id }),
        _ => Err(Malformed("malformed modification")),
    }
}

fn request(raw: &RawRequest<'_>) -> Result<Request, Malformed> {
    Ok(Request { id: raw.request_id, call: call(&raw.udf_path, raw.args, raw.component_path.as_deref())? })
}

fn authenticate(raw: Authenticate<'_>) -> Result<ClientMessage, Malformed> {
    let token = match (raw.token_type.as_ref(), raw.value) {
        ("User", Some(token)) if token.len() <= TOKEN_BYTES_MAX => Token::User(token),
        ("None", _) => Token::None,
        ("Admin", Some(_)) => Token::Admin,
        _ => return Err(Malformed("malformed Authenticate")),
    };
    Ok(ClientMessage::Authenticate { base: raw.base_version, token })
}

/// A call, or the failure of this one call. Arguments that are no list at all are a malformed frame.
fn call(path: &str, args: &RawValue, component: Option<&str>) -> Result<Result<Call, Failed>, Malformed> {
    let list =
        serde_json::from_str::<Vec<&RawValue>>(args.get()).map_err(|_| Malformed("args is no array"))?;
    Ok(resolve(path, &list, component))
}

fn resolve(path: &str, list: &[&RawValue], component: Option<&str>) -> Result<Call, Failed> {
    if component.is_some_and(|component| !component.is_empty()) {
        return Err(Failed { message: "components cannot be called".to_owned(), data: None });
    }
    let path = path::normalise(path).map_err(|error| bad_path(path, error))?;
    let args = match list {
        [] => RawValue::from_string("{}".to_owned()).map_err(|_| too_many_arguments())?.into(),
        [one] => Arc::from((*one).to_owned()),
        _ => return Err(too_many_arguments()),
    };
    Ok(Call { path, args })
}

/// A path that names nothing, told like a function that is not there.
pub(in crate::sync) fn bad_path(path: &str, error: PathError) -> Failed {
    let shown: String = path.chars().filter(|c| !c.is_control()).take(128).collect();
    coded("NOT_FOUND", format!("Could not find public function for '{shown}': {error}"))
}

pub(in crate::sync) fn too_many_arguments() -> Failed {
    let message = "ArgumentValidationError: a function takes one object of arguments".to_owned();
    coded("INVALID_ARGUMENT", message)
}

/// A failure whose data names it for programs.
pub(in crate::sync) fn coded(code: &str, message: String) -> Failed {
    let data = [("code", code), ("message", &message)];
    let data = data.map(|(key, text)| (key.to_owned(), Value::Text(text.to_owned())));
    Failed { data: Some(Encoded::from(Value::Object(data.into()))), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_of(text: &str) -> Request {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Mutation(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn arguments_are_one_object_or_none() {
        let with = |args: &str| {
            request_of(&format!(
                r#"{{"args":{args},"type":"Mutation","requestId":3,"udfPath":"a.js:b","new":1}}"#
            ))
        };
        let call = with(r#"[{"v":1}]"#).call.unwrap();
        assert_eq!((call.path.as_ref(), call.args.get()), ("a:b", r#"{"v":1}"#));
        assert_eq!(with("[]").call.unwrap().args.get(), "{}");
        assert!(with("[{},{}]").call.unwrap_err().message.contains("ArgumentValidationError"));
        assert!(
            ClientMessage::parse(r#"{"type":"Mutation","requestId":3,"udfPath":"a:b","args":{}}"#).is_err()
        );
    }

    #[test]
    fn a_lone_surrogate_fails_its_call_and_not_the_connection() {
        let request =
            request_of(r#"{"type":"Mutation","requestId":3,"udfPath":"a:b","args":[{"v":"\ud800"}]}"#);
        assert!(Value::parse(request.call.unwrap().args.get()).is_err());
    }

    #[test]
    fn a_path_or_a_component_that_names_nothing_fails_the_call() {
        for text in [
            r#"{"type":"Mutation","requestId":3,"udfPath":"a b","args":[]}"#,
            r#"{"type":"Mutation","requestId":3,"udfPath":"a:b","componentPath":"c","args":[]}"#,
        ] {
            assert!(request_of(text).call.is_err(), "{text}");
        }
        assert!(
            request_of(r#"{"type":"Mutation","requestId":3,"udfPath":"a:b","componentPath":"","args":[]}"#)
                .call
                .is_ok()
        );
    }

    #[test]
    fn what_is_no_message_is_malformed() {
        for text in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"type":"Nonsense"}"#,
            r#"{"type":"Connect"}"#,
            r#"{"type":"Connect","sessionId":""}"#,
            r#"{"type":"Connect","sessionId":"a","maxObservedTimestamp":"x"}"#,
            r#"{"type":"Mutation","requestId":-1,"udfPath":"a:b","args":[]}"#,
            r#"{"type":"Mutation","requestId":4294967296,"udfPath":"a:b","args":[]}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1}"#,
            r#"{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":1}]}"#,
            r#"{"type":"Authenticate","baseVersion":0,"tokenType":"User"}"#,
            r#"{"type":"Authenticate","baseVersion":0,"tokenType":"Other","value":"x"}"#,
        ] {
            assert!(ClientMessage::parse(text).is_err(), "{text}");
        }
    }
}
