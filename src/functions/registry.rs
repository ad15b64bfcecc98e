//! All functions by path.

use super::{
    automations, billing, contacts,
    declare::{Function, Module},
    files, instagram, instagram_sync_config, onboarding, realtime, settings, sidekick,
};
use std::collections::BTreeMap;

/// All functions by path. What is called more than one way is found under each.
pub struct Registry {
    functions: Vec<Function>,
    /// Places in the list, by path and alias.
    by_path: BTreeMap<String, usize>,
}

impl Registry {
    /// The functions of the product.
    #[must_use]
    pub fn product() -> Self {
        let modules = [
            automations::module(),
            contacts::module(),
            onboarding::module(),
            settings::module(),
            billing::module(),
            instagram::module(),
            instagram_sync_config::module(),
            realtime::module(),
        ];
        Self::of(modules.into_iter().chain(files::modules()).chain(sidekick::modules()))
    }

    /// The functions of these modules.
    pub(super) fn of(modules: impl IntoIterator<Item = Module>) -> Self {
        let functions: Vec<Function> = modules.into_iter().flat_map(Module::into_functions).collect();
        let mut by_path = BTreeMap::new();
        for (place, function) in functions.iter().enumerate() {
            by_path.insert(format!("{}:{}", hyphenated(function.module), function.name), place);
        }
        for (place, function) in functions.iter().enumerate() {
            by_path.insert(function.path(), place);
        }
        Self { functions, by_path }
    }

    /// The function of a normalised path, or of its alias with hyphens in the module (`instagram-sync-config:…`).
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&Function> {
        self.functions.get(*self.by_path.get(path)?)
    }

    /// All functions, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter()
    }
}

/// `instagramSyncConfig` is `instagram-sync-config`: the names that the modules had as files.
fn hyphenated(module: &str) -> String {
    let mut name = String::with_capacity(module.len() + 4);
    for letter in module.chars() {
        if letter.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_functions_share_a_path_and_names_read_well() {
        let registry = Registry::product();
        let mut paths = BTreeSet::new();
        for function in registry.iter() {
            let path = function.path();
            assert!(function.name.chars().all(|c| c.is_ascii_alphanumeric()), "{path}");
            assert!(function.module.chars().all(|c| c.is_ascii_alphanumeric() || c == '/'), "{path}");
            assert!(function.summary.ends_with('.') && function.summary.len() < 200, "{path}");
            assert!(paths.insert(path.clone()), "{path} twice");
        }
        assert!(!paths.is_empty());
    }

    #[test]
    fn modules_are_found_under_their_old_names() {
        assert_eq!(hyphenated("instagramSyncConfig"), "instagram-sync-config");
        assert_eq!(hyphenated("sidekick/aiTools/toneProfile"), "sidekick/ai-tools/tone-profile");
        assert_eq!(hyphenated("automations"), "automations");
    }
}
