//! What an account may know of a person.

use super::{GraphError, GraphResult, fields};
use crate::sandbox::{
    call::Request,
    world::{Igsid, World},
};
use serde_json::json;

pub(super) fn read(world: &World, request: &Request, igsid: Igsid) -> GraphResult {
    let unknown = || GraphError::unknown_object(&igsid.to_string());
    let (account, person) = world.people.behind(igsid).ok_or_else(unknown)?;
    let account = world.accounts.get(account).ok_or_else(unknown)?;
    let consented = world.threads.get(igsid).is_some_and(|thread| thread.last_inbound.is_some());
    if !consented || account.subscribed.is_empty() || person.blocked {
        return Err(GraphError::consent());
    }
    let asked = request.fields("name,username,profile_pic")?;
    let value = json!({"id": igsid.to_string(), "name": person.name, "username": person.username,
        "profile_pic": format!("https://scontent.example/{}.jpg", person.username),
        "follower_count": person.followers, "is_user_follow_business": person.follows,
        "is_business_follow_user": false, "is_verified_user": false});
    Ok(fields::select(value, &asked))
}
