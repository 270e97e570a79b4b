//! What the servers answer to somebody else's client. Where the exporter and these servers disagree, these tests say
//! whose idea of the protocol is the odd one.

use crate::support::{MAIL, Witness, World};

#[test]
fn the_owners_token_signs_in_everywhere() {
    let Some(world) = World::shared() else { return };
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    let witness = Witness { world, user, token };
    let smtp = "235 2.7.0 Authentication successful\n221 2.0.0 Bye\n";
    assert_eq!(witness.imap(), "OK Logged in\nBYE Logging out\n");
    assert_eq!(witness.smtp_starttls(), smtp);
    assert_eq!(witness.smtp_tls(), smtp);
}

#[test]
fn a_made_up_token_is_refused_after_a_challenge() {
    let Some(world) = World::shared() else { return };
    assert_refused(Witness { world, user: &world.mailbox(), token: "made-up" });
}

#[test]
fn a_token_of_somebody_else_is_refused() {
    let Some(world) = World::shared() else { return };
    let token = &world.oauth.access_token(&world.mailbox(), MAIL);
    assert_refused(Witness { world, user: &world.mailbox(), token });
}

#[test]
fn a_token_without_the_mail_scope_is_refused() {
    let Some(world) = World::shared() else { return };
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, "https://www.googleapis.com/auth/gmail.send");
    assert_refused(Witness { world, user, token });
}

#[test]
fn a_token_that_was_ended_is_refused() {
    let Some(world) = World::shared() else { return };
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    let witness = Witness { world, user, token };
    assert!(witness.imap().starts_with("OK"));
    world.oauth.end_access_tokens(user);
    assert_refused(witness);
}

/// Postfix 3.7 does not tell an outage behind it from a refusal, but for the challenge that a refusal begins with.
#[test]
fn a_token_that_cannot_be_judged_is_refused_without_a_challenge() {
    let Some(world) = World::shared() else { return };
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    world.oauth.fail_introspection(user);
    let witness = Witness { world, user, token };
    let imap = witness.imap();
    assert!(imap.starts_with("NO [UNAVAILABLE] Temporary authentication failure."), "{imap}");
    let smtp = "535 5.7.8 Error: authentication failed: (reason unavailable)\n";
    assert_eq!(witness.smtp_tls(), smtp);
}

#[test]
fn mail_reaches_the_inbox_and_nothing_leaves_the_host() {
    let Some(world) = World::shared() else { return };
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    let witness = Witness { world, user, token };
    let outside = witness.send("somebody@elsewhere.test");
    assert!(outside.ends_with("554 5.7.1 <somebody@elsewhere.test>: Relay access denied\n"));
    witness.deliver(user);
    assert_eq!(witness.messages(), "OK Logged in\nmessage 1 (FLAGS (\\Recent))\n");
}

#[test]
fn the_sixteenth_session_is_refused() {
    let Some(world) = World::shared() else { return };
    let user = &world.mailbox();
    let token = &world.oauth.access_token(user, MAIL);
    let witness = Witness { world, user, token };
    let held = witness.hold(15);
    let sixteenth = witness.imap();
    assert!(sixteenth.starts_with("NO [LIMIT] Maximum number of connections"), "{sixteenth}");
    drop(held);
}

fn assert_refused(witness: Witness<'_>) {
    let challenge = r#"challenge {"status":"401","schemes":"bearer","scope":"mail"}"#;
    let imap = format!("{challenge}\nNO [AUTHENTICATIONFAILED] Authentication failed.\n");
    let smtp = "535 5.7.8 Error: authentication failed: (reason unavailable)";
    let smtp = format!("{challenge}\n{smtp}\n");
    assert_eq!(witness.imap(), imap);
    assert_eq!(witness.smtp_starttls(), smtp);
    assert_eq!(witness.smtp_tls(), smtp);
}
