//! Every route of accounts, as somebody calls it who has got hold of what belongs to somebody else.

use super::browser::{Browser, PASSWORD, Person, begin_google, google_sign_in, mail, reset_token, verify};
use crate::world::World;
use greenroom_actors::Entity;
use serde_json::{Value, json};

/// Routes under the prefix of the contract, as the program lists them.
const LISTED: &str = include_str!("../../../src/http/auth/mod.rs");
/// Routes of the product beside them.
const PRODUCT: &str = include_str!("../../../src/http/instagram/mod.rs");

/// What belongs to one person: ids, tokens, and everything else that a request can name.
#[derive(Default)]
pub(crate) struct Loot {
    pub(crate) email: String,
    pub(crate) user_id: String,
    pub(crate) session_token: String,
    pub(crate) session_id: String,
    /// Handle of a second session.
    pub(crate) handle: String,
    pub(crate) password_row: String,
    pub(crate) google_row: String,
    pub(crate) sub: String,
    pub(crate) id_token: String,
    pub(crate) access_token: String,
    pub(crate) reset_token: String,
    pub(crate) deletion_token: String,
    pub(crate) change_token: String,
    pub(crate) google_state: String,
    pub(crate) link_state: String,
    /// The consent page that the link began with.
    pub(crate) link_page: String,
    pub(crate) instagram_state: String,
    /// The consent page that the connection began with.
    pub(crate) instagram_page: String,
    pub(crate) instagram_account: String,
    pub(crate) instagram_name: String,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) method: &'static str,
    /// As the program lists it: with a slash at the end where one more segment follows.
    pub(crate) route: &'static str,
    pub(crate) path: String,
    /// Null: none.
    pub(crate) body: Value,
}

impl Row {
    /// As a browser sends it.
    pub(crate) fn request(&self, browser: &Browser) -> reqwest::RequestBuilder {
        let request = browser.request(self.method, &self.path);
        if self.body.is_null() { request } else { request.json(&self.body) }
    }

    /// All that is said in the request.
    pub(crate) fn said(&self) -> String {
        format!("{} {}", self.path, self.body)
    }
}

impl Loot {
    /// Somebody with everything that the product offers: password, Google, Instagram, links under way. Needs a world where
    /// deletions are confirmed by mail.
    pub(crate) async fn of(world: &World, person: &mut Person, login: &str) -> Self {
        verify(world, person).await;
        let entered = google_sign_in(&mut person.browser.clone(), &person.email).await;
        assert_eq!(entered.location(), "/dash", "the account is linked");
        let connected = super::connect::connect(&mut person.browser, login).await;
        assert_eq!(connected.location(), "/settings?success=instagram_connected");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let accounts = person.browser.auth("/list-accounts").await.json();
        let row = |provider: &str| {
            let rows = accounts.as_array().unwrap().iter();
            rows.into_iter().find(|row| row["providerId"] == provider).unwrap().clone()
        };
        let google = row("google");
        let tokens =
            person.browser.tell("/get-access-token", json!({"accountId": google["id"]})).await.json();
        let sessions = person.browser.auth("/list-sessions").await.json();
        let session = |own: bool| {
            let sessions = sessions.as_array().unwrap().iter();
            text(
                &sessions.into_iter().find(|one| (one["token"] == person.token.as_str()) == own).unwrap()["id"],
            )
        };
        let (session_id, handle) = (session(true), session(false));
        let reset_token = reset_token(world, &person.email).await;
        let mails = world.app.mailbox.as_ref().unwrap().list(Some(&person.email)).len();
        assert_eq!(
            person.browser.tell("/delete-user", json!({})).await.json()["message"],
            "Verification email sent"
        );
        let deletion_token = mail(world, &person.email, mails).await.token;
        let elsewhere = format!("new-{}", person.email);
        assert_eq!(person.browser.tell("/change-email", json!({"newEmail": elsewhere})).await.status, 200);
        let change_token = mail(world, &person.email, mails + 1).await.token;
        let state = |url: &str| super::browser::parameter(url, "state").unwrap();
        let google_state = state(&begin_google(&mut person.browser.clone(), json!({})).await);
        let linking =
            person.browser.tell("/link-social", json!({"provider": "google", "callbackURL": "/linked"}));
        let link_page = text(&linking.await.json()["url"]);
        let instagram_page = person.browser.get("/api/auth/instagram").await.location();
        let status = person.browser.get("/api/auth/instagram/status").await.json();
        quiet(world, person).await;
        Self {
            email: person.email.clone(),
            user_id: person.id.clone(),
            session_token: person.token.clone(),
            session_id,
            handle,
            password_row: text(&row("credential")["id"]),
            google_row: text(&google["id"]),
            sub: text(&google["accountId"]),
            id_token: text(&tokens["idToken"]),
            access_token: text(&tokens["accessToken"]),
            reset_token,
            deletion_token,
            change_token,
            google_state,
            link_state: state(&link_page),
            link_page,
            instagram_state: state(&instagram_page),
            instagram_page,
            instagram_account: text(&status["id"]),
            instagram_name: text(&status["username"]),
        }
    }

