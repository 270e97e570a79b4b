//! Where the busiest days of the weeks lead to: a line that one campaign does not bend.

use std::time::Duration;

/// How weekly peaks move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// By how much they grow in a week.
    slope: f64,
    /// Where the line stands at the end of the last week.
    pub level: f64,
    /// Whether they grow more steadily than chance would let them.
    pub grows: bool,
}

impl Trend {
    /// By Theil and Sen: the median of the slopes between all pairs. Too little history is no trend.
    pub fn of(peaks: &[u64]) -> Option<Self> {
        if peaks.len() < LEAST {
            return None;
        }
        let peaks: Vec<_> = peaks.iter().map(|peak| *peak as f64).collect();
        let pairs = || (0..peaks.len()).flat_map(|to| (0..to).map(move |from| (from, to)));
        let slope =
            median(pairs().map(|(from, to)| (peaks[to] - peaks[from]) / (to - from) as f64));
        let base = median(
            peaks.iter().enumerate().map(|(week, peak)| slope.mul_add(-(week as f64), *peak)),
        );
        // By Mann and Kendall, on one side, at one in twenty.
        let score: f64 = pairs().map(|(from, to)| sign(peaks[to] - peaks[from])).sum();
        let weeks = peaks.len() as f64;
        let spread = (weeks * (weeks - 1.0) * 2.0f64.mul_add(weeks, 5.0) / 18.0).sqrt();
        let grows = slope > 0.0 && (score - 1.0) / spread > 1.645;
        Some(Self { slope, level: slope.mul_add(weeks - 1.0, base), grows })
    }

    /// By how much they grow in a month; less than nothing where they shrink.
    pub fn per_month(&self) -> f64 {
        self.slope * WEEKS_IN_A_MONTH
    }

    /// How long after the last week the line meets `limit`; none where it does not, or only after years.
    pub fn meets(&self, limit: u64) -> Option<Duration> {
        let left = limit as f64 - self.level;
        if left <= 0.0 {
            return Some(Duration::ZERO);
        }
        let weeks = left / self.slope;
        (self.grows && weeks <= FAR).then(|| Duration::from_secs_f64(weeks * 7.0 * 86_400.0))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => 0.0,
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

/// In weeks: with fewer, the line is a guess.
const LEAST: usize = 4;

/// In weeks: two years. Nobody plans by a line that is longer.
const FAR: f64 = 2.0 * 365.25 / 7.0;

const WEEKS_IN_A_MONTH: f64 = 365.25 / 12.0 / 7.0;
