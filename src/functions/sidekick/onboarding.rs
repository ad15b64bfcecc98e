//! `sidekick/onboarding`: what Sidekick has to know of a business before it speaks for it.

use super::{
    CHANGES, CHANGES_OF_KNOWN,
    facts::{
        FaqView, OfferView, TypedFaq, TypedLink, TypedOffer, TypedTone, copy_main_offering, main_offering,
        newest_first, set_fields,
    },
};
use crate::{
    functions::{
        context::{Reader, Writer},
        declare::{Done, Module, NoArgs, Reads, Style},
        failure::{CallError, Code, Failure, Field as Wrong},
    },
    sync::Trouble,
};
use greenroom_actors::{
    identity::{
        self,
        field::{Field, Value},
    },
    user::{
        Command, Reply,
        knowledge::{
            CALENDAR, CUSTOM, DIRECT, EntryId, Knowledge, LIKE_ME, PRIMARY, WEBSITE,
            change::{KnowledgeChange, Several},
        },
        slice,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The functions of the module.
pub(super) fn module() -> Module {
    let facts = Reads::user(slice::KNOWLEDGE);
    let row = Reads::identity(identity::slice::USER);
    let all = facts.and(row);
    Module::new("sidekick/onboarding", Style::Redirect)
        .mutation("updateSidekickOnboardingData", "Takes what the screens send together, or nothing.", update)
        .codes(CHANGES)
        .mutation("saveSidekickOfferLink", "Saves a link; of most kinds there is one.", save_link)
        .codes(CHANGES)
        .mutation("saveSidekickOffer", "Saves an offer; the one of its name is replaced.", save_offer)
        .codes(CHANGES)
        .mutation("saveSidekickToneProfile", "Saves the voice, with these samples only.", save_tone)
        .codes(CHANGES)
        .mutation("deleteOffer", "Deletes an offer.", delete_offer)
        .codes(&[Code::NotFound])
        .mutation("deleteFaq", "Deletes a question.", delete_faq)
        .codes(&[Code::NotFound])
        .query("getSidekickFaqs", "All questions, newest first.", facts, faqs)
        .mutation("completeSidekickOnboarding", "Ends onboarding, once everything needed is there.", complete)
        .codes(CHANGES_OF_KNOWN)
        .query("checkSidekickOnboardingStatus", "Whether onboarding was completed.", row, status)
        .style(Style::Result)
        .query("getSidekickOnboardingData", "What the screens show.", all, data)
        .query("getSidekickOfferLinks", "Links, as the screens show them.", facts, links)
        .query("getSidekickOffers", "Offers, newest first.", facts, offers)
        .query("getSidekickToneProfile", "The voice, as the screens show it.", facts, tone)
        .query("getSidekickMainOffering", "What the business sells.", all, offering)
}

/// What the screens send together; absent parts stay.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    /// At most 500 characters; empty leaves it.
    #[serde(default)]
    main_offering: Option<String>,
    /// At most 50.
    #[serde(default)]
    offer_links: Vec<TypedLink>,
    /// At most 50.
    #[serde(default)]
    offers: Vec<TypedOffer>,
    /// At most 50.
    #[serde(default)]
    faqs: Vec<TypedFaq>,
    #[serde(default)]
    tone_profile: Option<TypedTone>,
}

/// The entries that were made or changed, in the order in which they were sent.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Saved {
    link_ids: Vec<String>,
    offer_ids: Vec<String>,
    faq_ids: Vec<String>,
}

async fn update(writer: Writer, args: Update) -> Result<Saved, CallError> {
    let several = Several {
        main_offering: args.main_offering,
        links: args.offer_links.into_iter().map(Into::into).collect(),
        offers: args.offers.into_iter().map(Into::into).collect(),
        faqs: args.faqs.into_iter().map(Into::into).collect(),
        tone: args.tone_profile.map(Into::into),
    };
    let has_offering = several.main_offering.as_ref().is_some_and(|text| !text.trim().is_empty());
    let reply = changed(&writer, KnowledgeChange::Several(Box::new(several))).await?;
    if has_offering {
        copy_main_offering(&writer).await?;
    }
    let Reply::Entries(put) = reply else { return Err(Trouble::Internal.into()) };
    let ids = |ids: Vec<EntryId>| ids.iter().map(EntryId::to_string).collect();
    Ok(Saved { link_ids: ids(put.links), offer_ids: ids(put.offers), faq_ids: ids(put.faqs) })
}

