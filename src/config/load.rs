//! Layers: defaults, then the file, then `GREENROOM_SECTION__KEY` in the environment, then flags.

use super::{Config, SettingError};
use config::{Environment, File, FileFormat, ValueKind};
use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// File that is read when it exists and none was named.
pub(super) const DEFAULT_FILE: &str = "greenroom.toml";

/// Environment names that operators of such products already set, and the keys they mean.
const KNOWN_NAMES: [(&str, &str); 7] = [
    ("INSTAGRAM_WWW_URL", "instagram.www_url"),
    ("INSTAGRAM_API_URL", "instagram.api_url"),
    ("INSTAGRAM_GRAPH_URL", "instagram.graph_url"),
    ("INSTAGRAM_GRAPH_VERSION", "instagram.graph_version"),
    ("BETTER_AUTH_URL", "auth.base_url"),
    ("GOOGLE_CLIENT_ID", "google.client_id"),
    ("GOOGLE_CLIENT_SECRET", "google.client_secret"),
];

/// Prefix of our own names in the environment.
const PREFIX: &str = "GREENROOM_";

/// How the parser begins to tell where a file is wrong.
const PARSER_SAYS: &str = "TOML parse error at line ";

/// Keys that hold lists; in a text, with commas.
const LIST_KEYS: [&str; 6] = [
    "instagram.app_secrets",
    "data.keys",
    "auth.trusted_origins",
    "auth.secrets",
    "auth.trusted_proxies",
    "google.other_client_ids",
];

/// Values from the command line, the last layer.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Another file than [`DEFAULT_FILE`]; it must exist.
    pub file: Option<PathBuf>,
    /// Key and value, in order.
    pub values: Vec<(String, String)>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A layer cannot be read, has an unknown key or a value of the wrong type.
    #[error("configuration: {0}")]
    Unreadable(String),
    /// Values out of bounds or at odds with each other.
    #[error("configuration:\n{}", .0.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<SettingError>),
}

/// Merges the layers and checks the result.
///
/// # Errors
/// Names the key of everything that is wrong.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    merge(overrides, std::env::vars_os())
}

/// The variables of the environment that are meant for this program.
#[derive(Default)]
struct Ours {
    /// Keys and values under the names of [`KNOWN_NAMES`].
    known: Vec<(&'static str, String)>,
    /// The variables with our prefix.
    prefixed: HashMap<String, String>,
}

impl Ours {
    fn pick(environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let mut ours = Self::default();
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            let known = KNOWN_NAMES.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
            let is_prefixed =
                name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
            if known.is_none() && !is_prefixed {
                continue;
            }
            let value = value.into_string().map_err(|_| {
                ConfigError::Unreadable(format!("the environment variable {name} is no valid UTF-8"))
            })?;
            match known {
                Some(key) => ours.known.push((key, value)),
                None => drop(ours.prefixed.insert(name.to_owned(), value)),
            }
        }
        Ok(ours)
    }
}

fn merge(
    overrides: &Overrides,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    let Ours { known, prefixed } = Ours::pick(environment)?;
    let file = match &overrides.file {
        Some(path) => File::from(path.as_path()).format(FileFormat::Toml).required(true),
        None => File::from(Path::new(DEFAULT_FILE)).format(FileFormat::Toml).required(false),
    };
    // Values stay the text that they are: what looks like a number may be a secret.
    let environment = Environment::with_prefix("GREENROOM")
        .prefix_separator("_")
        .separator("__")
        .source(Some(prefixed))
        .try_parsing(false);
    let mut builder =
        config::Config::builder().add_source(file).add_source(layer(known)?).add_source(environment);
    for (key, value) in &overrides.values {
        builder = builder.set_override(key.as_str(), value.as_str()).map_err(unreadable)?;
    }
    let merged = with_lists(builder.build().map_err(unreadable)?)?;
    let merged: Config = merged.try_deserialize().map_err(unreadable)?;
    merged.check().map_err(ConfigError::Wrong)?;
    Ok(merged)
}

fn layer(values: Vec<(&str, String)>) -> Result<config::Config, ConfigError> {
    let mut builder = config::Config::builder();
    for (key, value) in values {
        builder = builder.set_override(key, value).map_err(unreadable)?;
    }
    builder.build().map_err(unreadable)
}

