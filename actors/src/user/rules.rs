//! Automations at work: what matched, and what rests.

use super::{User, decision::RuleUsed};
use crate::{
    Draft, Timestamp,
    automation::{Automation, Match},
    outbox::Fingerprint,
};
use std::{sync::Arc, time::Duration};

/// The automation of a match, and what the record keeps of it.
pub(super) fn used(draft: &Draft<User>, found: &Match) -> Option<(Arc<Automation>, RuleUsed)> {
    let automation = draft.automations.get(found.automation.as_str())?;
    let rule = RuleUsed {
        id: found.automation.shared(),
        title: automation.content.title.as_str().into(),
        version: automation.version,
        trigger: Arc::clone(&found.trigger),
    };
    Some((Arc::clone(automation), rule))
}

/// The automation behind a record, while it can fire.
pub(super) fn live(draft: &Draft<User>, rule: &RuleUsed) -> Option<Arc<Automation>> {
    draft.automations.get(&rule.id).filter(|automation| automation.is_active).cloned()
}

/// It fired less than a while ago.
pub(super) fn fired_within(draft: &Draft<User>, now: Timestamp, firing: Fingerprint, rest: Duration) -> bool {
    draft.fired.get(firing).is_some_and(|at| now < Timestamp::from_millis(at) + rest)
}
