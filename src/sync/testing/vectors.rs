//! Every transcript of the contract, played against the real door. Values of `ts` differ, log lines are not sent, and
//! transitions may be merged or split: compared is what a client ends up with, and every frame has to keep the rules.

use super::{
    model::Model,
    product::TestProduct,
    world::{Came, Socket, World, patient},
};
use crate::sync::{Refused, message::ClientMessage};
use serde_json::{Value as Json, json};
use std::{collections::BTreeMap, time::Duration};

const VECTORS: &str = include_str!("../vectors.json");

pub(super) fn vector(id: &str) -> Json {
    let all: Json = serde_json::from_str(VECTORS).unwrap();
    let found = all["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id);
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

fn frames(id: &str) -> Vec<(u64, String, Json)> {
    let frames = vector(id)["frames"].as_array().unwrap().clone();
    let split =
        |frame: &Json| (frame[0].as_u64().unwrap(), frame[1].as_str().unwrap().to_owned(), frame[2].clone());
    frames.iter().map(split).collect()
}

/// Without what differs from run to run: names of failures, and log lines, which are a matter of development.
pub(super) fn normalised(json: &Json) -> Json {
    match json {
        Json::String(text) => match text.strip_prefix("[Request ID: ") {
            Some(rest) => format!("[Request ID: *{}", &rest[16..]).into(),
            None => json.clone(),
        },
        Json::Array(items) => items.iter().map(normalised).collect(),
        Json::Object(fields) => {
            let rest = fields.iter().filter(|(key, _)| *key != "logLines");
            rest.map(|(key, value)| (key.clone(), normalised(value))).collect()
        }
        // 1 and 1.0 are one number.
        Json::Number(number) => json!(number.as_f64()),
        _ => json.clone(),
    }
}

/// What a client has after a run of frames.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    answers: Vec<Json>,
    changes: BTreeMap<u64, Json>,
    query_set: u64,
    identity: u64,
}

impl Heard {
    fn hear(&mut self, frame: &Json, whole: Option<Json>) {
        if let Some(transition) = whole {
            let end = &transition["endVersion"];
            self.query_set = end["querySet"].as_u64().unwrap();
            self.identity = end["identity"].as_u64().unwrap();
            for change in transition["modifications"].as_array().unwrap() {
                self.changes.insert(change["queryId"].as_u64().unwrap(), normalised(change));
            }
        } else if matches!(frame["type"].as_str(), Some("MutationResponse" | "ActionResponse" | "AuthError"))
        {
            let mut answer = normalised(frame);
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("ts");
                // The wording is ours.
                fields.remove("error");
            }
            self.answers.push(answer);
        }
    }
}

struct Play {
    world: World,
    sockets: BTreeMap<u64, Socket>,
}

impl Play {
    async fn on(world: World) -> Self {
        Self { world, sockets: BTreeMap::new() }
    }

    async fn up(&mut self, connection: u64, message: &Json) {
        if !self.sockets.contains_key(&connection) {
            let socket = self.world.socket().await;
            self.sockets.insert(connection, socket);
        }
        let socket = self.sockets.get_mut(&connection).unwrap();
        // On a slow machine the first transition may leave before a mutation arrives that is sent again; it may show it.
        if connection > 1
            && let Some(request) = message["requestId"].as_u64()
        {
            socket.model.replayed.insert(request);
        }
        socket.send(message).await;
    }

    /// Listens until as much was heard as expected, and compares.
    async fn hear(&mut self, connection: u64, expected: &[Json]) {
        let mut wanted = Heard::default();
        let mut assembled = Model::default();
        for frame in expected {
            let whole = match frame["type"].as_str() {
                Some("Transition") => Some(frame.clone()),
                Some("TransitionChunk") => {
                    assembled.query_set = u64::MAX;
                    assembled.version = (1, 0, crate::sync::Ts(1000));
                    assembled.receive(frame).unwrap()
                }
                _ => None,
            };
            wanted.hear(frame, whole);
        }
        let socket = self.sockets.get_mut(&connection).unwrap();
        let mut heard = Heard::default();
        loop {
            let is_done = heard.answers.len() == wanted.answers.len()
                && (heard.query_set, heard.identity) >= (wanted.query_set, wanted.identity)
                && heard.changes.keys().eq(wanted.changes.keys())
                && socket.model.uncovered.is_empty();
            if is_done {
                break;
            }
            let frame = socket.frame().await;
            let whole = socket.model.receive(&frame).unwrap_or_else(|wrong| panic!("{wrong}"));
            heard.hear(&frame, whole);
        }
        if wanted.query_set == 0 {
            (wanted.query_set, wanted.identity) = (heard.query_set, heard.identity);
        }
        assert_eq!(heard, wanted);
    }

