//! Automations: making, changing, switching, deleting, expiring.

use super::super::{
    Rejection, Reply, User, UserEvent,
    automations::{AUTOMATIONS_MAX, INACTIVE_MAX},
    cancel, control,
    notification::NotificationKind,
    tell,
};
use crate::{
    Draft, Timestamp,
    automation::{self, Automation, AutomationId, AutomationInput, AutomationPatch, Content},
    outbox::Refusal,
};
use std::sync::Arc;

/// Makes an automation. The same id again gives the automation that is there.
pub(in super::super) fn create_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
    input: &AutomationInput,
    inactive: bool,
) -> Result<Reply, Rejection> {
    if let Some(known) = draft.automations.get(id.as_str()) {
        return Ok(Reply::Automation { automation: draft.automations.counted(known), warnings: Vec::new() });
    }
    control::refuse_when_frozen(draft)?;
    let valid = automation::validate(input, now).map_err(Rejection::Invalid)?;
    room_for(draft, !inactive)?;
    let mut made = Automation::new(id.clone(), valid.content, now);
    made.is_active = !inactive;
    if made.is_active {
        refuse_taken(draft, now, &made.content, None)?;
    }
    let automation = Arc::new(made);
    draft.emit(UserEvent::AutomationSet(Arc::clone(&automation)));
    Ok(Reply::Automation { automation, warnings: valid.warnings })
}

/// Changes an automation. Switching off is never gated by the plan.
pub(in super::super) fn update_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
    patch: &AutomationPatch,
) -> Result<Reply, Rejection> {
    let before = draft.automations.get(id.as_str()).cloned().ok_or(Rejection::NoAutomation)?;
    let only_off = *patch == AutomationPatch { is_active: Some(false), ..AutomationPatch::default() };
    if only_off {
        return switch(draft, now, id, false);
    }
    control::refuse_when_frozen(draft)?;
    let valid = automation::validate_patch(&before, patch, now).map_err(Rejection::Invalid)?;
    if valid.is_active {
        if !before.is_active {
            room_for(draft, true)?;
        }
        refuse_taken(draft, now, &valid.content, Some(id))?;
    }
    let mut next = Automation::clone(&before);
    next.change(valid.content, now);
    next.is_active = valid.is_active;
    let automation = Arc::new(next);
    draft.emit(UserEvent::AutomationSet(Arc::clone(&automation)));
    if before.is_active && !automation.is_active {
        cancel::of_automation(draft, now, id.as_str());
    }
    Ok(Reply::Automation { automation: draft.automations.counted(&automation), warnings: valid.warnings })
}

/// Switches an automation on or off.
pub(in super::super) fn switch(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
    active: bool,
) -> Result<Reply, Rejection> {
    let before = draft.automations.get(id.as_str()).cloned().ok_or(Rejection::NoAutomation)?;
    if before.is_active == active {
        return Ok(Reply::Automation {
            automation: draft.automations.counted(&before),
            warnings: Vec::new(),
        });
    }
    if active {
        control::refuse_when_frozen(draft)?;
        room_for(draft, true)?;
        // The whole must be right, also what an import brought along.
        let patch = AutomationPatch { is_active: Some(true), ..AutomationPatch::default() };
        automation::validate_patch(&before, &patch, now).map_err(Rejection::Invalid)?;
        refuse_taken(draft, now, &before.content, Some(id))?;
    }
    let mut next = Automation::clone(&before);
    next.is_active = active;
    next.updated_at = now;
    if active {
        next.diagnostic = None;
    }
    let automation = Arc::new(next);
    draft.emit(UserEvent::AutomationSet(Arc::clone(&automation)));
    if !active {
        cancel::of_automation(draft, now, id.as_str());
    }
    Ok(Reply::Automation { automation: draft.automations.counted(&automation), warnings: Vec::new() })
}

/// Deletes an automation. Its logs stay.
pub(in super::super) fn delete_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &AutomationId,
) -> Result<Reply, Rejection> {
    if draft.automations.get(id.as_str()).is_none() {
        return Err(Rejection::NoAutomation);
    }
    draft.emit(UserEvent::AutomationDeleted(id.clone()));
    cancel::of_automation(draft, now, id.as_str());
    Ok(Reply::Done)
}

/// Switches automations off whose last instant is over, and tells the owner.
pub(in super::super) fn expire_automations(draft: &mut Draft<User>, now: Timestamp) {
    let mut done = 0_usize;
    while let Some(expired) = draft.automations.expired(now).cloned() {
        if done > 0 && draft.is_full() {
            return;
        }
        done += 1;
        let mut next = Automation::clone(&expired);
        next.is_active = false;
        next.updated_at = now;
        let (automation, title) = (expired.id.shared(), expired.content.title.as_str().into());
        draft.emit(UserEvent::AutomationSet(Arc::new(next)));
        tell::notify(draft, now, NotificationKind::AutomationExpired { automation, title });
    }
}

/// The platform refuses the messages of an automation again and again: it is switched off.
pub(in super::super) fn give_up_automation(
    draft: &mut Draft<User>,
    now: Timestamp,
    id: &str,
    refusal: &Refusal,
) {
    let Some(automation) = draft.automations.get(id).filter(|automation| automation.is_active).cloned()
    else {
        return;
    };
    let mut next = Automation::clone(&automation);
    next.is_active = false;
    next.updated_at = now;
    draft.emit(UserEvent::AutomationSet(Arc::new(next)));
    cancel::of_automation(draft, now, id);
    let reason =
        refusal.message.clone().unwrap_or_else(|| format!("refused with code {}", refusal.code).into());
    tell::notify(
        draft,
        now,
        NotificationKind::AutomationDisabled { automation: automation.id.shared(), reason },
    );
}

fn room_for(user: &User, active: bool) -> Result<(), Rejection> {
    if user.automations.len() >= AUTOMATIONS_MAX {
        return Err(Rejection::TooManyAutomations(AUTOMATIONS_MAX));
    }
    let Some(limit) = user.usage.limits().automations else { return Ok(()) };
    let inactive = user.automations.len().saturating_sub(user.automations.active() as usize);
    if active && user.automations.active() >= limit {
        return Err(Rejection::AutomationLimit(limit));
    }
    if !active && inactive >= INACTIVE_MAX {
        return Err(Rejection::TooManyAutomations(INACTIVE_MAX));
    }
    Ok(())
}

fn refuse_taken(
    user: &User,
    now: Timestamp,
    content: &Content,
    own: Option<&AutomationId>,
) -> Result<(), Rejection> {
    let others = user.automations.iter().map(AsRef::as_ref);
    match automation::conflict(content, own, others, now) {
        Some(by) => {
            Err(Rejection::TriggerTaken { by: by.clone(), trigger: content.trigger_word().to_owned() })
        }
        None => Ok(()),
    }
}
