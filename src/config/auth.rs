//! `[auth]`: sign-in, sessions and the tokens of clients.

use super::settings::{Secret, Span, section};

section! {
    /// Sign-in, sessions and the tokens of clients.
    pub struct Auth = "auth" {
        /// Public origin under which browsers reach this server, `https://app.example.com`. It stands in links of mails and redirect addresses; https makes cookies secure. Empty, with the sandbox only: the address of `server.listen`.
        base_url: String = String::new(), "origin";
        /// Further origins that may send requests with cookies and be redirected to. Patterns with `*` and `?` are allowed: `https://*.preview.example.com`.
        trusted_origins: Vec<String> = Vec::new(), "list";
        /// Secrets that sign cookies and links of mails: the first one signs, all of them verify. Empty: one is generated in the data folder. A predecessor's secret keeps its sessions alive.
        secrets: Vec<Secret> = Vec::new(), "list";
        /// Whether new people may sign up with a password.
        sign_up: bool = true, "flag";
        /// Whether a sign-up signs in at once.
        sign_in_after_sign_up: bool = true, "flag";
        /// Whether an address must be verified before its owner can sign in with a password. Needs a mail server.
        require_email_verification: bool = false, "flag";
        /// Whether a sign-up sends the mail that verifies the address, even when that is not required.
        verification_mail_on_sign_up: bool = false, "flag";
        /// Whether the link that verifies an address signs in.
        sign_in_after_verification: bool = false, "flag";
        /// Whether a password that was reset by mail ends all sessions of its user.
        revoke_sessions_on_reset: bool = false, "flag";
        /// Whether a change of address must be confirmed from the old address first, when that one is verified.
        confirm_email_change: bool = true, "flag";
        /// Whether an address that was never verified is changed at once, without a mail to the new one first.
        change_unverified_email_at_once: bool = false, "flag";
        /// Whether people may delete their own account.
        delete_user: bool = true, "flag";
        /// Whether a deletion must be confirmed by mail.
        confirm_deletion_by_mail: bool = false, "flag";
        /// Time after a sign-in during which a session may do what needs a fresh one; 0 switches the check off.
        fresh_for: Span = Span::seconds(24 * 3600), "span", Span::seconds(0)..=Span::seconds(7 * 24 * 3600);
        /// Whether a short-lived signed copy of the session travels in a cookie, so that most reads need no look-up. A revoked session may be seen by its holder for up to five minutes.
        cookie_cache: bool = false, "flag";
        /// Whether answers that tell of a session also set a token of the sync protocol as a cookie, for pages that are rendered by a server.
        convex_cookie: bool = false, "flag";
        /// Rate limits of the auth routes: `on`, `off`, or `auto`, which is off only while the sandbox stands in.
        rate_limit: String = "auto".to_owned(), "name";
        /// Header that carries the client's address.
        client_address_header: String = "x-forwarded-for".to_owned(), "header";
        /// Proxies in front, as addresses or ranges (`10.0.0.0/8`): the list of the header is walked from the right past them. Empty: the header counts only if it holds exactly one address.
        trusted_proxies: Vec<String> = Vec::new(), "list";
        /// Page that failed sign-ins are sent to instead of the built-in one, with `error` and `error_description` appended.
        error_url: String = String::new(), "URL";
        /// Passwords hashed at once; each needs up to 32 MiB and a core. 0: one per core.
        hashing_threads: usize = 0, "threads", 0..=256;
        /// Passwords waiting to be hashed; more are refused with a retry hint.
        hashing_queue_max: usize = 256, "passwords", 1..=10_000;
    }
}
