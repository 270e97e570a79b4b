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

/// Addresses one after another; a group stands between `(NIL NIL "name" NIL)` and `(NIL NIL NIL
/// NIL)`. What has no `@` is left out, and nobody at all is NIL.
fn addresses(list: &str) -> String {
    let (mut all, mut one) = (String::new(), One::default());
    let mut letters = list.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if one.quoted => one.push(letters.next().unwrap_or('\\')),
            '"' => one.quoted = !one.quoted,
            letter if one.quoted => one.push(letter),
            '<' => one.route = Some(String::new()),
            '>' => one.closed = true,
            ':' if one.route.is_none() => {
                let group = std::mem::take(&mut one);
                all.push_str(&format!("(NIL NIL {} NIL)", quoted(group.words.trim())));
            }
            ',' => all.push_str(&std::mem::take(&mut one).told()),
            ';' => {
                all.push_str(&std::mem::take(&mut one).told());
                all.push_str("(NIL NIL NIL NIL)");
            }
            letter => one.push(letter),
        }
    }
    all.push_str(&one.told());
    if all.is_empty() { "NIL".to_owned() } else { format!("({all})") }
}

/// One address, as far as it was read.
#[derive(Debug, Default)]
struct One {
    closed: bool,
    quoted: bool,
    /// What stands in angle brackets.
    route: Option<String>,
    words: String,
}

impl One {
    fn push(&mut self, letter: char) {
        match &mut self.route {
            Some(_) if self.closed => {}
            Some(route) => route.push(letter),
            None => self.words.push(letter),
        }
    }

    fn told(self) -> String {
        let (name, address) = match &self.route {
            Some(route) => (self.words.trim(), route.trim()),
            None => ("", self.words.trim()),
        };
        let Some((local, domain)) = address.rsplit_once('@') else { return String::new() };
        let name = if name.is_empty() { "NIL".to_owned() } else { quoted(name) };
        format!("({name} NIL {} {})", quoted(local), quoted(domain))
    }
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

    #[test]
    fn groups_quotes_and_encoded_names_are_told_as_the_rfc_wants() {
        let group = r#"((NIL NIL "My team" NIL)(NIL NIL "a" "x.example")("B" NIL "b" "y.example")(NIL NIL NIL NIL)(NIL NIL "c" "z.example"))"#;
        assert_eq!(addresses("My team: a@x.example, B <b@y.example>;, c@z.example"), group);
        let nobody = r#"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"#;
        assert_eq!(addresses("undisclosed-recipients:;"), nobody);
        assert_eq!(
            addresses("\"A \\\"B\\\" <c>\" <d@x.example>"),
            r#"(("A \"B\" <c>" NIL "d" "x.example"))"#
        );
        assert_eq!(
            addresses("=?UTF-8?Q?J=C3=BCrgen?= <j@x.example>"),
            r#"(("=?UTF-8?Q?J=C3=BCrgen?=" NIL "j" "x.example"))"#
        );
        assert_eq!(addresses("\"a b\"@x.example"), r#"((NIL NIL "a b" "x.example"))"#);
        assert_eq!((addresses(""), addresses("nobody, <>")), ("NIL".to_owned(), "NIL".to_owned()));
    }
}
