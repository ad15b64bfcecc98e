//! The client against a server that answers, hangs, resets and cuts off as told.

mod fake;

use self::fake::{Act, Fake, answer};
use super::*;
use crate::{
    errors::ErrorClass,
    ids::{AccountId, CommentId, Igsid, MediaId, Mid},
    outcome::{Answer, CallError, DoubtReason, SendOutcome},
    send::{Content, OutgoingMessage, PublicReply},
    time::UnixMillis,
};

const TOKEN: &str = "IGAAfictlong0001IGAAfictlong0001IGAAfictlong0001";

fn client(graph_url: &str) -> Client {
    Client::new(&ClientConfig {
        www_url: "https://www.instagram.com".into(),
        api_url: graph_url.to_owned(),
        graph_url: graph_url.to_owned(),
        connect_timeout: Duration::from_millis(300),
        call_timeout: Duration::from_millis(600),
        ..ClientConfig::default()
    })
    .unwrap()
}

fn token() -> SecretString {
    TOKEN.into()
}

fn account() -> AccountId {
    AccountId::parse("17841400000000001").unwrap()
}

fn person() -> Igsid {
    Igsid::parse("900000000000001").unwrap()
}

fn comment() -> CommentId {
    CommentId::parse("18000000000000201").unwrap()
}

fn message() -> OutgoingMessage {
    OutgoingMessage::to_person(person(), Content::Text("private words".into())).unwrap()
}

