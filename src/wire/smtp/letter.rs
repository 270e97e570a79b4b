//! A letter as the bytes of a message, built by lettre.

use std::time::{Duration, SystemTime};

use lettre::{
    Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

use super::envelope;
use crate::domain::{
    letter::{Letter, MARK},
    outcome::Failure,
    reason::Reason,
};

/// The message, with CRLF at its lines' ends.
pub(crate) fn message(letter: &Letter) -> Result<Vec<u8>, Failure> {
    let mailbox = |address| Ok(Mailbox::new(None, envelope(address)?));
    let millis = u64::try_from(letter.at.as_millis()).unwrap_or(0);
    let header =
        |name, value: String| HeaderValue::new(HeaderName::new_from_ascii_str(name), value);
    let built = Message::builder()
        .from(mailbox(&letter.from)?)
        .to(mailbox(&letter.to)?)
        .date(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
        .subject(letter.subject())
        .message_id(Some(letter.message_id()))
        .raw_header(header(MARK, letter.mark.to_string()))
        // Nobody's vacation notice is meant for a program. https://www.rfc-editor.org/rfc/rfc3834#section-5
        .raw_header(header("Auto-Submitted", "auto-generated".into()))
        // The same for Exchange, which has a header of its own.
        .raw_header(header("X-Auto-Response-Suppress", "All".into()))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text());
    Ok(built.map_err(|error| Failure::own(Reason::InternalError, error))?.formatted())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Timestamp,
        fingerprint::Key,
        letter::{Installation, Mark},
        link::Address,
    };

    #[test]
    fn a_letter_is_seven_bit_and_carries_its_mark_where_it_is_looked_for() {
        let mark = Mark::new(&Installation::of(&Key::new([7; 32])), [0xab; 12]);
        let address = |text| Address::parse(text).unwrap();
        let (from, to) = (address("sales@example.com"), address("sink@example.com"));
        let at = Timestamp::parse("2026-11-10T12:11:06Z").unwrap();
        let contact = "Zo\u{eb} <ops@example.com>, +49 30 1234";
        let plain = Letter::new(from.clone(), to.clone(), mark.clone(), at, "ops@example.com");
        let plain = String::from_utf8(message(&plain).unwrap()).unwrap();
        assert!(plain.contains("Content-Transfer-Encoding: 7bit\r\n"), "{plain}");
        assert!(plain.ends_with("\r\nQuestions: ops@example.com\r\n"), "{plain}");
        // Whom to ask may need more letters than there are in seven bits.
        let letter = Letter::new(from, to, mark.clone(), at, contact);
        let message = message(&letter).unwrap();
        assert!(message.is_ascii() && message.len() < 2000, "{}", message.len());
        assert_eq!(Mark::of_header(&message), Some(mark));
        let text = String::from_utf8(message).unwrap();
        assert!(text.split("\r\n").all(|line| line.len() < 79 && !line.contains('\n')), "{text}");
        let expected = [
            "From: sales@example.com\r\n",
            "To: sink@example.com\r\n",
            "Date: Tue, 10 Nov 2026 12:11:06 +0000\r\n",
            "Message-ID: <abababababababababababab@example.com>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "X-Auto-Response-Suppress: All\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
        ];
        for line in expected {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
