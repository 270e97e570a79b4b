//! Why an Odoo's API gives no answer, in sentences that say what would be right.
//!
//! Invariant: no sentence holds a secret, and none holds more of an answer than its first words.

use serde_json::Value;
use url::Url;

use super::Endpoint;
use crate::{
    domain::{outcome::Failure, reason::Reason, redact::Redactor},
    source::odoo::version::Series,
};

/// What came instead of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// The key, or the login with it.
    KeyRefused,
    /// JSON-RPC names its user.
    LoginMissing,
    NoDatabase,
    /// What the user may not read.
    NoRight,
    /// Odoo's own exception, by its name and words.
    Refused {
        name: String,
        message: String,
    },
    /// A whole sentence.
    Unanswered(String),
}

impl Trouble {
    /// An exception of Odoo's. Its words may be in any language, so they decide nothing that its name can.
    pub(super) fn exception(status: u16, name: &str, message: &str) -> Self {
        let kind = name.rsplit('.').next().unwrap_or_default();
        match kind {
            "AccessDenied" => Self::KeyRefused,
            "AccessError" => Self::NoRight,
            "OperationalError" if message.contains("does not exist") => Self::NoDatabase,
            _ if status == 401 => Self::KeyRefused,
            _ => Self::Refused { name: kind.to_owned(), message: message.to_owned() },
        }
    }

    /// No answer at all.
    pub(super) fn failure(failure: &Failure) -> Self {
        let words = failure.evidence.as_ref().map(ToString::to_string).unwrap_or_default();
        Self::Unanswered(match failure.reason {
            Reason::GarbledAnswer => {
                format!("its answer cannot be taken: {words}; is this the address of Odoo itself?")
            }
            Reason::ConnectionLost => {
                format!("the connection broke off before the whole answer was there: {words}")
            }
            Reason::TlsUntrusted => format!(
                "its certificate is not trusted: {words}; name the authority's file as `google.ca_file`"
            ),
            Reason::TlsExpired
            | Reason::TlsFailed
            | Reason::TlsNotYetValid
            | Reason::TlsWrongName => {
                format!("its certificate or its TLS is at fault: {words}")
            }
            _ => format!("it cannot be reached: {words}"),
        })
    }

    /// Something that is no answer of the API's.
    pub(super) fn page(url: &Url, status: u16, location: Option<&str>) -> Self {
        Self::Unanswered(match status {
            200..=299 => format!("it answers {status}, but not as the API does: {ITSELF}"),
            300..=399 => elsewhere(url, location),
            401 | 403 | 407 => format!(
                "it answers {status} without a word of Odoo's: a proxy before it lets nobody through; let it pass /jsonrpc and /json/2"
            ),
            404 | 405 => format!("it answers {status}: {ITSELF}"),
            429 => "it answers 429: a proxy before it finds these too many requests".to_owned(),
            502..=504 => format!(
                "it answers {status}: the proxy reaches no Odoo, which is stopped, starting or being upgraded"
            ),
            _ => format!("it answers {status}: its log says why"),
        })
    }

    /// The answer is the API's, but not what this method answers.
    pub(super) fn odd(model: &str) -> Self {
        Self::Unanswered(format!("it answers with something else than the rows of {model}"))
    }

    pub(super) fn sentence(&self, endpoint: &Endpoint, series: Option<Series>) -> String {
        let json2 = series.is_some_and(|series| series.traits().json2);
        match self {
            Self::KeyRefused => key_refused(endpoint, json2),
            Self::LoginMissing => {
                "Odoo 15 to 18 want to know whose key it is: give the user's `login`".to_owned()
            }
            Self::NoDatabase => no_database(endpoint, json2),
            Self::NoRight => {
                let user = match (&endpoint.login, json2) {
                    (Some(login), false) => format!("the user {login}"),
                    _ => "the user whose key this is".to_owned(),
                };
                let group =
                    if json2 { "Role / Administrator" } else { "Administration / Settings" };
                format!(
                    "{user} is no administrator: give it {group}, for Odoo shows mail servers and their refresh tokens to nobody else"
                )
            }
            Self::Refused { name, message } => {
                let mut redactor = Redactor::default();
                redactor.hide(&endpoint.key);
                let words = redactor.clean(message);
                let words: String = words.chars().take(LONGEST).collect();
                format!("Odoo refuses what it is asked: {name}: {words}")
            }
            Self::Unanswered(sentence) => sentence.clone(),
        }
    }
}

/// In characters, of an exception's words.
const LONGEST: usize = 300;

const ITSELF: &str = "is this the address of Odoo itself, without a path such as /web?";

