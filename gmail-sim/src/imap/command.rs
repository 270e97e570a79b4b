//! One IMAP command, taken apart: tag, verb, arguments (RFC 3501 section 9, as far as it is needed).

/// A command.
#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    pub(super) arguments: Vec<Token>,
    pub(super) tag: String,
    /// Upper case.
    pub(super) verb: String,
    /// Did `UID` come first?
    pub(super) by_uid: bool,
}

/// A part of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    /// As written; a `[...]` belongs to the atom that it follows.
    Atom(String),
    /// Something in parentheses.
    List(Vec<Self>),
    /// A quoted string or a literal.
    Text(String),
}

impl Token {
    /// An atom or a string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Atom(text) | Self::Text(text) => Some(text),
            Self::List(_) => None,
        }
    }

    /// An atom in upper case; strings are no keywords.
    pub(super) fn keyword(&self) -> String {
        match self {
            Self::Atom(text) => text.to_ascii_uppercase(),
            Self::List(_) | Self::Text(_) => String::new(),
        }
    }

    /// The members of a list, or the token itself.
    pub(super) fn members(&self) -> &[Self] {
        match self {
            Self::List(members) => members,
            _ => std::slice::from_ref(self),
        }
    }
}

impl Command {
    /// Parses a whole command, literals included; nothing if it is no command.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parser = Parser { bytes, at: 0 };
        let tag = parser.atom()?;
        parser.space();
        let mut verb = parser.atom()?.to_ascii_uppercase();
        let by_uid = verb == "UID";
        if by_uid {
            parser.space();
            verb = parser.atom()?.to_ascii_uppercase();
        }
        let arguments = parser.tokens()?;
        (parser.at == bytes.len()).then_some(Self { arguments, tag, verb, by_uid })
    }

    /// An argument as text; empty where there is none.
    pub(super) fn text(&self, index: usize) -> &str {
        self.arguments.get(index).and_then(Token::text).unwrap_or_default()
    }
}

/// Does the line end in a literal's announcement? How long is it, and does the client wait?
pub(super) fn announces_literal(line: &[u8]) -> Option<(usize, Wait)> {
    let line = line.strip_suffix(b"}")?;
    let start = line.iter().rposition(|&byte| byte == b'{')?;
    let digits = std::str::from_utf8(&line[start + 1..]).ok()?;
    match digits.strip_suffix('+') {
        Some(digits) => Some((digits.parse().ok()?, Wait::No)),
        None => Some((digits.parse().ok()?, Wait::Yes)),
    }
}

/// Does the client wait for `+` before it sends a literal?
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wait {
    No,
    Yes,
}

#[derive(Debug)]
struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Everything up to the end or a closing parenthesis.
    fn tokens(&mut self) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        loop {
            self.space();
            match self.peek() {
                None | Some(b')') => return Some(tokens),
                Some(b'(') => {
                    self.at += 1;
                    tokens.push(Token::List(self.tokens()?));
                    if self.peek() != Some(b')') {
                        return None;
                    }
                    self.at += 1;
                }
                Some(b'"') => tokens.push(Token::Text(self.quoted()?)),
                Some(b'{') => tokens.push(Token::Text(self.literal()?)),
                Some(_) => tokens.push(Token::Atom(self.atom()?)),
            }
        }
    }

    fn atom(&mut self) -> Option<String> {
        let start = self.at;
        let mut depth = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                b' ' | b'(' | b')' | b'"' | b'{' if depth <= 0 => break,
                b'\r' | b'\n' => break,
                _ => {}
            }
            self.at += 1;
        }
        (self.at > start).then(|| String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = Vec::new();
        self.at += 1;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(String::from_utf8_lossy(&text).into_owned()),
                b'\\' => {
                    text.push(self.peek()?);
                    self.at += 1;
                }
                byte => text.push(byte),
            }
        }
    }

    fn literal(&mut self) -> Option<String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let (length, _) = announces_literal(line)?;
        let text = rest.get(end + 1..end + 1 + length)?;
        self.at += end + 1 + length;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_lists_sections_and_literals_are_told_apart() {
        let command =
            b"a1 uid fetch 1:* (UID BODY.PEEK[HEADER.FIELDS (FROM TO)]<0.9> \"q\\\"\") {2}\r\nxy";
        let command = Command::parse(command).unwrap();
        assert_eq!((command.verb.as_str(), command.by_uid), ("FETCH", true));
        let items = command.arguments[1].members();
        assert_eq!(items[1].keyword(), "BODY.PEEK[HEADER.FIELDS (FROM TO)]<0.9>");
        assert_eq!(items[2], Token::Text("q\"".to_owned()));
        assert_eq!(command.text(2), "xy");
        assert!(Command::parse(b"a1 LIST (").is_none());
        assert!(Command::parse(b"a1").is_none());
    }
}
