//! Why a sign-in with a provider, or a link to it, failed.

/// Why a provider's account was not linked or signed in with. The text is the `error` of a redirect; with spaces for
/// underscores it is a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthFailure {
    /// The callback carries no state.
    StateNotFound,
    /// The state is unknown, expired, or of another browser.
    StateMismatch,
    /// The callback carries neither a code nor an error.
    NoCode,
    /// The provider is not configured.
    ProviderNotFound,
    /// The provider refused the code.
    InvalidCode,
    /// The provider's id token says nothing usable.
    UnableToGetUserInfo,
    /// The provider tells no address.
    EmailNotFound,
    /// A user has the address, and one side has not verified it.
    AccountNotLinked,
    /// Signing up this way is off.
    SignupDisabled,
    /// The link was refused or could not be written.
    UnableToLinkAccount,
    /// The user could not be written.
    UnableToCreateUser,
    /// The session could not be written.
    UnableToCreateSession,
    /// Anything else.
    InternalServerError,
    /// The account to link has another address than the user.
    EmailDoesNotMatch,
    /// The account belongs to somebody else.
    AccountAlreadyLinkedToDifferentUser,
}

impl OauthFailure {
    /// The `error` parameter.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::StateNotFound => "state_not_found",
            Self::StateMismatch => "state_mismatch",
            Self::NoCode => "no_code",
            Self::ProviderNotFound => "oauth_provider_not_found",
            Self::InvalidCode => "invalid_code",
            Self::UnableToGetUserInfo => "unable_to_get_user_info",
            Self::EmailNotFound => "email_not_found",
            Self::AccountNotLinked => "account_not_linked",
            Self::SignupDisabled => "signup_disabled",
            Self::UnableToLinkAccount => "unable_to_link_account",
            Self::UnableToCreateUser => "unable_to_create_user",
            Self::UnableToCreateSession => "unable_to_create_session",
            Self::InternalServerError => "internal_server_error",
            Self::EmailDoesNotMatch => "email_does_not_match",
            Self::AccountAlreadyLinkedToDifferentUser => "account_already_linked_to_different_user",
        }
    }

    /// The same with spaces.
    #[must_use]
    pub fn words(self) -> String {
        self.code().replace('_', " ")
    }
}
