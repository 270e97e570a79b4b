//! What `/metrics` costs with ten thousand links: rendered once per state, then served from memory.

use std::{fmt::Write as _, hint::black_box, sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use chrono_tz::Tz;
use mailbox_exporter::{
    check::{self, Check, Watched},
    domain::{
        clock::Timestamp,
        link::{
            Account, Address, Client, Direction, Google, Grant, ImapServer, Link, LinkId, Security,
            SmtpServer,
        },
        outcome::{Outcome, Phase, Readings, Storage, Verdict},
        secret::Secret,
    },
    engine::state::{Buckets, CheckState, LinkState, MailboxState, Snapshot},
    metrics::{Build, Coding, Exposition, Privacy, Standing},
};

#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/table.rs"]
mod table;

fn main() -> Result<()> {
    if !std::env::args().any(|word| word == "--bench") {
        return Ok(());
    }
    let snapshot = Arc::new(fleet()?);
    let page = Page::of(&snapshot);
    let mut costs = vec![Vec::new(); CASES.len()];
    // The first turn warms up; it does not count.
    for turn in 0..=TURNS {
        let exposition = Exposition::default();
        for ((_, case), costs) in CASES.iter().zip(&mut costs) {
            let before = cpu::spent();
            black_box(case(&exposition, &snapshot, &page));
            if turn > 0 {
                costs.push(cpu::spent() - before);
            }
        }
    }
    let costs: Vec<_> = costs.into_iter().map(cpu::median).collect();
    let base = costs[0];
    let series = u32::try_from(page.series)?;
    let mut rows =
        vec![["CPU of one", "median", "a series", "format!", "target"].map(String::from)];
    for ((name, _), cost) in CASES.iter().zip(costs) {
        let target = if name.starts_with("first") { "≤ 1 µs a series" } else { "" };
        let each = format!("{:.3} µs", cost.as_secs_f64() * 1e6 / f64::from(series));
        let ratio = format!("{:.2} ×", cost.as_secs_f64() / base.as_secs_f64());
        rows.push([*name, &cpu::micros(cost), &each, &ratio, target].map(String::from));
    }
    let bytes = page.text.len();
    let each = bytes / page.series;
    let title = format!(
        "scrape: {LINKS} links, {series} series, {bytes} bytes ({each} a series), {} zipped",
        page.zipped
    );
    table::print(&title, &rows);
    Ok(())
}

const LINKS: usize = 10_000;

const TURNS: usize = 9;

type Case = fn(&Exposition, &Arc<Snapshot>, &Page) -> usize;

/// In this order in every turn: the first scrape of a state leaves what the next one is served from.
const CASES: [(&str, Case); 6] = [
    ("format!: a name, three labels, a value", |_, _, page| formatted(page.series).len()),
    ("copy of the page", |_, _, page| black_box(page.text.clone()).len()),
    ("first scrape", |exposition, snapshot, _| scrape(exposition, snapshot, Coding::Identity)),
    ("next scrape", |exposition, snapshot, _| scrape(exposition, snapshot, Coding::Identity)),
    ("first scrape, gzip", |exposition, snapshot, _| scrape(exposition, snapshot, Coding::Gzip)),
    ("next scrape, gzip", |exposition, snapshot, _| scrape(exposition, snapshot, Coding::Gzip)),
];

/// The page as a scraper gets it.
struct Page {
    text: Vec<u8>,
    series: usize,
    zipped: usize,
}

impl Page {
    fn of(snapshot: &Arc<Snapshot>) -> Self {
        let page = |coding| {
            let state = || snapshot.clone();
            Exposition::default().page(state, &standing(), &Privacy::default(), coding)
        };
        let (head, tail) = page(Coding::Identity);
        let text = [head, tail].concat();
        let series = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"#");
        let series = text.split(|byte| *byte == b'\n').filter(series).count();
        let (head, tail) = page(Coding::Gzip);
        Self { text, series, zipped: head.len() + tail.len() }
    }
}

fn scrape(exposition: &Exposition, snapshot: &Arc<Snapshot>, coding: Coding) -> usize {
    let state = || snapshot.clone();
    let (head, tail) = exposition.page(state, &standing(), &Privacy::default(), coding);
    head.len() + tail.len()
}

