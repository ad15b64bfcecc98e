//! One call of an auth endpoint: what came in, and the cookies that go out with whatever is answered.

use super::convex;
use crate::{
    auth::{
        body,
        cookie::{Name, RequestCookies},
        error::{AuthError, Refusal},
        origin,
        password::{Password, Salt, Verdict},
        random::{Kind, NoRandomness},
    },
    http::{caller, router::Door},
    identities::{self, IdentityError, LiveSession, MailPayload, SealError},
    parts::App,
};
use axum::http::{HeaderMap, HeaderName, Method, header};
use greenroom_actors::{
    Timestamp,
    identity::{
        Command, Email, Identity, PasswordHash, Rejection, Reply, RowId, SecretHash,
        command::NewSession,
        mail::{MailKind, NewMail},
        row::{Session, UserRow},
    },
    shell::AskError,
    signin,
};
use greenroom_persistence::secret::SecretError;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Hint given with a refusal whose cause names none.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where the time of an answer could tell whether an address is known, the answer leaves only at whole steps after the
/// call began.
///
/// What differs between a known and an unknown address is then far below a step, so that both leave at the same one: the
/// look-up and the sealing are done for both, and where a record is written for the one, a decoy of the same kind goes
/// through the same journal for the other ([`Call::decoy`]). So a slow disk or an overloaded journal, which alone could
/// bring an answer to a later step or refuse it, holds up both alike. What is left is the loading of an identity that was
/// not in memory: it shows only when the rest ends within that fraction of a millisecond before a step does.
const ANSWER_STEP: Duration = Duration::from_millis(500);

/// One call.
pub(super) struct Call {
    door: Door,
    /// Request headers.
    pub(super) headers: HeaderMap,
    /// Request cookies.
    pub(super) cookies: RequestCookies,
    /// The decoded body.
    pub(super) body: Option<Value>,
    /// The decoded query.
    pub(super) query: Value,
    /// What stands for the parameter of the path.
    pub(super) param: String,
    /// The instant of the call.
    pub(super) now: Timestamp,
    /// Client address; empty when unknown.
    pub(super) address: String,
    set_cookies: Vec<String>,
    session: Option<Option<LiveSession>>,
    signed_in: Option<SignedIn>,
    hides_time: bool,
}

/// What a check of a password found.
pub(super) enum Check {
    /// It is the password.
    Matches {
        /// A better form of it than the stored one.
        better: Option<PasswordHash>,
    },
    /// It is not, or there is none.
    Differs,
}

/// Somebody whose session the answer tells of.
#[derive(Clone)]
pub(super) struct SignedIn {
    /// The user id.
    pub(super) user_id: String,
    /// The user.
    pub(super) user: Arc<UserRow>,
    /// The session.
    pub(super) session: Arc<Session>,
}

impl Call {
    pub(super) fn new(door: Door, headers: HeaderMap, query: &str, param: &str, address: String) -> Self {
        let cookies =
            RequestCookies::parse(headers.get_all(header::COOKIE).iter().map(|value| value.as_bytes()));
        Self {
            now: door.app.clock.now(),
            door,
            headers,
            cookies,
            body: None,
            query: body::query(query),
            param: param.to_owned(),
            address,
            set_cookies: Vec::new(),
            session: None,
            signed_in: None,
            hides_time: false,
        }
    }

    /// From here on the time of the answer would tell whether an address is known: it leaves at a whole [`ANSWER_STEP`],
    /// whatever it says.
    pub(super) const fn hide_time(&mut self) {
        self.hides_time = true;
    }

    /// Waits until the answer may leave.
    pub(super) async fn until_answer(&self) {
        if self.hides_time {
            let clock = &self.app().clock;
            clock.sleep_until(answer_at(self.now, clock.now())).await;
        }
    }

