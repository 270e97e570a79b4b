//! HTTP/1.1, by hand, so that every byte of an answer is ours.

mod auth_error;
mod authorization;
mod date;
pub(crate) mod google;
mod oauth;
mod page;
mod person;

use std::{fmt::Write, io, time::SystemTime};

use crate::{
    dialogue::{Dialogue, Turn},
    fault::{At, Service, What},
    lines::{Line, Said},
    world::World,
};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) body: Vec<u8>,
    headers: Vec<(String, String)>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    content_type: &'static str,
    headers: Vec<(&'static str, String)>,
    pub(crate) status: u16,
}

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=UTF-8";

impl Request {
    /// The next request; nothing when the client is gone or speaks no HTTP.
    pub(crate) async fn read(dialogue: &mut Dialogue) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        loop {
            let Some(line) = dialogue.line().await? else { return Ok(None) };
            if line.is_empty() && head.is_empty() {
                continue;
            }
            head.extend_from_slice(&line);
            head.extend_from_slice(b"\r\n");
            if line.is_empty() {
                break;
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        if !matches!(parsed.parse(&head), Ok(httparse::Status::Complete(_))) {
            return Ok(None);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = parsed.headers.iter().map(|h| (h.name.to_lowercase(), text(h.value)));
        let target = parsed.path.unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            body: Vec::new(),
            headers: pairs.collect(),
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        };
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        match dialogue.exactly(length.unwrap_or(0)).await? {
            None => Ok(None),
            Some(body) => {
                request.body = body;
                Ok(Some(request))
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| &*header.1)
    }

    /// A field of the form body, or of the JSON body, which Google takes too, or of the query.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let form = |bytes: &[u8]| {
            let mut pairs = url::form_urlencoded::parse(bytes);
            pairs.find(|pair| pair.0 == name).map(|pair| pair.1.into_owned())
        };
        if self.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
            let json: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
            return json.get(name)?.as_str().map(ToOwned::to_owned);
        }
        form(&self.body).or_else(|| form(self.query.as_bytes()))
    }

    /// A field of the query.
    fn in_query(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1.into_owned())
    }

    /// Every value of a field of the form body.
    fn values(&self, name: &str) -> Vec<String> {
        let pairs = url::form_urlencoded::parse(&self.body).into_owned();
        pairs.filter(|pair| pair.0 == name).map(|pair| pair.1).collect()
    }

    fn wants_to_stay(&self) -> bool {
        !self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Answer {
    /// JSON, printed as Google prints it.
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let body = serde_json::to_vec_pretty(body).unwrap_or_default();
        Self { body, content_type: JSON, headers: Vec::new(), status }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { body: body.into(), content_type, headers: Vec::new(), status }
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        Self { body: body.into(), content_type: HTML, headers: Vec::new(), status }
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::html(302, "").with("Location", location)
    }

    pub(crate) fn line(line: &Line) -> Self {
        match line.said {
            Said::Http { status, body } if body.starts_with('<') => Self::html(status, body),
            Said::Http { status, body } => {
                Self { body: body.into(), content_type: JSON, headers: Vec::new(), status }
            }
            Said::AuthError { status, message, .. } => Self::text(status, message),
            Said::Redirect { location } => Self::redirect(location),
            Said::Text { text, .. } => Self::text(200, text),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// As it goes over the wire; an answer to HEAD is a head only.
    fn bytes(&self, request: &Request, date: SystemTime) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, phrase(self.status));
        let mut add = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        add("Content-Type", self.content_type);
        for (name, value) in &self.headers {
            add(name, value);
        }
        add("Content-Length", &self.body.len().to_string());
        add("Date", &date::http(date));
        add("Connection", if request.wants_to_stay() { "keep-alive" } else { "close" });
        head.push_str("\r\n");
        let body = if request.method == "HEAD" { &[] } else { &*self.body };
        [head.as_bytes(), body].concat()
    }
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// A request about which more is known.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) address: Option<String>,
    /// What to note, without credentials.
    pub(crate) noted: String,
    /// What to repeat when credentials are to be echoed.
    pub(crate) credentials: String,
    pub(crate) service: Service,
}

/// Serves requests until the client or a fault ends the connection. `look` says who is asked about
/// what; `answer` carries it out.
pub(crate) async fn serve(
    mut dialogue: Dialogue,
    look: impl Fn(&World, &Request) -> Asking,
    answer: impl Fn(&World, &Request) -> Answer,
) -> io::Result<()> {
    while let Some(request) = Request::read(&mut dialogue).await? {
        let asking = look(&dialogue.world, &request);
        dialogue.service = asking.service;
        dialogue.address = asking.address;
        dialogue.credentials = asking.credentials;
        dialogue.note(&asking.noted);
        let stay = request.wants_to_stay();
        let turn = match answer_one(&mut dialogue, &request, &answer).await? {
            Turn::GoOn if !stay => dialogue.hang_up().await,
            turn => turn,
        };
        if turn == Turn::Over {
            return Ok(());
        }
    }
    Ok(())
}

async fn answer_one(
    dialogue: &mut Dialogue,
    request: &Request,
    answer: impl Fn(&World, &Request) -> Answer,
) -> io::Result<Turn> {
    let what = dialogue.world.due(dialogue.service, At::Answer, dialogue.address.as_deref());
    let instead = what.as_ref().and_then(|what| instead(what, dialogue, request));
    if let Some(instead) = instead {
        let bytes = instead.bytes(request, dialogue.world.date());
        return dialogue.put(&bytes, None).await;
    }
    match what {
        Some(what) if what.replaces() => dialogue.misbehave(&what).await,
        how => {
            let usual = answer(&dialogue.world, request);
            let usual = usual.bytes(request, dialogue.world.date());
            dialogue.put(&usual, how.as_ref()).await
        }
    }
}

/// What a fault answers instead; nothing if it is no answer at all.
fn instead(what: &What, dialogue: &Dialogue, request: &Request) -> Option<Answer> {
    Some(match what {
        What::EchoCredentials => {
            let description = format!("Bad credentials: {}", dialogue.credentials);
            let body = serde_json::json!({
                "error": "invalid_request", "error_description": description
            });
            Answer::json(400, &body)
        }
        What::Html => Answer::html(502, "<!DOCTYPE html>\n<html><title>Error</title></html>\n"),
        What::HugeBody(size) => {
            let size = usize::try_from(*size).unwrap_or(usize::MAX).min(1 << 30);
            let body = [b"{\"access_token\": \"".as_slice(), &vec![b'a'; size], b"\"}"].concat();
            Answer { body, content_type: JSON, headers: Vec::new(), status: 200 }
        }
        What::LoginPage => Answer::html(200, LOGIN_PAGE),
        What::NotJson => Answer::text(200, "It works!\n"),
        What::Redirect(location) => Answer::redirect(location),
        What::Say(key) => {
            let line = crate::lines::find(key)?;
            match line.said {
                Said::AuthError { .. } | Said::Redirect { .. } => {
                    authorization::say(&dialogue.world, request, line)
                }
                _ => Answer::line(line),
            }
        }
        _ => return None,
    })
}

/// What a captive portal shows, whatever was asked for.
const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Welcome to our network</title></head><body><form method=\"post\" action=\"/login\"><input name=\"room\"><button>Sign in</button></form></body></html>\n";
