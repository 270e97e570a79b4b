//! Secrets: they print as stars, are wiped when dropped, and are only ever read where they are sent.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A token, a client secret, a password. Its value leaves it by [`Secret::expose`] only.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself, for the wire and for redaction.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let printed = format!("{:?}", Some(Secret::new("1//0secret")));
        assert_eq!(printed, "Some(****)");
    }
}
