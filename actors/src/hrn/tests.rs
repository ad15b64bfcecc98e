use super::{
    HardCategory::{Hostility, Legal, MoneyBack, Safety, SensitiveData},
    SoftCategory::{Documents, Negotiation},
    *,
};
use Class::{Clear, Hard, Soft, Trivial};

fn class(text: &str) -> Class {
    assess(text, &HrnContext::default()).class
}

#[test]
fn messages() {
    for (text, expected) in MESSAGES {
        assert_eq!(class(text), *expected, "{text:?}: {:?}", assess(text, &HrnContext::default()).signals);
    }
    assert!(MESSAGES.len() >= 80);
}

const MESSAGES: &[(&str, Class)] = &[
    // Words inside other words.
    ("I'm a new customer", Clear),
    ("Read my horoscope", Clear),
    ("Love the design!", Clear),
    ("Ask your doctor", Clear),
    ("how do you determine the size", Clear),
    ("no issue at all", Clear),
    ("I want to pursue this", Clear),
    ("so courteous, thank you", Clear),
    ("a suede jacket", Clear),
    ("courtesy of my aunt", Clear),
    ("customers love it", Clear),
    ("Notional price?", Clear),
    ("designated driver", Clear),
    ("the docking station", Clear),
    // Ordinary questions.
    ("Hi! How much is the course?", Clear),
    ("Where can I find the link?", Clear),
    ("Do you ship to Spain?", Clear),
    ("Can you send me the PDF?", Clear),
    ("price please 🔥", Clear),
    ("no", Clear),
    ("что это", Clear),
    ("价格多少", Clear),
    // Acknowledgements.
    ("ok", Trivial),
    ("Thanks!!", Trivial),
    ("👍🏽", Trivial),
    ("sounds good.", Trivial),
    ("obrigada!", Trivial),
    // Money back.
    ("I want a refund", Hard(MoneyBack)),
    ("was I REFUNDED?", Hard(MoneyBack)),
    ("money-back guarantee?", Hard(MoneyBack)),
    ("I will file a dispute with my bank", Hard(MoneyBack)),
    ("please cancel my order", Hard(MoneyBack)),
    ("cancelling today", Hard(MoneyBack)),
    ("this is a SCAM", Hard(MoneyBack)),
    ("ＲＥＦＵＮＤ now", Hard(MoneyBack)),
    ("re\u{200B}fund", Hard(MoneyBack)),
    ("you were reported", Hard(MoneyBack)),
    ("Quiero un reembolso", Hard(MoneyBack)),
    ("quiero la devolución", Hard(MoneyBack)),
    ("quiero la devolucion", Hard(MoneyBack)),
    ("son unos estafadores", Hard(MoneyBack)),
    ("quero meu dinheiro de volta", Hard(MoneyBack)),
    ("fizeram o estorno?", Hard(MoneyBack)),
    ("isso é golpe", Hard(MoneyBack)),
    ("quero o cancelamento", Hard(MoneyBack)),
    ("Je veux être remboursée", Hard(MoneyBack)),
    ("c'est une arnaque", Hard(MoneyBack)),
    ("Ich möchte mein Geld zurück", Hard(MoneyBack)),
    ("Rückerstattung bitte", Hard(MoneyBack)),
    ("das ist Betrug", Hard(MoneyBack)),
    ("Voglio un rimborso", Hard(MoneyBack)),
    ("è una truffa", Hard(MoneyBack)),
    ("iade istiyorum", Hard(MoneyBack)),
    ("SİPARİŞİ İPTAL ET", Hard(MoneyBack)),
    ("dolandırıcı mısınız", Hard(MoneyBack)),
    // Law.
    ("I will sue you", Hard(Legal)),
    ("see you in court", Hard(Legal)),
    ("my lawyer will call", Hard(Legal)),
    ("is this legal?", Hard(Legal)),
    ("GDPR request", Hard(Legal)),
    ("that's my copyright", Hard(Legal)),
    ("hablaré con mi abogado", Hard(Legal)),
    ("vou falar com minha advogada", Hard(Legal)),
    ("Mon avocat vous écrira", Hard(Legal)),
    ("Mein Anwalt meldet sich", Hard(Legal)),
    ("parlo con il mio avvocato", Hard(Legal)),
    ("avukatım arayacak", Hard(Legal)),
    ("que legal!", Clear),
    ("Muito legal o seu trabalho", Clear),
    ("legal!", Clear),
    ("le sue foto sono belle", Clear),
    ("Hi Sue, how are you", Clear),
    ("is there a tennis court?", Clear),
    ("le texte est trop court", Clear),
    // Safety.
    ("I want to kill myself", Hard(Safety)),
    ("thinking about suicide", Hard(Safety)),
    ("i will find and hurt you", Hard(Safety)),
    ("I can’t breathe, call an ambulance", Hard(Safety)),
    ("im 13 years old can i join", Hard(Safety)),
    ("tengo 15 años", Hard(Safety)),
    ("tengo 15 años de experiencia", Clear),
    ("I'm 15 minutes away", Clear),
    ("quiero morirme", Hard(Safety)),
    ("Ich will nicht mehr leben", Hard(Safety)),
    ("intihar etmek istiyorum", Hard(Safety)),
    ("sou menor de idade", Hard(Safety)),
    ("you killed it!", Clear),
    ("I'll shoot you a dm", Clear),
    ("where should I put my money?", Clear),
    ("o estafeta já saiu", Clear),
    ("best tips for an emergency fund", Clear),
    // Sensitive data.
    ("4111 1111 1111 1111 exp 12/29", Hard(SensitiveData)),
    ("my IBAN is DE89 3704 0044 0532 0130 00", Hard(SensitiveData)),
    ("I forgot my password", Hard(SensitiveData)),
    ("senha: abc12345", Hard(SensitiveData)),
    ("call 4111 1111 1111 1112", Clear),
    ("here is my passport", Clear),
    // Hostility, complaint, asking for a person.
    ("Can I speak to a human?", Hard(Hostility)),
    ("I need human hair extensions, price?", Clear),
    ("I want to talk to your manager", Hard(Hostility)),
    ("is this a real person", Hard(Hostility)),
    ("you are an idiot", Hard(Hostility)),
    ("the worst service ever", Hard(Hostility)),
    ("I have a complaint", Hard(Hostility)),
    ("quiero hablar con una persona", Hard(Hostility)),
    ("quero falar com um atendente", Hard(Hostility)),
    ("je veux parler à quelqu’un", Hard(Hostility)),
    ("ich will mit einem Menschen sprechen", Hard(Hostility)),
    ("posso parlare con un operatore?", Hard(Hostility)),
    ("gerçek bir insanla görüşmek istiyorum", Hard(Hostility)),
    ("my manager loves it", Clear),
    ("what??", Clear),
    // Negotiation and documents.
    ("any discount for two?", Soft(Negotiation)),
    ("do you do custom work", Soft(Negotiation)),
    ("what is your pricing", Soft(Negotiation)),
    ("in terms of size it fits", Clear),
    ("¿hay descuento?", Soft(Negotiation)),
    ("indirim var mı", Soft(Negotiation)),
    ("please review the contract", Soft(Documents)),
    ("can you check the invoice", Soft(Documents)),
    ("thoughts on the deck?", Soft(Documents)),
    ("I like your slides", Clear),
    ("check this out", Clear),
    ("puedes revisar el contrato", Soft(Documents)),
];

