//! Settings: each checked, every error told at once.

use super::super::{
    Rejection, Reply, User, UserEvent, cancel, connection,
    decision::CancelReason,
    quiet::QuietHours,
    relay,
    settings::{
        ANSWER_DELAY_MAX, COOLDOWN_MAX, DISCLOSURE_CHARS_MAX, EXTRA_INSTRUCTIONS_CHARS_MAX,
        FOLLOW_UP_AFTER_MAX, FOLLOW_UP_AFTER_MIN, HUMAN_TAKEOVER_MAX, OPT_OUT_REPLY_BYTES_MAX,
        QuietHoursChange, REPLY_DELAY_MAX, SENDS_PER_HOUR_MAX, STOP_WORD_CHARS_MAX, STOP_WORDS_MAX, Settings,
        SettingsPatch,
    },
};
use crate::{
    Draft, Timestamp,
    automation::{FieldCode, FieldError},
    text,
};
use std::{sync::Arc, time::Duration};

/// Changes settings.
pub(in super::super) fn update_settings(
    draft: &mut Draft<User>,
    now: Timestamp,
    patch: &SettingsPatch,
) -> Result<Reply, Rejection> {
    let next = patched(&draft.settings, patch).map_err(Rejection::Invalid)?;
    let before = Arc::clone(&draft.settings);
    let settings = Arc::new(next);
    draft.emit(UserEvent::SettingsSet(Arc::clone(&settings)));
    if before.auto_reply && !settings.auto_reply {
        cancel::everything(draft, now, CancelReason::AutoReplyOff, false);
    }
    if before.quiet_hours != settings.quiet_hours
        && let Some(event) = draft.outbox.release_held(now)
    {
        relay::emit(draft, now, event);
    }
    connection::set_pace(draft);
    Ok(Reply::Settings(settings))
}

fn patched(before: &Settings, patch: &SettingsPatch) -> Result<Settings, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut within = |field: &'static str, value: Option<Duration>, now: Duration, max: Duration| {
        let value = value.unwrap_or(now);
        if value > max {
            errors.push(FieldError::new(
                field,
                FieldCode::OutOfRange,
                format!("at most {} seconds", max.as_secs()),
            ));
        }
        value
    };
    let reply_delay = within("replyDelay", patch.reply_delay, before.reply_delay, REPLY_DELAY_MAX);
    let human_takeover =
        within("humanTakeover", patch.human_takeover, before.human_takeover, HUMAN_TAKEOVER_MAX);
    let dm_cooldown = within("dmCooldown", patch.dm_cooldown, before.dm_cooldown, COOLDOWN_MAX);
    let comment_cooldown =
        within("commentCooldown", patch.comment_cooldown, before.comment_cooldown, COOLDOWN_MAX);
    let answer_delay = (
        within("answerDelayMin", patch.answer_delay_min, before.answer_delay.0, ANSWER_DELAY_MAX),
        within("answerDelayMax", patch.answer_delay_max, before.answer_delay.1, ANSWER_DELAY_MAX),
    );
    let follow_up_after =
        within("followUpAfter", patch.follow_up_after, before.follow_up_after, FOLLOW_UP_AFTER_MAX);
    if follow_up_after < FOLLOW_UP_AFTER_MIN {
        errors.push(FieldError::new("followUpAfter", FieldCode::OutOfRange, "at least 3600 seconds"));
    }
    if answer_delay.0 > answer_delay.1 {
        errors.push(FieldError::new("answerDelayMax", FieldCode::OutOfRange, "at least the least delay"));
    }
    let clearable = |typed: &Option<String>, stored: &Option<Arc<str>>| match typed {
        None => stored.clone(),
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(Arc::from(text.trim())),
    };
    let mut extra_instructions = clearable(&patch.extra_instructions, &before.extra_instructions);
    if let Some(text) = &mut extra_instructions {
        match text::typed(text) {
            Ok(typed) => *text = typed.as_ref().into(),
            Err(error) => {
                errors.push(FieldError::new("extraInstructions", FieldCode::Invalid, error.to_string()));
            }
        }
    }
    if extra_instructions.as_ref().is_some_and(|text| text.chars().count() > EXTRA_INSTRUCTIONS_CHARS_MAX) {
        errors.push(FieldError::new("extraInstructions", FieldCode::TooLong, "at most 2000 characters"));
    }
    let opt_out_reply = clearable(&patch.opt_out_reply, &before.opt_out_reply);
    if opt_out_reply.as_ref().is_some_and(|text| text.len() > OPT_OUT_REPLY_BYTES_MAX) {
        errors.push(FieldError::new("optOutReply", FieldCode::TooLong, "at most 1000 bytes"));
    }
    let disclosure = clearable(&patch.disclosure, &before.disclosure);
    if disclosure.as_ref().is_some_and(|text| text.chars().count() > DISCLOSURE_CHARS_MAX) {
        errors.push(FieldError::new("disclosure", FieldCode::TooLong, "at most 200 characters"));
    }
    let stop_words = match &patch.stop_words {
        None => Arc::clone(&before.stop_words),
        Some(words) => stop_words(words, &mut errors),
    };
    let sends_per_hour = match patch.sends_per_hour {
        None => before.sends_per_hour,
        Some(0) => None,
        Some(sends) if sends > SENDS_PER_HOUR_MAX => {
            errors.push(FieldError::new("sendsPerHour", FieldCode::OutOfRange, "at most 3600"));
            None
        }
        Some(sends) => Some(sends),
    };
    let quiet_hours = match &patch.quiet_hours {
        None => before.quiet_hours.clone(),
        Some(QuietHoursChange::Off) => None,
        Some(QuietHoursChange::Set(typed)) => QuietHours::new(typed).map_err(|error| errors.push(error)).ok(),
    };
    let settings = Settings {
        auto_reply: patch.auto_reply.unwrap_or(before.auto_reply),
        reply_delay,
        human_takeover,
        auto_clear_hrn_on_reply: patch.auto_clear_hrn_on_reply.unwrap_or(before.auto_clear_hrn_on_reply),
        acknowledgements: patch.acknowledgements.unwrap_or(before.acknowledgements),
        sensitivity: patch.sensitivity.unwrap_or(before.sensitivity),
        sidekick_for_media: patch.sidekick_for_media.unwrap_or(before.sidekick_for_media),
        sidekick: patch.sidekick.unwrap_or(before.sidekick),
        extra_instructions,
        dm_cooldown,
        comment_cooldown,
        stop_words,
        opt_out_reply,
        sends_per_hour,
        quiet_hours,
        disclosure,
        answer_delay,
        follow_up_after,
    };
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

fn stop_words(typed: &[String], errors: &mut Vec<FieldError>) -> Arc<[Arc<str>]> {
    if typed.len() > STOP_WORDS_MAX {
        errors.push(FieldError::new("stopWords", FieldCode::TooMany, "at most 50 words"));
    }
    let mut words: Vec<Arc<str>> = Vec::new();
    for word in typed.iter().take(STOP_WORDS_MAX) {
        let word = text::normalise(word);
        if word.chars().count() > STOP_WORD_CHARS_MAX {
            errors.push(FieldError::new(
                "stopWords",
                FieldCode::TooLong,
                "a stop word has at most 40 characters",
            ));
        } else if !word.is_empty() && !words.iter().any(|known| **known == *word) {
            words.push(word.into());
        }
    }
    words.into()
}
