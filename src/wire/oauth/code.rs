//! From a person's consent to tokens: the address of the consent page, and the exchange of the code that comes back.
//! <https://developers.google.com/identity/protocols/oauth2/native-app>
//!
//! Invariant: nobody but us can use the code: its exchange takes the verifier, which never leaves this file (RFC 7636).

use std::borrow::Cow;

use oauth2::{
    AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    TokenResponse, TokenUrl,
};
use url::Url;

use super::{Asking, Granted, failure, granted, of_client};
use crate::{
    domain::{
        clock::Timestamp,
        link::{Address, Client},
        outcome::Failure,
        reason::At,
        redact::Redactor,
        secret::Secret,
    },
    wire::https::Https,
};

/// One attempt to get a consent.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Where the person goes.
    pub(crate) page: Url,
    /// What the answer must come with.
    pub(crate) state: Secret,
    verifier: Secret,
    redirect: Url,
}

/// What a code was exchanged for.
#[derive(Debug)]
pub(crate) struct Exchanged {
    pub(crate) granted: Granted,
    /// Absent where Google gave none.
    pub(crate) refresh_token: Option<Secret>,
}

impl Attempt {
    /// An attempt of a client for this mailbox. `access_type=offline` asks for a refresh token, `prompt=consent` for one
    /// even where the account agreed before: https://developers.google.com/identity/protocols/oauth2/web-server#offline
    pub(crate) fn new(
        page: &Url,
        client: &Client,
        redirect: &Url,
        mailbox: &Address,
        scope: &str,
    ) -> Self {
        let google = of_client(client).set_auth_uri(AuthUrl::from_url(page.clone()));
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let to = RedirectUrl::from_url(redirect.clone());
        let (page, state) = google
            .authorize_url(CsrfToken::new_random)
            .set_redirect_uri(Cow::Owned(to))
            .add_scope(oauth2::Scope::new(scope.to_owned()))
            .add_extra_param("access_type", "offline")
            .add_extra_param("prompt", "consent")
            .add_extra_param("login_hint", mailbox.as_str())
            .set_pkce_challenge(challenge)
            .url();
        Self {
            page,
            state: Secret::new(state.into_secret()),
            verifier: Secret::new(verifier.into_secret()),
            redirect: redirect.clone(),
        }
    }

    /// Exchanges the code, which serves once. Dropped half-way, the code may be spent.
    ///
    /// # Errors
    /// What the endpoint said, or why it could not be asked.
    pub(crate) async fn exchange(
        &self,
        https: &Https,
        token_url: &Url,
        client: &Client,
        code: &Secret,
        now: Timestamp,
    ) -> Result<Exchanged, Failure> {
        let mut redactor = Redactor::default();
        for secret in [code, &self.verifier, &self.state, &client.secret] {
            redactor.hide(secret);
        }
        let google = of_client(client).set_token_uri(TokenUrl::from_url(token_url.clone()));
        let asking = Asking { https, redactor: &redactor, at: At::Code };
        let answer = google
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(self.verifier.expose().to_owned()))
            .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(self.redirect.clone())))
            .request_async(&asking)
            .await
            .map_err(failure)?;
        let refresh_token = answer.refresh_token().map(|token| Secret::new(token.secret()));
        Ok(Exchanged { granted: granted(&answer, now), refresh_token })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn attempt() -> Attempt {
        let client = Client {
            name: "odoo".into(),
            id: "1234-abc.apps.googleusercontent.com".to_owned(),
            secret: Secret::new("GOCSPX-secret"),
            publishing_status: None,
            redirect_uris: Vec::new(),
        };
        let mailbox = Address::parse("sales@example.com").unwrap();
        let page = Url::parse("https://accounts.example.com/o/oauth2/v2/auth?hl=en").unwrap();
        let redirect = Url::parse("http://127.0.0.1:40000/").unwrap();
        Attempt::new(&page, &client, &redirect, &mailbox, "https://mail.google.com/")
    }

    #[test]
    fn the_page_is_asked_for_a_lasting_grant_of_this_mailbox() {
        let attempt = attempt();
        let asked: BTreeMap<_, _> = attempt.page.query_pairs().into_owned().collect();
        let value = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
        assert_eq!(value("hl"), "en", "what the address says before stays");
        assert_eq!(value("response_type"), "code");
        assert_eq!(value("redirect_uri"), "http://127.0.0.1:40000/");
        assert_eq!(value("scope"), "https://mail.google.com/");
        assert_eq!((value("access_type"), value("prompt")), ("offline", "consent"));
        assert_eq!(value("login_hint"), "sales@example.com");
        assert_eq!(value("code_challenge_method"), "S256");
        assert_eq!(value("code_challenge").len(), 43, "SHA-256 in base64");
        assert_eq!(value("state"), attempt.state.expose());
        assert!(!attempt.page.as_str().contains(attempt.verifier.expose()));
        assert!(!attempt.page.as_str().contains("GOCSPX"));
    }

    #[test]
    fn no_two_attempts_have_anything_in_common_and_none_prints_it() {
        let (one, two) = (attempt(), attempt());
        assert_ne!(one.state, two.state);
        assert_ne!(one.verifier, two.verifier);
        assert!(one.state.expose().len() >= 22, "128 bits in base64");
        assert!(!format!("{:?}", one.verifier).contains(one.verifier.expose()));
    }
}
