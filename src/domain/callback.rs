//! What Google's consent page sends back: the address that the browser is led to at the end, as a loopback server received
//! it or as a person pasted it.
//!
//! Invariant: a code leaves a [`Callback`] only against the state that the consent was asked with.

use std::fmt;

use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use super::{preflight, reason::Reason, redact::Redactor, secret::Secret};

#[cfg(test)]
mod tests;

/// What came back. Whether it may be believed, [`Callback::answer_to`] says.
#[derive(Debug)]
pub struct Callback {
    sender: Sender,
    answer: Answer,
}

/// How the consent ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// With consent; the code is to be exchanged for tokens at once.
    Agreed(Secret),
    Refused(Refusal),
}

/// Why there is no consent. Google's words are redacted and bounded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    pub reason: Reason,
    /// Google's code, such as `access_denied`.
    pub error: String,
    /// Mostly there is none.
    pub description: Option<String>,
}

/// Why a text is no answer to what was asked. Prints as a sentence that says what would be one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mistake {
    Empty,
    TooLong,
    /// It has no query, or one of something else.
    NoAnswer,
    CodeAlone,
    /// The address of a page of Google's, where the consent is not over yet.
    NotOver,
    /// Google's error page, and why its address is not understood.
    UnknownPage(String),
    /// Says something twice, or a code and an error.
    Ambiguous,
    /// Of another attempt, or somebody else's making.
    OtherState,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "That is empty. {WHOLE}."),
            Self::TooLong => write!(f, "That is far too long for an address of Google's. {WHOLE}."),
            Self::NoAnswer => {
                write!(f, "That holds no answer of Google's. {WHOLE}; it holds code= and state=.")
            }
            Self::CodeAlone => write!(
                f,
                "That is the code alone, which cannot be told from one of another attempt. {WHOLE}."
            ),
            Self::NotOver => write!(
                f,
                "That is still a page of Google's: finish there. {WHOLE}, even if that page does not load."
            ),
            Self::UnknownPage(why) => write!(
                f,
                "That is Google's error page, but its address is not understood: {why}. Read what the page says."
            ),
            Self::Ambiguous => {
                write!(f, "That says two things at once, which Google does not. Begin again.")
            }
            Self::OtherState => write!(
                f,
                "That is the answer to another attempt. Use the address of this one, or begin again."
            ),
        }
    }
}

impl Callback {
    /// Understands a whole address, the target of a request (`/?code=…`), or a query.
    ///
    /// # Errors
    /// Why it is none of them.
    pub fn parse(text: &str, redactor: &Redactor) -> Result<Self, Mistake> {
        if text.len() > LONGEST {
            return Err(Mistake::TooLong);
        }
        // A terminal or a letter may have broken the line.
        let text: String = text.split_whitespace().collect();
        if text.is_empty() {
            return Err(Mistake::Empty);
        }
        if let Some(page) = Url::parse(&text).ok().filter(preflight::is_googles) {
            return of_page(&page, redactor);
        }
        let query = match text.split_once('?') {
            Some((_, query)) => query,
            None => &text,
        };
        let query = query.split('#').next().unwrap_or_default();
        let code = only(query, "code")?;
        let error = only(query, "error")?;
        let sender = Sender::Browser(only(query, "state")?.map(Secret::new));
        let answer = match (code, error) {
            (Some(_), Some(_)) => return Err(Mistake::Ambiguous),
            (Some(code), None) => Answer::Agreed(Secret::new(code)),
            (None, Some(error)) => Answer::Refused(Refusal {
                reason: reason(&error),
                error: redactor.clean(&error),
                description: only(query, "error_description")?.map(|it| redactor.clean(&it)),
            }),
            (None, None) if text.starts_with("4/") => return Err(Mistake::CodeAlone),
            (None, None) => return Err(Mistake::NoAnswer),
        };
        Ok(Self { sender, answer })
    }

    /// The answer, if it is one to the consent that was asked with this state.
    ///
    /// # Errors
    /// It is not: [`Mistake::OtherState`].
    pub fn answer_to(self, state: &Secret) -> Result<Answer, Mistake> {
        let is_ours = match &self.sender {
            Sender::Browser(Some(told)) => is_same(told, state),
            Sender::Browser(None) => false,
            Sender::Page => true,
        };
        if is_ours { Ok(self.answer) } else { Err(Mistake::OtherState) }
    }
}

/// Who says so.
#[derive(Debug)]
enum Sender {
    /// The browser, led back by Google or by anybody, with the state if it told one; an empty one is none.
    Browser(Option<Secret>),
    /// Google's error page, whose address a person pasted. It carries no state, and no code either.
    Page,
}

fn of_page(page: &Url, redactor: &Redactor) -> Result<Callback, Mistake> {
    if !preflight::is_error_page(page.path()) {
        return Err(Mistake::NotOver);
    }
    let told = preflight::refusal(page, redactor).map_err(Mistake::UnknownPage)?;
    let description = Some(told.message).filter(|message| !message.is_empty());
    let refusal = Refusal { reason: told.reason, error: told.error, description };
    Ok(Callback { sender: Sender::Page, answer: Answer::Refused(refusal) })
}

/// What an error code means where Google leads the browser back with it; some mean another thing on Google's own page.
fn reason(error: &str) -> Reason {
    match error {
        "access_denied" => Reason::ConsentCancelled,
        "account_selection_required"
        | "consent_required"
        | "disallowed_useragent"
        | "immediate_failed"
        | "interaction_required"
        | "login_required" => Reason::ConsentNotAsked,
        other => preflight::reason(other).unwrap_or(Reason::Unknown),
    }
}

/// The value of that name; none where it is missing or empty.
fn only(query: &str, name: &str) -> Result<Option<String>, Mistake> {
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|pair| pair.0 == name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Mistake::Ambiguous),
        (value, None) => {
            Ok(value.map(|pair| pair.1.into_owned()).filter(|value| !value.is_empty()))
        }
    }
}

/// In a time that does not tell how much of them is the same.
fn is_same(told: &Secret, state: &Secret) -> bool {
    told.expose().as_bytes().ct_eq(state.expose().as_bytes()).into()
}

/// What to do instead.
const WHOLE: &str = "Copy the whole address that the browser shows after you agreed";

/// In bytes. Codes have at most 256, and the longest addresses of Google's about 2,000.
const LONGEST: usize = 16 * 1024;
