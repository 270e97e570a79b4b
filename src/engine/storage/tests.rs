//! What comes back, and what becomes of a file that cannot be used.

use std::fs;

use super::*;
use crate::{
    check::{Watched, tests::watched},
    domain::{
        link::{Grant, Link},
        outcome::{Certificate, Failure, Notice, Outcome, Phase, Readings, Told, Verdict},
        reason::Reason,
        secret::Secret,
    },
    source::Links,
};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_795_359_000 + secs)
}

fn clock() -> Clock {
    Clock::starting(at(100))
}

fn links(watched: &[Watched]) -> Links {
    Links { watched: watched.to_vec(), ..Links::default() }
}

fn with_token(watched: &Watched, token: &str) -> Watched {
    let grant = Grant::RefreshToken(Secret::new(token));
    let link = Link { grant, ..Link::clone(&watched.link) };
    Watched { link: Arc::new(link), settings: watched.settings.clone() }
}

fn outcome(secs: i64, verdict: Verdict) -> Arc<Outcome> {
    Arc::new(Outcome {
        took: Duration::from_nanos(123_456_789),
        phases: [(Phase::Dns, Duration::from_millis(3)), (Phase::Tls, Duration::from_millis(9))]
            .into(),
        certificate: Some(Certificate { endpoint: "imap.gmail.com:993".into(), expires: at(9999) }),
        transcript: ["C: hello".to_owned(), "S: no".to_owned()].into(),
        notices: vec![Told { notice: Notice::Alert, words: "look out".to_owned() }],
        ..Outcome::without_probe(verdict, at(secs))
    })
}

/// A link whose token died after it had worked, and whose inbox was read.
fn lived(storage: &mut Storage, watched: &Watched) -> (State, Schedule) {
    let (mut state, mut schedule) = (State::default(), Schedule::default());
    state.apply(&links(std::slice::from_ref(watched)), storage, at(0));
    schedule.plan(watched, at(0));
    let id = &watched.link.id;
    let generation = state.link(id).unwrap().generation;
    let readings = Readings {
        unseen_messages: Some(7),
        access_token_expires: Some(at(3600)),
        refresh_token_expires: Some(at(86_400)),
        ..Readings::default()
    };
    let refused = Failure {
        phase: Some(Phase::Refresh),
        ..Failure::own(Reason::GrantRevokedOrExpired, "400 invalid_grant: it is over")
    };
    let skip = Verdict::Skip { because: Reason::GrantRevokedOrExpired };
    let outcomes = [
        (Check::Token, outcome(1, Verdict::Pass(readings.clone()))),
        (Check::Imap, outcome(2, Verdict::Pass(readings))),
        (Check::Capacity, outcome(2, Verdict::Pass(Readings::default()))),
        (Check::Identity, outcome(3, Verdict::Pass(Readings::default()))),
        (Check::Token, outcome(50, Verdict::Fail(refused.clone()))),
        (Check::Token, outcome(60, Verdict::Fail(refused))),
        (Check::Smtp, outcome(61, skip)),
    ];
    for (check, outcome) in &outcomes {
        state.record(id, generation, *check, outcome);
        schedule.take(id, outcome.at);
        let failed = outcome.failure().map(|failure| failure.reason);
        schedule.ran(id, [(*check, failed)], outcome.at);
        state.plan(id, schedule.planned(id));
    }
    storage.note(id);
    (state, schedule)
}

/// All that is known of the link, whoever put its evidence into words. Notices are counted already, and only the last
/// dialogue is kept.
fn known(state: &State, watched: &Watched) -> String {
    let link = state.link(&watched.link.id).unwrap();
    let mut checks = link.checks.clone();
    for (kind, _) in link.checks.iter() {
        let check = checks.of(kind);
        let told = |outcome: &Arc<Outcome>| {
            Arc::new(Outcome { notices: Vec::new(), ..Outcome::clone(outcome) })
        };
        check.last = check.last.as_ref().map(told);
        for past in &mut check.history {
            *past = Arc::new(Outcome { transcript: [].into(), ..Outcome::clone(&told(past)) });
        }
    }
    let known = (&checks, &link.tokens, state.mailbox(&watched.link.mailbox));
    format!("{known:#?}").replace("Error(", "Kept(")
}

