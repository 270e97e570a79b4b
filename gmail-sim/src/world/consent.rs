//! What people agreed to: who is signed in in a browser, codes, and what codes are exchanged for.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;

use super::{
    Issued, World,
    authorization::{Refused, Wish, is_about_signing_in},
    grant::{NewGrant, TESTING_LIFE},
    line, opaque, project,
};
use crate::{
    fault::Mistake,
    lines::{Line, Said},
};

/// What people agreed to, and where they are signed in.
#[derive(Debug, Default)]
pub(crate) struct Consents {
    codes: HashMap<String, Code>,
    /// By mailbox and project: what its owner agreed to so far.
    given: HashMap<(String, String), BTreeSet<String>>,
    /// Who is signed in, by the browser's cookie.
    sessions: HashMap<String, String>,
}

/// A code that was not exchanged yet.
#[derive(Debug)]
struct Code {
    address: String,
    challenge: Challenge,
    client_id: String,
    ends: SystemTime,
    /// How long access is given for; for good where absent.
    lasts: Option<Duration>,
    nonce: String,
    /// Whether a refresh token comes with it.
    offline: bool,
    redirect_uri: String,
    scope: String,
}

/// PKCE: RFC 7636.
#[derive(Debug)]
enum Challenge {
    None,
    Plain(String),
    S256(String),
}

/// What somebody does on the consent page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    /// The scopes whose boxes are not ticked.
    pub(crate) unticked: BTreeSet<String>,
    /// "Ongoing access" is not ticked.
    pub(crate) for_a_time: bool,
}

/// How long a code is good. Google says "a short time"; ten minutes is the most that RFC 6749 section 4.1.2 advises [U].
const CODE_LIFE: Duration = Duration::from_secs(600);
/// 180 days less a second, as `refresh_token_expires_in` says it: google/GoogleSignIn-iOS#565.
const LIFE_FOR_A_TIME: Duration = Duration::from_secs(15_551_999);

impl World {
    /// Signs a person in in a browser: the answer is the cookie.
    pub(crate) fn open_browser(&self, address: &str) -> String {
        let cookie = opaque(40);
        self.state().consents.sessions.insert(cookie.clone(), address.to_lowercase());
        cookie
    }

    /// Who is signed in in the browser with this cookie.
    pub(crate) fn in_browser(&self, cookie: &str) -> Option<String> {
        self.state().consents.sessions.get(cookie).cloned()
    }

    /// Did this person agree to all of it before?
    pub(crate) fn has_agreed(&self, wish: &Wish, address: &str) -> bool {
        let of = (address.to_owned(), project(wish.field("client_id")).to_owned());
        let state = self.state();
        let given = state.consents.given.get(&of);
        given.is_some_and(|given| wish.scopes().iter().all(|scope| given.contains(*scope)))
    }

    /// A person agrees: the answer is where the browser goes, with a code.
    pub(crate) fn agree_to(
        &self,
        wish: &Wish,
        address: &str,
        answered: &Answered,
    ) -> Result<String, Mistake> {
        let asked = wish.scopes();
        let ticked = asked.iter().filter(|scope| !answered.unticked.contains(**scope));
        let granted: Vec<&str> = ticked.copied().collect();
        // What Google does where nothing at all is left is [U].
        if granted.is_empty() {
            return wish.back(&[("error", "access_denied")]);
        }
        let scope = granted.join(" ");
        let agreed_before = self.has_agreed(wish, address);
        let of = (address.to_owned(), project(wish.field("client_id")).to_owned());
        let challenge = match (wish.field("code_challenge"), wish.field("code_challenge_method")) {
            ("", _) => Challenge::None,
            (challenge, "S256") => Challenge::S256(challenge.to_owned()),
            (challenge, _) => Challenge::Plain(challenge.to_owned()),
        };
        let now = self.now();
        let code = Code {
            address: address.to_owned(),
            challenge,
            client_id: wish.field("client_id").to_owned(),
            ends: now + CODE_LIFE,
            lasts: answered.for_a_time.then_some(LIFE_FOR_A_TIME),
            nonce: wish.field("nonce").to_owned(),
            offline: wish.is_offline() && (!agreed_before || wish.prompts("consent")),
            redirect_uri: wish.field("redirect_uri").to_owned(),
            scope: scope.clone(),
        };
        let name = format!("4/0{}", opaque(70));
        let mut state = self.state();
        state.consents.given.entry(of).or_default().extend(granted.iter().map(|&s| s.to_owned()));
        state.consents.codes.retain(|_, code| now < code.ends);
        state.consents.codes.insert(name.clone(), code);
        drop(state);
        let prompt = if wish.prompts("consent") || !agreed_before { "consent" } else { "none" };
        let answer = [("code", &*name), ("scope", &*scope), ("authuser", "0"), ("prompt", prompt)];
        wish.back(&answer)
    }

