//! What stands between: doors that are shut, certificates that are wrong, limits that are reached.

use crate::support::{Endpoint, MAIL, Setup, Witness, World, free_port};

#[test]
fn a_server_that_is_gone_refuses_connections() {
    let Some(world) = World::shared() else { return };
    let gone = Endpoint { host: "localhost", port: free_port(), security: "tls" };
    let setup = Setup { smtp: gone.clone(), imap: gone, ..Setup::new(world) };
    assert_network_failure(&setup, "connection_refused");
}

#[test]
fn a_server_that_speaks_plainly_first_fails_tls() {
    let Some(world) = World::shared() else { return };
    let plain = Endpoint { security: "tls", ..world.smtp_starttls() };
    let setup = Setup { smtp: plain.clone(), imap: plain, ..Setup::new(world) };
    assert_network_failure(&setup, "tls_failed");
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_trusted() {
    let Some(world) = World::shared() else { return };
    assert_network_failure(&Setup { authority: None, ..Setup::new(world) }, "tls_untrusted");
}

#[test]
fn an_expired_certificate_is_told_apart() {
    let Some(world) = World::shared() else { return };
    assert_network_failure(&served_by(world, "127.0.0.2"), "tls_expired");
}

#[test]
fn a_certificate_for_another_name_is_told_apart() {
    let Some(world) = World::shared() else { return };
    assert_network_failure(&served_by(world, "127.0.0.3"), "tls_wrong_name");
}

#[test]
fn the_sixteenth_session_is_too_many() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    let token = &world.oauth.access_token(&setup.address, MAIL);
    let held = Witness { world, user: &setup.address, token }.hold(15);
    let report = setup.check();
    assert_eq!(report.check("imap"), "imap fail imap_too_many_connections throttled");
    assert_eq!(report.check("smtp"), "smtp pass");
    drop(held);
}

#[test]
fn an_outage_behind_the_door_is_not_the_links_fault() {
    let Some(world) = World::shared() else { return };
    let setup = Setup::new(world);
    world.oauth.fail_introspection(&setup.address);
    assert_eq!(setup.check().check("imap"), "imap fail google_outage google");
}

/// The same servers at another address, where they show another certificate.
fn served_by<'a>(world: &'a World, host: &'static str) -> Setup<'a> {
    let smtp = Endpoint { host, ..world.smtp_tls() };
    let imap = Endpoint { host, ..world.imap() };
    Setup { smtp, imap, ..Setup::new(world) }
}

fn assert_network_failure(setup: &Setup<'_>, reason: &str) {
    let report = setup.check();
    assert_eq!(report.check("token"), "token pass");
    assert_eq!(report.check("smtp"), format!("smtp fail {reason} network"));
    assert_eq!(report.check("imap"), format!("imap fail {reason} network"));
}
