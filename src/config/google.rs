//! `[google]`: sign-in with Google.

use super::settings::{Secret, section};

section! {
    /// Sign-in with Google. Without a client id the sandbox stands in, if it does so for Instagram; otherwise it is off.
    pub struct Google = "google" {
        /// OAuth client id; empty means sandbox or off.
        client_id: String = String::new(), "id";
        /// OAuth client secret.
        client_secret: Secret = Secret::default(), "text";
        /// Further client ids whose id tokens are accepted, for instance of a mobile app.
        other_client_ids: Vec<String> = Vec::new(), "list";
        /// Only accounts of this hosted domain may sign in; empty: all.
        hosted_domain: String = String::new(), "domain";
        /// Issuer of id tokens.
        issuer: String = "https://accounts.google.com".to_owned(), "URL";
        /// Page where people agree.
        auth_url: String = "https://accounts.google.com/o/oauth2/v2/auth".to_owned(), "URL";
        /// Where codes and refresh tokens are exchanged.
        token_url: String = "https://oauth2.googleapis.com/token".to_owned(), "URL";
        /// Keys that sign id tokens.
        jwks_url: String = "https://www.googleapis.com/oauth2/v3/certs".to_owned(), "URL";
    }
}
