//! How late rounds begin: what one scrape said would be next, against what a later one says was last.

use std::{collections::HashMap, time::Duration};

use super::exporter::Page;

/// The lateness of every round that was seen.
#[derive(Default)]
pub(crate) struct Lag {
    /// When each link was to run next, by the labels of its `token` check, which begins a round.
    planned: HashMap<String, f64>,
    late: Vec<f64>,
}

impl Lag {
    /// Looks at a scrape; they have to come oftener than rounds of one link do.
    pub(crate) fn look(&mut self, page: &Page) {
        let of_tokens = |metric| page.series(metric).filter(|(labels, _)| labels.contains(TOKEN));
        for (labels, ran) in of_tokens("mailbox_check_last_run_timestamp_seconds") {
            if let Some(planned) = self.planned.remove(labels).filter(|planned| ran >= *planned) {
                self.late.push(ran - planned);
            }
        }
        for (labels, next) in of_tokens("mailbox_check_next_run_timestamp_seconds") {
            self.planned.insert(labels.to_owned(), next);
        }
        self.late.sort_by(f64::total_cmp);
    }

    pub(crate) fn rounds(&self) -> usize {
        self.late.len()
    }

    /// That share of the rounds was not later.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let place = (self.late.len() as f64 * share) as usize;
        let late = self.late.get(place).or(self.late.last());
        Duration::from_secs_f64(late.copied().unwrap_or_default())
    }
}

const TOKEN: &str = "check=\"token\"";
