//! Configuration: read here and nowhere else, in layers (defaults, file, environment, flags), checked as a whole.

mod auth;
mod data;
mod files;
mod google;
mod instagram;
mod load;
mod log;
mod mail;
mod sandbox;
mod server;
mod settings;
mod sign_in;

pub use auth::Auth;
pub use data::Data;
pub use files::Files;
pub use google::Google;
pub use instagram::Instagram;
pub use load::{ConfigError, Overrides, load};
pub use log::Log;
pub use mail::Mail;
pub use sandbox::Sandbox;
pub use server::Server;
pub use settings::{Secret, SettingDoc, SettingError, Span};
pub use sign_in::MailTransport;

use serde::{Deserialize, Serialize};

/// The merged configuration, one section per concern.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP front door.
    pub server: Server,
    /// Where and how state is kept.
    pub data: Data,
    /// Uploads.
    pub files: Files,
    /// The app at Meta.
    pub instagram: Instagram,
    /// The built-in stand-in for Instagram.
    pub sandbox: Sandbox,
    /// Sign-in and sessions.
    pub auth: Auth,
    /// Sign-in with Google.
    pub google: Google,
    /// The mail server.
    pub mail: Mail,
    /// Logs.
    pub log: Log,
}

impl Config {
    /// Documentation of every setting, in order.
    #[must_use]
    pub fn docs() -> Vec<SettingDoc> {
        [
            Server::docs(),
            Data::docs(),
            Files::docs(),
            Instagram::docs(),
            Sandbox::docs(),
            Auth::docs(),
            Google::docs(),
            Mail::docs(),
            Log::docs(),
        ]
        .concat()
    }

    /// Whether the built-in sandbox stands in for Instagram.
    #[must_use]
    pub fn uses_sandbox(&self) -> bool {
        self.instagram.app_id.is_empty()
    }

    /// Base address of the sandbox.
    #[must_use]
    pub fn sandbox_url(&self) -> String {
        if self.sandbox.url.is_empty() {
            format!("http://{}", self.sandbox.listen)
        } else {
            self.sandbox.url.trim_end_matches('/').to_owned()
        }
    }

