//! What can be asked of an identity.
//!
//! Ids, tokens (as hashes), password hashes and sealed secrets are made outside and come in here. Passwords are verified
//! outside against the published state; a command says which stored hash was verified and is refused when that is no
//! longer the password.

use super::{
    field::{Extra, ExtraPatch, Value, Writer},
    mail::{MailId, MailOutcome, NewMail},
    row::{Login, ProviderLogin, ProviderTokens},
    value::{Email, PasswordHash, RowId, Sealed, SecretHash},
};
use crate::{Timestamp, identity::field::Field, requests::RequestKey};
use serde::Serialize;
use std::sync::Arc;

/// What can be asked of an identity. All but the first two are refused with `NoUser` when there is no user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Command {
    /// Create the user with its first account and, unless verification comes first, a session: one record. Claims the
    /// address, the account at a provider and the session. Reply: `SignedIn`.
    SignUp(Box<SignUp>),
    /// Create the user from rows of a previous deployment, with accounts and live sessions. Nothing happens when the
    /// user is there already, whatever became of it since. Reply: `Imported`.
    Import(Box<Import>),
    /// Start a session for a verified password. Reply: `SignedIn`.
    SignIn {
        /// The stored hash that the password was verified against.
        verified: PasswordHash,
        /// A better hash of the same password; stored only if `verified` is what is stored.
        rehash: Option<PasswordHash>,
        /// The session.
        session: NewSession,
    },
    /// Start a session for a user whom a provider vouches for: updates the account, or links it when both sides have
    /// verified the same address. Reply: `SignedIn`.
    SignInWithProvider {
        /// What the provider said.
        profile: ProviderProfile,
        /// Id of the account, should it be linked now.
        account: RowId,
        /// The session.
        session: NewSession,
    },
    /// Extend a session if it is due. Reply: `Session`.
    RefreshSession {
        /// Hash of its token.
        token: SecretHash,
    },
    /// Sign out. Fine when the session is gone. Reply: `Ended`.
    EndSession {
        /// Hash of its token.
        token: SecretHash,
    },
    /// End one session of the user, named by its token or its row id. Fine when there is none. Reply: `Ended`.
    RevokeSession {
        /// The text that the client sent, taken for a row id.
        id: RowId,
        /// Hash of the same text, taken for a token.
        token: SecretHash,
    },
    /// End every session. Reply: `Ended`.
    RevokeAllSessions,
    /// End every session but one, which must be live. Reply: `Ended`.
    RevokeOtherSessions {
        /// Hash of the token of the one that stays.
        keep: SecretHash,
    },
    /// A command that a client asks for under a key: decided the first time, answered as then when it comes again.
    /// Reply: that of the command.
    Once {
        /// Names it.
        key: RequestKey,
        /// What is asked. One of those that change the profile; no other is kept.
        command: Box<Command>,
    },
    /// Change name, picture or extra fields. Reply: `User`.
    UpdateUser {
        /// Who writes.
        writer: Writer,
        /// What.
        patch: UserPatch,
    },
    /// Store a better hash of the same password, only if `from` is what is stored. Reply: `Done` either way.
    Rehash {
        /// The stored hash that was verified.
        from: PasswordHash,
        /// The better one.
        to: PasswordHash,
    },
    /// Change the password. Reply: `SignedIn`, with a session when others were revoked.
    ChangePassword {
        /// The stored hash that the present password was verified against.
        verified: PasswordHash,
        /// Hash of the new password.
        to: PasswordHash,
        /// End every session, the caller's too, and start this one.
        revoke: Option<NewSession>,
    },
    /// Keep a token that allows to set a new password, and mail it. Claims the token. Reply: `Done`.
    RequestReset {
        /// Hash of the token.
        token: SecretHash,
        /// The mail that carries it.
        mail: NewMail,
    },
    /// Use such a token: of racing requests one wins. Reply: `Ended`.
    ConsumeReset {
        /// Hash of the token.
        token: SecretHash,
        /// Hash of the new password.
        to: PasswordHash,
        /// Id of the account, should there be none with a password.
        account: RowId,
        /// End every session.
        revoke_sessions: bool,
    },
    /// Mail a signed link: verification of the present address, agreement to another one, or verification of that.
    /// Reply: `Done`.
    SendMail(NewMail),
    /// The link that verifies an address was followed. Reply: `Verified`.
    VerifyEmail {
        /// The address in the link.
        email: Email,
        /// A session to start if it was not verified before.
        session: Option<NewSession>,
    },
    /// Change the address, if it is still `from`. Claims the new one, releases the old one, and voids one-time tokens that
    /// were mailed to it: one record. Reply: `User`.
    ChangeEmail {
        /// The present address, as the link names it: this makes the link work once.
        from: Email,
        /// The new one.
        to: Email,
        /// The new one is not verified; otherwise the mark stays as it is.
        unverify: bool,
        /// A mail that verifies the new one.
        mail: Option<NewMail>,
    },
    /// Keep a token that allows to delete the user, and mail it. Reply: `Done`.
    RequestDeletion {
        /// Hash of the token.
        token: SecretHash,
        /// The mail that carries it.
        mail: NewMail,
    },
    /// Delete the user: accounts, sessions, tokens and mails go, every name is released, the workspace is erased.
    /// Reply: `Done`.
    Delete(DeletionProof),
    /// Add a user at a provider to the accounts, or update it. Claims it. Reply: `Account`.
    LinkAccount {
        /// How it came.
        flow: LinkFlow,
        /// What the provider said.
        profile: ProviderProfile,
        /// Id of the account, should it be new.
        account: RowId,
    },
    /// Remove an account, unless it is the last one. Reply: `Done`.
    UnlinkAccount {
        /// Which.
        account: RowId,
    },
    /// Store tokens that the provider gave for a refresh token; what it did not give stays. Reply: `Account`.
    StoreTokens {
        /// Which account.
        account: RowId,
        /// What it gave.
        tokens: ProviderTokens,
    },
    /// Store a secret that was sealed again, wherever `from` still stands. Reply: `Done` either way.
    Reseal {
        /// Sealed under an older key.
        from: Sealed,
        /// The same secret under the current one.
        to: Sealed,
    },
    /// An attempt at a mail ended. From the outlet.
    MailFinished {
        /// Which mail.
        id: MailId,
        /// Which attempt.
        attempt: u32,
        /// How.
        outcome: MailOutcome,
    },
    /// An attempt at erasing the workspace ended. From the outlet.
    WorkspaceErased {
        /// Which attempt.
        attempt: u32,
        /// It is erased, or there was none.
        erased: bool,
    },
    /// Do what is due. From the timer.
    Tick,
    /// Ask again for everything that was in flight when the last activation ended. From the shell.
    Recover,
}

