//! The declaration of a function: all that the server, its documents and its generated client know of it.

use super::{
    context::{Reader, Writer},
    failure::{CallError, Code, Failure},
};
use crate::sync::{Encoded, Kind};
use futures::future::BoxFuture;
use greenroom_actors::slices::Slices;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::future::Future;

/// How failures reach clients: existing ones rely on it (product contract, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The call fails with `{code, message, …}` as its data.
    Throws,
    /// The call succeeds with `{success: false, error, code, …}`; a result has `success: true` beside its own fields.
    Result,
    /// As `Result`, but without a user the call fails: the client goes to its sign-in page.
    Redirect,
}

/// What somebody who is not signed in gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// A failure, in the style of the function.
    Refused,
    /// This JSON.
    Gets(&'static str),
}

/// Parts of the caller's entities that a query reads. It is run again when one of them changes, and only then: reading
/// more than was declared shows stale results, which a test over all functions looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Of the workspace.
    pub user: Slices,
    /// Of the identity.
    pub identity: Slices,
}

impl Reads {
    /// Parts of the workspace.
    #[must_use]
    pub const fn user(user: Slices) -> Self {
        Self { user, identity: Slices::NONE }
    }

    /// Parts of the identity.
    #[must_use]
    pub const fn identity(identity: Slices) -> Self {
        Self { user: Slices::NONE, identity }
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { user: self.user.and(other.user), identity: self.identity.and(other.identity) }
    }
}

/// Arguments of a function: an object; unknown keys are refused (`deny_unknown_fields`).
pub(super) trait Arguments: DeserializeOwned + JsonSchema + Send + 'static {}
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Arguments for T {}

/// Result of a function. In the styles with `success` an object.
pub(super) trait Returned: Serialize + JsonSchema + Send + 'static {}
impl<T: Serialize + JsonSchema + Send + 'static> Returned for T {}

/// No arguments: `{}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoArgs {}

/// Nothing to tell. In the styles with `success` it is `{success: true}`.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Done {}

/// What a function came to, rendered.
pub(super) type Rendered = Result<Encoded, CallError>;
type Handler<C> = Box<dyn Fn(C, Value) -> BoxFuture<'static, Rendered> + Send + Sync>;

/// How it runs.
pub(super) enum Run {
    /// Reads a snapshot.
    Query(Handler<Reader>),
    /// Changes or acts for a user.
    Write(Handler<Writer>),
}

/// One function.
pub struct Function {
    /// Module, in camel case, folders before slashes.
    pub module: &'static str,
    /// Name within the module.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// One sentence.
    pub summary: &'static str,
    /// How it fails.
    pub style: Style,
    /// What it does without a user.
    pub signed_out: SignedOut,
    /// What it reads; of queries.
    pub reads: Reads,
    /// Failures beside wrong arguments and nobody being signed in.
    pub codes: &'static [Code],
    /// Running it twice would be seen by third parties.
    pub seen_outside: bool,
    /// Shape of the arguments.
    pub args: fn(&mut SchemaGenerator) -> Schema,
    /// Shape of the result, without what the style adds.
    pub returns: fn(&mut SchemaGenerator) -> Schema,
    pub(super) run: Run,
}

impl Function {
    /// `module:name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}:{}", self.module, self.name)
    }
}

/// The functions of one module, being declared.
pub(super) struct Module {
    name: &'static str,
    style: Style,
    functions: Vec<Function>,
}

impl Module {
    /// A module, with the style of its functions.
    pub(super) const fn new(name: &'static str, style: Style) -> Self {
        Self { name, style, functions: Vec::new() }
    }

