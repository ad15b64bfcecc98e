//! The owner's browser: keeps cookies, follows nothing by itself.

use anyhow::Context;
use greenroom_instagram::plain;
use reqwest::{Method, RequestBuilder, StatusCode, Url, header};
use serde_json::Value;
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// A page that takes longer is given up.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Browser {
    http: reqwest::Client,
    /// Where the door really is; the public origin may be another address.
    door: SocketAddr,
    /// Origin of the page that sends requests.
    origin: String,
    cookies: BTreeMap<String, String>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where the browser is sent.
    pub(super) location: Option<String>,
    /// The body as JSON; null when it is none.
    pub(super) body: Value,
}

impl Browser {
    /// A browser without cookies, showing a page of the public origin.
    pub(super) fn new(door: SocketAddr, origin: &str) -> anyhow::Result<Self> {
        let http = plain::client_builder()?
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PAGE_TIMEOUT)
            .build()?;
        Ok(Self { http, door, origin: origin.to_owned(), cookies: BTreeMap::new() })
    }

    /// Sends a form of the product's page.
    pub(super) async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.of_door(Method::POST, path).header(header::ORIGIN, &self.origin).json(body);
        self.send(request).await
    }

    /// Opens a page of the product; `target` begins with `/`.
    pub(super) async fn get(&mut self, target: &str) -> anyhow::Result<Answer> {
        let request = self.of_door(Method::GET, target);
        self.send(request).await
    }

    /// Opens a page elsewhere: no cookie goes there.
    pub(super) async fn visit(&mut self, page: Url) -> anyhow::Result<Answer> {
        read(self.http.get(page)).await.map(|(answer, _)| answer)
    }

    fn of_door(&self, method: Method, target: &str) -> RequestBuilder {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, format!("http://{}{target}", self.door));
        if pairs.is_empty() { request } else { request.header(header::COOKIE, pairs.join("; ")) }
    }

    async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let (answer, cookies) = read(request).await?;
        for (name, value) in cookies {
            if value.is_empty() {
                self.cookies.remove(&name);
            } else {
                self.cookies.insert(name, value);
            }
        }
        Ok(answer)
    }
}

/// Sends a request; the answer and the cookies in it. Errors name no URL: it may hold a code.
async fn read(request: RequestBuilder) -> anyhow::Result<(Answer, Vec<(String, String)>)> {
    let answer = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = answer.status();
    let text = |value: &header::HeaderValue| value.to_str().map(str::to_owned);
    let location = answer.headers().get(header::LOCATION).map(text).transpose()?;
    let mut cookies = Vec::new();
    for line in answer.headers().get_all(header::SET_COOKIE) {
        let line = line.to_str()?;
        let pair = line.split_once(';').map_or(line, |(pair, _)| pair);
        let (name, value) = pair.split_once('=').context("a cookie without a value")?;
        cookies.push((name.to_owned(), value.to_owned()));
    }
    let body = answer.bytes().await.map_err(reqwest::Error::without_url)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok((Answer { status, location, body }, cookies))
}

impl Answer {
    /// The code of a refusal, to tell why something did not work.
    pub(super) fn why(&self) -> String {
        let code = self.body["code"].as_str().or(self.body["error"]["code"].as_str()).unwrap_or_default();
        format!("{} {code}", self.status.as_u16())
    }
}