#[test]
fn the_gravest_category_wins_and_all_signals_stay() {
    let both = assess("my lawyer says refund me or I kill myself", &HrnContext::default());
    assert_eq!(both.class, Hard(Safety));
    assert_eq!(both.signals, ["kill myself", "lawyer", "refund"]);
    let mixed = assess("refund, and what is the pricing?", &HrnContext::default());
    assert_eq!((mixed.class, mixed.signals), (Hard(MoneyBack), vec!["refund", "pricing"]));
    let many = "refund scam fraud dispute cancel lawyer attorney sue court gdpr copyright suicide idiot";
    assert_eq!(assess(many, &HrnContext::default()).signals.len(), SIGNALS_MAX);
}

#[test]
fn context_counts() {
    let after_reply = HrnContext { after_our_reply: true, ..HrnContext::default() };
    for text in ["??", "? ?", "???!", "hello??", "Hey ???"] {
        assert_eq!(assess(text, &after_reply).class, Hard(Hostility), "{text:?}");
        assert_eq!(assess(text, &HrnContext::default()).class, Clear, "{text:?}");
    }
    assert_eq!(assess("?", &after_reply).class, Clear);
    assert_eq!(assess("is it free??", &after_reply).class, Clear);
    let attached = HrnContext { has_attachment: true, ..HrnContext::default() };
    assert_eq!(assess("here is my passport", &attached).class, Hard(SensitiveData));
    assert_eq!(assess("here is my photo", &attached).class, Clear);
}

#[test]
fn only_the_first_characters_are_read() {
    let at_the_end = format!("{} refund", "é".repeat(TEXT_CHARS_MAX - 7));
    assert!(class(&at_the_end).is_hard());
    let past_it = format!("{} refund", "é".repeat(TEXT_CHARS_MAX - 6));
    assert_eq!(class(&past_it), Clear);
}

#[test]
fn no_text_is_clear() {
    let empty = assess(" \u{200B} ", &HrnContext::default());
    assert_eq!((empty.class, empty.confidence), (Clear, 0.1));
    assert!(Hard(Safety).notifies_immediately() && !Hard(Legal).notifies_immediately());
    assert!(Soft(Documents).allows_fixed_reply() && !Hard(Legal).allows_fixed_reply());
}

#[test]
fn the_vocabulary_is_written_in_the_form_it_is_looked_for() {
    for (_, words) in vocabulary::WORDS {
        for word in vocabulary::each(words) {
            assert!(word.is_ascii() && word == word.to_lowercase() && !word.contains('-'), "{word}");
            assert_eq!(normalise(word), word);
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_text_gets_a_verdict(text in ".{0,200}", after_our_reply: bool, has_attachment: bool) {
        let assessment = assess(&text, &HrnContext { after_our_reply, has_attachment });
        proptest::prop_assert!((0.0..=1.0).contains(&assessment.confidence));
        proptest::prop_assert_eq!(assessment.signals.is_empty(), matches!(assessment.class, Clear | Trivial));
    }

    #[test]
    fn a_risk_word_between_any_words_is_seen(before in "[a-z]{0,8}", after in "[a-z]{0,8}") {
        let text = format!("{before} refund, {after}");
        proptest::prop_assert!(class(&text).is_hard());
    }
}
