//! Somebody whom a provider vouches for comes in: a known account, a known address, or a new user.

use super::super::call::Call;
use crate::{
    auth::{
        error::{AuthError, OauthFailure},
        google::{Person, Tokens},
        random::Kind,
    },
    identities::{self, PROVIDER_TOKEN_FIELDS},
};
use greenroom_actors::{
    identity::{
        Command, Email, Rejection, Reply, RowId, Sealed,
        command::{NewAccount, NewLogin, NewSession, ProviderProfile, SignUp},
        field::Extra,
        row::{Provider, ProviderLogin, ProviderTokens, Session, UserRow},
    },
    shell::AskError,
};
use secrecy::{ExposeSecret, SecretString};
use std::{sync::Arc, time::Duration};

/// Tokens of a provider as they came, before they are sealed for a user.
#[derive(Default)]
pub(super) struct Given {
    pub(super) access: Option<SecretString>,
    pub(super) access_lives: Option<Duration>,
    pub(super) refresh: Option<SecretString>,
    pub(super) refresh_lives: Option<Duration>,
    pub(super) id: Option<SecretString>,
    pub(super) scopes: Vec<Arc<str>>,
}

impl From<Tokens> for Given {
    fn from(tokens: Tokens) -> Self {
        let scope = tokens.scope.as_deref().unwrap_or_default();
        Self {
            access: Some(tokens.access_token.to_secret_string()),
            access_lives: tokens.expires_in.map(Duration::from_secs),
            refresh: tokens.refresh_token.map(|token| token.to_secret_string()),
            refresh_lives: tokens.refresh_token_expires_in.map(Duration::from_secs),
            id: tokens.id_token.map(|token| token.to_secret_string()),
            scopes: scope.split_whitespace().map(Into::into).collect(),
        }
    }
}

impl Given {
    /// The tokens, sealed for one user.
    pub(super) fn seal(&self, call: &Call, user_id: &str) -> Result<ProviderTokens, AuthError> {
        let [access, refresh, id] = PROVIDER_TOKEN_FIELDS;
        let seal = |name: &str, token: &Option<SecretString>| -> Result<Option<Sealed>, AuthError> {
            let Some(token) = token else { return Ok(None) };
            Ok(Some(identities::seal(&call.app().keyring, user_id, name, token.expose_secret())?))
        };
        Ok(ProviderTokens {
            access: seal(access, &self.access)?,
            access_expires_at: self.access_lives.map(|span| call.now + span),
            refresh: seal(refresh, &self.refresh)?,
            refresh_expires_at: self.refresh_lives.map(|span| call.now + span),
            id: seal(id, &self.id)?,
        })
    }

    /// The user at the provider, tokens sealed for one user here.
    pub(super) fn login(
        &self,
        call: &Call,
        user_id: &str,
        person: &Person,
    ) -> Result<ProviderLogin, AuthError> {
        Ok(ProviderLogin {
            provider: Provider::Google,
            account_id: person.sub.as_str().into(),
            tokens: self.seal(call, user_id)?,
            scopes: self.scopes.clone(),
        })
    }
}

/// Somebody who came in.
pub(super) struct Entered {
    pub(super) user_id: String,
    pub(super) user: Arc<UserRow>,
    pub(super) session: Option<Arc<Session>>,
    pub(super) token: String,
    /// The user was made just now.
    pub(super) is_new: bool,
}

/// Why somebody did not come in.
pub(super) enum Refused {
    /// By the rules.
    Failure(OauthFailure),
    /// By the machine.
    Error(AuthError),
}

impl<E: Into<AuthError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Lets somebody in and starts a session. Of two first sign-ins at once one makes the user; the other one looks again and
/// finds it.
pub(super) async fn enter(call: &Call, person: &Person, given: &Given) -> Result<Entered, Refused> {
    let email = person.email.as_deref().ok_or(Refused::Failure(OauthFailure::EmailNotFound))?;
    let email = Email::new(email);
    match look_and_enter(call, person, given, email.clone()).await {
        Err(Refused::Failure(OauthFailure::UnableToCreateUser)) => {
            look_and_enter(call, person, given, email).await
        }
        outcome => outcome,
    }
}

async fn look_and_enter(
    call: &Call,
    person: &Person,
    given: &Given,
    email: Email,
) -> Result<Entered, Refused> {
    // The row lives its full time; only the cookie follows "remember me".
    let (session, token) = call.new_session(true)?;
    let by_account = identities::by_account(call.app(), Provider::Google, &person.sub).await?;
    let known = match by_account {
        Some(found) => Some(found),
        None => identities::by_email(call.app(), &email).await?,
    };
    match known {
        Some(found) => {
            let profile = ProviderProfile {
                login: given.login(call, &found.user_id, person)?,
                email,
                email_verified: person.email_verified,
            };
            sign_in(call, found.user_id, profile, session, token).await
        }
        None => sign_up(call, person, given, email, session, token).await,
    }
}

async fn sign_in(
    call: &Call,
    user_id: String,
    profile: ProviderProfile,
    session: NewSession,
    token: String,
) -> Result<Entered, Refused> {
    let account = RowId::from(call.random(Kind::Id)?);
    let command = Command::SignInWithProvider { profile, account, session };
    match call.ask(&user_id, command).await {
        Ok(Reply::SignedIn { user, session }) => Ok(Entered { user_id, user, session, token, is_new: false }),
        Ok(_) => Err(AuthError::Internal.into()),
        Err(AskError::Rejected(Rejection::AccountNotLinked)) => {
            Err(Refused::Failure(OauthFailure::AccountNotLinked))
        }
        Err(AskError::Taken { .. } | AskError::Rejected(_)) => {
            Err(Refused::Failure(OauthFailure::UnableToLinkAccount))
        }
        Err(error) => Err(error.into()),
    }
}

async fn sign_up(
    call: &Call,
    person: &Person,
    given: &Given,
    email: Email,
    session: NewSession,
    token: String,
) -> Result<Entered, Refused> {
    let user_id = call.random(Kind::Id)?;
    let command = SignUp {
        name: person.name.as_deref().unwrap_or_default().into(),
        email,
        email_verified: person.email_verified,
        image: person.picture.as_deref().map(Into::into),
        extra: Extra::default(),
        account: NewAccount {
            id: RowId::from(call.random(Kind::Id)?),
            login: NewLogin::Provider(given.login(call, &user_id, person)?),
        },
        session: Some(session),
        mail: None,
    };
    match call.ask(&user_id, Command::SignUp(Box::new(command))).await {
        Ok(Reply::SignedIn { user, session }) => Ok(Entered { user_id, user, session, token, is_new: true }),
        Ok(_) => Err(AuthError::Internal.into()),
        Err(AskError::Taken { .. } | AskError::Rejected(_)) => {
            Err(Refused::Failure(OauthFailure::UnableToCreateUser))
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends the cookies of somebody who came in.
pub(super) fn welcome(call: &mut Call, entered: &Entered) {
    call.issue_session(&entered.token);
    if let Some(session) = &entered.session {
        call.tell_of(&entered.user_id, &entered.user, session);
    }
}
