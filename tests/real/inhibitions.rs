//! One cause, one alert: which alerts Alertmanager keeps silent while another fires, case by case.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Alertmanager, alert, holds_in_time, labels};

/// A cause that fires; what says nothing because of it; what is to be said all the same. An alert is its name, its
/// severity and its labels.
const CASES: &[(&str, &[&str], &[&str])] = &[
    (
        "OauthClientRefused critical client=a class=client reason=client_deleted",
        &[
            "OauthClientRefused warning client=a class=client reason=redirect_uri_mismatch",
            "OauthClientLinksBroken critical client=a reason=scope_missing",
            "MailboxNeedsRelink critical client=a mailbox=m link=l reason=scope_missing source=erp direction=outgoing",
            "MailboxAccountBlocked critical client=a mailbox=m link=l",
            "MailboxBlockedByPolicy critical client=a mailbox=m link=l",
            "MailboxThrottled warning client=a mailbox=m",
            "MailboxQuotaExhausted critical client=a mailbox=m",
            "MailboxDeliveryFailing warning client=a mailbox=n link=n",
            "MailboxFailureUnclassified critical client=a",
            // What the links' own alerts silence stays silent behind them.
            "MailboxTokenExpiresSoon warning client=a mailbox=m link=l",
            "OdooMailFailed warning source=erp",
        ],
        &[
            "MailboxNeedsRelink critical client=b mailbox=b link=b",
            "MailboxTokenExpiresSoon critical client=a mailbox=n link=n",
            "GmailUnreachable warning",
            "OdooQueueStalled critical source=erp",
        ],
    ),
    (
        // Links work, but nobody could make another.
        "OauthClientRefused warning client=a class=client reason=redirect_uri_mismatch",
        &[],
        &[
            "MailboxNeedsRelink critical client=a mailbox=m link=l",
            "MailboxDeliveryFailing warning client=a",
        ],
    ),
    (
        "OauthClientLinksBroken critical client=a reason=session_control_reauth class=policy",
        &[
            "MailboxBlockedByPolicy critical client=a reason=session_control_reauth mailbox=m link=l",
            "MailboxNeedsRelink critical client=a reason=session_control_reauth mailbox=n link=n",
            "MailboxFailureUnclassified critical client=a reason=session_control_reauth",
        ],
        &[
            "MailboxNeedsRelink critical client=a reason=scope_missing mailbox=o link=o",
            "MailboxBlockedByPolicy critical client=b reason=session_control_reauth mailbox=p link=p",
        ],
    ),
    (
        "GmailFailing critical class=google",
        &[
            "GmailFailing warning class=google",
            "GmailUnreachable critical class=network",
            "MailboxThrottled warning mailbox=m",
            "MailboxDeliveryFailing warning mailbox=m link=l",
            "MailboxFailureUnclassified critical client=a",
            "MailboxMailNotFetched warning mailbox=m",
            "OdooMailFailed warning source=erp",
            "OdooQueueStalled critical source=erp",
            "OdooFindings info source=erp",
        ],
        &["MailboxNeedsRelink critical mailbox=n link=n", "MailboxExporterDown critical"],
    ),
    (
        "GmailUnreachable critical class=network",
        &[
            "GmailUnreachable warning class=network",
            "MailboxThrottled warning mailbox=m",
            "MailboxDeliveryFailing warning mailbox=m link=l",
            "MailboxFailureUnclassified critical client=a",
            "MailboxMailNotFetched warning mailbox=m",
            "MailboxSourceUnreachable warning source=erp",
            "OdooMailFailed warning source=erp",
            "OdooQueueStalled critical source=erp",
        ],
        &["MailboxNeedsRelink critical mailbox=n link=n"],
    ),
    (
        "GmailUnreachable warning class=network",
        &[],
        &["MailboxDeliveryFailing warning mailbox=m link=l", "OdooMailFailed warning source=erp"],
    ),
    (
        "MailboxNeedsRelink critical mailbox=m link=l source=erp direction=outgoing client=a",
        &[
            "MailboxTokenExpiresSoon warning mailbox=m link=l",
            "MailboxTokenExpiresSoon critical mailbox=m link=k",
            "MailboxDeliveryFailing warning mailbox=m link=l",
            "MailboxMailNotFetched warning mailbox=m",
            "MailboxSendingUncounted info mailbox=m",
            "OdooMailFailed warning source=erp",
        ],
        &[
            "MailboxDeliveryFailing warning mailbox=n link=n",
            "OdooMailFailed warning source=shop",
            "OdooQueueStalled critical source=erp",
            "MailboxQuotaExhausted critical mailbox=m",
        ],
    ),
    (
        "MailboxBlockedByPolicy critical mailbox=m link=l source=erp direction=both",
        &["MailboxMailNotFetched warning mailbox=m", "OdooMailFailed warning source=erp"],
        &["MailboxNeedsRelink critical mailbox=m link=k source=erp direction=incoming"],
    ),
    (
        // Odoo sends by other links.
        "MailboxAccountBlocked critical mailbox=m link=l source=erp direction=incoming",
        &["MailboxMailNotFetched warning mailbox=m"],
        &["OdooMailFailed warning source=erp"],
    ),
    (
        "MailboxQuotaExhausted critical mailbox=m class=quota",
        &[
            "MailboxSendingLimitNear warning mailbox=m of=messages",
            "MailboxSendingLimitExpected warning mailbox=m of=recipients",
        ],
        &[
            "MailboxSendingLimitNear warning mailbox=n of=messages",
            "MailboxStorageNearlyFull warning mailbox=m",
        ],
    ),
    (
        "MailboxThrottled warning mailbox=m client=a class=throttled reason=imap_bandwidth",
        &[
            "MailboxImapSessionsScarce warning mailbox=m",
            "MailboxImapBandwidthNearLimit warning mailbox=m",
        ],
        &["MailboxImapSessionsScarce warning mailbox=n"],
    ),
    (
        "MailboxSendingLimitNear warning mailbox=m of=messages",
        &["MailboxSendingLimitExpected warning mailbox=m of=messages"],
        &["MailboxSendingLimitExpected warning mailbox=m of=recipients"],
    ),
    (
        "MailboxTokenExpiresSoon critical mailbox=m link=l",
        &["MailboxTokenExpiresSoon warning mailbox=m link=l"],
        &[
            "MailboxTokenExpiresSoon warning mailbox=m link=k",
            "MailboxTokenExpiresSoon warning mailbox=n link=n",
        ],
    ),
    (
        "MailboxExporterDown critical down=some",
        &["MailboxExporterLate warning"],
        &["MailboxSourceUnreachable warning source=erp", "MailboxExporterReloadFailed warning"],
    ),
    (
        "MailboxExporterDown critical down=all",
        &[
            "GmailFailing critical",
            "MailboxNeedsRelink critical client=a mailbox=m link=l",
            "MailboxExporterReloadFailed warning",
            "OauthClientRefused critical client=a",
            "OdooQueueStalled critical source=erp",
        ],
        &["DiskFull critical"],
    ),
];