    /// Everything that nobody else may be told.
    pub(crate) fn secrets(&self) -> [(&'static str, &str); 18] {
        [
            ("email", &self.email),
            ("user id", &self.user_id),
            ("session token", &self.session_token),
            ("session id", &self.session_id),
            ("handle", &self.handle),
            ("password row", &self.password_row),
            ("google row", &self.google_row),
            ("sub", &self.sub),
            ("id token", &self.id_token),
            ("access token", &self.access_token),
            ("reset token", &self.reset_token),
            ("deletion token", &self.deletion_token),
            ("change token", &self.change_token),
            ("google state", &self.google_state),
            ("link state", &self.link_state),
            ("instagram state", &self.instagram_state),
            ("instagram account", &self.instagram_account),
            ("instagram name", &self.instagram_name),
        ]
    }

    /// Every route, with everything of this person in it that fits.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = self.contract();
        rows.extend(self.sessions());
        rows.extend(self.provider());
        rows.extend(self.product());
        rows
    }

    fn whose(&self) -> String {
        let Self { user_id, session_token, session_id, .. } = self;
        format!("userId={user_id}&id={user_id}&token={session_token}&sessionId={session_id}")
    }

    fn sessions(&self) -> Vec<Row> {
        let user_id = &self.user_id;
        let whose = self.whose();
        let tokens = [&self.session_token, &self.session_id, &self.handle, &self.reset_token, &self.user_id];
        let mut rows = vec![
            get("/get-session", format!("?{whose}")),
            post("/get-session", "", json!({"userId": user_id})),
            post(
                "/sign-out",
                "",
                json!({"token": self.session_token, "state": self.google_state, "userId": user_id}),
            ),
            get("/list-sessions", format!("?{whose}")),
            post("/revoke-sessions", "", json!({"userId": user_id, "token": self.session_token})),
            post("/revoke-other-sessions", "", json!({"userId": user_id, "token": self.session_token})),
            get("/convex/token", format!("?{whose}")),
            get("/convex/jwks", format!("?{whose}")),
            get("/convex/.well-known/openid-configuration", format!("?{whose}")),
        ];
        rows.extend(
            tokens.map(|token| post("/revoke-session", "", json!({"token": token, "userId": user_id}))),
        );
        rows
    }

    fn contract(&self) -> Vec<Row> {
        let (user_id, email) = (&self.user_id, &self.email);
        let whose = self.whose();
        let new = "another password";
        vec![
            get("/ok", format!("?{whose}")),
            get("/error", format!("?error=x&{whose}")),
            post(
                "/sign-up/email",
                "",
                json!({"name": "M", "email": email, "password": PASSWORD, "id": user_id, "userId": user_id}),
            ),
            post(
                "/sign-in/email",
                "",
                json!({"email": email, "password": "not the password", "userId": user_id}),
            ),
            post(
                "/update-user",
                "",
                json!({"name": "M", "id": user_id, "userId": user_id, "emailVerified": true}),
            ),
            post("/update-session", "", json!({"userId": user_id, "token": self.session_token})),
            post(
                "/change-password",
                "",
                json!({"currentPassword": PASSWORD, "newPassword": PASSWORD, "userId": user_id, "email": email}),
            ),
            post("/verify-password", "", json!({"password": PASSWORD, "userId": user_id})),
            post(
                "/request-password-reset",
                "",
                json!({"email": "nobody@example.com", "userId": user_id, "to": email}),
            ),
            get("/reset-password/", format!("{}?callbackURL=%2Fx&{whose}", self.deletion_token)),
            post(
                "/reset-password",
                "",
                json!({"newPassword": new, "token": self.deletion_token, "userId": user_id}),
            ),
            post("/reset-password", "", json!({"newPassword": new, "token": self.session_token})),
            post("/reset-password", &format!("?token={}", self.google_state), json!({"newPassword": new})),
            post("/send-verification-email", "", json!({"email": email, "userId": user_id})),
            get("/verify-email", format!("?token={}", self.change_token)),
            get("/verify-email", format!("?token={}&callbackURL=%2Fx", self.change_token)),
            post("/change-email", "", json!({"newEmail": email, "userId": user_id})),
            post("/delete-user", "", json!({"token": self.deletion_token, "userId": user_id})),
            post("/delete-user", "", json!({"token": self.reset_token, "userId": user_id})),
            post("/delete-user", "", json!({"userId": user_id, "email": email, "password": PASSWORD})),
            get("/delete-user/callback", format!("?token={}&{}", self.deletion_token, "userId=x")),
        ]
    }

