//! The authorization endpoint, asked without signing in: whether it would let anybody go on to a consent.
//!
//! Invariant: it is asked as a browser's first visit, whose redirect is read and never followed.

use http::header::{ACCEPT, ACCEPT_LANGUAGE, LOCATION, USER_AGENT};
use url::Url;

use super::https::Https;
use crate::domain::{
    outcome::Failure,
    preflight::{self, Preflight},
    reason::Reason,
    redact::Redactor,
};

/// What the endpoint answers.
#[derive(Debug)]
pub(crate) enum Told {
    Answer(Preflight),
    /// It has had enough of us, and asking on would be rude.
    TooMuch(String),
}

/// Asks for the consent page of a client, to be sent back to this redirect URI.
/// https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
///
/// # Errors
/// Why it could not be asked.
pub(crate) async fn ask(
    https: &Https,
    authorization_url: &Url,
    client_id: &str,
    redirect_uri: &str,
    scope: &str,
    redactor: &Redactor,
) -> Result<Told, Failure> {
    let mut url = authorization_url.clone();
    url.query_pairs_mut()
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("response_type", "code")
        .append_pair("scope", scope)
        .append_pair("access_type", "offline")
        .append_pair("state", STATE);
    let request = http::Request::get(url.as_str())
        .header(USER_AGENT, BROWSER)
        .header(ACCEPT, "text/html")
        .header(ACCEPT_LANGUAGE, "en")
        .body(Vec::new())
        .map_err(|error| Failure::own(Reason::InternalError, error))?;
    let answer = https.exchange(request).await?;
    let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let told = preflight::read(&url, answer.status().as_u16(), location, redactor);
    let body = String::from_utf8_lossy(answer.body());
    let for_robots = ROBOTS.iter().any(|word| body.contains(word));
    Ok(match told {
        _ if answer.status() == http::StatusCode::TOO_MANY_REQUESTS => {
            Told::TooMuch("HTTP status 429".to_owned())
        }
        _ if location.is_some_and(is_sorry) => {
            Told::TooMuch("a redirect to the page for robots, /sorry".to_owned())
        }
        Preflight::Refused(refusal) if refusal.reason == Reason::GoogleRateLimited => {
            Told::TooMuch(refusal.error)
        }
        Preflight::Unknown(why) if for_robots => {
            Told::TooMuch(format!("{why}, with the page for robots"))
        }
        told => Told::Answer(told),
    })
}

/// Whether it leads to where Google sends what looks like a robot.
fn is_sorry(location: &str) -> bool {
    let path = match Url::parse(location) {
        Ok(url) => url.path().to_owned(),
        Err(_) => location.to_owned(),
    };
    path == "/sorry" || path.starts_with("/sorry/")
}

/// Comes back to nobody, for nobody signs in.
const STATE: &str = "nobody-signs-in";

/// Programs that say nothing are taken for what is embedded in another one, and turned away.
const BROWSER: &str =
    concat!("Mozilla/5.0 (compatible; mailbox_exporter/", env!("CARGO_PKG_VERSION"), ")");

/// Words of the page for robots.
const ROBOTS: [&str; 3] = ["unusual traffic", "automated queries", "g-recaptcha"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_for_robots_is_known_wherever_it_is() {
        for there in ["https://www.google.com/sorry/index?continue=x", "/sorry/index", "/sorry"] {
            assert!(is_sorry(there), "{there}");
        }
        for elsewhere in ["https://accounts.google.com/v3/signin/identifier?x=/sorry", "/sorrys"] {
            assert!(!is_sorry(elsewhere), "{elsewhere}");
        }
    }
}
