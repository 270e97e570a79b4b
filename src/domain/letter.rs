//! The letter of a round trip: what it says, and how it is known again.
//!
//! Invariant: a letter is ours by its mark and by nothing else, and a mark is read whole or not at all.

mod authentication;
mod bounce;
mod copy;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{clock::Timestamp, fingerprint::Key, link::Address};

pub use authentication::{Authentication, Results, Verdict};
pub use bounce::{Action, Bounce};
pub use copy::Copy;

/// The header that carries the mark.
pub const MARK: &str = "X-Mailbox-Exporter-Probe";

/// What is sent on a round trip.
#[derive(Clone, Debug)]
pub struct Letter {
    pub from: Address,
    pub to: Address,
    pub mark: Mark,
    pub at: Timestamp,
    /// Whom to ask about it, in words: they stand in the text behind "Questions:".
    pub contact: String,
}

impl Letter {
    pub fn new(from: Address, to: Address, mark: Mark, at: Timestamp, contact: &str) -> Self {
        // A line of a message ends at 998 bytes, and nobody reads so long an address.
        let words = contact.split(|c: char| c.is_control() || c.is_whitespace());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let contact = words.join(" ").chars().take(200).collect();
        Self { from, to, mark, at, contact }
    }

    /// With its angle brackets.
    pub fn message_id(&self) -> String {
        self.mark.message_id(&self.from)
    }

    pub fn subject(&self) -> String {
        format!("Test of this mailbox by mailbox_exporter ({})", self.mark.probe())
    }

    pub fn text(&self) -> String {
        // Lines of less than 76 characters need no encoding.
        format!(
            "mailbox_exporter, a monitoring program, sent this message to see whether\r\n\
             mail arrives; it removes the message by itself, so nobody has to do\r\n\
             anything.\r\n\
             \r\n\
             Questions: {}\r\n",
            self.contact
        )
    }
}

/// One exporter among others, so that none removes another's letters: sixteen hexadecimal digits.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Installation(String);

impl Installation {
    /// Of the key that an installation keeps, which it does not tell.
    pub fn of(key: &Key) -> Self {
        Self(key.fingerprint(["installation"]).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a letter is known by: `<installation>/<probe>`, the probe in 24 hexadecimal digits.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Mark {
    installation: Installation,
    probe: String,
}

impl Mark {
    pub fn new(installation: &Installation, random: [u8; 12]) -> Self {
        let probe = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { installation: installation.clone(), probe }
    }

    /// None where it is anything but a mark, to the last byte.
    pub fn parse(written: &str) -> Option<Self> {
        let digits = |text: &str, count: usize| {
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            text.len() == count && text.bytes().all(digit)
        };
        let (installation, probe) = written.split_once('/')?;
        (digits(installation, 16) && digits(probe, 24)).then(|| Self {
            installation: Installation(installation.to_owned()),
            probe: probe.to_owned(),
        })
    }

    /// The mark in the header of a message; none where there is not exactly one, on one line.
    pub fn of_header(header: &[u8]) -> Option<Self> {
        let header = std::str::from_utf8(header).ok()?;
        let mut found = None;
        let mut lines = header.split('\n').map(|line| line.trim_end_matches('\r')).peekable();
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            if !name.trim_end().eq_ignore_ascii_case(MARK) {
                continue;
            }
            let goes_on = lines.peek().is_some_and(|next| next.starts_with([' ', '\t']));
            if goes_on || found.is_some() {
                return None;
            }
            found = Some(Self::parse(value.trim_matches([' ', '\t']))?);
        }
        found
    }

    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    pub fn probe(&self) -> &str {
        &self.probe
    }

    /// The Message-ID of the letter that carries this mark, with its angle brackets.
    pub fn message_id(&self, from: &Address) -> String {
        let domain = from.as_str().rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        format!("<{}@{domain}>", self.probe)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.installation, self.probe)
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.to_string()
    }
}

impl TryFrom<String> for Mark {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        Self::parse(&written).ok_or("no mark of a letter")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark() -> Mark {
        Mark::new(&Installation::of(&Key::new([7; 32])), [0xab; 12])
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mark = mark();
        let written = mark.to_string();
        assert_eq!(Mark::parse(&written), Some(mark));
        let upper = written.to_uppercase();
        let longer = format!("{written}a");
        for other in ["", "/", &written[1..], &upper, &longer, &written.replace('/', "//")] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }

    #[test]
    fn two_installations_never_take_each_others_letters_for_their_own() {
        let other = Installation::of(&Key::new([8; 32]));
        assert_ne!(mark().installation(), &other);
    }

    #[test]
    fn a_header_has_a_mark_where_it_has_exactly_one_on_one_line() {
        let mark = mark();
        let of = |header: &str| Mark::of_header(header.replace('\n', "\r\n").as_bytes());
        let own = format!("{MARK}: {mark}\n");
        assert_eq!(of(&format!("Subject: x\n{own}To: y\n\n")), Some(mark.clone()));
        assert_eq!(of(&own.to_lowercase()), Some(mark.clone()));
        let none = [
            String::new(),
            "Subject: x\n\n".into(),
            // Somebody else's text is no header, and neither is what stands in another field.
            format!("Subject: x\n\n{own}"),
            format!("Subject: {own}\n"),
            format!("Subject: x\n {own}\n"),
            format!("X-{own}\n"),
            // Twice, folded, or with more than the mark.
            format!("{own}{own}\n"),
            format!("{MARK}: {mark}\n more\n\n"),
            format!("{MARK}:\n {mark}\n\n"),
            format!("{MARK}: {mark} (forwarded)\n\n"),
            format!("{MARK}: x{mark}\n\n"),
        ];
        for header in none {
            assert_eq!(of(&header), None, "{header}");
        }
    }

    #[test]
    fn a_letter_says_what_it_is_and_whom_to_ask() {
        let address = |text| Address::parse(text).unwrap();
        let letter = Letter::new(
            address("sales@example.com"),
            address("sink@example.com"),
            mark(),
            Timestamp::from_secs(0),
            "ops@example.com\r\nBcc: other@example.com",
        );
        assert_eq!(letter.message_id(), "<abababababababababababab@example.com>");
        assert!(letter.subject().contains("mailbox_exporter"));
        assert!(letter.text().contains("a monitoring program"));
        assert!(letter.text().ends_with("Questions: ops@example.com Bcc: other@example.com\r\n"));
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(header in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Mark::of_header(&header);
        }
    }
}
