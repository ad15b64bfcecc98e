//! What the server sends. Texts are written by hand: values are texts already, and transitions may be large.

use crate::sync::{Encoded, Outcome, Ts, value::write_text};
use std::{fmt::Write, sync::Arc};

/// How far a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sync) struct StateVersion {
    /// Version of the set of subscriptions.
    pub query_set: u32,
    /// Number of accepted identities.
    pub identity: u32,
    /// Point in the order of commits.
    pub ts: Ts,
}

/// News about one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sync) enum Change {
    /// It came to something else than before.
    Outcome {
        /// Which.
        query: u32,
        /// To what. The message of a failure is whole already.
        outcome: Outcome,
        /// To be handed back when the client subscribes again.
        journal: Option<Arc<str>>,
    },
    /// It is gone.
    Removed {
        /// Which.
        query: u32,
    },
}

/// One step of a connection.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Transition {
    /// Where the previous one ended.
    pub start: StateVersion,
    /// Where this one ends.
    pub end: StateVersion,
    /// At most one per subscription.
    pub changes: Vec<Change>,
    /// How far the client's clock was ahead when it connected, in milliseconds.
    pub skew_ms: Option<f64>,
    /// The clock now, in nanoseconds since 1970.
    pub now_ns: u64,
}

/// An answer to a request. The message of a failure is whole already.
#[derive(Clone, Debug)]
pub(in crate::sync) enum Response {
    /// To a mutation; `ts` counts when it succeeded.
    Mutation(Outcome, Ts),
    /// To an action.
    Action(Outcome),
}

impl Transition {
    /// The frame.
    pub(in crate::sync) fn render(&self) -> String {
        let mut out = String::with_capacity(256);
        out.push_str(r#"{"type":"Transition","startVersion":"#);
        version(self.start, &mut out);
        out.push_str(r#","endVersion":"#);
        version(self.end, &mut out);
        out.push_str(r#","modifications":["#);
        for (index, one) in self.changes.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            change(one, &mut out);
        }
        out.push_str(r#"],"clientClockSkew":"#);
        match self.skew_ms.filter(|skew| skew.is_finite()) {
            Some(skew) => push(&mut out, format_args!("{skew}")),
            None => out.push_str("null"),
        }
        push(&mut out, format_args!(r#","serverTs":{}}}"#, self.now_ns));
        out
    }
}

/// Writing to a String cannot fail.
fn push(out: &mut String, args: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(args);
}

fn version(version: StateVersion, out: &mut String) {
    let StateVersion { query_set, identity, ts } = version;
    let ts = ts.to_wire();
    push(out, format_args!(r#"{{"querySet":{query_set},"identity":{identity},"ts":"{ts}"}}"#));
}

fn change(change: &Change, out: &mut String) {
    match change {
        Change::Removed { query } => {
            push(out, format_args!(r#"{{"type":"QueryRemoved","queryId":{query}}}"#))
        }
        Change::Outcome { query, outcome: Ok(value), journal } => {
            push(out, format_args!(r#"{{"type":"QueryUpdated","queryId":{query},"value":{}"#, value.0));
            tail(journal.as_deref(), None, out);
        }
        Change::Outcome { query, outcome: Err(failed), journal } => {
            push(out, format_args!(r#"{{"type":"QueryFailed","queryId":{query},"errorMessage":"#));
            write_text(&failed.message, out);
            tail(journal.as_deref(), failed.data.as_ref(), out);
        }
    }
}

fn tail(journal: Option<&str>, data: Option<&Encoded>, out: &mut String) {
    out.push_str(r#","logLines":[],"journal":"#);
    match journal {
        Some(journal) => write_text(journal, out),
        None => out.push_str("null"),
    }
    error_data(data, out);
    out.push('}');
}

fn error_data(data: Option<&Encoded>, out: &mut String) {
    if let Some(data) = data {
        push(out, format_args!(r#","errorData":{}"#, data.0));
    }
}

/// `MutationResponse`, `ActionResponse`.
pub(in crate::sync) fn response(request: u32, response: &Response) -> String {
    let (kind, outcome, ts) = match response {
        Response::Mutation(outcome, ts) => ("MutationResponse", outcome, Some(*ts)),
        Response::Action(outcome) => ("ActionResponse", outcome, None),
    };
    let mut out = String::with_capacity(128);
    let success = outcome.is_ok();
    push(&mut out, format_args!(r#"{{"type":"{kind}","requestId":{request},"success":{success},"result":"#));
    match outcome {
        Ok(value) => out.push_str(&value.0),
        Err(failed) => write_text(&failed.message, &mut out),
    }
    match (outcome, ts) {
        (Ok(_), Some(ts)) => push(&mut out, format_args!(r#","ts":"{}""#, ts.to_wire())),
        (Err(_), Some(_)) => out.push_str(r#","ts":null"#),
        (_, None) => {}
    }
    out.push_str(r#","logLines":[]"#);
    error_data(outcome.as_ref().err().and_then(|failed| failed.data.as_ref()), &mut out);
    out.push('}');
    out
}

/// `AuthError`.
pub(in crate::sync) fn auth_error(error: &str, base: u32, attempted: bool) -> String {
    let mut out = String::from(r#"{"type":"AuthError","error":"#);
    write_text(error, &mut out);
    push(&mut out, format_args!(r#","baseVersion":{base},"authUpdateAttempted":{attempted}}}"#));
    out
}

/// `FatalError`: the client never connects again.
pub(in crate::sync) fn fatal_error(error: &str) -> String {
    let mut out = String::from(r#"{"type":"FatalError","error":"#);
    write_text(error, &mut out);
    out.push('}');
    out
}

/// `Ping`: what a browser can see of the connection being alive.
pub(in crate::sync) const fn ping() -> &'static str {
    r#"{"type":"Ping"}"#
}

/// Cuts the text of a transition into frames with at most so many bytes of it each, between characters.
pub(in crate::sync) fn chunks(text: &str, bytes_max: usize, id: u64) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cut = rest.floor_char_boundary(bytes_max.max(4));
        let (piece, more) = rest.split_at(cut);
        pieces.push(piece);
        rest = more;
    }
    let total = pieces.len();
    let frame = |(part, piece): (usize, &&str)| {
        let mut out = String::with_capacity(piece.len() + piece.len() / 8 + 128);
        out.push_str(r#"{"type":"TransitionChunk","chunk":"#);
        write_text(piece, &mut out);
        push(&mut out, format_args!(r#","partNumber":{part},"totalParts":{total},"transitionId":"{id}"}}"#));
        out
    };
    pieces.iter().enumerate().map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    #[test]
    fn chunks_join_to_the_text_whatever_its_characters() {
        let text = "x€\"\\\n".repeat(41);
        for bytes_max in [1, 5, 64, 1000] {
            let frames = chunks(&text, bytes_max, 7);
            let parts: Vec<Json> = frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
            let joined: String = parts.iter().map(|part| part["chunk"].as_str().unwrap()).collect();
            assert_eq!(joined, text);
            assert!(
                parts.iter().all(|part| part["totalParts"] == parts.len() && part["transitionId"] == "7")
            );
            assert!(parts.iter().enumerate().all(|(index, part)| part["partNumber"] == index));
        }
    }
}