#[tokio::test]
async fn everything_that_is_known_of_a_link_comes_back_and_its_plan_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let watched = watched("a@example.com");
    let mut storage = Storage::open(home.path(), clock());
    let (before, planned) = lived(&mut storage, &watched);
    let expected = known(&before, &watched);
    storage.close(&before, &planned).await;

    let mut storage = Storage::open(home.path(), clock());
    assert_eq!(storage.up(), Some(true));
    let (mut state, mut schedule) = (State::default(), Schedule::default());
    let changed = state.apply(&links(std::slice::from_ref(&watched)), &mut storage, at(100));
    let id = &watched.link.id;
    schedule.resume(&watched, &changed[0].left, at(100), at(100));
    state.plan(id, schedule.planned(id));
    assert_eq!(known(&state, &watched), expected);
    assert_eq!(schedule.streaks(id), BTreeMap::from([(Check::Token, 1)]));
    assert!(schedule.due(at(101), |_| true).is_none(), "nothing is asked at once");
    let shown = state.snapshot();
    assert_eq!(shown.certificates.get("imap.gmail.com:993"), Some(&at(9999)));
}

#[tokio::test]
async fn a_link_that_was_changed_meanwhile_is_probed_at_once_and_keeps_its_past() {
    let home = tempfile::tempdir().unwrap();
    let old = watched("a@example.com");
    let mut storage = Storage::open(home.path(), clock());
    let (before, planned) = lived(&mut storage, &old);
    storage.close(&before, &planned).await;

    let new = with_token(&old, "1//another-token");
    let mut storage = Storage::open(home.path(), clock());
    let (mut state, mut schedule) = (State::default(), Schedule::default());
    let changed = state.apply(&links(std::slice::from_ref(&new)), &mut storage, at(100));
    schedule.resume(&new, &changed[0].left, at(100), at(100));
    assert!(schedule.due(at(100), |_| true).is_some());
    let link = state.link(&new.link.id).unwrap();
    assert_eq!(link.checks.get(Check::Token).unwrap().runs, 3);
    assert_eq!(link.tokens.present().unwrap().first_seen, at(100));
}