/// A user to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignUp {
    /// Name; may be empty.
    pub name: Arc<str>,
    /// Address.
    pub email: Email,
    /// A provider says that it is verified.
    pub email_verified: bool,
    /// Picture.
    pub image: Option<Arc<str>>,
    /// Extra fields, from [`super::field::at_sign_up`].
    pub extra: Extra,
    /// The first account.
    pub account: NewAccount,
    /// A session, unless the address is to be verified first.
    pub session: Option<NewSession>,
    /// A mail that verifies the address.
    pub mail: Option<NewMail>,
}

/// An account to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewAccount {
    /// Row id.
    pub id: RowId,
    /// Which way to sign in.
    pub login: NewLogin,
}

/// A way to sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum NewLogin {
    /// By address and password.
    Password(PasswordHash),
    /// By a provider.
    Provider(ProviderLogin),
}

/// A session to start. One with the same id and token that is there already is the answer to asking again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewSession {
    /// Row id.
    pub id: RowId,
    /// Hash of its token.
    pub token: SecretHash,
    /// Client address; empty when unknown. Cut to [`super::limits::IP_CHARS_MAX`].
    pub ip: Arc<str>,
    /// User agent; empty when unknown. Cut to [`super::limits::USER_AGENT_CHARS_MAX`].
    pub user_agent: Arc<str>,
    /// It lives [`super::limits::SESSION_LIFETIME`]; otherwise [`super::limits::SHORT_SESSION_LIFETIME`].
    pub remember: bool,
}

/// What a provider said of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProviderProfile {
    /// The user there.
    pub login: ProviderLogin,
    /// Address there.
    pub email: Email,
    /// The provider verified it.
    pub email_verified: bool,
}

/// How a user at a provider came to be linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum LinkFlow {
    /// By a round trip through the provider: everything is checked, also of an account that is linked already.
    Redirect {
        /// Hash of the token of the session that began it, which must be live.
        session: SecretHash,
    },
    /// By an id token: an account that is linked already is updated without a check.
    IdToken,
}

