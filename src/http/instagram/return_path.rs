//! Where the browser goes after a round trip: a path of this origin and nothing else.

/// Page for whoever named none.
pub(super) const DEFAULT: &str = "/settings";
/// Longest path, in bytes.
const BYTES_MAX: usize = 1_024;

/// The path, or the default one when a browser could be led elsewhere by it.
pub(super) fn checked(path: Option<&str>) -> &str {
    path.filter(|path| is_own(path)).unwrap_or(DEFAULT)
}

fn is_own(path: &str) -> bool {
    path.len() <= BYTES_MAX
        && path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_origin() {
        for path in ["/", "/settings", "/onboarding?step=3", "/a#b", "/a//b", "/ü"] {
            assert_eq!(checked(Some(path)), path);
        }
        let long = format!("/{}", "a".repeat(BYTES_MAX));
        let others = [
            "",
            "settings",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\\b",
            "/a\nb",
            &long,
        ];
        for path in others {
            assert_eq!(checked(Some(path)), DEFAULT, "{path:?}");
        }
        assert_eq!(checked(None), DEFAULT);
    }
}
