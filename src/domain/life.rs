//! The life of refresh tokens, which are told apart by a keyed fingerprint.
//!
//! Invariant: nothing here holds a token, or what could be made into one.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{clock::Timestamp, secret::Secret};

/// What fingerprints are made with: another one for every installation, so that two of them cannot be compared.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// None where these bytes are no key.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The key itself, for whoever keeps it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Of several values in one, none of which can be mistaken for its neighbour's end.
    pub fn fingerprint<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> Fingerprint {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for value in values {
            mac.update(&(value.len() as u64).to_be_bytes());
            mac.update(value.as_bytes());
        }
        let mut short = [0; 8];
        short.copy_from_slice(&mac.finalize().into_bytes()[..8]);
        Fingerprint(short)
    }

    pub fn of_secret(&self, secret: &Secret) -> Fingerprint {
        self.fingerprint([secret.expose()])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// The first eight bytes of HMAC-SHA256.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 8]);

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        let mut hex = Self::new();
        for byte in fingerprint.0 {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(hex: String) -> Result<Self, Self::Error> {
        let number = u64::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == 16);
        number.map(|number| Self(number.to_be_bytes())).ok_or("no fingerprint of eight bytes")
    }
}

/// What is known of one refresh token of a link.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Token {
    pub fingerprint: Fingerprint,
    /// It may be older: nobody but Google knows when it was issued.
    pub first_seen: Timestamp,
    /// When Google last honoured it.
    pub last_good: Option<Timestamp>,
    pub reported: Option<Reported>,
    /// When Google first refused it for good.
    pub died: Option<Timestamp>,
}

/// What the token endpoint says of a refresh token's end.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Reported {
    /// When it was first said.
    pub first: Timestamp,
    /// What was left of the token then, in milliseconds.
    pub left: u64,
    /// When the token ends, by what was said last.
    pub expires: Timestamp,
}

/// The refresh tokens that a link has had, and the one that it has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Tokens {
    /// In the order in which they were in use; the last one is or was the present one.
    known: Vec<Token>,
    /// Whether the last one is in use now.
    in_use: bool,
}

impl Tokens {
    /// Takes note of the token that the link has now; none where it cannot be read.
    pub fn see(&mut self, fingerprint: Option<Fingerprint>, now: Timestamp) {
        self.in_use = fingerprint.is_some();
        let Some(fingerprint) = fingerprint else { return };
        let known = self.known.iter().position(|token| token.fingerprint == fingerprint);
        let token = match known {
            Some(known) => self.known.remove(known),
            None => {
                Token { fingerprint, first_seen: now, last_good: None, reported: None, died: None }
            }
        };
        self.known.push(token);
        let surplus = self.known.len().saturating_sub(KEPT);
        self.known.drain(..surplus);
    }

    /// The token in use.
    pub fn present(&self) -> Option<&Token> {
        self.known.last().filter(|_| self.in_use)
    }

    /// Google honoured the token at `at`, and may have said when it ends.
    pub fn honoured(&mut self, at: Timestamp, expires: Option<Timestamp>) {
        let Some(token) = self.known.last_mut().filter(|_| self.in_use) else { return };
        token.last_good = Some(at);
        token.died = None;
        if let Some(expires) = expires {
            let left = u64::try_from(expires.since(at).as_millis()).unwrap_or(u64::MAX);
            let first = Reported { first: at, left, expires };
            token.reported = Some(Reported { expires, ..token.reported.unwrap_or(first) });
        }
    }

    /// Google refused the token for good at `at`.
    pub fn refused(&mut self, at: Timestamp) {
        if let Some(token) = self.known.last_mut().filter(|_| self.in_use) {
            token.died.get_or_insert(at);
        }
    }
}

/// Tokens of a link that are remembered.
const KEPT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new([byte; 32])
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_fingerprint_needs_the_installations_key_and_tells_values_apart() {
        let token = Secret::new("1//0token");
        assert_eq!(key(1).of_secret(&token), key(1).of_secret(&token));
        assert_ne!(key(1).of_secret(&token), key(2).of_secret(&token));
        assert_ne!(key(1).fingerprint(["ab", "c"]), key(1).fingerprint(["a", "bc"]));
        let hex = String::from(key(1).of_secret(&token));
        assert_eq!(Fingerprint::try_from(hex.clone()), Ok(key(1).of_secret(&token)));
        assert!(Fingerprint::try_from(hex[1..].to_owned()).is_err());
        assert_eq!(format!("{:?}", key(1)), "****");
    }

    #[test]
    fn a_token_keeps_the_time_when_it_was_first_seen_and_a_new_one_gets_its_own() {
        let mut tokens = Tokens::default();
        let (old, new) = (key(1).fingerprint(["old"]), key(1).fingerprint(["new"]));
        tokens.see(Some(old), at(10));
        tokens.see(None, at(15));
        assert_eq!(tokens.present(), None);
        tokens.see(Some(old), at(20));
        assert_eq!(tokens.present().unwrap().first_seen, at(10));
        tokens.see(Some(new), at(30));
        assert_eq!(tokens.present().unwrap().first_seen, at(30));
        tokens.see(Some(old), at(40));
        assert_eq!(tokens.present().unwrap().first_seen, at(10));
        for number in 0..20 {
            tokens.see(Some(key(1).fingerprint([&*number.to_string()])), at(50 + number));
        }
        assert_eq!(tokens.known.len(), KEPT);
    }

    #[test]
    fn of_a_token_that_lives_again_no_death_is_kept() {
        let mut tokens = Tokens::default();
        tokens.see(Some(key(1).fingerprint(["token"])), at(0));
        tokens.refused(at(10));
        tokens.refused(at(20));
        assert_eq!(tokens.present().unwrap().died, Some(at(10)));
        tokens.honoured(at(30), Some(at(130)));
        tokens.honoured(at(40), Some(at(131)));
        let token = tokens.present().unwrap();
        assert_eq!((token.died, token.last_good), (None, Some(at(40))));
        let reported = Reported { first: at(30), left: 100_000, expires: at(131) };
        assert_eq!(token.reported, Some(reported));
    }
}
