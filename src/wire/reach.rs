//! How far one gets to a server: its addresses, whether it answers, who it says it is, and what time it has.
//!
//! Invariant: nobody signs in, and nothing is asked for but an answer.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::DateTime;
use http::{Request, header, response::Parts};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Wire,
    dial::{self, Dialer, Shown},
    dialogue::Dialogue,
    https::Https,
    imap, smtp,
};
use crate::domain::{
    clock::{Clock, Timestamp},
    link::{ImapServer, SmtpServer},
    outcome::{Failure, Phase},
    reason::Reason,
    redact::Redactor,
};

/// A server, and the protocol that it is spoken to by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    Https(Url),
    Imap(ImapServer),
    /// With the name by which this host introduces itself.
    Smtp(SmtpServer, Option<String>),
}

impl Endpoint {
    pub fn host(&self) -> &str {
        let host = match self {
            Self::Https(url) => url.host_str().unwrap_or_default(),
            Self::Imap(server) => &server.host,
            Self::Smtp(server, _) => &server.host,
        };
        // So a URL writes an address of IPv6.
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub fn port(&self) -> u16 {
        match self {
            Self::Https(url) => url.port_or_known_default().unwrap_or(443),
            Self::Imap(server) => server.port,
            Self::Smtp(server, _) => server.port,
        }
    }
}

/// What was seen on the way, as far as that went.
#[derive(Clone, Debug)]
pub struct Reach {
    pub addresses: Vec<IpAddr>,
    /// The certificate that was shown, taken or not.
    pub shown: Option<Shown>,
    /// An HTTP answer's status, and where it leads.
    pub answer: Option<Answer>,
    /// What was in the way.
    pub result: Result<(), Failure>,
    /// Redacted.
    pub transcript: Arc<[String]>,
}

/// The head of an HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub is_html: bool,
    /// What time the server has, and what time it was here.
    pub clocks: Option<(Timestamp, Timestamp)>,
}

/// Goes there. Dropped half-way, it leaves a session for the server to time out.
pub async fn reach(
    wire: &Wire,
    endpoint: &Endpoint,
    allowed: Duration,
    stop: CancellationToken,
) -> Reach {
    let mut dialogue = Dialogue::new(allowed, stop);
    let (host, port) = (endpoint.host(), endpoint.port());
    let resolved = dialogue.phase(Phase::Dns, dial::addresses(host, port)).await;
    let mut reach = Reach {
        addresses: Vec::new(),
        shown: None,
        answer: None,
        result: Ok(()),
        transcript: [].into(),
    };
    match resolved {
        Ok(addresses) => reach.addresses = addresses.iter().map(|address| address.ip()).collect(),
        Err(failure) => return Reach { result: Err(failure), ..reach },
    }
    reach.result = match wire.dialer.witnessed() {
        Ok((dialer, witness)) => {
            let done = talk(&dialer, wire.clock, endpoint, &mut dialogue).await;
            reach.shown = witness.shown();
            done.map(|answer| reach.answer = answer)
        }
        Err(failure) => Err(failure),
    };
    reach.transcript = dialogue.transcript();
    reach
}

async fn talk(
    dialer: &Dialer,
    clock: Clock,
    endpoint: &Endpoint,
    dialogue: &mut Dialogue,
) -> Result<Option<Answer>, Failure> {
    match endpoint {
        Endpoint::Https(url) => {
            let https = Https::new(dialer);
            let request = get(url)?;
            let head = dialogue.phase(Phase::Connect, https.head(request)).await?;
            let answer = Answer::of(&head, clock.now(), &dialogue.redactor);
            dialogue.note(&format!("GET {url}: {}", answer.status));
            Ok(Some(answer))
        }
        Endpoint::Imap(server) => {
            let session = imap::Session::open(dialer, server, dialogue).await?;
            session.logout(dialogue).await;
            Ok(None)
        }
        Endpoint::Smtp(server, name) => {
            let session = smtp::Session::open(dialer, server, name.as_deref(), dialogue).await?;
            session.quit(dialogue).await;
            Ok(None)
        }
    }
}

/// Reads this page.
///
/// # Errors
/// Where there is no whole answer in time.
pub async fn read(
    wire: &Wire,
    url: &Url,
    allowed: Duration,
    stop: CancellationToken,
) -> Result<(u16, Vec<u8>), Failure> {
    let request = get(url)?;
    let mut dialogue = Dialogue::new(allowed, stop);
    let answer = dialogue.phase(Phase::Connect, wire.https.exchange(request)).await?;
    Ok((answer.status().as_u16(), answer.into_body().to_vec()))
}

fn get(url: &Url) -> Result<Request<Vec<u8>>, Failure> {
    let own = concat!("mailbox_exporter/", env!("CARGO_PKG_VERSION"));
    let request = Request::get(url.as_str()).header(header::USER_AGENT, own);
    request.body(Vec::new()).map_err(|error| Failure::own(Reason::RequestInvalid, error))
}

impl Answer {
    fn of(head: &Parts, now: Timestamp, redactor: &Redactor) -> Self {
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let date = text(header::DATE).and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        Self {
            status: head.status.as_u16(),
            location: text(header::LOCATION).map(|location| match location.len() > LONGEST {
                true => redactor.clean(location),
                false => location.to_owned(),
            }),
            is_html: text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")),
            clocks: date.map(|date| (Timestamp::from(date.to_utc()), now)),
        }
    }
}

/// In bytes; Google's longest address of an error page has about 1000.
const LONGEST: usize = 8192;