/// A list that is one text is cut at its commas, whichever layer it comes from.
fn with_lists(merged: config::Config) -> Result<config::Config, ConfigError> {
    let mut builder = config::Config::builder();
    for key in LIST_KEYS {
        if let Ok(ValueKind::String(text)) = merged.get::<config::Value>(key).map(|value| value.kind) {
            let parts = text.split(',').map(str::trim).filter(|_| !text.is_empty());
            builder = builder
                .set_override(key, parts.map(str::to_owned).collect::<Vec<_>>())
                .map_err(unreadable)?;
        }
    }
    builder.add_source(merged).build().map_err(unreadable)
}

fn unreadable(error: config::ConfigError) -> ConfigError {
    ConfigError::Unreadable(words(&error))
}

/// What is wrong and where, without quoting a value: it may be a secret, also one under a wrong key.
fn words(error: &config::ConfigError) -> String {
    let at = |words: String, key: Option<&String>, origin: Option<&String>| {
        let key = key.map(|key| format!("{key}: ")).unwrap_or_default();
        let origin = origin.map(|origin| format!(" (in {origin})")).unwrap_or_default();
        format!("{key}{words}{origin}")
    };
    match error {
        config::ConfigError::Type { origin, expected, key, .. } => {
            at(format!("this must be {expected}"), key.as_ref(), origin.as_ref())
        }
        config::ConfigError::At { error, origin, key } => at(words(error), key.as_ref(), origin.as_ref()),
        config::ConfigError::FileParse { uri, cause } => at(place(&cause.to_string()), None, uri.as_ref()),
        other => other.to_string(),
    }
}

