//! The demo workspace's automations and settings.

use super::Stage;
use greenroom_actors::{
    automation::{AutomationId, AutomationInput},
    user::{Command, plan::Plan, settings::SettingsPatch},
};
use std::time::Duration;

/// Wait before deciding: short, so that the demo does not drag on.
const REPLY_DELAY: Duration = Duration::from_secs(1);
/// The post of the sandbox whose caption asks for comments.
const POST: &str = "18000000000000101";

/// Makes what the scenes need. Making it again changes nothing.
pub(super) async fn prepare(stage: Stage<'_>) -> anyhow::Result<()> {
    let settings = SettingsPatch { reply_delay: Some(REPLY_DELAY), ..SettingsPatch::default() };
    tell(stage, Command::UpdateSettings(settings)).await?;
    tell(stage, Command::SetPlan(Plan::Growth)).await?;
    for (id, input) in automations() {
        tell(stage, Command::CreateAutomation { id: AutomationId::from(id), input, inactive: false }).await?;
    }
    Ok(())
}

async fn tell(stage: Stage<'_>, command: Command) -> anyhow::Result<()> {
    stage.app.users.ask(stage.workspace, command, 0).await?;
    Ok(())
}

fn automations() -> [(&'static str, AutomationInput); 3] {
    [
        (
            "demo-price",
            AutomationInput {
                title: "Prices".to_owned(),
                trigger_word: Some("price".to_owned()),
                response_type: "fixed".to_owned(),
                response_content: "Hi {{first_name}}! The sourdough class is $49, bread included. Shall I keep you a place?".to_owned(),
                ..AutomationInput::default()
            },
        ),
        (
            "demo-guide",
            AutomationInput {
                title: "Guide".to_owned(),
                trigger_word: Some("guide".to_owned()),
                response_type: "generic_template".to_owned(),
                response_content: r#"[{"title":"Starter guide","subtitle":"12 pages on feeding a sourdough starter","buttons":[{"type":"web_url","title":"Open","url":"https://bakery.example/guide"}]}]"#.to_owned(),
                ..AutomationInput::default()
            },
        ),
        (
            "demo-link",
            AutomationInput {
                title: "Recipe link".to_owned(),
                trigger_word: Some("link".to_owned()),
                trigger_scope: Some("comment".to_owned()),
                post_id: Some(POST.to_owned()),
                response_type: "fixed".to_owned(),
                response_content: "Here is the recipe: https://bakery.example/recipe".to_owned(),
                comment_reply_text: Some("Sent you a message!".to_owned()),
                ..AutomationInput::default()
            },
        ),
    ]
}