    /// Writes what a mail to `about` would cost and leave behind nothing, because there is nobody to send it to.
    ///
    /// # Errors
    /// As the write of the mail.
    pub(super) async fn decoy(&self, about: &Email, mail: NewMail) -> Result<(), AuthError> {
        let command = signin::Command::Decoy { value: mail.payload };
        let bytes = command.bytes();
        // By the address: whoever floods one address meets the same bound as with one that is known.
        let shard = signin::shard_of(&SecretHash::of(about.as_str()));
        self.app().sign_ins.ask(&shard, command, bytes).await?;
        Ok(())
    }

    pub(super) fn app(&self) -> &Arc<App> {
        &self.door.app
    }

    pub(super) fn auth(&self) -> &crate::auth::parts::Auth {
        &self.door.app.auth
    }

    /// The value of a header that is text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The check of every request that may change something.
    pub(super) fn check_origin(&self, method: &Method) -> Result<(), AuthError> {
        if matches!(*method, Method::GET) {
            return Ok(());
        }
        origin::check_origin(&self.auth().origins, &caller::provenance(&self.headers, &self.cookies))
    }

    /// The stricter check of the forms that sign up and in.
    pub(super) fn check_form(&self) -> Result<(), AuthError> {
        origin::check_form(&self.auth().origins, &caller::provenance(&self.headers, &self.cookies))
    }

    /// The cookies to send with the answer.
    pub(super) fn take_cookies(&mut self) -> Vec<String> {
        std::mem::take(&mut self.set_cookies)
    }

    /// Adds cookies to the answer.
    pub(super) fn set_cookies(&mut self, cookies: impl IntoIterator<Item = String>) {
        self.set_cookies.extend(cookies);
    }

    /// Deletes every cookie of a session.
    pub(super) fn clear_session(&mut self) {
        let cookies = self.auth().cookies.clear_session(&self.cookies);
        self.session = Some(None);
        self.signed_in = None;
        // Whatever was set before belongs to a session that is over.
        self.set_cookies = cookies;
    }

    /// The answer tells of this session.
    pub(super) fn tell_of(&mut self, user_id: &str, user: &Arc<UserRow>, session: &Arc<Session>) {
        let (user, session) = (Arc::clone(user), Arc::clone(session));
        self.signed_in = Some(SignedIn { user_id: user_id.to_owned(), user, session });
    }

    /// The token of the sync client as a cookie, where pages that are rendered by a server want it.
    pub(super) fn convex_cookie(&self) -> Option<String> {
        let (name, cookies) = (Name::ConvexJwt, &self.auth().cookies);
        if matches!(self.session, Some(None)) && self.signed_in.is_none() {
            // Whoever is not signed in keeps no token either.
            let came = self.cookies.value(name.text(cookies.is_secure())).is_some();
            return came.then(|| cookies.delete(name));
        }
        let SignedIn { user_id, user, session } =
            self.signed_in.as_ref().filter(|_| self.auth().settings.convex_cookie)?;
        let token = convex::token(self, user_id, user, session).ok()?;
        Some(cookies.set_plain(name, &token, Some(convex::LIFETIME_S)))
    }

    /// Issues the cookie of a session again, or of a new one; "remember me" stays off for whom it was off.
    pub(super) fn issue_session(&mut self, token: &str) {
        let remember = !self.auth().cookies.dont_remember(&self.cookies);
        self.set_cookies(self.auth().cookies.set_session(token, remember));
        self.drop_copy();
    }

    /// The session token of the cookie, if its signature is right.
    pub(super) fn session_token(&self) -> Option<String> {
        self.auth().cookies.session_token(&self.cookies)
    }

    /// The live session of the caller, extended if that is due; `None` without one, and then the cookies of one that
    /// ended are deleted.
    ///
    /// # Errors
    /// When it cannot be looked up, or vanished while it was extended.
    pub(super) async fn session(&mut self) -> Result<Option<LiveSession>, AuthError> {
        if let Some(known) = &self.session {
            return Ok(known.clone());
        }
        let Some(token) = self.session_token() else {
            self.session = Some(None);
            return Ok(None);
        };
        let hash = SecretHash::of(&token);
        let Some(mut live) = identities::by_session(self.app(), &hash, self.now).await? else {
            self.clear_session();
            return Ok(None);
        };
        if self.may_extend(&live.session) {
            live.session = self.extend(&live, hash).await?;
            self.set_cookies(self.auth().cookies.set_session(&token, true));
        }
        self.session = Some(Some(live.clone()));
        Ok(Some(live))
    }

