//! The grant behind a link: how its end shows, and what heals by itself.

use crate::support::{MAIL, Setup, World, free_port, holds_in_time};

#[test]
fn a_revoked_grant_is_one_failure() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    world.oauth.revoke(&setup.refresh_token);
    let report = setup.check();
    assert_eq!(report.check("token"), "token fail grant_revoked_or_expired relink");
    assert_eq!(report.check("smtp"), "smtp skip grant_revoked_or_expired relink");
    assert_eq!(report.check("imap"), "imap skip grant_revoked_or_expired relink");
    assert_eq!(report.exit, Some(1));
}

#[test]
fn a_made_up_refresh_token_is_a_dead_grant_too() {
    let Some(world) = World::shared() else { return };
    let report = Setup { refresh_token: "made-up".to_owned(), ..Setup::new(world) }.check();
    assert_eq!(report.check("token"), "token fail grant_revoked_or_expired relink");
}

#[test]
fn a_grant_without_the_mail_scope_is_told_apart() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let scope = "https://www.googleapis.com/auth/gmail.send";
    let refresh_token = world.oauth.refresh_token(&setup.address, scope);
    let report = Setup { refresh_token, ..setup }.check();
    assert_eq!(report.check("token"), "token fail scope_missing relink");
}

#[test]
fn a_wrong_client_secret_is_the_clients_fault() {
    let Some(world) = World::shared() else { return };
    let report = Setup { client_secret: "wrong", ..Setup::new(world) }.check();
    assert_eq!(report.check("token"), "token fail client_secret_invalid client");
}

#[test]
fn a_token_server_that_is_gone_is_the_networks_fault() {
    let Some(world) = World::shared() else { return };
    let report = Setup { token_port: free_port(), ..Setup::new(world) }.check();
    assert_eq!(report.check("token"), "token fail connection_refused network");
}

#[test]
fn an_access_token_that_was_ended_is_healed_by_one_refresh() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let exporter = setup.serve();
    for check in ["imap", "smtp"] {
        let before = world.oauth.refreshes(&setup.address);
        world.oauth.end_access_tokens(&setup.address);
        assert!(exporter.probe(check));
        assert_eq!(world.oauth.refreshes(&setup.address), before + 1);
    }
}

#[test]
fn a_token_in_hand_is_used_again() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let exporter = setup.serve();
    assert!(exporter.probe("imap") && exporter.probe("smtp"));
    assert_eq!(world.oauth.refreshes(&setup.address), 1);
}

#[test]
fn a_revoked_grant_shows_at_the_next_sign_in() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let exporter = setup.serve();
    world.oauth.revoke(&setup.refresh_token);
    assert!(!exporter.probe("imap"));
    let failing = || exporter.samples("mailbox_failing").join("\n");
    let told = || failing().contains("reason=\"grant_revoked_or_expired\"");
    assert!(holds_in_time(told), "{}", failing());
}

#[test]
fn a_token_of_somebody_else_is_refused_at_both_doors() {
    let Some(world) = World::shared() else { return };
    let refresh_token = world.oauth.refresh_token(&world.mailbox(), MAIL);
    let report = Setup { refresh_token, ..Setup::new(world) }.check();
    assert_eq!(report.check("token"), "token pass");
    assert_eq!(report.check("smtp"), "smtp fail auth_rejected relink");
    assert_eq!(report.check("imap"), "imap fail auth_rejected relink");
}
