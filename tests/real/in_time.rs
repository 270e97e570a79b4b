//! The rules over hours of the exporter's life, at default settings and by a clock that is moved: what alerts how soon,
//! that one cause is one alert, and that a healthy day is quiet.
//!
//! The engine runs here, by tokio's clock, which stands still until it is moved, and so does Google's. What it showed
//! every half a minute is what a real promtool evaluates the rules over.

mod pass;

use std::time::Duration;

use gmail_sim::{Fault, Whose};

use crate::support::are_there;
use pass::Pass;

#[test]
fn a_healthy_day_is_quiet() {
    let Some(mut pass) = begin(Some("sink@example.com")) else { return };
    pass.hours(24.5);
    let end = pass.now();
    pass.expects(end, "sum(job:mailbox_links_up:count)", &[("{}", pass.links())]);
    pass.expects(
        end,
        "min(mailbox_round_trip_messages_total{outcome=\"inbox\"} > bool 0)",
        &[("{}", 1)],
    );
    pass.expects(
        end,
        "count by (alertname) (count_over_time(ALERTS{alertstate=\"firing\"}[25h]))",
        &[],
    );
    pass.holds();
}

#[test]
fn ten_minutes_after_a_grants_death_its_alert_fires_whenever_it_was_asked_last() {
    let Some(mut pass) = begin(None) else { return };
    pass.hours(1.0);
    let died = pass.now();
    let mailboxes = pass.mailboxes();
    mailboxes.iter().for_each(|mailbox| pass.world().revoke_all(mailbox));
    pass.minutes(10.0);
    let alerts = "count(ALERTS{alertname=\"MailboxNeedsRelink\",alertstate=\"firing\",severity=\"critical\"})";
    pass.expects(died, alerts, &[]);
    pass.expects(pass.now(), alerts, &[("{}", pass.links())]);

    pass.link_again();
    pass.minutes(10.0);
    pass.expects(pass.now(), alerts, &[]);
    pass.holds();
}

#[test]
fn an_outage_of_google_is_one_alert_after_a_second_failure_and_ends() {
    let Some(mut pass) = begin(None) else { return };
    pass.hours(1.0);
    let outage = ["token.status_503", "smtp.system_problem", "imap.unavailable"];
    for line in outage {
        pass.world().fault(Fault::say(line).expect("Google says so")).expect("a fault");
    }
    // One hiccup is none.
    pass.minutes(4.0);
    pass.expects(pass.now(), FIRING, &[]);
    pass.minutes(56.0);
    pass.expects(pass.now(), FIRING, &[("{alertname=\"GmailFailing\", severity=\"critical\"}", 1)]);
    pass.world().clear_faults(Whose::All);
    pass.minutes(40.0);
    pass.expects(pass.now(), FIRING, &[]);
    pass.expects(pass.now(), "sum(job:mailbox_links_up:count)", &[("{}", pass.links())]);
    pass.holds();
}

#[test]
fn a_client_secret_that_was_rotated_is_one_alert() {
    let Some(mut pass) = begin(None) else { return };
    pass.hours(1.0);
    pass.set_client(|client| client.secret = "GOCSPX-another".to_owned());
    pass.minutes(20.0);
    let refused = "{alertname=\"OauthClientRefused\", severity=\"critical\"}";
    pass.expects(pass.now(), FIRING, &[(refused, 1)]);
    pass.hours(3.0);
    pass.expects(pass.now(), FIRING, &[(refused, 1)]);
    pass.holds();
}

const FIRING: &str = "count by (alertname, severity) (ALERTS{alertstate=\"firing\"})";

/// Mailboxes in good health, all of whose checks are as they are by default; letters go to a sink where there is one.
fn begin(sink: Option<&str>) -> Option<Pass> {
    are_there(&[("promtool", "promtool")]).then(|| Pass::begin(sink))
}

impl Pass {
    fn minutes(&mut self, minutes: f64) {
        self.pass(Duration::from_secs_f64(60.0 * minutes));
    }

    fn hours(&mut self, hours: f64) {
        self.minutes(60.0 * hours);
    }
}
