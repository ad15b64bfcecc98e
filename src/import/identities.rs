//! The auth tables: each user becomes an identity with its accounts, its live sessions and its pending password resets.
//!
//! Repeatable: a user that is here already stays as it is. Plain tokens are hashed or sealed on the way in.

pub use super::row::Rows;

use super::row::{AccountRow, SessionRow, UserRow, VerificationRow};
use crate::{
    identities::{self, PROVIDER_TOKEN_FIELDS, SealError},
    parts::App,
};
use greenroom_actors::{
    Timestamp,
    identity::{
        Command, Email, PasswordHash, Reply, RowId, Sealed, SecretHash,
        command::{Import, ImportedAccount, ImportedReset, ImportedSession},
        field::{Field, Value as Extra},
        row::{Login, Password, Provider, ProviderLogin, ProviderTokens},
    },
    shell::AskError,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

/// Prefix of the identifier of a pending password reset.
const RESET: &str = "reset-password:";

/// What became of the rows. Names rows by their ids, never by what is in them.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Users made.
    pub created: usize,
    /// Users that were here before, or were deleted here since.
    pub present: usize,
    /// Users that were not taken over, and why.
    pub refused: Vec<Problem>,
    /// Values that were cut, normalised or left behind.
    pub adjusted: Vec<Problem>,
    /// Rows whose user is not among the users.
    pub orphans: usize,
}

/// Something about one row.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Its id.
    pub id: String,
    /// What about it.
    pub problem: String,
}

/// Takes rows over, one user after the other; each is durable before the next.
///
/// # Errors
/// When the machine cannot go on. What was taken over stays, and taking over again goes on from there.
pub async fn import(app: &App, rows: Rows) -> Result<Report, AskError<greenroom_actors::identity::Identity>> {
    let mut report = Report::default();
    let mut sessions = by_user(rows.sessions, |row| &row.user_id);
    let mut accounts = by_user(rows.accounts, |row| &row.user_id);
    let pending = rows.verifications.into_iter().filter(|row| row.identifier.starts_with(RESET));
    let mut resets = by_user(pending.collect(), |row| &row.value);
    for user in rows.users {
        let id = user.id.clone();
        let of = Children {
            sessions: sessions.remove(&id).unwrap_or_default(),
            accounts: accounts.remove(&id).unwrap_or_default(),
            resets: resets.remove(&id).unwrap_or_default(),
        };
        one(app, user, of, &mut report).await?;
    }
    let left = |count: usize, more: usize| count + more;
    report.orphans = sessions.values().map(Vec::len).fold(0, left)
        + accounts.values().map(Vec::len).fold(0, left)
        + resets.values().map(Vec::len).fold(0, left);
    Ok(report)
}

#[derive(Default)]
struct Children {
    sessions: Vec<SessionRow>,
    accounts: Vec<AccountRow>,
    resets: Vec<VerificationRow>,
}

fn by_user<T>(rows: Vec<T>, user: impl Fn(&T) -> &String) -> HashMap<String, Vec<T>> {
    let mut sorted: HashMap<String, Vec<T>> = HashMap::new();
    for row in rows {
        sorted.entry(user(&row).clone()).or_default().push(row);
    }
    sorted
}

