//! `mailbox_exporter check`: probes now, tells every phase as it ends, and says at the end what is the case.

mod send;
mod sent;

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use chrono_tz::Tz;
use clap::ValueEnum;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::send::Trial;
use super::{CheckArgs, USAGE};
use crate::{
    app,
    check::{Check, Watched},
    config,
    domain::{
        life::Basis,
        link::Link,
        outcome::{Outcome, Verdict},
        reason::{Class, Reason},
    },
    engine::{
        counts::passing_count,
        report::{OfLink, OfRoundTrip, OfSent, Report, ends},
        round::{Progress, Round},
    },
    metrics::Privacy,
    source::odoo::Seen,
    wire::{Wire, dialogue::Step},
};

/// How to say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    Json,
    /// One line and an exit code as monitoring plugins have them: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    Nagios,
    Text,
}

/// What was found of one link.
struct Ended {
    watched: Watched,
    outcomes: Vec<(Check, Arc<Outcome>)>,
    round_trip: Option<OfRoundTrip>,
    sent: Option<OfSent>,
}

/// Exit code 0 where everything passes, 1 where something fails, 64 for usage and configuration.
pub async fn run(file: &Path, args: CheckArgs) -> ExitCode {
    let wrong = match args.format {
        Format::Nagios => ExitCode::from(NAGIOS_UNKNOWN),
        Format::Json | Format::Text => ExitCode::from(USAGE),
    };
    let prepared = match understood(&args) {
        Ok(()) => prepare(file, &args.links).await,
        Err(mistake) => Err(mistake),
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(mistake) => {
            let _ = writeln!(io::stderr(), "{mistake}");
            return wrong;
        }
    };
    let stop = CancellationToken::new();
    let probing = probe_all(&prepared, &args, &stop);
    tokio::pin!(probing);
    let ended = tokio::select! {
        ended = &mut probing => ended,
        // Sessions say good-bye first, and what was sent is removed; whoever presses again has seen enough.
        _ = tokio::signal::ctrl_c() => {
            stop.cancel();
            tokio::select! {
                _ = probing => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return ExitCode::from(INTERRUPTED);
        }
    };
    let said = match args.format {
        Format::Text => summary(&prepared, &ended),
        Format::Json => json(&prepared, &ended),
        Format::Nagios => nagios(&ended),
    };
    // A reader that has seen enough may have closed the pipe.
    let _ = io::stdout().write_all(said.as_bytes());
    match args.format {
        Format::Nagios => ExitCode::from(nagios_code(&ended)),
        Format::Json | Format::Text => ExitCode::from(u8::from(failures(&ended).next().is_some())),
    }
}

/// What really sends is asked for in so many words.
fn understood(args: &CheckArgs) -> anyhow::Result<()> {
    let named = args.only.contains(&Check::RoundTrip);
    anyhow::ensure!(
        args.send || !named,
        "round_trip really sends a message, so it is run with --send only"
    );
    anyhow::ensure!(
        !args.send || named || args.only.is_empty(),
        "--send runs round_trip, which --only leaves out"
    );
    Ok(())
}

/// The links that were named, or all, and what they are probed with.
pub(super) async fn prepare(file: &Path, ids: &[String]) -> anyhow::Result<Prepared> {
    let mut loaded = config::load(file)?;
    let wire = app::wire(&loaded)?;
    let links = loaded.sources.read_once(&wire).await;
    for (source, state) in &links.sources {
        if let Err(trouble) = state {
            let _ = writeln!(io::stderr(), "{source}: {trouble}");
        }
    }
    let chosen = choose(&links.watched, ids)?;
    anyhow::ensure!(!chosen.is_empty(), "{}: there is no link to check", file.display());
    let (privacy, zone) = (loaded.privacy, loaded.sources.defaults().time_zone);
    Ok(Prepared { chosen, all: links.watched, odoos: links.odoos, wire, privacy, zone })
}

/// The links of these ids; all of them where none is given.
///
/// # Errors
/// Which ids there are, where one is none.
pub(super) fn choose(watched: &[Watched], ids: &[String]) -> anyhow::Result<Vec<Watched>> {
    let named = |id: &String| {
        watched.iter().find(|watched| watched.link.id.as_str() == id).cloned().ok_or_else(|| {
            let ids: Vec<_> = watched.iter().map(|w| w.link.id.as_str()).take(20).collect();
            anyhow::anyhow!("there is no link {id:?}; there are: {}", ids.join(", "))
        })
    };
    match ids.is_empty() {
        true => Ok(watched.to_vec()),
        false => ids.iter().map(named).collect(),
    }
}

/// What is to be probed, and with what.
pub(super) struct Prepared {
    pub(super) chosen: Vec<Watched>,
    /// With those that nobody asked about: a letter may go to one of them.
    pub(super) all: Vec<Watched>,
    /// Every Odoo as it was seen just now.
    odoos: BTreeMap<Arc<str>, Arc<Seen>>,
    pub(super) wire: Wire,
    pub(super) privacy: Privacy,
    pub(super) zone: Tz,
}

impl Prepared {
    /// Where a person links it again.
    fn form(&self, link: &Link) -> Option<Url> {
        self.odoos.get(&link.source)?.form(&link.id)
    }
}

async fn probe_all(prepared: &Prepared, args: &CheckArgs, stop: &CancellationToken) -> Vec<Ended> {
    // Told as it happens, one link stands under the other; and two that send might meet in one mailbox.
    let at_once = if args.format == Format::Text || args.send { 1 } else { AT_ONCE };
    stream::iter(&prepared.chosen)
        .map(|watched| probe(watched, prepared, args, stop))
        .buffered(at_once)
        .collect()
        .await
}

async fn probe(
    watched: &Watched,
    prepared: &Prepared,
    args: &CheckArgs,
    stop: &CancellationToken,
) -> Ended {
    let asked = |check: &Check| args.only.is_empty() || args.only.contains(check);
    let (due, sends): (Vec<_>, Vec<_>) =
        watched.checks().filter(asked).partition(|check| check.is_harmless());
    let (progress, told) = mpsc::unbounded_channel();
    let mut round = Round {
        progress: (args.format == Format::Text).then_some(progress),
        count: due.contains(&Check::Capacity).then(passing_count),
        ..Round::new(watched.clone(), prepared.wire.clone(), stop.clone())
    };
    let telling = async {
        if args.format == Format::Text {
            say(&format!("{}\n", watched.link.id));
            tell(told).await;
        }
    };
    let probing = async move {
        let mut ended = match due.is_empty() {
            true => Vec::new(),
            false => round.run(&due).await,
        };
        let mut trial = Trial::default();
        if args.send && !sends.is_empty() {
            trial = send::run(&mut round, &prepared.all, &ended).await;
        }
        for (check, outcome) in std::mem::take(&mut trial.outcomes) {
            // What sending found out about the token is newer.
            ended.retain(|(known, _)| *known != check);
            ended.push((check, outcome));
        }
        let counted = ended.iter().any(|(check, outcome)| {
            *check == Check::Capacity && matches!(outcome.verdict, Verdict::Pass(_))
        });
        let count = round.count.filter(|_| counted);
        let sent = count.map(|count| sent::told(&count, watched, round.wire.clock.now()));
        (ended, trial, sent)
    };
    let ((ended, trial, sent), ()) = tokio::join!(probing, telling);
    if args.format == Format::Text {
        let counted = sent.as_ref().and_then(sent::line);
        say(&counted.map(|line| format!("  {:<8} {line}\n", "")).unwrap_or_default());
        say(&trial.lines.iter().map(|line| format!("  {:<10} {line}\n", "")).collect::<String>());
    }
    Ended {
        watched: watched.clone(),
        outcomes: ended.into_iter().map(|(check, outcome)| (check, Arc::new(outcome))).collect(),
        round_trip: trial.told,
        sent,
    }
}

/// Says what happens while it happens.
async fn tell(mut told: mpsc::UnboundedReceiver<Progress>) {
    let mut open = false;
    while let Some(progress) = told.recv().await {
        match progress {
            Progress::Began(check) => {
                say(&start(check));
                open = true;
            }
            Progress::Did(Step::Passed(phase, took)) => {
                say(&format!("{phase} {} · ", rounded(took)))
            }
            Progress::Did(Step::Again) => say("once more: "),
            Progress::Ended(check, outcome) => {
                let start = if open { String::new() } else { start(check) };
                open = false;
                let verdict = match (check, &outcome.verdict) {
                    // Whether it arrives is another matter.
                    (Check::RoundTrip, Verdict::Pass(_)) => "sent".to_owned(),
                    _ => verdict(&outcome),
                };
                say(&format!("{start}{verdict}\n"));
            }
        }
    }
}

fn start(check: Check) -> String {
    format!("  {:<8} ", check.name())
}

fn say(words: &str) {
    let mut out = io::stdout();
    // A reader that has seen enough may have closed the pipe.
    let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
}

fn rounded(took: Duration) -> String {
    match took.as_millis() {
        0 => "<1ms".to_owned(),
        millis @ 1..1000 => format!("{millis}ms"),
        _ => format!("{:.1}s", took.as_secs_f64()),
    }
}

fn verdict(outcome: &Outcome) -> String {
    match &outcome.verdict {
        Verdict::Pass(_) => "pass".to_owned(),
        Verdict::Skip { because } => format!("skipped: {because}"),
        Verdict::Fail(failure) => format!("FAIL: {}", failure.reason),
    }
}

/// What is the case, and for each reason the next step.
fn summary(prepared: &Prepared, ended: &[Ended]) -> String {
    let mut said = String::from("\n");
    for Ended { watched, outcomes, round_trip, .. } in ended {
        let failed: Vec<_> = outcomes
            .iter()
            .filter_map(|(check, outcome)| outcome.failure().map(|failure| (check, failure)))
            .collect();
        if failed.is_empty() {
            said += &format!("{} works.\n", watched.link.id);
            // Want of use is far away: this was one.
            for end in ends(watched, outcomes).iter().filter(|end| end.basis != Basis::Idle) {
                let words = end.basis.meaning();
                said += &format!("  Refresh token ends: {}, {words}\n", end.at);
            }
        }
        let identity = outcomes.iter().find_map(|(_, outcome)| outcome.identity.as_deref());
        if let Some(remark) = identity.and_then(|it| it.remark(&watched.link.mailbox)) {
            said += &format!("  To know:   {remark}\n");
        }
        let refused = round_trip.as_ref().and_then(|trip| trip.remark);
        let left = round_trip.iter().flat_map(|trip| &trip.left);
        let left = left.map(|why| format!("A test message was not removed {why}"));
        for remark in refused.map(str::to_owned).into_iter().chain(left) {
            said += &format!("  To know:   {remark}\n");
        }
        for (check, failure) in failed {
            let reason = failure.reason;
            let place = failure.phase.map(|phase| format!(", at {phase}")).unwrap_or_default();
            said += &format!("{} FAILS ({check}{place}): {reason}\n", watched.link.id);
            said += &format!("  What:      {}\n", reason.meaning());
            if let Some(evidence) = &failure.evidence {
                said += &format!("  Evidence:  {evidence}\n");
            }
            said += &format!("  Who acts:  {} (class {})\n", reason.class().who(), reason.class());
            said += &format!("  Next step: {}\n", reason.next_step());
            if let Some(form) = prepared.form(&watched.link)
                && reason.class() == Class::Relink
            {
                said += &format!("  Its form:  {form}\n");
            }
        }
    }
    said
}

fn json(prepared: &Prepared, ended: &[Ended]) -> String {
    let links = ended
        .iter()
        .map(|Ended { watched, outcomes, round_trip, sent }| {
            let (link, round_trip, sent) = (&watched.link, round_trip.clone(), sent.clone());
            let form = prepared.form(link);
            let probed = OfLink::of_probe(watched, outcomes, link.mailbox.as_str(), form);
            OfLink { round_trip, sent, ..probed }
        })
        .collect();
    let report = serde_json::to_string_pretty(&Report { links });
    report.expect("a report has string keys only") + "\n"
}

/// https://www.monitoring-plugins.org/doc/guidelines.html
fn nagios(ended: &[Ended]) -> String {
    let state = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][usize::from(nagios_code(ended))];
    let broken =
        ended.iter().filter(|ended| ended.outcomes.iter().any(|(_, o)| o.failure().is_some()));
    let mut said = match failures(ended).next() {
        None => format!("MAILBOX {state} - {} of {} links work", ended.len(), ended.len()),
        Some((watched, check, reason)) => format!(
            "MAILBOX {state} - {} ({check}): {reason}: {} Next step: {}",
            watched.link.id,
            reason.meaning(),
            reason.next_step()
        ),
    }
    .replace('|', "/");
    said += &format!(" | links={};;;0 broken={};;;0\n", ended.len(), broken.count());
    for (watched, check, reason) in failures(ended).skip(1) {
        said += &format!("{} ({check}): {reason}\n", watched.link.id);
    }
    said
}

/// What passes by itself warns; what somebody must act on is critical.
fn nagios_code(ended: &[Ended]) -> u8 {
    let severity = |(_, _, reason): (&Watched, Check, Reason)| match reason.class() {
        Class::Google | Class::Network | Class::Throttled => NAGIOS_WARNING,
        _ => NAGIOS_CRITICAL,
    };
    failures(ended).map(severity).max().unwrap_or(0)
}

fn failures(ended: &[Ended]) -> impl Iterator<Item = (&Watched, Check, Reason)> {
    ended.iter().flat_map(|Ended { watched, outcomes, .. }| {
        outcomes.iter().filter_map(move |(check, outcome)| {
            outcome.failure().map(|failure| (watched, *check, failure.reason))
        })
    })
}

/// Links probed at once where nobody watches.
const AT_ONCE: usize = 16;

const NAGIOS_WARNING: u8 = 1;
const NAGIOS_CRITICAL: u8 = 2;
const NAGIOS_UNKNOWN: u8 = 3;

/// As a shell reports a program that SIGINT ended.
pub(super) const INTERRUPTED: u8 = 130;
