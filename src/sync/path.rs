//! Names of functions: `module:function`, where the module may lie in folders.

use std::sync::Arc;

/// Longest segment of a module, and longest name of a function, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Longest path. Longer ones are not looked at.
const PATH_BYTES_MAX: usize = 1024;
/// Function of a path that names only a module.
const DEFAULT: &str = "default";

/// The path names nothing that could be a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path of a function is module:function")]
pub(super) struct PathError;

/// The one form of a path: clients send the module alone for its default function, and some leave `.js` on.
///
/// # Errors
/// When a segment or the function's name is empty, too long or has other characters than allowed.
pub(super) fn normalise(path: &str) -> Result<Arc<str>, PathError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(PathError);
    }
    let (module, function) = path.rsplit_once(':').unwrap_or((path, DEFAULT));
    let module = module.strip_suffix(".js").unwrap_or(module);
    if !module.split('/').all(is_segment) || !is_function(function) {
        return Err(PathError);
    }
    Ok(format!("{module}:{function}").into())
}

/// The path of a call by address: `folder/module/function`.
///
/// # Errors
/// As [`normalise`].
pub(super) fn from_segments(path: &str) -> Result<Arc<str>, PathError> {
    let (module, function) = path.rsplit_once('/').ok_or(PathError)?;
    normalise(&format!("{module}:{function}"))
}

fn is_segment(segment: &str) -> bool {
    segment.len() <= NAME_CHARS_MAX
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        && segment.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

fn is_function(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '$')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_a_path_become_one() {
        for (sent, path) in [
            ("contacts:list", "contacts:list"),
            ("contacts.js:list", "contacts:list"),
            ("contacts", "contacts:default"),
            ("contacts:default", "contacts:default"),
            ("sidekick/settings:get", "sidekick/settings:get"),
            ("sidekick/settings.js", "sidekick/settings:default"),
            ("instagram-sync:run", "instagram-sync:run"),
            ("a.b:c", "a.b:c"),
        ] {
            assert_eq!(normalise(sent).as_deref(), Ok(path));
        }
        assert_eq!(from_segments("sidekick/settings/get").as_deref(), Ok("sidekick/settings:get"));
        assert_eq!(from_segments("get"), Err(PathError));
    }

    #[test]
    fn what_names_no_function_is_refused() {
        let long = "m".repeat(NAME_CHARS_MAX + 1);
        let deep = "m/".repeat(PATH_BYTES_MAX);
        for sent in [
            "", ":", "a:", ":b", "a//b:c", "/a:b", "..:x", "a:b c", "a b:c", "a:b-c", "é:x", "a:1", &long,
            &deep,
        ] {
            assert_eq!(normalise(sent), Err(PathError), "{sent}");
        }
        assert!(normalise(&"m".repeat(NAME_CHARS_MAX)).is_ok());
    }
}