#[test]
fn one_cause_is_one_alert_and_what_has_another_cause_is_still_told() {
    let Some(alertmanager) = Alertmanager::start("1m") else { return };
    let mut expected = BTreeMap::new();
    for (number, (cause, silent, loud)) in CASES.iter().enumerate() {
        // Each in a job of its own, where another of the same name has nothing to say.
        let job = format!("mailbox_exporter-{number}");
        let mut alerts = vec![alert(&job, cause)];
        alerts.extend(silent.iter().chain(*loud).map(|written| alert(&job, written)));
        alertmanager.post(&alerts);
        expected.insert(labels(&alerts[0]), false);
        let both = silent.iter().map(|it| (it, true)).chain(loud.iter().map(|it| (it, false)));
        for (written, inhibited) in both {
            assert_eq!(
                expected.insert(labels(&alert(&job, written)), inhibited),
                None,
                "{written} twice"
            );
        }
    }
    // Alerts are taken one after the other, so when the last is, all are.
    let last = [
        alert("last", "MailboxExporterDown critical down=some"),
        alert("last", "MailboxExporterLate warning"),
    ];
    alertmanager.post(&last);
    let mut seen = BTreeMap::new();
    let taken = holds_in_time(|| {
        seen = alertmanager.inhibited();
        seen.get(&labels(&last[1])) == Some(&true)
    });
    assert!(taken, "{seen:?}");
    seen.retain(|labels, _| !labels.contains("job=last"));
    for (labels, inhibited) in &expected {
        assert_eq!(seen.get(labels), Some(inhibited), "{labels}");
    }
    assert_eq!(seen.len(), expected.len());
}

#[test]
fn where_no_exporter_is_even_known_nothing_that_ends_is_told_as_mended() {
    let Some(alertmanager) = Alertmanager::start("1m") else { return };
    let dead = alert("mailbox_exporter", "MailboxNeedsRelink critical mailbox=m link=l");
    let other = alert("node", "DiskFull critical");
    let mut gone = alert("", "MailboxExporterDown critical down=all");
    gone["labels"].as_object_mut().expect("labels").remove("job");
    alertmanager.post(&[gone, dead.clone(), other.clone()]);
    let mut seen = BTreeMap::new();
    let silenced = holds_in_time(|| {
        seen = alertmanager.inhibited();
        seen.get(&labels(&dead)) == Some(&true) && seen.get(&labels(&other)) == Some(&false)
    });
    assert!(silenced, "{seen:?}");
}

/// An alert of somebody else's.
const FOREIGN: &str = "DiskFull";

/// Every alert of ours that is named above.
pub(crate) fn names() -> BTreeSet<&'static str> {
    let all = CASES.iter().flat_map(|(cause, silent, loud)| [&[*cause], *silent, *loud].concat());
    all.map(|written| written.split(' ').next().expect("a name"))
        .filter(|name| *name != FOREIGN)
        .collect()
}
