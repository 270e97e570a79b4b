//! The life of a link whose app is in Testing, by the clocks of Google and of the exporter, which are moved together:
//! what is told at each step, over restarts and kill -9.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{ADDRESS, Google, LIBRARY, Wall, Watching, are_there, holds_in_time, value};

#[test]
fn a_link_of_an_app_that_is_said_to_be_in_testing() {
    let Some(mut life) = Life::begin() else { return };
    life.google.client = ", publishing_status: testing";
    life.serve();
    life.works();
    life.ends("testing_mode");

    life.on(3 * DAY);
    life.works();
    life.stays_over(stopped);
    life.on(5 * DAY);
    life.stays_over(Watching::kill);
    life.on(7 * DAY - 4 * HOUR);
    life.works();
    life.ends("testing_mode");

    // The first death already is known for what it is.
    life.on(7 * DAY + MINUTES);
    life.is_dead("grant_expired_testing", TESTING_STEP, 1);
    life.stays_over(Watching::kill);

    life.linked_again(1);
    life.ends("testing_mode");
    life.on(7 * DAY - 4 * HOUR);
    life.works();
    life.on(7 * DAY + MINUTES);
    life.is_dead("grant_expired_testing", TESTING_STEP, 2);

    // It was issued in Testing, and publishing does not bring it back to life.
    life.google.set_client(|client| client.testing = false);
    life.google.client = ", publishing_status: production";
    stopped(life.exporter.take().unwrap());
    life.serve();
    life.is_dead("grant_expired_testing", TESTING_STEP, 2);
    life.linked_again(2);
    life.lives_on();
}

#[test]
fn a_link_of_an_app_of_which_nobody_said_that_it_is_in_testing() {
    let Some(mut life) = Life::begin() else { return };
    life.google.set_client(|client| client.tells_end = true);
    life.serve();
    life.works();
    life.ends("reported");

    life.on(3 * DAY);
    life.works();
    life.stays_over(Watching::kill);
    life.on(7 * DAY - 4 * HOUR);
    life.ends("reported");

    // One death may have any cause; what the next step is if it happens again is said.
    life.on(7 * DAY + MINUTES);
    life.is_dead("grant_revoked_or_expired", ANY_STEP, 1);
    life.stays_over(stopped);

    // Two in a row at seven days have one.
    life.linked_again(1);
    life.on(7 * DAY - 4 * HOUR);
    life.works();
    life.on(7 * DAY + MINUTES);
    life.is_dead("grant_expired_testing", TESTING_STEP, 1);

    life.google.set_client(|client| client.testing = false);
    life.linked_again(2);
    life.lives_on();
}

struct Life {
    // They go in this order.
    exporter: Option<Watching>,
    wall: Wall,
    google: Google,
    /// When the owner last linked the mailbox.
    linked: SystemTime,
}

impl Life {
    /// It is about half past twelve, hours from the next scheduled checks, and the owner has just linked.
    fn begin() -> Option<Self> {
        if !are_there(&[(LIBRARY, "libfaketime")]) {
            return None;
        }
        let google = Google::start();
        google.set_client(|client| client.testing = true);
        let wall = Wall::new(&google.folder);
        let linked = google.world.now();
        let mut life = Self { exporter: None, google, wall, linked };
        let today = seconds(life.linked) as u64 % DAY;
        life.advance(Duration::from_secs(DAY + DAY / 2 + HOUR / 2 - today));
        life.link();
        Some(life)
    }

    fn advance(&mut self, by: Duration) {
        self.google.world.advance(by);
        self.wall.advance(by);
    }

    fn link(&mut self) {
        self.linked = self.google.world.now();
        self.google.link();
    }

    fn serve(&mut self) {
        self.exporter = Some(self.google.serve(&self.wall.command()));
    }

    fn exporter(&self) -> &Watching {
        self.exporter.as_ref().expect("it was started")
    }

    /// Moves both clocks to so many seconds after the mailbox was linked, and waits for the checks that are due by then.
    fn on(&mut self, after: u64) {
        let then = self.linked + Duration::from_secs(after);
        let by = then.duration_since(self.google.world.now()).expect("time moves on");
        self.advance(Duration::from_secs(by.as_secs()));
        let now = seconds(self.google.world.now()).floor();
        let run = series("mailbox_check_last_run_timestamp_seconds", "check=\"token\"");
        let ran = |page: &str| value(page, &run).is_some_and(|at| at >= now);
        self.exporter().until("the token check ran", ran);
        // All are due together, so they are one round; it is over when each has run or was skipped.
        self.exporter().until("no round runs", |page| {
            page.contains("mailbox_exporter_probes_in_flight 0\n") && ran(page)
        });
    }

    fn works(&self) {
        let exporter = self.exporter();
        exporter.until_says("mailbox_link_up 1");
        let said = exporter.samples();
        for check in ["token", "smtp", "imap", "identity"] {
            let passed = format!("mailbox_check_success{{check=\"{check}\"}} 1");
            assert!(said.contains(&passed), "{passed}: {said:#?}");
        }
        assert!(!said.iter().any(|line| line.starts_with("mailbox_failing")), "{said:#?}");
        let seen = self.value("mailbox_refresh_token_first_seen_timestamp_seconds", "");
        let late = seen - seconds(self.linked);
        assert!(late.abs() < SOON, "first seen {late} s after it was made");
    }

