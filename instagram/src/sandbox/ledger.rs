//! What the product called, and what it was answered. Secrets are left out.

use super::{
    form,
    limits::{CALL_TEXT_MAX, CALLS_MAX},
    world::AccountId,
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Parameters whose value is never kept.
const SECRETS: [&str; 6] =
    ["access_token", "client_secret", "code", "code_verifier", "refresh_token", "signed_request"];

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Unix milliseconds of the sandbox.
    pub(crate) at: i64,
    pub(crate) method: String,
    /// Without prefix and version.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Bytes,
    pub(crate) account: Option<AccountId>,
    /// 0 when the connection was cut.
    pub(crate) status: u16,
    pub(crate) answer: Bytes,
    pub(crate) fault: Option<&'static str>,
}

/// The newest calls, numbered from 1.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: VecDeque<Call>,
    total: u64,
}

/// Which calls are wanted.
#[derive(Debug, Default)]
pub(crate) struct Filter<'a> {
    /// Calls after this number.
    pub(crate) since: u64,
    /// Part of the path.
    pub(crate) path: Option<&'a str>,
    pub(crate) account: Option<AccountId>,
}

/// A query or form with secrets replaced.
pub(crate) fn redacted_pairs(text: &str) -> String {
    let pairs = form::pairs(text);
    let shown = pairs.iter().map(|(name, value)| {
        let value = if SECRETS.contains(&name.as_str()) { "REDACTED" } else { value };
        format!("{}={}", form::encode(name), form::encode(value))
    });
    shown.collect::<Vec<_>>().join("&")
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if SECRETS.contains(&name.as_str()) && member.is_string() {
                    *member = "REDACTED".into();
                } else {
                    redact(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

fn shown(bytes: &[u8]) -> Value {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(mut value) => {
            redact(&mut value);
            value
        }
        Err(_) => redacted_pairs(&String::from_utf8_lossy(bytes)).into(),
    }
}

impl Ledger {
    /// Keeps a call; long bodies are cut, the oldest call goes when there are too many.
    pub(crate) fn record(&mut self, mut call: Call) {
        call.body = short(call.body);
        call.answer = short(call.answer);
        self.total += 1;
        self.calls.push_back(call);
        if self.calls.len() > CALLS_MAX {
            self.calls.pop_front();
        }
    }

    /// Calls ever.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Forgets the calls; their numbers go on.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    fn filtered<'a>(&'a self, filter: &'a Filter<'_>) -> impl Iterator<Item = (u64, &'a Call)> {
        let first = self.total - self.calls.len() as u64 + 1;
        (first..).zip(&self.calls).filter(|(n, call)| {
            *n > filter.since
                && filter.path.is_none_or(|path| call.path.contains(path))
                && filter.account.is_none_or(|account| call.account == Some(account))
        })
    }

    pub(crate) fn count(&self, filter: &Filter<'_>) -> usize {
        self.filtered(filter).count()
    }

    pub(crate) fn list(&self, filter: &Filter<'_>, max: usize) -> Vec<Value> {
        let show = |(n, call): (u64, &Call)| {
            json!({"n": n, "at": call.at, "method": call.method, "path": call.path, "query": call.query,
                "account": call.account.map(|id| id.to_string()), "body": shown(&call.body),
                "status": call.status, "answer": shown(&call.answer), "fault": call.fault})
        };
        self.filtered(filter).take(max).map(show).collect()
    }
}

/// A copy, so that a slice does not keep a large buffer alive. A cut form could show half of a secret, so a text
/// that is cut is kept by its length only.
fn short(bytes: Bytes) -> Bytes {
    if bytes.len() <= CALL_TEXT_MAX {
        return Bytes::copy_from_slice(&bytes);
    }
    json!({"omitted_bytes": bytes.len()}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        assert_eq!(
            redacted_pairs("a=1&access_token=abc&code=x%2Fy"),
            "a=1&access_token=REDACTED&code=REDACTED"
        );
        assert_eq!(
            shown(br#"{"data":[{"access_token":"abc"}]}"#),
            json!({"data": [{"access_token": "REDACTED"}]})
        );
        let error = json!({"error": {"code": 190}});
        assert_eq!(shown(error.to_string().as_bytes()), error);
    }

    #[test]
    fn numbers_go_on_when_old_calls_are_dropped() {
        let mut ledger = Ledger::default();
        let call = Call {
            at: 0,
            method: "GET".into(),
            path: "/me".into(),
            query: String::new(),
            body: Bytes::new(),
            account: None,
            status: 200,
            answer: Bytes::new(),
            fault: None,
        };
        ledger.record(call.clone());
        ledger.clear();
        ledger.record(call);
        assert_eq!(ledger.list(&Filter::default(), 10)[0]["n"], 2);
        assert_eq!(ledger.count(&Filter { since: 2, ..Filter::default() }), 0);
    }
}
