//! `sidekick/aiTools/offers`: offers and links.

use super::{
    super::{
        CHANGES, CHANGES_OF_KNOWN,
        facts::{LinkView, OfferView, TypedLink, TypedOffer, newest_first},
    },
    change, put,
};
use crate::functions::{
    clearable,
    context::{Reader, Writer},
    declare::{Done, Module, NoArgs, Reads, Style},
    failure::{CallError, Code},
};
use greenroom_actors::user::{
    knowledge::change::{KnowledgeChange, OfferPatch},
    slice,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions of the module.
pub(super) fn module() -> Module {
    let facts = Reads::user(slice::KNOWLEDGE);
    Module::new("sidekick/aiTools/offers", Style::Result)
        .query("listUserOffers", "All offers, newest first.", facts, list)
        .mutation("createUserOffer", "Adds an offer of a new name.", create)
        .codes(CHANGES)
        .mutation("updateUserOffer", "Changes an offer; absent parts stay.", update)
        .codes(CHANGES_OF_KNOWN)
        .mutation("deleteUserOffer", "Deletes an offer.", delete)
        .codes(&[Code::NotFound])
        .query("listUserOfferLinks", "All links, newest first.", facts, list_links)
        .mutation("addUserOfferLink", "Adds a link; of most kinds there is one.", add_link)
        .codes(CHANGES)
        .mutation("deleteUserOfferLink", "Deletes a link.", delete_link)
        .codes(&[Code::NotFound])
}

/// Offers.
#[derive(Serialize, JsonSchema)]
struct Offers {
    /// Newest first.
    offers: Vec<OfferView>,
}

async fn list(reader: Reader, _: NoArgs) -> Result<Offers, CallError> {
    Ok(Offers { offers: newest_first(&reader.user().knowledge.offers) })
}

/// The offer that was added.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Created {
    offer_id: String,
}

async fn create(writer: Writer, args: TypedOffer) -> Result<Created, CallError> {
    let offer_id = put(&writer, "createUserOffer", KnowledgeChange::AddOffer(args.into())).await?;
    Ok(Created { offer_id })
}

/// New values of an offer.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    /// Which.
    offer_id: String,
    /// 1 to 500 characters, of no other offer.
    #[serde(default)]
    name: Option<String>,
    /// 1 to 4000 characters.
    #[serde(default)]
    content: Option<String>,
    /// Whole dollars, 0 to 10,000,000; null clears.
    #[serde(default, deserialize_with = "clearable")]
    value: Option<Option<f64>>,
}

async fn update(writer: Writer, args: Update) -> Result<Done, CallError> {
    let patch = OfferPatch { name: args.name, content: args.content, value: args.value };
    let update = KnowledgeChange::UpdateOffer { id: args.offer_id.into(), patch };
    change(&writer, "updateUserOffer", update).await.map(|_| Done {})
}

/// Names an offer.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByOfferId {
    /// Which.
    offer_id: String,
}

async fn delete(writer: Writer, args: ByOfferId) -> Result<Done, CallError> {
    let delete = KnowledgeChange::DeleteOffer(args.offer_id.into());
    change(&writer, "deleteUserOffer", delete).await.map(|_| Done {})
}

/// Links.
#[derive(Serialize, JsonSchema)]
struct Links {
    /// Newest first.
    links: Vec<LinkView>,
}

async fn list_links(reader: Reader, _: NoArgs) -> Result<Links, CallError> {
    Ok(Links { links: newest_first(&reader.user().knowledge.links) })
}

/// The link that was added.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Added {
    link_id: String,
}

async fn add_link(writer: Writer, args: TypedLink) -> Result<Added, CallError> {
    let link_id = put(&writer, "addUserOfferLink", KnowledgeChange::PutLink(args.into())).await?;
    Ok(Added { link_id })
}

/// Names a link.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByLinkId {
    /// Which.
    link_id: String,
}

async fn delete_link(writer: Writer, args: ByLinkId) -> Result<Done, CallError> {
    let delete = KnowledgeChange::DeleteLink(args.link_id.into());
    change(&writer, "deleteUserOfferLink", delete).await.map(|_| Done {})
}
