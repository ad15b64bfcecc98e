//! Secrets of the installation that are made on the first start: the key that seals tokens, and the operator's token.

use crate::config::Secret;
use greenroom_persistence::secret::{Key, Keyring, SecretError};
use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// File of the sealing keys, in the data folder.
const KEYS_FILE: &str = "keys";
/// File of the operator's token, in the data folder.
const OPERATOR_FILE: &str = "operator-token";
/// Id of a generated key.
const GENERATED_KEY_ID: &str = "generated-1";
/// Largest secret file that is read, in bytes.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Random bytes of the operator's token.
const OPERATOR_TOKEN_BYTES: usize = 32;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A secret file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configured or stored keys are wrong.
    #[error("sealing keys (setting data.keys or file {KEYS_FILE} in the data folder): {0}")]
    Keys(#[from] SecretError),
}

/// The keys that seal secret fields: configured ones, or those of the data folder, made on the first start.
///
/// # Errors
/// When a file cannot be read or written, or a key is malformed.
pub fn keyring(dir: &Path, configured: &[Secret]) -> Result<Keyring, KeysError> {
    if !configured.is_empty() {
        let keys = configured.iter().map(|key| Key::parse(key.expose())).collect::<Result<_, _>>()?;
        return Ok(Keyring::new(keys)?);
    }
    let path = dir.join(KEYS_FILE);
    let text = read_or_create(&path, || {
        let key = Key::generate(GENERATED_KEY_ID, &mut rand::rngs::SysRng)?;
        Ok(format!(
            "# Keys that seal access tokens. Without them the tokens are lost: back this file up apart from the data.\n{}\n",
            *key.expose()
        ))
    })?;
    Ok(Keyring::parse(&text)?)
}

/// The token that the operator's commands present at the admin routes.
///
/// # Errors
/// When the file cannot be read or written.
pub fn operator_token(dir: &Path) -> Result<Secret, KeysError> {
    let path = dir.join(OPERATOR_FILE);
    let text = read_or_create(&path, || {
        let mut bytes = [0_u8; OPERATOR_TOKEN_BYTES];
        rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut bytes)
            .map_err(|_| KeysError::Keys(SecretError::NoRandomness))?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    })?;
    Ok(Secret::new(text.trim()))
}

fn read_or_create(
    path: &Path,
    make: impl FnOnce() -> Result<String, KeysError>,
) -> Result<String, KeysError> {
    let failed = |source| KeysError::File { path: path.to_owned(), source };
    match read(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let text = make()?;
    create_private(path, text.as_bytes()).map_err(failed)?;
    tracing::info!(path = %path.display(), "generated a secret file, readable by its owner only");
    Ok(text)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(SECRET_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Written whole under another name first, so that a crash never leaves half a key.
fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(parent)?;
    let draft = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    fs::File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenroom_persistence::secret::Field;

    #[test]
    fn a_generated_key_is_found_again_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let field = Field { tenant: "user/a", name: "token" };
        let sealed = keyring(dir.path(), &[]).unwrap().seal(field, "hush", &mut rand::rngs::SysRng).unwrap();
        assert_eq!(*keyring(dir.path(), &[]).unwrap().open(field, &sealed).unwrap(), "hush");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(KEYS_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn a_damaged_key_file_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEYS_FILE), "nonsense").unwrap();
        assert!(matches!(keyring(dir.path(), &[]), Err(KeysError::Keys(_))));
        assert_eq!(fs::read_to_string(dir.path().join(KEYS_FILE)).unwrap(), "nonsense");
    }

    #[test]
    fn the_operator_token_stays_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let first = operator_token(dir.path()).unwrap();
        assert_eq!(first.expose().len(), 64);
        assert_eq!(first.expose(), operator_token(dir.path()).unwrap().expose());
    }
}
