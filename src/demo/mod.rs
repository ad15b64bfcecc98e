//! The demo day: plays scenes through the real front door and tells what happened, with the reason for each answer and
//! each silence.

mod browser;
mod owner;
mod scenes;
mod workspace;

pub use owner::{DEMO_ACCOUNT, OWNER_ADDRESS, Owner, arrive, dismiss};

use crate::{cli_api::Control, explain, parts::App};
use anyhow::Context;
use greenroom_actors::{
    Timestamp,
    user::{
        User,
        calendar::Month,
        decision::{DecisionRecord, StepOutcome, Verdict},
        query::Explained,
    },
};
use scenes::{Act, SCENES, Scene};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// A scene that has not come to rest by then is told as it stands: reconciling a doubtful send takes up to two minutes.
const SCENE_DEADLINE: Duration = Duration::from_secs(150);
/// The post that is commented on.
const POST: &str = "18000000000000101";

/// Where the transcript goes.
pub type Say<'a> = &'a mut (dyn FnMut(String) + Send);

/// Where the day is played.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// The application.
    pub app: &'a App,
    /// The sandbox.
    pub control: &'a Control,
    /// The owner's workspace.
    pub workspace: &'a str,
}

/// Plays the day and tells it line by line.
///
/// # Errors
/// When the sandbox or the workspace does not answer.
pub async fn play(stage: Stage<'_>, say: Say<'_>) -> anyhow::Result<()> {
    workspace::prepare(stage).await?;
    say(String::new());
    say("A day at fictional.bakery".to_owned());
    for (number, scene) in SCENES.iter().enumerate() {
        say(String::new());
        say(format!("{}. {}", number + 1, scene.title));
        perform(stage, scene, say).await?;
    }
    let state = stage.state().await?;
    let twice = stage.control.get("sent?duplicates=1").await?;
    say(String::new());
    say(format!(
        "The day is over: {}. Messages that anybody got twice: {}.",
        summary(&state, stage.app.clock.now()),
        twice["data"].as_array().map_or(0, Vec::len)
    ));
    say("Why each of them? greenroom explain <message or comment id>".to_owned());
    Ok(())
}

impl Stage<'_> {
    async fn state(self) -> anyhow::Result<Arc<User>> {
        Ok(self.app.users.published(self.workspace).await?.state)
    }
}

/// The workspace in half a sentence.
#[must_use]
pub fn summary(state: &User, now: Timestamp) -> String {
    format!(
        "{} contacts, {} waiting for a human, {} replies sent this month",
        state.contacts.len(),
        state.hrn_queue().count(),
        state.usage.month(Month::of(now)).sends,
    )
}

async fn perform(stage: Stage<'_>, scene: &Scene, say: Say<'_>) -> anyhow::Result<()> {
    let control = stage.control;
    let before = newest_sent(control, scene.person).await?.len();
    let mut ids = Vec::new();
    for act in scene.acts {
        if let Some(id) = act_out(control, scene.person, act, say).await? {
            ids.push(id);
        }
    }
    for id in &ids {
        wait_until_settled(stage, id).await?;
    }
    control.post("wait", &json!({"deliveries_idle": true, "timeout_s": 10})).await?;
    let sent = newest_sent(control, scene.person).await?;
    for message in sent.get(before..).unwrap_or_default() {
        let how = match message["kind"].as_str() {
            Some("private_reply") => "privately",
            Some("public_reply") => "publicly",
            _ => "by message",
        };
        say(format!("   ◀ bakery answers {how}: {}", message["text"].as_str().unwrap_or_default()));
    }
    let state = stage.state().await?;
    for id in &ids {
        if let Some(Explained::Here(view)) = state.explain(id) {
            tell_reason(id, &view.record, say);
        }
    }
    Ok(())
}

fn tell_reason(id: &str, record: &DecisionRecord, say: Say<'_>) {
    let mut line = format!("   ∙ {id}: {}", explain::verdict(record));
    if let Some(rule) = &record.automation {
        line.push_str(&format!("; rule {:?} on the word {:?}", &*rule.title, &*rule.trigger));
    }
    if let Some(delivery) = &record.delivery {
        line.push_str(&format!("; {}", explain::delivery_words(delivery)));
    }
    say(line);
    let stopped = record.trail.iter().rev().find(|taken| taken.outcome == StepOutcome::Stopped);
    if let Some(taken) = stopped
        && let Some(detail) = &taken.detail
    {
        say(format!("     because: {} ({})", detail, taken.step.name()));
    }
}

async fn act_out(control: &Control, person: &str, act: &Act, say: Say<'_>) -> anyhow::Result<Option<String>> {
    let id = |answer: Value, key: &str| {
        answer[key]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("the sandbox gave no {key}: {answer}"))
    };
    match act {
        Act::Says(text) => {
            say(format!("   ▶ person {person} writes: {text}"));
            let body = json!({"account": DEMO_ACCOUNT, "person": person, "text": text});
            Ok(Some(id(control.post("actions/dm", &body).await?, "mid")?))
        }
        Act::Comments(text) => {
            say(format!("   ▶ person {person} comments: {text}"));
            let body = json!({"account": DEMO_ACCOUNT, "person": person, "media": POST, "text": text});
            Ok(Some(id(control.post("actions/comment", &body).await?, "comment_id")?))
        }
        Act::Fault(rule) => {
            say("   ⚡ Instagram will take the next reply and then cut the connection".to_owned());
            control.post("faults", &rule()).await?;
            Ok(None)
        }
        Act::Duplicates(copies) => {
            if *copies > 0 {
                say(format!("   ⚡ Instagram delivers everything {} times", copies + 1));
            }
            control.put("delivery", &json!({"duplicates": copies})).await?;
            Ok(None)
        }
    }
}

async fn newest_sent(control: &Control, person: &str) -> anyhow::Result<Vec<Value>> {
    let mut answer = control.get(&format!("sent?account={DEMO_ACCOUNT}&person={person}")).await?;
    match answer["data"].take() {
        Value::Array(messages) => Ok(messages),
        _ => anyhow::bail!("the sandbox lists no messages"),
    }
}

/// Waits until the decision on a message or comment has come to rest.
async fn wait_until_settled(stage: Stage<'_>, id: &str) -> anyhow::Result<()> {
    let mut watch = stage.app.users.watch(stage.workspace)?;
    let deadline = stage.app.clock.now() + SCENE_DEADLINE;
    loop {
        let state = stage.state().await?;
        match state.explain(id) {
            Some(Explained::Here(view)) if !is_settled(&view.record) => {}
            Some(_) => return Ok(()),
            None => {}
        }
        tokio::select! {
            changed = watch.changed() => { changed?; }
            () = stage.app.clock.sleep_until(deadline) => return Ok(()),
        }
    }
}

fn is_settled(record: &DecisionRecord) -> bool {
    match record.verdict {
        Verdict::Collecting { .. } | Verdict::Thinking { .. } => false,
        Verdict::Queued { .. } | Verdict::Replied { .. } | Verdict::NotDelivered { .. } => {
            record.delivery.is_some()
        }
        _ => true,
    }
}
