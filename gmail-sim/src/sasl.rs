//! XOAUTH2: what a client sends, and the challenge that Google refuses with.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Google's challenge: the same whatever is wrong.
pub(crate) const CHALLENGE: &str = "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";

/// Who wants to sign in with what.
#[derive(Clone, Debug)]
pub(crate) struct Xoauth2 {
    pub(crate) token: String,
    pub(crate) user: String,
}

/// What was sent instead of an XOAUTH2 string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Malformed {
    /// It is not base64.
    Encoding,
    /// It is base64 of something else.
    Fields,
}

impl Xoauth2 {
    /// Parses `base64("user=" user ^A "auth=Bearer " token ^A ^A)`.
    /// <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>
    pub(crate) fn parse(encoded: &str) -> Result<Self, Malformed> {
        let bytes = STANDARD.decode(encoded.trim()).map_err(|_| Malformed::Encoding)?;
        let text = String::from_utf8(bytes).map_err(|_| Malformed::Fields)?;
        let text = text.strip_suffix("\x01\x01").ok_or(Malformed::Fields)?;
        let (user, auth) = text.split_once('\x01').ok_or(Malformed::Fields)?;
        let user = user.strip_prefix("user=").ok_or(Malformed::Fields)?;
        let token = auth.strip_prefix("auth=Bearer ").ok_or(Malformed::Fields)?;
        if user.is_empty() || token.contains('\x01') {
            return Err(Malformed::Fields);
        }
        Ok(Self { token: token.to_owned(), user: user.to_owned() })
    }
}

/// Could a client have sent this as base64?
pub(crate) fn is_base64(text: &str) -> bool {
    STANDARD.decode(text.trim()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_string_is_taken() {
        let parse = |text: &str| Xoauth2::parse(&STANDARD.encode(text));
        assert_eq!(parse("user=a@b\x01auth=Bearer ya29.x\x01\x01").unwrap().token, "ya29.x");
        for wrong in ["", "user=a@b", "user=\x01auth=Bearer t\x01\x01", "auth=Bearer t\x01\x01"] {
            assert_eq!(parse(wrong).unwrap_err(), Malformed::Fields, "{wrong:?}");
        }
        assert_eq!(Xoauth2::parse("!").unwrap_err(), Malformed::Encoding);
    }
}
