//! A client of the protocol that minds the rules: it takes frames and says which of them a server must not have sent.

use crate::sync::Ts;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Query set, identity, point.
pub(super) type Version = (u64, u64, Ts);

/// What a client knows of its connection.
#[derive(Default)]
pub(super) struct Model {
    pub(super) version: Version,
    /// Versions of what was sent.
    pub(super) query_set: u64,
    pub(super) identity: u64,
    /// Mutations without an answer, in the order in which they were sent.
    pub(super) open: Vec<u64>,
    /// Answered, and not covered by a transition yet.
    pub(super) uncovered: Vec<(u64, Ts)>,
    /// Sent again on this connection: the first transition may show them early.
    pub(super) replayed: BTreeSet<u64>,
    /// The last change of each query.
    pub(super) results: BTreeMap<u64, Json>,
    pub(super) chunks: Vec<String>,
}

fn text_ts(json: &Json) -> Result<Ts, String> {
    json.as_str().and_then(Ts::from_wire).ok_or_else(|| format!("no timestamp: {json}"))
}

fn version(json: &Json) -> Result<Version, String> {
    let number = |key: &str| json[key].as_u64().ok_or_else(|| format!("no {key}: {json}"));
    Ok((number("querySet")?, number("identity")?, text_ts(&json["ts"])?))
}

impl Model {
    /// Takes one frame; the whole transition when one is complete with it.
    pub(super) fn receive(&mut self, frame: &Json) -> Result<Option<Json>, String> {
        let kind = frame["type"].as_str().ok_or("no type")?;
        if !self.chunks.is_empty() && !matches!(kind, "TransitionChunk" | "Ping") {
            return Err(format!("{kind} between chunks"));
        }
        match kind {
            "Transition" => {
                self.transition(frame)?;
                Ok(Some(frame.clone()))
            }
            "TransitionChunk" => self.chunk(frame),
            "MutationResponse" => {
                self.answered(frame)?;
                Ok(None)
            }
            "ActionResponse" if frame["logLines"].is_array() => Ok(None),
            "Ping" | "AuthError" => Ok(None),
            other => Err(format!("{other}: {frame}")),
        }
    }

    fn chunk(&mut self, frame: &Json) -> Result<Option<Json>, String> {
        if frame["partNumber"] != self.chunks.len() {
            return Err(format!("part {} after {}", frame["partNumber"], self.chunks.len()));
        }
        self.chunks.push(frame["chunk"].as_str().ok_or("no chunk")?.to_owned());
        if frame["totalParts"] != self.chunks.len() {
            return Ok(None);
        }
        let whole = std::mem::take(&mut self.chunks).concat();
        let whole: Json = serde_json::from_str(&whole).map_err(|error| error.to_string())?;
        self.transition(&whole)?;
        Ok(Some(whole))
    }

    fn answered(&mut self, frame: &Json) -> Result<(), String> {
        let request = frame["requestId"].as_u64().ok_or("no requestId")?;
        if self.open.first() != Some(&request) {
            return Err(format!("answer {request} where {:?} are open", self.open));
        }
        self.open.remove(0);
        if !frame["logLines"].is_array() {
            return Err("no logLines".to_owned());
        }
        if frame["success"] == true {
            let ts = text_ts(&frame["ts"])?;
            if ts <= self.version.2 && !self.replayed.contains(&request) {
                return Err(format!("R6: {request} was shown before it was answered"));
            }
            self.uncovered.push((request, ts));
        }
        Ok(())
    }

    fn transition(&mut self, frame: &Json) -> Result<(), String> {
        let (start, end) = (version(&frame["startVersion"])?, version(&frame["endVersion"])?);
        if start != self.version {
            return Err(format!("R1: {start:?} after {:?}", self.version));
        }
        if end.0 < start.0 || end.1 < start.1 || end.2 < start.2 {
            return Err(format!("R2: {end:?} after {start:?}"));
        }
        if end.0 > self.query_set || end.1 > self.identity {
            return Err(format!("R3: {end:?} beyond what was sent"));
        }
        let mut seen = BTreeSet::new();
        for change in frame["modifications"].as_array().ok_or("no modifications")? {
            let query = change["queryId"].as_u64().ok_or("no queryId")?;
            if !seen.insert(query) {
                return Err(format!("{query} twice in a transition"));
            }
            self.change(query, change)?;
        }
        self.version = end;
        self.uncovered.retain(|(_, ts)| *ts > end.2);
        Ok(())
    }

    fn change(&mut self, query: u64, change: &Json) -> Result<(), String> {
        if change["type"] == "QueryRemoved" {
            self.results.remove(&query);
            return Ok(());
        }
        if !change["logLines"].is_array() || change.get("journal").is_none() {
            return Err(format!("no logLines or journal: {change}"));
        }
        if self.results.insert(query, change.clone()).as_ref() == Some(change) {
            return Err(format!("the same result again: {change}"));
        }
        Ok(())
    }
}
