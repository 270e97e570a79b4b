//! What the exporter itself costs with thousands of links: its binary as it is run, against gmail-sim in another process.
//!
//! `cargo bench --bench fleet -- 10000 300` takes ten thousand links, and measures for five minutes.

use std::{thread::sleep, time::Duration};

use anyhow::Result;
use mailbox_exporter::domain::clock::{self, Clock, Timestamp};

#[path = "support/exporter.rs"]
mod exporter;
#[path = "support/lag.rs"]
mod lag;
#[path = "support/simulator.rs"]
mod simulator;
#[path = "support/table.rs"]
mod table;

use exporter::{Exporter, Page, Usage};
use lag::Lag;
use simulator::{Role, Simulator};

fn main() -> Result<()> {
    match simulator::role()? {
        (Role::Simulator { links, home }, _) => simulator::play(links, &home),
        (Role::Idle, _) => Ok(()),
        (Role::Bench, words) => {
            let number =
                |place: usize, default| words.get(place).map_or(Ok(default), |word| word.parse());
            let (links, seconds) = (number(0, LINKS)?, number(1, SECONDS)?);
            let seen = watch(links, Duration::from_secs(u64::from(seconds)))?;
            table::print(
                &format!("fleet: {links} links, token, smtp and imap every 5 minutes"),
                &rows(&seen),
            );
            Ok(())
        }
    }
}

const LINKS: u32 = 2000;
const SECONDS: u32 = 90;

/// What was seen of a fleet while it was measured.
struct Seen {
    links: u32,
    took: Duration,
    at_start: Usage,
    before: Usage,
    after: Usage,
    rounds: f64,
    lag: Lag,
    /// Sign-ins in every ten seconds.
    sign_ins: Vec<u32>,
    last: Page,
}

fn watch(links: u32, measured: Duration) -> Result<Seen> {
    let mut simulator = Simulator::start(links as usize)?;
    let exporter = Exporter::start(&simulator.config(SCHEDULES)?)?;
    let at_start = exporter.usage()?;
    let first_rounds = (EACH * links).min(LONGEST_WINDOW) + REST;
    eprintln!("{links} links: {first_rounds:?} for their first rounds, then {measured:?}");
    sleep(first_rounds);
    let mut lag = Lag::default();
    let first = exporter.scrape()?;
    lag.look(&first);
    let (before, began, at) = (exporter.usage()?, clock::instant(), Clock::System.now());
    let last = loop {
        sleep(SCRAPES.min(measured.saturating_sub(began.elapsed())));
        let page = exporter.scrape()?;
        lag.look(&page);
        if began.elapsed() >= measured {
            break page;
        }
    };
    let (after, took) = (exporter.usage()?, began.elapsed());
    let rounds = last.sum(RUNS, TOKEN) - first.sum(RUNS, TOKEN);
    let clock = Clock::System.now().since(at);
    if clock.abs_diff(took) > Duration::from_secs(1) {
        eprintln!("the clock went {clock:?} in {took:?}: lateness and spread say little");
    }
    let sign_ins = per_ten_seconds(&simulator.sign_ins()?, at, took);
    eprintln!("sign-ins in every ten seconds: {sign_ins:?}");
    Ok(Seen { links, took, at_start, before, after, rounds, lag, sign_ins, last })
}

const SCHEDULES: &str = "checks:\n  token: {schedule: \"*/5 * * * *\"}\n  smtp: {schedule: \"*/5 * * * *\"}\n  \
                         imap: {schedule: \"*/5 * * * *\"}\n  identity: {enabled: false}\n";

/// As the engine spreads first rounds.
const EACH: Duration = Duration::from_millis(20);
const LONGEST_WINDOW: Duration = Duration::from_secs(2 * 60);

/// For a minute after its first round a link is left alone; only then do rounds come evenly.
const REST: Duration = Duration::from_secs(65);

/// As Prometheus does it by default, and gzipped.
const SCRAPES: Duration = Duration::from_secs(15);

const RUNS: &str = "mailbox_checks_total";
const TOKEN: &str = "check=\"token\"";

fn per_ten_seconds(sign_ins: &[Timestamp], from: Timestamp, took: Duration) -> Vec<u32> {
    let mut counts = vec![0; (took.as_secs() / 10) as usize];
    for at in sign_ins.iter().filter(|at| **at >= from) {
        if let Some(count) = counts.get_mut((at.since(from).as_secs() / 10) as usize) {
            *count += 1;
        }
    }
    counts
}

fn rows(seen: &Seen) -> Vec<[String; 3]> {
    let Seen { lag, before, after, sign_ins, last, .. } = seen;
    let links = f64::from(seen.links);
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let share = cpu / seen.took.as_secs_f64() * 100.0;
    let late = |share| format!("{:.3} s", lag.quantile(share).as_secs_f64());
    let allowed = mebibytes(RESIDENT + u64::from(seen.links) * RESIDENT_PER_LINK);
    let each = after.resident.saturating_sub(RESIDENT) as f64 / links / 1024.0;
    let (least, most) = (sign_ins.iter().min(), sign_ins.iter().max());
    let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
    let mean = f64::from(sign_ins.iter().sum::<u32>()) / sign_ins.len() as f64;
    let total = |metric| last.sum(metric, "").to_string();
    let failing = last.series("mailbox_failing").count().to_string();
    let rounds = lag.rounds();
    let row = |what: &str, measured: String, target: &str| [what.into(), measured, target.into()];
    vec![
        row("", "measured".into(), "target"),
        row("CPU of a round, scrapes and all", format!("{:.0} µs", cpu * 1e6 / seen.rounds), ""),
        row("share of one core", format!("{share:.2} %"), ""),
        row("the same for 10,000 links", format!("{:.2} %", share * 1e4 / links), "< 25 %"),
        row("resident when it listens", mebibytes(seen.at_start.resident), ""),
        row("resident after the first rounds", mebibytes(before.resident), ""),
        row("resident at the end", mebibytes(after.resident), &format!("≤ {allowed}")),
        row("  per link beyond 30 MiB", format!("{each:.2} KiB"), "≤ 4 KiB"),
        row("resident at the most", mebibytes(after.peak), ""),
        row(&format!("lateness of {rounds} rounds, median"), late(0.5), ""),
        row("  99th percentile", late(0.99), "≤ 2 s"),
        row("  latest", late(1.0), ""),
        row("sign-ins in 10 s, least", least.to_string(), ""),
        row("  mean, and what chance leaves", format!("{mean:.0} ± {:.0}", mean.sqrt()), ""),
        row("  most", most.to_string(), ""),
        row("runs dropped", total("mailbox_exporter_runs_dropped_total"), "0"),
        row("checks that fail", failing, "0"),
        row("panics", total("mailbox_exporter_panics_total"), "0"),
    ]
}

const RESIDENT: u64 = 30 << 20;
const RESIDENT_PER_LINK: u64 = 4 << 10;

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