async fn changed(writer: &Writer, change: KnowledgeChange) -> Result<Reply, CallError> {
    let bytes = change.bytes();
    writer.ask(Command::Knowledge(change), bytes).await
}

/// The same; the id of the entry that was put.
async fn put(writer: &Writer, put: KnowledgeChange) -> Result<String, CallError> {
    let Reply::Entry(id) = changed(writer, put).await? else { return Err(Trouble::Internal.into()) };
    Ok(id.to_string())
}

/// The link that was saved.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SavedLink {
    link_id: String,
}

async fn save_link(writer: Writer, args: TypedLink) -> Result<SavedLink, CallError> {
    Ok(SavedLink { link_id: put(&writer, KnowledgeChange::PutLink(args.into())).await? })
}

/// The offer that was saved.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SavedOffer {
    offer_id: String,
}

async fn save_offer(writer: Writer, args: TypedOffer) -> Result<SavedOffer, CallError> {
    Ok(SavedOffer { offer_id: put(&writer, KnowledgeChange::PutOffer(args.into())).await? })
}

async fn save_tone(writer: Writer, args: TypedTone) -> Result<Done, CallError> {
    changed(&writer, KnowledgeChange::SetTone(args.into())).await.map(|_| Done {})
}

/// Names an offer.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByOfferId {
    /// Which.
    offer_id: String,
}

async fn delete_offer(writer: Writer, args: ByOfferId) -> Result<Done, CallError> {
    changed(&writer, KnowledgeChange::DeleteOffer(EntryId::from(args.offer_id))).await.map(|_| Done {})
}

/// Names a question.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ByFaqId {
    /// Which.
    faq_id: String,
}

async fn delete_faq(writer: Writer, args: ByFaqId) -> Result<Done, CallError> {
    changed(&writer, KnowledgeChange::DeleteFaq(EntryId::from(args.faq_id))).await.map(|_| Done {})
}

/// Questions.
#[derive(Serialize, JsonSchema)]
struct Faqs {
    /// Newest first.
    data: Vec<FaqView>,
}

async fn faqs(reader: Reader, _: NoArgs) -> Result<Faqs, CallError> {
    Ok(Faqs { data: newest_first(&reader.user().knowledge.faqs) })
}

/// Links, as the screens show them; empty when there is none.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LinksForm {
    primary_offer_url: String,
    calendar_link: String,
    additional_info_url: String,
}

impl LinksForm {
    fn new(knowledge: &Knowledge) -> Self {
        let url = |kind| knowledge.link(kind).map(|link| link.url.to_string()).unwrap_or_default();
        Self {
            primary_offer_url: url(PRIMARY),
            calendar_link: url(CALENDAR),
            additional_info_url: url(WEBSITE),
        }
    }
}

/// A voice, as the screens show it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToneForm {
    /// The option that the screen offers: `Friendly`, `Direct`, `Like Me` or `Custom`.
    tone_type: &'static str,
    /// The same as it is sent: `friendly`, `direct`, `like_me` or `custom`; null when none was chosen.
    tone: Option<String>,
    /// The owner's description of a custom one.
    custom_tone: String,
    /// Samples, one a line.
    sample_messages: String,
}

