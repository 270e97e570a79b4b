//! State -> exposition: what Prometheus reads.
//!
//! Invariant: a scrape is a pure function of the state. Nothing about a link lives here between scrapes but the page
//! that was rendered last.

use std::sync::{Arc, LazyLock};

use prometheus::{
    TextEncoder,
    core::Collector as _,
    process_collector::ProcessCollector,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};
use url::Url;

use crate::{
    domain::clock::Timestamp,
    engine::state::{Buckets, Snapshot},
};

pub mod catalogue;
mod consents;
mod deliveries;
mod exposition;
mod fill;
mod odoo;
mod privacy;
mod sending;
mod sessions;
mod trips;

pub use deliveries::{Deliveries, Tally};
pub use exposition::{Coding, Exposition};
pub use fill::Probed;
pub use privacy::{Labels, MailboxLabel, Privacy};

use catalogue::{Entry, Kind};
use fill::View;

/// What a scraper is told that it gets.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How the exporter itself stands: what it is made of, and whether it has taken its configuration.
#[derive(Clone, Debug)]
pub struct Standing {
    pub build: Build,
    /// Whether the last attempt to read the configuration succeeded.
    pub reload_successful: bool,
    /// When one last did; absent until the first has been applied.
    pub reload_success: Option<Timestamp>,
    /// Of notifications, since the start.
    pub deliveries: Arc<Deliveries>,
}

/// What this binary was made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Build {
    pub version: &'static str,
    /// The commit, where the build knew it.
    pub revision: &'static str,
    pub rust: &'static str,
}

/// All of `/metrics` at once; `base` is where people find the exporter's pages. Scrapes go through [`Exposition`], which
/// keeps what does not change.
pub fn render(
    snapshot: &Snapshot,
    standing: &Standing,
    privacy: &Privacy,
    base: Option<&Url>,
) -> String {
    let mut page = String::new();
    of_state(snapshot, privacy, base, |family| page.push_str(family));
    page.push_str(&of_exporter(standing));
    page
}

/// Everything that follows from the state, a family at a time, so that only one is held as objects.
fn of_state(
    snapshot: &Snapshot,
    privacy: &Privacy,
    base: Option<&Url>,
    mut take: impl FnMut(&str),
) {
    let labels = privacy.labels(snapshot);
    let view = View::new(snapshot, &labels, base);
    let mut text = String::new();
    for metric in catalogue::STATE {
        text.clear();
        (metric.fill)(&view, &mut Family::new(metric.entry, &mut text));
        take(&text);
    }
}

/// What moves while the state rests: the process, and the exporter's configuration.
fn of_exporter(standing: &Standing) -> String {
    let mut page = String::new();
    for metric in catalogue::EXPORTER {
        (metric.fill)(standing, &mut Family::new(metric.entry, &mut page));
    }
    for family in PROCESS.collect() {
        encode(&family, &mut page);
    }
    page
}

/// What a probe on demand found.
pub fn render_probe(probed: &Probed) -> String {
    let mut page = String::new();
    for metric in catalogue::PROBE {
        (metric.fill)(probed, &mut Family::new(metric.entry, &mut page));
    }
    page
}

static PROCESS: LazyLock<ProcessCollector> = LazyLock::new(ProcessCollector::for_self);

/// Name and help of what the process collector adds.
fn process_metrics() -> Vec<(String, String)> {
    let descs = PROCESS.desc().into_iter();
    descs.map(|desc| (desc.fq_name.clone(), desc.help.clone())).collect()
}

/// The series of one metric, on their way to the page a handful at a time, so that the objects stay few and warm.
struct Family<'a> {
    entry: Entry,
    family: MetricFamily,
    /// Series that are written already, to be filled again.
    spare: Vec<Metric>,
    begun: bool,
    page: &'a mut String,
}

impl<'a> Family<'a> {
    fn new(entry: Entry, page: &'a mut String) -> Self {
        let mut family = MetricFamily::default();
        family.set_name(entry.name.to_owned());
        family.set_help(entry.help.to_owned());
        family.set_field_type(match entry.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        Self { entry, family, spare: Vec::new(), begun: false, page }
    }

    /// Adds a series: a value for every label, in the catalogue's order.
    fn push(&mut self, labels: &[&str], value: f64) {
        let mut series = self.labelled(labels);
        match self.entry.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                series.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                series.set_gauge(gauge);
            }
        }
        self.add(series);
    }

    fn push_buckets(&mut self, labels: &[&str], buckets: &Buckets) {
        let mut so_far = 0;
        let cumulative = Buckets::BOUNDS.iter().zip(buckets.counts).map(|(bound, count)| {
            so_far += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(so_far);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(cumulative.collect());
        histogram.set_sample_count(buckets.counts.iter().sum());
        histogram.set_sample_sum(buckets.sum.as_secs_f64());
        let mut series = self.labelled(labels);
        series.set_histogram(histogram);
        self.add(series);
    }

    fn labelled(&mut self, values: &[&str]) -> Metric {
        debug_assert_eq!(values.len(), self.entry.labels.len(), "{}", self.entry.name);
        let mut series = self.spare.pop().unwrap_or_else(|| {
            let pairs = self.entry.labels.iter().map(|name| {
                let mut pair = LabelPair::default();
                pair.set_name((*name).to_owned());
                pair
            });
            Metric::from_label(pairs.collect())
        });
        for (pair, value) in series.mut_label().iter_mut().zip(values) {
            pair.set_value((*value).to_owned());
        }
        series
    }

    fn add(&mut self, series: Metric) {
        self.family.mut_metric().push(series);
        if self.family.get_metric().len() == HANDFUL {
            self.write();
        }
    }

    /// The encoder begins every time with HELP and TYPE; the page has them once.
    fn write(&mut self) {
        let start = self.page.len();
        encode(&self.family, self.page);
        if self.begun {
            let mut ends = self.page[start..].match_indices('\n');
            let header = ends.nth(1).map_or(0, |(end, _)| end + 1);
            self.page.drain(start..start + header);
        }
        self.begun = true;
        self.spare = self.family.take_metric();
    }
}

/// What was not written yet is written at the end.
impl Drop for Family<'_> {
    fn drop(&mut self) {
        if !self.family.get_metric().is_empty() {
            self.write();
        }
    }
}

/// The encoder refuses a family without series; on the page it simply does not occur.
fn encode(family: &MetricFamily, page: &mut String) {
    if !family.get_metric().is_empty() {
        TextEncoder::new()
            .encode_utf8(std::slice::from_ref(family), page)
            .expect("a named family with series encodes, and a String takes every write");
    }
}

const HANDFUL: usize = 256;

#[cfg(test)]
mod tests;
