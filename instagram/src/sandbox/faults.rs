//! Faults on demand: rules that change the answer to the product's calls.

use super::{
    control::Refused,
    limits::{FAULTS_MAX, PATTERN_MAX},
    world::{AccountId, World},
};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Which calls a rule is for; every member that is set must match.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Match {
    pub(crate) method: Option<String>,
    /// Regular expression over the path without prefix and version.
    pub(crate) path: Option<String>,
    /// Id of the account that calls.
    pub(crate) account: Option<String>,
    pub(crate) body_contains: Option<String>,
}

/// What a rule does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Effect {
    /// The platform's error object; nothing is applied.
    GraphError {
        #[serde(default = "bad_request")]
        status: u16,
        code: i64,
        #[serde(default)]
        subcode: Option<i64>,
        #[serde(default = "no_reason")]
        message: String,
        #[serde(default = "oauth_exception", rename = "type")]
        error_type: String,
        #[serde(default)]
        is_transient: bool,
        #[serde(default)]
        user_title: Option<String>,
        #[serde(default)]
        user_msg: Option<String>,
        #[serde(default)]
        headers: BTreeMap<String, String>,
        #[serde(default)]
        retry_after_s: Option<u64>,
        #[serde(default)]
        regain_minutes: Option<u32>,
    },
    /// Any answer; nothing is applied.
    Http {
        status: u16,
        #[serde(default)]
        body: String,
        #[serde(default = "html")]
        content_type: String,
    },
    /// The call is carried out, the answer is an error.
    ApplyThenError {
        #[serde(default = "server_error")]
        status: u16,
        #[serde(default = "code_two")]
        code: i64,
    },
    /// The call is carried out, the connection is cut.
    ApplyThenDrop,
    /// The connection is cut before anything is carried out.
    DropBefore,
    /// No answer for a time, then the connection is cut.
    Hang {
        seconds: u64,
        #[serde(default)]
        applied: bool,
    },
    /// The answer trickles.
    SlowBody { bytes_per_s: u64 },
    /// The first bytes of the answer with status 200.
    Truncate { bytes: usize },
    /// Another shape of the answer: `wrapped`, `flat`, `ids_as_numbers`, `extra_fields`, `missing:<member>`.
    Shape { shape: String },
    /// The answer comes late.
    Delay { ms: u64 },
    /// One call, two messages.
    DuplicateApply,
}

impl Effect {
    /// Name for the ledger.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::GraphError { .. } => "graph_error",
            Self::Http { .. } => "http",
            Self::ApplyThenError { .. } => "apply_then_error",
            Self::ApplyThenDrop => "apply_then_drop",
            Self::DropBefore => "drop_before",
            Self::Hang { .. } => "hang",
            Self::SlowBody { .. } => "slow_body",
            Self::Truncate { .. } => "truncate",
            Self::Shape { .. } => "shape",
            Self::Delay { .. } => "delay",
            Self::DuplicateApply => "duplicate_apply",
        }
    }
}

const fn bad_request() -> u16 {
    400
}
const fn server_error() -> u16 {
    500
}
const fn code_two() -> i64 {
    2
}
fn no_reason() -> String {
    "An error was asked for.".into()
}
fn oauth_exception() -> String {
    "OAuthException".into()
}
fn html() -> String {
    "text/html".into()
}
const fn once() -> i64 {
    1
}
const fn always() -> f64 {
    1.0
}

/// A rule as the control API gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRule {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, rename = "match")]
    pub(crate) matching: Match,
    /// Matching calls that pass first.
    #[serde(default)]
    pub(crate) skip: u64,
    /// Calls that it is applied to; -1 until it is deleted.
    #[serde(default = "once")]
    pub(crate) times: i64,
    #[serde(default = "always")]
    pub(crate) probability: f64,
    /// Seconds on the sandbox's clock after which it no longer applies.
    #[serde(default)]
    pub(crate) for_s: Option<i64>,
    pub(crate) effect: Effect,
}

/// A rule at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rule {
    id: u64,
    #[serde(flatten)]
    rule: NewRule,
    /// Unix milliseconds.
    until: Option<i64>,
    matched: u64,
    applied: i64,
    #[serde(skip)]
    pattern: Option<Regex>,
}

/// All rules, in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
}

/// A call as the rules see it.
pub(crate) struct Seen<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) account: Option<AccountId>,
    pub(crate) body: &'a [u8],
}

fn compile(pattern: &str) -> Result<Regex, Refused> {
    if pattern.len() > PATTERN_MAX {
        return Err(Refused::bad("the path pattern is too long"));
    }
    Regex::new(pattern).map_err(|_| Refused::bad("the path pattern is no regular expression"))
}

impl Rule {
    fn matches(&mut self, call: &Seen<'_>) -> bool {
        let Match { method, path, account, body_contains } = &self.rule.matching;
        if self.pattern.is_none()
            && let Some(path) = path
        {
            // Checked when the rule was made; compiled again only after a restart.
            self.pattern = compile(path).ok();
        }
        method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(call.method))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(call.path))
            && account
                .as_ref()
                .is_none_or(|account| call.account.is_some_and(|id| id.to_string() == *account))
            && body_contains.as_ref().is_none_or(|text| memmem(call.body, text.as_bytes()))
    }
}

