//! The sandbox's own web page: plain HTML, no scripts, nothing from elsewhere.

use super::{
    SandboxState,
    world::{World, comments::Author, threads::Via},
};
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use std::fmt::Write;

/// Rows of each table.
const ROWS: usize = 50;

/// A transparent GIF of one pixel.
pub(crate) const PIXEL: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1,
    0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

/// Text for use in HTML text and quoted attributes.
pub(crate) fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A page; `title` is text, `body` is HTML.
pub(crate) fn html_page(status: StatusCode, title: &str, body: &str) -> Response<Body> {
    let title = escape_html(title);
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>body{{font-family:system-ui;\
         margin:2rem auto;max-width:60rem}}table{{border-collapse:collapse;width:100%}}td,th{{border-bottom:1px solid \
         #ccc;padding:.2rem .5rem;text-align:left}}form p{{margin:.3rem 0}}</style><h1>{title}</h1>{body}</html>"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    // `form-action` stays open: the consent page's form ends in a redirect to the product.
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn table(heading: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = format!("<h2>{}</h2><table><tr>", escape_html(heading));
    for column in columns {
        let _ = write!(out, "<th>{}", escape_html(column));
    }
    for row in rows.take(ROWS) {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}", escape_html(&cell));
        }
    }
    out.push_str("</table>");
    out
}

fn options(items: impl Iterator<Item = (String, String)>) -> String {
    items.take(ROWS).fold(String::new(), |mut out, (value, label)| {
        let _ = write!(out, "<option value=\"{}\">{}</option>", escape_html(&value), escape_html(&label));
        out
    })
}

fn forms(world: &World) -> String {
    let accounts = options(world.accounts.iter().map(|a| (a.id.to_string(), a.username.clone())));
    let people = options(world.people.iter().map(|p| (p.id.to_string(), p.username.clone())));
    let media = options(world.media.iter().map(|media| {
        let account = world.accounts.get(media.account).map_or("", |account| &account.username);
        let caption: String = media.caption.as_deref().unwrap_or_default().chars().take(40).collect();
        (media.id.to_string(), format!("{account}: {caption}"))
    }));
    format!(
        "<h2>Write a direct message</h2><form method=post action=\"/_sandbox/form/dm\"><p>From <select name=person>{people}\
         </select> to <select name=account>{accounts}</select></p><p><input name=text size=60 maxlength=1000 required> \
         <button>Send</button></p></form><h2>Write a comment</h2><form method=post action=\"/_sandbox/form/comment\"><p>By \
         <select name=person>{people}</select> below <select name=media>{media}</select></p><p><input name=text size=60 \
         maxlength=1000 required> <button>Comment</button></p></form>"
    )
}

fn tables(world: &World) -> String {
    let mut out = table(
        "Accounts",
        &["id", "username", "webhooks", "messages"],
        world.accounts.iter().map(|account| {
            let webhooks = if account.subscribed.is_empty() { "not subscribed" } else { "subscribed" };
            let messages = if account.messages_access { "allowed" } else { "off" };
            vec![account.id.to_string(), account.username.clone(), webhooks.into(), messages.into()]
        }),
    );
    out += &table(
        "People",
        &["id", "username", "follows", "blocked"],
        world.people.iter().map(|p| {
            vec![p.id.to_string(), p.username.clone(), p.follows.to_string(), p.blocked.to_string()]
        }),
    );
    let recent = world.accounts.iter().flat_map(|account| world.threads.recent(account.id, None).take(20));
    let messages = recent.flat_map(|thread| {
        let account = world.accounts.get(thread.account).map_or("", |account| &account.username);
        let person = world.people.get(thread.person).map_or("", |person| &person.username);
        thread.messages.iter().rev().take(10).map(move |message| {
            let writer = if message.via == Via::Person { person } else { account };
            let text = if message.deleted { "(unsent)" } else { message.text().unwrap_or("(no text)") };
            vec![format!("{account} / {person}"), writer.to_owned(), text.to_owned(), message.mid.to_string()]
        })
    });
    out += &table("Messages", &["thread", "from", "text", "id"], messages);
    out += &table(
        "Comments",
        &["media", "by", "text", "id"],
        world.comments.iter().rev().map(|comment| {
            let by = match comment.author {
                Author::Person(person) => world.people.get(person).map_or("", |person| &person.username),
                Author::Api => "the product",
                Author::Owner => "the owner",
            };
            vec![comment.media.to_string(), by.to_owned(), comment.text.clone(), comment.id.to_string()]
        }),
    );
    out += &table(
        "Deliveries",
        &["number", "updates", "attempts", "status", "fate"],
        world.queue.records().rev().map(|record| {
            vec![
                record.delivery.to_string(),
                record.updates.len().to_string(),
                record.attempts.to_string(),
                record.status.to_string(),
                format!("{:?}", record.fate),
            ]
        }),
    );
    out
}

/// `GET /_sandbox`
pub(crate) fn overview(state: &SandboxState) -> Response<Body> {
    let body = state.peek(|world| {
        let (sent, duplicates) = world.sent.totals();
        let waiting = world.queue.pending();
        format!(
            "<p>Messages and comments by the product: {sent}, of which duplicates: {duplicates}. Webhooks waiting: \
             {waiting}.</p>{}{}",
            forms(world),
            tables(world)
        )
    });
    html_page(StatusCode::OK, "Instagram sandbox", &body)
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_of_people_stays_text() {
        let escaped = super::escape_html("<script>\"'&");
        assert_eq!(escaped, "&lt;script&gt;&quot;&#39;&amp;");
    }
}
