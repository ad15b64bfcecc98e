//! The list of functions in the format that the Convex tools print and read (sync contract, section 19.2).

use super::{Shapes, shape::Shape};
use crate::{functions::Registry, sync::Kind};
use serde_json::{Map, Value, json};

/// `{url, functions: [{identifier, functionType, visibility, args, returns}]}`; `url` is the public address of the server.
#[must_use]
pub fn function_spec(registry: &Registry, url: &str) -> Value {
    let functions: Vec<Value> = registry
        .iter()
        .map(|function| {
            let shapes = Shapes::of(function);
            json!({
                "identifier": format!("{}.js:{}", function.module, function.name),
                "functionType": match function.kind {
                    Kind::Query => "Query",
                    Kind::Mutation => "Mutation",
                    Kind::Action => "Action",
                },
                "visibility": { "kind": "public" },
                "args": validator(&shapes.args),
                "returns": validator(&shapes.returns),
            })
        })
        .collect();
    json!({ "url": url, "functions": functions })
}

/// A validator (sync contract, section 19.3).
fn validator(shape: &Shape) -> Value {
    match shape {
        Shape::Null => json!({ "type": "null" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Text => json!({ "type": "string" }),
        Shape::Any => json!({ "type": "any" }),
        Shape::Literal(value) => json!({ "type": "literal", "value": value }),
        Shape::Array(of) => json!({ "type": "array", "value": validator(of) }),
        Shape::Record(of) => json!({
            "type": "record",
            "keys": { "type": "string" },
            "values": { "fieldType": validator(of), "optional": false },
        }),
        Shape::Object(fields) => {
            let fields: Map<String, Value> = fields
                .iter()
                .map(|field| {
                    let kind = json!({ "fieldType": validator(&field.shape), "optional": field.optional });
                    (field.name.clone(), kind)
                })
                .collect();
            json!({ "type": "object", "value": fields })
        }
        Shape::Union(branches) => {
            json!({ "type": "union", "value": branches.iter().map(validator).collect::<Vec<_>>() })
        }
    }
}
