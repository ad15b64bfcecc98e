//! Accounts: ways to sign in.

use super::{
    Identity, IdentityEvent, Rejection, Reply, claim,
    command::{LinkFlow, ProviderProfile},
    field::{Invalid, Problem},
    limits::{ACCOUNT_ID_BYTES_MAX, ACCOUNTS_MAX, SCOPE_BYTES_MAX, SCOPES_MAX, SEALED_BYTES_MAX},
    password,
    row::{Account, Login, ProviderLogin, ProviderTokens},
    value::{self, RowId},
};
use crate::{Draft, Timestamp};
use greenroom_persistence::DirectoryChange;
use std::sync::Arc;

/// Links a user at a provider, or updates the account that is linked already.
pub(super) fn link(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    flow: &LinkFlow,
    profile: &ProviderProfile,
    id: &RowId,
) -> Result<Reply, Rejection> {
    let login = &profile.login;
    let known = draft.provider_account(login.provider, &login.account_id).cloned();
    if let LinkFlow::Redirect { session } = flow {
        draft.session_by_hash(session, now).ok_or(Rejection::NoSession)?;
    }
    if known.is_none() || matches!(flow, LinkFlow::Redirect { .. }) {
        check_profile(draft, profile)?;
    }
    let id = match known {
        Some(known) => {
            take_over(draft, now, &known, &login.tokens, &login.scopes)?;
            known.id.clone()
        }
        None => {
            let login = Login::Provider(login.clone());
            add(draft, Account { id: id.clone(), login, created_at: now, updated_at: now })?;
            id.clone()
        }
    };
    draft.account(&id).cloned().map(Reply::Account).ok_or(Rejection::NoAccount)
}

fn check_profile(identity: &Identity, profile: &ProviderProfile) -> Result<(), Rejection> {
    if !profile.email_verified {
        return Err(Rejection::ProviderEmailUnverified);
    }
    let same = identity.user.as_ref().is_some_and(|user| user.email == profile.email);
    if same { Ok(()) } else { Err(Rejection::ProviderEmailDiffers) }
}

/// Removes an account, unless it is the last one.
pub(super) fn unlink(draft: &mut Draft<Identity>, id: &RowId) -> Result<Reply, Rejection> {
    if draft.accounts.len() <= 1 {
        return Err(Rejection::LastAccount);
    }
    let account = draft.account(id).cloned().ok_or(Rejection::NoAccount)?;
    if let Some(name) = claim::login_claim(&account.login) {
        draft.directory(DirectoryChange::Release(name));
    }
    draft.emit(IdentityEvent::AccountRemoved(account.id.clone()));
    Ok(Reply::Done)
}

/// Stores tokens that a provider gave.
pub(super) fn store_tokens(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    id: &RowId,
    tokens: &ProviderTokens,
) -> Result<Reply, Rejection> {
    let account = draft.account(id).cloned().ok_or(Rejection::NoAccount)?;
    take_over(draft, now, &account, tokens, &[])?;
    draft.account(id).cloned().map(Reply::Account).ok_or(Rejection::NoAccount)
}

/// Takes over what a provider sent: tokens, and scopes that were not known.
pub(super) fn take_over(
    draft: &mut Draft<Identity>,
    now: Timestamp,
    known: &Account,
    tokens: &ProviderTokens,
    scopes: &[Arc<str>],
) -> Result<(), Rejection> {
    let Login::Provider(login) = &known.login else { return Err(Rejection::NoAccount) };
    let mut login = login.clone();
    login.tokens.take_over(tokens);
    login.scopes.extend_from_slice(scopes);
    let login = checked(&login)?;
    set(draft, Account { login: Login::Provider(login), updated_at: now, ..known.clone() });
    Ok(())
}

/// Adds an account and claims it.
pub(super) fn add(draft: &mut Draft<Identity>, mut account: Account) -> Result<(), Rejection> {
    if draft.accounts.len() >= ACCOUNTS_MAX {
        return Err(Rejection::TooManyAccounts(ACCOUNTS_MAX));
    }
    value::check_row_id(&account.id)?;
    let duplicate = match &mut account.login {
        Login::Credential { password } => {
            if let Some(password) = password {
                password::check_hash(&password.hash)?;
            }
            draft.credential().is_some()
        }
        Login::Provider(login) => {
            *login = checked(login)?;
            draft.provider_account(login.provider, &login.account_id).is_some()
        }
    };
    if duplicate || draft.account(&account.id).is_some() {
        return Err(Invalid { field: "account", problem: Problem::Duplicate }.into());
    }
    if let Some(name) = claim::login_claim(&account.login) {
        draft.directory(DirectoryChange::Claim(name));
    }
    set(draft, account);
    Ok(())
}

/// Stores an account.
pub(super) fn set(draft: &mut Draft<Identity>, account: Account) {
    draft.emit(IdentityEvent::AccountSet(Arc::new(account)));
}

/// The login within its bounds, each scope once.
fn checked(login: &ProviderLogin) -> Result<ProviderLogin, Invalid> {
    let refused = |field, problem| Err(Invalid { field, problem });
    match login.account_id.len() {
        0 => return refused("accountId", Problem::Empty),
        len if len > ACCOUNT_ID_BYTES_MAX => {
            return refused("accountId", Problem::TooLong(ACCOUNT_ID_BYTES_MAX));
        }
        _ => {}
    }
    if login.tokens.all().any(|token| token.as_str().len() > SEALED_BYTES_MAX) {
        return refused("tokens", Problem::TooLong(SEALED_BYTES_MAX));
    }
    let mut scopes: Vec<Arc<str>> = Vec::with_capacity(login.scopes.len());
    for scope in &login.scopes {
        if scope.len() > SCOPE_BYTES_MAX {
            return refused("scopes", Problem::TooLong(SCOPE_BYTES_MAX));
        }
        if !scope.is_empty() && !scopes.contains(scope) {
            scopes.push(Arc::clone(scope));
        }
    }
    if scopes.len() > SCOPES_MAX {
        return refused("scopes", Problem::TooMany(SCOPES_MAX));
    }
    Ok(ProviderLogin { scopes, ..login.clone() })
}
