//! How messages are stored: `[at, recipients]`, each recipient 16 hex digits and a letter, `x` for an external one.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::Message;
use crate::domain::{clock::Timestamp, fingerprint::Fingerprint, sending::Recipient};

pub(super) fn serialize<S: Serializer>(messages: &[Message], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(messages.iter().map(|message| {
        let recipients = message.to.iter().map(|to| {
            let letter = if to.external { EXTERNAL } else { INTERNAL };
            String::from(to.who) + letter
        });
        Stored(message.at, recipients.collect())
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Message>, D::Error> {
    let stored = Vec::<Stored>::deserialize(from)?;
    let messages = stored.into_iter().map(|Stored(at, to)| {
        let to = to.as_bytes().chunks(LENGTH).map(recipient).collect::<Option<_>>()?;
        Some(Message { at, to, own: false })
    });
    messages.collect::<Option<_>>().ok_or_else(|| D::Error::custom("no list of recipients"))
}

#[derive(Deserialize, Serialize)]
struct Stored(Timestamp, String);

fn recipient(written: &[u8]) -> Option<Recipient> {
    let (who, letter) = std::str::from_utf8(written).ok()?.split_at_checked(LENGTH - 1)?;
    let who = Fingerprint::try_from(who.to_owned()).ok()?;
    match letter {
        EXTERNAL => Some(Recipient { who, external: true }),
        INTERNAL => Some(Recipient { who, external: false }),
        _ => None,
    }
}

const EXTERNAL: &str = "x";
const INTERNAL: &str = "i";

/// Of a recipient.
const LENGTH: usize = 17;
