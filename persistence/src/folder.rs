//! Folders that hold what people wrote.

use std::{fs, io, path::Path};

/// Makes a folder, and what is missing above it, that nobody else may look into. One that is there stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Others than the owner may read it or look into it. Never where the system has no such notion.
#[must_use]
pub fn is_open_to_others(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_new_folder_is_its_owners_alone_and_an_open_one_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let inner = place.path().join("data/sandbox");
        create_private(&inner).unwrap();
        for folder in [inner.as_path(), inner.parent().unwrap()] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
            assert!(!is_open_to_others(folder));
        }
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_open_to_others(&inner));
        create_private(&inner).unwrap();
    }
}
