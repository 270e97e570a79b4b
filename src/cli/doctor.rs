//! `mailbox_exporter doctor`: walks the whole way, from the configuration to whoever would raise an alert, and says for
//! every stretch of it what was seen and what to do. What comes first is what a person mends first.
//!
//! Invariant: nothing is sent and nothing is changed, and one trouble is one line: what hangs on it is skipped because of it.

mod alerting;
mod clients;
mod configuration;
mod links;
mod network;
mod odoo;
mod report;
mod said;
mod step;
mod time;
mod walk;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::ValueEnum;
use tokio_util::sync::CancellationToken;

use self::{
    alerting::Asked,
    network::Roads,
    report::{Failed, Report},
    step::{Step, Verdict},
    walk::Walk,
};
use super::{DoctorArgs, USAGE, check::INTERRUPTED, progress};
use crate::{
    app, config,
    domain::clock::Clock,
    wire::{Wire, dial::Dialer, https::Https},
};

/// How to say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    Json,
    Text,
}

/// Exit code 0 where nothing has to be mended, 1 where something has, 64 for usage and configuration.
pub async fn run(file: &Path, args: DoctorArgs) -> ExitCode {
    let stop = CancellationToken::new();
    let report = match args.report.as_deref().map(Report::open).transpose() {
        Ok(report) => report,
        Err(error) => return usage(&error),
    };
    let walked = {
        let walking = walk(file, &args, &stop);
        tokio::pin!(walking);
        tokio::select! {
            walked = &mut walking => walked,
            // Sessions say good-bye first; whoever presses again has seen enough.
            _ = tokio::signal::ctrl_c() => {
                stop.cancel();
                tokio::select! {
                    _ = walking => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                return ExitCode::from(INTERRUPTED);
            }
        }
    };
    let (walk, seen) = match walked {
        Ok(walked) => walked,
        Err(error) => return usage(&error),
    };
    let said = match args.format {
        Format::Json => said::json(&seen.steps),
        Format::Text => said::text(&seen.steps),
    };
    // A reader that has seen enough may have closed the pipe.
    let _ = io::stdout().write_all(said.as_bytes());
    if let Some(report) = report
        && let Err(error) = report.write(&seen, walk.as_ref(), args.anonymous)
    {
        let _ = writeln!(io::stderr(), "the report could not be written: {error}");
        return ExitCode::FAILURE;
    }
    match walk {
        None => ExitCode::from(USAGE),
        Some(_) => ExitCode::from(u8::from(!said::is_well(&seen.steps))),
    }
}

fn usage(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "{error:#}");
    ExitCode::from(USAGE)
}

/// Everything that was seen.
#[derive(Debug, Default)]
struct Seen {
    steps: Vec<Step>,
    failed: Vec<Failed>,
}

/// Goes as far as the configuration allows; without a walk it is wrong.
///
/// # Errors
/// Where a link or a client is named that is not.
async fn walk(
    file: &Path,
    args: &DoctorArgs,
    stop: &CancellationToken,
) -> anyhow::Result<(Option<Walk>, Seen)> {
    let loaded = match config::load(file) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            let mut steps = configuration::mistakes(&mistakes);
            steps.extend(without_configuration(args, stop).await);
            return Ok((None, Seen { steps, failed: Vec::new() }));
        }
    };
    let wire = match app::wire(&loaded) {
        Ok(wire) => wire,
        Err(error) => {
            let steps = vec![configuration::unusable(file, &error)];
            return Ok((None, Seen { steps, failed: Vec::new() }));
        }
    };
    let mut loaded = loaded;
    let bar = progress::bar(0, TEMPLATE);
    bar.set_message("sources");
    bar.tick();
    let links = loaded.sources.read_once(&wire).await;
    let walk = Walk::new(file, args, (loaded, wire, links), stop.clone(), bar)?;
    let seen = look(&walk, args).await;
    walk.bar.finish_and_clear();
    Ok((Some(walk), seen))
}

/// Looks at everything, in the order in which one thing hangs on another, and tells it in the order of mending.
async fn look(walk: &Walk, args: &DoctorArgs) -> Seen {
    walk.bar.set_message("network");
    let (roads, exporter) = tokio::join!(
        Roads::walk(walk),
        alerting::ask(&walk.wire, &args.exporter, walk.stop.clone()),
    );
    walk.bar.set_message("links");
    walk.bar.set_position(0);
    walk.bar.set_length(walk.chosen.len() as u64);
    let (visits, asked) = tokio::join!(links::visit(walk, &roads), clients::ask(walk, &roads));
    let time = time::step(&roads);
    let clock = matches!(time.verdict, Verdict::Wrong(_)).then_some(time::SUBJECT);
    let parts = [
        configuration::steps(walk),
        roads.steps(clock),
        vec![time.clone()],
        clients::steps(walk, &roads, &visits, &asked),
        links::steps(&visits, walk, clock),
        odoo::steps(walk),
        alerting::steps(&args.exporter, &exporter),
    ];
    let mut steps = parts.concat();
    // Within an area, what has to be mended stands first.
    steps.sort_by_key(|step| (step.area, !matches!(step.verdict, Verdict::Wrong(_))));
    Seen { steps, failed: report::failed(&roads, &visits) }
}

/// Where there is no configuration, there is still the exporter that runs.
async fn without_configuration(args: &DoctorArgs, stop: &CancellationToken) -> Vec<Step> {
    let Ok(dialer) = Dialer::new(None) else { return Vec::new() };
    let https = Https::new(&dialer).into();
    let wire = Wire { dialer, https, clock: Clock::System };
    let asked: Asked = alerting::ask(&wire, &args.exporter, stop.clone()).await;
    alerting::steps(&args.exporter, &asked)
}

const TEMPLATE: &str = "{spinner} {msg}: {pos} of {len} ({elapsed})";
