//! Bodies of calls: how much of them is in memory at once, and what they say.

use super::answer::Refusal;
use crate::sync::{
    Call, Failed, Format, Product, Sync,
    limits::{BODY_BYTES_MAX, BODY_TIMEOUT},
    message::too_many_arguments,
    path,
};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;

/// A body that arrived whole, and its room.
pub(super) struct Arrived {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads a body. What a client only announces takes no room.
pub(super) async fn read<P: Product>(room: &Sync<P>, body: Body) -> Result<Arrived, Refusal> {
    tokio::time::timeout(BODY_TIMEOUT, collect(room, body)).await.unwrap_or(Err(Refusal::Slow))
}

async fn collect<P: Product>(room: &Sync<P>, mut body: Body) -> Result<Arrived, Refusal> {
    let (mut bytes, mut held) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Bad("BadBody", "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        bytes.extend_from_slice(&data);
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = Sync::<P>::body_permits(bytes.len()).saturating_sub(has);
        let missing = u32::try_from(missing).map_err(|_| Refusal::TooLarge)?;
        let more = Arc::clone(&room.bodies).try_acquire_many_owned(missing).map_err(|_| Refusal::Busy)?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
    }
    Ok(Arrived { bytes: bytes.freeze(), _room: held })
}

/// What a body says.
#[derive(Deserialize)]
pub(super) struct Asked<'a> {
    #[serde(borrow)]
    path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    format: Option<Cow<'a, str>>,
    /// Point for `query_at_ts`.
    #[serde(borrow)]
    pub(super) ts: Option<Cow<'a, str>>,
}

/// A call that can be run, or that fails as a call; and how its outcome is written.
pub(super) struct Understood {
    pub(super) call: Result<Call, Failed>,
    pub(super) format: Format,
}

impl<'a> Asked<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(bytes)
            .map_err(|_| Refusal::Bad("BadJsonBody", "the body is no JSON of a call"))
    }

    /// With the path that it names.
    pub(super) fn understand(&self) -> Result<Understood, Refusal> {
        let path = self.path.as_deref().ok_or(Refusal::Bad("BadPath", "the path is missing"))?;
        self.understand_at(path::normalise(path).map_err(bad_path)?)
    }

    /// With a path from elsewhere.
    pub(super) fn understand_at(&self, path: Arc<str>) -> Result<Understood, Refusal> {
        let format = format(self.format.as_deref())?;
        let call = arguments(self.args)?.map(|args| Call { path, args });
        Ok(Understood { call, format })
    }
}

pub(super) fn bad_path(_: path::PathError) -> Refusal {
    Refusal::Bad("BadPath", "the path of a function is module:function")
}

pub(super) fn format(name: Option<&str>) -> Result<Format, Refusal> {
    match name {
        Some("convex_encoded_json") => Ok(Format::Encoded),
        None | Some("json") => Ok(Format::Clean),
        Some(_) => Err(Refusal::Bad("BadFormat", "the format is json or convex_encoded_json")),
    }
}

/// An object, or a list of one at most.
pub(super) fn arguments(args: Option<&RawValue>) -> Result<Result<Arc<RawValue>, Failed>, Refusal> {
    let wrong = Refusal::Bad("BadArgs", "args is an object, or a list of one");
    let empty = || RawValue::from_string("{}".to_owned()).map(Arc::from).map_err(|_| Refusal::Failed);
    let Some(args) = args else { return Ok(Ok(empty()?)) };
    match args.get().as_bytes().first() {
        Some(b'{') => Ok(Ok(Arc::from(args.to_owned()))),
        Some(b'[') => {
            let list: Vec<&RawValue> = serde_json::from_str(args.get()).map_err(|_| wrong)?;
            Ok(match list.as_slice() {
                [] => Ok(empty()?),
                [one] => Ok(Arc::from((*one).to_owned())),
                _ => Err(too_many_arguments()),
            })
        }
        _ => Err(wrong),
    }
}