    /// The end of the link is told: seven days after it was seen first, or as Google said.
    fn ends(&self, basis: &str) {
        let label = format!("basis=\"{basis}\"");
        let at = self.value("mailbox_refresh_token_expiry_timestamp_seconds", &label);
        let whole = self.value("mailbox_refresh_token_lifetime_seconds", &label);
        let seen = self.value("mailbox_refresh_token_first_seen_timestamp_seconds", "");
        let week = (7 * DAY) as f64;
        match basis {
            "testing_mode" => assert_eq!((whole, (at - seen).round()), (week, week)),
            _ => {
                let ends = seconds(self.linked) + week;
                assert!((at - ends).abs() < SOON && week - whole < SOON, "{at} {ends} {whole}");
            }
        }
        let others = ["testing_mode", "reported"].into_iter().filter(|other| *other != basis);
        for other in others {
            let said = self.exporter().samples();
            assert!(!said.iter().any(|line| line.contains(other)), "{other}: {said:#?}");
        }
    }

    /// The grant is dead: why, who has to act, the next step, and that this was seen so many times.
    fn is_dead(&self, reason: &str, step: &str, times: u32) {
        let exporter = self.exporter();
        let labels = format!("check=\"token\",reason=\"{reason}\"");
        exporter.until_says(&format!("mailbox_failing{{{labels},class=\"relink\"}} 1"));
        exporter.until_says("mailbox_link_up 0");
        let said = exporter.samples();
        let one_of = |start: &str| said.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!(one_of("mailbox_failing{"), 1, "one root cause is one series: {said:#?}");
        assert_eq!(one_of("mailbox_check_success"), 1, "the others are skipped: {said:#?}");
        assert_eq!(one_of("mailbox_refresh_token_expiry"), 0, "it is over: {said:#?}");
        let counted = format!("mailbox_check_failures_total{{{labels}}} {times}");
        assert!(said.contains(&counted), "{counted}: {said:#?}");
        let page = exporter.get(&format!("/links/{ADDRESS}"));
        assert!(
            page.contains(step) && page.contains("Token has been expired or revoked"),
            "{page}"
        );
    }

    /// The owner links once more: it heals, and that is counted.
    fn linked_again(&mut self, times: u32) {
        self.link();
        self.works();
        for to in ["broke", "healed", "token_changed"] {
            let counted = format!("mailbox_link_transitions_total{{to=\"{to}\"}} {times}");
            self.exporter().until_says(&counted);
        }
    }

    /// The app is published, so the seventh day is one like any other.
    fn lives_on(&mut self) {
        self.on(8 * DAY);
        self.works();
        let said = self.exporter().samples();
        let end = |line: &&String| line.starts_with("mailbox_refresh_token_expiry");
        let ends: Vec<_> = said.iter().filter(end).collect();
        assert!(ends.len() == 1 && ends[0].contains("idle"), "{ends:?}");
    }

    /// The exporter ends and starts again: it says what it said before, and asks nobody.
    fn stays_over(&mut self, end: impl FnOnce(Watching)) {
        let before = self.known();
        self.written();
        self.google.world.forget_asked();
        end(self.exporter.take().expect("it was started"));
        self.serve();
        self.exporter().until("the link is known", |page| value(page, "mailbox_link_up").is_some());
        assert_same(&self.known(), &before);
        let asked = self.google.world.asked().into_iter().map(|asked| asked.what);
        let asked: Vec<_> = asked.filter(|what| !what.starts_with("ended: ")).collect();
        assert_eq!(asked, Vec::<String>::new());
    }

    /// What is known of the link, without what an exporter counts of itself and the access token, which it forgets.
    fn known(&self) -> Vec<String> {
        let own = ["mailbox_exporter", "mailbox_check_phase", "mailbox_access_token"];
        let mut known = self.exporter().samples();
        let of_link = |line: &str| !own.iter().any(|own| line.starts_with(own));
        known.retain(|line| line.starts_with("mailbox_") && of_link(line));
        known
    }

    /// Waits until the storage knows of the last run of the token check.
    fn written(&self) {
        let runs = self.value("mailbox_checks_total", "check=\"token\"");
        let words = format!("\"runs\":{runs},");
        let written = holds_in_time(|| {
            let files = fs::read_dir(self.google.storage()).expect("a folder of ours");
            let read = |file: Result<fs::DirEntry, _>| fs::read(file?.path());
            let bytes: Vec<_> = files.flat_map(read).flatten().collect();
            bytes.windows(words.len()).any(|window| window == words.as_bytes())
        });
        assert!(written, "{words} was not written");
    }

    fn value(&self, metric: &str, labels: &str) -> f64 {
        let series = series(metric, labels);
        let value = self.exporter().value(&series);
        value.unwrap_or_else(|| panic!("no {series}: {:#?}", self.exporter().samples()))
    }
}

fn assert_same(now: &[String], before: &[String]) {
    let of = |these: &[String], others: &[String]| -> Vec<_> {
        these.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    let (news, lost) = (of(now, before), of(before, now));
    assert!(news.is_empty() && lost.is_empty(), "{news:#?} instead of {lost:#?}");
}

/// SIGTERM.
fn stopped(exporter: Watching) {
    exporter.stop();
}

fn series(metric: &str, labels: &str) -> String {
    if labels.is_empty() { metric.to_owned() } else { format!("{metric}{{{labels}}}") }
}

fn seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).expect("long past").as_secs_f64()
}

const MINUTES: u64 = 5 * 60;
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// Seconds within which the exporter finds a token that was written, with room to spare.
const SOON: f64 = 600.0;

const TESTING_STEP: &str = "Publish the app at";
const ANY_STEP: &str = "If it dies again after 7 days, the app is in Testing: publish it at";
