//! One call of the product: read, faulted, answered, noted.

use super::{
    SandboxState, delivery,
    faults::{Effect, Seen},
    form, google, graph,
    graph::{GraphError, fields},
    ledger::{Call, redacted_pairs},
    limits::FAULT_WAIT_MAX,
    oauth,
    world::{AccountId, World},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::{cell::RefCell, io, time::Duration};

/// Which host is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// `api.instagram.com`
    Api,
    /// `graph.instagram.com`
    Graph,
    /// `accounts.google.com` and its siblings.
    Google,
}

/// A call as handlers see it.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Without prefix and version.
    pub(crate) path: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    /// Query, then form or JSON members.
    arguments: Map<String, Value>,
    pub(crate) token: Option<String>,
    /// Host and port under which the product called.
    pub(crate) authority: String,
    raw_query: String,
    body: Bytes,
    /// How often the call is carried out; a fault makes it two.
    pub(crate) apply_times: u32,
    /// Updates to deliver before the answer goes out.
    pub(crate) echoes: RefCell<Vec<u64>>,
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').and_then(|rest| rest.split_once('.')).is_some_and(|(major, minor)| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits(major) && digits(minor)
    })
}

impl Request {
    fn read(method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes, prefix: &str) -> Self {
        let path = uri.path().strip_prefix(prefix).unwrap_or_default();
        let mut segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(form::decode).collect();
        if segments.first().is_some_and(|segment| is_version(segment)) {
            segments.remove(0);
        }
        let raw_query = uri.query().unwrap_or_default().to_owned();
        let query = form::pairs(&raw_query);
        let mut arguments: Map<String, Value> =
            query.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        if !body.is_empty() {
            match serde_json::from_slice(&body) {
                Ok(Value::Object(members)) => arguments.extend(members),
                _ if is_form(headers) => {
                    let pairs = form::pairs(&String::from_utf8_lossy(&body));
                    arguments.extend(pairs.into_iter().map(|(name, value)| (name, value.into())));
                }
                _ => {}
            }
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = bearer
            .and_then(|value| value.strip_prefix("Bearer "))
            .or_else(|| arguments.get("access_token").and_then(Value::as_str))
            .map(str::to_owned);
        let path = format!("/{}", segments.join("/"));
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let authority = host.unwrap_or("127.0.0.1").to_owned();
        let echoes = RefCell::default();
        Self {
            method,
            path,
            segments,
            query,
            arguments,
            token,
            authority,
            raw_query,
            body,
            apply_times: 1,
            echoes,
        }
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().map(String::as_str)
    }

    pub(crate) fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments.get(name)
    }

