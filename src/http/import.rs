//! `POST /api/admin/import/identities`: rows of the auth tables of a previous deployment, behind the operator's token.

use super::{
    error::{ApiError, Code},
    router::Door,
};
use crate::import::identities::{self, Report, Rows};
use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};

/// Largest body, in bytes: some thousands of users at a time.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Takes rows over; answered when all of them are durable. Safe to repeat.
pub(super) async fn identities(
    State(door): State<Door>,
    body: Result<Json<Rows>, JsonRejection>,
) -> Result<Json<Report>, ApiError> {
    // The words of the parser could quote a value of a row.
    let Json(rows) = body.map_err(|rejection| {
        ApiError::new(Code::Validation, format!("these are no rows (status {})", rejection.status().as_u16()))
    })?;
    Ok(Json(identities::import(&door.app, rows).await?))
}
