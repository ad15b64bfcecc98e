//! Refusals of fixed words: status, code and message in one table.

/// A refusal with words of its own and nothing to fill in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The body is no JSON.
    InvalidJson,
    /// No session.
    Unauthorized,
    /// A request with cookies, and no origin.
    MissingOrNullOrigin,
    /// A request with cookies from an origin that is not trusted.
    InvalidOrigin,
    /// Another site navigated a form here.
    CrossSiteNavigation,
    /// The session vanished while it was refreshed.
    FailedToGetSession,
    /// The session is too old for this.
    SessionNotFresh,
    /// The session is too old to delete the user without a password.
    SessionExpired,
    /// POST `/get-session` without deferred refresh.
    DeferSessionRequired,
    /// Signing up is off.
    SignUpDisabled,
    /// Signing in with a password is off.
    SignInDisabled,
    /// Shorter than 8.
    PasswordTooShort,
    /// Longer than 128.
    PasswordTooLong,
    /// The address is taken.
    UserAlreadyExists,
    /// The user could not be written.
    FailedToCreateUser,
    /// An address that is none, at sign-in.
    InvalidEmail,
    /// Wrong address or password; the same for both.
    InvalidEmailOrPassword,
    /// The address must be verified first.
    EmailNotVerified,
    /// `update-user` with an address.
    EmailCanNotBeUpdated,
    /// An update with nothing in it.
    NoFieldsToUpdate,
    /// The user has no password.
    CredentialAccountNotFound,
    /// A wrong password of somebody who is signed in.
    InvalidPassword,
    /// No mail can be sent, so no password can be reset.
    ResetPasswordDisabled,
    /// A link that is too old.
    TokenExpired,
    /// The link belongs to another user than the one who is signed in.
    InvalidUser,
    /// No mail can be sent, so no address can be verified.
    VerificationEmailNotEnabled,
    /// Another address than one's own.
    EmailMismatch,
    /// Nothing to verify.
    EmailAlreadyVerified,
    /// Changing the address is off.
    ChangeEmailDisabled,
    /// The new address is the old one.
    EmailIsTheSame,
    /// No mail can be sent, so no address can be changed.
    ChangeEmailNotDeliverable,
    /// The link that deletes a user, while that is off.
    DeletionNotFound,
    /// The link that deletes a user, without a session.
    FailedToGetUserInfo,
    /// The last way to sign in.
    FailedToUnlinkLastAccount,
    /// No such account of this user.
    AccountNotFound,
    /// The provider gave no usable token.
    FailedToGetAccessToken,
    /// There is nothing to refresh with.
    RefreshTokenNotFound,
    /// The provider refused to refresh.
    FailedToRefreshAccessToken,
    /// An account that belongs to no configured provider.
    ProviderNotConfigured,
    /// A provider that is not there.
    ProviderNotFound,
    /// An id token without an address.
    UserEmailNotFound,
    /// The provider's account is somebody else's.
    SocialAccountAlreadyLinked,
    /// The provider has not verified the address.
    LinkingNotAllowed,
    /// The provider's address is another one.
    LinkingDifferentEmailsNotAllowed,
    /// One Tap with a bad id token.
    OneTapInvalidIdToken,
    /// One Tap with an id token without an address.
    OneTapEmailNotAvailable,
}

