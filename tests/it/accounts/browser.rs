//! A browser with a cookie jar, the people behind it, and what they find in their mailbox.

use crate::world::{Plans, World};
use greenroom::auth::mail::Shown;
use greenroom_actors::{
    clock::ManualClock,
    identity::{Email, Identity, claim},
};
use greenroom_instagram::plain;
use reqwest::{Method, RequestBuilder, header, redirect::Policy};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Password of everybody who has not another one.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Real time within which a mail must have arrived.
const MAIL_DEADLINE: Duration = Duration::from_secs(30);
/// Real time between two looks when nothing tells of a change.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// The cookie that carries the session.
pub(crate) const SESSION: &str = "better-auth.session_token";
/// The secret that signs the cookies of these tests.
pub(crate) const SECRET: &str = "door-secret-0123456789-abcdefghij";

/// No tenant, no rate limit, a known secret.
pub(crate) fn plans() -> Plans {
    let mut plans = Plans { tenants: Vec::new(), ..Plans::default() };
    plans.config.auth.rate_limit = "off".to_owned();
    plans.config.auth.secrets = vec![greenroom::config::Secret::new(SECRET)];
    plans
}

/// A world for accounts, changed a little.
pub(crate) async fn world(change: impl FnOnce(&mut greenroom::config::Auth)) -> World {
    let mut plans = plans();
    change(&mut plans.config.auth);
    World::with(plans).await
}

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn read(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, text: answer.text().await.unwrap() }
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The code of an error; empty without one.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// Where the browser is sent; empty when nowhere.
    pub(crate) fn location(&self) -> String {
        self.all("location").pop().unwrap_or_default()
    }

    /// Status and code, to compare with.
    pub(crate) fn outcome(&self) -> (u16, String) {
        (self.status, self.code())
    }

    /// Everything that was said, to search in.
    pub(crate) fn everything(&self) -> String {
        format!("{:?}\n{}", self.headers, self.text)
    }
}

/// One browser: its cookies, the page that it shows, and the address that its proxy tells of it.
#[derive(Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    /// Where the door really is.
    door: String,
    /// Origin of the page that sends requests.
    pub(crate) origin: Option<String>,
    /// Value of `X-Forwarded-For`.
    pub(crate) address: Option<String>,
    pub(crate) jar: Vec<(String, String)>,
    /// Moved on while an answer waits for its time.
    clock: Option<ManualClock>,
    /// A sign-up waits too: it does not tell whether the address is known.
    waits_to_sign_up: bool,
}

/// Endpoints whose answers wait for their time.
const PATIENT: [&str; 3] =
    ["/api/auth/request-password-reset", "/api/auth/change-email", "/api/auth/send-verification-email"];

impl Browser {
    /// A fresh browser that shows a page of the product.
    pub(crate) fn of(world: &World) -> Self {
        let door = format!("http://{}", world.door);
        let settings = &world.app.auth.settings;
        let signs_in = settings.sign_in_after_sign_up && !settings.require_email_verification;
        let clock = Some(world.clock.clone());
        Self { clock, waits_to_sign_up: !signs_in, ..Self::at(&door, world.app.auth.origins.own()) }
    }

    /// A fresh browser before a door, showing a page of an origin.
    pub(crate) fn at(door: &str, origin: &str) -> Self {
        let http = plain::client_builder().unwrap().redirect(Policy::none()).build().unwrap();
        let (door, origin) = (door.to_owned(), Some(origin.to_owned()));
        Self { http, door, origin, address: None, jar: Vec::new(), clock: None, waits_to_sign_up: false }
    }

    /// The same with new connections: the process behind the door is another one.
    pub(crate) fn again(&self) -> Self {
        let fresh = Self::at(&self.door, "");
        Self { http: fresh.http, ..self.clone() }
    }

