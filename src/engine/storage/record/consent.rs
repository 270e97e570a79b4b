//! What is kept of a client's consent page, so that a restart asks nobody.

use serde::{Deserialize, Serialize};

use super::reason;
use crate::{
    check::consent::{Answer, Applicant, Verdict},
    domain::{
        clock::Timestamp,
        fingerprint::{Fingerprint, Key},
    },
};

/// An answer as it was left.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::engine) struct OfConsent {
    /// Of all that was asked about.
    made_of: Fingerprint,
    at: Timestamp,
    uris: Vec<OfVerdict>,
    secret: OfVerdict,
    rests: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
enum OfVerdict {
    Accepted,
    Refused { reason: String, said: String },
    Unknown { why: String },
}

impl OfConsent {
    pub(in crate::engine) fn new(applicant: &Applicant, answer: &Answer, key: &Key) -> Self {
        Self {
            made_of: made_of(applicant, key),
            at: answer.at,
            uris: answer.uris.iter().map(OfVerdict::new).collect(),
            secret: OfVerdict::new(&answer.secret),
            rests: answer.rests,
        }
    }

    /// None where it is about another client, or has a reason that there is no more.
    pub(in crate::engine) fn restored(&self, applicant: &Applicant, key: &Key) -> Option<Answer> {
        let same = self.made_of == made_of(applicant, key);
        let uris = self.uris.iter().map(OfVerdict::restored);
        Some(Answer {
            at: self.at,
            uris: uris.collect::<Option<_>>().filter(|_| same)?,
            secret: self.secret.restored()?,
            rests: self.rests,
        })
    }
}

impl OfVerdict {
    fn new(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::Refused(reason, said) => {
                Self::Refused { reason: reason.name().to_owned(), said: said.clone() }
            }
            Verdict::Unknown(why) => Self::Unknown { why: why.clone() },
        }
    }

    fn restored(&self) -> Option<Verdict> {
        Some(match self {
            Self::Accepted => Verdict::Accepted,
            Self::Refused { reason: name, said } => Verdict::Refused(reason(name)?, said.clone()),
            Self::Unknown { why } => Verdict::Unknown(why.clone()),
        })
    }
}

fn made_of(applicant: &Applicant, key: &Key) -> Fingerprint {
    let Applicant { client, google, uris } = applicant;
    let values = [
        client.id.as_str(),
        client.secret.expose(),
        google.authorization_url.as_str(),
        google.token_url.as_str(),
    ];
    key.fingerprint(values.into_iter().chain(uris.iter().map(|uri| uri.uri.as_str())))
}
