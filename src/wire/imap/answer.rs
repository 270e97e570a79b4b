//! What an IMAP server says, taken apart: status lines with their codes, notices, quotas, dates.

use async_imap::imap_proto::{
    AttributeValue, Capability, MailboxDatum, Outcome, Response, ResponseCode, Status,
    rfc2087::{QuotaResource, QuotaResourceName},
};
use chrono::DateTime;

use crate::domain::{
    clock::Timestamp,
    outcome::{Notice, Storage},
};

/// A status line: greeting, tagged answer, or aside.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: &'static str,
    pub(super) code: String,
    pub(super) text: String,
}

/// What the driver itself wants to know of a response.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) answer: Option<Answer>,
    pub(super) tag: Option<String>,
    pub(super) capabilities: Option<Vec<String>>,
    pub(super) reply: Option<String>,
    /// How many messages there are was told, as it is when some arrive.
    pub(super) exists: bool,
    /// What the numbers of the open folder's messages hold for.
    pub(super) validity: Option<u32>,
}

pub(super) fn learn(response: &Response<'_>) -> Learnt {
    let (status, outcome, tag) = match response {
        Response::Capabilities(list) => {
            return Learnt { capabilities: Some(named(list)), ..Learnt::default() };
        }
        Response::MailboxData(MailboxDatum::Exists(_)) => {
            return Learnt { exists: true, ..Learnt::default() };
        }
        Response::Data { status, outcome } => (status, outcome, None),
        Response::Done { tag, status, outcome } => (status, outcome, Some(tag.0.clone())),
        _ => return Learnt::default(),
    };
    let capabilities = match &outcome.code {
        Some(ResponseCode::Capabilities(list)) => Some(named(list)),
        _ => None,
    };
    let validity = match &outcome.code {
        Some(ResponseCode::UidValidity(validity)) => Some(*validity),
        _ => None,
    };
    let answer = Some(answer(status, outcome));
    Learnt { answer, tag, capabilities, validity, ..Learnt::default() }
}

/// imap-proto leaves the codes that it does not know, `[AUTHENTICATIONFAILED]` among them, in the text.
fn answer(status: &Status, outcome: &Outcome<'_>) -> Answer {
    let status = match status {
        Status::Ok => "OK",
        Status::No => "NO",
        Status::Bad => "BAD",
        Status::PreAuth => "PREAUTH",
        Status::Bye => "BYE",
    };
    let text = outcome.information.as_deref().unwrap_or("");
    let bracketed = || text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (code, text) = match &outcome.code {
        Some(ResponseCode::Alert) => ("ALERT", text),
        Some(_) => ("", text),
        None => bracketed().unwrap_or(("", text)),
    };
    let code = code.split_whitespace().next().unwrap_or_default();
    Answer { status, code: code.to_ascii_uppercase(), text: text.trim().to_owned() }
}

fn named(capabilities: &[Capability<'_>]) -> Vec<String> {
    let name = |capability: &Capability<'_>| match capability {
        Capability::Imap4rev1 => "IMAP4rev1".to_owned(),
        Capability::Auth(mechanism) => format!("AUTH={mechanism}"),
        Capability::Atom(name) => name.clone().into_owned(),
    };
    capabilities.iter().map(name).collect()
}

/// What a status line means beside its answer, the most telling first.
pub(super) fn notice(answer: &Answer) -> Option<Notice> {
    let text = answer.text.to_lowercase();
    Some(match answer.code.as_str() {
        _ if text.contains("too many simultaneous connections") => Notice::TooManyConnections,
        "LIMIT" => Notice::TooManyConnections,
        "OVERQUOTA" => Notice::Overquota,
        "THROTTLED" => Notice::Throttled,
        _ if text.contains("[throttled]") => Notice::Throttled,
        "ALERT" | "WEBALERT" => Notice::Alert,
        _ if answer.status == "BYE" => Notice::Bye,
        _ => return None,
    })
}

pub(super) fn storage(resource: &QuotaResource<'_>) -> Option<Storage> {
    // https://www.rfc-editor.org/rfc/rfc2087#section-3: in units of 1024 octets.
    let bytes = |kibibytes: u64| kibibytes.saturating_mul(1024);
    matches!(resource.name, QuotaResourceName::Storage)
        .then(|| Storage { used: bytes(resource.usage), limit: bytes(resource.limit) })
}

/// https://www.rfc-editor.org/rfc/rfc3501#section-9: ` 7-Feb-1994 21:52:25 -0800`
pub(super) fn internal_date(attribute: &AttributeValue<'_>) -> Option<Timestamp> {
    let AttributeValue::InternalDate(date) = attribute else { return None };
    let date = DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z").ok()?;
    Some(date.to_utc().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt(line: &str) -> Answer {
        let (_, response) = Response::parse(line.as_bytes()).unwrap();
        learn(&response).answer.unwrap()
    }

    #[test]
    fn codes_are_found_whether_the_parser_knows_them_or_not() {
        let cases = [
            ("A1 NO [ALERT] Too many.\r\n", "ALERT", "Too many."),
            (
                "A1 NO [AUTHENTICATIONFAILED] No. (Failure)\r\n",
                "AUTHENTICATIONFAILED",
                "No. (Failure)",
            ),
            (
                "* NO [WEBALERT https://accounts.google.com/x] Web login required.\r\n",
                "WEBALERT",
                "Web login required.",
            ),
            (
                "* BYE Session expired, please login again.\r\n",
                "",
                "Session expired, please login again.",
            ),
        ];
        for (line, code, text) in cases {
            let answer = learnt(line);
            assert_eq!((answer.code.as_str(), answer.text.as_str()), (code, text), "{line}");
        }
    }

    #[test]
    fn a_notice_is_counted_as_the_most_telling_thing_it_is() {
        let cases = [
            (
                "A1 NO [ALERT] Too many simultaneous connections. (Failure)\r\n",
                Some(Notice::TooManyConnections),
            ),
            (
                "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n",
                Some(Notice::Overquota),
            ),
            ("A1 OK Success [THROTTLED]\r\n", Some(Notice::Throttled)),
            ("* OK [ALERT] Maintenance tonight\r\n", Some(Notice::Alert)),
            ("* BYE System Error\r\n", Some(Notice::Bye)),
            ("A1 OK Success\r\n", None),
        ];
        for (line, expected) in cases {
            assert_eq!(notice(&learnt(line)), expected, "{line}");
        }
    }

    #[test]
    fn arrival_is_read_with_its_zone() {
        let date = AttributeValue::InternalDate(" 7-Feb-1994 21:52:25 -0800".into());
        assert_eq!(internal_date(&date).unwrap().to_string(), "1994-02-08T05:52:25Z");
    }
}