    /// A request without cookies and without an origin.
    pub(crate) fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.door))
    }

    /// The value of the `Cookie` header.
    pub(crate) fn cookie_header(&self) -> String {
        let pairs = self.jar.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// A request as the browser sends it.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let mut request = self.bare(method, path);
        if !self.jar.is_empty() {
            request = request.header(header::COOKIE, self.cookie_header());
        }
        if let (Some(origin), true) = (&self.origin, method != "GET") {
            request = request.header(header::ORIGIN, origin);
        }
        if let Some(address) = &self.address {
            request = request.header("x-forwarded-for", address);
        }
        request
    }

    /// Sends a request and keeps the cookies of the answer.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let waits = match request.url().path() {
            "/api/auth/sign-up/email" => self.waits_to_sign_up,
            path => PATIENT.contains(&path),
        };
        let http = self.http.clone();
        let answer = async { Answer::read(http.execute(request).await.unwrap()).await };
        let answer = match self.clock.clone().filter(|_| waits) {
            Some(clock) => patiently_by(&clock, answer).await,
            None => answer.await,
        };
        for line in answer.all("set-cookie") {
            self.keep(&line);
        }
        answer
    }

    fn keep(&mut self, line: &str) {
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        self.jar.retain(|(known, _)| known != name);
        if !attributes.contains("Max-Age=0") {
            self.jar.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path).json(&body)).await
    }

    /// `GET` of an auth endpoint.
    pub(crate) async fn auth(&mut self, path: &str) -> Answer {
        self.get(&format!("/api/auth{path}")).await
    }

    /// `POST` to an auth endpoint.
    pub(crate) async fn tell(&mut self, path: &str, body: Value) -> Answer {
        self.post(&format!("/api/auth{path}"), body).await
    }

    /// Goes where an absolute address of the product leads.
    pub(crate) async fn follow(&mut self, url: &str) -> Answer {
        self.get(&path_of(url)).await
    }

    /// A cookie of the jar.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Puts a cookie into the jar.
    pub(crate) fn plant(&mut self, name: &str, value: &str) {
        self.jar.retain(|(known, _)| known != name);
        self.jar.push((name.to_owned(), value.to_owned()));
    }

    /// Who is signed in; null when nobody is.
    pub(crate) async fn whoami(&mut self) -> Value {
        let answer = self.auth("/get-session").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    pub(crate) async fn is_signed_in(&mut self) -> bool {
        !self.whoami().await.is_null()
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.tell("/sign-in/email", json!({"email": email, "password": password})).await
    }
}

/// Path and query of an address.
pub(crate) fn path_of(url: &str) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    format!("{}{}", url.path(), url.query().map(|query| format!("?{query}")).unwrap_or_default())
}

/// A parameter of an address, relative or not.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = reqwest::Url::parse("http://relative.invalid").unwrap().join(url).unwrap();
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Somebody with an account, in front of a browser that is signed in.
pub(crate) struct Person {
    pub(crate) browser: Browser,
    pub(crate) email: String,
    pub(crate) id: String,
    /// Token of the session.
    pub(crate) token: String,
}

impl Person {
    pub(crate) async fn new(world: &World, email: &str) -> Self {
        Self::before(Browser::of(world), email).await
    }

    /// Signs up in a browser.
    pub(crate) async fn before(mut browser: Browser, email: &str) -> Self {
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD});
        let answer = browser.tell("/sign-up/email", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self::from(browser, email, &answer.json())
    }

    fn from(browser: Browser, email: &str, body: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { browser, email: email.to_owned(), id: text(&body["user"]["id"]), token: text(&body["token"]) }
    }

    /// The same person in a second browser, signed in by password.
    pub(crate) async fn elsewhere(&self, world: &World) -> Self {
        let mut browser = Browser::of(world);
        let answer = browser.sign_in(&self.email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self::from(browser, &self.email, &answer.json())
    }

    /// The durable state of the identity.
    pub(crate) async fn identity(&self, world: &World) -> Arc<Identity> {
        identity(world, &self.id).await
    }

    /// Identity and workspace, byte by byte.
    pub(crate) async fn everything(&self, world: &World) -> (Vec<u8>, Vec<u8>) {
        let identity = self.identity(world).await;
        let workspace = world.app.users.published(&self.id).await.unwrap().state;
        (rmp_serde::to_vec(&*identity).unwrap(), rmp_serde::to_vec(&*workspace).unwrap())
    }
}

