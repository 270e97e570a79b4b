//! From a fault to whoever is told, through everything that we ship: the exporter finds it, a real Prometheus holds our
//! rules against what it finds, a real Alertmanager tells the receivers of our routes. One alert a cause, who acts, what
//! to do next, and the end of it.

mod cases;
mod fleet;
mod prometheus;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use gmail_sim::{Fault, Service};

use crate::support::{are_there, get};

use cases::{CASES, Case, OUTAGE, REVOKED};
use fleet::{Fleet, address};
use prometheus::{Prometheus, Sample};
use told::Alertmanager;

#[test]
fn every_class_alerts_whoever_acts_with_the_next_step_until_it_is_mended() {
    let Some(mut all) = Together::start(LINKS) else { return };
    all.prometheus.evaluates();
    assert_eq!(all.prometheus.firing(), NOTHING, "all is well");

    all.prometheus.unseen(|| {
        CASES.iter().for_each(|case| (case.breaks)(&mut all.fleet, case.link));
        all.fleet.probe(&asked(&all.fleet, |_| true));
    });
    // What may pass by itself is no alert yet, though the rules have seen it fail.
    let passing: Vec<_> = CASES.iter().filter(|case| case.runs == 2).collect();
    all.prometheus.until("link:mailbox_failing_runs:sum", |failing| {
        let once =
            |link: &str| failing.iter().any(|it| it.label("link") == link && it.value == 1.0);
        failing.len() == CASES.len() && passing.iter().all(|case| once(case.link))
    });
    all.prometheus.evaluates();
    assert_eq!(all.prometheus.firing(), names(|case| case.runs == 1));

    all.fleet.probe(&asked(&all.fleet, |case| case.runs == 2));
    all.alertmanager.until_fire(&names(|_| true));
    for case in CASES {
        // The page that the alert leads to tells the same.
        let page = get(all.fleet.port, &format!("/links/{}", case.link)).expect("a page");
        assert!(page.contains(case.reason), "{page}");
    }

    CASES.iter().for_each(|case| (case.mends)(&mut all.fleet, case.link));
    all.fleet.reload();
    all.fleet.probe(&asked(&all.fleet, |_| true));
    all.fleet.all().into_iter().for_each(|link| all.fleet.until_works(link));
    all.alertmanager.until_fire(&[]);
    all.told_exactly(CASES);
}

#[test]
fn an_outage_of_googles_is_one_alert_and_silences_what_follows() {
    let Some(mut all) = Together::start(LINKS) else { return };
    // Google's token endpoint is down, and a mailbox sees too many sign-ins all the while.
    let outage = || Fault::say("token.status_503").expect("a line of that name");
    let crowd =
        || Fault::say("smtp.login_rate").expect("a line of that name").of(&address("throttled"));
    let run = |all: &Together| {
        all.prometheus.unseen(|| {
            let check = |link| (link, if link == "throttled" { "smtp" } else { "token" });
            all.fleet.probe(&Vec::from_iter(all.fleet.all().into_iter().map(check)));
        });
    };
    all.fleet.world.fault(outage()).unwrap();
    all.fleet.world.fault(crowd()).unwrap();
    run(&all);
    all.prometheus.until("job:mailbox_links_failing:count{class=\"google\"}", |failing| {
        failing.first().is_some_and(|failing| failing.value == (LINKS.len() - 1) as f64)
    });
    all.prometheus.evaluates();
    assert_eq!(all.prometheus.firing(), NOTHING, "the first run may be the only one");
    run(&all);
    all.alertmanager.until_fire(&["GmailFailing"]);
    all.prometheus.evaluates();
    assert_eq!(all.prometheus.firing(), ["GmailFailing", "MailboxThrottled"]);
    all.fleet.world.clear_faults(Service::Token);
    all.fleet.world.clear_faults(Service::Smtp);
    run(&all);
    all.prometheus.until("ALERTS{alertstate=\"firing\"}", <[_]>::is_empty);
    all.alertmanager.until_fire(&[]);
    all.told_exactly(&[OUTAGE]);
}

#[test]
fn all_links_of_a_client_that_break_at_once_are_one_alert_even_when_they_are_mended_one_by_one() {
    let Some(mut all) = Together::start(LINKS) else { return };
    let links = ["shop-1", "shop-2", "shop-3"];
    all.prometheus.unseen(|| {
        links.iter().for_each(|link| all.fleet.world.revoke_all(&address(link)));
        all.fleet.probe(&links.map(|link| (link, "token")));
    });
    all.alertmanager.until_fire(&["OauthClientLinksBroken"]);
    assert_eq!(all.prometheus.firing(), ["MailboxNeedsRelink", "OauthClientLinksBroken"]);
    // Their owners link them again, one after the other.
    for link in links {
        all.fleet.link(link);
        all.fleet.reload();
        all.fleet.until_works(link);
        all.prometheus.evaluates();
    }
    all.prometheus.until("ALERTS{alertstate=\"firing\"}", <[_]>::is_empty);
    all.alertmanager.until_fire(&[]);
    all.told_exactly(&[REVOKED]);
}

