//! The page as Prometheus reads it, against a golden one.

use std::{collections::BTreeSet, io::Read as _, path::Path, process::Command, sync::Arc};

use super::*;
use crate::{
    check::Check,
    domain::{link::Direction, secret::Secret},
    engine::sample,
};

fn standing() -> Standing {
    Standing {
        build: Build { version: "0.1.0", revision: "2dc50eb", rust: "1.95.0" },
        reload_successful: true,
        reload_success: Some(sample::NOW),
        deliveries: Arc::default(),
    }
}

/// Without what differs from run to run.
fn page(privacy: &Privacy) -> String {
    let base = "https://mon.example.com/mail".parse().unwrap();
    let page = render(&sample::snapshot(), &standing(), privacy, Some(&base));
    let kept = page.lines().filter(|line| !line.contains("process_"));
    kept.flat_map(|line| [line, "\n"]).collect()
}

fn hashed() -> Privacy {
    Privacy { mailbox_label: MailboxLabel::Hash(Secret::new("key")) }
}

#[test]
fn the_page_is_the_golden_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/exposition.txt");
    let page = page(&Privacy::default());
    if std::fs::read_to_string(&golden).unwrap_or_default() != page {
        let new = golden.with_extension("txt.new");
        std::fs::write(&new, page).unwrap();
        panic!("if that is meant: mv {} {}", new.display(), golden.display());
    }
}

#[test]
fn every_metric_of_the_catalogue_is_on_the_golden_page_and_no_other() {
    let page = page(&Privacy::default());
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let on_page: BTreeSet<_> = types.filter_map(|line| line.split(' ').next()).collect();
    let catalogued: BTreeSet<_> = catalogue::scraped().map(|entry| entry.name).collect();
    assert_eq!(on_page, catalogued);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whether a missing program is a failure is said there"
)]
fn promtool_finds_nothing_to_say_against_the_page() {
    use std::{io::Write as _, process::Stdio};
    let page = render(&sample::snapshot(), &standing(), &Privacy::default(), None);
    let probe = render_probe(&probed("billing@example.com"));
    for page in [page, probe] {
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = promtool else {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "promtool is not installed");
            eprintln!(
                "SKIPPED: promtool is not installed; Debian has it in the package prometheus"
            );
            return;
        };
        promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let said = promtool.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success() && words.is_empty(), "{words}");
    }
}

fn probed(link: &str) -> Probed {
    let snapshot = sample::snapshot();
    let (_, link) = snapshot.links.iter().find(|(id, _)| id.as_str() == link).unwrap();
    let outcomes = link.checks.iter().map(|(check, state)| (check, state.last.clone().unwrap()));
    Probed { outcomes: Some(outcomes.collect()), took: std::time::Duration::from_secs(1) }
}

#[test]
fn a_probe_whose_time_is_over_has_not_succeeded_and_has_no_reason() {
    let page = render_probe(&Probed { outcomes: None, took: std::time::Duration::from_secs(9) });
    assert!(page.contains("\nprobe_success 0\n"), "{page}");
    assert!(!page.contains("probe_failing"), "{page}");
}

#[test]
fn a_probe_tells_why_it_failed() {
    let page = render_probe(&probed("billing@example.com"));
    let failing =
        r#"probe_failing{check="token",reason="grant_revoked_or_expired",class="relink"} 1"#;
    assert!(page.contains(failing), "{page}");
}

