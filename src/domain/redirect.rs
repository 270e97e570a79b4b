//! Google's rules for redirect URIs, held against one without asking anybody:
//! <https://developers.google.com/identity/protocols/oauth2/web-server#uri-validation>.
//!
//! Invariant: what is examined is the text itself, for Google compares it letter by letter, while a URL parser mends
//! much of it silently. What is found fault with by nothing here reads the same after parsing and writing it again.

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode;
use url::{Host, Url, form_urlencoded};

#[cfg(test)]
mod tests;

/// What a redirect URI must not be. What says most about it comes first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    NotAbsolute,
    Unreadable,
    Userinfo,
    Fragment,
    Wildcard,
    RawAddress,
    NotPublic,
    Googleusercontent,
    Shortener,
    Scheme,
    Traversal,
    OpenRedirect,
    Null,
    NonPrintable,
    PercentEncoding,
    /// Not Google's rule, but a trap: browsers and libraries write it otherwise, and Google compares letter by letter.
    Rewritten,
}

impl Rule {
    pub const ALL: [Self; 16] = [
        Self::NotAbsolute,
        Self::Unreadable,
        Self::Userinfo,
        Self::Fragment,
        Self::Wildcard,
        Self::RawAddress,
        Self::NotPublic,
        Self::Googleusercontent,
        Self::Shortener,
        Self::Scheme,
        Self::Traversal,
        Self::OpenRedirect,
        Self::Null,
        Self::NonPrintable,
        Self::PercentEncoding,
        Self::Rewritten,
    ];

    /// Whether Google refuses what breaks it, whatever is registered.
    pub fn is_googles(self) -> bool {
        self != Self::Rewritten
    }

    /// The rule, in a sentence.
    pub fn says(self) -> &'static str {
        match self {
            Self::NotAbsolute => "A redirect URI is a whole address that begins with https://.",
            Self::Unreadable => "Host and port of a redirect URI must be such as a URL can have.",
            Self::Userinfo => "A redirect URI holds no user name and no password.",
            Self::Fragment => "A redirect URI holds no #.",
            Self::Wildcard => "A redirect URI holds no *: each address is registered by itself.",
            Self::RawAddress => "The host is a name; IP addresses are for this computer only.",
            Self::NotPublic => {
                "The host's name ends in one of the Public Suffix List, so not in .local, .lan or .internal. It need not be reachable from the internet."
            }
            Self::Googleusercontent => "The host is not googleusercontent.com.",
            Self::Shortener => {
                "The host is no URL shortener, but for one's own with /google-callback in the path."
            }
            Self::Scheme => "It is https; http is for localhost only.",
            Self::Traversal => "The path holds no /.. in whatever encoding.",
            Self::OpenRedirect => "The query does not say where to go on to.",
            Self::Null => "It holds no NUL in whatever encoding.",
            Self::NonPrintable => "It holds printable characters only.",
            Self::PercentEncoding => "Behind every % stand two hexadecimal digits.",
            Self::Rewritten => {
                "Google compares letter by letter, so it is best written as every program writes it: in lower case up to the path, without the usual port, with a path, encoded."
            }
        }
    }
}

/// One rule that a redirect URI breaks. Prints as what is wrong, in words that hold no part of it but scheme and host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    pub rule: Rule,
    what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Every rule that it breaks, each once, in the order of [`Rule`]; none where nothing is known against it.
pub fn examine(uri: &str) -> Vec<Broken> {
    let mut found = Found(Vec::new());
    characters(&mut found, uri);
    match Parts::of(uri) {
        None => found.add(Rule::NotAbsolute, "it does not begin with https://"),
        Some(parts) => address(&mut found, uri, &parts),
    }
    found.0.sort_by_key(|broken| broken.rule);
    found.0
}

#[derive(Debug)]
struct Found(Vec<Broken>);

impl Found {
    fn add(&mut self, rule: Rule, what: impl Into<String>) {
        self.0.push(Broken { rule, what: what.into() });
    }
}

fn characters(found: &mut Found, uri: &str) {
    if uri.contains('#') {
        found.add(Rule::Fragment, "it holds a #");
    }
    if uri.contains('*') {
        found.add(Rule::Wildcard, "it holds a *");
    }
    let decoded: Vec<u8> = percent_decode(uri.as_bytes()).collect();
    if plain(&decoded).contains(&0) {
        found.add(Rule::Null, "it holds a NUL");
    }
    if uri.bytes().any(|byte| byte != 0 && byte.is_ascii_control()) {
        found.add(Rule::NonPrintable, "it holds a character that cannot be printed");
    }
    let is_whole = |after: &str| matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if uri.split('%').skip(1).any(|after| !is_whole(after)) {
        found.add(Rule::PercentEncoding, "it holds a % without two hexadecimal digits behind it");
    }
}

fn address(found: &mut Found, uri: &str, parts: &Parts<'_>) {
    if parts.authority.contains('@') {
        found.add(Rule::Userinfo, "it holds a user name");
    }
    if backtracks(parts.path) {
        found.add(Rule::Traversal, "its path holds a /..");
    }
    if parts.query.is_some_and(leads_on) {
        found.add(Rule::OpenRedirect, "its query holds an address, as an open redirect does");
    }
    let url = match Url::parse(uri) {
        Ok(url) if !parts.authority.is_empty() => url,
        _ => return found.add(Rule::Unreadable, "its host or port is none that a URL can have"),
    };
    match url.scheme() {
        "http" | "https" => host(found, &url),
        other => found.add(Rule::Scheme, format!("it is {other}, not https")),
    }
    if found.0.is_empty() && url.as_str() != uri {
        let written = Parts::of(url.as_str());
        let part = match written {
            Some(written) if written.scheme != parts.scheme => "scheme",
            Some(written) if written.authority != parts.authority => "host or port",
            Some(written) if written.path != parts.path => "path",
            _ => "query",
        };
        found.add(Rule::Rewritten, format!("its {part} is not written as programs write it"));
    }
}

