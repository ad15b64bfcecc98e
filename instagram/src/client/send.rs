//! Calls that people see the effect of.

use super::Client;
use crate::{
    errors::Target,
    ids::{AccountId, segment},
    outcome::{Answer, Lost, Response, SendOutcome, send_outcome},
    send::{OutgoingMessage, PublicReply, Recipient},
    usage::Usage,
};
use secrecy::SecretString;

impl Client {
    /// Sends a message or a private reply. Called once: it is never repeated here.
    pub async fn send_message(
        &self,
        token: &SecretString,
        account: &AccountId,
        message: &OutgoingMessage,
    ) -> Answer<SendOutcome> {
        let target = match message.recipient() {
            Recipient::Person(_) => Target::Person,
            Recipient::Comment(_) => Target::Object,
        };
        let url = format!("{}/{}/messages", self.graph, segment(account.as_str()));
        let call = self.call(self.http.post(url).json(message), token).await;
        answer(&call, target, "message_id")
    }

    /// Replies publicly under a comment. Called once: it is never repeated here. `Sent` carries the id of the new
    /// comment, which will come back as a webhook.
    pub async fn reply_publicly(&self, token: &SecretString, reply: &PublicReply) -> Answer<SendOutcome> {
        let url = format!("{}/{}/replies", self.graph, segment(reply.comment().as_str()));
        // No `fields` here: with them the comment is created and the call fails all the same.
        let form = [("message", reply.text())];
        let call = self.call(self.http.post(url).form(&form), token).await;
        answer(&call, Target::Object, "id")
    }
}

fn answer(call: &Result<Response, Lost>, target: Target, id_member: &str) -> Answer<SendOutcome> {
    let usage = call.as_ref().map_or_else(|_| Usage::default(), |response| response.usage);
    Answer { value: send_outcome(call, target, id_member), usage }
}
