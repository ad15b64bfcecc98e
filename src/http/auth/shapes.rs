//! The objects of the contract as JSON: user, session, account.

use greenroom_actors::{
    Timestamp,
    identity::{
        field::Value as Extra,
        row::{Account, Session, UserRow},
    },
};
use serde_json::{Map, Value, json};

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`; `null` for an instant that no calendar has.
pub(super) fn date(at: Timestamp) -> Value {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map_or(Value::Null, |at| Value::String(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()))
}

/// The user with every declared extra field.
pub(super) fn user(id: &str, user: &UserRow) -> Value {
    let mut object = Map::new();
    for (declared, value) in user.extra.all() {
        let value = match value {
            None => Value::Null,
            Some(Extra::Text(text)) => Value::from(&*text),
            Some(Extra::List(items)) => items.iter().map(|item| Value::from(&**item)).collect(),
            Some(Extra::Flag(flag)) => Value::Bool(flag),
        };
        object.insert(declared.name.to_owned(), value);
    }
    object.insert("id".to_owned(), id.into());
    object.insert("name".to_owned(), Value::from(&*user.name));
    object.insert("email".to_owned(), user.email.as_str().into());
    object.insert("emailVerified".to_owned(), user.email_verified.into());
    object.insert("image".to_owned(), user.image.as_deref().into());
    object.insert("createdAt".to_owned(), date(user.created_at));
    object.insert("updatedAt".to_owned(), date(user.updated_at));
    Value::Object(object)
}

/// A session; `token` is the secret for its own holder and a handle for everybody else.
pub(super) fn session(user_id: &str, session: &Session, token: &str) -> Value {
    json!({
        "id": session.id.as_str(),
        "userId": user_id,
        "token": token,
        "expiresAt": date(session.expires_at),
        "createdAt": date(session.created_at),
        "updatedAt": date(session.updated_at),
        "ipAddress": &*session.ip,
        "userAgent": &*session.user_agent,
    })
}

/// An account as its owner sees it: no token, no hash.
pub(super) fn account(user_id: &str, account: &Account) -> Value {
    let login = account.provider_login();
    let scopes: Vec<&str> =
        login.map(|login| login.scopes.iter().map(|scope| &**scope).collect()).unwrap_or_default();
    json!({
        "id": account.id.as_str(),
        "providerId": account.provider_id(),
        "accountId": login.map_or(user_id, |login| &*login.account_id),
        "userId": user_id,
        "createdAt": date(account.created_at),
        "updatedAt": date(account.updated_at),
        "scopes": scopes,
    })
}
