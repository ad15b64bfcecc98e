//! Things that are set: clock, accounts, people, tokens, usage, faults.

use super::{Answer, Refused, done, read};
use crate::sandbox::{
    SandboxState, Seed,
    faults::NewRule,
    world::{
        AccountId, World,
        accounts::AccountChange,
        app::{App, SCOPES},
        people::PersonChange,
        tokens::Standing,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(default)]
    seed: Seed,
    rng: Option<u64>,
}

/// Back to a seed. Ids that were given out are not given out again, and the delivery address stays.
pub(super) fn reset(state: &SandboxState, body: Value) -> Answer {
    let Reset { seed, rng } = read(body)?;
    let origin = state.origin();
    state.locked(|world| {
        let now = world.now - world.clock_offset;
        let mut fresh = origin.world(seed, rng.unwrap_or(origin.rng_seed), now);
        fresh.counters = world.counters.clone();
        fresh.delivery.url.clone_from(&world.delivery.url);
        fresh.queue.in_flight = world.queue.in_flight;
        fresh.mono = world.mono;
        fresh.google.keep_keys_of(&world.google);
        *world = fresh;
    });
    state.with_ledger(crate::sandbox::ledger::Ledger::clear);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    advance_s: Option<i64>,
    offset_s: Option<i64>,
}

/// Largest offset, seconds: ten years.
const OFFSET_MAX: i64 = 315_360_000;

pub(super) fn clock(state: &SandboxState, body: Value) -> Answer {
    let Clock { advance_s, offset_s } = read(body)?;
    state.locked(|world| {
        let base = offset_s.map_or(world.clock_offset, |seconds| seconds.saturating_mul(1_000));
        let offset = base.saturating_add(advance_s.unwrap_or(0).saturating_mul(1_000));
        if !(-OFFSET_MAX * 1_000..=OFFSET_MAX * 1_000).contains(&offset) {
            return Err(Refused::bad("the offset is too large"));
        }
        if offset < world.clock_offset {
            // Counted calls would lie in the future.
            world.rates = crate::sandbox::world::rates::Rates::default();
        }
        world.now += offset - world.clock_offset;
        world.clock_offset = offset;
        Ok(json!({"now": world.now, "offset_s": offset.div_euclid(1_000)}))
    })
}

pub(super) fn app(state: &SandboxState, body: Value) -> Answer {
    let Value::Object(change) = body else { return Err(Refused::bad("an object is needed")) };
    state.locked(|world| {
        let mut merged = serde_json::to_value(&world.app).map_err(|error| Refused::bad(error.to_string()))?;
        if let Value::Object(members) = &mut merged {
            members.extend(change);
        }
        world.app = read::<App>(merged)?;
        Ok(done())
    })
}

fn account(world: &World, text: &str) -> Result<AccountId, Refused> {
    world.accounts.find(text).ok_or(Refused::NotFound("account"))
}

pub(super) fn create_account(state: &SandboxState, body: Value) -> Answer {
    let change: AccountChange = read(body)?;
    state.locked(|world| {
        let id = world.create_account(change)?;
        let app_scoped = world.accounts.get(id).map(|account| account.app_scoped.to_string());
        Ok(json!({"id": id.to_string(), "app_scoped_id": app_scoped}))
    })
}

pub(super) fn change_account(state: &SandboxState, id: &str, body: Value) -> Answer {
    let change: AccountChange = read(body)?;
    state.locked(|world| world.change_account(account(world, id)?, change)).map(|()| done())
}

pub(super) fn create_person(state: &SandboxState, body: Value) -> Answer {
    let change: PersonChange = read(body)?;
    state.locked(|world| world.create_person(change)).map(|id| json!({"id": id.to_string()}))
}

pub(super) fn change_person(state: &SandboxState, id: &str, body: Value) -> Answer {
    let change: PersonChange = read(body)?;
    state.locked(|world| {
        let id = world.people.find(id).ok_or(Refused::NotFound("person"))?;
        world.change_person(id, change).map(|()| done())
    })
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum TokenOp {
    /// A long-lived token without the consent page, for load tests.
    Issue {
        #[serde(default)]
        scopes: Option<Vec<String>>,
    },
    Age {
        seconds: i64,
    },
    Expire,
    Revoke,
    DropScope {
        scope: String,
    },
    PasswordChanged,
    Checkpoint,
}

pub(super) fn tokens(state: &SandboxState, owner: &str, body: Value) -> Answer {
    let op: TokenOp = read(body)?;
    state.locked(|world| {
        let owner = account(world, owner)?;
        let now = world.now;
        if let TokenOp::Issue { scopes } = op {
            let all = || SCOPES.iter().take(3).map(|&scope| scope.to_owned()).collect();
            let (token, seconds) = world.issue_token(owner, scopes.unwrap_or_else(all), true);
            return Ok(json!({"access_token": token, "expires_in": seconds}));
        }
        let mut changed = 0;
        for token in world.tokens.of_mut(owner) {
            changed += 1;
            match &op {
                TokenOp::Issue { .. } => {}
                TokenOp::Age { seconds } => {
                    token.issued_at -= seconds.saturating_mul(1_000);
                    token.expires_at -= seconds.saturating_mul(1_000);
                }
                TokenOp::Expire => token.expires_at = token.expires_at.min(now),
                TokenOp::Revoke => token.standing = Standing::Revoked,
                TokenOp::DropScope { scope } => token.scopes.retain(|have| have != scope),
                TokenOp::PasswordChanged => token.standing = Standing::PasswordChanged,
                TokenOp::Checkpoint => token.standing = Standing::Checkpoint,
            }
        }
        Ok(json!({"changed": changed}))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Usage {
    /// None: the whole app.
    account: Option<String>,
    #[serde(default)]
    app: Option<Value>,
    /// Percent; null ends the forcing.
    call_count: Option<u32>,
    #[serde(default)]
    regain_minutes: u32,
}

pub(super) fn usage(state: &SandboxState, body: Value) -> Answer {
    let usage: Usage = read(body)?;
    if usage.account.is_some() == usage.app.is_some() {
        return Err(Refused::bad("either account or app is needed"));
    }
    let forced = usage.call_count.map(|percent| (percent, usage.regain_minutes));
    state.locked(|world| {
        match usage.account {
            None => world.app.forced_usage = forced,
            Some(text) => {
                let id = account(world, &text)?;
                let account = world.accounts.get_mut(id).ok_or(Refused::NotFound("account"))?;
                account.forced_usage = forced;
            }
        }
        Ok(done())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preset {
    preset: String,
}

pub(super) fn add_fault(state: &SandboxState, body: Value) -> Answer {
    if body.get("preset").is_some() {
        let Preset { preset } = read(body)?;
        return state.locked(|world| world.add_preset(&preset)).map(|ids| json!({"ids": ids}));
    }
    let rule: NewRule = read(body)?;
    state.locked(|world| world.add_fault(rule)).map(|id| json!({"id": id}))
}
