//! The functions as an OpenAPI document: for people who call them over plain HTTP, and for tools.

use super::{args_schema, returns_schema};
use crate::{
    functions::{Function, Registry},
    sync::Kind,
};
use serde_json::{Map, Value, json};

/// The document; `url` is the public address of the server.
#[must_use]
pub fn openapi(registry: &Registry, url: &str) -> Value {
    let paths: Map<String, Value> = registry
        .iter()
        .map(|function| {
            (
                format!("/api/run/{}/{}", function.module, function.name),
                json!({ "post": operation(function) }),
            )
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Greenroom",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every function of the product. The same functions are served to the official Convex client \
                over WebSocket, where queries are live.",
        },
        "servers": [{ "url": url }],
        "security": [{ "token": [] }],
        "components": { "securitySchemes": { "token": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "From `GET /api/auth/convex/token` of a signed-in session; good for 15 minutes.",
        } } },
        "paths": paths,
    })
}

fn operation(function: &Function) -> Value {
    let kind = match function.kind {
        Kind::Query => "Query",
        Kind::Mutation => "Mutation",
        Kind::Action => "Action",
    };
    let mut described = format!("{kind}.");
    if !function.codes.is_empty() {
        let codes: Vec<String> = function
            .codes
            .iter()
            .filter_map(|code| serde_json::to_value(code).ok()?.as_str().map(str::to_owned))
            .collect();
        described.push_str(&format!(" May fail with {}.", codes.join(", ")));
    }
    let args = json!({
        "type": "object",
        "properties": { "args": args_schema(function), "format": { "enum": ["json", "convex_encoded_json"] } },
    });
    let succeeded = json!({
        "type": "object",
        "properties": { "status": { "const": "success" }, "value": returns_schema(function) },
        "required": ["status", "value"],
    });
    let failed = json!({
        "type": "object",
        "properties": {
            "status": { "const": "error" },
            "errorMessage": { "type": "string" },
            "errorData": { "type": "object", "properties": {
                "code": { "type": "string" }, "message": { "type": "string" },
            } },
        },
        "required": ["status", "errorMessage"],
    });
    let operation = json!({
        "operationId": function.path(),
        "tags": [function.module],
        "summary": function.summary,
        "description": described,
        "requestBody": { "content": { "application/json": { "schema": args } } },
        "responses": {
            "200": {
                "description": "The function succeeded, or said no.",
                "content": { "application/json": { "schema": { "oneOf": [succeeded, failed] } } },
            },
            "401": { "description": "The token is wrong or over." },
            "503": { "description": "Too much at once; `Retry-After` says when again." },
        },
    });
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_in_the_document() {
        let registry = Registry::product();
        let document = openapi(&registry, "https://api.example");
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), registry.iter().count());
        assert!(paths.contains_key("/api/run/automations/createAutomation"));
    }
}