impl Refusal {
    /// Status, code and message.
    #[must_use]
    pub const fn parts(self) -> (u16, Option<&'static str>, &'static str) {
        match self {
            Self::InvalidJson => (400, Some("BAD_REQUEST"), "Invalid JSON in request body"),
            Self::Unauthorized => (401, Some("UNAUTHORIZED"), "Unauthorized"),
            Self::MissingOrNullOrigin => (403, Some("MISSING_OR_NULL_ORIGIN"), "Missing or null Origin"),
            Self::InvalidOrigin => (403, Some("INVALID_ORIGIN"), "Invalid origin"),
            Self::CrossSiteNavigation => (
                403,
                Some("CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"),
                "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
            ),
            Self::FailedToGetSession => (401, Some("FAILED_TO_GET_SESSION"), "Failed to get session"),
            Self::SessionNotFresh => (403, Some("SESSION_NOT_FRESH"), "Session is not fresh"),
            Self::SessionExpired => {
                (400, Some("SESSION_EXPIRED"), "Session expired. Re-authenticate to perform this action.")
            }
            Self::DeferSessionRequired => (
                405,
                Some("METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"),
                "POST method requires deferSessionRefresh to be enabled in session config",
            ),
            Self::SignUpDisabled => {
                (400, Some("EMAIL_PASSWORD_SIGN_UP_DISABLED"), "Email and password sign up is not enabled")
            }
            Self::SignInDisabled => {
                (400, Some("EMAIL_PASSWORD_DISABLED"), "Email and password is not enabled")
            }
            Self::PasswordTooShort => (400, Some("PASSWORD_TOO_SHORT"), "Password too short"),
            Self::PasswordTooLong => (400, Some("PASSWORD_TOO_LONG"), "Password too long"),
            Self::UserAlreadyExists => (
                422,
                Some("USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"),
                "User already exists. Use another email.",
            ),
            Self::FailedToCreateUser => (422, Some("FAILED_TO_CREATE_USER"), "Failed to create user"),
            Self::InvalidEmail => (400, Some("INVALID_EMAIL"), "Invalid email"),
            Self::InvalidEmailOrPassword => {
                (401, Some("INVALID_EMAIL_OR_PASSWORD"), "Invalid email or password")
            }
            Self::EmailNotVerified => (403, Some("EMAIL_NOT_VERIFIED"), "Email not verified"),
            Self::EmailCanNotBeUpdated => (400, Some("EMAIL_CAN_NOT_BE_UPDATED"), "Email can not be updated"),
            Self::CredentialAccountNotFound => {
                (400, Some("CREDENTIAL_ACCOUNT_NOT_FOUND"), "Credential account not found")
            }
            Self::InvalidPassword => (400, Some("INVALID_PASSWORD"), "Invalid password"),
            Self::ResetPasswordDisabled => {
                (400, Some("RESET_PASSWORD_DISABLED"), "Reset password isn't enabled")
            }
            Self::TokenExpired => (401, Some("TOKEN_EXPIRED"), "Token expired"),
            Self::InvalidUser => (401, Some("INVALID_USER"), "Invalid user"),
            Self::VerificationEmailNotEnabled => {
                (400, Some("VERIFICATION_EMAIL_NOT_ENABLED"), "Verification email isn't enabled")
            }
            Self::EmailMismatch => (400, Some("EMAIL_MISMATCH"), "Email mismatch"),
            Self::EmailAlreadyVerified => (400, Some("EMAIL_ALREADY_VERIFIED"), "Email is already verified"),
            Self::ChangeEmailDisabled => (400, Some("CHANGE_EMAIL_DISABLED"), "Change email is disabled"),
            Self::DeletionNotFound => (404, Some("NOT_FOUND"), "Not found"),
            Self::FailedToGetUserInfo => (404, Some("FAILED_TO_GET_USER_INFO"), "Failed to get user info"),
            Self::FailedToUnlinkLastAccount => {
                (400, Some("FAILED_TO_UNLINK_LAST_ACCOUNT"), "You can't unlink your last account")
            }
            Self::AccountNotFound => (400, Some("ACCOUNT_NOT_FOUND"), "Account not found"),
            Self::FailedToGetAccessToken => {
                (400, Some("FAILED_TO_GET_ACCESS_TOKEN"), "Failed to get a valid access token")
            }
            Self::RefreshTokenNotFound => (400, Some("REFRESH_TOKEN_NOT_FOUND"), "Refresh token not found"),
            Self::FailedToRefreshAccessToken => {
                (400, Some("FAILED_TO_REFRESH_ACCESS_TOKEN"), "Failed to refresh access token")
            }
            Self::ProviderNotConfigured => (
                400,
                Some("PROVIDER_NOT_CONFIGURED"),
                "Account is not associated with a configured social provider.",
            ),
            Self::ProviderNotFound => (404, Some("PROVIDER_NOT_FOUND"), "Provider not found"),
            Self::UserEmailNotFound => (401, Some("USER_EMAIL_NOT_FOUND"), "User email not found"),
            Self::SocialAccountAlreadyLinked => {
                (409, Some("SOCIAL_ACCOUNT_ALREADY_LINKED"), "Social account already linked")
            }
            Self::LinkingNotAllowed => {
                (401, Some("LINKING_NOT_ALLOWED"), "Account not linked - linking not allowed")
            }
            Self::LinkingDifferentEmailsNotAllowed => (
                401,
                Some("LINKING_DIFFERENT_EMAILS_NOT_ALLOWED"),
                "Account not linked - different emails not allowed",
            ),
            Self::NoFieldsToUpdate => (400, None, "No fields to update"),
            Self::EmailIsTheSame => (400, None, "Email is the same"),
            Self::ChangeEmailNotDeliverable => (400, None, "Verification email isn't enabled"),
            Self::OneTapInvalidIdToken => (400, None, "invalid id token"),
            Self::OneTapEmailNotAvailable => (400, None, "Email not available in token"),
        }
    }
}