/// What nobody can do without who writes as many series.
fn formatted(series: usize) -> String {
    let mut page = String::new();
    for number in 0..series {
        let (link, mailbox) = ("mailbox-1234@example.com", "mailbox-1234@example.com");
        let value = 1_795_359_000.123 + number as f64;
        let _ = writeln!(
            page,
            "mailbox_check_last_run_timestamp_seconds{{link=\"{link}\",mailbox=\"{mailbox}\",check=\"smtp\"}} {value}",
        );
    }
    page
}

fn standing() -> Standing {
    Standing {
        build: Build { version: "0", revision: "", rust: "0" },
        reload_successful: true,
        reload_success: Some(NOW),
        deliveries: Arc::default(),
    }
}

/// 2026-11-22T14:50:00Z.
const NOW: Timestamp = Timestamp::from_secs(1_795_359_000);

/// Ten thousand links in good health, as they are after a day.
fn fleet() -> Result<Snapshot> {
    let client = Arc::new(Client {
        name: "odoo".into(),
        id: "1234-abc.apps.googleusercontent.com".to_owned(),
        secret: Secret::new("GOCSPX-client-secret"),
        publishing_status: None,
        redirect_uris: Vec::new(),
    });
    let url: url::Url = "https://google.example/".parse()?;
    let google = Arc::new(Google {
        token_url: url.clone(),
        tokeninfo_url: url.clone(),
        authorization_url: url.clone(),
        gmail_api_url: url.clone(),
        revoke_url: url,
    });
    let smtp =
        SmtpServer { host: "smtp.gmail.com".to_owned(), port: 587, security: Security::Starttls };
    let smtp = Arc::new(smtp);
    let imap = Arc::new(ImapServer { host: "imap.gmail.com".to_owned(), port: 993 });
    let settings = Arc::new(check::Config::default().settle(Tz::UTC));
    let mut snapshot = Snapshot::default();
    for number in 0..LINKS {
        let address = format!("mailbox-{number}@example.com");
        let id = LinkId::parse(&address).map_err(|mistake| anyhow!(mistake))?;
        let mailbox = Address::parse(&address).map_err(|mistake| anyhow!(mistake))?;
        let link = Link {
            id: id.clone(),
            mailbox: mailbox.clone(),
            source: "file".into(),
            direction: Direction::Both,
            account: Account::Workspace,
            client: client.clone(),
            grant: Grant::RefreshToken(Secret::new("1//refresh-token")),
            linked_at: None,
            google: google.clone(),
            smtp: smtp.clone(),
            imap: imap.clone(),
        };
        let watched = Watched { link: Arc::new(link), settings: settings.clone() };
        let checks = watched.checks().map(|check| (check, passing(check, number))).collect();
        let state = LinkState {
            watched,
            generation: Default::default(),
            checks,
            course: Default::default(),
            tokens: Default::default(),
            trips: Default::default(),
        };
        snapshot.links.insert(id, Arc::new(state));
        let readings = Readings {
            unseen_messages: Some(number as u64 % 50),
            oldest_unseen: Some(NOW - Duration::from_secs(number as u64)),
            storage: Some(Storage { used: 3_221_225_472 + number as u64, limit: 16_106_127_360 }),
            ..Readings::default()
        };
        let mailbox_state = MailboxState { readings, ..MailboxState::default() };
        snapshot.mailboxes.insert(mailbox, Arc::new(mailbox_state));
    }
    let phases = Phase::ALL.iter().map(|phase| ((Check::Imap, *phase), Buckets::default()));
    snapshot.phases = phases.collect();
    Ok(snapshot)
}

fn passing(check: Check, number: usize) -> CheckState {
    let millis = Duration::from_millis(number as u64 * 89 % 900_000);
    let at = NOW - millis;
    let readings = Readings {
        access_token_expires: (check == Check::Token).then(|| at + Duration::from_secs(3599)),
        ..Readings::default()
    };
    let last =
        Outcome { took: millis / 1000, ..Outcome::without_probe(Verdict::Pass(readings), at) };
    CheckState {
        last: Some(Arc::new(last)),
        last_success: Some(at),
        since: Some(NOW - Duration::from_secs(86_400)),
        next_run: Some(at + Duration::from_secs(900)),
        runs: 96,
        ..CheckState::default()
    }
}
