//! Fingerprints of secrets, to tell whether one has changed.
//!
//! Invariant: nothing here holds a secret, or what could be made into one.

use std::fmt::{self, Write as _};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::secret::Secret;

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
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// In the place of one, where nothing is to be told apart.
    pub const NONE: Self = Self([0; 8]);
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new([byte; 32])
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
}
