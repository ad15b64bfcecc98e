//! The words that rules look for. Data only.
//!
//! Written in matching form without accents, so that "devolución" and "devolucion" are one; hyphens are spaces.
//! A word counts between word boundaries. `refund+s+ed` stands for `refund`, `refunds`, `refunded`; a final `*` lets
//! the word go on in any letters. Words of an [`Mark::Except`] take out what they overlap.

use super::HardCategory::{self, Hostility, Legal, MoneyBack, Safety, SensitiveData};

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Always for a person.
    Hard(HardCategory),
    /// Negotiation: soft.
    Negotiation,
    /// A document: soft together with a review verb.
    Document,
    /// Asks to look at something.
    Review,
    /// Hard when something is attached.
    IdentityDocument,
    /// Harmless use of a word of the others.
    Except,
}

/// Words by what they stand for, separated by commas; within a group English, Spanish, Portuguese, French, German,
/// Italian, Turkish.
pub(super) const WORDS: &[(Mark, &str)] = &[
    (
        Mark::Hard(MoneyBack),
        "
        refund+s+ed+ing+able, money back, moneyback, want my money, give me my money, stole my money,
        took my money, return my money, charge back, chargeback+s,
        cancel+s+ed+led+ing+ling+lation+lations+ation, dispute+s+d, disputing, scam+s+med+ming+mer+mers,
        fraud+s+ster+sters+ulent+ulently, reported, report you, reporting you, report this account,
        charged twice, double charged, overcharged, unauthorized charge, unauthorised charge, reembols*,
        devolucion+es, devolver el dinero, devuelvan*, devuelveme, devuelvame, quiero mi dinero,
        devuelve mi dinero, contracargo+s, cancelar*, cancelacion+es, cancelado+s, cancelada+s, cancelen,
        cancela, cancelo, cancele, cancelalo, estafa+s+do+da+dos+das+dor+dores+dora+doras+ron, fraude+s,
        fraudulent*, denunci*, estorn*, dinheiro de volta, quero meu dinheiro, devolve meu dinheiro,
        devolucao, devolucoes, devolvam, cancelamento+s, cancelei, cancelem, e golpe, um golpe, golpista+s,
        procon, rembours*, annul*, arnaqu*, escroc+s, escroquerie+s, litige+s, rendez moi mon argent,
        veux mon argent, ruckerstatt*, rueckerstatt*, erstattung*, geld zuruck, geld zurueck, will mein geld,
        stornier*, storno, kundigen, kundigung*, kuendig*, betrug, betrugs*, betruger*, betrueger*, betrogen,
        widerruf*, abzock*, reklamation*, reklamier*, rimbors*, soldi indietro, rivoglio i miei soldi,
        voglio i miei soldi, disdetta, disdire, truff*, frode, frodi, iade*, parami geri, param geri,
        geri odeme*, iptal*, dolandir*, sahtekar*
        ",
    ),
    (
        Mark::Hard(Legal),
        "
        legal, legally, illegal+ly, lawyer+s, attorney+s, sue+s+d, suing, lawsuit+s, court+s, gdpr,
        copyright+s+ed, dmca, trademark+s+ed, cease and desist, small claims, litigation, subpoena+s,
        data protection, consumer protection, solicitor+s, legales, ilegal+es, abogad*, demandar*,
        demandado+s, una demanda, juzgado+s, tribunal+es, derechos de autor, proteccion de datos, rgpd,
        advogad*, processar, processarei, processaremos, te processo, processo judicial, na justica,
        juizado+s, juridic*, direitos autorais, lgpd, tribunais, avocat+s+e+es, tribunaux, porter plainte,
        porte plainte, en justice, poursuites, droit d'auteur, droits d'auteur, juridique+s, legaux, anwalt*,
        rechtsanwalt*, anwaelt*, verklag*, vor gericht, gerichtlich*, amtsgericht*, rechtlich*, juristisch*,
        dsgvo, urheberrecht*, abmahn*, strafanzeige*, verbraucherschutz*, verbraucherzentrale*,
        rechtsschutz*, avvocat*, legale, legali, legalmente, tribunale, tribunali, querel*, diritto d'autore,
        diritti d'autore, avukat*, dava, davaci, mahkeme*, hukuk*, yasal, savcilik*, savciliga, kvkk,
        telif hakk*, tuketici hakem*
        ",
    ),
    (
        Mark::Hard(Safety),
        "
        suicid*, kill myself, killing myself, end my life, ending my life, take my own life, want to die,
        wanna die, self harm*, selfharm*, hurt myself, hurting myself, harm myself, cutting myself,
        no reason to live, better off dead, overdose*, kill you, i'll hurt you, i will hurt you,
        gonna hurt you, going to hurt you, and hurt you, want to hurt you, shoot you, stab you, beat you up,
        i know where you live, death threat+s, bomb threat, threatening me, raped, rapist+s, heart attack,
        can't breathe, cant breathe, cannot breathe, ambulance+s, call 911, call 999, call 112, chest pain+s,
        emergency, emergencies, unconscious, allergic reaction, anaphyla*, seizure+s, i'm a minor,
        im a minor, i am a minor, underage, under 18, sexual abuse, abusing me, quiero morir, quiero morirme,
        matarme, quitarme la vida, autolesion*, te voy a matar, ambulancia+s, emergencia+s, sobredosis,
        infarto, menor de edad, soy menor, amenaz*, quero morrer, quero me matar, vou me matar,
        tirar minha vida, tirar a minha vida, automutil*, vou te matar, menor de idade, sou menor, ameac*,
        ataque cardiaco, envie de mourir, veux mourir, me tuer, fin a mes jours, te tuer, vous tuer,
        urgence medicale, aux urgences, crise cardiaque, je suis mineur+e, menace+s, menacer, selbstmord*,
        suizid*, mich umbringen, bringe mich um, bring mich um, dich umbringen, bringe dich um,
        bring dich um, will sterben, nicht mehr leben, krankenwagen, notarzt, notfall, herzinfarkt,
        minderjahrig*, minderjaehrig*, bedroh*, voglio morire, uccidermi, ammazzarmi, farla finita,
        ti ammazzo, ti uccido, ambulanza, emergenza, minorenn*, minacc*, intihar*, olmek istiyorum,
        kendimi oldur*, seni oldur*, ambulans*, acil durum, kalp krizi, resit degil*, 18 yasindan kucuk*,
        tehdit*
        ",
    ),
    (
        Mark::Hard(SensitiveData),
        "
        my password, mi contrasena, minha senha, mon mot de passe, mein passwort, la mia password, sifrem,
        my credit card number, my card number, my ssn, social security number
        ",
    ),
    // Asking for a person; more of English is put together from the two lists below.
    (
        Mark::Hard(Hostility),
        "
        real person, real human, actual person, actual human, live agent, live person, human agent,
        to a human being, with a human being, human please, human support, are you a bot, are you a robot,
        are you a human, are you human, is this a bot, is this a robot, talking to a bot, talking to a robot,
        stupid bot, useless bot, speak to someone, talk to someone, hablar con una persona,
        hablar con un humano, hablar con alguien, hablar con un agente, hablar con el encargado,
        hablar con un encargado, hablar con el gerente, persona real, atencion humana, con un ser humano,
        com um ser humano, eres un bot, eres un robot, es un bot, hablo con un robot, hablando con un robot,
        falar com uma pessoa, falar com um humano, falar com alguem, falar com o gerente,
        falar com um gerente, falar com um atendente, falar com atendente, atendente, pessoa de verdade,
        pessoa real, atendimento humano, e um robo, e um bot, parler a quelqu'un, parler a un humain,
        parler a une personne, parler a un conseiller, parler a un responsable, parler avec quelqu'un,
        vraie personne, vrai humain, a un etre humain, avec un etre humain, un vrai conseiller,
        etes vous un robot, vous etes un robot, tu es un robot, t'es un robot, est ce un robot, a un robot,
        service humain, mit einem menschen, mit einer person, echten menschen, echter mensch, echte person,
        echten person, mit jemandem sprechen, mitarbeiter sprechen, mit einem mitarbeiter, vorgesetzt*,
        bist du ein bot, sind sie ein bot, geschaftsfuhrer sprechen, parlare con una persona,
        parlare con un umano, parlare con qualcuno, parlare con un operatore, parlare con un responsabile,
        parlare con il responsabile, persona reale, persona vera, persona in carne, operatore umano,
        sei un bot, sei un robot, con un essere umano, insanla gorus*, insanla konus*, gercek bir insan*,
        gercek insan*, gercek bir kisi*, gercek kisi*, musteri temsilci*, temsilciye, yetkiliyle,
        yetkili biri*, bot musun, robot musun, canli destek*
        ",
    ),
    // Insults and complaints.
    (
        Mark::Hard(Hostility),
        "
        idiot+s+ic, moron+s, asshole+s, bitch+es, fuck you, fuck off, fuck u, piece of shit, bullshit,
        scumbag+s, go to hell, liar+s, thief, thieves, rip off, ripoff, ripped off, ripping people off,
        shame on you, worst service, worst experience, terrible service, horrible service, awful service,
        bad service, terrible experience, rude, unacceptable, complaint+s, complain+ed+ing, you suck,
        waste of money, this is ridiculous, disgusting service, very disappointed, so disappointed, furious,
        idiota+s, imbecil*, estupid*, hijo de puta, hijos de puta, de mierda, pendej*, cabron+es, ladron+es,
        mentiros*, que verguenza, una verguenza, queja+s, quejarme, pesimo servicio, mal servicio,
        reclamacion+es, inaceptable, filho da puta, filha da puta, de merda, vai se foder, vai tomar no cu,
        ladrao, ladroes, que vergonha, uma vergonha, pessimo atendimento, pessimo servico, reclamacao,
        reclamacoes, reclame aqui, um absurdo, palhacada, inaceitavel, connard+s, connasse+s, salope+s,
        encule+s, de merde, va te faire, voleur+s, menteur+s, une honte, honteux, reclamation+s,
        inadmissible, inacceptable, service nul, une plainte, idioten, arschloch*, verarsch*, wichser,
        hurensohn*, lugner, luegner, unverschamt*, unverschaemt*, frechheit, beschwerde, beschweren,
        beschwere, schlechter service, unzumutbar, scheiss service, scheissladen, scheiss laden, idioti,
        stronz*, vaffanculo, pezzo di merda, figlio di puttana, ladri, bugiard*, che vergogna, una vergogna,
        vergognatevi, pessimo servizio, inaccettabile, fate schifo, aptal*, salak*, gerizekali*, orospu*,
        siktir*, hirsiz*, yalanci*, rezalet*, sikayet*, berbat hizmet, utanmaz*
        ",
    ),
    (
        Mark::Negotiation,
        "
        custom, customise+d, customize+d, customization, deadline+s, discount+s+ed, pricing, scope, terms,
        negotiate, negotiable, best price, lower price, cheaper, descuento+s, rebaja+s, negociar, negociable,
        mas barato, desconto+s, negociavel, mais barato, remise+s, rabais, negocier, moins cher, rabatt+e,
        verhandel*, gunstiger, guenstiger, sconto, sconti, negoziare, trattabile, indirim*, pazarlik*,
        daha ucuz
        ",
    ),
    (
        Mark::Document,
        "
        contract+s, deck+s, doc+s, document+s, drive, estimate+s, invoice+s, loom, notion, pdf+s, proposal+s,
        quote+s, slide+s, contrato+s, factura+s, presupuesto+s, propuesta+s, documento+s, fatura+s,
        orcamento+s, proposta+s, contrat, contrats, facture+s, devis, proposition+s, vertrag, vertrage,
        rechnung+en, angebot+e, dokument+e, contratto, contratti, fattura, fatture, preventivo, preventivi,
        sozlesme*, teklif*, belge*
        ",
    ),
    (
        Mark::Review,
        "
        approve+d+s, approval, check+ed+ing, confirm+ed+ing, feedback, look over, looked over, review+ed+ing,
        sign+ed+ing, thoughts, verify, verified, revisar, revisa, revise, aprobar, firmar, confirmar,
        verificar, assinar, aprovar, conferir, revisao, signer, valider, verifier, relire, approuver, prufen,
        pruefen, unterschreib*, bestatig*, bestaetig*, freigeben, firmare, approvare, controllare,
        verificare, confermare, imzala*, onayla*, incele*, kontrol et*
        ",
    ),
    (
        Mark::IdentityDocument,
        "
        passport+s, id card, identity card, my id, driver's license, drivers license, driving licence,
        driving license, identity document, ssn, pasaporte, dni, cedula, licencia de conducir, passaporte,
        carteira de identidade, cpf, cnh, passeport, carte d'identite, permis de conduire, reisepass,
        personalausweis, ausweis, fuhrerschein, fuehrerschein, passaporto, carta d'identita, patente,
        pasaport*, kimlik*, ehliyet*
        ",
    ),
    // A playing field, not a judge; in French "short" and "runs".
    (
        Mark::Except,
        "
        tennis court+s, basketball court+s, padel court+s, pickleball court+s, badminton court+s,
        volleyball court+s, food court+s, court side, trop court, plus court, tres court, assez court,
        a court, le court, un court, il court, elle court, on court, qui court, format court, court metrage,
        court terme, cheveux courts
        ",
    ),
    // A name in English, a pronoun in Italian.
    (
        Mark::Except,
        "
        hi sue, hey sue, hello sue, dear sue, thanks sue, thank you sue, i'm sue, name is sue, aunt sue,
        le sue, delle sue, alle sue, dalle sue, nelle sue, sulle sue, tra le sue, sono sue, tue e sue
        ",
    ),
    // "Cool" in Portuguese.
    (
        Mark::Except,
        "
        que legal, muito legal, mto legal, super legal, tao legal, bem legal, mais legal, e legal,
        achei legal, acho legal, foi legal, ficou legal, seria legal, ta legal, tudo legal, legal demais,
        legal isso, legal esse, legal essa, legal seu, legal sua, conteudo legal, legal o seu, legal a sua
        ",
    ),
    // Food.
    (
        Mark::Except,
        "
        avocat toast, toast avocat, toast a l'avocat, toasts a l'avocat, avocats murs, avocat mur,
        salade d'avocat
        ",
    ),
    // Payments and orders are processed too.
    (
        Mark::Except,
        "
        processar o pagamento, processar pagamento, processar meu pagamento, processar o pedido,
        processar meu pedido
        ",
    ),
    // Years of something, not of age.
    (
        Mark::Except,
        "
        anos de, anos trabajando, anos trabalhando, ans de, ans d', anni di, emergency fund+s,
        emergencia financeira, reserva de emergencia, fondo de emergencia, fondo di emergenza, idiot proof,
        in terms of, legal name, it's not a rip off, overdose of cuteness, kill you to, shoot you a,
        shoot you an, shoot you over, shoot you some, shoot you my, shoot you the, human hair
        ",
    ),
];