/// The durable state of an identity.
pub(crate) async fn identity(world: &World, user_id: &str) -> Arc<Identity> {
    world.app.identities.published(user_id).await.unwrap().state
}

/// Who holds an address, by the directory.
pub(crate) async fn holder(world: &World, email: &str) -> Option<String> {
    let name = claim::email_claim(&Email::new(email));
    let found = world.app.stores.directory.lookup(&name).await.unwrap();
    found.map(|entity| entity.key().to_owned())
}

/// The `n`th mail to an address, counted from 0, once it is there.
pub(crate) async fn mail(world: &World, to: &str, n: usize) -> Shown {
    let arrives = async {
        loop {
            if let Some(mail) = world.app.mailbox.as_ref().unwrap().list(Some(to)).get(n) {
                return mail.clone();
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, std::future::pending::<()>()).await;
        }
    };
    let mail = tokio::time::timeout(MAIL_DEADLINE, arrives).await;
    mail.unwrap_or_else(|_| panic!("no mail number {n} to {to}"))
}

/// Waits for an answer, and moves the clock on while it is the clock that is waited for.
pub(crate) async fn patiently(world: &World, answer: impl Future<Output = Answer>) -> Answer {
    patiently_by(&world.clock, answer).await
}

async fn patiently_by(clock: &ManualClock, answer: impl Future<Output = Answer>) -> Answer {
    futures::pin_mut!(answer);
    loop {
        match tokio::time::timeout(5 * LOOK_AGAIN, &mut answer).await {
            Ok(answer) => return answer,
            Err(_) => clock.advance(Duration::from_millis(50)),
        }
    }
}

/// Asks for a reset of the password; the token in the mail.
pub(crate) async fn reset_token(world: &World, email: &str) -> String {
    let before = world.app.mailbox.as_ref().unwrap().list(Some(email)).len();
    let asked = Browser::of(world).tell("/request-password-reset", json!({"email": email})).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    mail(world, email, before).await.token
}

/// Makes an address verified, by the mail.
pub(crate) async fn verify(world: &World, person: &mut Person) {
    let before = world.app.mailbox.as_ref().unwrap().list(Some(&person.email)).len();
    let body = json!({"email": person.email});
    let asked = person.browser.tell("/send-verification-email", body).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let mail = mail(world, &person.email, before).await;
    let mut elsewhere = Browser::of(world);
    assert_eq!(elsewhere.follow(&mail.url).await.status, 302);
}

/// Somebody agrees on a page of the sandbox; where the browser is sent back to.
pub(crate) async fn consent(page: &str, login: &str) -> String {
    let mut page = reqwest::Url::parse(page).unwrap();
    page.query_pairs_mut().append_pair("sandbox_login", login);
    let http = plain::client_builder().unwrap().redirect(Policy::none()).build().unwrap();
    let answer = Answer::read(http.get(page).send().await.unwrap()).await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    answer.location()
}

/// Begins a sign-in with Google; the address of the consent page.
pub(crate) async fn begin_google(browser: &mut Browser, body: Value) -> String {
    let mut whole = json!({"provider": "google", "callbackURL": "/dash", "errorCallbackURL": "/err"});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let answer = browser.tell("/sign-in/social", whole).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["url"].as_str().unwrap().to_owned()
}

/// Signs in with Google from beginning to end; where the browser ends.
pub(crate) async fn google_sign_in(browser: &mut Browser, login: &str) -> Answer {
    let page = begin_google(browser, json!({})).await;
    let back = consent(&page, login).await;
    browser.follow(&back).await
}
