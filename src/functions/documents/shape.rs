//! The shape of a value, as far as clients need to know it.

use serde_json::{Map, Value};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// `null`.
    Null,
    /// True or false.
    Boolean,
    /// A float.
    Number,
    /// Text.
    Text,
    /// This value only.
    Literal(Value),
    /// A list.
    Array(Box<Shape>),
    /// An object with these fields and no others.
    Object(Vec<Field>),
    /// An object with any keys.
    Record(Box<Shape>),
    /// One of these.
    Union(Vec<Shape>),
    /// Anything.
    Any,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) optional: bool,
    /// For people.
    pub(super) summary: Option<String>,
}

impl Shape {
    /// The shape that a JSON schema without references describes. What it says beyond that (lengths, formats) is left out.
    pub(super) fn of(schema: &Value) -> Self {
        let Some(schema) = schema.as_object() else { return Self::Any };
        for several in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(several).and_then(Value::as_array) {
                return Self::union(branches.iter().map(Self::of));
            }
        }
        if let Some(value) = schema.get("const") {
            return Self::Literal(value.clone());
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Self::union(values.iter().cloned().map(|value| match value {
                Value::Null => Self::Null,
                value => Self::Literal(value),
            }));
        }
        match schema.get("type") {
            Some(Value::Array(types)) => Self::union(types.iter().map(|kind| Self::of_type(kind, schema))),
            Some(kind) => Self::of_type(kind, schema),
            None => Self::Any,
        }
    }

    fn of_type(kind: &Value, schema: &Map<String, Value>) -> Self {
        match kind.as_str() {
            Some("null") => Self::Null,
            Some("boolean") => Self::Boolean,
            Some("number" | "integer") => Self::Number,
            Some("string") => Self::Text,
            Some("array") => Self::Array(Box::new(schema.get("items").map_or(Self::Any, Self::of))),
            Some("object") => Self::of_object(schema),
            _ => Self::Any,
        }
    }

    fn of_object(schema: &Map<String, Value>) -> Self {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return match schema.get("additionalProperties") {
                Some(values) if values.is_object() => Self::Record(Box::new(Self::of(values))),
                Some(Value::Bool(true)) => Self::Record(Box::new(Self::Any)),
                _ => Self::Object(Vec::new()),
            };
        };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        let field = |(name, schema): (&String, &Value)| Field {
            name: name.clone(),
            shape: Self::of(schema),
            optional: !is_required(name),
            summary: schema.get("description").and_then(Value::as_str).map(str::to_owned),
        };
        Self::Object(properties.iter().map(field).collect())
    }

    /// One of these; nested ones are one union, and what comes twice is there once.
    fn union(shapes: impl Iterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for shape in shapes {
            let flat = match shape {
                Self::Union(branches) => branches,
                one => vec![one],
            };
            for one in flat {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                all.push(last);
                Self::Union(all)
            }
            (None, _) => Self::Any,
        }
    }

    /// A field of an object.
    #[cfg(test)]
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|field| field.name == name).map(|field| &field.shape),
            _ => None,
        }
    }

    /// Somewhere in it is a value of which nothing is known.
    #[cfg(test)]
    pub(super) fn has_any(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Array(of) | Self::Record(of) => of.has_any(),
            Self::Object(fields) => fields.iter().any(|field| field.shape.has_any()),
            Self::Union(branches) => branches.iter().any(Self::has_any),
            Self::Null | Self::Boolean | Self::Number | Self::Text | Self::Literal(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_become_shapes() {
        let schema = json!({
            "type": "object",
            "properties": {
                "id": { "type": "string", "description": "Which." },
                "score": { "type": ["integer", "null"] },
                "stage": { "enum": ["new", "lead"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "either": { "anyOf": [{ "type": "null" }, { "oneOf": [{ "const": true }, { "type": "null" }] }] },
                "counts": { "type": "object", "additionalProperties": { "type": "number" } }
            },
            "required": ["id"]
        });
        let shape = Shape::of(&schema);
        let text = |text: &str| Shape::Literal(json!(text));
        assert_eq!(shape.field("score"), Some(&Shape::Union(vec![Shape::Number, Shape::Null])));
        assert_eq!(shape.field("stage"), Some(&Shape::Union(vec![text("new"), text("lead")])));
        assert_eq!(shape.field("tags"), Some(&Shape::Array(Box::new(Shape::Text))));
        assert_eq!(
            shape.field("either"),
            Some(&Shape::Union(vec![Shape::Null, Shape::Literal(json!(true))]))
        );
        assert_eq!(shape.field("counts"), Some(&Shape::Record(Box::new(Shape::Number))));
        let Shape::Object(fields) = shape else { panic!() };
        let id = fields.iter().find(|field| field.name == "id").unwrap();
        assert_eq!((id.optional, id.summary.as_deref()), (false, Some("Which.")));
    }
}
