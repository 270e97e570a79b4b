//! What Google writes into the header of a message that passes through.
//!
//! The fields and their form are those of public captures (qianweicheng/hello-world
//! `protocol/email/security/demo.md`, dinosaure/blaze `test/dmarc.t`; `X-Google-Original-From` in
//! kernel lists' archives, e.g. id:36703012424); Google's own ARC, DKIM and X-Gm fields are left out.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::header;

/// What `Authentication-Results` says of a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authentication {
    /// Of its signature.
    pub dkim: Verdict,
    /// Of its domain's policy.
    pub dmarc: Verdict,
    /// Of the server that it came from.
    pub spf: Verdict,
}

/// A result of RFC 8601.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Not authorised.
    Fail,
    /// Neither.
    Neutral,
    /// There is nothing to check.
    None,
    /// Authorised.
    #[default]
    Pass,
    /// What there is to check is broken.
    PermError,
    /// Probably not authorised.
    SoftFail,
    /// It could not be checked now.
    TempError,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Neutral => "neutral",
            Self::None => "none",
            Self::Pass => "pass",
            Self::PermError => "permerror",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
        }
    }
}

/// The way of one copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    pub(super) arrived: SystemTime,
    pub(super) authentication: Option<Authentication>,
    /// Makes the ids of this copy its own.
    pub(super) number: u64,
    pub(super) recipient: &'a str,
    pub(super) sender: &'a str,
    pub(super) sent: SystemTime,
}

impl Way<'_> {
    /// The message as the recipient gets it: Google's fields stand on top.
    pub(super) fn stamp(&self, raw: &[u8]) -> Vec<u8> {
        let Self { number, recipient, sender, .. } = *self;
        let (sent, arrived) = (date(self.sent), date(self.arrived));
        let group = number & 0xffff;
        let header = format!(
            "Delivered-To: {recipient}\r\n\
             Received: by 2002:a05:6a20:{group:x}:b0:4d7:12ab:cdef with SMTP id s{number:x}csp{number};\r\n        {arrived}\r\n\
             Return-Path: <{sender}>\r\n\
             Received: from mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])\r\n        \
             by mx.google.com with SMTPS id m{number:x}sor.0\r\n        for <{recipient}>\r\n        \
             (Google Transport Security);\r\n        {arrived}\r\n{results}\
             Received: from [127.0.0.1] ([127.0.0.1])\r\n        \
             by smtp.gmail.com with ESMTPSA id q{number:x}sm0.0\r\n        for <{recipient}>\r\n        \
             (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\r\n        {sent}\r\n",
            results = self.results(raw),
        );
        [header.as_bytes(), raw].concat()
    }

    fn results(&self, raw: &[u8]) -> String {
        let Some(Authentication { dkim, dmarc, spf }) = self.authentication else {
            return String::new();
        };
        let sender = self.sender;
        let from = header::value(raw, "From").unwrap_or_else(|| sender.to_owned());
        let domain = header::bare_address(&from).rsplit_once('@').map_or("", |(_, domain)| domain);
        let words = match spf {
            Verdict::Pass => format!("domain of {sender} designates 209.85.220.41 as permitted"),
            Verdict::None => format!(
                "209.85.220.41 is neither permitted nor denied by best guess record for domain of {sender}; no SPF"
            ),
            _ => format!("domain of {sender} does not designate 209.85.220.41 as permitted"),
        };
        let (dkim, dmarc, spf) = (dkim.word(), dmarc.word(), spf.word());
        let signed = match dkim {
            "none" => String::new(),
            _ => format!(" header.i=@{domain} header.s=google header.b=SiMuLaTe"),
        };
        format!(
            "Received-SPF: {spf} (google.com: {words} sender) client-ip=209.85.220.41;\r\n\
             Authentication-Results: mx.google.com;\r\n       dkim={dkim}{signed};\r\n       \
             spf={spf} (google.com: {words} sender) smtp.mailfrom={sender};\r\n       \
             dmarc={dmarc} (p=NONE sp=NONE dis=NONE) header.from={domain}\r\n"
        )
    }
}

/// The message with a `From` that is the account's own: Google rewrites every other one, and keeps
/// it as `X-Google-Original-From`.
pub(super) fn with_own_from(raw: Vec<u8>, sender: &str, aliases: &[String]) -> Vec<u8> {
    let Some(from) = header::value(&raw, "From") else { return raw };
    let bare = header::bare_address(&from);
    let own = |address: &str| address.eq_ignore_ascii_case(bare);
    if own(sender) || aliases.iter().any(|alias| own(alias)) {
        return raw;
    }
    let name = from.rsplit_once('<').map_or("", |(name, _)| name.trim());
    let blank = if name.is_empty() { "" } else { " " };
    let mut out = Vec::with_capacity(raw.len() + 128);
    for (field, text) in header::fields(&raw) {
        if field.eq_ignore_ascii_case("From") {
            let new =
                format!("From: {name}{blank}<{sender}>\r\nX-Google-Original-From: {from}\r\n");
            out.extend(new.into_bytes());
        } else {
            out.extend(text.into_bytes());
        }
    }
    out.extend(b"\r\n");
    out.extend(header::split(&raw).1);
    out
}

/// `Mon, 22 Nov 2026 10:00:00 -0800 (PST)`: Google's dates are Pacific; here it is always winter.
pub(super) fn date(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at) - Duration::hours(8);
    let (day, month) = (at.weekday().to_string(), at.month().to_string());
    let (hour, minute, second) = at.to_hms();
    let (number, year) = (at.day(), at.year());
    format!(
        "{}, {number:02} {} {year} {hour:02}:{minute:02}:{second:02} -0800 (PST)",
        &day[..3],
        &month[..3]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_pacific() {
        assert_eq!(date(SystemTime::UNIX_EPOCH), "Wed, 31 Dec 1969 16:00:00 -0800 (PST)");
    }

    #[test]
    fn only_a_foreign_from_is_rewritten() {
        let raw = |from: &str| format!("From: {from}\r\nSubject: x\r\n\r\nbody\r\n").into_bytes();
        let aliases = ["info@x.example".to_owned()];
        for own in ["A <A@x.example>", "info@x.example"] {
            assert_eq!(with_own_from(raw(own), "a@x.example", &aliases), raw(own));
        }
        let text = with_own_from(raw("B <b@y.example>"), "a@x.example", &aliases);
        let expected = "From: B <a@x.example>\r\nX-Google-Original-From: B <b@y.example>\r\nSubject: x\r\n\r\nbody\r\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