/// Verbs of asking for someone, each of which goes with each of [`SOMEONE`].
pub(super) const ASKING: &str = "
    speak to, speak with, talk to, talk with, chat with, speaking to, talking to, get me, give me, i want,
    i need, want to see, connect me to, connect me with, transfer me to, put me through to, pass me to,
    can i get, contact
";
/// Who is asked for.
pub(super) const SOMEONE: &str = "
    a human, an human, a person, a real person, a real human, an actual person, an actual human, a manager,
    the manager, your manager, a supervisor, your supervisor, an agent, a live agent, a live person,
    a representative, your boss, somebody real, someone real, human
";
/// Name of a signal of those.
pub(super) const ASKS_FOR_PERSON: &str = "asks for a person";

/// Ages that a child tells, in years.
pub(super) const CHILD_YEARS: std::ops::RangeInclusive<u8> = 8..=17;
/// How the age is told; `#` stands for the number.
pub(super) const TELLING_AGE: &str = "
    i'm # years old, im # years old, i am # years old, i'm # yrs old, im # yrs old, i am # yrs old, i'm # yo,
    im # yo, i am # yo, i'm # y/o, im # y/o, i am # y/o, i'm only #, im only #, i am only #, tengo # anos,
    tenho # anos, j'ai # ans, ich bin # jahre alt, ich bin erst #, ho # anni, ben # yasindayim, # yasindayim
";
/// Name of a signal of those.
pub(super) const TELLS_CHILD_AGE: &str = "age under 18";

/// Whole messages that mean "cool" in Portuguese, though they are a word of the list.
pub(super) const HARMLESS_ALONE: &[&str] = &["legal", "legal demais"];

/// Calls that, with two question marks or more after our reply, say that nobody answers.
pub(super) const CALLS: &str = "
    hello, hi, hey, hola, ola, oi, alo, allo, bonjour, hallo, ciao, pronto, selam, anyone, anybody,
    anyone there, still there
";

/// The words of a row.
pub(super) fn each(row: &'static str) -> impl Iterator<Item = &'static str> {
    row.split(',').map(str::trim).filter(|word| !word.is_empty())
}
