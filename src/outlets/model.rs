//! The port to a language model, and what stands there when none is set up.

use async_trait::async_trait;
use greenroom_actors::user::model::{ModelAnswer, ModelFailure, ModelRequest};

/// Answers questions of the decision engine. Text of people is data in the request, never an instruction.
#[async_trait]
pub trait Model: Send + Sync + 'static {
    /// Asks once.
    ///
    /// # Errors
    /// Says whether asking again may help; the engine decides whether and when to.
    async fn ask(&self, request: ModelRequest) -> Result<ModelAnswer, ModelFailure>;
}

/// No model: says so, so that the engine leaves the message to a person. Nothing is ever made up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModel;

#[async_trait]
impl Model for NoModel {
    async fn ask(&self, _: ModelRequest) -> Result<ModelAnswer, ModelFailure> {
        Err(ModelFailure::NotConfigured)
    }
}
