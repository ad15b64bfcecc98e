//! What is told to Google: its people, the next token, its keys.

use super::{Answer, done, read};
use crate::sandbox::{
    SandboxState,
    google::{self, Deceit, User},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Told {
    users: Option<Vec<User>>,
    next_token: Option<Deceit>,
    rotate_keys: bool,
}

pub(super) async fn tell(state: &SandboxState, body: Value) -> Answer {
    let told: Told = read(body)?;
    state.locked(|world| {
        if let Some(users) = told.users {
            world.google.set_users(users)?;
        }
        if told.next_token.is_some() {
            world.google.set_deceit(told.next_token);
        }
        Ok(())
    })?;
    if told.rotate_keys {
        google::rotate_keys(state).await?;
    }
    Ok(done())
}
