//! The ways to all servers: names, ports, certificates, and who answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use url::Url;

use super::{
    step::{Area, Mend, Step, said},
    walk::Walk,
};
use crate::{
    check::Check,
    domain::{
        link::{Direction, ImapServer, SmtpServer},
        outcome::Failure,
        reason::Reason,
    },
    wire::reach::{self, Answer, Endpoint, Reach},
};

/// What a server is for. Links die without the first three.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Use {
    Token,
    Smtp,
    Imap,
    Tokeninfo,
    GmailApi,
    Authorization,
}

impl Use {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token_url",
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Tokeninfo => "tokeninfo_url",
            Self::GmailApi => "gmail_api_url",
            Self::Authorization => "authorization_url",
        }
    }

    fn is_vital(self) -> bool {
        matches!(self, Self::Token | Self::Smtp | Self::Imap)
    }
}

/// The way to one server.
#[derive(Debug)]
pub(super) struct Road {
    pub(super) subject: String,
    endpoint: Endpoint,
    uses: BTreeSet<Use>,
    pub(super) reach: Reach,
    /// What is in the way, where something is.
    pub(super) trouble: Option<Failure>,
}

/// The ways to all servers, each once.
#[derive(Debug, Default)]
pub(super) struct Roads(pub(super) Vec<Road>);

impl Roads {
    /// Goes them all.
    pub(super) async fn walk(walk: &Walk) -> Self {
        let endpoints = endpoints(walk);
        walk.bar.set_length(endpoints.len() as u64);
        let roads = stream::iter(endpoints).map(|(endpoint, uses)| async {
            let stop = walk.stop.clone();
            let reach = reach::reach(&walk.wire, &endpoint, PATIENCE, stop).await;
            walk.bar.inc(1);
            let trouble = match &reach.result {
                Err(failure) => Some(failure.clone()),
                Ok(()) => stranger(&endpoint, &uses, reach.answer.as_ref()),
            };
            let names: Vec<_> = uses.iter().map(|of| of.name()).collect();
            let (host, port) = (endpoint.host(), endpoint.port());
            let subject = format!("{host}:{port} ({})", names.join(", "));
            Road { subject, endpoint, uses, reach, trouble }
        });
        let mut roads: Vec<_> = roads.buffer_unordered(AT_ONCE).collect().await;
        roads.sort_by(|one, other| (&one.uses, &one.subject).cmp(&(&other.uses, &other.subject)));
        Self(roads)
    }

    /// The line about what is in the way to this page.
    pub(super) fn blocked(&self, url: &Url) -> Option<&str> {
        self.trouble_at(
            |endpoint| matches!(endpoint, Endpoint::Https(at) if at.origin() == url.origin()),
        )
    }

    pub(super) fn blocked_smtp(&self, server: &SmtpServer) -> Option<&str> {
        self.trouble_at(|endpoint| matches!(endpoint, Endpoint::Smtp(at, _) if at == server))
    }

    pub(super) fn blocked_imap(&self, server: &ImapServer) -> Option<&str> {
        self.trouble_at(|endpoint| matches!(endpoint, Endpoint::Imap(at) if at == server))
    }

    fn trouble_at(&self, is: impl Fn(&Endpoint) -> bool) -> Option<&str> {
        let mut blocked = self.0.iter().filter(|road| road.trouble.is_some());
        blocked.find(|road| is(&road.endpoint)).map(|road| &*road.subject)
    }

    /// A line a server. `clock` is the line that explains certificates that are out of date.
    pub(super) fn steps(&self, clock: Option<&str>) -> Vec<Step> {
        let mut steps: Vec<_> = self.0.iter().map(|road| road.step(clock)).collect();
        let proxies: Vec<_> = PROXIES.iter().filter(|name| env::var_os(name).is_some()).collect();
        if let Some(name) = proxies.first() {
            let seen = format!("{name} is set, but mailbox_exporter dials every server directly");
            let step = Step::ok(Area::Network, "proxy", seen);
            let troubled = self.0.iter().any(|road| road.trouble.is_some());
            steps.insert(0, if troubled { step.warning(DIRECTLY) } else { step });
        }
        steps
    }
}

impl Road {
    fn step(&self, clock: Option<&str>) -> Step {
        let way = self.way();
        let Some(failure) = &self.trouble else {
            let step = Step::ok(Area::Network, &*self.subject, way);
            return match self.inspector() {
                Some(issuer) => step.warning(Mend {
                    reason: None,
                    next: format!("Something between this host and Google opens TLS and sees every token (certificates are made by {issuer}). If that is not meant, have this host's traffic to Google exempted from TLS inspection."),
                }),
                None => step,
            };
        };
        let dated = matches!(failure.reason, Reason::TlsExpired | Reason::TlsNotYetValid);
        if let (true, Some(clock)) = (dated, clock) {
            return Step::skipped(Area::Network, &*self.subject, "certificate", clock);
        }
        let seen = match way.is_empty() {
            true => said(failure),
            false => format!("{}; {way}", said(failure)),
        };
        let step = Step::ok(Area::Network, &*self.subject, seen);
        match self.uses.iter().any(|of| of.is_vital()) {
            true => step.wrong(failure.reason),
            false => step.warning(failure.reason),
        }
    }