    /// Plays frames in runs: first what the client sends, then what it has to hear.
    async fn play(&mut self, frames: &[(u64, String, Json)]) {
        let mut rest = frames;
        while let Some((connection, kind, message)) = rest.first() {
            match kind.as_str() {
                "up" => {
                    self.up(*connection, message).await;
                    rest = &rest[1..];
                }
                "close" => {
                    if let Some(mut socket) = self.sockets.remove(connection)
                        && message["code"] == 1005
                    {
                        assert!(matches!(socket.raw().await, Came::Closed(None)), "closed without a code");
                    }
                    rest = &rest[1..];
                }
                _ => {
                    let run =
                        rest.iter().take_while(|(at, kind, _)| at == connection && kind == "down").count();
                    let expected: Vec<Json> = rest[..run].iter().map(|(_, _, frame)| frame.clone()).collect();
                    self.hear(*connection, &expected).await;
                    rest = &rest[run..];
                }
            }
        }
    }

    /// Where an excerpt begins: connected, with one subscription or none.
    async fn before(&mut self, subscription: Option<&str>, token: Option<&str>) {
        let connect = json!({ "type": "Connect", "sessionId": SESSION, "connectionCount": 0, "lastCloseReason": "InitialConnect", "clientTs": 1_700_000_000_000_u64 });
        self.up(1, &connect).await;
        if let Some(token) = token {
            self.up(
                1,
                &json!({ "type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": token }),
            )
            .await;
        }
        let add =
            subscription.map(|path| json!({ "type": "Add", "queryId": 0, "udfPath": path, "args": [{}] }));
        let adds: Vec<Json> = add.into_iter().collect();
        self.up(
            1,
            &json!({ "type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": adds }),
        )
        .await;
        let socket = self.sockets.get_mut(&1).unwrap();
        // The identity may be confirmed before the subscription arrives.
        while socket.model.version.0 == 0 {
            socket.expect("Transition").await;
        }
    }
}

pub(super) const SESSION: &str = "00000001-0000-4000-8000-000000000000";

async fn excerpt(id: &str, subscription: Option<&str>) {
    let mut play = Play::on(World::start().await).await;
    play.before(subscription, None).await;
    play.play(&frames(id)).await;
}

async fn whole(id: &str, prepare: impl FnOnce(&TestProduct)) {
    let mut play = Play::on(World::start().await).await;
    prepare(&play.world.product);
    play.play(&frames(id)).await;
}

#[tokio::test]
async fn first_connection_and_nothing_subscribed() {
    whole("V01", |_| {}).await;
    whole("V02", |_| {}).await;
}

#[tokio::test]
async fn subscriptions_change() {
    excerpt("V03", Some("counter:get")).await;
}

#[tokio::test]
async fn mutations_are_answered_and_then_shown() {
    excerpt("V04", Some("counter:get")).await;
    excerpt("V05", None).await;
    excerpt("V06", Some("counter:get")).await;
    excerpt("V14", Some("counter:get")).await;
    excerpt("V30", None).await;
}

#[tokio::test]
async fn failures_reach_their_call() {
    for id in ["V07", "V08", "V09", "V12"] {
        excerpt(id, None).await;
    }
    excerpt("V10", Some("errors:untilPositive")).await;
}

#[tokio::test]
async fn actions_are_answered() {
    excerpt("V11", None).await;
}

#[tokio::test]
async fn log_lines_stay_at_home() {
    excerpt("V13", None).await;
}

#[tokio::test]
async fn a_mutation_whose_answer_was_lost_is_not_run_again() {
    let mut play = Play::on(World::start().await).await;
    play.before(Some("counter:get"), None).await;
    let frames = frames("V15");
    play.play(&frames[..1]).await;
    patient(play.world.product.executed.subscribe().wait_for(|count| *count == 1)).await.unwrap();
    play.play(&frames[1..]).await;
    assert_eq!(*play.world.product.executed.borrow(), 1);
}

#[tokio::test]
async fn a_connection_is_lost_with_an_action_in_flight() {
    excerpt("V16", None).await;
}

#[tokio::test]
async fn mutations_that_waited_for_a_connection() {
    whole("V17", |_| {}).await;
}

#[tokio::test]
async fn identities_are_confirmed() {
    whole("V18", |_| {}).await;
    whole("V19", |_| {}).await;
}

