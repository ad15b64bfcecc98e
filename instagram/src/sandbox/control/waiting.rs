//! Waiting for the sandbox and the product to settle.

use super::{Answer, Refused, listings::concerns, read};
use crate::sandbox::{SandboxState, ledger::Filter};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What to wait for; every member that is set must hold.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wait {
    /// No delivery is pending, no burst runs, and the product did not call for `quiet_ms`.
    deliveries_idle: bool,
    quiet_ms: u64,
    /// So many sends exist, of this account and person when given.
    sent_at_least: Option<usize>,
    /// So many calls were made after the call number `since`, on paths that contain `path`.
    calls_at_least: Option<usize>,
    account: Option<String>,
    person: Option<String>,
    path: Option<String>,
    since: u64,
    timeout_s: f64,
}

impl Default for Wait {
    fn default() -> Self {
        Self {
            deliveries_idle: false,
            quiet_ms: 500,
            sent_at_least: None,
            calls_at_least: None,
            account: None,
            person: None,
            path: None,
            since: 0,
            timeout_s: 10.0,
        }
    }
}

fn is_met(state: &SandboxState, wait: &Wait) -> Result<(), Option<u64>> {
    if let Some(least) = wait.sent_at_least {
        let (account, person) = (wait.account.as_deref(), wait.person.as_deref());
        let sent = state.peek(|world| {
            world.sent.iter().rev().filter(|item| concerns(world, item, account, person)).take(least).count()
        });
        if sent < least {
            return Err(None);
        }
    }
    if let Some(least) = wait.calls_at_least {
        let account = wait.account.as_deref().and_then(|text| state.peek(|world| world.accounts.find(text)));
        let filter = Filter { since: wait.since, path: wait.path.as_deref(), account };
        if state.with_ledger(|ledger| ledger.count(&filter)) < least {
            // The ledger is written just after the change that wakes us.
            return Err(Some(5));
        }
    }
    if wait.deliveries_idle { state.is_idle(wait.quiet_ms) } else { Ok(()) }
}

/// `{"reached": true}`, or false when the time was over.
pub(super) async fn wait(state: &SandboxState, body: Value) -> Answer {
    let wait: Wait = read(body)?;
    let timeout = Duration::try_from_secs_f64(wait.timeout_s)
        .map_err(|_| Refused::bad("timeout_s must be a number of seconds"))?;
    let reached = state.wait_until(timeout, |state| is_met(state, &wait)).await;
    Ok(json!({"reached": reached}))
}