#[test]
fn skipped_and_never_run_checks_have_no_success() {
    let page = page(&Privacy::default());
    let has = |series: &str| page.lines().any(|line| line.starts_with(series));
    let billing = r#"{link="billing@example.com",mailbox="billing@example.com""#;
    assert!(has(&format!("mailbox_check_success{billing},check=\"token\"}} 0")));
    assert!(!has(&format!("mailbox_check_success{billing},check=\"imap\"")));
    assert!(has(&format!("mailbox_link_up{billing}}} 0")));
    assert!(!has(r#"mailbox_link_up{link="new@example.com""#));
    assert!(has(r#"mailbox_checks_total{link="new@example.com""#));
}

#[test]
fn a_refused_client_is_one_failure_however_many_links_share_it() {
    let page = page(&Privacy::default());
    let lines: Vec<_> =
        page.lines().filter(|line| line.starts_with("mailbox_client_failing{")).collect();
    let expected = [
        r#"mailbox_client_failing{client="erp",reason="client_deleted"} 1"#,
        // All links of these may work.
        r#"mailbox_client_failing{client="odoo",reason="redirect_uri_mismatch"} 1"#,
        r#"mailbox_client_failing{client="odoo/shop",reason="redirect_uri_policy"} 1"#,
    ];
    assert_eq!(lines, expected);
}

#[test]
fn hashed_and_id_pages_tell_no_address_that_is_not_an_id() {
    for mailbox_label in [hashed().mailbox_label, MailboxLabel::Id] {
        let page = page(&Privacy { mailbox_label });
        for address in ["support@example.com", "info@example.org"] {
            assert!(!page.contains(address), "{address}");
        }
    }
}

#[test]
fn links_of_one_mailbox_share_its_label_in_every_setting() {
    for mailbox_label in [MailboxLabel::Address, hashed().mailbox_label, MailboxLabel::Id] {
        let page = page(&Privacy { mailbox_label });
        let infos = page.lines().filter(|line| line.starts_with("mailbox_link_info{link=\"odoo/"));
        let labels: BTreeSet<_> = infos.filter_map(|line| line.split(',').nth(1)).collect();
        assert_eq!(labels.len(), 1, "{labels:?}");
    }
}

#[test]
fn one_mailboxs_label_is_the_one_on_the_page() {
    let snapshot = sample::snapshot();
    for mailbox_label in [MailboxLabel::Address, hashed().mailbox_label, MailboxLabel::Id] {
        let privacy = Privacy { mailbox_label };
        let labels = privacy.labels(&snapshot);
        for (id, state) in &snapshot.links {
            let mailbox = &state.watched.link.mailbox;
            assert_eq!(privacy.label(mailbox, id, &snapshot), labels.of_mailbox(mailbox));
        }
    }
}

#[test]
fn a_gzipped_page_is_one_member_and_the_same_page() {
    let exposition = Exposition::default();
    let snapshot = Arc::new(sample::snapshot());
    let (standing, privacy) = (standing(), Privacy::default());
    for _ in 0..2 {
        let page = |coding| {
            let state = || snapshot.clone();
            let (first, last) = exposition.page(state, &standing, &privacy, coding);
            [first, last].concat()
        };
        let mut text = String::new();
        // This decoder stops at the end of the first member.
        let zipped = page(Coding::Gzip);
        let mut rest = &zipped[..];
        flate2::bufread::GzDecoder::new(&mut rest).read_to_string(&mut text).unwrap();
        assert!(rest.is_empty());
        let plain = String::from_utf8(page(Coding::Identity)).unwrap();
        let still = |line: &&str| !line.starts_with("process_");
        assert!(text.lines().filter(still).eq(plain.lines().filter(still)));
    }
}

#[test]
fn a_page_is_rendered_once_for_a_state() {
    let exposition = Exposition::default();
    let (standing, privacy) = (standing(), Privacy::default());
    let snapshot = Arc::new(sample::snapshot());
    let head = |snapshot: &Arc<Snapshot>, privacy: &Privacy| {
        exposition.page(|| snapshot.clone(), &standing, privacy, Coding::Identity).0
    };
    let first = head(&snapshot, &privacy);
    assert_eq!(first.as_ptr(), head(&snapshot, &privacy).as_ptr());
    assert_ne!(first, head(&snapshot, &hashed()));
    assert_ne!(first, head(&Arc::new(Snapshot::default()), &privacy));
}

#[test]
fn a_metric_of_many_series_has_one_head() {
    let mut snapshot = Snapshot::default();
    for number in 0..3 * HANDFUL {
        let id = format!("link-{number}");
        let state = sample::fine(sample::link(&id, "a@example.com", Direction::Both, "odoo"));
        snapshot.links.insert(state.watched.link.id.clone(), Arc::new(state));
    }
    let page = render(&snapshot, &standing(), &Privacy::default(), None);
    let count = |begin: &str| page.lines().filter(|line| line.starts_with(begin)).count();
    assert_eq!(count("# TYPE mailbox_link_up "), 1);
    assert_eq!(count("# HELP mailbox_link_up "), 1);
    assert_eq!(count("mailbox_link_up{"), 3 * HANDFUL);
    assert_eq!(count("mailbox_check_success{"), 3 * (Check::ALL.len() - 1) * HANDFUL);
}

#[test]
fn the_page_of_metrics_names_them_all() {
    let page = catalogue::metrics_page();
    for name in catalogue::scraped().chain(catalogue::probed()).map(|entry| entry.name) {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    assert!(page.contains("| `process_resident_memory_bytes` |"));
}
