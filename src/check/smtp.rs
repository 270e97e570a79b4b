use chrono_tz::Tz;
use serde::Deserialize;

use super::{Probe, Span, Timing};
use crate::domain::{
    cron::Cron,
    outcome::{Failure, Readings},
};

pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    unreachable!()
}

/// The keys under `checks.smtp`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub enabled: Option<bool>,
    pub schedule: Option<Cron>,
    pub timeout: Option<Span>,
    /// How this host introduces itself; its own name, where that is a full one, if not given.
    pub ehlo_name: Option<String>,
}

impl Config {
    pub(super) fn over(self, base: &Self) -> Self {
        Self {
            enabled: self.enabled.or(base.enabled),
            schedule: self.schedule.or_else(|| base.schedule.clone()),
            timeout: self.timeout.or(base.timeout),
            ehlo_name: self.ehlo_name.or_else(|| base.ehlo_name.clone()),
        }
    }

    pub(super) fn settle(self, zone: Tz) -> Settings {
        Settings {
            timing: Timing::settle(self.enabled, self.schedule, self.timeout, SCHEDULE, zone),
            ehlo_name: self.ehlo_name,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timing: Timing,
    pub ehlo_name: Option<String>,
}

const SCHEDULE: &str = "5-59/15 * * * *";
