//! What is published of the functions: their shapes in every form that clients and tools read. All from the declarations.

mod openapi;
mod shape;
mod spec;
mod typescript;

pub use openapi::openapi;
pub use spec::function_spec;
pub use typescript::typescript;

use super::{
    declare::{Function, Style},
    failure::Failure,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Value, json};
use shape::Shape;

/// Shapes of what a client sends and gets.
struct Shapes {
    /// The one argument.
    args: Shape,
    /// The result, with what the style adds.
    returns: Shape,
}

impl Shapes {
    fn of(function: &Function) -> Self {
        Self { args: Shape::of(&args_schema(function)), returns: Shape::of(&returns_schema(function)) }
    }
}

fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings.with(|settings| settings.inline_subschemas = true).into_generator()
}

/// JSON schema of the argument, everything in one place.
pub(super) fn args_schema(function: &Function) -> Value {
    let schema = (function.args)(&mut generator(SchemaSettings::draft2020_12().for_deserialize()));
    Schema::to_value(schema)
}

/// JSON schema of the result as clients get it.
fn returns_schema(function: &Function) -> Value {
    let mut generator = generator(SchemaSettings::draft2020_12().for_serialize());
    let result = Schema::to_value((function.returns)(&mut generator));
    match function.style {
        Style::Throws => result,
        Style::Result | Style::Redirect => {
            let failed = NotDone::json_schema(&mut generator).to_value();
            json!({ "anyOf": [succeeded(result), failed] })
        }
    }
}

/// A failure in the styles with `success`.
#[derive(Serialize, JsonSchema)]
struct NotDone {
    /// Always false.
    #[schemars(with = "False")]
    success: bool,
    /// For people.
    error: String,
    #[serde(flatten)]
    failure: Failure,
}

/// The literal `false`.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "a shape only")]
#[schemars(extend("const" = false))]
struct False(bool);

/// The result of a success: its own fields beside `success: true`.
fn succeeded(mut result: Value) -> Value {
    let success = json!({ "const": true });
    match result.as_object_mut() {
        Some(object) if object.contains_key("anyOf") => {
            let branches = object.get("anyOf").and_then(Value::as_array).cloned().unwrap_or_default();
            json!({ "anyOf": branches.into_iter().map(succeeded).collect::<Vec<_>>() })
        }
        Some(object) => {
            let properties = object.entry("properties").or_insert_with(|| json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert("success".to_owned(), success);
            }
            let required = object.entry("required").or_insert_with(|| json!([]));
            if let Some(required) = required.as_array_mut() {
                required.push(json!("success"));
            }
            object.insert("type".to_owned(), json!("object"));
            result
        }
        None => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::Registry;

    #[test]
    fn every_function_has_shapes_without_gaps() {
        for function in Registry::product().iter() {
            let path = function.path();
            let shapes = Shapes::of(function);
            let Shape::Object(fields) = &shapes.args else { panic!("{path}: arguments are an object") };
            for field in fields {
                assert!(!field.shape.has_any(), "{path}: {} may be anything", field.name);
            }
            assert!(!shapes.returns.has_any(), "{path}: the result may be anything: {:?}", shapes.returns);
            if function.style != Style::Throws {
                let Shape::Union(branches) = &shapes.returns else { panic!("{path}: {:?}", shapes.returns) };
                assert!(branches.iter().all(|branch| branch.field("success").is_some()), "{path}");
            }
        }
    }
}