    fn provider(&self) -> Vec<Row> {
        let user_id = &self.user_id;
        let link = json!({"userId": user_id, "email": self.email, "link": {"userId": user_id}});
        let by_token = json!({"token": self.id_token, "accessToken": self.access_token});
        let mut rows = vec![
            get("/list-accounts", format!("?{}", self.whose())),
            post(
                "/sign-in/social",
                "",
                json!({"provider": "google", "userId": user_id, "additionalData": link}),
            ),
            get("/callback/", format!("google?code=4%2Fsbx-1&state={}", self.google_state)),
            get("/callback/", format!("google?code=4%2Fsbx-1&state={}", self.link_state)),
            get("/callback/", format!("google?error=access_denied&state={}", self.link_state)),
            post("/callback/", &format!("google?code=4%2Fsbx-1&state={}", self.google_state), json!({})),
            post("/one-tap/callback", "", json!({"idToken": self.access_token, "userId": user_id})),
            post(
                "/link-social",
                "",
                json!({"provider": "google", "userId": user_id, "additionalData": link}),
            ),
            post("/link-social", "", json!({"provider": "google", "userId": user_id, "idToken": by_token})),
        ];
        for account in [&self.google_row, &self.password_row, &self.sub, &self.user_id] {
            let body = json!({"accountId": account, "userId": user_id});
            rows.push(post("/unlink-account", "", body.clone()));
            rows.push(post("/get-access-token", "", body.clone()));
            rows.push(post("/refresh-token", "", body));
            rows.push(get("/account-info", format!("?accountId={account}&userId={user_id}")));
        }
        rows
    }

    fn product(&self) -> Vec<Row> {
        let Self { user_id, instagram_account, instagram_state, .. } = self;
        let whose = format!("{}&workspace={user_id}&account={instagram_account}", self.whose());
        let row = |method, route: &'static str, query: String, body| Row {
            method,
            route,
            path: format!("{route}{query}"),
            body,
        };
        let unsigned = json!({"signed_request": self.session_token, "user_id": instagram_account});
        vec![
            row("GET", "/api/auth/instagram", format!("?{whose}"), Value::Null),
            row(
                "GET",
                "/api/auth/instagram/callback",
                format!("?code=x&state={instagram_state}"),
                Value::Null,
            ),
            row(
                "GET",
                "/api/auth/instagram/callback",
                format!("?error=x&state={instagram_state}&{}", "userId=x"),
                Value::Null,
            ),
            row("GET", "/api/auth/instagram/status", format!("?{whose}"), Value::Null),
            row("GET", "/api/auth/instagram/disconnect", format!("?{whose}"), Value::Null),
            row(
                "POST",
                "/api/auth/instagram/disconnect",
                format!("?{whose}"),
                json!({"userId": user_id, "account": instagram_account}),
            ),
            row("POST", "/api/auth/instagram/deauthorize", String::new(), unsigned.clone()),
            row("POST", "/api/auth/instagram/data-deletion", String::new(), unsigned),
            Row {
                method: "GET",
                route: "/privacy/deletion/{code}",
                path: format!("/privacy/deletion/{}", self.deletion_token),
                body: Value::Null,
            },
        ]
    }
}

fn get(route: &'static str, rest: String) -> Row {
    Row { method: "GET", route, path: format!("/api/auth{route}{rest}"), body: Value::Null }
}

fn post(route: &'static str, rest: &str, body: Value) -> Row {
    Row { method: "POST", route, path: format!("/api/auth{route}{rest}"), body }
}

/// Waits until the mails of somebody have left and the workspace is at rest.
pub(crate) async fn quiet(world: &World, person: &Person) {
    for _ in 0..10_000 {
        let workspace = world.app.users.published(&person.id).await.unwrap().state;
        if person.identity(world).await.mails().count() == 0 && !workspace.is_busy() {
            return;
        }
        let _ = tokio::time::timeout(std::time::Duration::from_millis(1), std::future::pending::<()>()).await;
    }
    panic!("the mails do not leave");
}

/// Every route of the program, as method and route.
pub(crate) fn listed() -> Vec<(String, String)> {
    let table = LISTED.split("= endpoints! {").nth(1).unwrap().split("\n};").next().unwrap();
    let mut routes: Vec<(String, String)> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next()?, words.next()?);
            Some((method.to_owned(), path.trim_matches('"').to_owned()))
        })
        .collect();
    for line in PRODUCT.lines().filter(|line| line.contains(".route(")) {
        let path = line.split('"').nth(1).unwrap_or("/api/auth/instagram/callback");
        for (method, call) in [("GET", "get("), ("POST", "post(")] {
            if line.contains(call) {
                routes.push((method.to_owned(), path.to_owned()));
            }
        }
    }
    routes
}