    fn may_extend(&self, session: &Session) -> bool {
        session.is_due_for_refresh(self.now)
            && !body::is_switched_on(&self.query, "disableRefresh")
            && !self.auth().cookies.dont_remember(&self.cookies)
    }

    async fn extend(&mut self, live: &LiveSession, token: SecretHash) -> Result<Arc<Session>, AuthError> {
        let command = Command::RefreshSession { token };
        match identities::ask(self.app(), &live.identity.user_id, command).await {
            Ok(Reply::Session { session, .. }) => Ok(session),
            Ok(_) => Err(AuthError::Internal),
            Err(AskError::Rejected(Rejection::NoSession | Rejection::NoUser)) => {
                self.clear_session();
                Err(Refusal::FailedToGetSession.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The live session of the caller.
    ///
    /// # Errors
    /// 401 without one.
    pub(super) async fn require_session(&mut self) -> Result<LiveSession, AuthError> {
        self.session().await?.ok_or_else(|| Refusal::Unauthorized.into())
    }

    /// The live session of the caller, if it began recently.
    ///
    /// # Errors
    /// 401 without one, 403 when it is older.
    pub(super) async fn require_fresh(&mut self) -> Result<LiveSession, AuthError> {
        let live = self.require_session().await?;
        if self.is_fresh(&live.session) { Ok(live) } else { Err(Refusal::SessionNotFresh.into()) }
    }

    /// Whether a session began recently enough for what is sensitive; a span of zero switches the question off.
    pub(super) fn is_fresh(&self, session: &Session) -> bool {
        session.created_at > self.fresh_since()
    }

    /// A session that began after this instant is fresh.
    pub(super) fn fresh_since(&self) -> Timestamp {
        let span = self.auth().settings.fresh_for.0;
        if span.is_zero() { Timestamp::MIN } else { self.now - span }
    }

    /// Asks the identity of a user id.
    pub(super) async fn ask(&self, user_id: &str, command: Command) -> Result<Reply, AskError<Identity>> {
        identities::ask(self.app(), user_id, command).await
    }

    /// A random value.
    pub(super) fn random(&self, kind: Kind) -> Result<String, AuthError> {
        Ok(kind.generate(&mut rand::rngs::SysRng)?)
    }

    /// The form of a password that is stored.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, AuthError> {
        let salt = Salt::generate(&mut rand::rngs::SysRng)?;
        Ok(PasswordHash::from(self.auth().hashing.hash(password, salt).await?))
    }

    /// Whether it is the password that is stored, and a better form of it, if the stored one is to be replaced. Without a
    /// stored one the same work is done.
    pub(super) async fn verify(
        &self,
        password: Password,
        stored: Option<&PasswordHash>,
    ) -> Result<Check, AuthError> {
        let stored = stored.map(|hash| hash.as_str().to_owned());
        match self.auth().hashing.verify(password.clone(), stored).await? {
            Verdict::Mismatch => Ok(Check::Differs),
            Verdict::Match { needs_rehash: false } => Ok(Check::Matches { better: None }),
            Verdict::Match { needs_rehash: true } => {
                Ok(Check::Matches { better: Some(self.hash(password).await?) })
            }
        }
    }

    /// A session to start, and its token, which nobody else ever sees.
    pub(super) fn new_session(&self, remember: bool) -> Result<(NewSession, String), AuthError> {
        let token = self.random(Kind::SessionToken)?;
        let session = NewSession {
            id: RowId::from(self.random(Kind::Id)?),
            token: SecretHash::of(&token),
            ip: self.address.as_str().into(),
            user_agent: self.header(&header::USER_AGENT).unwrap_or_default().into(),
            remember,
        };
        Ok((session, token))
    }
}

impl From<NoRandomness> for AuthError {
    fn from(_: NoRandomness) -> Self {
        Self::Overloaded { retry_after: RETRY_AFTER }
    }
}

impl From<IdentityError> for AuthError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Directory(error) => {
                tracing::warn!(%error, "the directory does not answer");
                Self::Overloaded { retry_after: RETRY_AFTER }
            }
            IdentityError::Ask(error) => error.into(),
        }
    }
}