fn key_refused(endpoint: &Endpoint, json2: bool) -> String {
    let make = "make one in that user's Preferences, Account Security, New API Key (with two-factor authentication nothing else is taken)";
    match (&endpoint.login, json2) {
        (Some(login), false) => format!(
            "Odoo takes neither this key nor this password of {login}: the login is another, or the key was deleted or is over; {make}"
        ),
        _ => format!(
            "Odoo does not take this key: it was deleted or is over, is another database's, or is no API key at all; {make}"
        ),
    }
}

fn no_database(endpoint: &Endpoint, json2: bool) -> String {
    match (&endpoint.database, json2) {
        (Some(name), true) => {
            format!(
                "this Odoo has no database {name}, or its dbfilter hides it: set `database` right"
            )
        }
        (Some(name), false) => format!("this Odoo has no database {name}: set `database` right"),
        (None, true) => {
            "this Odoo has not exactly one database: name the one that is meant as `database`"
                .to_owned()
        }
        (None, false) => {
            "Odoo 15 to 18 want to know which database is meant: give `database`".to_owned()
        }
    }
}

/// It is never followed: what comes from there would be somebody else's.
fn elsewhere(url: &Url, location: Option<&str>) -> String {
    let Some(to) = location.and_then(|location| url.join(location).ok()) else {
        return format!("it redirects elsewhere: {ITSELF}");
    };
    let origin = to.origin().ascii_serialization();
    match to.path() {
        path if path.starts_with("/web/database") => {
            "it asks which database is meant: give `database`".to_owned()
        }
        path if to.origin() == url.origin() => format!("it redirects to {path}: {ITSELF}"),
        _ => format!(
            "it redirects to {origin}, which is not followed: if that is Odoo, give {origin} as `url`"
        ),
    }
}

/// `{"name": …, "message": …}`, as JSON-2 writes exceptions, and JSON-RPC in `error.data`.
pub(super) fn exception(status: u16, told: &Value) -> Option<Trouble> {
    let text = |key: &str| told.get(key).and_then(Value::as_str);
    Some(Trouble::exception(status, text("name")?, text("message").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::secret::Secret;

    fn endpoint() -> Endpoint {
        Endpoint {
            url: "http://erp.example.com/base/".parse().unwrap(),
            database: Some("shop".to_owned()),
            login: Some("bot".to_owned()),
            key: Secret::new("the-key-of-this-test"),
        }
    }

    #[test]
    fn exceptions_are_told_apart_by_name() {
        let missing = "FATAL: database \"shop\" does not exist";
        let unknown = Trouble::Refused { name: "ValueError".to_owned(), message: "no".to_owned() };
        let busy = "FATAL: too many connections";
        let full =
            Trouble::Refused { name: "OperationalError".to_owned(), message: busy.to_owned() };
        let cases = [
            (0, "odoo.exceptions.AccessDenied", "Accès refusé", Trouble::KeyRefused),
            (401, "werkzeug.exceptions.Unauthorized", "Invalid apikey", Trouble::KeyRefused),
            (403, "odoo.exceptions.AccessError", "Nein", Trouble::NoRight),
            (0, "psycopg2.OperationalError", missing, Trouble::NoDatabase),
            (0, "psycopg2.OperationalError", busy, full),
            (500, "builtins.ValueError", "no", unknown),
        ];
        for (status, name, message, expected) in cases {
            let told = json!({"name": name, "message": message, "debug": "Traceback"});
            assert_eq!(exception(status, &told), Some(expected), "{name}");
        }
        assert_eq!(exception(500, &json!({"error": "of a proxy"})), None);
    }

    #[test]
    fn a_redirect_says_where_to_and_what_would_be_right() {
        let to = |location| {
            let page = Trouble::page(&endpoint().url, 303, location);
            page.sentence(&endpoint(), None)
        };
        assert!(to(None).starts_with("it redirects elsewhere"));
        assert!(
            to(Some("/web/login?redirect=/jsonrpc")).starts_with("it redirects to /web/login:")
        );
        assert_eq!(
            to(Some("/web/database/selector")),
            "it asks which database is meant: give `database`"
        );
        let secure = to(Some("https://erp.example.com/jsonrpc"));
        assert!(
            secure.ends_with("if that is Odoo, give https://erp.example.com as `url`"),
            "{secure}"
        );
    }

    #[test]
    fn odoos_own_words_are_short_and_without_the_key() {
        let words = format!("the-key-of-this-test 1//0abcdef {}", "word ".repeat(500));
        let refused = Trouble::exception(0, "builtins.ValueError", &words);
        let said = refused.sentence(&endpoint(), Some(Series::V18));
        assert!(
            said.starts_with("Odoo refuses what it is asked: ValueError: **** **** word"),
            "{said}"
        );
        assert!(said.chars().count() < 400, "{said}");
    }
}
