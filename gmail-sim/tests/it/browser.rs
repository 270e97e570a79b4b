//! Somebody's browser, without scripts: it keeps a cookie, follows redirects and sends forms.

use std::collections::BTreeSet;

use url::Url;

use crate::support::{CLIENT, Stage};

pub(crate) const URI: &str = "https://odoo.example.com/google_gmail/confirm";
pub(crate) const MAIL: &str = "https://mail.google.com/";

/// A request for consent such as Odoo's.
pub(crate) fn wish(stage: &Stage, more: &[(&str, &str)]) -> String {
    let mut url = Url::parse(&stage.at().authorization_url).unwrap();
    let usual = [
        ("client_id", CLIENT),
        ("redirect_uri", URI),
        ("response_type", "code"),
        ("scope", MAIL),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("state", r#"{"model": "ir.mail_server", "id": 1}"#),
    ];
    let kept = usual.into_iter().filter(|usual| more.iter().all(|more| more.0 != usual.0));
    let given = more.iter().copied().filter(|more| !more.1.is_empty());
    url.query_pairs_mut().extend_pairs(kept.chain(given));
    url.into()
}

/// What a field of an address says; empty where absent.
pub(crate) fn field(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{error}: {url}"));
    let mut pairs = url.query_pairs();
    pairs.find(|pair| pair.0 == name).map_or(String::new(), |pair| pair.1.into_owned())
}

/// What the browser shows.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Somebody else's page is asked for.
    Elsewhere(String),
    /// A page of Google's.
    Page(u16, String),
}

impl Seen {
    pub(crate) fn page(&self) -> &str {
        match self {
            Self::Page(_, page) => page,
            Self::Elsewhere(url) => panic!("sent to {url}"),
        }
    }

    pub(crate) fn elsewhere(&self) -> &str {
        match self {
            Self::Elsewhere(url) => url,
            Self::Page(status, page) => panic!("{status} {page}"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Browser<'a> {
    at: String,
    cookie: String,
    stage: &'a Stage,
}

impl<'a> Browser<'a> {
    pub(crate) fn of(stage: &'a Stage) -> Self {
        Self { at: stage.at().authorization_url.clone(), cookie: String::new(), stage }
    }

    pub(crate) async fn open(&mut self, url: &str) -> Seen {
        self.ask("GET", url, "").await
    }

    /// Opens the link of this id.
    pub(crate) async fn follow(&mut self, page: &str, id: &str) -> Seen {
        let href = plain(&attribute(element(page, id), "href"));
        self.open(&href).await
    }

    /// Presses a button of the page's form, after unticking the boxes of these ids.
    pub(crate) async fn press(&mut self, page: &str, button: &str, unticked: &[&str]) -> Seen {
        let form = page.split("<form").nth(1).unwrap_or_else(|| panic!("no form: {page}"));
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for input in form.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
            let ticked = !input.contains("checkbox") || input.contains("checked");
            if ticked && !unticked.iter().any(|id| input.contains(&format!("id=\"{id}\""))) {
                body.append_pair(&attribute(input, "name"), &plain(&attribute(input, "value")));
            }
        }
        let button = element(page, button);
        if button.contains("name=") {
            body.append_pair(&attribute(button, "name"), &attribute(button, "value"));
        }
        let action = plain(&attribute(form, "action"));
        self.ask("POST", &action, &body.finish()).await
    }

    /// Chooses an account and goes on.
    pub(crate) async fn choose(&mut self, page: &str, address: &str) -> Seen {
        assert!(page.contains(&format!("<option value=\"{address}\"")), "{page}");
        let action = plain(&attribute(page.split("<form").nth(1).unwrap(), "action"));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("account", address)
            .finish();
        self.ask("POST", &action, &body).await
    }

    /// From the client's address, by way of the accounts, to what comes then: the consent page.
    pub(crate) async fn sign_in(&mut self, url: &str, address: &str) -> Seen {
        let accounts = self.open(url).await;
        self.choose(accounts.page(), address).await
    }

    async fn ask(&mut self, method: &str, url: &str, body: &str) -> Seen {
        let (mut method, mut body) = (method, body);
        let here = Url::parse(&self.at).unwrap();
        let next = here.join(url).unwrap();
        if next.authority() != here.authority() {
            return Seen::Elsewhere(next.into());
        }
        self.at = next.into();
        let mut visited = BTreeSet::new();
        loop {
            assert!(visited.insert(self.at.clone()), "in a circle: {visited:?}");
            let host = Url::parse(&self.at).unwrap().authority().to_owned();
            let cookie = format!("Cookie: other=1; {}\r\n", self.cookie);
            let head = format!("{method} PATH HTTP/1.1\r\nHost: {host}\r\n{cookie}");
            let answer = self.stage.raw_https(&self.at, &head, body).await.unwrap();
            let (head, page) = answer.split_once("\r\n\r\n").unwrap();
            let header = |name: &str| {
                let mut lines = head.split("\r\n");
                lines.find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
            };
            if let Some(cookie) = header("Set-Cookie") {
                cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
            }
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            let Some(location) = header("Location") else {
                return Seen::Page(status, page.to_owned());
            };
            let next = Url::parse(&self.at).unwrap().join(&location).unwrap();
            if next.authority() != host {
                return Seen::Elsewhere(next.into());
            }
            self.at = next.into();
            (method, body) = ("GET", "");
        }
    }
}

/// The tag with this id.
fn element<'a>(page: &'a str, id: &str) -> &'a str {
    let mark = format!("id=\"{id}\"");
    let at = page.find(&mark).unwrap_or_else(|| panic!("no {id}: {page}"));
    let start = page[..at].rfind('<').unwrap();
    &page[start..at + page[at..].find('>').unwrap()]
}

fn attribute(tag: &str, name: &str) -> String {
    let mark = format!(" {name}=\"");
    let rest = format!(" {tag}").split_once(&mark).map(|(_, rest)| rest.to_owned());
    rest.unwrap_or_default().split('"').next().unwrap().to_owned()
}

/// Without HTML's escapes.
fn plain(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