/// Line and column of a file that is no TOML; the rest of the parser's words quotes the line.
fn place(parser: &str) -> String {
    match parser.lines().next() {
        Some(first) if first.starts_with(PARSER_SAYS) => first.to_owned(),
        _ if parser.lines().count() > 1 => "this is no valid TOML".to_owned(),
        _ => parser.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>().into_iter()
    }

    fn with_environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        merge(&Overrides::default(), variables(pairs))
    }

    #[test]
    fn the_environment_overrides_defaults() {
        let config = with_environment(&[
            ("GREENROOM_SERVER__LISTEN", "127.0.0.1:9000"),
            ("GREENROOM_DATA__IDLE", "5m"),
            ("GREENROOM_INSTAGRAM__APP_SECRETS", "one,two"),
            ("GREENROOM_INSTAGRAM__APP_ID", "990000000000001"),
            ("GREENROOM_INSTAGRAM__VERIFY_TOKEN", "verify"),
            ("GREENROOM_DATA__RESIDENT_MAX", "77"),
            ("GREENROOM_AUTH__BASE_URL", "https://app.example.com"),
            ("GREENROOM_AUTH__TRUSTED_ORIGINS", "https://a.example.com,https://*.example.org"),
        ])
        .unwrap();
        assert_eq!(config.server.listen.port(), 9000);
        assert_eq!(config.data.idle, super::super::Span::seconds(300));
        assert_eq!(config.instagram.app_secrets[1].expose(), "two");
        assert_eq!(config.data.resident_max, 77);
        assert_eq!(config.auth.trusted_origins, ["https://a.example.com", "https://*.example.org"]);
    }

    #[test]
    fn errors_name_the_key() {
        let unknown = with_environment(&[("GREENROOM_SERVER__LISTN", "x")]).unwrap_err().to_string();
        assert!(unknown.contains("listn"), "{unknown}");
        let wrong = with_environment(&[("GREENROOM_SERVER__LISTEN", "nowhere")]).unwrap_err().to_string();
        assert!(wrong.contains("server.listen"), "{wrong}");
        let bounds =
            with_environment(&[("GREENROOM_SERVER__WEBHOOK_BODY_BYTES_MAX", "5")]).unwrap_err().to_string();
        assert!(bounds.contains("server.webhook_body_bytes_max: 5 is not between"), "{bounds}");
    }

    #[test]
    fn flags_win_over_the_environment() {
        let overrides =
            Overrides { file: None, values: vec![("server.listen".to_owned(), "127.0.0.1:1".to_owned())] };
        let environment = variables(&[("GREENROOM_SERVER__LISTEN", "127.0.0.1:2")]);
        assert_eq!(merge(&overrides, environment).unwrap().server.listen.port(), 1);
    }

    #[test]
    fn a_named_file_must_exist() {
        let overrides = Overrides { file: Some("does-not-exist.toml".into()), values: Vec::new() };
        assert!(merge(&overrides, variables(&[])).is_err());
    }

    /// What a real app needs beside its secrets.
    const APP: [(&str, &str); 3] = [
        ("GREENROOM_INSTAGRAM__APP_ID", "1"),
        ("GREENROOM_INSTAGRAM__VERIFY_TOKEN", "v"),
        ("GREENROOM_AUTH__BASE_URL", "https://app.example.com"),
    ];

    fn with_file(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.toml");
        std::fs::write(&path, text).unwrap();
        merge(&Overrides { file: Some(path), values: Vec::new() }, variables(environment))
    }

    fn exposed(secrets: &[crate::config::Secret]) -> Vec<&str> {
        secrets.iter().map(crate::config::Secret::expose).collect()
    }

    #[test]
    fn no_error_quotes_a_value_that_may_be_a_secret() {
        for (text, named) in [
            ("[instagram]\napp_secrets = {hush = 1}", "instagram.app_secrets"),
            ("instagram = \"hush\"", "instagram"),
            ("[instagram]\nhttps = 1\nverify_token = hush", "line 3, column"),
            ("[instagram]\nverify_token = \"hush", "line 2, column"),
            ("[data]\nresident_max = \"hush\"", "data.resident_max"),
        ] {
            let error = with_file(text, &APP).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{text}: {error}");
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn a_list_may_be_one_text_in_every_layer() {
        let config = with_file("[instagram]\napp_secrets = \"one, two\"", &APP).unwrap();
        assert_eq!(exposed(&config.instagram.app_secrets), ["one", "two"]);
        let config = with_file("[instagram]\napp_secrets = [\"with,comma\"]", &APP).unwrap();
        assert_eq!(exposed(&config.instagram.app_secrets), ["with,comma"]);
        let values = vec![("instagram.app_secrets".to_owned(), "one,two".to_owned())];
        let config = merge(&Overrides { file: None, values }, variables(&APP)).unwrap();
        assert_eq!(exposed(&config.instagram.app_secrets), ["one", "two"]);
        let (old, new) = ("secret-of-before", "secret-of-today!");
        let both = format!("{new},{old}");
        let config = with_environment(&[("GREENROOM_AUTH__SECRETS", &both)]).unwrap();
        assert_eq!(exposed(&config.auth.secrets), [new, old]);
        let values = vec![("auth.secrets".to_owned(), both)];
        let config = merge(&Overrides { file: None, values }, variables(&[])).unwrap();
        assert_eq!(exposed(&config.auth.secrets), [new, old]);
        assert!(with_environment(&[("GREENROOM_DATA__KEYS", "")]).unwrap().data.keys.is_empty());
    }

    #[test]
    fn a_value_of_the_environment_stays_the_text_that_it_is() {
        for text in ["0123", "1e3", "true", "123456789012345678901234567890", "+1"] {
            let config = with_environment(&[
                ("GREENROOM_INSTAGRAM__APP_ID", text),
                ("GREENROOM_INSTAGRAM__APP_SECRETS", &format!("{text},{text}")),
                ("GREENROOM_INSTAGRAM__VERIFY_TOKEN", text),
                APP[2],
                ("GREENROOM_DATA__RESIDENT_MAX", "77"),
            ])
            .unwrap();
            assert_eq!(config.instagram.app_id, text);
            assert_eq!(exposed(&config.instagram.app_secrets), [text, text]);
            assert_eq!(config.instagram.verify_token.expose(), text);
            assert_eq!(config.data.resident_max, 77);
        }
    }

    #[test]
    fn known_names_stand_between_the_file_and_our_own_names() {
        let file = "[instagram]\napi_url = \"https://file.example\"\nwww_url = \"https://file.example\"";
        let config = with_file(
            file,
            &[
                ("INSTAGRAM_API_URL", "https://known.example"),
                ("INSTAGRAM_GRAPH_URL", "https://known.example"),
                ("GREENROOM_INSTAGRAM__GRAPH_URL", "https://ours.example"),
            ],
        );
        let instagram = config.unwrap().instagram;
        assert_eq!(instagram.www_url, "https://file.example");
        assert_eq!(instagram.api_url, "https://known.example");
        assert_eq!(instagram.graph_url, "https://ours.example");
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_named_when_it_is_ours_and_else_ignored() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(vec![b'x', 0xff]);
        let load = |name: &str| merge(&Overrides::default(), [(name.into(), bytes())].into_iter());
        assert!(load("PATH_OF_SOMEBODY_ELSE").is_ok());
        let error = load("GREENROOM_DATA__DIR").unwrap_err().to_string();
        assert!(error.contains("GREENROOM_DATA__DIR"), "{error}");
    }
}