    /// A person goes through Google's pages from this address on, as this account, and agrees to all but some scopes.
    /// The answer is where the browser is sent back to, with the code; what the pages look like is left out.
    ///
    /// # Errors
    /// What Google's page says instead, e.g. `Error 400: redirect_uri_mismatch`.
    pub fn agree(
        &self,
        authorization_url: &str,
        address: &str,
        unticked: &[&str],
    ) -> Result<String, Mistake> {
        let wish = self.before_consent(authorization_url, address)?;
        let unticked = unticked.iter().map(|&scope| scope.to_owned()).collect();
        self.agree_to(&wish, &address.to_lowercase(), &Answered { unticked, for_a_time: false })
    }

    /// The same, but the person presses Cancel.
    ///
    /// # Errors
    /// As [`World::agree`].
    pub fn decline(&self, authorization_url: &str, address: &str) -> Result<String, Mistake> {
        self.before_consent(authorization_url, address)?.back(&[("error", "access_denied")])
    }

    fn before_consent(&self, authorization_url: &str, address: &str) -> Result<Wish, Mistake> {
        let address = address.to_lowercase();
        if self.account(&address).is_none() {
            return Err(Mistake::new(format!("{address} is no mailbox")));
        }
        let query = authorization_url.split_once('?').map_or("", |(_, query)| query);
        let wish = Wish::parse(query.split('#').next().unwrap_or_default());
        let verdict = self.weigh(&wish, "").and_then(|c| self.weigh_for(&wish, &c, &address));
        verdict.map_err(|refused| refused.mistake())?;
        Ok(wish)
    }

    /// Whose code it is.
    pub(crate) fn owner_of_code(&self, code: &str) -> Option<String> {
        self.state().consents.codes.get(code).map(|code| code.address.clone())
    }

    /// The grant of a code, for a client that is in order.
    pub(crate) fn exchange(
        &self,
        client_id: &str,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Issued, &'static Line> {
        if redirect_uri.is_empty() {
            return Err(line("token.redirect_uri_missing"));
        }
        let now = self.now();
        let mut state = self.state();
        state.consents.codes.retain(|_, code| now < code.ends);
        let known = state.consents.codes.get(code).ok_or_else(|| match code {
            "" => line("token.code_missing"),
            // One that was used or has ended is not told from one that never was.
            code if code.starts_with("4/") => line("token.bad_request"),
            _ => line("token.malformed_code"),
        })?;
        // What Google says to another client's code, and in which order it looks, is [U].
        if known.client_id != client_id {
            return Err(line("token.bad_request"));
        }
        if known.redirect_uri != redirect_uri {
            return Err(line("token.redirect_uri_mismatch"));
        }
        known.challenge.check(verifier)?;
        let Some(code) = state.consents.codes.remove(code) else {
            return Err(line("token.bad_request"));
        };
        let testing = state.clients.get(client_id).is_some_and(|client| {
            client.testing && !code.scope.split(' ').all(is_about_signing_in)
        });
        let refresh_token = code.offline.then(|| format!("1//0{}", opaque(96)));
        let given = state.resident(&code.address).account.time_based_access;
        let lives = [testing.then_some(TESTING_LIFE), given.map(Duration::from_secs), code.lasts];
        let grant = NewGrant {
            address: code.address,
            client_id: client_id.to_owned(),
            lasts: lives.into_iter().flatten().min(),
            refresh_token,
            scope: Some(code.scope),
        };
        Ok(Issued { nonce: code.nonce, ..state.first_access(grant, now) })
    }
}

impl Challenge {
    fn check(&self, verifier: &str) -> Result<(), &'static Line> {
        let digest = || {
            let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
            URL_SAFE_NO_PAD.encode(digest.as_ref())
        };
        let fits = match self {
            Self::None if verifier.is_empty() => return Ok(()),
            Self::None => return Err(line("token.code_verifier_needless")),
            _ if verifier.is_empty() => return Err(line("token.code_verifier_missing")),
            Self::Plain(challenge) => challenge == verifier,
            Self::S256(challenge) => *challenge == digest(),
        };
        if fits { Ok(()) } else { Err(line("token.code_verifier_invalid")) }
    }
}

impl Consents {
    /// A mailbox was linked without the pages.
    pub(super) fn note(&mut self, address: &str, client_id: &str, scope: &str) {
        let of = (address.to_owned(), project(client_id).to_owned());
        self.given.entry(of).or_default().extend(scope.split(' ').map(ToOwned::to_owned));
    }

    /// The owner takes back what was given to these projects.
    pub(super) fn forget(&mut self, address: &str, whose: impl Fn(&str) -> bool) {
        self.given.retain(|(of, project), _| of != address || !whose(project));
        self.codes.retain(|_, code| code.address != address || !whose(project(&code.client_id)));
    }
}

impl Refused {
    /// The status and the code, as the page names them.
    pub(crate) fn mistake(&self) -> Mistake {
        match self.line.said {
            Said::AuthError { status, code, .. } => Mistake::new(format!("Error {status}: {code}")),
            _ => Mistake::new(self.line.key),
        }
    }
}