async fn send(act: Act) -> (Answer<SendOutcome>, Vec<String>) {
    let fake = Fake::start(vec![act]);
    let outcome = client(&fake.url).send_message(&token(), &account(), &message()).await;
    let shown = format!("{outcome:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("private words"), "{shown}");
    (outcome, fake.requests())
}

fn reason(outcome: &SendOutcome) -> DoubtReason {
    match outcome {
        SendOutcome::Unknown(doubt) => doubt.reason,
        other => panic!("{other:?}"),
    }
}

fn class(outcome: &SendOutcome) -> ErrorClass {
    match outcome {
        SendOutcome::NotSent(refusal) => refusal.class,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_written_as_documented() {
    let headers = "x-app-usage: {\"call_count\":28}\r\nx-business-use-case-usage: {\"1\":[{\"call_count\":85,\"estimated_time_to_regain_access\":2}]}\r\n";
    let body = r#"{"recipient_id":"900000000000001","message_id":"m_fict_0100"}"#;
    let (sent, requests) = send(answer(200, headers, body)).await;
    let message_id = Mid::parse("m_fict_0100").unwrap();
    assert_eq!(sent.value, SendOutcome::Sent { message_id, recipient_id: Some(person()) });
    assert_eq!((sent.usage.app_percent, sent.usage.account_percent), (Some(28), Some(85)));
    assert_eq!(sent.usage.regain, Some(Duration::from_secs(120)));
    let request = &requests[0];
    assert!(request.starts_with("POST /v25.0/17841400000000001/messages HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: Bearer {TOKEN}\r\n")));
    assert!(request.contains("content-type: application/json\r\n"));
    assert!(
        request.ends_with(r#"{"recipient":{"id":"900000000000001"},"message":{"text":"private words"}}"#)
    );
}

#[tokio::test]
async fn a_public_reply_is_a_form_without_fields() {
    let fake = Fake::start(vec![answer(200, "", r#"{"id":"18000000000000250"}"#)]);
    let reply = PublicReply::new(comment(), "Check your messages & more".into()).unwrap();
    let sent = client(&fake.url).reply_publicly(&token(), &reply).await;
    let message_id = Mid::parse("18000000000000250").unwrap();
    assert_eq!(sent.value, SendOutcome::Sent { message_id, recipient_id: None });
    let requests = fake.requests();
    assert!(requests[0].starts_with("POST /v25.0/18000000000000201/replies HTTP/1.1\r\n"));
    assert!(requests[0].ends_with("message=Check+your+messages+%26+more"));
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sent = client(&url).send_message(&token(), &account(), &message()).await;
    assert_eq!(class(&sent.value), ErrorClass::Unreachable);
    assert_eq!(client(&url).me(&token()).await.value, Err(CallError::Unreachable));
}

#[tokio::test]
async fn a_tls_handshake_that_never_ends_is_not_sent() {
    let fake = Fake::start(vec![Act::Hang]);
    let url = fake.url.replace("http://", "https://");
    let sent = client(&url).send_message(&token(), &account(), &message()).await;
    assert_eq!(class(&sent.value), ErrorClass::Unreachable);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_not_sent() {
    let sent = client("http://no-such-host.invalid").send_message(&token(), &account(), &message()).await;
    assert_eq!(class(&sent.value), ErrorClass::Unreachable);
}

#[tokio::test]
async fn a_token_that_can_not_be_a_header_is_not_sent() {
    let fake = Fake::start(vec![]);
    let sent = client(&fake.url).send_message(&"bad\ntoken".into(), &account(), &message()).await;
    assert_eq!(class(&sent.value), ErrorClass::Token);
    assert_eq!(client(&fake.url).me(&"bad\ntoken".into()).await.value, Err(CallError::BadToken));
}

#[tokio::test]
async fn after_writing_nobody_knows() {
    let long = "x".repeat(BODY_BYTES_MAX + 1);
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"message_id\":";
    for (act, expected) in [
        (Act::Hang, DoubtReason::TimedOut),
        (Act::CloseUnanswered, DoubtReason::Interrupted),
        (Act::ResetWhileReading, DoubtReason::Interrupted),
        (Act::Answer(half.into()), DoubtReason::Interrupted),
        (Act::AnswerThenHang(half.into()), DoubtReason::TimedOut),
        (Act::Answer("HTTP/1.1 200 O".into()), DoubtReason::Interrupted),
        (Act::Answer("nonsense\r\n\r\n".into()), DoubtReason::Interrupted),
        (answer(200, "", r#"{"message_id":"m_1"#), DoubtReason::Unreadable),
        (answer(200, "", ""), DoubtReason::Unreadable),
        (answer(200, "", &long), DoubtReason::Unreadable),
        (answer(502, "content-type: text/html\r\n", "<html>Bad Gateway</html>"), DoubtReason::ServerError),
        (answer(500, "", r#"{"error":{"code":2}}"#), DoubtReason::ServerError),
        (answer(400, "", r#"{"error":{"code":1}}"#), DoubtReason::AmbiguousCode),
        (answer(302, "location: /elsewhere\r\n", ""), DoubtReason::Unreadable),
    ] {
        let shown = format!("{act:?}");
        let (sent, requests) = send(act).await;
        assert_eq!(reason(&sent.value), expected, "{shown:.80}");
        assert_eq!(requests.len(), 1, "nothing is repeated: {shown:.80}");
    }
}

#[tokio::test]
async fn refusals_carry_the_wait() {
    let body = r#"{"error":{"message":"Calls to this api have exceeded the rate limit.","code":613,"error_subcode":2534040}}"#;
    let (sent, _) = send(answer(400, "retry-after: 30\r\n", body)).await;
    let SendOutcome::NotSent(refusal) = sent.value else { panic!() };
    assert_eq!((refusal.class, refusal.retry_after), (ErrorClass::Rate, Some(Duration::from_secs(30))));
    let (sent, _) = send(answer(429, "retry-after: 7\r\n", "<html>")).await;
    assert_eq!(class(&sent.value), ErrorClass::Rate);
}

async fn read<T>(body: &str, call: impl AsyncFnOnce(Client) -> T) -> (T, String) {
    let fake = Fake::start(vec![answer(200, "", body)]);
    let value = call(client(&fake.url)).await;
    let mut requests = fake.requests();
    (value, requests.remove(0))
}

#[tokio::test]
async fn me_is_read_flat_and_wrapped() {
    let flat = r#"{"id":"26000000000000001","user_id":17841400000000001,"username":"fictional.bakery","name":"Fictional Bakery","account_type":"BUSINESS","profile_picture_url":"https://scontent.example/p.jpg","followers_count":1234,"follows_count":12,"media_count":56}"#;
    let (one, request) = read(flat, async |client| client.me(&token()).await).await;
    let (other, _) = read(&format!(r#"{{"data":[{flat}]}}"#), async |client| client.me(&token()).await).await;
    assert_eq!(one.value, other.value);
    let me = one.value.unwrap();
    assert_eq!(me.account_ids().unwrap().professional, account());
    assert_eq!((me.account_type.as_deref(), me.followers_count), (Some("BUSINESS"), Some(1234)));
    assert!(request.starts_with("GET /v25.0/me?fields=id%2Cuser_id%2C"), "{request}");
    assert!(!request.split("\r\n").next().unwrap().contains(TOKEN));
    let (personal, _) = read(r#"{"id":"1"}"#, async |client| client.me(&token()).await).await;
    assert_eq!(personal.value.unwrap().account_ids(), None);
}

const CONVERSATION: &str = r#"{"data":[{"id":"aWdfZAG06fict","updated_time":"2026-01-01T00:00:00+0000","participants":{"data":[{"id":"17841400000000001","username":"fictional.bakery"},{"id":"900000000000001","username":"fict_person_1"}]},"messages":{"data":[{"id":"m_fict_0001","created_time":"2026-01-01T00:00:00+0000","from":{"id":"900000000000001","username":"fict_person_1"},"to":{"data":[{"id":"17841400000000001"}]},"message":"Hello"}]}}],"paging":{"cursors":{"after":"fictcursor"}}}"#;

#[tokio::test]
async fn conversations_are_read() {
    let (read_, request) =
        read(CONVERSATION, async |client| client.conversation_with(&token(), &person()).await).await;
    let conversation = read_.value.unwrap().unwrap();
    assert!(request.starts_with("GET /v25.0/me/conversations?platform=instagram&fields="));
    assert!(request.contains("&user_id=900000000000001 HTTP"));
    let message = &conversation.messages[0];
    assert_eq!(message.created_at, Some(UnixMillis::from_secs(1_767_225_600)));
    assert_eq!(message.from.as_ref().unwrap().id, person());
    assert_eq!(message.to[0].id.as_str(), account().as_str());
    assert_eq!(message.text.as_ref().unwrap().value.as_ref(), "Hello");
    assert_eq!((conversation.participants.len(), message.has_attachments), (2, false));
    let (none, _) =
        read(r#"{"data":[]}"#, async |client| client.conversation_with(&token(), &person()).await).await;
    assert_eq!(none.value, Ok(None));
    let (odd, _) = read("{}", async |client| client.conversation_with(&token(), &person()).await).await;
    assert_eq!(odd.value, Err(CallError::Unreadable { status: 200 }));
}

#[tokio::test]
async fn pages_are_followed_by_cursor_and_end_without_next() {
    let page = async |body: &str| {
        let (read, request) =
            read(body, async |client| client.conversations(&token(), Some("c&u")).await).await;
        assert!(request.contains("&limit=20&after=c%26u HTTP"), "{request}");
        read.value.unwrap().after
    };
    assert_eq!(page(CONVERSATION).await, None);
    let next = r#""next":"https://graph.instagram.com/?access_token=x","cursors""#;
    assert_eq!(page(&CONVERSATION.replace("\"cursors\"", next)).await.as_deref(), Some("fictcursor"));
    let empty = r#"{"data":[],"paging":{"next":"x","cursors":{"after":"y"}}}"#;
    assert_eq!(page(empty).await, None);
}

#[tokio::test]
async fn ids_can_not_change_the_request() {
    let mid = Mid::parse("../me?fields=x#/é").unwrap();
    let (read_, request) =
        read(r#"{"id":"m","message":"x"}"#, async |client| client.message(&token(), &mid).await).await;
    assert_eq!(read_.value.unwrap().mid.as_str(), "m");
    assert!(request.starts_with("GET /v25.0/..%2Fme%3Ffields%3Dx%23%2F%C3%A9?fields=id"), "{request}");
}

#[tokio::test]
async fn comment_replies_are_read() {
    let body = r#"{"replies":{"data":[{"id":"18000000000000250","text":"Check","username":"fictional.bakery","timestamp":"2026-01-01T00:00:00+0000"},{"text":"no id"}]},"id":"18000000000000201"}"#;
    let (read_, _) = read(body, async |client| client.comment_replies(&token(), &comment()).await).await;
    let replies = read_.value.unwrap();
    assert_eq!((replies.len(), replies[0].id.as_str()), (1, "18000000000000250"));
    let (none, _) =
        read(r#"{"id":"1"}"#, async |client| client.comment_replies(&token(), &comment()).await).await;
    assert_eq!(none.value, Ok(vec![]));
}

#[tokio::test]
async fn posts_are_read_with_what_there_is_of_them() {
    let body = r#"{"data":[{"id":"18000000000000101","caption":"New cake","media_type":"IMAGE","permalink":"https://www.instagram.com/p/x/","timestamp":"2026-01-01T00:00:00+0000"},{"id":"../x"},{"id":"18000000000000102","media_url":"a\u0000b"}],"paging":{"cursors":{"after":"c2"},"next":"x"}}"#;
    let (posts, request) = read(body, async |client| client.media(&token(), 200, Some("c1")).await).await;
    let posts = posts.value.unwrap();
    assert_eq!((posts.items.len(), posts.after.as_deref()), (2, Some("c2")));
    assert_eq!(posts.items[0].caption.as_ref().map(|text| &*text.value), Some("New cake"));
    assert_eq!(posts.items[1].media_url, None);
    assert!(request.starts_with("GET /v25.0/me/media?fields=id%2Ccaption"), "{request}");
    assert!(request.contains("&limit=25&after=c1 "), "{request}");
    let one = r#"{"id":"18000000000000101","media_product_type":"REELS"}"#;
    let id = MediaId::parse("18000000000000101").unwrap();
    let (post, request) = read(one, async |client| client.media_by_id(&token(), &id).await).await;
    assert_eq!(post.value.unwrap().media_product_type.as_deref(), Some("REELS"));
    assert!(request.starts_with("GET /v25.0/18000000000000101?fields=id"), "{request}");
}

#[tokio::test]
async fn the_place_of_a_comment_is_read() {
    let body = r#"{"media":{"id":"18000000000000101","media_product_type":"LIVE"},"id":"18000000000000201"}"#;
    let (place, request) = read(body, async |client| client.comment_place(&token(), &comment()).await).await;
    let place = place.value.unwrap();
    assert_eq!(place.media.as_ref().map(MediaId::as_str), Some("18000000000000101"));
    assert_eq!(place.media_product_type.as_deref(), Some("LIVE"));
    assert!(request.contains("?fields=id%2Cmedia%7Bid%2Cmedia_product_type%7D "), "{request}");
    for body in [r#"{"id":"1"}"#, r#"{"media":{"id":"../x"}}"#, r#"{"media":7}"#] {
        let (place, _) = read(body, async |client| client.comment_place(&token(), &comment()).await).await;
        assert_eq!(place.value.unwrap().media, None, "{body}");
    }
}

#[tokio::test]
async fn persons_are_read_and_missing_consent_is_no_alarm() {
    let body = r#"{"name":null,"username":"fict_person_1","follower_count":321,"is_user_follow_business":true,"is_business_follow_user":false,"is_verified_user":"x","id":"900000000000001"}"#;
    let (read_, _) = read(body, async |client| client.person(&token(), &person()).await).await;
    let profile = read_.value.unwrap();
    assert_eq!((profile.name, profile.follows_account, profile.is_verified), (None, Some(true), None));
    let fake = Fake::start(vec![answer(
        400,
        "",
        r#"{"error":{"message":"User consent is required to access user profile","code":230}}"#,
    )]);
    let refused = client(&fake.url).person(&token(), &person()).await.value.unwrap_err();
    let CallError::Refused(refusal) = refused else { panic!() };
    assert_eq!(refusal.class, ErrorClass::Done);
}

#[tokio::test]
async fn subscriptions_fall_back_once_each_way() {
    let ok = || answer(200, "", r#"{"success":true}"#);
    let refused =
        |message: &str| answer(400, "", &format!(r#"{{"error":{{"message":"{message}","code":100}}}}"#));
    let method = || refused("Unsupported request - method type: post");
    let field = || refused("Param subscribed_fields[1] must be one of");
    for (script, expected, paths) in [
        (vec![ok()], Some(Subscribed::Full), vec!["17841400000000001"]),
        (vec![method(), ok()], Some(Subscribed::Full), vec!["17841400000000001", "me"]),
        (vec![field(), ok()], Some(Subscribed::Minimal), vec!["17841400000000001"; 2]),
        (vec![method(), field(), ok()], Some(Subscribed::Minimal), vec!["17841400000000001", "me", "me"]),
        (vec![field(), field()], None, vec!["17841400000000001"; 2]),
        (vec![answer(400, "", r#"{"error":{"code":190}}"#)], None, vec!["17841400000000001"]),
        (vec![answer(200, "", r#"{"success":false}"#)], None, vec!["17841400000000001"]),
    ] {
        let fake = Fake::start(script);
        let subscribed = client(&fake.url).subscribe(&token(), &account()).await;
        assert_eq!(subscribed.value.ok(), expected);
        let requests = fake.requests();
        assert_eq!(requests.len(), paths.len());
        for (request, path) in requests.iter().zip(paths) {
            assert!(
                request
                    .starts_with(&format!("POST /v25.0/{path}/subscribed_apps?subscribed_fields=messages"))
            );
        }
    }
}

#[tokio::test]
async fn subscriptions_are_listed_and_ended() {
    let body = r#"{"data":[{"id":990000000000001,"subscribed_fields":["messages","comments"]}]}"#;
    let (listed, _) = read(body, async |client| client.subscriptions(&token(), &account()).await).await;
    let apps = listed.value.unwrap();
    assert_eq!((apps[0].id.as_ref(), apps[0].fields.len()), ("990000000000001", 2));
    let (ended, request) =
        read(r#"{"success":true}"#, async |client| client.unsubscribe(&token(), &account()).await).await;
    assert_eq!(ended.value, Ok(()));
    assert!(request.starts_with("DELETE /v25.0/17841400000000001/subscribed_apps HTTP"));
}

fn app() -> App {
    App { id: "990000000000001".into(), secret: "SECRET".into() }
}

async fn exchange(act: Act) -> (Result<ShortToken, ExchangeError>, Vec<String>) {
    let fake = Fake::start(vec![act]);
    let code = "AQfict#_".into();
    let read = client(&fake.url).exchange_code(&app(), "https://app.example.com/cb", &code).await;
    (read, fake.requests())
}

#[tokio::test]
async fn codes_are_exchanged_in_both_shapes() {
    let flat = r#"{"access_token":"IGAAfictshort0001","user_id":26000000000000001,"permissions":["instagram_business_basic","instagram_business_manage_messages","instagram_business_manage_comments"]}"#;
    let wrapped = r#"{"data":[{"access_token":"IGAAfictshort0001","user_id":"26000000000000001","permissions":"instagram_business_basic,instagram_business_manage_messages"}]}"#;
    for (body, granted) in [(flat, 3), (wrapped, 2)] {
        let (read, requests) = exchange(answer(200, "", body)).await;
        let short = read.unwrap();
        assert_eq!(short.token.expose_secret(), "IGAAfictshort0001");
        assert_eq!(short.user_id.as_deref(), Some("26000000000000001"));
        assert_eq!(short.permissions.unwrap().len(), granted);
        assert!(requests[0].starts_with("POST /oauth/access_token HTTP"));
        assert!(requests[0].ends_with("client_id=990000000000001&client_secret=SECRET&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&code=AQfict"));
    }
}

#[tokio::test]
async fn a_code_that_may_be_spent_is_ambiguous() {
    let body = r#"{"error_type":"OAuthException","code":400,"error_message":"Matching code was not found or was already used"}"#;
    let (refused, _) = exchange(answer(400, "", body)).await;
    let message = "Matching code was not found or was already used".to_owned();
    assert_eq!(refused.unwrap_err(), ExchangeError::Refused { status: 400, code: 400, message });
    for act in
        [Act::Hang, Act::CloseUnanswered, answer(500, "", ""), answer(200, "", "{}"), answer(200, "", "{")]
    {
        assert_eq!(exchange(act).await.0.unwrap_err(), ExchangeError::Ambiguous);
    }
}

#[tokio::test]
async fn long_lived_tokens_are_fetched_and_refreshed() {
    let body = r#"{"access_token":"IGAAfictlong0001","token_type":"bearer","expires_in":5183944}"#;
    let (long, request) = read(body, async |client| client.long_lived_token(&app(), &token()).await).await;
    assert_eq!(long.value.unwrap().lifetime, Duration::from_secs(5_183_944));
    assert!(
        request.starts_with(
            "GET /access_token?grant_type=ig_exchange_token&client_secret=SECRET&access_token=IG"
        )
    );
    let (fresh, request) =
        read(r#"{"access_token":"x"}"#, async |client| client.refresh_token(&token()).await).await;
    assert_eq!(fresh.value.unwrap().lifetime, Duration::from_secs(60 * 86_400 - 3600));
    assert!(request.starts_with("GET /refresh_access_token?grant_type=ig_refresh_token&access_token=IG"));
    let fake = Fake::start(vec![Act::CloseUnanswered]);
    let lost = client(&fake.url).refresh_token(&token()).await.value.unwrap_err();
    assert_eq!(lost, CallError::Interrupted);
    assert!(!format!("{lost:?} {lost}").contains(TOKEN));
}

#[test]
fn the_authorization_page_is_asked_as_documented() {
    let state = "Qm9ndXMtc3RhdGUtdmFsdWUtMDAwMQ".into();
    let request = Authorization {
        client_id: "990000000000001",
        redirect_uri: "https://app.example.com/api/auth/instagram/callback",
        state: &state,
        prompt: Prompt::Default,
    };
    let client = client("https://graph.instagram.com/");
    let url = "https://www.instagram.com/oauth/authorize?client_id=990000000000001&redirect_uri=https%3A%2F%2Fapp.example.com%2Fapi%2Fauth%2Finstagram%2Fcallback&response_type=code&scope=instagram_business_basic%2Cinstagram_business_manage_messages%2Cinstagram_business_manage_comments&state=Qm9ndXMtc3RhdGUtdmFsdWUtMDAwMQ&enable_fb_login=false";
    assert_eq!(client.authorize_url(&request), url);
    let again = client.authorize_url(&Authorization { prompt: Prompt::ForceLogin, ..request });
    assert_eq!(again, format!("{url}&force_reauth=true"));
}

#[test]
fn unusable_settings_are_refused_by_name() {
    let new = |change: fn(&mut ClientConfig)| {
        let mut config = ClientConfig::default();
        change(&mut config);
        Client::new(&config).map(drop)
    };
    assert_eq!(new(|_| {}), Ok(()));
    assert_eq!(new(|config| config.graph_url = "http://127.0.0.1:4010/ig-graph".into()), Ok(()));
    let base = |name| Err(ConfigError::BaseUrl(name));
    assert_eq!(new(|config| config.graph_url = String::new()), base("graph_url"));
    assert_eq!(new(|config| config.www_url = "ftp://a".into()), base("www_url"));
    assert_eq!(new(|config| config.api_url = "https://u:p@a".into()), base("api_url"));
    assert_eq!(new(|config| config.api_url = "https://a/?x".into()), base("api_url"));
    for version in ["", "25.0", "v25", "v.0", "v25.0/me", "v25.0?"] {
        let config = ClientConfig { graph_version: version.into(), ..ClientConfig::default() };
        assert_eq!(Client::new(&config).map(drop), Err(ConfigError::Version), "{version}");
    }
}
