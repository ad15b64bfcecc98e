//! Nothing that people wrote and nothing secret is ever logged, even when everything is.

use crate::cli::demo_day;
use greenroom_instagram::sandbox::{APP_SECRET, META_SECRET, VERIFY_TOKEN};
use std::fs;

#[test]
fn a_whole_day_logged_at_trace_holds_no_text_no_token_and_no_secret() {
    let day = demo_day();
    assert!(day.log.contains("TRACE") || day.log.contains("DEBUG"), "nothing was logged");
    assert!(day.log.contains("journal open"), "the product's own events are missing");
    let texts = [
        // What people wrote.
        "PRICE of the sourdough",
        "send me the guide",
        "LINK please",
        "refund",
        "quick question",
        "how much is it",
        "bake for weddings",
        // What was answered.
        "sourdough class is $49",
        "Here is the recipe",
        "Sent you a message!",
        "Starter guide",
    ];
    let operator = fs::read_to_string(day.data.join("operator-token")).unwrap();
    let keys = fs::read_to_string(day.data.join("keys")).unwrap();
    let key = keys.lines().find(|line| !line.starts_with('#')).unwrap();
    let key = key.split_once(':').unwrap().1.trim();
    let password = fs::read_to_string(day.data.join("demo-password")).unwrap();
    let secrets = [
        APP_SECRET,
        META_SECRET,
        VERIFY_TOKEN,
        operator.trim(),
        key,
        password.trim(),
        "session_token=",
        "owner@bakery.example",
        "IGSBX",
        "Bearer",
        "access_token=",
        "client_secret=",
    ];
    for forbidden in texts.into_iter().chain(secrets) {
        let line = day.log.lines().find(|line| line.contains(forbidden));
        assert!(line.is_none(), "{forbidden:?} is logged: {}", line.unwrap_or_default());
    }
}
