//! `[instagram]`: the app at Meta, and the addresses of its hosts.

use super::settings::{Secret, section};

section! {
    /// The app at Meta. Without an app id the built-in sandbox stands in.
    pub struct Instagram = "instagram" {
        /// Instagram app id; empty means sandbox.
        app_id: String = String::new(), "id";
        /// App secrets that may sign webhooks, the current one first. The first one also authenticates the app.
        app_secrets: Vec<Secret> = Vec::new(), "list";
        /// Token that the webhook handshake must present; empty never matches.
        verify_token: Secret = Secret::default(), "text";
        /// Host of the authorisation page.
        www_url: String = "https://www.instagram.com".to_owned(), "URL";
        /// Host of the code exchange.
        api_url: String = "https://api.instagram.com".to_owned(), "URL";
        /// Host of everything else.
        graph_url: String = "https://graph.instagram.com".to_owned(), "URL";
        /// Version in the path of calls.
        graph_version: String = "v25.0".to_owned(), "version";
        /// Calls to Instagram under way at once, all accounts together.
        calls_max: usize = 256, "calls", 1..=10_000;
    }
}
