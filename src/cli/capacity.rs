//! `mailbox_exporter capacity`: what each mailbox sent, out of its folder of sent mail, how near that is to Google's limits,
//! and where it leads.
//!
//! Invariant: nothing is changed in a mailbox, and at most one session is open at it.

mod bar;
mod json;
mod kept;
mod openmetrics;
mod reader;
mod row;
mod seen;
mod sheet;
mod since;
mod table;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use clap::ValueEnum;
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use self::{bar::Bar, kept::Kept, reader::Reader, row::Row};
use super::{
    CapacityArgs, USAGE,
    check::{INTERRUPTED, Prepared, prepare},
};
use crate::{
    check::Watched,
    domain::{clock::Timestamp, link::Address, sending::DAY},
};

pub use since::Since;

/// How to say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// A line a mailbox and thing that is counted.
    Csv,
    /// All that is known, the days too.
    Json,
    /// Every hour of the history, for Prometheus.
    Openmetrics,
    /// For people, what is worst first.
    Table,
}

/// `250MB`, `1GiB`.
///
/// # Errors
/// A sentence that says what would be right.
pub fn bytes(written: &str) -> Result<u64, String> {
    match written.parse::<bytesize::ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64()),
        _ => Err("write it as 250MB".to_owned()),
    }
}

/// Exit code 0 where all was read, 1 where something is missing, 64 for usage and configuration.
pub async fn run(file: &Path, args: CapacityArgs) -> ExitCode {
    let (prepared, kept, out) = match ready(file, &args).await {
        Ok(ready) => ready,
        Err(mistake) => {
            let _ = writeln!(io::stderr(), "{mistake:#}");
            return ExitCode::from(USAGE);
        }
    };
    let now = prepared.wire.clock.now();
    let since = args.since.start(now, prepared.zone);
    if since >= now {
        let words = format!("--since {} is not in the past; {}", args.since, since::RIGHT);
        let _ = writeln!(io::stderr(), "{words}");
        return ExitCode::from(USAGE);
    }
    let stop = CancellationToken::new();
    let rows = {
        let reading = read_all(&prepared, &args, &kept, since, &stop);
        tokio::pin!(reading);
        tokio::select! {
            rows = &mut reading => rows,
            // Sessions say good-bye first; whoever presses again has seen enough.
            _ = tokio::signal::ctrl_c() => {
                stop.cancel();
                tokio::select! {
                    rows = reading => rows,
                    _ = tokio::signal::ctrl_c() => Vec::new(),
                }
            }
        }
    };
    let saved = kept.save();
    if let Err(error) = &saved {
        let _ = writeln!(io::stderr(), "{error:#}");
    }
    if stop.is_cancelled() {
        if let Some(path) = args.resume.as_deref().filter(|_| saved.is_ok()) {
            let path = path.display();
            let _ = writeln!(io::stderr(), "{path} has what was read; --resume goes on from there");
        }
        return ExitCode::from(INTERRUPTED);
    }
    let whole = tell_troubles(&rows, args.format);
    if let Err(error) = say(&rows, args.format, out) {
        let _ = writeln!(io::stderr(), "the output could not be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::from(!whole || saved.is_err()))
}

/// What is needed, and can be written, before a long time is spent on reading.
async fn ready(
    file: &Path,
    args: &CapacityArgs,
) -> anyhow::Result<(Prepared, Kept, Option<fs::File>)> {
    let prepared = prepare(file, &args.links).await?;
    let kept = Kept::open(args.resume.as_deref())?;
    let create = |path: &Path| {
        fs::File::create(path)
            .with_context(|| format!("--output {}: it cannot be written", path.display()))
    };
    let out = args.output.as_deref().map(create).transpose()?;
    Ok((prepared, kept, out))
}

async fn read_all(
    prepared: &Prepared,
    args: &CapacityArgs,
    kept: &Kept,
    since: Timestamp,
    stop: &CancellationToken,
) -> Vec<Row> {
    let mut mailboxes: BTreeMap<&Address, Vec<&Watched>> = BTreeMap::new();
    for watched in &prepared.chosen {
        mailboxes.entry(&watched.link.mailbox).or_default().push(watched);
    }
    // The first rolling day ends where the first day begins.
    let wanted = seen::whole(since - DAY..prepared.wire.clock.now());
    let bar = Bar::new(mailboxes.len(), &wanted);
    let reader =
        Reader { wire: &prepared.wire, stop, kept, bar: &bar, wanted, budget: args.max_bytes };
    let mut ids: Vec<_> = prepared.all.iter().map(|watched| &watched.link).collect();
    ids.sort_by(|one, other| one.id.cmp(&other.id));
    let labels = prepared.privacy.labels_of(ids.iter().map(|link| (&link.mailbox, &link.id)));
    let rows = stream::iter(&mailboxes).map(|(mailbox, links)| {
        let (reader, labels) = (&reader, &labels);
        async move {
            let ended = reader.read(mailbox, links).await;
            let label = labels.of_mailbox(mailbox).to_owned();
            Row::new(links, label, ended, kept, since, prepared.zone)
        }
    });
    let mut rows: Vec<Row> = rows.buffer_unordered(AT_ONCE).collect().await;
    rows.sort_by(|one, other| {
        one.rank().total_cmp(&other.rank()).reverse().then_with(|| one.mailbox.cmp(&other.mailbox))
    });
    rows
}

/// Whether there is no trouble. Where the format has no place for one, it is told apart.
fn tell_troubles(rows: &[Row], format: Format) -> bool {
    for row in rows {
        if let (Some(trouble), true) = (&row.trouble, format != Format::Table) {
            let _ = writeln!(io::stderr(), "{}: {trouble}", row.mailbox);
        }
    }
    rows.iter().all(|row| row.trouble.is_none())
}

fn say(rows: &[Row], format: Format, file: Option<fs::File>) -> io::Result<()> {
    let to_file = file.is_some();
    let out: Box<dyn Write> = match file {
        Some(file) => Box::new(file),
        None => Box::new(io::stdout().lock()),
    };
    let mut out = io::BufWriter::new(out);
    let said = match format {
        Format::Csv => sheet::write(rows, &mut out),
        Format::Json => json::write(rows, &mut out),
        Format::Openmetrics => openmetrics::write(rows, &mut out),
        Format::Table => table::write(rows, &mut out),
    };
    match said.and_then(|()| out.flush()) {
        // A reader that has seen enough may have closed the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !to_file => Ok(()),
        said => said,
    }
}

/// Mailboxes that are read at once.
const AT_ONCE: usize = 4;
