//! `/me` and `/{account}`.

use super::{Caller, GraphError, GraphResult, fields};
use crate::sandbox::{call::Request, world::World};
use serde_json::json;

pub(super) fn read(world: &World, caller: &Caller, request: &Request) -> GraphResult {
    let account = world.accounts.get(caller.account).ok_or_else(|| GraphError::unknown_object("me"))?;
    let asked = request.fields("id,user_id,username")?;
    let media = world.media.of(account.id, None).count();
    let value = json!({"id": account.app_scoped.to_string(), "user_id": account.id.to_string(),
        "username": account.username, "name": account.name, "account_type": account.account_type,
        "profile_picture_url": format!("https://scontent.example/{}.jpg", account.username),
        "followers_count": account.followers, "follows_count": 12, "media_count": media});
    let value = fields::select(value, &asked);
    Ok(if world.app.wrapped_answers { json!({"data": [value]}) } else { value })
}
