//! What a server said, without what must not be kept: our own secrets in any form it may echo them, and tokens,
//! one-time links and ids of its own.

use std::{borrow::Cow, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use regex::Regex;

use super::secret::Secret;

/// What a probe knows and nobody may read in its reply.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    known: Vec<Secret>,
}

impl Redactor {
    /// Covers this secret too, in clear and in base64.
    pub fn hide(&mut self, secret: &Secret) {
        if secret.expose().len() >= SHORTEST && !self.known.contains(secret) {
            self.known.push(Secret::new(STANDARD.encode(secret.expose())));
            self.known.push(secret.clone());
        }
    }

    /// The words without secrets, on one line, bounded.
    pub fn clean(&self, words: &str) -> String {
        let mut words: String =
            words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        for secret in &self.known {
            words = words.replace(secret.expose(), STARS);
        }
        for (pattern, with) in PATTERNS.iter() {
            if let Cow::Owned(cleaned) = pattern.replace_all(&words, *with) {
                words = cleaned;
            }
        }
        if let Some((end, _)) = words.char_indices().nth(LONGEST) {
            words.truncate(end);
            words.push('…');
        }
        words.trim().to_owned()
    }
}

const STARS: &str = "****";

/// Shorter strings are no secrets, and replacing them would spoil every text.
const SHORTEST: usize = 6;

/// In characters. Google's longest reply has about 400.
const LONGEST: usize = 1000;

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Google's access, refresh and authorization tokens.
        (r"ya29\.[\w.-]+|\b[14]/+0[\w-]+|\bGOCSPX-[\w-]+", STARS),
        // One-time sign-in links and other parameters that may carry a credential.
        (r"(?i)([?&;](?:plt|scc|sarp|aes|dsh|code|access_token|refresh_token|id_token|client_secret|assertion|state|token)=)[^&\s>\]]+", "${1}****"),
        (r#"(?i)("(?:access_token|refresh_token|id_token|client_secret|assertion|code)"\s*:\s*")[^"]*"#, "${1}****"),
        (r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}", "${1} ****"),
        // Anything long that looks like base64, a JSON web token, or a queue's connection id.
        (r"[A-Za-z0-9_=-]{8,}\.[A-Za-z0-9_=-]{8,}\.[A-Za-z0-9_=-]{8,}", STARS),
        (r"[A-Za-z0-9+/_-]{40,}={0,2}", STARS),
        // Google's queue id before its signature: it names one connection, and is of no use to anybody.
        (r"\S+ - (gsmtp|gcdp)\b", "- $1"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).expect("a test compiles every pattern"), with))
    .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_vanish_in_clear_and_in_base64() {
        let mut redactor = Redactor::default();
        redactor.hide(&Secret::new("s3cret-token"));
        let echoed = format!("no s3cret-token, no {}", STANDARD.encode("s3cret-token"));
        assert_eq!(redactor.clean(&echoed), "no ****, no ****");
    }

    #[test]
    fn tokens_links_and_ids_vanish_and_the_words_stay() {
        let cases = [
            ("got ya29.a0AfB_byC-d.x here", "got **** here"),
            ("refresh 1//0gabc-DEF_9 dead", "refresh **** dead"),
            (
                "<https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbt> Please log in",
                "<https://accounts.google.com/signin/continue?sarp=****&scc=****&plt=****> Please log in",
            ),
            (
                "https://support.google.com/mail/?p=BadCredentials abc12-2sm4.7 - gsmtp",
                "https://support.google.com/mail/?p=BadCredentials - gsmtp",
            ),
            (
                r#"{"access_token": "abc", "expires_in": 3599}"#,
                r#"{"access_token": "****", "expires_in": 3599}"#,
            ),
            ("line\r\nline\x07", "line  line"),
        ];
        for (said, kept) in cases {
            assert_eq!(Redactor::default().clean(said), kept);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_words_around_a_secret_bring_it_through(before: String, secret in "[!-~]{6,60}", after: String) {
            let mut redactor = Redactor::default();
            redactor.hide(&Secret::new(&*secret));
            let kept = redactor.clean(&format!("{before}{secret}{after}"));
            proptest::prop_assert!(!kept.contains(&secret) || before.contains(&secret) || after.contains(&secret));
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert_eq!(Redactor::default().clean(&"ä ".repeat(5000)).chars().count(), LONGEST + 1);
    }
}
