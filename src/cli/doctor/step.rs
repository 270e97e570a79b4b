//! A step: what was looked at, what was seen, what to think of it, and what to do next.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::domain::{
    outcome::Failure,
    reason::{Class, Reason},
};

/// Where on the way from the configuration to the alert a step stands. A person mends them in this order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Area {
    Configuration,
    Network,
    Clock,
    Clients,
    Links,
    Odoo,
    Alerting,
}

impl Area {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Network => "network",
            Self::Clock => "clock",
            Self::Clients => "clients",
            Self::Links => "links",
            Self::Odoo => "odoo",
            Self::Alerting => "alerting",
        }
    }
}

/// What to think of it. Who says that something is not well says what to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Ok,
    /// It works, but not for long, or not all of it.
    Warning(Mend),
    Wrong(Mend),
    /// Nobody could tell.
    Unknown(Mend),
    /// Not looked at, because of what this earlier line says.
    Skipped,
}

impl Verdict {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning(_) => "warning",
            Self::Wrong(_) => "wrong",
            Self::Unknown(_) => "unknown",
            Self::Skipped => "skipped",
        }
    }

    pub(super) fn mend(&self) -> Option<&Mend> {
        match self {
            Self::Warning(mend) | Self::Wrong(mend) | Self::Unknown(mend) => Some(mend),
            Self::Ok | Self::Skipped => None,
        }
    }
}

/// The next click, and the reason or the finding that asks for it, where it has a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mend {
    pub(super) reason: Option<&'static str>,
    pub(super) next: String,
}

impl From<Reason> for Mend {
    fn from(reason: Reason) -> Self {
        Self { reason: Some(reason.name()), next: reason.next_step().to_owned() }
    }
}

impl From<&str> for Mend {
    fn from(next: &str) -> Self {
        Self { reason: None, next: next.to_owned() }
    }
}

impl From<String> for Mend {
    fn from(next: String) -> Self {
        Self { reason: None, next }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) area: Area,
    pub(super) subject: String,
    pub(super) seen: String,
    pub(super) verdict: Verdict,
}

impl Step {
    pub(super) fn ok(area: Area, subject: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { area, subject: subject.into(), seen: seen.into(), verdict: Verdict::Ok }
    }

    pub(super) fn warning(self, mend: impl Into<Mend>) -> Self {
        Self { verdict: Verdict::Warning(mend.into()), ..self }
    }

    pub(super) fn wrong(self, mend: impl Into<Mend>) -> Self {
        Self { verdict: Verdict::Wrong(mend.into()), ..self }
    }

    pub(super) fn unknown(self, mend: impl Into<Mend>) -> Self {
        Self { verdict: Verdict::Unknown(mend.into()), ..self }
    }

    /// `what` is not looked at because of the line about `because`.
    pub(super) fn skipped(
        area: Area,
        subject: impl Into<String>,
        what: &str,
        because: &str,
    ) -> Self {
        let seen = format!("{what} not looked at, because of {because}");
        Self { verdict: Verdict::Skipped, ..Self::ok(area, subject, seen) }
    }

    /// What a failure says. What passes by itself, or is Google's to mend, is a warning.
    pub(super) fn failed(area: Area, subject: impl Into<String>, failure: &Failure) -> Self {
        let step = Self::ok(area, subject, said(failure));
        match failure.reason.class() {
            Class::Google | Class::Throttled => step.warning(failure.reason),
            _ => step.wrong(failure.reason),
        }
    }
}

/// What is the case, and what that rests on.
pub(super) fn said(failure: &Failure) -> String {
    let meaning = failure.reason.meaning();
    match &failure.evidence {
        Some(evidence) => format!("{meaning} ({evidence})"),
        None => meaning.to_owned(),
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mend = self.verdict.mend();
        let mut step = serializer.serialize_struct("Step", 6)?;
        step.serialize_field("area", self.area.name())?;
        step.serialize_field("subject", &self.subject)?;
        step.serialize_field("seen", &self.seen)?;
        step.serialize_field("verdict", self.verdict.name())?;
        match mend.and_then(|mend| mend.reason) {
            Some(reason) => step.serialize_field("reason", reason)?,
            None => step.skip_field("reason")?,
        }
        match mend {
            Some(mend) => step.serialize_field("next", &mend.next)?,
            None => step.skip_field("next")?,
        }
        step.end()
    }
}