fn host(found: &mut Found, url: &Url) {
    if is_here(url) {
        return;
    }
    if url.scheme() != "https" {
        found.add(Rule::Scheme, format!("it is {}, not https", url.scheme()));
    }
    let Some(Host::Domain(written)) = url.host() else {
        let address = url.host_str().unwrap_or_default();
        return found.add(Rule::RawAddress, format!("{address} is an IP address"));
    };
    let name = written.strip_suffix('.').unwrap_or(written);
    if !is_public(name) {
        found.add(Rule::NotPublic, format!("{written} is no public name"));
    }
    if is_under(name, "googleusercontent.com") {
        found.add(Rule::Googleusercontent, format!("{written} is Google's own"));
    }
    let is_shortener = SHORTENERS.iter().any(|shortener| is_under(name, shortener));
    let path = url.path();
    if is_shortener && !path.contains("/google-callback/") && !path.ends_with("/google-callback") {
        found.add(Rule::Shortener, format!("{written} is a URL shortener"));
    }
}

/// Whether it names this computer, for which http and addresses are fine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// Whether something on the Public Suffix List ends the name, and something stands before the last dot.
fn is_public(name: &str) -> bool {
    let is_listed = |suffix: psl::Suffix<'_>| suffix.is_known();
    name.contains('.') && psl::suffix(name.as_bytes()).is_some_and(is_listed)
}

fn is_under(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether the path goes back, however often it is encoded.
fn backtracks(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..ROUNDS {
        let goes_back = |part: &[u8]| matches!(part, [b'/' | b'\\', b'.', b'.']);
        if plain(&bytes).windows(3).any(goes_back) {
            return true;
        }
        let decoded: Vec<u8> = percent_decode(&bytes).collect();
        if decoded == bytes {
            return false;
        }
        bytes = decoded;
    }
    // Nobody means well who encodes a path that often.
    true
}

/// Whether a value of the query is an address of its own.
fn leads_on(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(_, value)| {
        let value = value.trim_start().to_ascii_lowercase();
        ADDRESSES.iter().any(|begin| value.starts_with(begin))
    })
}

/// The bytes with what UTF-8 forbids, but lenient decoders take: characters of ASCII in two, three or four bytes.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let (byte, behind) = match rest {
            [a @ 0xc0..=0xc1, b @ 0x80..=0xbf, behind @ ..] => ((a & 1) << 6 | b & 0x3f, behind),
            [0xe0, a @ 0x80..=0x81, b @ 0x80..=0xbf, behind @ ..]
            | [0xf0, 0x80, a @ 0x80..=0x81, b @ 0x80..=0xbf, behind @ ..] => {
                ((a & 1) << 6 | b & 0x3f, behind)
            }
            _ => (*first, after),
        };
        plain.push(byte);
        rest = behind;
    }
    plain
}

/// A URI's text, taken apart where browsers do, but with nothing mended.
#[derive(Debug)]
struct Parts<'a> {
    scheme: &'a str,
    authority: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// None where it does not begin like `scheme://`.
    fn of(uri: &'a str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            || !scheme.bytes().all(fits)
        {
            return None;
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let end = rest.find(['/', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        Some(Self { scheme, authority, path, query })
    }
}

/// The redirect URI to register for the Odoo at this base URL: with https, but where it is this very computer. None
/// where its host can be in no redirect URI.
pub fn right_for_odoo(base: &Url) -> Option<Url> {
    let host = base.host_str()?;
    let scheme = if is_here(base) { base.scheme() } else { "https" };
    // Another scheme does not speak on that port.
    let port = base.port().filter(|_| base.scheme() == scheme);
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let right = Url::parse(&format!("{scheme}://{host}{port}{ODOO_PATH}")).ok()?;
    examine(right.as_str()).is_empty().then_some(right)
}

/// What an Odoo whose base URL is this has Google send people back to, as it writes it.
pub fn of_odoo(base: &str) -> String {
    format!("{}{ODOO_PATH}", base.trim_end_matches('/'))
}

/// What would be right for the Odoo at this base URL, and where to do it.
pub fn advice(base: &Url) -> String {
    match right_for_odoo(base) {
        Some(right) => {
            let origin = right.as_str().trim_end_matches(ODOO_PATH);
            format!(
                "Set web.base.url to {origin} and register {right}, letter by letter, at {CLIENTS}."
            )
        }
        None => format!(
            "Give this Odoo a name in a public domain, with https (it need not be reachable from the internet), set https://<that name> as web.base.url, and register https://<that name>{ODOO_PATH} at {CLIENTS}."
        ),
    }
}

/// Where Odoo has itself called back, at whatever its base URL is.
const ODOO_PATH: &str = "/google_gmail/confirm";

const CLIENTS: &str = "https://console.cloud.google.com/auth/clients";

/// Google names goo.gl as an example and lists none; these are the best known ones.
const SHORTENERS: &[&str] = &[
    "adf.ly",
    "bit.ly",
    "bitly.com",
    "bl.ink",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "lnkd.in",
    "ow.ly",
    "rb.gy",
    "rebrand.ly",
    "shorturl.at",
    "t.co",
    "t.ly",
    "tiny.cc",
    "tinyurl.com",
    "v.gd",
];

/// How the value of an open redirect begins.
const ADDRESSES: &[&str] =
    &["http:/", "https:/", "http:\\", "https:\\", "//", "\\\\", "/\\", "\\/"];

/// How often a path is decoded.
const ROUNDS: usize = 8;
