use super::*;

fn response(status: u16, body: &str) -> Result<Response, Lost> {
    Ok(Response { status, body: body.into(), usage: Usage::default(), retry_after: None })
}

fn send(status: u16, body: &str) -> SendOutcome {
    send_outcome(&response(status, body), Target::Person, "message_id")
}

fn error(code: u32, subcode: u32) -> String {
    format!(
        r#"{{"error":{{"message":"m","type":"OAuthException","code":{code},"error_subcode":{subcode},"is_transient":false,"error_user_msg":"u","fbtrace_id":"Afict0001"}}}}"#
    )
}

/// `sent`, a class, or `?` and the reason.
fn short(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Sent { message_id, .. } => format!("sent {message_id}"),
        SendOutcome::NotSent(refusal) => refusal.class.tag().to_owned(),
        SendOutcome::Unknown(doubt) => format!("?{:?}", doubt.reason),
    }
}

#[test]
fn outcomes_follow_from_status_and_code() {
    let sent = r#"{"recipient_id":"900000000000001","message_id":"m_fict_0100"}"#;
    let html = "<html>502 Bad Gateway</html>";
    for (status, body, expected) in [
        (200, sent.to_owned(), "sent m_fict_0100"),
        (200, format!(r#"{{"data":[{sent}]}}"#), "sent m_fict_0100"),
        (200, "{}".into(), "?Unreadable"),
        (200, r#"{"message_id":""}"#.into(), "?Unreadable"),
        (200, sent[..30].into(), "?Unreadable"),
        (200, String::new(), "?Unreadable"),
        (200, html.into(), "?Unreadable"),
        (200, error(613, 0), "?Unreadable"),
        (302, String::new(), "?Unreadable"),
        (400, error(613, 2_534_040), "rate"),
        (400, error(190, 463), "token"),
        (401, error(190, 0), "token"),
        (403, error(10, 2_534_022), "window"),
        (400, error(100, 33), "recipient"),
        (400, error(1, 0), "?AmbiguousCode"),
        (400, error(1, 99), "?AmbiguousCode"),
        (400, error(2, 0), "?AmbiguousCode"),
        (403, error(2, 1_545_133), "?AmbiguousCode"),
        (400, error(20, 1_772_107), "?DoneWithoutId"),
        (400, error(424_242, 0), "content"),
        (400, error(424_242, 0).replace("false", "true"), "?AmbiguousCode"),
        (500, error(613, 0), "?ServerError"),
        (500, error(2, 0), "?ServerError"),
        (502, html.into(), "?ServerError"),
        (503, String::new(), "?ServerError"),
        (429, html.into(), "rate"),
        (401, html.into(), "token"),
        (403, html.into(), "unexplained"),
        (404, html.into(), "unexplained"),
        (400, String::new(), "unexplained"),
        (400, r#"{"error":{"message":"x","co"#.into(), "?Unreadable"),
        (400, r#"{"error":{"code":"10","error_subcode":"2534022"}}"#.into(), "window"),
    ] {
        assert_eq!(short(&send(status, &body)), expected, "{status} {body}");
    }
    for (lost, expected) in [
        (Lost::Unreachable, "unreachable"),
        (Lost::BadToken, "token"),
        (Lost::TimedOut, "?TimedOut"),
        (Lost::Interrupted, "?Interrupted"),
        (Lost::TooLarge, "?Unreadable"),
    ] {
        assert_eq!(short(&send_outcome(&Err(lost), Target::Person, "message_id")), expected);
    }
}

#[test]
fn a_refusal_keeps_what_support_needs() {
    let body = r#"{"error":{"message":"Calls to this api have exceeded the rate limit.","type":"OAuthException","code":613,"error_subcode":1996,"error_user_msg":"Slow\ndown","fbtrace_id":"Afict0001"}}"#;
    let usage = Usage { regain: Some(Duration::from_secs(180)), ..Usage::default() };
    let response =
        Response { status: 400, body: body.into(), usage, retry_after: Some(Duration::from_secs(30)) };
    let refusal = response.refusal(Target::Person);
    assert_eq!((refusal.code, refusal.subcode, refusal.status), (613, 1996, 400));
    assert_eq!(refusal.trace.as_deref(), Some("Afict0001"));
    assert_eq!(refusal.message, "Calls to this api have exceeded the rate limit.");
    assert_eq!(refusal.user_message.as_deref(), Some("Slow down"));
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(600)), "the longest wait wins");
}

#[test]
fn error_texts_are_bounded_and_hold_no_token() {
    let token = format!("IGAA{}", "x1Y_-".repeat(40));
    let text = readable(&format!("Malformed access token {token}, sorry\n"));
    assert_eq!(text, "Malformed access token [redacted], sorry ");
    assert_eq!(readable(&"é ".repeat(1000)).chars().count(), MESSAGE_CHARS_MAX);
    assert_eq!(readable(&"a".repeat(5000)), "[redacted]");
}

#[test]
fn a_missing_consent_is_told_by_its_words_too() {
    let body = r#"{"error":{"message":"User consent is required to access user profile","code":100}}"#;
    assert_eq!(response(400, body).unwrap().refusal(Target::Person).class, ErrorClass::Done);
}

#[test]
fn reads_are_repeated_when_that_can_help() {
    let read = |status, body: &str| response(status, body).unwrap().success(Target::Object).map(drop);
    assert_eq!(read(200, "{}"), Ok(()));
    for (status, body, retryable) in [
        (200, "{".to_owned(), true),
        (200, error(190, 0), false),
        (500, error(2, 0), true),
        (502, "<html>".to_owned(), true),
        (429, String::new(), true),
        (404, String::new(), false),
        (302, String::new(), false),
        (400, error(100, 0), false),
    ] {
        assert_eq!(read(status, &body).unwrap_err().is_retryable(), retryable, "{status} {body}");
    }
    assert!(read(400, &error(190, 463)).unwrap_err().is_token());
    assert!(CallError::Unreachable.is_retryable() && !CallError::TooLarge.is_retryable());
}
