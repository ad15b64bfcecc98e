//! What must hold between the settings of `[auth]`, `[google]` and `[mail]`, what follows from them, and where the
//! sandbox stands in.

use super::{Config, Google, Secret, SettingError, is_this_machine};
use crate::auth::{
    address::Network,
    origin::Pattern,
    secrets::{SECRET_BYTES_MIN, Secrets},
};
use url::Url;

/// Origins of development servers on this machine, trusted while the sandbox stands in.
const SANDBOX_ORIGINS: [&str; 4] =
    ["http://localhost", "http://localhost:*", "http://127.0.0.1", "http://127.0.0.1:*"];

/// Google client of the sandbox, which takes any.
const SANDBOX_GOOGLE_ID: &str = "sandbox-client.apps.googleusercontent.example";
/// Its secret, which is public.
const SANDBOX_GOOGLE_SECRET: &str = "sandbox-google-secret";

/// How mails leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTransport {
    /// To an SMTP server.
    Smtp,
    /// Into the sandbox's mailbox.
    Sandbox,
    /// Not at all.
    Off,
}

impl Config {
    /// The public origin: scheme, host and port, without a slash at the end.
    #[must_use]
    pub fn public_origin(&self) -> String {
        if self.auth.base_url.is_empty() {
            format!("http://{}", self.server.listen)
        } else {
            self.auth.base_url.trim_end_matches('/').to_owned()
        }
    }

    /// How mails leave.
    #[must_use]
    pub fn mail_transport(&self) -> MailTransport {
        match self.mail.transport.as_str() {
            "smtp" => MailTransport::Smtp,
            "sandbox" => MailTransport::Sandbox,
            "auto" if !self.mail.host.is_empty() => MailTransport::Smtp,
            "auto" if self.uses_sandbox() => MailTransport::Sandbox,
            _ => MailTransport::Off,
        }
    }

    /// Whether the auth routes are rate limited.
    #[must_use]
    pub fn limits_auth_rate(&self) -> bool {
        match self.auth.rate_limit.as_str() {
            "auto" => !self.uses_sandbox(),
            other => other == "on",
        }
    }

    /// Writes down what follows from the sandbox standing in at `base`, before an app id of the sandbox is set.
    pub(crate) fn sign_in_with_sandbox(&mut self, base: &str) {
        self.auth.rate_limit = if self.limits_auth_rate() { "on" } else { "off" }.to_owned();
        if self.mail_transport() == MailTransport::Sandbox {
            self.mail.transport = "sandbox".to_owned();
        }
        self.auth.trusted_origins.extend(SANDBOX_ORIGINS.map(str::to_owned));
        if !self.google.client_id.is_empty() {
            return;
        }
        let google = format!("{base}/google");
        self.google = Google {
            client_id: SANDBOX_GOOGLE_ID.to_owned(),
            client_secret: Secret::new(SANDBOX_GOOGLE_SECRET),
            auth_url: format!("{google}/o/oauth2/v2/auth"),
            token_url: format!("{google}/token"),
            jwks_url: format!("{google}/certs"),
            issuer: google,
            ..self.google.clone()
        };
    }

    pub(super) fn check_auth(&self, problems: &mut Vec<SettingError>) {
        let mut wrong = |key: &str, problem: String| {
            problems.push(SettingError { key: key.to_owned(), problem });
        };
        let auth = &self.auth;
        if auth.base_url.is_empty() {
            if !self.uses_sandbox() {
                wrong("auth.base_url", "is needed for links, redirect addresses and cookies".to_owned());
            }
        } else if let Err(problem) = public_origin(&auth.base_url, self.uses_sandbox()) {
            wrong("auth.base_url", problem.to_owned());
        }
        for pattern in &auth.trusted_origins {
            if let Err(error) = Pattern::parse(pattern) {
                wrong("auth.trusted_origins", format!("{pattern:?}: {error}"));
            }
        }
        if auth.secrets.iter().any(|secret| secret.expose().len() < SECRET_BYTES_MIN) {
            wrong("auth.secrets", format!("each secret needs at least {SECRET_BYTES_MIN} bytes"));
        } else if auth.secrets.len() > Secrets::COUNT_MAX {
            wrong("auth.secrets", format!("at most {} secrets", Secrets::COUNT_MAX));
        }
        for network in &auth.trusted_proxies {
            if network.parse::<Network>().is_err() {
                wrong(
                    "auth.trusted_proxies",
                    format!("{network:?} is neither an address nor a range such as 10.0.0.0/8"),
                );
            }
        }
        if !auth.error_url.is_empty() && web_url(&auth.error_url).is_none() {
            wrong("auth.error_url", "is no http or https URL".to_owned());
        }
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if auth.client_address_header.is_empty() || !auth.client_address_header.bytes().all(is_token) {
            wrong("auth.client_address_header", "is no header name".to_owned());
        }
        let sends_mail = self.mail_transport() != MailTransport::Off;
        if auth.require_email_verification && !sends_mail {
            wrong("auth.require_email_verification", "needs a way for mails, see mail.transport".to_owned());
        }
        if auth.confirm_deletion_by_mail && !sends_mail {
            wrong("auth.confirm_deletion_by_mail", "needs a way for mails, see mail.transport".to_owned());
        }
    }

