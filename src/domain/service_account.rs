//! Service accounts with domain-wide delegation: Google's key file, and the assertions that are signed with its key.
//!
//! Invariant: no message holds anything of a key file's contents but the names of its fields.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{rand::SystemRandom, rsa::KeyPair, signature};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::{Map, Value, json};

use super::{clock::Timestamp, link::Address, secret::Secret};

/// A service account that acts for the mailboxes of a domain.
pub struct ServiceAccount {
    client_id: String,
    email: String,
    key_id: String,
    /// The private key, for redaction and comparison.
    pem: Secret,
    key: KeyPair,
    audience: Option<String>,
}

impl ServiceAccount {
    /// Understands the key file that Google made:
    /// https://docs.cloud.google.com/iam/docs/keys-create-delete#creating
    ///
    /// # Errors
    /// A part of a sentence, to stand behind the file's name, that says which field is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("-----BEGIN") {
            return Err(format!("holds a bare key; {WANTED}"));
        }
        let Ok(Value::Object(file)) = serde_json::from_str(text) else {
            return Err(format!("holds no JSON object; {WANTED}"));
        };
        match file.get("type").and_then(Value::as_str) {
            Some("service_account") => {}
            Some("authorized_user") => {
                return Err(format!("holds a person's credentials; {WANTED}"));
            }
            _ if file.contains_key("installed") || file.contains_key("web") => {
                return Err(format!("holds an OAuth client; {WANTED}"));
            }
            _ => return Err(format!("has no \"type\" of \"service_account\"; {WANTED}")),
        }
        let email = field(&file, "client_email")?;
        if Address::parse(email).is_err() {
            return Err(format!("has a \"client_email\" that is no mail address; {AGAIN}"));
        }
        let pem = field(&file, "private_key")?;
        let audience = match file.get("token_uri") {
            None | Some(Value::Null) => None,
            Some(_) => Some(field(&file, "token_uri")?.to_owned()),
        };
        Ok(Self {
            client_id: field(&file, "client_id")?.to_owned(),
            email: email.to_owned(),
            key_id: field(&file, "private_key_id")?.to_owned(),
            pem: Secret::new(pem),
            key: key(pem).ok_or_else(|| {
                format!(
                    "has a \"private_key\" that is no RSA key of 2048 bits or more in PEM; {AGAIN}"
                )
            })?,
            audience,
        })
    }

    /// Which of the account's keys it signs by.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Its numeric id, which an administrator delegates to and which its tokens carry.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Its address, by which Google knows it.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// What may be echoed of the private key: its lines, since a line is the most that words on one line hold.
    pub fn secrets(&self) -> impl Iterator<Item = Secret> {
        let lines = self.pem.expose().lines().filter(|line| !line.starts_with("-----"));
        lines.map(|line| Secret::new(line.trim()))
    }

    /// Claims, signed, that this account acts for a mailbox. Good for an hour, as those of Google's own libraries are, so
    /// that a clock that serves them serves us.
    /// https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests
    ///
    /// `token_url` is the audience where the key file names none. The file's own comes first, since Google wants to read
    /// there by which name it knows itself, whatever proxy `token_url` leads through.
    pub fn assertion(
        &self,
        mailbox: &Address,
        scope: &str,
        token_url: &str,
        now: Timestamp,
    ) -> Secret {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let issued = now.to_utc().timestamp();
        let claims = json!({
            "iss": self.email,
            "sub": mailbox.as_str(),
            "scope": scope,
            "aud": self.audience.as_deref().unwrap_or(token_url),
            "iat": issued,
            "exp": issued + LIFE.as_secs() as i64,
        });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("the signature is as long as the key's modulus");
        Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The longest that Google allows.
const LIFE: Duration = Duration::from_secs(60 * 60);

fn field<'a>(file: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    let value = file.get(name).and_then(Value::as_str).unwrap_or_default();
    if value.is_empty() {
        return Err(format!("has no {name:?}; {AGAIN}"));
    }
    Ok(value)
}

fn key(pem: &str) -> Option<KeyPair> {
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()).ok(),
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        _ => None,
    }
}

const WANTED: &str =
    "the JSON key of a service account is wanted here, as Google's console downloads it";

const AGAIN: &str = "put the whole file there that Google's console downloaded";

impl PartialEq for ServiceAccount {
    fn eq(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && self.email == other.email
            && self.key_id == other.key_id
            && self.audience == other.audience
            && self.pem == other.pem
    }
}

