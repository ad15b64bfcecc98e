//! Calls over HTTP: what the HTTP client of the package and plain programs use.

mod answer;
mod body;
pub(crate) mod cors;

use self::{
    answer::{Refusal, json},
    body::{Asked, Understood},
};
use super::{
    Call, Failed, Kind, Outcome, Product, RequestKey, Sync, Trouble, Ts,
    connection::{End, Run},
    failure,
    limits::{BATCH_MAX, EXPIRY_LEEWAY, PARALLEL_QUERIES_MAX},
    path,
    room::caught,
};
use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, TryStreamExt, stream};
use greenroom_actors::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Header that makes a mutation safe to repeat.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest key.
const KEY_BYTES_MAX: usize = 128;

type Room<P> = State<Arc<Sync<P>>>;
type Caller<P> = Option<<P as Product>::Caller>;

/// `POST /api/query`.
pub(super) async fn query<P: Product>(room: Room<P>, headers: HeaderMap, body: Body) -> Response {
    call(&room, &headers, body, Kind::Query).await.into_response()
}

/// `POST /api/mutation`.
pub(super) async fn mutation<P: Product>(room: Room<P>, headers: HeaderMap, body: Body) -> Response {
    call(&room, &headers, body, Kind::Mutation).await.into_response()
}

/// `POST /api/action`.
pub(super) async fn action<P: Product>(room: Room<P>, headers: HeaderMap, body: Body) -> Response {
    call(&room, &headers, body, Kind::Action).await.into_response()
}

async fn call<P: Product>(
    room: &Arc<Sync<P>>,
    headers: &HeaderMap,
    body: Body,
    kind: Kind,
) -> Result<Response, Refusal> {
    let permit = admit(room)?;
    let caller = caller(room, headers).await?;
    let body = body::read(room, body).await?;
    let understood = Asked::parse(&body.bytes)?.understand()?;
    run(room, caller, headers, understood, kind, permit).await
}

/// Parameters of `GET /api/query`.
#[derive(Deserialize)]
pub(super) struct Parameters {
    path: Option<String>,
    args: Option<String>,
    format: Option<String>,
}

/// `GET /api/query?path=…&args=…&format=…`.
pub(super) async fn query_by_address<P: Product>(
    room: Room<P>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    let answer = async {
        let permit = admit(&room)?;
        let caller = caller(&room, &headers).await?;
        let path = parameters.path.as_deref().ok_or(Refusal::Bad("BadPath", "the path is missing"))?;
        let path = path::normalise(path).map_err(body::bad_path)?;
        let format = body::format(parameters.format.as_deref())?;
        let args = parameters.args.as_deref().map(serde_json::from_str::<&RawValue>).transpose();
        let args = body::arguments(args.map_err(|_| Refusal::Bad("BadArgs", "args is no JSON"))?)?;
        let call = args.map(|args| Call { path, args });
        run(&room, caller, &headers, Understood { call, format }, Kind::Query, permit).await
    };
    answer.await.into_response()
}

/// `POST /api/run/<folder>/<module>/<function>`: a function of whatever kind.
pub(super) async fn run_by_address<P: Product>(
    room: Room<P>,
    Path(address): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let permit = admit(&room)?;
        let caller = caller(&room, &headers).await?;
        let path = path::from_segments(&address).map_err(body::bad_path)?;
        let kind = room.product.kind(&path).unwrap_or(Kind::Query);
        let body = body::read(&room, body).await?;
        let understood = Asked::parse(&body.bytes)?.understand_at(path)?;
        run(&room, caller, &headers, understood, kind, permit).await
    };
    answer.await.into_response()
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    queries: Vec<Asked<'a>>,
}