    /// An argument that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.argument(name).and_then(Value::as_str)
    }

    /// A value of the query string, not of the body.
    pub(crate) fn query_text(&self, name: &str) -> Option<&str> {
        form::first(&self.query, name)
    }

    /// The `fields` parameter.
    pub(crate) fn fields(&self, default: &str) -> Result<Vec<fields::Field>, GraphError> {
        let text = self.text("fields").unwrap_or(default);
        fields::parse(text).ok_or_else(|| GraphError::bad("The parameter fields is malformed."))
    }

    pub(crate) fn limit(&self, default: usize, max: usize) -> Result<usize, GraphError> {
        match self.text("limit") {
            None => Ok(default),
            Some(text) => match text.parse::<usize>() {
                Ok(limit) if limit > 0 => Ok(limit.min(max)),
                _ => Err(GraphError::bad("The parameter limit is malformed.")),
            },
        }
    }

    /// The `after` cursor.
    pub(crate) fn cursor<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, GraphError> {
        match self.text("after") {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or_else(|| GraphError::bad("The cursor is invalid.")),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, GraphError> {
        match self.argument(name) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            _ => Err(GraphError::bad(&format!("The parameter {name} is required."))),
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// An answer before it becomes bytes on a connection.
struct Answer {
    status: u16,
    body: Bytes,
    content_type: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    fn json(status: u16, value: &Value) -> Self {
        let content_type = "application/json; charset=UTF-8".into();
        Self { status, body: value.to_string().into(), content_type, headers: Vec::new() }
    }

    fn error(error: &GraphError, trace: &str) -> Self {
        Self::json(error.status, &error.to_json(trace))
    }
}

/// How the answer leaves.
enum Leave {
    Now,
    After(Duration),
    /// The connection is cut without an answer, after a while.
    Cut(Duration),
    /// Bytes per second.
    Slowly(u64),
}

/// Answers a call to one of the played hosts.
pub(crate) async fn answer(
    state: &SandboxState,
    host: Host,
    prefix: &str,
    (method, uri, headers): (Method, &Uri, &HeaderMap),
    body: Bytes,
) -> Response<Body> {
    let mut request = Request::read(method, uri, headers, body, prefix);
    state.touch();
    let (mut call, answer, leave, trace) = state.locked(|world| {
        let account = graph::account_of(world, request.token.as_deref());
        let trace = format!("Asbx{}", world.counters.other());
        let seen =
            Seen { method: request.method.as_str(), path: &request.path, account, body: &request.body };
        let effect = world.fault_for(&seen);
        let (mut answer, leave) = carry_out(world, &mut request, host, effect.as_ref(), &trace);
        let regain = effect.as_ref().and_then(regain_minutes);
        answer.headers.extend(usage_headers(world, account, regain));
        let call = Call {
            at: world.now,
            method: request.method.to_string(),
            path: std::mem::take(&mut request.path),
            query: redacted_pairs(&request.raw_query),
            body: std::mem::take(&mut request.body),
            account,
            status: answer.status,
            answer: answer.body.clone(),
            fault: effect.as_ref().map(Effect::kind),
        };
        (call, answer, leave, trace)
    });
    if matches!(leave, Leave::Cut(_)) {
        call.status = 0;
    }
    state.with_ledger(|ledger| ledger.record(call));
    let echoes = request.echoes.take();
    if !echoes.is_empty() {
        delivery::delivered(state, &echoes).await;
    }
    leave_as(state, answer, leave, &trace).await
}

fn handle(world: &mut World, request: &Request, host: Host, trace: &str) -> Answer {
    match host {
        Host::Api => {
            let (status, value) = oauth::exchange(world, request);
            Answer::json(status, &value)
        }
        Host::Google => {
            let (status, value) = google::answer(world, request);
            Answer::json(status, &value)
        }
        Host::Graph => match graph::answer(world, request) {
            Ok(value) => Answer::json(200, &value),
            Err(error) => Answer::error(&error, trace),
        },
    }
}

/// Carries the call out under a fault.
fn carry_out(
    world: &mut World,
    request: &mut Request,
    host: Host,
    effect: Option<&Effect>,
    trace: &str,
) -> (Answer, Leave) {
    let nothing = || Answer::json(200, &Value::Null);
    match effect {
        None => (handle(world, request, host, trace), Leave::Now),
        Some(Effect::GraphError { .. }) => (graph_error(effect, trace), Leave::Now),
        Some(Effect::Http { status, body, content_type }) => {
            let (body, content_type) = (Bytes::from(body.clone()), content_type.clone());
            (Answer { status: *status, body, content_type, headers: Vec::new() }, Leave::Now)
        }
        Some(Effect::ApplyThenError { status, code }) => {
            handle(world, request, host, trace);
            (Answer::error(&GraphError::ambiguous(*status, *code), trace), Leave::Now)
        }
        Some(Effect::ApplyThenDrop) => (handle(world, request, host, trace), Leave::Cut(Duration::ZERO)),
        Some(Effect::DropBefore) => (nothing(), Leave::Cut(Duration::ZERO)),
        Some(Effect::Hang { seconds, applied }) => {
            let answer = if *applied { handle(world, request, host, trace) } else { nothing() };
            (answer, Leave::Cut(Duration::from_secs(*seconds).min(FAULT_WAIT_MAX)))
        }
        Some(Effect::SlowBody { bytes_per_s }) => {
            (handle(world, request, host, trace), Leave::Slowly((*bytes_per_s).max(1)))
        }
        Some(Effect::Truncate { bytes }) => {
            let answer = handle(world, request, host, trace);
            let body = answer.body.slice(..answer.body.len().min(*bytes));
            (Answer { status: 200, body, ..answer }, Leave::Now)
        }
        Some(Effect::Shape { shape }) => {
            let answer = handle(world, request, host, trace);
            (reshape(answer, shape), Leave::Now)
        }
        Some(Effect::Delay { ms }) => {
            let wait = Duration::from_millis(*ms).min(FAULT_WAIT_MAX);
            (handle(world, request, host, trace), Leave::After(wait))
        }
        Some(Effect::DuplicateApply) => {
            request.apply_times = 2;
            (handle(world, request, host, trace), Leave::Now)
        }
    }
}

fn graph_error(effect: Option<&Effect>, trace: &str) -> Answer {
    let Some(Effect::GraphError {
        status,
        code,
        subcode,
        message,
        error_type,
        is_transient,
        user_title,
        user_msg,
        headers,
        retry_after_s,
        ..
    }) = effect
    else {
        return Answer::json(500, &Value::Null);
    };
    let user = (user_title.is_some() || user_msg.is_some())
        .then(|| (user_title.clone().unwrap_or_default(), user_msg.clone().unwrap_or_default()));
    let error = GraphError {
        status: *status,
        code: *code,
        subcode: *subcode,
        message: message.clone(),
        error_type: error_type.clone(),
        is_transient: *is_transient,
        user: user.map(Box::new),
    };
    let mut answer = Answer::error(&error, trace);
    answer.headers.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    answer.headers.extend(retry_after_s.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    answer
}

const fn regain_minutes(effect: &Effect) -> Option<u32> {
    match effect {
        Effect::GraphError { regain_minutes, .. } => *regain_minutes,
        _ => None,
    }
}

/// `X-App-Usage` and `X-Business-Use-Case-Usage`. `regain` minutes mean that the account is shut out.
fn usage_headers(world: &World, account: Option<AccountId>, regain: Option<u32>) -> Vec<(String, String)> {
    let (app, _) = world.app_usage();
    let usage = json!({"call_count": app, "total_time": app / 2, "total_cputime": app / 2});
    let mut headers = vec![("x-app-usage".to_owned(), usage.to_string())];
    if let Some(account) = account {
        let (mut percent, mut minutes) = world.account_usage(account);
        if let Some(regain) = regain {
            (percent, minutes) = (100, regain);
        }
        let usage = json!({account.to_string(): [{"type": "instagram", "call_count": percent,
            "total_cputime": percent / 2, "total_time": percent / 2,
            "estimated_time_to_regain_access": minutes}]});
        headers.push(("x-business-use-case-usage".to_owned(), usage.to_string()));
    }
    headers
}

fn reshape(answer: Answer, shape: &str) -> Answer {
    let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else { return answer };
    let value = match shape {
        "wrapped" if value.get("data").is_none() => json!({"data": [value]}),
        "flat" => match value {
            Value::Object(mut members) => match members.remove("data") {
                Some(Value::Array(mut items)) if items.len() == 1 => items.swap_remove(0),
                Some(other) => {
                    members.insert("data".into(), other);
                    Value::Object(members)
                }
                None => Value::Object(members),
            },
            other => other,
        },
        "ids_as_numbers" => delivery::with_numeric_ids(value),
        "extra_fields" => match value {
            Value::Object(mut members) => {
                members.insert("unexpected_member".into(), json!({"nested": [1, null, "x"]}));
                Value::Object(members)
            }
            other => other,
        },
        other => match (other.strip_prefix("missing:"), value) {
            (Some(name), Value::Object(mut members)) => {
                members.remove(name);
                Value::Object(members)
            }
            (_, value) => value,
        },
    };
    Answer { body: value.to_string().into(), ..answer }
}

fn response(answer: Answer, trace: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let fixed =
        [("content-type".to_owned(), answer.content_type), ("x-fb-trace-id".to_owned(), trace.to_owned())];
    for (name, value) in fixed.into_iter().chain(answer.headers) {
        // A fault may ask for a header that HTTP does not allow: it is then left out.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn leave_as(state: &SandboxState, answer: Answer, leave: Leave, trace: &str) -> Response<Body> {
    match leave {
        Leave::Now => {
            let body = answer.body.clone().into();
            response(answer, trace, body)
        }
        Leave::After(wait) => {
            pause(state, wait).await;
            let body = answer.body.clone().into();
            response(answer, trace, body)
        }
        Leave::Cut(wait) => {
            if !wait.is_zero() {
                pause(state, wait).await;
            }
            // A body that fails before its first byte makes the server drop the connection with nothing written.
            let cut = futures::stream::once(async { Err::<Bytes, _>(io::Error::other("cut by a fault")) });
            response(answer, trace, Body::from_stream(cut))
        }
        Leave::Slowly(bytes_per_s) => {
            let body = slowly(answer.body.clone(), bytes_per_s);
            response(answer, trace, body)
        }
    }
}

async fn pause(state: &SandboxState, wait: Duration) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = state.stopped() => {}
    }
}

/// One byte after another.
fn slowly(bytes: Bytes, bytes_per_s: u64) -> Body {
    let gap = Duration::from_micros(1_000_000 / bytes_per_s);
    let trickle = futures::stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(gap).await;
        let byte = rest.split_to(1);
        Some((Ok::<_, io::Error>(byte), rest))
    });
    Body::from_stream(trickle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_recognised() {
        assert!(is_version("v25.0") && is_version("v1.12"));
        assert!(!is_version("v25") && !is_version("25.0") && !is_version("v.0"));
    }

    #[test]
    fn shapes_change_the_answer() {
        let shaped = |shape: &str, value: Value| {
            let answer = reshape(Answer::json(200, &value), shape);
            serde_json::from_slice::<Value>(&answer.body).unwrap()
        };
        let flat = json!({"id": "26000000000000001", "name": "x"});
        let wrapped = json!({"data": [flat]});
        assert_eq!(shaped("wrapped", flat.clone()), wrapped);
        assert_eq!(shaped("flat", wrapped), flat);
        assert_eq!(shaped("ids_as_numbers", flat.clone())["id"], 26_000_000_000_000_001_u64);
        assert_eq!(shaped("missing:name", flat), json!({"id": "26000000000000001"}));
    }
}