#[tokio::test]
async fn no_token_is_in_the_file() {
    let home = tempfile::tempdir().unwrap();
    let watched = watched("a@example.com");
    let mut storage = Storage::open(home.path(), clock());
    let (state, schedule) = lived(&mut storage, &watched);
    storage.close(&state, &schedule).await;
    for entry in fs::read_dir(home.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("it is over"));
        for secret in ["1//refresh-token", "client-secret"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_a_new_one_begun() {
    let home = tempfile::tempdir().unwrap();
    fs::write(file::path(home.path()), "no database ".repeat(100)).unwrap();
    let watched = watched("a@example.com");
    let mut storage = Storage::open(home.path(), clock());
    assert_eq!(storage.up(), Some(true));
    let (state, schedule) = lived(&mut storage, &watched);
    storage.close(&state, &schedule).await;
    let names = fs::read_dir(home.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains(".damaged-20261122T")).count(), 1);
    assert_eq!(Storage::open(home.path(), clock()).links.len(), 1);
}

#[test]
fn a_place_that_cannot_be_written_is_said_and_stops_nobody() {
    let home = tempfile::tempdir().unwrap();
    let taken = home.path().join("file");
    fs::write(&taken, "").unwrap();
    let places = [taken.as_path(), &taken.join("below"), Path::new("/proc/nowhere")];
    for place in places {
        let mut storage = Storage::open(place, clock());
        assert_eq!(storage.up(), Some(false), "{}", place.display());
        let watched = watched("a@example.com");
        let (state, schedule) = lived(&mut storage, &watched);
        storage.write(&state, &schedule, at(100));
        assert!(known(&state, &watched).contains("it is over"));
    }
    assert_eq!(Storage::in_memory().up(), None);
}

#[tokio::test]
async fn a_full_disk_is_told_and_so_is_its_end() {
    let home = tempfile::tempdir().unwrap();
    let mut memory = Storage::in_memory();
    let watched = watched("a@example.com");
    let (state, schedule) = lived(&mut memory, &watched);
    let full = || Batch {
        links: (0..50)
            .map(|number| {
                let id = LinkId::parse(&format!("link-{number}")).unwrap();
                let state = state.link(&watched.link.id).unwrap();
                (id, state.clone(), schedule.streaks(&watched.link.id))
            })
            .collect(),
        ..Batch::default()
    };
    let up = AtomicBool::new(true);
    let write = |file: File, batches: Vec<Batch>| {
        let (sender, received) = sync_channel(batches.len());
        batches.into_iter().for_each(|batch| sender.send(batch).unwrap());
        drop(sender);
        write_all(&received, home.path(), Some(file), &memory.key, clock(), &up);
        up.load(Ordering::Relaxed)
    };
    let open = || File::open(home.path(), &memory.key).unwrap();
    let (file, _) = open();
    file.fill();
    assert!(!write(file, vec![full()]));
    let (file, kept) = open();
    assert!(kept.links.is_empty(), "all or nothing");
    assert!(write(file, vec![full()]));
    assert_eq!(open().1.links.len(), 50);
}

#[tokio::test]
async fn a_link_that_goes_and_comes_is_remembered_for_ninety_days() {
    let watched = watched("a@example.com");
    for (away, runs) in [(89, 3), (91, 0)] {
        let mut storage = Storage::in_memory();
        let (mut state, schedule) = lived(&mut storage, &watched);
        state.apply(&links(&[]), &mut storage, at(100));
        storage.written = clock::instant() - EVERY;
        storage.renewed = Some(at(0));
        let back = at(100 + away * 86_400);
        storage.write(&state, &schedule, back);
        state.apply(&links(std::slice::from_ref(&watched)), &mut storage, back);
        let token = state.link(&watched.link.id).unwrap().checks.get(Check::Token);
        assert_eq!(token.map_or(0, |token| token.runs), runs, "{away}");
    }
}

/// One token's week: seen first, refreshed until its end, refused after it. Gives the reasons of the round that finds it
/// dead.
fn week(state: &mut State, storage: &mut Storage, watched: &Watched, from: i64) -> [Reason; 2] {
    let id = &watched.link.id;
    let day = 86_400;
    state.apply(&links(std::slice::from_ref(watched)), storage, at(from));
    let generation = state.link(id).unwrap().generation;
    let good = outcome(from + 7 * day - 900, Verdict::Pass(Readings::default()));
    state.record(id, generation, Check::Token, &good);
    let refused = Failure::own(Reason::GrantRevokedOrExpired, "400 invalid_grant");
    let because = Reason::GrantRevokedOrExpired;
    let after = at(from + 7 * day + 900);
    let mut round = [
        (Check::Token, Outcome::without_probe(Verdict::Fail(refused), after)),
        (Check::Imap, Outcome::without_probe(Verdict::Skip { because }, after)),
    ];
    state.explain(id, generation, &mut round);
    round.map(|(check, outcome)| {
        let outcome = Arc::new(outcome);
        state.record(id, generation, check, &outcome);
        match outcome.verdict {
            Verdict::Fail(Failure { reason, .. }) | Verdict::Skip { because: reason } => reason,
            Verdict::Pass(_) => panic!("it is dead"),
        }
    })
}

#[tokio::test]
async fn a_second_death_after_a_week_is_explained_even_if_a_restart_lay_between() {
    let home = tempfile::tempdir().unwrap();
    let first = watched("a@example.com");
    let mut storage = Storage::open(home.path(), clock());
    let mut state = State::default();
    let reasons = week(&mut state, &mut storage, &first, 0);
    assert_eq!(reasons, [Reason::GrantRevokedOrExpired; 2]);
    storage.close(&state, &Schedule::default()).await;

    let mut storage = Storage::open(home.path(), clock());
    let second = with_token(&first, "1//another-token");
    let reasons = week(&mut State::default(), &mut storage, &second, 8 * 86_400);
    assert_eq!(reasons, [Reason::GrantExpiredTesting; 2]);
}
