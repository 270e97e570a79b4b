//! IMAP sessions that are kept at a real server: they last, end in all the ways in which it ends them, are had again, and
//! are given back.

use crate::support::{Dovecot, MAIL, Watch, Watched, Witness, World, holds_in_time};

const SETTINGS: &str = include_str!("dovecot/sessions.conf");

const KEPT: &str = "session: {enabled: true}\n  capacity: {enabled: false}";

const SINCE: &str = "mailbox_imap_session_started_timestamp_seconds";

#[test]
fn a_session_lasts_while_the_server_says_that_it_is_still_there() {
    let Some(world) = World::shared() else { return };
    let dovecot = &world.another("lasting", SETTINGS, "UTC");
    let Keeping { user, mut exporter } = Keeping::new(world, dovecot, KEPT);
    let since = exporter.value(SINCE);
    let token = &world.oauth.access_token(&user, MAIL);
    Witness { world, user: &user, token }.idle(dovecot, 3);
    assert_eq!(exporter.value(SINCE), since);
    assert_eq!(ends(&exporter), [0.0; 4]);
    let said = |words: &str| dovecot.log(&user).iter().filter(|it| it.contains(words)).count();
    // Its own and the witness's.
    assert!(holds_in_time(|| said("Disconnected: Logged out ") == 1), "{:?}", dovecot.log(&user));
    assert_eq!(said("imap-login: Info: Login: "), 2, "{:?}", dovecot.log(&user));

    exporter.stop();
    assert!(holds_in_time(|| said("Disconnected: ") == 2), "{:?}", dovecot.log(&user));
    assert_eq!(said("Disconnected: Logged out "), 2, "{:?}", dovecot.log(&user));
}

#[test]
fn sessions_are_counted_by_what_ended_them_and_had_again() {
    let Some(world) = World::shared() else { return };
    let dovecot = world.another("ending", SETTINGS, "UTC");
    let Keeping { user, exporter } = Keeping::new(world, &dovecot, KEPT);
    let ended = |how| format!("mailbox_imap_sessions_total{{ended=\"{how}\"}}");

    dovecot.doveadm(&["kick", &user]);
    exporter.until(&ended("bye"), 1.0);
    exporter.until_holds(SINCE, |since| since.is_some());

    // Its process dies, and nobody says anything.
    let who = dovecot.doveadm(&["who", "-1", &user]);
    let process = who.lines().last().and_then(|line| line.split_whitespace().nth(2));
    let process = process.unwrap_or_else(|| panic!("no session: {who}"));
    let killed = std::process::Command::new("kill").args(["-KILL", process]).status();
    assert!(killed.is_ok_and(|killed| killed.success()), "{who}");
    exporter.until(&ended("dropped"), 1.0);
    exporter.until_holds(SINCE, |since| since.is_some());
    assert_eq!(ends(&exporter), [1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn a_server_that_is_started_again_is_sat_at_again() {
    let Some(world) = World::shared() else { return };
    let mut dovecot = world.another("restarted", SETTINGS, "UTC");
    let Keeping { exporter, .. } = Keeping::new(world, &dovecot, KEPT);
    dovecot.restart();
    // Whether it says good-bye then depends on which of its processes is the first to go.
    let over = || ends(&exporter).iter().sum::<f64>() == 1.0;
    assert!(holds_in_time(over), "{:?}", ends(&exporter));
    exporter.until_holds(SINCE, |since| since.is_some());
    let [_, closed, _, expired] = ends(&exporter);
    assert_eq!((closed, expired), (0.0, 0.0));
}

#[test]
fn there_is_room_for_as_many_as_the_server_allows() {
    let Some(world) = World::shared() else { return };
    let dovecot = &world.another("full", SETTINGS, "UTC");
    let checks = &KEPT.replace("true", "true, spare_sessions: 5");
    let Keeping { user, exporter } = Keeping::new(world, dovecot, checks);
    exporter.until("mailbox_imap_spare_sessions", 2.0);
    assert_eq!(exporter.value("mailbox_imap_spare_sessions_asked"), Some(5.0));
    assert_eq!(exporter.value("mailbox_check_success{check=\"session\"}"), Some(1.0));
    let notice = "mailbox_imap_notices_total{notice=\"too_many_connections\"}";
    assert_eq!(exporter.value(notice), Some(1.0));
    let left = || dovecot.log(&user).iter().filter(|it| it.contains("Logged out ")).count();
    assert!(holds_in_time(|| left() == 2), "{:#?}", dovecot.log(&user));
}

#[test]
fn a_session_that_there_is_no_room_for_is_a_failure_of_the_check() {
    let Some(world) = World::shared() else { return };
    let dovecot = &world.another("crowded", SETTINGS, "UTC");
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    let held = Witness { world, user, token }.hold_at(dovecot, 3);
    let exporter = Watch { world, address: user, imap: dovecot.imap(), checks: KEPT }.serve();
    let failing = "mailbox_failing{check=\"session\",reason=\"imap_too_many_connections\",class=\"throttled\"}";
    exporter.until(failing, 1.0);
    assert_eq!(exporter.value(SINCE), None);
    drop(held);
}

/// An exporter that keeps a session.
struct Keeping {
    user: String,
    exporter: Watched,
}

impl Keeping {
    fn new(world: &World, dovecot: &Dovecot, checks: &str) -> Self {
        let user = world.mailbox();
        let exporter = Watch { world, address: &user, imap: dovecot.imap(), checks }.serve();
        exporter.until_holds(SINCE, |since| since.is_some());
        Self { user, exporter }
    }
}

fn ends(exporter: &Watched) -> [f64; 4] {
    ["bye", "closed", "dropped", "expired"].map(|how| {
        let series = format!("mailbox_imap_sessions_total{{ended=\"{how}\"}}");
        exporter.value(&series).unwrap_or_default()
    })
}
