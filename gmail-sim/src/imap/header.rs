//! The ENVELOPE of a message, made of its header.

pub(super) use crate::header::{fields, split, value};

/// RFC 3501 section 7.4.2: date, subject, from, sender, reply-to, to, cc, bcc, in-reply-to, id.
pub(super) fn envelope(raw: &[u8]) -> String {
    let text = |name: &str| value(raw, name).map_or("NIL".to_owned(), |value| quoted(&value));
    let people = |name: &str| value(raw, name).map_or("NIL".to_owned(), |value| addresses(&value));
    let from = people("From");
    let or_from = |name: &str| match people(name) {
        nobody if nobody == "NIL" => from.clone(),
        somebody => somebody,
    };
    format!(
        "({} {} {from} {} {} {} {} {} {} {})",
        text("Date"),
        text("Subject"),
        or_from("Sender"),
        or_from("Reply-To"),
        people("To"),
        people("Cc"),
        people("Bcc"),
        text("In-Reply-To"),
        text("Message-ID"),
    )
}

/// A quoted string; what cannot stand in one becomes a question mark.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\r' | '\n' | '\0' => out.push(' '),
            letter if letter.is_ascii() => out.push(letter),
            _ => out.push('?'),
        }
    }
    out.push('"');
    out
}

fn addresses(list: &str) -> String {
    let all: Vec<String> = split_list(list).iter().filter_map(|one| address(one)).collect();
    if all.is_empty() { "NIL".to_owned() } else { format!("({})", all.concat()) }
}

/// At the commas that stand outside quotes and angle brackets.
fn split_list(list: &str) -> Vec<String> {
    let (mut parts, mut quoted, mut depth) = (vec![String::new()], false, 0);
    for letter in list.chars() {
        match letter {
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth -= 1,
            ',' if !quoted && depth <= 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

fn address(text: &str) -> Option<String> {
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.split('>').next()?.trim()),
        None => ("", text.trim()),
    };
    let (local, domain) = address.rsplit_once('@')?;
    let name = if name.is_empty() { "NIL".to_owned() } else { quoted(name) };
    Some(format!("({name} NIL {} {})", quoted(local), quoted(domain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_names_everybody() {
        let raw = b"From: \"A, B\" <a@x.example>\r\nTo: c@y.example,\r\n D <d@z.example>\r\nSubject: Hi \"you\"\r\n\r\nbody";
        let people = r#"(("A, B" NIL "a" "x.example"))"#;
        let to = r#"((NIL NIL "c" "y.example")("D" NIL "d" "z.example"))"#;
        let expected =
            format!(r#"(NIL "Hi \"you\"" {people} {people} {people} {to} NIL NIL NIL NIL)"#);
        assert_eq!(envelope(raw), expected);
    }
}