#[test]
fn a_restart_of_either_is_no_news_of_a_link() {
    let Some(mut all) = Together::start(&[("relink", "odoo"), ("well", "odoo")]) else { return };
    let relink = &CASES[0];
    (relink.breaks)(&mut all.fleet, relink.link);
    all.fleet.probe(&[(relink.link, relink.check)]);
    all.alertmanager.until_fire(&[relink.alert]);
    all.fleet.until_written();

    let is = |value: f64| move |up: &[Sample]| up.iter().any(|up| up.value == value);
    all.prometheus.restart();
    all.prometheus.until(UP, is(1.0));
    all.prometheus.evaluates();
    assert_eq!(all.prometheus.firing(), [relink.alert]);

    all.fleet.kill();
    all.prometheus.until(UP, is(0.0));
    all.prometheus.evaluates();
    all.prometheus.until("mailbox_failing", <[_]>::is_empty);
    assert_eq!(all.prometheus.firing(), [relink.alert], "but it keeps firing");
    all.fleet.serve();
    all.prometheus.until("mailbox_failing", |failing| failing.len() == 1);
    all.prometheus.evaluates();
    assert_eq!(all.prometheus.firing(), [relink.alert]);

    (relink.mends)(&mut all.fleet, relink.link);
    all.fleet.reload();
    all.fleet.until_works(relink.link);
    all.alertmanager.until_fire(&[]);
    // Once it fired, and once it ended.
    all.told_exactly(&CASES[..1]);
}

struct Together {
    // They go in this order.
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    fleet: Fleet,
}

impl Together {
    /// Everything works.
    fn start(links: &[(&str, &'static str)]) -> Option<Self> {
        if !are_there(NEEDED) {
            return None;
        }
        let fleet = Fleet::start(links);
        let alertmanager = Alertmanager::start();
        let prometheus = Prometheus::start(fleet.port, alertmanager.port);
        prometheus.until("job:mailbox_links_up:count", |up| {
            up.first().is_some_and(|up| up.value == links.len() as f64)
        });
        Some(Self { prometheus, alertmanager, fleet })
    }

    /// Each of these fired, was told to whoever acts, and ended; once, and nothing else did.
    fn told_exactly(&mut self, cases: &[Case]) {
        let told = self.alertmanager.take();
        for told in &told {
            let text = told.whole.to_string();
            let secret = self.fleet.secrets().iter().find(|secret| text.contains(*secret));
            assert!(secret.is_none() && !text.contains("ya29."), "a secret: {text}");
        }
        let expected: BTreeSet<_> = cases.iter().map(|case| case.labels(&self.fleet)).collect();
        let alerts: BTreeSet<_> = told.iter().map(|told| told.labels.clone()).collect();
        assert_eq!(alerts, expected);
        for case in cases {
            let labels = case.labels(&self.fleet);
            let mut heard = BTreeMap::<_, Vec<_>>::new();
            for told in told.iter().filter(|told| told.labels == labels) {
                heard.entry(told.to.as_str()).or_default().push(told.fires);
                if told.fires {
                    case.reads_well(&told.annotations, &self.fleet);
                }
            }
            let all = case.told.iter().map(|who| (*who, vec![true, false])).collect();
            assert_eq!(heard, all, "{}", case.alert);
        }
    }
}

/// The links of some cases, and the checks that meet them.
fn asked(fleet: &Fleet, which: impl Fn(&Case) -> bool) -> Vec<(&str, &'static str)> {
    let of_case = |case: &'static Case| {
        // A client's fault is met by whichever of its links asks first.
        let links = match case.class {
            "client" => fleet.of_client(fleet.client_of(case.link)),
            _ => vec![case.link],
        };
        links.into_iter().map(|link| (link, case.check))
    };
    CASES.iter().filter(|case| which(case)).flat_map(of_case).collect()
}

/// Sorted names of alerts.
fn names(which: impl Fn(&Case) -> bool) -> Vec<&'static str> {
    let mut names: Vec<_> =
        CASES.iter().filter(|case| which(case)).map(|case| case.alert).collect();
    names.sort_unstable();
    names
}

const NOTHING: [&str; 0] = [];

const UP: &str = "up{job=\"mailbox_exporter\"}";

/// A mailbox for every class, three of one client, and two that nothing is wrong with.
const LINKS: &[(&str, &str)] = &[
    ("relink", "odoo"),
    ("account", "odoo"),
    ("policy", "odoo"),
    ("throttled", "odoo"),
    ("quota", "odoo"),
    ("delivery", "odoo"),
    ("network", "odoo"),
    ("google", "odoo"),
    ("unknown", "odoo"),
    ("well", "odoo"),
    ("well-too", "odoo"),
    ("shop-1", "shop"),
    ("shop-2", "shop"),
    ("shop-3", "shop"),
];

const NEEDED: &[(&str, &str)] =
    &[("prometheus", "Prometheus"), ("prometheus-alertmanager", "Alertmanager")];
