//! Webhook subscriptions of an account.

use super::{Caller, GraphError, GraphResult, success};
use crate::sandbox::{
    call::Request,
    world::{
        World,
        app::{APP_ID, FIELDS},
    },
};
use serde_json::{Value, json};

pub(super) fn answer(world: &mut World, caller: &Caller, request: &Request, by_me: bool) -> GraphResult {
    let refuse_me = by_me && world.app.refuse_me_subscription;
    let unknown = || GraphError::unknown_object("me");
    let account = world.accounts.get_mut(caller.account).ok_or_else(unknown)?;
    match request.method.as_str() {
        "GET" if account.subscribed.is_empty() => Ok(json!({"data": []})),
        "GET" => Ok(json!({"data": [{"id": APP_ID, "subscribed_fields": account.subscribed}]})),
        "DELETE" => {
            account.subscribed.clear();
            Ok(success())
        }
        "POST" if !refuse_me => {
            account.subscribed = wanted(request)?;
            account.webhooks_disabled = false;
            account.failing_since = None;
            Ok(success())
        }
        other => Err(GraphError::unsupported(other)),
    }
}

fn wanted(request: &Request) -> Result<Vec<String>, GraphError> {
    let fields: Vec<String> = match request.argument("subscribed_fields") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => text.split(',').map(|field| field.trim().to_owned()).collect(),
        _ => Vec::new(),
    };
    let fields: Vec<String> = fields.into_iter().filter(|field| !field.is_empty()).collect();
    if fields.is_empty() {
        return Err(GraphError::bad("The parameter subscribed_fields is required."));
    }
    match fields.iter().find(|field| !FIELDS.contains(&field.as_str())) {
        Some(_) => Err(GraphError::bad("Param subscribed_fields has an element that is not a known field.")),
        None => Ok(fields),
    }
}