/// `POST /api/query_batch`: several queries at one point.
pub(super) async fn query_batch<P: Product>(room: Room<P>, headers: HeaderMap, body: Body) -> Response {
    let answer = async {
        let _permit = admit(&room)?;
        let caller = caller(&room, &headers).await?;
        let body = body::read(&room, body).await?;
        let batch: Batch<'_> = serde_json::from_slice(&body.bytes)
            .map_err(|_| Refusal::Bad("BadJsonBody", "the body is no JSON of a batch"))?;
        if batch.queries.len() > BATCH_MAX {
            return Err(Refusal::Bad("BadBatch", "too many queries in a batch"));
        }
        let queries = batch.queries.iter().map(Asked::understand).collect::<Result<Vec<_>, _>>()?;
        let snapshot = snapshot(&room, caller.as_ref()).await?;
        let (room, caller, snapshot) = (&room, caller.as_ref(), &snapshot);
        let results: Vec<String> = stream::iter(queries)
            .map(async |query| {
                let outcome = evaluate(room, caller, snapshot, query.call).await?;
                answer::outcome(&outcome, query.format)
            })
            .buffered(PARALLEL_QUERIES_MAX)
            .try_collect()
            .await?;
        Ok(json(format!(r#"{{"results":[{}]}}"#, results.join(","))).into_response())
    };
    answer.await.into_response()
}

/// `POST /api/query_ts`: a point for queries that are to agree.
pub(super) async fn query_ts<P: Product>(room: Room<P>) -> Response {
    json(format!(r#"{{"ts":"{}"}}"#, room.product.newest().to_wire())).into_response()
}

/// `POST /api/query_at_ts`: a query at such a point.
pub(super) async fn query_at_ts<P: Product>(room: Room<P>, headers: HeaderMap, body: Body) -> Response {
    let answer = async {
        let _permit = admit(&room)?;
        let caller = caller(&room, &headers).await?;
        let body = body::read(&room, body).await?;
        let asked = Asked::parse(&body.bytes)?;
        let ts = asked.ts.as_deref().and_then(Ts::from_wire);
        let ts = ts.ok_or(Refusal::Bad("BadTimestamp", "ts is no timestamp"))?;
        let Understood { call, format } = asked.understand()?;
        let snapshot = snapshot_at(&room, caller.as_ref(), ts).await?;
        let outcome = evaluate(&room, caller.as_ref(), &snapshot, call).await?;
        Ok::<_, Refusal>(json(answer::outcome(&outcome, format)?).into_response())
    };
    answer.await.into_response()
}

/// `POST /api/debug_event`: taken note of, no more.
pub(super) async fn debug_event() -> Response {
    json("{}".to_owned()).into_response()
}

/// `GET /version`.
pub(super) async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

async fn run<P: Product>(
    room: &Arc<Sync<P>>,
    caller: Caller<P>,
    headers: &HeaderMap,
    understood: Understood,
    kind: Kind,
    permit: OwnedSemaphorePermit,
) -> Result<Response, Refusal> {
    let outcome = match (understood.call, kind) {
        (Err(failed), _) => Err(room.named(failed)),
        (call, Kind::Query) => {
            let snapshot = snapshot(room, caller.as_ref()).await?;
            evaluate(room, caller.as_ref(), &snapshot, call).await?
        }
        (Ok(call), Kind::Mutation) => {
            let key = key(headers)?;
            mutate(room, Run { request: 0, call, caller, key }, permit).await?
        }
        (Ok(call), Kind::Action) => act(room, Run { request: 0, call, caller, key: None }, permit).await?,
    };
    Ok(json(answer::outcome(&outcome, understood.format)?).into_response())
}

/// A place among the calls. What goes on after its client hung up keeps it.
fn admit<P: Product>(room: &Sync<P>) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(&room.calls).try_acquire_owned().map_err(|_| Refusal::Busy)
}

/// Whoever the token names; nobody without one.
async fn caller<P: Product>(room: &Sync<P>, headers: &HeaderMap) -> Result<Caller<P>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().ok().and_then(|value| value.split_once(' '));
    let (scheme, token) = value.ok_or(Refusal::Token("the Authorization header has no scheme"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::Token("the scheme of the Authorization header is Bearer"));
    }
    let admitted = room.product.authenticate(token.trim()).await.map_err(|refused| match refused {
        super::Refused::Invalid(why) => Refusal::Token(why),
        super::Refused::Unchecked => Refusal::Unavailable,
    })?;
    if room.now() >= Timestamp::from_millis(admitted.expires_at_ms) + EXPIRY_LEEWAY {
        return Err(Refusal::Token("the token has expired"));
    }
    match room.check_live(Some(&admitted.caller)).await? {
        true => Ok(Some(admitted.caller)),
        false => Err(Refusal::Token("the session has ended")),
    }
}

fn key(headers: &HeaderMap) -> Result<Option<RequestKey>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let wrong = Refusal::Bad("BadIdempotencyKey", "Idempotency-Key has 1 to 128 visible ASCII characters");
    let text = value.to_str().map_err(|_| wrong)?;
    if text.is_empty() || text.len() > KEY_BYTES_MAX {
        return Err(wrong);
    }
    // A name that no client object gives itself.
    Ok(Some(RequestKey { session: format!("idempotency-key:{text}").into(), request: 0 }))
}

async fn snapshot<P: Product>(room: &Sync<P>, caller: Option<&P::Caller>) -> Result<P::Snapshot, Trouble> {
    let newest = room.product.newest();
    let snapshot = caught(room.product.snapshot(caller)).await?;
    room.recent.keep(room.now(), caller, &snapshot, room.product.ts(&snapshot), newest);
    Ok(snapshot)
}

/// What the caller could read at a point of the last half minute.
async fn snapshot_at<P: Product>(
    room: &Sync<P>,
    caller: Option<&P::Caller>,
    ts: Ts,
) -> Result<P::Snapshot, Refusal> {
    if ts > room.product.newest() {
        return Err(Refusal::Bad("BadTimestamp", "ts lies in the future"));
    }
    let current = snapshot(room, caller).await?;
    if room.product.ts(&current) <= ts {
        return Ok(current);
    }
    let past = room.recent.at(room.now(), caller, ts);
    past.ok_or(Refusal::Bad("BadTimestamp", "ts is not known any more; ask for another one"))
}

async fn evaluate<P: Product>(
    room: &Sync<P>,
    caller: Option<&P::Caller>,
    snapshot: &P::Snapshot,
    call: Result<Call, Failed>,
) -> Result<Outcome, Refusal> {
    let checked = call.and_then(|call| {
        let wrong = failure::wrong_kind(&call.path, room.product.kind(&call.path), Kind::Query);
        wrong.map_or(Ok(call), Err)
    });
    let outcome = match checked {
        Ok(call) => caught(room.product.query(caller, snapshot, &call, None)).await?.outcome,
        Err(failed) => Err(failed),
    };
    Ok(outcome.map_err(|failed| room.named(failed)))
}

/// Goes on when the client hangs up: half a mutation there is not.
async fn mutate<P: Product>(
    room: &Arc<Sync<P>>,
    run: Run<P::Caller>,
    permit: OwnedSemaphorePermit,
) -> Result<Outcome, Refusal> {
    let owned = Arc::clone(room);
    let running = room.tasks.spawn(async move {
        let session = run.key.as_ref().map(|key| &key.session);
        let lane = owned.lanes.of(session, run.caller.as_ref());
        let _turn = lane.turn().await;
        let end = owned.mutate(&run).await;
        drop(permit);
        end
    });
    match running.await.map_err(|_| Refusal::Failed)? {
        End::Done(mutated) => Ok(mutated.outcome.map_err(|failed| room.named(failed))),
        End::Trouble(trouble) => Err(trouble.into()),
        End::Revoked => Err(Refusal::Token("the session has ended")),
        End::Unkeyed => Err(Refusal::Bad("IdempotencyKeyMissing", "this mutation needs an Idempotency-Key")),
    }
}

async fn act<P: Product>(
    room: &Arc<Sync<P>>,
    run: Run<P::Caller>,
    permit: OwnedSemaphorePermit,
) -> Result<Outcome, Refusal> {
    let owned = Arc::clone(room);
    let running = room.tasks.spawn(async move {
        let end = owned.act(&run).await;
        drop(permit);
        end
    });
    match running.await.map_err(|_| Refusal::Failed)? {
        End::Done(outcome) => Ok(outcome.map_err(|failed| room.named(failed))),
        End::Trouble(trouble) => Err(trouble.into()),
        End::Revoked => Err(Refusal::Token("the session has ended")),
        End::Unkeyed => Err(Refusal::Failed),
    }
}
