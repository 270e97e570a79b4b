//! X-GM-RAW: a small part of Gmail's own search language
//! (<https://support.google.com/mail/answer/7190>).

use std::time::{Duration, SystemTime};

use super::{header, search::contains};
use crate::world::Message;

/// A query; all its terms have to hold.
#[derive(Clone, Debug)]
pub(super) struct Raw(Vec<Term>);

#[derive(Clone, Debug)]
struct Term {
    negated: bool,
    operator: String,
    operand: String,
}

/// Words, and `operator:operand` with quotes where there are blanks; `-` negates.
pub(super) fn parse(query: &str) -> Raw {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in query.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => {
                if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
            }
        }
    }
    let term = |word: &String| {
        let negated = word.starts_with('-');
        let word = word.trim_start_matches('-');
        let (operator, operand) = word.split_once(':').unwrap_or(("", word));
        Term { negated, operator: operator.to_lowercase(), operand: operand.to_owned() }
    };
    Raw(words.iter().filter(|word| !word.is_empty()).map(term).collect())
}

impl Raw {
    pub(super) fn meets(&self, message: &Message, now: SystemTime) -> bool {
        self.0.iter().all(|term| term.meets(message, now) != term.negated)
    }
}

impl Term {
    fn meets(&self, message: &Message, now: SystemTime) -> bool {
        let operand = &*self.operand;
        let header = |name: &str| {
            header::value(&message.raw, name).is_some_and(|value| contains(&value, operand))
        };
        match &*self.operator {
            "after" => epoch(operand).is_some_and(|at| message.received >= at),
            "before" => epoch(operand).is_some_and(|at| message.received < at),
            "from" | "to" | "cc" | "bcc" | "subject" => header(&self.operator),
            // The folder is the selected one already.
            "in" | "label" => true,
            "is" if operand == "unread" => !message.has_flag("\\Seen"),
            "is" if operand == "read" => message.has_flag("\\Seen"),
            "is" if operand == "starred" => message.has_flag("\\Flagged"),
            "newer_than" => age(operand).is_some_and(|age| message.received + age >= now),
            "older_than" => age(operand).is_some_and(|age| message.received + age < now),
            "rfc822msgid" => header("Message-ID"),
            "" => contains(&String::from_utf8_lossy(&message.raw), operand),
            _ => false,
        }
    }
}

fn epoch(text: &str) -> Option<SystemTime> {
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(text.parse().ok()?))
}

/// `2d`, `3h`, `1m` (month), `1y`
fn age(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "h" => 3600,
        "d" => 86_400,
        "m" => 30 * 86_400,
        "y" => 365 * 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * seconds))
}