    /// Checks bounds and everything that concerns more than one key.
    ///
    /// # Errors
    /// All that is wrong, each with its key.
    pub fn check(&self) -> Result<(), Vec<SettingError>> {
        let mut problems = Vec::new();
        self.server.check(&mut problems);
        self.data.check(&mut problems);
        self.files.check(&mut problems);
        self.files.check_store(&mut problems);
        self.instagram.check(&mut problems);
        self.sandbox.check(&mut problems);
        self.auth.check(&mut problems);
        self.google.check(&mut problems);
        self.mail.check(&mut problems);
        self.log.check(&mut problems);
        self.check_names(&mut problems);
        self.check_instagram(&mut problems);
        self.check_auth(&mut problems);
        self.check_google(&mut problems);
        self.check_mail(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn check_names(&self, problems: &mut Vec<SettingError>) {
        if self.server.webhook_body_bytes_max > self.server.webhook_bytes_max {
            let problem = format!(
                "{} is more than all bodies together may take ({}, setting server.webhook_bytes_max)",
                self.server.webhook_body_bytes_max, self.server.webhook_bytes_max
            );
            problems.push(SettingError { key: "server.webhook_body_bytes_max".to_owned(), problem });
        }
        if !is_graph_version(&self.instagram.graph_version) {
            let problem = format!("{:?} is no version such as v25.0", self.instagram.graph_version);
            problems.push(SettingError { key: "instagram.graph_version".to_owned(), problem });
        }
        let mut one_of = |key: &str, value: &str, allowed: &[&str]| {
            if !allowed.contains(&value) {
                let problem = format!("{value:?} is not one of {}", allowed.join(", "));
                problems.push(SettingError { key: key.to_owned(), problem });
            }
        };
        one_of("data.engine", &self.data.engine, &["embedded", "memory"]);
        one_of("log.format", &self.log.format, &["text", "json"]);
        one_of("auth.rate_limit", &self.auth.rate_limit, &["auto", "on", "off"]);
        one_of("mail.transport", &self.mail.transport, &["auto", "smtp", "sandbox", "off"]);
        one_of("mail.encryption", &self.mail.encryption, &["starttls", "tls", "none"]);
        if !self.sandbox.listen.ip().is_loopback() {
            let problem =
                "the sandbox has no authentication and listens on a loopback address only".to_owned();
            problems.push(SettingError { key: "sandbox.listen".to_owned(), problem });
        }
        let url = &self.sandbox.url;
        if !url.is_empty() && !reqwest::Url::parse(url).is_ok_and(|url| is_this_machine(&url)) {
            let problem = "the sandbox is used on this machine only".to_owned();
            problems.push(SettingError { key: "sandbox.url".to_owned(), problem });
        }
    }

    /// With a real app: a secret is mandatory and the hosts are neither plain HTTP nor this machine.
    fn check_instagram(&self, problems: &mut Vec<SettingError>) {
        let mut wrong = |key: &str, problem: &str| {
            problems.push(SettingError { key: key.to_owned(), problem: problem.to_owned() });
        };
        let instagram = &self.instagram;
        if self.uses_sandbox() {
            if !instagram.app_secrets.is_empty() || !instagram.verify_token.is_empty() {
                wrong(
                    "instagram.app_id",
                    "is empty although secrets are set: the sandbox would stand in for Instagram",
                );
            }
            if !self.server.listen.ip().is_loopback() {
                wrong(
                    "server.listen",
                    "the sandbox's secrets are public, so without an app id only a loopback address will do",
                );
            }
            return;
        }
        if instagram.app_secrets.is_empty() || instagram.app_secrets.iter().any(Secret::is_empty) {
            wrong(
                "instagram.app_secrets",
                "at least one secret is needed and none may be empty: webhooks are never accepted unsigned",
            );
        }
        if instagram.verify_token.is_empty() {
            wrong("instagram.verify_token", "the webhook handshake cannot succeed without it");
        }
        let hosts = [
            ("instagram.www_url", &instagram.www_url),
            ("instagram.api_url", &instagram.api_url),
            ("instagram.graph_url", &instagram.graph_url),
        ];
        for (key, url) in hosts {
            match reqwest::Url::parse(url) {
                Err(_) => wrong(key, "this is no URL"),
                Ok(url) if url.scheme() != "https" => wrong(key, "must be https when an app id is set"),
                Ok(url) if is_this_machine(&url) => {
                    wrong(key, "points at this machine although an app id is set")
                }
                Ok(_) => {}
            }
        }
    }
}

/// `v`, digits, a dot, digits: it stands in the path of every call.
fn is_graph_version(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|numbers| numbers.split_once('.'))
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn is_this_machine(url: &reqwest::Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified()),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(edit: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        edit(&mut config);
        config.check().err().unwrap_or_default().into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn defaults_are_right() {
        assert_eq!(problems(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn every_wrong_value_is_named_at_once() {
        let found = problems(|config| {
            config.server.webhook_body_bytes_max = 1;
            config.data.engine = "postgres".to_owned();
            config.data.idle = Span::seconds(0);
            config.sandbox.listen = "0.0.0.0:4010".parse().unwrap();
        });
        assert_eq!(found, ["server.webhook_body_bytes_max", "data.idle", "data.engine", "sandbox.listen"]);
    }

    #[test]
    fn a_version_that_is_none_and_bodies_larger_than_all_together_are_named() {
        for version in ["25", "v25", "25.0", "v25.", "v25.0/me", ""] {
            let found = problems(|config| config.instagram.graph_version = version.to_owned());
            assert_eq!(found, ["instagram.graph_version"], "{version}");
        }
        let found = problems(|config| {
            config.server.webhook_bytes_max = 8 * 1024 * 1024;
            config.server.webhook_body_bytes_max = 8 * 1024 * 1024 + 1;
        });
        assert_eq!(found, ["server.webhook_body_bytes_max"]);
    }

    #[test]
    fn a_real_app_needs_secrets_and_real_hosts() {
        let found = problems(|config| {
            config.instagram.app_id = "990000000000001".to_owned();
            config.instagram.graph_url = "http://127.0.0.1:4010/ig-graph".to_owned();
            config.instagram.api_url = "https://localhost".to_owned();
        });
        assert_eq!(
            found,
            [
                "instagram.app_secrets",
                "instagram.verify_token",
                "instagram.api_url",
                "instagram.graph_url",
                "auth.base_url"
            ]
        );
    }

    #[test]
    fn a_forgotten_app_id_does_not_open_the_door_to_the_sandbox_secrets() {
        let found = problems(|config| {
            config.instagram.app_secrets = vec![Secret::new("real")];
            config.server.listen = "0.0.0.0:8080".parse().unwrap();
        });
        assert_eq!(found, ["instagram.app_id", "server.listen"]);
    }

    #[test]
    fn secrets_are_masked_everywhere() {
        let mut config = Config::default();
        config.instagram.app_secrets = vec![Secret::new("hunter2")];
        config.instagram.verify_token = Secret::new("hunter3");
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("hunter"), "{shown}");
        let masked: Vec<_> = Config::docs().into_iter().filter(|doc| doc.secret).map(|doc| doc.key).collect();
        assert_eq!(
            masked,
            [
                "data.keys",
                "files.s3_key",
                "instagram.app_secrets",
                "instagram.verify_token",
                "auth.secrets",
                "google.client_secret",
                "mail.password"
            ]
        );
    }

    #[test]
    fn every_setting_is_documented() {
        for doc in Config::docs() {
            assert!(doc.purpose.len() > 10 && !doc.unit.is_empty(), "{}", doc.key);
        }
    }
}
