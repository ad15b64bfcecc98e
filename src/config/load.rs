//! Layers: defaults, then the file, then `GREENROOM_SECTION__KEY` in the environment, then flags.

use super::{Config, SettingError};
use config::{Environment, File, FileFormat};
use std::path::{Path, PathBuf};

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

/// Keys that hold lists; written with commas in the environment.
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
    let known = KNOWN_NAMES.iter().filter_map(|(name, key)| Some((*key, std::env::var(name).ok()?)));
    merge(overrides, known.collect(), std::env::vars().collect())
}

fn merge(
    overrides: &Overrides,
    known: Vec<(&str, String)>,
    environment: std::collections::HashMap<String, String>,
) -> Result<Config, ConfigError> {
    let unreadable = |error: config::ConfigError| ConfigError::Unreadable(error.to_string());
    let file = match &overrides.file {
        Some(path) => File::from(path.as_path()).format(FileFormat::Toml).required(true),
        None => File::from(Path::new(DEFAULT_FILE)).format(FileFormat::Toml).required(false),
    };
    let mut builder = config::Config::builder().add_source(file);
    for (key, value) in known {
        builder = builder.set_override(key, value).map_err(unreadable)?;
    }
    let mut source = Environment::with_prefix("GREENROOM")
        .prefix_separator("_")
        .separator("__")
        .source(Some(environment))
        .try_parsing(true)
        .list_separator(",");
    for key in LIST_KEYS {
        source = source.with_list_parse_key(key);
    }
    builder = builder.add_source(source);
    for (key, value) in &overrides.values {
        builder = builder.set_override(key.as_str(), value.as_str()).map_err(unreadable)?;
    }
    let merged: Config = builder.build().and_then(config::Config::try_deserialize).map_err(unreadable)?;
    merged.check().map_err(ConfigError::Wrong)?;
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        merge(&Overrides::default(), Vec::new(), environment)
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
        let environment = [("GREENROOM_SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned())].into();
        assert_eq!(merge(&overrides, Vec::new(), environment).unwrap().server.listen.port(), 1);
    }

    #[test]
    fn a_named_file_must_exist() {
        let overrides = Overrides { file: Some("does-not-exist.toml".into()), values: Vec::new() };
        assert!(merge(&overrides, Vec::new(), [].into()).is_err());
    }
}
