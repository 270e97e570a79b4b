//! FETCH: what of a message is asked, and how it is told.

use super::{command::Token, date, header, name};
use crate::world::{Folder, Message};

/// What is asked of each message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Item {
    BodyStructure(String),
    Envelope,
    Flags,
    GmailId(String),
    InternalDate,
    Labels,
    Section(Section),
    Size,
    Uid,
}

/// `BODY[...]<...>` and its old names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Section {
    /// How the answer calls it.
    label: String,
    part: Part,
    /// From where, how much.
    window: Option<(usize, usize)>,
    /// Does asking mark the message as seen?
    pub(super) marks: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    All,
    Fields { names: Vec<String>, listed: bool },
    Header,
    Text,
}

/// The items of a FETCH; nothing if one of them is not understood.
pub(super) fn parse(token: &Token) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for token in token.members() {
        match &*token.keyword() {
            "ALL" => items.extend([Item::Flags, Item::InternalDate, Item::Size, Item::Envelope]),
            "FAST" => items.extend([Item::Flags, Item::InternalDate, Item::Size]),
            "BODY" | "BODYSTRUCTURE" => items.push(Item::BodyStructure(token.keyword())),
            "ENVELOPE" => items.push(Item::Envelope),
            "FLAGS" => items.push(Item::Flags),
            "INTERNALDATE" => items.push(Item::InternalDate),
            "RFC822" => items.push(Item::Section(Section::old("RFC822", Part::All, true))),
            "RFC822.HEADER" => {
                items.push(Item::Section(Section::old("RFC822.HEADER", Part::Header, false)));
            }
            "RFC822.SIZE" => items.push(Item::Size),
            "RFC822.TEXT" => {
                items.push(Item::Section(Section::old("RFC822.TEXT", Part::Text, true)));
            }
            "UID" => items.push(Item::Uid),
            "X-GM-LABELS" => items.push(Item::Labels),
            id @ ("X-GM-MSGID" | "X-GM-THRID") => items.push(Item::GmailId(id.to_owned())),
            section => items.push(Item::Section(Section::parse(section)?)),
        }
    }
    (!items.is_empty()).then_some(items)
}

impl Section {
    fn old(label: &str, part: Part, marks: bool) -> Self {
        Self { label: label.to_owned(), part, window: None, marks }
    }

    /// `BODY[HEADER.FIELDS (FROM TO)]<0.100>`, `BODY.PEEK[]`
    fn parse(text: &str) -> Option<Self> {
        let (marks, rest) = match text.strip_prefix("BODY.PEEK[") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("BODY[")?),
        };
        let (inside, window) = rest.split_once(']')?;
        let window = match window.strip_prefix('<').and_then(|window| window.strip_suffix('>')) {
            None if window.is_empty() => None,
            None => return None,
            Some(window) => {
                let (from, count) = window.split_once('.')?;
                Some((from.parse().ok()?, count.parse().ok()?))
            }
        };
        let names = |list: &str| {
            let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(list.split(' ').map(|name| name.trim_matches('"').to_owned()).collect())
        };
        let part = match inside {
            "" => Part::All,
            "HEADER" => Part::Header,
            // Every simulated message is one plain text.
            "TEXT" | "1" => Part::Text,
            inside => match inside.strip_prefix("HEADER.FIELDS.NOT") {
                Some(list) => Part::Fields { names: names(list)?, listed: false },
                None => {
                    let list = inside.strip_prefix("HEADER.FIELDS")?;
                    Part::Fields { names: names(list)?, listed: true }
                }
            },
        };
        let origin = window.map_or(String::new(), |(from, _)| format!("<{from}>"));
        Some(Self { label: format!("BODY[{inside}]{origin}"), part, window, marks })
    }

    fn bytes(&self, raw: &[u8]) -> Vec<u8> {
        let (head, body) = header::split(raw);
        let bytes = match &self.part {
            Part::All => raw.to_vec(),
            Part::Header => head.to_vec(),
            Part::Text => body.to_vec(),
            Part::Fields { names, listed } => {
                let wanted = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
                let fields = header::fields(raw).into_iter();
                let text: String =
                    fields.filter(|f| wanted(&f.0) == *listed).map(|f| f.1).collect();
                (text + "\r\n").into_bytes()
            }
        };
        match self.window {
            None => bytes,
            Some((from, count)) => bytes.into_iter().skip(from).take(count).collect(),
        }
    }
}

/// One untagged FETCH; `others` are the folders that hold the message too.
pub(super) fn tell(
    sequence: usize,
    message: &Message,
    items: &[Item],
    others: &[Folder],
) -> Vec<u8> {
    let mut line = format!("* {sequence} FETCH (").into_bytes();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        let text = match item {
            Item::BodyStructure(label) => format!("{label} {}", structure(&message.raw)),
            Item::Envelope => format!("ENVELOPE {}", header::envelope(&message.raw)),
            Item::Flags => format!("FLAGS ({})", message.flags.join(" ")),
            Item::GmailId(label) => format!("{label} {}", message.gmail_id),
            Item::InternalDate => format!("INTERNALDATE \"{}\"", date::internal(message.received)),
            // Gmail leaves out the label of the selected folder.
            Item::Labels => {
                let labels: Vec<&str> = others.iter().filter_map(|&f| name::label(f)).collect();
                let quoted: Vec<String> = labels.into_iter().map(header::quoted).collect();
                format!("X-GM-LABELS ({})", quoted.join(" "))
            }
            Item::Section(section) => {
                let bytes = section.bytes(&message.raw);
                line.extend(format!("{} {{{}}}\r\n", section.label, bytes.len()).into_bytes());
                line.extend(bytes);
                continue;
            }
            Item::Size => format!("RFC822.SIZE {}", message.raw.len()),
            Item::Uid => format!("UID {}", message.uid),
        };
        line.extend(text.into_bytes());
    }
    line.extend(b")\r\n");
    line
}

fn structure(raw: &[u8]) -> String {
    let body = header::split(raw).1;
    let lines = body.iter().filter(|&&byte| byte == b'\n').count();
    let size = body.len();
    format!(
        "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"7BIT\" {size} {lines} NIL NIL NIL)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_answers_under_its_own_name_and_only_peeking_leaves_no_mark() {
        let peek = Section::parse("BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.9>").unwrap();
        assert_eq!(peek.label, "BODY[HEADER.FIELDS (SUBJECT)]<0>");
        assert!(!peek.marks);
        assert_eq!(peek.bytes(b"To: a\r\nSubject: b\r\n c\r\n\r\nbody"), b"Subject: ");
        assert!(Section::parse("BODY[]").unwrap().marks);
        assert!(Section::parse("BODY[9.MIME]").is_none());
    }
}
