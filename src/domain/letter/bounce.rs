//! A bounce: what a server writes back when it could not deliver a letter.
//! https://www.rfc-editor.org/rfc/rfc3464

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

/// What a bounce tells of one recipient. What it does not tell is absent.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bounce {
    pub action: Action,
    /// The address that was tried in the end.
    pub recipient: Option<String>,
    /// The enhanced status code: `5.1.1`.
    pub status: Option<String>,
    /// What the refusing server said; somebody's words, so they are redacted before they are kept.
    pub diagnostic: Option<String>,
    /// The Message-ID of the letter that bounced, with its angle brackets.
    pub original: Option<String>,
}

/// What became of the letter.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Action {
    /// It is still being tried.
    Delayed,
    Delivered,
    #[default]
    Failed,
}

impl Bounce {
    /// Reads a message, or its beginning; none where it is no bounce.
    pub fn read(message: &[u8]) -> Option<Self> {
        let message = MessageParser::new().parse(&message[..message.len().min(LONGEST)])?;
        let kind = message.content_type()?;
        let is_report = kind.ctype().eq_ignore_ascii_case("multipart")
            && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
            && kind
                .attribute("report-type")
                .is_some_and(|of| of.eq_ignore_ascii_case("delivery-status"));
        if !is_report {
            return None;
        }
        let mut bounce = None;
        let mut original = None;
        for part in &message.parts {
            let Some(kind) = part.content_type() else { continue };
            let subtype = kind.subtype().unwrap_or_default().to_ascii_lowercase();
            match (subtype.as_str(), &part.body) {
                ("delivery-status" | "global-delivery-status", body) => {
                    bounce = bounce.or_else(|| Self::of_status(&text(body)));
                }
                ("rfc822" | "global", PartType::Message(letter)) => {
                    original = original.or_else(|| message_id(letter));
                }
                ("rfc822-headers" | "global-headers", body) => {
                    let header = text(body);
                    let parsed = MessageParser::new().parse_headers(header.as_bytes());
                    original = original.or_else(|| parsed.as_ref().and_then(message_id));
                }
                _ => {}
            }
        }
        // Google names the letter in the bounce's own header too.
        let original = original.or_else(|| {
            let named = message.references().as_text_list()?.last()?.to_string();
            Some(format!("<{named}>"))
        });
        Some(Self { original, ..bounce? })
    }

    /// One group of fields about the message, and one about each recipient; the first recipient is ours.
    fn of_status(text: &str) -> Option<Self> {
        let text = text.replace("\r\n", "\n");
        let group = text.split("\n\n").find(|group| field(group, "Final-Recipient").is_some())?;
        // `rfc822; sink@example.com`, `smtp; 550 5.1.1 No such user`
        let behind_its_kind = |value: String| {
            let (_, rest) = value.split_once(';').unwrap_or(("", &value));
            Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty())
        };
        let action = field(group, "Action").unwrap_or_default().to_ascii_lowercase();
        Some(Self {
            action: match action.as_str() {
                "delayed" => Action::Delayed,
                "delivered" | "expanded" | "relayed" => Action::Delivered,
                _ => Action::Failed,
            },
            recipient: field(group, "Final-Recipient").and_then(behind_its_kind),
            status: field(group, "Status").and_then(|value| status(&value)),
            diagnostic: field(group, "Diagnostic-Code").and_then(behind_its_kind),
            original: None,
        })
    }
}

/// A field's value, unfolded.
fn field(group: &str, name: &str) -> Option<String> {
    let mut value: Option<String> = None;
    for line in group.lines() {
        match &mut value {
            Some(value) if line.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            Some(_) => break,
            None => {
                let begun = line.split_once(':').filter(|(of, _)| of.eq_ignore_ascii_case(name));
                value = begun.map(|(_, value)| value.trim().to_owned());
            }
        }
    }
    value
}

/// `5.1.1`, behind which there may be a comment.
fn status(value: &str) -> Option<String> {
    let code = value.split([' ', '\t', '(']).next()?;
    let parts: Vec<_> = code.split('.').collect();
    let number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(number)).then(|| code.to_owned())
}

fn text(body: &PartType<'_>) -> String {
    match body {
        PartType::Text(text) | PartType::Html(text) => text.clone().into_owned(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        PartType::Message(message) => String::from_utf8_lossy(message.raw_message()).into_owned(),
        PartType::Multipart(_) => String::new(),
    }
}

fn message_id(letter: &Message<'_>) -> Option<String> {
    letter.message_id().map(|id| format!("<{id}>"))
}

/// In bytes; a longer message is read as far as this.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests;