/// A change of the user's row; `None` leaves a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserPatch {
    /// Name.
    pub name: Option<Arc<str>>,
    /// Picture; `Some(None)` clears it.
    pub image: Option<Option<Arc<str>>>,
    /// Extra fields, for clients from [`super::field::at_update`].
    pub extra: ExtraPatch,
}

/// Why the user may be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum DeletionProof {
    /// The stored hash that the password was verified against.
    Password(PasswordHash),
    /// Hash of a token from [`Command::RequestDeletion`]; it is used up.
    Token(SecretHash),
    /// A session that began recently.
    FreshSession {
        /// Hash of its token.
        token: SecretHash,
        /// It must have begun after this instant.
        since: Timestamp,
    },
}

/// Rows of a previous deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Name. Cut.
    pub name: Arc<str>,
    /// Address.
    pub email: Email,
    /// It is verified.
    pub email_verified: bool,
    /// Picture. Dropped when too long.
    pub image: Option<Arc<str>>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Extra fields as stored; values outside the option sets are tolerated.
    pub extra: Vec<(Field, Value)>,
    /// Accounts.
    pub accounts: Vec<ImportedAccount>,
    /// Sessions; those that ended, and the oldest of too many, are left behind.
    pub sessions: Vec<ImportedSession>,
    /// Password resets that were mailed and not used; those that ended, and the oldest of too many, are left behind.
    pub resets: Vec<ImportedReset>,
}

/// A pending password reset of a previous deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedReset {
    /// Hash of its token, which was stored in plain text.
    pub token: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An account of a previous deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedAccount {
    /// Row id.
    pub id: RowId,
    /// Which way to sign in, tokens sealed by the caller.
    pub login: Login,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A session of a previous deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedSession {
    /// Row id.
    pub id: RowId,
    /// Hash of its token, which was stored in plain text.
    pub token: SecretHash,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last extended.
    pub updated_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Client address.
    pub ip: Arc<str>,
    /// User agent.
    pub user_agent: Arc<str>,
}

impl Command {
    /// Size for admission, in bytes: what can be long in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        /// Ids, hashes, instants.
        const USUAL: usize = 512;
        let mail = |mail: &NewMail| mail.payload.as_str().len() + mail.to.as_str().len();
        let session = |session: &NewSession| session.user_agent.len() + session.ip.len();
        let long = match self {
            Self::SignUp(new) => {
                new.name.len()
                    + new.email.as_str().len()
                    + new.image.as_ref().map_or(0, |image| image.len())
                    + new.extra.bytes()
                    + new.mail.as_ref().map_or(0, mail)
                    + new.session.as_ref().map_or(0, session)
                    + match &new.account.login {
                        NewLogin::Password(hash) => hash.as_str().len(),
                        NewLogin::Provider(login) => login.bytes(),
                    }
            }
            Self::Import(import) => {
                let login =
                    |account: &ImportedAccount| USUAL + account.provider().map_or(0, ProviderLogin::bytes);
                let session = |session: &ImportedSession| USUAL + session.user_agent.len();
                import.accounts.iter().map(login).sum::<usize>()
                    + import.sessions.iter().map(session).sum::<usize>()
                    + import.extra.len() * USUAL
            }
            Self::SignInWithProvider { profile, session: new, .. } => profile.login.bytes() + session(new),
            Self::LinkAccount { profile, .. } => profile.login.bytes(),
            Self::StoreTokens { tokens, .. } => tokens.bytes(),
            Self::Reseal { from, to } => from.as_str().len() + to.as_str().len(),
            Self::SignIn { session: new, .. }
            | Self::ChangePassword { revoke: Some(new), .. }
            | Self::VerifyEmail { session: Some(new), .. } => session(new),
            Self::RequestReset { mail: new, .. }
            | Self::RequestDeletion { mail: new, .. }
            | Self::SendMail(new)
            | Self::ChangeEmail { mail: Some(new), .. } => mail(new),
            Self::UpdateUser { patch, .. } => {
                patch.name.as_ref().map_or(0, |name| name.len())
                    + patch.image.iter().flatten().map(|image| image.len()).sum::<usize>()
                    + patch
                        .extra
                        .iter()
                        .map(|(_, value)| value.as_ref().map_or(0, Value::bytes))
                        .sum::<usize>()
            }
            _ => 0,
        };
        USUAL + long
    }
}

impl ImportedAccount {
    const fn provider(&self) -> Option<&ProviderLogin> {
        match &self.login {
            Login::Credential { .. } => None,
            Login::Provider(login) => Some(login),
        }
    }
}
