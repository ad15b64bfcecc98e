//! The control API: every request below `/_sandbox`, on one page.

mod actions;
mod burst;
mod callbacks;
mod deliveries;
mod google;
mod listings;
mod raw;
mod switches;
mod waiting;

use super::{SandboxState, form, limits::LISTING_MAX};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why the control API did not do something. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// A limit of the sandbox is reached.
    #[error("too many {0}")]
    Full(&'static str),
    /// The request makes no sense.
    #[error("{0}")]
    Bad(String),
}

impl Refused {
    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::Bad(reason.into())
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// What a control request gives.
pub(crate) type Answer = Result<Value, Refused>;

/// Reads a body.
fn read<T: DeserializeOwned>(body: Value) -> Result<T, Refused> {
    serde_json::from_value(body).map_err(|error| Refused::bad(error.to_string()))
}

/// The query of a control request.
struct Query(Vec<(String, String)>);

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        form::first(&self.0, name)
    }

    fn limit(&self) -> usize {
        self.get("limit").and_then(|text| text.parse().ok()).unwrap_or(LISTING_MAX).min(LISTING_MAX)
    }
}

fn number(text: &str, what: &'static str) -> Result<u64, Refused> {
    text.parse().map_err(|_| Refused::NotFound(what))
}

fn done() -> Value {
    json!({"success": true})
}

impl SandboxState {
    /// Does what the control API does for `method` on `target`, the path and query below `/_sandbox` (for instance
    /// `POST`, `/actions/dm`). `body` is an object; `{}` when there is nothing to say.
    ///
    /// # Errors
    /// When the request is refused; nothing was changed then.
    pub async fn control(&self, method: &str, target: &str, body: Value) -> Result<Value, ControlRefused> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = Query(form::pairs(query));
        let segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(form::decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        dispatch(self, method, &segments, &query, body).await
    }
}

type ControlRefused = Refused;

async fn dispatch(state: &SandboxState, method: &str, path: &[&str], query: &Query, body: Value) -> Answer {
    match (method, path) {
        ("POST", ["reset"]) => switches::reset(state, body),
        ("GET", ["state"]) => Ok(listings::state(state)),
        ("POST", ["clock"]) => switches::clock(state, body),
        ("PATCH", ["app"]) => switches::app(state, body),
        ("POST", ["accounts"]) => switches::create_account(state, body),
        ("PATCH", ["accounts", id]) => switches::change_account(state, id, body),
        ("POST", ["accounts", id, "deauthorize"]) => callbacks::deauthorize(state, id, body).await,
        ("POST", ["accounts", id, "data-deletion"]) => callbacks::delete_data(state, id, body).await,
        ("POST", ["people"]) => switches::create_person(state, body),
        ("PATCH", ["people", id]) => switches::change_person(state, id, body),
        ("POST", ["media"]) => {
            let new = read(body)?;
            state.locked(|world| world.publish(new)).map(|id| json!({"id": id.to_string()}))
        }
        ("POST", ["actions", "burst"]) => burst::start(state, body),
        ("POST", ["actions", "raw"]) => raw::post(state, body).await,
        ("POST", ["actions", "dashboard-test"]) => raw::dashboard_test(state, body).await,
        ("POST", ["actions", action]) => actions::act(state, action, body),
        ("POST", ["tokens", account]) => switches::tokens(state, account, body),
        ("POST", ["usage"]) => switches::usage(state, body),
        ("POST", ["google"]) => google::tell(state, body).await,
        ("GET", ["faults"]) => Ok(json!({"data": state.peek(super::world::World::list_faults)})),
        ("POST", ["faults"]) => switches::add_fault(state, body),
        ("DELETE", ["faults"]) => Ok(json!({"removed": state.locked(|world| world.remove_faults(None))})),
        ("DELETE", ["faults", id]) => {
            let id = number(id, "fault")?;
            match state.locked(|world| world.remove_faults(Some(id))) {
                0 => Err(Refused::NotFound("fault")),
                removed => Ok(json!({"removed": removed})),
            }
        }
        ("GET", ["delivery"]) => deliveries::settings(state),
        ("PUT", ["delivery"]) => deliveries::set(state, body),
        ("GET", ["deliveries"]) => Ok(deliveries::list(state, query)),
        ("POST", ["deliveries", "hold"]) => {
            state.locked(super::world::World::hold_deliveries);
            Ok(done())
        }
        ("POST", ["deliveries", "release"]) => deliveries::release(state, body),
        ("POST", ["deliveries", id, "redeliver"]) => deliveries::redeliver(state, id, body).await,
        ("GET", ["calls"]) => listings::calls(state, query),
        ("DELETE", ["calls"]) => {
            state.with_ledger(super::ledger::Ledger::clear);
            Ok(done())
        }
        ("GET", ["sent"]) => listings::sent(state, query),
        ("POST", ["wait"]) => waiting::wait(state, body).await,
        _ => Err(Refused::NotFound("control request")),
    }
}

/// An action from the page's forms.
pub(crate) async fn form(state: &SandboxState, action: &str, body: Value) -> Answer {
    match action {
        "dm" | "comment" => dispatch(state, "POST", &["actions", action], &Query(Vec::new()), body).await,
        _ => Err(Refused::NotFound("form")),
    }
}