#[tokio::test]
async fn a_cached_token_is_refused_and_a_fresh_one_accepted() {
    let mut play = Play::on(World::start().await).await;
    let refused = Refused::Invalid("unexpected \"aud\" claim value");
    play.world.product.refused.lock().insert("<JWT alice #1>".to_owned(), refused);
    let mut frames = frames("V20");
    // The client of the transcript had the first transition before it had a token.
    let transition = frames.remove(4);
    frames.insert(2, transition);
    play.play(&frames).await;
}

#[tokio::test]
async fn an_identity_that_is_over_runs_nothing() {
    let mut play = Play::on(World::start().await).await;
    let token = "<JWT alice #1>";
    let now = crate::clock::SystemClock;
    let now = greenroom_actors::ports::Clock::now(&now).as_millis();
    play.world.product.expires.lock().insert(token.to_owned(), now + 60_000);
    play.before(Some("auth:whoami"), Some(token)).await;
    play.world.clock.advance(Duration::from_secs(70));
    let frames = frames("V21");
    play.play(&frames[..3]).await;
    assert_eq!(*play.world.product.executed.borrow(), 0);
    play.world.product.expires.lock().clear();
    play.play(&frames[3..]).await;
}

#[tokio::test]
async fn every_token_is_refused() {
    whole("V22", |_| {}).await;
}

#[tokio::test]
async fn nobody_is_an_identity_and_an_administrator_is_none() {
    let mut play = Play::on(World::start().await).await;
    play.before(Some("auth:whoami"), Some("<JWT alice #1>")).await;
    play.play(&frames("V23")[2..]).await;
    let socket = play.sockets.get_mut(&1).unwrap();
    let mut admin = frames("V23")[0].2.clone();
    admin["baseVersion"] = json!(2);
    socket.send(&admin).await;
    let (frames, close) = socket.closed().await;
    assert_eq!((frames[0]["type"].as_str(), frames.len(), close), (Some("AuthError"), 1, None));
}

#[tokio::test]
async fn a_client_that_never_connects() {
    whole("V24", |_| {}).await;
}

#[tokio::test]
async fn a_large_transition_comes_in_parts() {
    let world = World::with(|limits| limits.connection.chunk_bytes = 128).await;
    let mut play = Play::on(world).await;
    play.before(None, None).await;
    play.play(&frames("V25")).await;
}

#[tokio::test]
async fn a_still_connection_is_pinged() {
    let mut play = Play::on(World::start().await).await;
    play.before(None, None).await;
    play.world.clock.advance(Duration::from_secs(16));
    let frame = play.sockets.get_mut(&1).unwrap().frame().await;
    assert_eq!(frame, frames("V26")[0].2);
}

#[tokio::test]
async fn pages_keep_their_ends() {
    let mut play = Play::on(World::start().await).await;
    (0..5).for_each(|row| play.world.product.send(&format!("m{row}")));
    let frames = frames("V27");
    play.play(&frames[..5]).await;
    play.world.product.send("m5");
    // The transcript's empty transition here tells nothing, and is not sent.
    play.play(&frames[6..]).await;
}

#[tokio::test]
async fn a_page_is_split_and_a_cursor_is_invalid() {
    whole("V28", |product| (0..4).for_each(|row| product.send(&format!("m{row}")))).await;
    excerpt("V29", None).await;
}

#[tokio::test]
async fn clients_come_back_and_tell_about_themselves() {
    for id in ["V31", "V32", "V33"] {
        whole(id, |_| {}).await;
    }
}

/// The transcripts that show what not to send: the model that watches every other test refuses each of them, so that the
/// server is seen not to.
#[test]
fn the_model_refuses_what_must_not_be_sent() {
    let model =
        || Model { version: (1, 0, crate::sync::Ts(1000)), query_set: 1, open: vec![0], ..Model::default() };
    let verdict = |id: &str| {
        let mut model = model();
        frames(id)
            .iter()
            .filter(|(_, kind, _)| kind == "down")
            .find_map(|(_, _, frame)| model.receive(frame).err())
    };
    assert!(verdict("V34").unwrap().starts_with("R1"));
    assert!(verdict("V35").unwrap().starts_with("R6"));
    assert!(verdict("V36").unwrap().starts_with("FatalError"));
    assert_eq!(verdict("V04"), None);
}

#[test]
fn every_client_message_of_the_transcripts_is_understood() {
    let all: Json = serde_json::from_str(VECTORS).unwrap();
    let vectors = all["vectors"].as_array().unwrap();
    let frames = vectors.iter().filter_map(|vector| vector["frames"].as_array()).flatten();
    let ups = frames.filter(|frame| frame[1] == "up").map(|frame| frame[2].to_string());
    assert!(ups.map(|up| ClientMessage::parse(&up)).inspect(|message| assert!(message.is_ok())).count() > 80);
}
