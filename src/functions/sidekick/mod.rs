//! `sidekick/*`: what Sidekick knows of the business, how it behaves, what it did, and its tools.

mod action_logs;
mod ai_tools;
mod facts;
mod logs;
mod memory;
mod onboarding;
mod personalized_data;
mod personalized_prompts;
mod quota;
mod settings;

use super::{
    declare::Module,
    failure::{CallError, Code},
};

/// What changes of facts may be refused with.
const CHANGES: &[Code] = &[Code::Validation];
/// What changes of a known fact may be refused with.
const CHANGES_OF_KNOWN: &[Code] = &[Code::Validation, Code::NotFound];

/// The functions of the modules.
pub(super) fn modules() -> Vec<Module> {
    let mut modules = vec![
        onboarding::module(),
        settings::module(),
        action_logs::module(),
        memory::module(),
        personalized_data::module(),
        personalized_prompts::module(),
    ];
    modules.extend(ai_tools::modules());
    modules
}

/// The same failure with other names of fields: those that the client used.
fn renamed(error: CallError, names: &[(&str, &'static str)]) -> CallError {
    let CallError::Failed(mut failure) = error else { return error };
    for field in &mut failure.fields {
        if let Some((_, name)) = names.iter().find(|(core, _)| *core == field.field) {
            field.field = (*name).into();
        }
    }
    failure.into()
}
