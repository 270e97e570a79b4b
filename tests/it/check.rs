//! `mailbox_exporter check`: what it says, and its exit codes.

use crate::support::World;

#[tokio::test]
async fn a_healthy_link_passes_on_both_kinds_of_port() {
    let mut world = World::start().await;
    world.mailbox("starttls@example.com");
    let port = world.sim.endpoints().smtp_tls.port();
    world.mailbox_with("tls@example.com", &format!(", smtp: {{port: {port}, security: tls}}"));
    let (code, report) = world.check(&[]).await;
    for link in ["starttls@example.com", "tls@example.com"] {
        for check in ["token", "smtp", "imap"] {
            assert_eq!(report.verdict(link, check), "pass", "{link} {check}");
        }
    }
    assert_eq!(code, 0);
}

#[tokio::test]
async fn a_dead_grant_is_one_failure_and_the_rest_is_skipped() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    world.sim.world().revoke_all("a@example.com");
    let (code, report) = world.check(&[]).await;
    assert_eq!(report.verdict("a@example.com", "token"), "fail: grant_revoked_or_expired");
    assert_eq!(report.verdict("a@example.com", "smtp"), "skip: grant_revoked_or_expired");
    assert_eq!(report.verdict("a@example.com", "imap"), "skip: grant_revoked_or_expired");
    assert_eq!(code, 1);
    assert!(!world.asked_about("a@example.com").iter().any(|what| what.starts_with("AUTH")));
}

#[tokio::test]
async fn a_token_of_another_account_is_refused_and_told() {
    let mut world = World::start().await;
    world.sim.world().add_account("mine@example.com", crate::support::CLIENT_ID);
    let token = world.sim.world().add_account("other@example.com", crate::support::CLIENT_ID);
    world.watch("mine@example.com", &token, "");
    let (_, report) = world.check(&[]).await;
    assert_eq!(report.verdict("mine@example.com", "token"), "pass");
    assert_eq!(report.verdict("mine@example.com", "smtp"), "fail: auth_rejected");
    assert_eq!(report.verdict("mine@example.com", "imap"), "fail: auth_rejected");
}

#[tokio::test]
async fn a_consent_without_the_mail_scope_is_told() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let narrow = "https://www.googleapis.com/auth/gmail.send";
    world.sim.world().set("a@example.com", |account| account.scope = narrow.to_owned());
    let (_, report) = world.check(&[]).await;
    assert_eq!(report.verdict("a@example.com", "token"), "fail: scope_missing");
    assert!(report.reply("a@example.com", "token").contains("gmail.send"));
}

#[tokio::test]
async fn the_text_ends_in_reason_evidence_and_next_step() {
    let mut world = World::start().await;
    world.mailbox("fine@example.com").mailbox("dead@example.com");
    world.sim.world().revoke_all("dead@example.com");
    let output = world.run(&["check"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    for words in [
        "fine@example.com works.",
        "dead@example.com FAILS (token, at refresh): grant_revoked_or_expired",
        "What:      Google no longer honours the consent",
        "Evidence:  400 invalid_grant: Token has been expired or revoked",
        "Who acts:  the mailbox's owner links again (class relink)",
        "Next step: Link the mailbox again",
        "  smtp     skipped: grant_revoked_or_expired",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn only_what_is_named_is_checked() {
    let mut world = World::start().await;
    world.mailbox("a@example.com").mailbox_with("in@example.com", ", direction: incoming, id: in");
    let (_, report) = world.check(&["in", "--only", "token,smtp,imap"]).await;
    assert_eq!(report.verdict("in", "imap"), "pass");
    assert_eq!(report.verdict("in", "smtp"), "", "an incoming link sends nothing");
    assert_eq!(report.verdict("a@example.com", "token"), "");
    let (_, report) = world.check(&["a@example.com", "--only", "smtp"]).await;
    assert_eq!(report.verdict("a@example.com", "imap"), "");
}

#[tokio::test]
async fn usage_and_configuration_end_with_64_and_say_what_would_be_right() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let cases: [(&[&str], &str); 4] = [
        (&["check", "b@example.com"], "there are: a@example.com"),
        (
            &["check", "--only", "pop"],
            "the checks are token, smtp, imap, capacity, session, identity, round_trip",
        ),
        (&["check", "--format", "xml"], "possible values"),
        (&["--web.listen-address", "10048"], "write it as :10048"),
    ];
    for (arguments, says) in cases {
        let output = world.run(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    world.settings = "checks: {token: {schedule: \"every day\"}}\n".into();
    let output = world.run(&["check"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(said.contains("config.yaml:") && said.contains("five fields"), "{said}");
}

#[tokio::test]
async fn monitoring_plugins_get_their_line_and_their_code() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let output = world.run(&["check", "--format", "nagios"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "MAILBOX OK - 1 of 1 links work | links=1;;;0 broken=0;;;0\n");
    assert_eq!(output.status.code(), Some(0));
    world.sim.world().revoke_all("a@example.com");
    let output = world.run(&["check", "--format", "nagios"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let start = "MAILBOX CRITICAL - a@example.com (token): grant_revoked_or_expired: ";
    assert!(said.starts_with(start) && said.contains("Next step: "), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn the_readings_of_an_inbox_are_those_of_the_server() {
    let mut world = World::start().await;
    world.mailbox("a@example.com");
    let asked = world.asked_about("a@example.com");
    assert!(asked.is_empty());
    world.check(&["--only", "imap"]).await;
    let asked = world.asked_about("a@example.com");
    assert!(asked.iter().any(|what| what.contains("EXAMINE INBOX")), "{asked:?}");
    assert!(!asked.iter().any(|what| what.contains("SELECT")), "{asked:?}");
}
