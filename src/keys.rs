//! Secrets of the installation that are made on the first start: the key that seals tokens, the operator's token, the
//! secret that signs cookies, the key that signs the tokens of the sync client, and the password of the demo's owner.

use crate::{auth, config::Secret};
use greenroom_persistence::folder;
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
/// File of the password of the demo's owner, in the data folder.
const DEMO_PASSWORD_FILE: &str = "demo-password";
/// File of the secrets that sign cookies and links, in the data folder: one a line, the current one first.
const AUTH_SECRETS_FILE: &str = "auth-secrets";
/// File of the keys that sign tokens of the sync client, in the data folder: one a line, the current one first.
const TOKEN_KEYS_FILE: &str = "token-keys";
/// File of the key of deletion requests, in the data folder. Never changed.
const DELETION_KEY_FILE: &str = "deletion-key";
/// File of the key of uploads, in the data folder.
const UPLOAD_KEY_FILE: &str = "upload-key";
/// Id of a generated key.
const GENERATED_KEY_ID: &str = "generated-1";
/// Largest secret file that is read, in bytes.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Random bytes of a generated token or secret.
const GENERATED_BYTES: usize = 32;

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
    /// The secrets that sign cookies are wrong.
    #[error("secrets (setting auth.secrets or file {AUTH_SECRETS_FILE} in the data folder): {0}")]
    AuthSecrets(#[from] auth::secrets::SecretsError),
    /// The keys that sign tokens are wrong.
    #[error("file {TOKEN_KEYS_FILE} in the data folder: {0}")]
    TokenKeys(#[from] auth::token::KeyError),
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
    let text = read_or_create(&path, random_hex)?;
    Ok(Secret::new(text.trim()))
}

/// The password of the demo's owner, made on the first start of a demo.
///
/// # Errors
/// When the file cannot be read or written.
pub fn demo_password(dir: &Path) -> Result<Secret, KeysError> {
    let text = read_or_create(&dir.join(DEMO_PASSWORD_FILE), random_hex)?;
    Ok(Secret::new(text.trim()))
}

/// Whether a demo was started in this data folder.
#[must_use]
pub fn has_demo_password(dir: &Path) -> bool {
    dir.join(DEMO_PASSWORD_FILE).exists()
}

/// Forgets the password of the demo's owner, who is gone.
///
/// # Errors
/// When the file cannot be removed.
pub fn remove_demo_password(dir: &Path) -> Result<(), KeysError> {
    let path = dir.join(DEMO_PASSWORD_FILE);
    fs::remove_file(&path).map_err(|source| KeysError::File { path, source })
}

/// The secrets that sign cookies and links: configured ones, or those of the data folder, made on the first start. The
/// first one signs, all of them verify.
///
/// # Errors
/// When the file cannot be read or written, or a secret is unusable.
pub fn auth_secrets(dir: &Path, configured: &[Secret]) -> Result<auth::secrets::Secrets, KeysError> {
    if !configured.is_empty() {
        return Ok(auth::secrets::Secrets::new(configured)?);
    }
    let text = read_or_create(&dir.join(AUTH_SECRETS_FILE), random_hex)?;
    Ok(auth::secrets::Secrets::new(&lines(&text))?)
}

/// The key of deletion requests, made on the first start. Not one of the app's secrets, for those are rotated: the same
/// request must get the same code, and the trail of an account must be found, for ever.
///
/// # Errors
/// When the file cannot be read or written.
pub fn deletion_key(dir: &Path) -> Result<Secret, KeysError> {
    Ok(Secret::new(read_or_create(&dir.join(DELETION_KEY_FILE), random_hex)?.trim()))
}

/// The key that signs rights to upload, made on the first start. A new one ends those that are under way.
///
/// # Errors
/// When the file cannot be read or written.
pub fn upload_key(dir: &Path) -> Result<Secret, KeysError> {
    Ok(Secret::new(read_or_create(&dir.join(UPLOAD_KEY_FILE), random_hex)?.trim()))
}

/// The keys that sign tokens of the sync client, made on the first start; `issuer` is the public origin. To rotate, put a
/// new key in front and drop the old one when its last token has ended.
///
/// # Errors
/// When the file cannot be read or written, or a key is malformed.
pub fn convex_tokens(dir: &Path, issuer: &str) -> Result<auth::token::ConvexTokens, KeysError> {
    let text = read_or_create(&dir.join(TOKEN_KEYS_FILE), || {
        auth::token::generate_key(&mut rand::rngs::SysRng)
            .map(|key| key.to_string())
            .map_err(|_| KeysError::Keys(SecretError::NoRandomness))
    })?;
    let keys: Vec<_> = lines(&text).iter().map(Secret::to_secret_string).collect();
    Ok(auth::token::ConvexTokens::new(issuer, &keys)?)
}

/// One secret a line; empty lines and comments are left out.
fn lines(text: &str) -> Vec<Secret> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Secret::new).collect()
}

fn random_hex() -> Result<String, KeysError> {
    let mut bytes = [0_u8; GENERATED_BYTES];
    rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut bytes)
        .map_err(|_| KeysError::Keys(SecretError::NoRandomness))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The operator's token of a data folder that a server has used. Makes nothing: a command that only asks must not leave a
/// secret behind.
///
/// # Errors
/// When there is none, or the file cannot be read.
pub fn existing_operator_token(dir: &Path) -> Result<Secret, KeysError> {
    let path = dir.join(OPERATOR_FILE);
    let text = read(&path).map_err(|source| KeysError::File { path, source })?;
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
    folder::create_private(parent)?;
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
    fn what_signs_cookies_and_tokens_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let signed = auth_secrets(dir.path(), &[]).unwrap().sign(b"x");
        assert!(auth_secrets(dir.path(), &[]).unwrap().verify(b"x", &signed));
        let configured = [Secret::new("0123456789abcdef")];
        assert!(!auth_secrets(dir.path(), &configured).unwrap().verify(b"x", &signed));
        let published = convex_tokens(dir.path(), "https://a").unwrap().jwks();
        assert_eq!(convex_tokens(dir.path(), "https://a").unwrap().jwks(), published);
        #[cfg(unix)]
        for file in [AUTH_SECRETS_FILE, TOKEN_KEYS_FILE] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(dir.path().join(file)).unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn secrets_of_a_file_can_be_rotated_by_hand() {
        let dir = tempfile::tempdir().unwrap();
        let old = auth_secrets(dir.path(), &[]).unwrap().sign(b"x");
        let path = dir.path().join(AUTH_SECRETS_FILE);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# current\na-new-secret-of-the-operator\n\n{before}\n")).unwrap();
        let rotated = auth_secrets(dir.path(), &[]).unwrap();
        assert!(rotated.verify(b"x", &old) && rotated.sign(b"x") != old);
        fs::write(&path, "short\n").unwrap();
        assert!(matches!(auth_secrets(dir.path(), &[]), Err(KeysError::AuthSecrets(_))));
    }

    #[test]
    fn asking_for_a_token_that_is_not_there_makes_none() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        assert!(matches!(existing_operator_token(&data), Err(KeysError::File { .. })));
        assert!(!data.exists());
        let made = operator_token(&data).unwrap();
        assert_eq!(existing_operator_token(&data).unwrap().expose(), made.expose());
    }

    #[test]
    fn the_operator_token_stays_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let first = operator_token(dir.path()).unwrap();
        assert_eq!(first.expose().len(), 64);
        assert_eq!(first.expose(), operator_token(dir.path()).unwrap().expose());
    }
}