    /// Sets the style of the functions that follow: results that are no objects can only be thrown beside.
    pub(super) const fn style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Declares a query: the same snapshot and arguments give the same result.
    pub(super) fn query<A, R, F, Fut>(
        self,
        name: &'static str,
        summary: &'static str,
        reads: Reads,
        run: F,
    ) -> Self
    where
        A: Arguments,
        R: Returned,
        F: Fn(Reader, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send + 'static,
    {
        let run = Run::Query(handler(self.style, run));
        self.declare::<A, R>(name, Kind::Query, summary, reads, run)
    }

    /// Declares a mutation: one command to an entity of the caller, all or nothing.
    pub(super) fn mutation<A, R, F, Fut>(self, name: &'static str, summary: &'static str, run: F) -> Self
    where
        A: Arguments,
        R: Returned,
        F: Fn(Writer, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send + 'static,
    {
        let run = Run::Write(handler(self.style, run));
        self.declare::<A, R>(name, Kind::Mutation, summary, Reads::default(), run)
    }

    /// Declares an action: asks other services.
    pub(super) fn action<A, R, F, Fut>(self, name: &'static str, summary: &'static str, run: F) -> Self
    where
        A: Arguments,
        R: Returned,
        F: Fn(Writer, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, CallError>> + Send + 'static,
    {
        let run = Run::Write(handler(self.style, run));
        self.declare::<A, R>(name, Kind::Action, summary, Reads::default(), run)
    }

    fn declare<A: Arguments, R: Returned>(
        mut self,
        name: &'static str,
        kind: Kind,
        summary: &'static str,
        reads: Reads,
        run: Run,
    ) -> Self {
        self.functions.push(Function {
            module: self.name,
            name,
            kind,
            summary,
            style: self.style,
            signed_out: SignedOut::Refused,
            reads,
            codes: &[],
            seen_outside: false,
            args: |generator| generator.subschema_for::<A>(),
            returns: |generator| generator.subschema_for::<R>(),
            run,
        });
        self
    }

    /// The failures of the last function.
    pub(super) fn codes(mut self, codes: &'static [Code]) -> Self {
        if let Some(last) = self.functions.last_mut() {
            last.codes = codes;
        }
        self
    }

    /// What the last function does without a user.
    pub(super) fn signed_out(mut self, signed_out: SignedOut) -> Self {
        if let Some(last) = self.functions.last_mut() {
            last.signed_out = signed_out;
        }
        self
    }

    /// Running the last function twice would be seen by third parties.
    pub(super) fn seen_outside(mut self) -> Self {
        if let Some(last) = self.functions.last_mut() {
            last.seen_outside = true;
        }
        self
    }

    pub(super) fn into_functions(self) -> Vec<Function> {
        self.functions
    }
}

/// Decodes the arguments, runs, renders the result.
fn handler<C, A, R, F, Fut>(style: Style, run: F) -> Handler<C>
where
    C: Send + 'static,
    A: Arguments,
    R: Returned,
    F: Fn(C, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, CallError>> + Send + 'static,
{
    Box::new(move |context, args| {
        let decoded = decode::<A>(args);
        let running = decoded.map(|args| run(context, args));
        Box::pin(async move { render(style, &running?.await?) })
    })
}

/// The arguments as their type. Texts are taken as typed.
fn decode<A: Arguments>(args: Value) -> Result<A, CallError> {
    serde_json::from_value(args).map_err(|error| {
        let message = format!("ArgumentValidationError: {error}");
        Failure::new(Code::Validation, message).into()
    })
}

/// A result in the style of its function.
fn render<R: Returned>(style: Style, result: &R) -> Rendered {
    #[derive(Serialize)]
    struct Succeeded<'a, R> {
        success: bool,
        #[serde(flatten)]
        result: &'a R,
    }
    let text = match style {
        Style::Throws => serde_json::to_string(result),
        Style::Result | Style::Redirect => serde_json::to_string(&Succeeded { success: true, result }),
    };
    match text {
        Ok(text) => Ok(Encoded(text.into())),
        Err(error) => {
            tracing::error!(%error, "a result cannot be encoded");
            Err(crate::sync::Trouble::Internal.into())
        }
    }
}