impl ToneForm {
    fn new(knowledge: &Knowledge) -> Self {
        let tone = knowledge.tone.as_ref();
        let kind = tone.map(|tone| &*tone.kind).unwrap_or_default();
        let samples = tone.map(|tone| tone.samples.join("\n")).unwrap_or_default();
        let when = |is: bool| if is { samples.clone() } else { String::new() };
        Self {
            tone_type: match kind {
                DIRECT => "Direct",
                LIKE_ME => "Like Me",
                CUSTOM => "Custom",
                _ => "Friendly",
            },
            tone: tone.map(|tone| tone.kind.to_string()),
            custom_tone: when(kind == CUSTOM),
            sample_messages: when(kind != CUSTOM),
        }
    }
}

/// What the screens show.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Data {
    offer_links: LinksForm,
    /// Newest first.
    offers: Vec<OfferView>,
    tone_profile: ToneForm,
    /// Empty when nothing was said.
    main_offering: String,
}

async fn data(reader: Reader, _: NoArgs) -> Result<Data, CallError> {
    let knowledge = &reader.user().knowledge;
    Ok(Data {
        offer_links: LinksForm::new(knowledge),
        offers: newest_first(&knowledge.offers),
        tone_profile: ToneForm::new(knowledge),
        main_offering: offering_of(&reader)?,
    })
}

fn offering_of(reader: &Reader) -> Result<String, CallError> {
    let known = main_offering(reader.user(), reader.row()?);
    Ok(known.map(|text| text.as_ref().to_owned()).unwrap_or_default())
}

/// Links.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Links {
    offer_links: LinksForm,
}

async fn links(reader: Reader, _: NoArgs) -> Result<Links, CallError> {
    Ok(Links { offer_links: LinksForm::new(&reader.user().knowledge) })
}

/// Offers.
#[derive(Serialize, JsonSchema)]
struct Offers {
    /// Newest first.
    offers: Vec<OfferView>,
}

async fn offers(reader: Reader, _: NoArgs) -> Result<Offers, CallError> {
    Ok(Offers { offers: newest_first(&reader.user().knowledge.offers) })
}

/// The voice.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToneProfile {
    tone_profile: ToneForm,
}

async fn tone(reader: Reader, _: NoArgs) -> Result<ToneProfile, CallError> {
    Ok(ToneProfile { tone_profile: ToneForm::new(&reader.user().knowledge) })
}

/// What the business sells.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Offering {
    /// Empty when nothing was said.
    main_offering: String,
}

async fn offering(reader: Reader, _: NoArgs) -> Result<Offering, CallError> {
    Ok(Offering { main_offering: offering_of(&reader)? })
}

async fn complete(writer: Writer, _: NoArgs) -> Result<Done, CallError> {
    let user = writer.user().await?;
    let identity = writer.identity().await?;
    let known = identity.user().and_then(|row| main_offering(&user, row));
    let lacking: Vec<_> = user.knowledge.lacking();
    let lacking = lacking.into_iter().filter(|part| *part != "mainOffering" || known.is_none());
    let fields: Vec<_> = lacking.map(missing).collect();
    if !fields.is_empty() {
        let failure = Failure::new(Code::Validation, "onboarding is not complete");
        return Err(Failure { fields, ..failure }.into());
    }
    // What an earlier deployment knew of the owner, Sidekick should know too.
    if let Some(known) = known.filter(|_| user.knowledge.main_offering.is_none()) {
        changed(&writer, KnowledgeChange::MainOffering(known.as_ref().to_owned())).await?;
    }
    set_fields(&writer, vec![(Field::SidekickOnboardingComplete, Some(Value::Flag(true)))]).await?;
    Ok(Done {})
}

fn missing(part: &'static str) -> Wrong {
    Wrong { field: part.into(), code: "REQUIRED".into(), message: "is missing".into() }
}

/// Whether onboarding was completed.
#[derive(Serialize, JsonSchema)]
struct Status {
    sidekick_onboarding_complete: bool,
}

async fn status(reader: Reader, _: NoArgs) -> Result<Status, CallError> {
    let complete = reader.row()?.extra.get(Field::SidekickOnboardingComplete);
    Ok(Status { sidekick_onboarding_complete: complete == Some(Value::Flag(true)) })
}
