//! Ice breakers and the persistent menu.

use super::{Caller, GraphError, GraphResult, success};
use crate::sandbox::{call::Request, world::World};
use serde_json::{Map, Value, json};

const PROPERTIES: [&str; 2] = ["ice_breakers", "persistent_menu"];
/// Questions of one locale (platform limit).
const QUESTIONS_MAX: usize = 4;

pub(super) fn answer(world: &mut World, caller: &Caller, request: &Request) -> GraphResult {
    let unknown = || GraphError::unknown_object("me");
    let account = world.accounts.get_mut(caller.account).ok_or_else(unknown)?;
    let profile = &mut account.messenger_profile;
    match request.method.as_str() {
        "POST" => {
            let mut changed = false;
            for name in PROPERTIES {
                if let Some(value) = request.argument(name) {
                    check(name, value)?;
                    profile.insert(name.into(), value.clone());
                    changed = true;
                }
            }
            if changed { Ok(success()) } else { Err(GraphError::bad("Nothing to set.")) }
        }
        "GET" => {
            let asked = request.fields("ice_breakers,persistent_menu")?;
            let kept: Map<String, Value> = profile
                .iter()
                .filter(|(name, _)| asked.iter().any(|field| field.name == **name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            Ok(if kept.is_empty() { json!({"data": []}) } else { json!({"data": [kept]}) })
        }
        "DELETE" => {
            for field in request.fields("")? {
                profile.remove(&field.name);
            }
            Ok(success())
        }
        other => Err(GraphError::unsupported(other)),
    }
}

fn check(name: &str, value: &Value) -> Result<(), GraphError> {
    let Some(items) = value.as_array() else { return Err(GraphError::bad("A list is required.")) };
    let too_many = |item: &Value| {
        item.get("call_to_actions").and_then(Value::as_array).is_some_and(|list| list.len() > QUESTIONS_MAX)
    };
    if name == "ice_breakers" && items.iter().any(too_many) {
        return Err(GraphError::bad("Too many ice breakers."));
    }
    Ok(())
}
