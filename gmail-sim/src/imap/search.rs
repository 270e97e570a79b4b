//! SEARCH: which messages meet what is asked (RFC 3501 section 6.4.4, and Gmail's X-GM keys).

use super::{
    command::Token,
    date::{self, Day},
    header,
    raw::{self, Raw},
    set::Set,
};
use crate::world::Message;

/// One condition.
#[derive(Clone, Debug)]
pub(super) enum Key {
    All(Vec<Self>),
    Before(Day),
    Flag(String),
    GmailId(u64),
    GmailRaw(Raw),
    Header(String, String),
    Larger(usize),
    None,
    Not(Box<Self>),
    On(Day),
    Or(Box<Self>, Box<Self>),
    Sequence(Set),
    Since(Day),
    Smaller(usize),
    Text(String),
    Uid(Set),
}

/// A message as a search looks at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) last_sequence: u32,
    pub(super) last_uid: u32,
    pub(super) message: &'a Message,
    pub(super) now: std::time::SystemTime,
    pub(super) sequence: u32,
}

impl Key {
    /// All conditions together; nothing if one of them is not understood.
    pub(super) fn parse(tokens: &[Token]) -> Option<Self> {
        let mut keys = Vec::new();
        let mut tokens = tokens.iter();
        while tokens.len() > 0 {
            keys.push(one(&mut tokens)?);
        }
        (!keys.is_empty()).then_some(Self::All(keys))
    }

    pub(super) fn meets(&self, candidate: &Candidate<'_>) -> bool {
        let message = candidate.message;
        match self {
            Self::All(keys) => keys.iter().all(|key| key.meets(candidate)),
            Self::Before(day) => message.received < day.start,
            Self::Flag(flag) => message.has_flag(flag),
            Self::GmailId(id) => message.gmail_id == *id,
            Self::GmailRaw(raw) => raw.meets(message, candidate.now),
            Self::Header(name, text) => {
                let value = header::value(&message.raw, name);
                value.is_some_and(|value| contains(&value, text))
            }
            Self::Larger(size) => message.raw.len() > *size,
            Self::None => false,
            Self::Not(key) => !key.meets(candidate),
            Self::On(day) => day.contains(&message.received),
            Self::Or(one, other) => one.meets(candidate) || other.meets(candidate),
            Self::Sequence(set) => set.holds(candidate.sequence, candidate.last_sequence),
            Self::Since(day) => message.received >= day.start,
            Self::Smaller(size) => message.raw.len() < *size,
            Self::Text(text) => contains(&String::from_utf8_lossy(&message.raw), text),
            Self::Uid(set) => set.holds(message.uid, candidate.last_uid),
        }
    }
}

pub(super) fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn one(tokens: &mut std::slice::Iter<'_, Token>) -> Option<Key> {
    let token = tokens.next()?;
    if let Token::List(inner) = token {
        return Key::parse(inner);
    }
    let mut text = || tokens.next()?.text().map(ToOwned::to_owned);
    let flag = |name: &str| Some(Key::Flag(name.to_owned()));
    let no_flag = |name: &str| Some(Key::Not(Box::new(Key::Flag(name.to_owned()))));
    match &*token.keyword() {
        "ALL" | "OLD" => Some(Key::All(Vec::new())),
        "ANSWERED" => flag("\\Answered"),
        "BEFORE" | "SENTBEFORE" => Some(Key::Before(date::parse(&text()?)?)),
        "BODY" | "TEXT" => Some(Key::Text(text()?)),
        "DELETED" => flag("\\Deleted"),
        "DRAFT" => flag("\\Draft"),
        "FLAGGED" => flag("\\Flagged"),
        name @ ("FROM" | "TO" | "CC" | "BCC" | "SUBJECT") => {
            Some(Key::Header(name.to_owned(), text()?))
        }
        "HEADER" => Some(Key::Header(text()?, text()?)),
        "KEYWORD" => Some(Key::Flag(text()?)),
        "LARGER" => Some(Key::Larger(text()?.parse().ok()?)),
        "NEW" | "RECENT" => Some(Key::None),
        "NOT" => Some(Key::Not(Box::new(one(tokens)?))),
        "ON" | "SENTON" => Some(Key::On(date::parse(&text()?)?)),
        "OR" => Some(Key::Or(Box::new(one(tokens)?), Box::new(one(tokens)?))),
        "SEEN" => flag("\\Seen"),
        "SINCE" | "SENTSINCE" => Some(Key::Since(date::parse(&text()?)?)),
        "SMALLER" => Some(Key::Smaller(text()?.parse().ok()?)),
        "UID" => Some(Key::Uid(Set::parse(&text()?)?)),
        "UNANSWERED" => no_flag("\\Answered"),
        "UNDELETED" => no_flag("\\Deleted"),
        "UNDRAFT" => no_flag("\\Draft"),
        "UNFLAGGED" => no_flag("\\Flagged"),
        "UNSEEN" => no_flag("\\Seen"),
        "X-GM-MSGID" | "X-GM-THRID" => Some(Key::GmailId(text()?.parse().ok()?)),
        "X-GM-RAW" => Some(Key::GmailRaw(raw::parse(&text()?))),
        set => Some(Key::Sequence(Set::parse(set)?)),
    }
}
