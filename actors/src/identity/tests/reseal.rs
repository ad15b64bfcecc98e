use super::world::*;
use crate::identity::{
    Command, Rejection, Reply, Sealed,
    command::LinkFlow,
    mail::{MailKind, NewMail},
    row::Provider,
};

fn reseal(from: &str, to: &str) -> Command {
    Command::Reseal { from: from.into(), to: to.into() }
}

#[test]
fn a_secret_is_sealed_again_where_it_still_stands_and_nothing_else_changes() {
    let mut world = World::ada();
    let link =
        Command::LinkAccount { flow: LinkFlow::IdToken, profile: profile("sub1", ADA), account: "g1".into() };
    world.run(link).unwrap();
    let payload = Sealed::from("old mail");
    world.run(Command::SendMail(NewMail { payload, ..mail(MailKind::VerifyEmail, ADA) })).unwrap();
    let before = world.identity.clone();
    world.wait(SECOND);
    for (from, to) in [("refresh", "refresh anew"), ("old mail", "new mail")] {
        assert_eq!(world.run(reseal(from, to)), Ok(Reply::Done));
    }
    let account = |identity: &crate::identity::Identity| {
        crate::identity::row::Account::clone(identity.provider_account(Provider::Google, "sub1").unwrap())
    };
    let (old, new) = (account(&before), account(&world.identity));
    let tokens = new.provider_login().unwrap().tokens.clone();
    assert_eq!((tokens.access, tokens.id), (Some("access".into()), Some("id".into())));
    assert_eq!(tokens.refresh, Some("refresh anew".into()));
    assert_eq!((old.updated_at, old.id), (new.updated_at, new.id));
    let payloads: Vec<_> = world.identity.mails().map(|mail| mail.payload.as_str().to_owned()).collect();
    assert_eq!(payloads, ["new mail"]);
    // Replaced meanwhile, asked again, nobody there.
    let events = world.events.len();
    assert_eq!(world.run(reseal("refresh", "late")), Ok(Reply::Done));
    assert_eq!(world.events.len(), events);
    assert_eq!(World::vacant().run(reseal("refresh", "late")), Err(Rejection::NoUser));
}