async fn one(
    app: &App,
    user: UserRow,
    of: Children,
    report: &mut Report,
) -> Result<(), AskError<greenroom_actors::identity::Identity>> {
    let id = user.id.clone();
    let refuse = |report: &mut Report, problem: String| {
        report.refused.push(Problem { id: id.clone(), problem });
    };
    let command = match command(app, user, of) {
        Ok(command) => command,
        Err(error) => {
            refuse(report, error.to_string());
            return Ok(());
        }
    };
    match identities::ask(app, &id, command).await {
        Ok(Reply::Imported { created: true, adjusted }) => {
            report.created += 1;
            let names = adjusted.into_iter();
            report.adjusted.extend(names.map(|name| Problem { id: id.clone(), problem: name.to_owned() }));
        }
        Ok(_) => report.present += 1,
        Err(AskError::Taken { name }) => {
            // What stands after the colon may be an address.
            let kind = name.split(':').next().unwrap_or_default().to_owned();
            refuse(report, format!("another user has the same {kind}"));
        }
        Err(AskError::Rejected(rejection)) => refuse(report, rejection.to_string()),
        Err(AskError::BadKey) => refuse(report, "the id cannot be used".to_owned()),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn command(app: &App, user: UserRow, of: Children) -> Result<Command, SealError> {
    let now = app.clock.now();
    let user_id = user.id;
    let created_at = user.created_at.or(now);
    let accounts: Result<Vec<_>, _> =
        of.accounts.into_iter().filter_map(|row| account(app, &user_id, row, now).transpose()).collect();
    Ok(Command::Import(Box::new(Import {
        name: user.name.unwrap_or_default().into(),
        email: Email::new(&user.email),
        email_verified: user.email_verified.unwrap_or_default(),
        image: user.image.map(Into::into),
        created_at,
        updated_at: user.updated_at.or(created_at),
        extra: user.extra.iter().filter_map(|(name, value)| extra(name, value)).collect(),
        accounts: accounts?,
        sessions: of.sessions.into_iter().filter_map(|row| session(row, now)).collect(),
        resets: of.resets.into_iter().filter_map(|row| reset(row, now)).collect(),
    })))
}

fn extra(name: &str, value: &Value) -> Option<(Field, Extra)> {
    let field = Field::from_name(name)?;
    let value = match value {
        Value::String(text) => Extra::Text(text.as_str().into()),
        Value::Bool(flag) => Extra::Flag(*flag),
        // Arrays of the source may hold nulls.
        Value::Array(items) => Extra::List(items.iter().filter_map(Value::as_str).map(Into::into).collect()),
        _ => return None,
    };
    Some((field, value))
}

/// `None` for providers that are none here.
fn account(
    app: &App,
    user_id: &str,
    row: AccountRow,
    now: Timestamp,
) -> Result<Option<ImportedAccount>, SealError> {
    let login = if row.provider_id == "credential" {
        let hash = row.password.as_deref().filter(|hash| !hash.is_empty()).map(PasswordHash::from);
        Login::Credential { password: hash.map(Password::chosen) }
    } else if let Some(provider) = Provider::from_id(&row.provider_id) {
        let [access, refresh, id] = PROVIDER_TOKEN_FIELDS;
        let seal = |name: &str, token: &Option<String>| -> Result<Option<Sealed>, SealError> {
            let Some(token) = token.as_deref().filter(|token| !token.is_empty()) else { return Ok(None) };
            identities::seal(&app.keyring, user_id, name, token).map(Some)
        };
        let scopes = row.scope.as_deref().unwrap_or_default().split(',');
        Login::Provider(ProviderLogin {
            provider,
            account_id: row.account_id.as_str().into(),
            tokens: ProviderTokens {
                access: seal(access, &row.access_token)?,
                access_expires_at: row.access_token_expires_at.0,
                refresh: seal(refresh, &row.refresh_token)?,
                refresh_expires_at: row.refresh_token_expires_at.0,
                id: seal(id, &row.id_token)?,
            },
            scopes: scopes.map(str::trim).filter(|scope| !scope.is_empty()).map(Into::into).collect(),
        })
    } else {
        return Ok(None);
    };
    let created_at = row.created_at.or(now);
    let updated_at = row.updated_at.or(created_at);
    Ok(Some(ImportedAccount { id: RowId::from(row.id), login, created_at, updated_at }))
}

fn session(row: SessionRow, now: Timestamp) -> Option<ImportedSession> {
    let created_at = row.created_at.or(now);
    Some(ImportedSession {
        id: RowId::from(row.id),
        token: SecretHash::of(&row.token),
        created_at,
        updated_at: row.updated_at.or(created_at),
        expires_at: row.expires_at.0?,
        ip: row.ip_address.unwrap_or_default().into(),
        user_agent: row.user_agent.unwrap_or_default().into(),
    })
}

fn reset(row: VerificationRow, now: Timestamp) -> Option<ImportedReset> {
    let token = row.identifier.strip_prefix(RESET)?;
    Some(ImportedReset {
        token: SecretHash::of(token),
        created_at: row.created_at.or(now),
        expires_at: row.expires_at.0?,
    })
}