impl Eq for ServiceAccount {}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccount({}, ****)", self.email)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    /// A key file as Google makes them.
    pub(crate) fn file() -> Value {
        json!({
            "type": "service_account",
            "project_id": "mail-1234",
            "private_key_id": "0123456789abcdef",
            "private_key": include_str!("../../tests/keys/another.pem"),
            "client_email": "watcher@mail-1234.iam.gserviceaccount.com",
            "client_id": "110000000000000000001",
            "token_uri": "https://oauth2.googleapis.com/token",
        })
    }

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn an_assertion_says_who_acts_for_whom_for_how_long_and_is_signed() {
        let account = ServiceAccount::parse(&file().to_string()).unwrap();
        let mailbox = Address::parse("sales@example.com").unwrap();
        let now = Timestamp::from_millis(1_800_000_000_999);
        let scope = "https://mail.google.com/";
        let assertion = account.assertion(&mailbox, scope, "https://proxy.example/token", now);
        let parts: Vec<_> = assertion.expose().split('.').collect();
        let expected = json!({ "alg": "RS256", "typ": "JWT", "kid": "0123456789abcdef" });
        assert_eq!(decoded(parts[0]), expected);
        let expected = json!({
            "iss": "watcher@mail-1234.iam.gserviceaccount.com",
            "sub": "sales@example.com",
            "scope": scope,
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_800_000_000,
            "exp": 1_800_003_600,
        });
        assert_eq!(decoded(parts[1]), expected);
        let public = account.key.public();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref());
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        public.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_key_file_that_names_no_audience_is_good_for_the_configured_endpoint() {
        let mut file = file();
        file.as_object_mut().unwrap().remove("token_uri");
        let account = ServiceAccount::parse(&file.to_string()).unwrap();
        let mailbox = Address::parse("sales@example.com").unwrap();
        let url = "https://localhost:1/token";
        let assertion = account.assertion(&mailbox, "scope", url, Timestamp::from_secs(0));
        assert_eq!(decoded(assertion.expose().split('.').nth(1).unwrap())["aud"], url);
    }

    #[test]
    fn what_is_no_key_file_is_refused_by_the_name_of_the_field_and_unquoted() {
        let hidden = "DoNotPrintMe";
        let cases = [
            ("type", json!("authorized_user"), "a person's credentials"),
            ("type", json!(hidden), "no \"type\" of \"service_account\""),
            ("type", Value::Null, "no \"type\" of \"service_account\""),
            ("client_email", json!(hidden), "\"client_email\" that is no mail address"),
            ("client_email", json!(7), "no \"client_email\""),
            ("private_key", Value::Null, "no \"private_key\""),
            ("private_key", json!(hidden), "\"private_key\" that is no RSA key"),
            ("client_id", Value::Null, "no \"client_id\""),
            ("private_key_id", json!(""), "no \"private_key_id\""),
            ("token_uri", json!([hidden]), "no \"token_uri\""),
        ];
        for (name, value, says) in cases {
            let mut file = file();
            file[name] = value;
            let error = ServiceAccount::parse(&file.to_string()).unwrap_err();
            assert!(error.contains(says) && !error.contains(hidden), "{name}: {error}");
        }
        let cases = [
            ("-----BEGIN PRIVATE KEY-----\nDoNotPrintMe", "a bare key"),
            ("{\"web\": {\"client_secret\": \"DoNotPrintMe\"}}", "an OAuth client"),
            ("{\"private_key\": \"DoNotPrintMe", "no JSON object"),
            ("[]", "no JSON object"),
        ];
        for (text, says) in cases {
            let error = ServiceAccount::parse(text).unwrap_err();
            assert!(error.contains(says) && !error.contains(hidden), "{text}: {error}");
        }
    }

    #[test]
    fn a_key_prints_as_stars_and_another_key_is_another_account() {
        let one = ServiceAccount::parse(&file().to_string()).unwrap();
        assert_eq!(
            format!("{one:?}"),
            "ServiceAccount(watcher@mail-1234.iam.gserviceaccount.com, ****)"
        );
        let mut other = file();
        other["private_key_id"] = "fedcba9876543210".into();
        assert!(one != ServiceAccount::parse(&other.to_string()).unwrap());
        assert!(one == ServiceAccount::parse(&file().to_string()).unwrap());
    }
}