/// What no endpoint expects. A rejection that one does expect is handled there.
impl<E: greenroom_actors::Entity> From<AskError<E>> for AuthError {
    fn from(error: AskError<E>) -> Self {
        match error {
            AskError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            AskError::Unavailable(_) | AskError::ShuttingDown => {
                Self::Overloaded { retry_after: RETRY_AFTER }
            }
            AskError::BadKey => Self::NotFound,
            AskError::TooLarge { .. } => Self::BodyTooLarge,
            error @ (AskError::Rejected(_)
            | AskError::Taken { .. }
            | AskError::Unknown
            | AskError::Poisoned) => {
                tracing::error!(%error, "an identity did not answer as expected");
                Self::Internal
            }
        }
    }
}

impl Call {
    /// A mail with a secret link to somebody.
    pub(super) fn mail(
        &self,
        user_id: &str,
        kind: MailKind,
        to: &Email,
        url: &str,
        token: &str,
    ) -> Result<NewMail, AuthError> {
        let payload = MailPayload { url: url.to_owned(), token: token.to_owned() };
        let payload = identities::seal_mail(&self.app().keyring, user_id, &payload)?;
        Ok(NewMail { kind, to: to.clone(), payload })
    }

    /// Sends the cookies of a sign-in. Who does not want to be remembered is forgotten when signing in otherwise.
    pub(super) fn sign_in(
        &mut self,
        (token, remember): (&str, bool),
        user_id: &str,
        user: &Arc<UserRow>,
        session: Option<&Arc<Session>>,
    ) {
        if let Some(session) = session {
            self.tell_of(user_id, user, session);
        }
        let cookies = self.auth().cookies.set_session(token, remember);
        let forgets = remember && self.auth().cookies.dont_remember(&self.cookies);
        let forgotten = forgets.then(|| self.auth().cookies.delete(Name::DontRemember));
        self.set_cookies(cookies.into_iter().chain(forgotten));
        self.drop_copy();
    }

    /// A copy of the session that came along tells of what was before: the next look makes a new one.
    fn drop_copy(&mut self) {
        if self.auth().settings.cookie_cache {
            self.set_cookies(self.auth().cookies.clear_session_data(&self.cookies));
        }
    }
}

impl From<SealError> for AuthError {
    fn from(error: SealError) -> Self {
        if matches!(error, SealError::Secret(SecretError::TooLong)) {
            return Self::BodyTooLarge;
        }
        tracing::error!(%error, "a secret of an identity is not sealed or opened");
        Self::Internal
    }
}

/// The first whole step after `begun` that is not before `now`; at least one.
fn answer_at(begun: Timestamp, now: Timestamp) -> Timestamp {
    let step = ANSWER_STEP.as_millis();
    let steps = now.since(begun).as_millis().div_ceil(step).max(1);
    begun + ANSWER_STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_leave_at_whole_steps() {
        let begun = Timestamp::from_millis(1_000_000);
        for (took, leaves) in [(0, 500), (1, 500), (499, 500), (500, 500), (501, 1_000), (1_700, 2_000)] {
            let took = Duration::from_millis(took);
            assert_eq!(answer_at(begun, begun + took), begun + Duration::from_millis(leaves), "{took:?}");
        }
        // A clock that was set back.
        assert_eq!(answer_at(begun, Timestamp::from_millis(0)), begun + ANSWER_STEP);
    }
}
