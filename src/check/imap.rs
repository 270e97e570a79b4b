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

/// The keys under `checks.imap`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub enabled: Option<bool>,
    pub schedule: Option<Cron>,
    pub timeout: Option<Span>,
}

impl Config {
    pub(super) fn over(self, base: &Self) -> Self {
        Self {
            enabled: self.enabled.or(base.enabled),
            schedule: self.schedule.or_else(|| base.schedule.clone()),
            timeout: self.timeout.or(base.timeout),
        }
    }

    pub(super) fn settle(self, zone: Tz) -> Timing {
        Timing::settle(self.enabled, self.schedule, self.timeout, SCHEDULE, zone)
    }
}

const SCHEDULE: &str = "10-59/15 * * * *";
