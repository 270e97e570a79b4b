//! Where Google is to lead the browser back to. Google knows two kinds of clients: a Desktop client may use any port of
//! the loopback address, a Web client only the very addresses that were registered for it.
//! <https://developers.google.com/identity/protocols/oauth2/native-app#redirect-uri_loopback>

use anyhow::bail;
use url::{Host, Url};

use crate::domain::link::Client;

/// Where, and how the answer gets to us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Redirect {
    /// We listen there; on a free port where none is said.
    Listened { uri: Url, port: Option<u16> },
    /// A person copies it out of the browser's address bar.
    Pasted(Url),
}

/// What fits the client.
///
/// # Errors
/// Nothing does, and what would be right.
pub(super) fn choose(client: &Client, port: Option<u16>, paste: bool) -> anyhow::Result<Redirect> {
    let loopback = |port: u16| {
        Url::parse(&format!("http://127.0.0.1:{port}/")).expect("a loopback address is a URL")
    };
    let known = &client.redirect_uris;
    let is_wanted = |uri: &&Url| is_loopback(uri) && port.is_none_or(|port| own_port(uri) == port);
    let registered = known.iter().find(is_wanted);
    match (registered, known.first(), paste) {
        (Some(uri), _, true) => Ok(Redirect::Pasted(uri.clone())),
        (None, Some(uri), true) => Ok(Redirect::Pasted(uri.clone())),
        (None, None, true) => Ok(Redirect::Pasted(loopback(port.unwrap_or(PASTED)))),
        (Some(uri), _, false) => {
            Ok(Redirect::Listened { uri: uri.clone(), port: Some(own_port(uri)) })
        }
        (None, None, false) => Ok(Redirect::Listened { uri: loopback(port.unwrap_or(0)), port }),
        (None, Some(_), false) => {
            let name = &client.name;
            let uris: Vec<_> = known.iter().map(Url::as_str).collect();
            let listed = uris.join(", ");
            match port.filter(|_| known.iter().any(is_loopback)) {
                Some(port) => bail!(
                    "the client {name} has no redirect URI on port {port}: Google leads back to {listed} only; leave out --port"
                ),
                None => bail!(
                    "the client {name} is a Web client: Google leads back to {listed} only, where this command does not listen. Use --paste; or register http://127.0.0.1:10049/ for the client at https://console.cloud.google.com/auth/clients and add it to its redirect_uris; or use a client of the type Desktop app, which needs no redirect_uris"
                ),
            }
        }
    }
}

/// What the person does with the page that the browser ends at.
pub(super) fn how_to_paste(client: &Client, uri: &Url) -> String {
    let what = match (is_loopback(uri), client.redirect_uris.is_empty()) {
        (true, _) => format!(
            "At the end the browser is led to {uri}, where nothing answers: it says that it cannot connect."
        ),
        (false, _) => format!(
            "At the end the browser is led to {uri}, the application's own page, which may show an error: it was not the one who asked."
        ),
    };
    format!(
        "{what} Copy the whole address out of its address bar then, at once, and paste it here."
    )
}

fn is_loopback(uri: &Url) -> bool {
    let host = match uri.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    // Of TLS we have none here.
    host && uri.scheme() == "http"
}

fn own_port(uri: &Url) -> u16 {
    uri.port_or_known_default().unwrap_or_default()
}

/// Nobody listens here, and browsers do not refuse it.
const PASTED: u16 = 10049;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn client(uris: &[&str]) -> Client {
        Client {
            name: "odoo".into(),
            id: "1234-abc".into(),
            secret: Secret::new("s"),
            publishing_status: None,
            redirect_uris: uris.iter().map(|uri| Url::parse(uri).unwrap()).collect(),
        }
    }

    const ODOO: &str = "https://odoo.example.com/google_gmail/confirm";
    const OWN: &str = "http://127.0.0.1:10049/";

    #[test]
    fn a_desktop_client_takes_any_port_and_a_web_client_what_is_registered() {
        let chosen = |uris: &[&str], port, paste| match choose(&client(uris), port, paste) {
            Ok(Redirect::Listened { uri, port: Some(port) }) => format!("{uri} at {port}"),
            Ok(Redirect::Listened { uri, port: None }) => format!("{uri} anywhere"),
            Ok(Redirect::Pasted(uri)) => format!("{uri} pasted"),
            Err(error) => error.to_string(),
        };
        assert_eq!(chosen(&[], None, false), "http://127.0.0.1:0/ anywhere");
        assert_eq!(chosen(&[], Some(4000), false), "http://127.0.0.1:4000/ at 4000");
        assert_eq!(chosen(&[], None, true), "http://127.0.0.1:10049/ pasted");
        assert_eq!(chosen(&[ODOO, OWN], None, false), "http://127.0.0.1:10049/ at 10049");
        assert_eq!(chosen(&[ODOO, OWN], None, true), "http://127.0.0.1:10049/ pasted");
        assert_eq!(chosen(&[ODOO], None, true), format!("{ODOO} pasted"));
        let local = "http://localhost:8069/google_gmail/confirm";
        assert_eq!(chosen(&[OWN, local], Some(8069), false), format!("{local} at 8069"));
        assert_eq!(chosen(&["http://localhost/x"], None, false), "http://localhost/x at 80");
        assert!(chosen(&[ODOO], None, false).contains("is a Web client"));
        assert!(chosen(&["https://localhost:1/"], None, false).contains("is a Web client"));
        assert!(chosen(&[OWN], Some(9), false).contains("no redirect URI on port 9"));
    }

    #[test]
    fn what_to_paste_is_said_as_it_will_look() {
        let (web, own) = (client(&[ODOO]), client(&[]));
        let own_page = how_to_paste(&web, &web.redirect_uris[0]);
        assert!(own_page.contains("application's own page"), "{own_page}");
        let nothing = how_to_paste(&own, &Url::parse(OWN).unwrap());
        assert!(nothing.contains("cannot connect"), "{nothing}");
    }
}