    /// How far it goes.
    fn way(&self) -> String {
        let Reach { addresses, shown, answer, .. } = &self.reach;
        let mut way = Vec::new();
        if let Some(first) = addresses.first() {
            let v6 = addresses.iter().filter(|address| address.is_ipv6()).count();
            let v4 = addresses.len() - v6;
            way.push(format!("address {first} ({v4} of IPv4, {v6} of IPv6)"));
        }
        if let Some(shown) = shown {
            let day = shown.expires.to_utc().format("%Y-%m-%d");
            way.push(format!("certificate of {} by {}, until {day}", shown.name, shown.issuer));
        }
        way.extend(answer.as_ref().map(|answer| format!("HTTP status {}", answer.status)));
        way.join(", ")
    }

    /// Who made the certificate of a host of Google's, where that is not Google.
    fn inspector(&self) -> Option<&str> {
        let host = self.endpoint.host();
        let googles = GOOGLES.iter().any(|domain| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        let issuer = &*self.reach.shown.as_ref()?.issuer;
        (googles && !issuer.contains("Google Trust Services")).then_some(issuer)
    }
}

/// Somebody who answers in the server's place, with a certificate that is taken or without any.
fn stranger(endpoint: &Endpoint, uses: &BTreeSet<Use>, answer: Option<&Answer>) -> Option<Failure> {
    let (Endpoint::Https(url), Some(answer)) = (endpoint, answer) else { return None };
    let garbled = |words: String| Some(Failure::own(Reason::GarbledAnswer, words));
    let to = answer.location.as_deref().and_then(|location| url.join(location).ok());
    match (answer.status, to) {
        (status @ (407 | 511), _) => {
            garbled(format!("HTTP status {status}: a network that wants a sign-in"))
        }
        (status @ 300..400, Some(to)) if to.origin() != url.origin() => {
            let to = to.origin().ascii_serialization();
            garbled(format!("HTTP status {status}, which leads to {to}: a captive portal does so"))
        }
        (200, _) if answer.is_html && !uses.contains(&Use::Authorization) => {
            garbled("a web page where Google has none: a captive portal shows one".to_owned())
        }
        _ => None,
    }
}

/// Every server that the links need, and what it is for.
fn endpoints(walk: &Walk) -> Vec<(Endpoint, BTreeSet<Use>)> {
    let mut pages: BTreeMap<String, (Endpoint, BTreeSet<Use>)> = BTreeMap::new();
    let mut mail: Vec<(Endpoint, BTreeSet<Use>)> = Vec::new();
    let defaults = walk.loaded.sources.defaults();
    let googles = walk.chosen.iter().map(|watched| &watched.link.google);
    let googles = googles.chain(walk.chosen.is_empty().then_some(&defaults.google));
    for google in googles {
        let urls = [
            (&google.token_url, Use::Token),
            (&google.tokeninfo_url, Use::Tokeninfo),
            (&google.gmail_api_url, Use::GmailApi),
            (&google.authorization_url, Use::Authorization),
        ];
        for (url, of) in urls {
            let origin = url.origin().ascii_serialization();
            let page = pages.entry(origin);
            page.or_insert_with(|| (Endpoint::Https(url.clone()), BTreeSet::new())).1.insert(of);
        }
    }
    let mut add = |endpoint: Endpoint, of: Use| {
        if !mail.iter().any(|(known, _)| *known == endpoint) {
            mail.push((endpoint, BTreeSet::from([of])));
        }
    };
    for watched in &walk.chosen {
        let (link, settings) = (&watched.link, &watched.settings);
        if Check::Smtp.applies_to(link.direction) {
            let name = settings.smtp.ehlo_name.as_ref().map(|name| name.as_str().to_owned());
            add(Endpoint::Smtp((*link.smtp).clone(), name), Use::Smtp);
        }
        if link.direction != Direction::Outgoing {
            add(Endpoint::Imap((*link.imap).clone()), Use::Imap);
        }
    }
    pages.into_values().chain(mail).collect()
}

/// For one server: name, connection, TLS and greeting.
const PATIENCE: Duration = Duration::from_secs(15);

/// Servers at once.
const AT_ONCE: usize = 8;

/// Hosts of Google's, for which Google makes its certificates itself.
const GOOGLES: [&str; 4] = ["gmail.com", "google.com", "googleapis.com", "googlemail.com"];

/// What other programs take a proxy from.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

const DIRECTLY: &str = "Let this host reach Google's servers directly (443, 587 or 465, and 993 in its firewall): mail goes through no HTTP proxy, and neither do tokens.";