fn memmem(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || haystack.windows(needle.len()).any(|window| window == needle)
}

impl World {
    /// Adds a rule and returns its id.
    pub(crate) fn add_fault(&mut self, rule: NewRule) -> Result<u64, Refused> {
        if self.faults.rules.len() >= FAULTS_MAX {
            return Err(Refused::Full("faults"));
        }
        let pattern = rule.matching.path.as_deref().map(compile).transpose()?;
        let id = self.counters.other();
        let until = rule.for_s.map(|seconds| self.now.saturating_add(seconds.saturating_mul(1_000)));
        self.faults.rules.push(Rule { id, rule, until, matched: 0, applied: 0, pattern });
        Ok(id)
    }

    /// Adds the rules of a preset and returns their ids.
    pub(crate) fn add_preset(&mut self, name: &str) -> Result<Vec<u64>, Refused> {
        let rules = preset(name).ok_or(Refused::NotFound("preset"))?;
        rules
            .into_iter()
            .map(|rule| {
                let mut rule: NewRule =
                    serde_json::from_value(rule).map_err(|error| Refused::bad(error.to_string()))?;
                rule.name = name.into();
                self.add_fault(rule)
            })
            .collect()
    }

    /// Removes one rule or all.
    pub(crate) fn remove_faults(&mut self, id: Option<u64>) -> usize {
        let before = self.faults.rules.len();
        self.faults.rules.retain(|rule| id.is_some_and(|id| rule.id != id));
        before - self.faults.rules.len()
    }

    /// The rules with their counters.
    pub(crate) fn list_faults(&self) -> Value {
        serde_json::to_value(&self.faults.rules).unwrap_or_default()
    }

    /// The effect for a call: of the first rule that matches and still applies.
    pub(crate) fn fault_for(&mut self, call: &Seen<'_>) -> Option<Effect> {
        let now = self.now;
        for index in 0..self.faults.rules.len() {
            let rule = self.faults.rules.get_mut(index)?;
            let spent = rule.rule.times >= 0 && rule.applied >= rule.rule.times;
            if spent || rule.until.is_some_and(|until| now >= until) || !rule.matches(call) {
                continue;
            }
            rule.matched += 1;
            if rule.matched <= rule.rule.skip {
                continue;
            }
            let probability = rule.rule.probability;
            if !self.chance(probability) {
                continue;
            }
            let rule = self.faults.rules.get_mut(index)?;
            rule.applied += 1;
            return Some(rule.rule.effect.clone());
        }
        None
    }
}

fn preset(name: &str) -> Option<Vec<Value>> {
    const SENDS: &str = "^/[^/]+/(messages|replies)$";
    Some(match name {
        "rate-limited" => vec![json!({"match": {"method": "POST", "path": SENDS}, "times": -1, "effect":
            {"kind": "graph_error", "code": 613, "subcode": 2_534_040, "regain_minutes": 3,
             "message": "Calls to this api have exceeded the rate limit."}})],
        "bursty-5xx" => vec![json!({"match": {"method": "POST", "path": SENDS}, "times": -1,
            "probability": 0.2, "effect": {"kind": "apply_then_error", "status": 500}})],
        "flaky-network" => vec![
            json!({"times": -1, "probability": 0.1, "effect": {"kind": "drop_before"}}),
            json!({"times": -1, "probability": 0.1, "effect": {"kind": "apply_then_drop"}}),
            json!({"times": -1, "probability": 0.1, "effect": {"kind": "delay", "ms": 1_000}}),
        ],
        "token-expired-mid-run" => vec![json!({"skip": 5, "times": -1, "effect":
            {"kind": "graph_error", "status": 401, "code": 190, "subcode": 463,
             "message": "Error validating access token: Session has expired."}})],
        "meta-outage-10min" => vec![json!({"times": -1, "for_s": 600, "effect":
            {"kind": "http", "status": 503, "body": "<html><body>Sorry, something went wrong.</body></html>"}})],
        "slow-meta" => vec![json!({"times": -1, "effect": {"kind": "delay", "ms": 3_000}})],
        "spam-block" => vec![json!({"match": {"method": "POST", "path": SENDS}, "times": -1, "effect":
            {"kind": "graph_error", "code": 368, "message": "The action attempted has been deemed abusive or is otherwise disallowed"}})],
        "window-closed" => {
            vec![json!({"match": {"method": "POST", "path": "^/[^/]+/messages$"}, "times": -1, "effect":
            {"kind": "graph_error", "status": 403, "code": 10, "subcode": 2_534_022,
             "message": "This message is sent outside of allowed window."}})]
        }
        "all-shapes-wrapped" => vec![
            json!({"match": {"method": "GET", "path": "^/me$"}, "times": -1, "effect": {"kind": "shape", "shape": "wrapped"}}),
            json!({"match": {"path": "access_token$"}, "times": -1, "effect": {"kind": "shape", "shape": "wrapped"}}),
        ],
        _ => return None,
    })
}