    pub(super) fn check_google(&self, problems: &mut Vec<SettingError>) {
        let mut wrong = |key: &str, problem: &str| {
            problems.push(SettingError { key: key.to_owned(), problem: problem.to_owned() });
        };
        let google = &self.google;
        if google.client_id.is_empty() {
            if !google.client_secret.is_empty() {
                wrong("google.client_id", "is empty although a secret is set");
            }
            return;
        }
        if google.client_secret.is_empty() {
            wrong("google.client_secret", "codes cannot be exchanged without it");
        }
        let urls = [
            ("google.issuer", &google.issuer),
            ("google.auth_url", &google.auth_url),
            ("google.token_url", &google.token_url),
            ("google.jwks_url", &google.jwks_url),
        ];
        for (key, url) in urls {
            match web_url(url) {
                None => wrong(key, "is no http or https URL"),
                Some(url) if !self.uses_sandbox() && (url.scheme() != "https" || is_this_machine(&url)) => {
                    wrong(key, "must be https and another machine when an app id is set");
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn check_mail(&self, problems: &mut Vec<SettingError>) {
        let mut wrong = |key: &str, problem: &str| {
            problems.push(SettingError { key: key.to_owned(), problem: problem.to_owned() });
        };
        let mail = &self.mail;
        match self.mail_transport() {
            MailTransport::Smtp => {}
            MailTransport::Sandbox if !self.uses_sandbox() => {
                wrong(
                    "mail.transport",
                    "the sandbox's mailbox shows secret links to anybody: not with an app id",
                );
                return;
            }
            MailTransport::Sandbox | MailTransport::Off => return,
        }
        if mail.host.is_empty() {
            wrong("mail.host", "is needed for SMTP");
        }
        if mail.from.parse::<lettre::message::Mailbox>().is_err() {
            wrong("mail.from", "is no address such as Greenroom <no-reply@example.com>");
        }
        if mail.user.is_empty() != mail.password.is_empty() {
            wrong("mail.password", "user and password belong together");
        }
        let local = matches!(mail.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if mail.encryption == "none" && !local {
            wrong(
                "mail.encryption",
                "mails hold secret links: only a server on this machine may get them in the clear",
            );
        }
    }
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// An origin and nothing more; https unless this is for development.
fn public_origin(text: &str, development: bool) -> Result<(), &'static str> {
    let url = web_url(text).ok_or("is no http or https URL")?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err("is more than scheme, host and port");
    }
    if url.origin().ascii_serialization() != text.trim_end_matches('/') {
        return Err("is not written the way browsers do: lower case, no standard port");
    }
    if !development && url.scheme() != "https" {
        return Err("must be https when an app id is set: cookies would travel in the clear");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn problems(edit: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        edit(&mut config);
        config.check().err().unwrap_or_default().into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn the_sandbox_needs_no_setting() {
        let mut config = Config::default();
        assert_eq!(config.public_origin(), "http://127.0.0.1:8080");
        config.sign_in_with_sandbox("http://127.0.0.1:4010");
        config.instagram.app_id = "990000000000001".to_owned();
        assert!(config.auth.trusted_origins.contains(&"http://localhost:*".to_owned()));
        assert_eq!(config.google.token_url, "http://127.0.0.1:4010/google/token");
        assert_eq!(config.mail_transport(), MailTransport::Sandbox);
        assert!(!config.limits_auth_rate());
    }

    #[test]
    fn what_was_set_is_kept_beside_the_sandbox() {
        let mut config = Config::default();
        config.auth.rate_limit = "on".to_owned();
        config.google.client_id = "mine".to_owned();
        config.mail.host = "mail.example.com".to_owned();
        config.sign_in_with_sandbox("http://127.0.0.1:4010");
        assert_eq!(config.google.issuer, "https://accounts.google.com");
        assert_eq!(config.mail_transport(), MailTransport::Smtp);
        assert!(config.limits_auth_rate());
    }

    #[test]
    fn a_real_app_needs_an_https_origin_and_is_limited() {
        let real = |config: &mut Config, base_url: &str| {
            config.instagram.app_id = "990000000000001".to_owned();
            config.instagram.app_secrets = vec![Secret::new("0123456789abcdef")];
            config.instagram.verify_token = Secret::new("verify");
            config.auth.base_url = base_url.to_owned();
            assert!(config.limits_auth_rate() && config.mail_transport() == MailTransport::Off);
        };
        for wrong in
            ["", "http://app.example.com", "https://app.example.com/x", "https://APP.example.com", "app"]
        {
            assert_eq!(problems(|config| real(config, wrong)), ["auth.base_url"], "{wrong}");
        }
        assert!(problems(|config| real(config, "https://app.example.com")).is_empty());
    }

    #[test]
    fn the_mailbox_of_the_sandbox_is_never_open_with_a_real_app() {
        let found = problems(|config| {
            config.instagram.app_id = "990000000000001".to_owned();
            config.instagram.app_secrets = vec![Secret::new("0123456789abcdef")];
            config.instagram.verify_token = Secret::new("verify");
            config.auth.base_url = "https://app.example.com".to_owned();
            config.mail.transport = "sandbox".to_owned();
        });
        assert_eq!(found, ["mail.transport"]);
    }

    #[test]
    fn wrong_lists_name_their_key() {
        let found = problems(|config| {
            config.auth.trusted_origins = vec!["not an origin".to_owned()];
            config.auth.secrets = vec![Secret::new("short")];
            config.auth.trusted_proxies = vec!["10.0.0.0/33".to_owned()];
            config.auth.rate_limit = "maybe".to_owned();
        });
        assert_eq!(
            found,
            ["auth.rate_limit", "auth.trusted_origins", "auth.secrets", "auth.trusted_proxies"]
        );
    }

    #[test]
    fn half_a_google_client_or_mail_server_is_refused() {
        let found = problems(|config| {
            config.google.client_id = "client".to_owned();
            config.google.jwks_url = "ftp://keys".to_owned();
            config.mail.host = "mail.example.com".to_owned();
            config.mail.encryption = "none".to_owned();
            config.mail.user = "user".to_owned();
        });
        assert_eq!(
            found,
            ["google.client_secret", "google.jwks_url", "mail.from", "mail.password", "mail.encryption"]
        );
    }
}
