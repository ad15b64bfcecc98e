//! Ways out: what effects of entities become in the world.

mod deletion;
mod identity;
mod instagram;
pub mod model;

pub use deletion::DeletionOutlet;
pub use identity::{IdentityOutlet, SignInOutlet};
pub use instagram::{SendStop, TOKEN_FIELD, UserOutlet, UserOutletParts};

use async_trait::async_trait;
use greenroom_actors::{EntityId, custody::Custody, intake::Intake, ports::Outlet};

/// Notes of held accounts ask for nothing outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustodyOutlet;

#[async_trait]
impl Outlet<Custody> for CustodyOutlet {
    async fn run(
        &self,
        _: &EntityId,
        effect: std::convert::Infallible,
    ) -> Option<greenroom_actors::custody::Command> {
        match effect {}
    }
}

/// The intake log asks for nothing outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntakeOutlet;

#[async_trait]
impl Outlet<Intake> for IntakeOutlet {
    async fn run(
        &self,
        _: &EntityId,
        effect: std::convert::Infallible,
    ) -> Option<greenroom_actors::intake::Command> {
        match effect {}
    }
}
