//! Service accounts, and the assertions by which they act for mailboxes.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rsa::KeyPair,
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Issued, MAIL_SCOPE, World, asked::unix, line};
use crate::lines::Line;

/// A service account; a new one is delegated to for mail.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccount {
    /// Its numeric id, which an administrator delegates to.
    pub client_id: String,
    /// The ids of its live keys.
    pub key_ids: Vec<String>,
    /// The scopes that the domain's administrator delegated to it.
    pub scopes: Vec<String>,
}

impl World {
    /// Adds a service account, or gives a known one a new key: the answer is the key file. All
    /// keys are the same test key, under different ids.
    pub fn add_service_account(&self, email: &str) -> String {
        let key_id = format!("{:040x}", self.number());
        let mut account = self.service_account(email).unwrap_or_else(|| self.new_service_account());
        account.key_ids.push(key_id.clone());
        let client_id = account.client_id.clone();
        self.keep_service_account(email, account);
        let file = json!({
            "type": "service_account",
            "project_id": "simulated",
            "private_key_id": key_id,
            "private_key": &TEST_KEY[TEST_KEY.find("-----").unwrap_or_default()..],
            "client_email": email,
            "client_id": client_id,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": GOOGLE,
        });
        format!("{file:#}")
    }

    /// One without a key, by which nobody can act yet.
    pub(super) fn new_service_account(&self) -> ServiceAccount {
        ServiceAccount {
            client_id: format!("1{:020}", self.number()),
            key_ids: Vec::new(),
            scopes: vec![MAIL_SCOPE.to_owned()],
        }
    }

    pub(super) fn keep_service_account(&self, email: &str, account: ServiceAccount) {
        let mut state = self.state();
        // Its project is one like any other.
        state.clients.entry(account.client_id.clone()).or_default();
        state.service_accounts.insert(email.to_owned(), account);
    }

    /// Changes a service account, where there is one. The closure must not call the world.
    pub fn set_service_account(&self, email: &str, change: impl FnOnce(&mut ServiceAccount)) {
        self.state().service_accounts.get_mut(email).map(change);
    }

    /// What is set about a service account.
    pub fn service_account(&self, email: &str) -> Option<ServiceAccount> {
        self.state().service_accounts.get(email).cloned()
    }

    /// The JWT bearer grant, asked at the endpoint `at`. In which order Google looks is not known.
    pub(crate) fn act(&self, assertion: &str, at: &str) -> Result<Issued, &'static Line> {
        let assertion = Assertion::read(assertion).ok_or_else(|| line("token.bad_request"))?;
        let account = self.service_account(assertion.claim("iss"));
        let account = account.ok_or_else(|| line("token.jwt_issuer"))?;
        let key_id = assertion.header["kid"].as_str().unwrap_or_default();
        if !account.key_ids.iter().any(|known| known == key_id) || !assertion.is_signed() {
            return Err(line("token.jwt_signature"));
        }
        if ![GOOGLE, at].contains(&assertion.claim("aud")) {
            return Err(line("token.jwt_audience"));
        }
        if !assertion.is_of(self.now()) {
            return Err(line("token.jwt_timeframe_60"));
        }
        let mut scopes = assertion.claim("scope").split(' ');
        if !scopes.all(|scope| account.scopes.iter().any(|known| known == scope)) {
            return Err(line("token.delegation_missing"));
        }
        let user = assertion.claim("sub");
        if !user.contains('@') {
            return Err(line("token.jwt_not_an_email"));
        }
        if self.account(user).is_none() {
            return Err(line("token.jwt_user"));
        }
        self.issue(user, &account.client_id, assertion.claim("scope"))
    }
}

/// Whom an assertion acts for, signed or not.
pub(crate) fn subject(assertion: &str) -> Option<String> {
    Some(Assertion::read(assertion)?.claim("sub").to_lowercase())
}

/// A JSON web token, taken apart.
struct Assertion<'a> {
    header: Value,
    claims: Value,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed,
            signature: decode(signature)?,
        })
    }

    fn claim(&self, name: &str) -> &str {
        self.claims[name].as_str().unwrap_or_default()
    }

    fn is_signed(&self) -> bool {
        let der = PrivatePkcs8KeyDer::from_pem_slice(TEST_KEY.as_bytes());
        let der = der.expect("tests hold the key readable");
        let key = KeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("openssl made it");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref());
        self.header["alg"] == "RS256"
            && public.verify(self.signed.as_bytes(), &self.signature).is_ok()
    }

    /// Is it of about now, and short-lived? Google documents an hour, and as a cause of refusal
    /// more than 65 minutes: <https://developers.google.com/identity/protocols/oauth2/service-account#jwt-error-codes>
    fn is_of(&self, now: SystemTime) -> bool {
        let second = |name: &str| self.claims[name].as_f64().unwrap_or_default();
        let (issued, ends, now) = (second("iat"), second("exp"), unix(now));
        issued <= now + SLACK.as_secs_f64() && now < ends && ends - issued <= LIFE.as_secs_f64()
    }
}

const LIFE: Duration = Duration::from_secs(65 * 60);

/// How far a clock may be ahead. [U]
const SLACK: Duration = Duration::from_secs(5 * 60);

/// What Google's key files name, and hence what clients claim, whatever leads there.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

/// Everybody's: see its first line.
const TEST_KEY: &str = include_str!("test-key.pem");
