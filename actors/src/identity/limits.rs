//! What an identity may hold, and how long things last.

use std::time::Duration;

/// Lifetime of a session, counted from its beginning or its last extension.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
/// Lifetime of a session that is not to be remembered.
pub const SHORT_SESSION_LIFETIME: Duration = Duration::from_secs(86_400);
/// A session is extended when its last extension is at least this old.
pub const REFRESH_AFTER: Duration = Duration::from_secs(86_400);
/// A session younger than this is fresh: good enough for sensitive operations without a password.
pub const FRESH_FOR: Duration = Duration::from_secs(86_400);
/// Lifetime of a password reset.
pub const RESET_LIFETIME: Duration = Duration::from_secs(3_600);
/// Lifetime of a confirmation of deleting the user.
pub const DELETION_LIFETIME: Duration = Duration::from_secs(86_400);
/// Lifetime of the signed links that verify an address.
pub const VERIFICATION_LIFETIME: Duration = Duration::from_secs(3_600);

/// Sessions of one user; expired ones leave first, then the oldest.
pub const SESSIONS_MAX: usize = 100;
/// Accounts of one user.
pub const ACCOUNTS_MAX: usize = 20;
/// One-time tokens of one user; expired ones leave first, then the oldest, so that the newest link always works.
pub const ONE_TIME_TOKENS_MAX: usize = 20;

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 256;
/// Longest address, in bytes; leaves room for the prefix of its name in the directory.
pub const EMAIL_BYTES_MAX: usize = 320;
/// Longest picture address, in bytes.
pub const IMAGE_BYTES_MAX: usize = 4_096;
/// Longest row id, in bytes.
pub const ROW_ID_BYTES_MAX: usize = 128;
/// Longest id of a user at a provider, in bytes (Google: 255 characters).
pub const ACCOUNT_ID_BYTES_MAX: usize = 255;
/// Longest stored password hash, in bytes.
pub const PASSWORD_HASH_BYTES_MAX: usize = 512;
/// Longest sealed token or mail, in bytes.
pub const SEALED_BYTES_MAX: usize = 16 * 1_024;
/// Scopes of an account.
pub const SCOPES_MAX: usize = 64;
/// Longest scope, in bytes.
pub const SCOPE_BYTES_MAX: usize = 255;
/// User agents are cut to this many characters.
pub const USER_AGENT_CHARS_MAX: usize = 512;
/// Client addresses are cut to this many characters; the longest real one has 39.
pub const IP_CHARS_MAX: usize = 64;

/// Mails of one user on their way; the oldest gives way and is noted.
pub const MAILS_MAX: usize = 50;
/// Attempts at one mail. The waits between them add up to more than two hours.
pub const MAIL_ATTEMPTS_MAX: u32 = 12;
/// Wait after the first attempt at a mail; doubles with each one.
pub const MAIL_RETRY_FIRST: Duration = Duration::from_secs(10);
/// Longest wait between attempts at a mail.
pub const MAIL_RETRY_MAX: Duration = Duration::from_secs(1_800);
/// An attempt at a mail without an outcome after this long is made again.
pub const MAIL_LEASE: Duration = Duration::from_secs(120);
/// Mails given up that are kept for a look; the oldest leaves.
pub const DEAD_MAILS_MAX: usize = 50;
/// How long a mail given up is kept for a look.
pub const DEAD_MAIL_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// Longest reason kept of a mail given up, in characters.
pub const DEAD_REASON_CHARS_MAX: usize = 200;

/// What has expired is swept at most this often. Nothing waits for it: what has expired never matches.
pub const SWEEP_STEP: Duration = Duration::from_secs(3_600);
