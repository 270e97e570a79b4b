//! A link in good order: what the exporter finds, and what it leaves behind.

use crate::support::{MAIL, Setup, Witness, World, holds_in_time};

const ALL_PASS: [&str; 3] = ["token pass", "smtp pass", "imap pass"];

#[test]
fn a_good_link_passes_by_starttls() {
    let Some(world) = World::shared() else { return };
    let report = Setup { smtp: world.smtp_starttls(), ..Setup::new(world) }.check();
    assert_eq!(report.checks(), ALL_PASS);
    assert_eq!(report.exit, Some(0));
}

#[test]
fn a_good_link_passes_by_tls() {
    let Some(world) = World::shared() else { return };
    let report = Setup { smtp: world.smtp_tls(), ..Setup::new(world) }.check();
    assert_eq!(report.checks(), ALL_PASS);
    assert_eq!(report.exit, Some(0));
}

#[test]
fn a_message_is_as_new_after_the_check_as_before() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let token = &world.oauth.access_token(&setup.address, MAIL);
    let owner = Witness { world, user: &setup.address, token };
    owner.deliver(&setup.address);
    let before = world.dovecot.unread(&setup.address);
    assert_eq!(setup.check().checks(), ALL_PASS);
    assert_eq!(world.dovecot.unread(&setup.address), before);
    assert_eq!(owner.messages(), "OK Logged in\nmessage 1 (FLAGS (\\Recent))\n");
}

#[test]
fn every_session_is_logged_out() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    assert_eq!(setup.check().checks(), ALL_PASS);
    let log = || world.dovecot.log(&setup.address);
    let said = |words| log().iter().filter(|line| line.contains(words)).count();
    assert!(holds_in_time(|| said("Disconnected: ") == 1), "{:?}", log());
    assert_eq!((said("imap-login: Info: Login: "), said("Disconnected: Logged out ")), (1, 1));
}

#[test]
fn the_dry_run_ends_politely_and_sends_nothing() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    assert_eq!(setup.check().checks(), ALL_PASS);
    let end = "ehlo=1 auth=1 mail=1 rcpt=1 rset=1 quit=1 commands=6";
    assert!(holds_in_time(|| world.postfix.log().contains(end)), "{}", world.postfix.log());
    assert!(!world.postfix.log().contains(&format!("from=<{}>", setup.address)));
}

#[test]
fn the_mailbox_shows_in_the_metrics() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let token = &world.oauth.access_token(&setup.address, MAIL);
    Witness { world, user: &setup.address, token }.deliver(&setup.address);
    let exporter = setup.serve();
    let mailbox = format!("{{mailbox=\"{}\"}}", setup.address);
    for (metric, value) in
        [("mailbox_imap_unseen_messages", "1"), ("mailbox_storage_limit_bytes", "16106127360")]
    {
        assert_eq!(exporter.samples(metric), [format!("{metric}{mailbox} {value}")]);
    }
}
