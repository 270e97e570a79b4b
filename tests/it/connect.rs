//! `mailbox_exporter connect`: a person agrees at the simulator's Google, and what the browser is led back with is
//! brought to the command.

mod attempt; // one run of the command, and a browser
mod doors; // what else knocks
mod refused; // what comes to nothing, and why

use std::{fs, os::unix::fs::MetadataExt};

use gmail_sim::{At, ClientKind, Fault, Service, What};

use crate::support::{CLIENT_ID, World};
use attempt::connect;

const A: &str = "a@example.com";

/// A world in which nothing is watched, with an account that may be linked.
async fn world() -> World {
    let world = World::start().await;
    world.sim.world().add_account(A, CLIENT_ID);
    world.sim.world().set_client(CLIENT_ID, |client| client.kind = ClientKind::Desktop);
    world
}

/// Whether the lines that were printed make a link that works.
async fn works(world: &mut World, lines: &str, link: &str) -> bool {
    let lines = lines.strip_prefix("mailboxes:\n").unwrap_or_else(|| panic!("{lines}"));
    world.add(lines);
    let checked = world.run(&["check-config"]).await;
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let (_, report) = world.check(&[]).await;
    ["token", "imap", "smtp"].iter().all(|check| report.verdict(link, check) == "pass")
}

#[tokio::test]
async fn a_person_agrees_and_the_lines_that_are_printed_make_a_link_that_works() {
    let mut world = world().await;
    let attempt = connect(&world, &["--client", "odoo", "--address", "A@Example.com"]).await;
    let back = attempt.agree(&world, A);
    let (status, head, page) = attempt.browser(&back).await;
    assert_eq!(status, 200, "{page}");
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    assert!(page.contains("a@example.com is linked"), "{page}");
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let path = world.path("a@example.com.token");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let token = fs::read_to_string(&path).unwrap().trim().to_owned();
    assert!(world.sim.world().refresh_tokens(A).contains(&token));
    // Neither what was said nor the page gives anything away, but for the state in the address to open.
    let code = attempt::field(&back, "code");
    let state = attempt::field(&back, "state");
    let url = &ended.page;
    let all = ended.said.replace(url.as_str(), "") + &ended.lines + &page + &head;
    for secret in [token, code, state] {
        assert!(secret.len() > 20 && !all.contains(&secret), "{all}");
    }
    assert_eq!(names(&world), ["a@example.com.token", "ca.pem", "client-secret", "config.yaml"]);
    assert!(works(&mut world, &ended.lines, A).await, "{}", ended.lines);
}

/// The files beside the configuration.
fn names(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.path("")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_end_of_a_grant_in_testing_is_told_and_stands_in_the_lines() {
    let world = world().await;
    world.sim.world().set_client(CLIENT_ID, |client| {
        client.testing = true;
        client.testers.insert(A.to_owned());
    });
    let attempt = connect(&world, &["--address", A, "--output", "of-a"]).await;
    attempt.browser(&attempt.agree(&world, A)).await;
    let ended = attempt.ended().await;
    assert!(
        ended.said.contains("It ends on 20") && ended.said.contains("Testing"),
        "{}",
        ended.said
    );
    assert!(ended.lines.contains("\n    linked_at: 20"), "{}", ended.lines);
    // So that the lines may go into a file of any folder.
    assert!(ended.lines.contains("refresh_token: {file: \"/"), "{}", ended.lines);
}

#[tokio::test]
async fn an_answer_may_be_pasted_however_many_others_come_first() {
    let mut world = world().await;
    world.client = ", redirect_uris: [https://odoo.example.com/google_gmail/confirm]".into();
    let uri = "https://odoo.example.com/google_gmail/confirm";
    world.sim.world().set_client(CLIENT_ID, |client| {
        client.kind = ClientKind::Web;
        client.redirect_uris = vec![uri.to_owned()];
    });
    let refused = connect(&world, &["--address", A]).await.ended().await;
    assert_eq!(refused.code, Some(64));
    assert!(refused.said.contains("is a Web client") && refused.said.contains("--paste"));
    let mut attempt = connect(&world, &["--address", A, "--paste"]).await;
    let back = attempt.agree(&world, A);
    assert!(back.starts_with(uri), "{back}");
    let other = back.replace("state=", "state=x");
    for (pasted, says) in [
        ("yes", "holds no answer of Google's"),
        ("https://accounts.google.com/signin/oauth/consent?x=1", "still a page of Google's"),
        (other.as_str(), "the answer to another attempt"),
        ("4/0abc", "the code alone"),
    ] {
        attempt.paste(pasted).await;
        attempt.until_said(says).await;
    }
    attempt.paste(&back).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(works(&mut world, &ended.lines, A).await, "{}", ended.lines);
}

#[tokio::test]
async fn two_at_once_do_not_meet_and_the_same_file_is_written_once() {
    let mut world = world().await;
    world.sim.world().add_account("b@example.com", CLIENT_ID);
    let (one, two) = tokio::join!(
        connect(&world, &["--address", A, "--output", "same"]),
        connect(&world, &["--address", "b@example.com", "--output", "same"]),
    );
    // What is the answer to one is none to the other.
    let swapped = one.agree(&world, A).replace(&one.at(), &two.at());
    assert_eq!(two.browser(&swapped).await.0, 400);
    one.browser(&one.agree(&world, A)).await;
    let one = one.ended().await;
    assert_eq!(one.code, Some(0), "{}", one.said);
    let before = fs::read_to_string(world.path("same")).unwrap();
    let (_, _, page) = two.browser(&two.agree(&world, "b@example.com")).await;
    let two = two.ended().await;
    assert_eq!(two.code, Some(1), "{}", two.said);
    assert!(two.said.contains("came into being meanwhile"), "{}", two.said);
    assert!(page.contains("is not linked") && two.lines.is_empty(), "{page}");
    assert_eq!(fs::read_to_string(world.path("same")).unwrap(), before);
    assert_eq!(names(&world), ["ca.pem", "client-secret", "config.yaml", "same"]);
    assert!(works(&mut world, &one.lines, A).await);
    // And now it is linked.
    let again = connect(&world, &["--address", A, "--output", "third"]).await.ended().await;
    assert_eq!(again.code, Some(64));
    assert!(again.said.contains("--reconnect a@example.com"), "{}", again.said);
}

#[tokio::test]
async fn a_dead_link_is_linked_again_and_the_running_exporter_takes_it_up() {
    let mut world = world().await;
    world.mailbox(A);
    world.sim.world().revoke_all(A);
    let exporter = world.serve(&[]).await;
    exporter.until("reason=\"grant_revoked_or_expired\"").await;
    let attempt = connect(&world, &["--reconnect", A]).await;
    attempt.browser(&attempt.agree(&world, A)).await;
    let ended = attempt.ended().await;
    assert_eq!((ended.code, ended.lines.as_str()), (Some(0), ""), "{}", ended.said);
    let passes =
        "mailbox_check_success{link=\"a@example.com\",mailbox=\"a@example.com\",check=\"token\"} 1";
    exporter.until(passes).await;
    let (_, log) = exporter.stop().await;
    assert!(log.contains("works again link=a@example.com"), "{log}");
    assert_eq!(names(&world).iter().filter(|name| name.contains(".part")).count(), 0);
}

#[tokio::test]
async fn a_link_whose_token_is_not_there_is_linked_again_too() {
    let mut world = world().await;
    world.mailbox(A);
    fs::remove_file(world.path("token-0")).unwrap();
    let attempt = connect(&world, &["--reconnect", A]).await;
    attempt.browser(&attempt.agree(&world, A)).await;
    let ended = attempt.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert_eq!(world.check(&["--only", "token"]).await.1.verdict(A, "token"), "pass");
}

#[tokio::test]
async fn only_a_link_whose_token_is_a_file_of_ours_is_linked_again() {
    let mut world = world().await;
    let key = world.sim.world().add_service_account("w@mail-1234.iam.gserviceaccount.com");
    world.delegate("delegated@example.com", &key);
    world.add(
        "  - {address: env@example.com, client: odoo, refresh_token: {env: CARGO_PKG_LICENSE}}\n",
    );
    world.settings = "sources: [{odoo: {name: erp, database_url: {file: dsn}}}]\n".into();
    world.write("dsn", "postgresql://u@localhost:1/odoo");
    for (link, says) in [
        ("delegated@example.com", "no consent to renew"),
        ("env@example.com", "the environment variable CARGO_PKG_LICENSE"),
        ("odoo/erp/outgoing/1", "link it again there"),
        ("nobody@example.com", "there is no link \"nobody@example.com\""),
    ] {
        let ended = connect(&world, &["--reconnect", link]).await.ended().await;
        assert_eq!(ended.code, Some(64), "{}", ended.said);
        assert!(ended.said.contains(says), "{}", ended.said);
    }
    let ended = connect(&world, &["--client", "delegated", "--address", A]).await.ended().await;
    assert!(ended.code == Some(64) && ended.said.contains("needs no consent"), "{}", ended.said);
}

#[tokio::test]
async fn revoking_says_what_ends_and_is_never_done_without_a_word() {
    let mut world = world().await;
    world.mailbox(A);
    let sibling = "1234-other.apps.googleusercontent.com";
    world.sim.world().add_client(sibling, "s");
    world.write("sibling-secret", "s");
    world.clients =
        format!("  helpdesk: {{client_id: {sibling}, client_secret: {{file: sibling-secret}}}}\n");
    let token = world.sim.world().link(A, sibling);
    world.write("sibling-token", &token);
    world.add("  - {id: of-helpdesk, address: a@example.com, client: helpdesk, refresh_token: {file: sibling-token}}\n");
    world.mailbox("b@example.com");
    let run = async |arguments: &[&str]| {
        let output = world.run(arguments).await;
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["revoke", A]).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("say --yes") && said.contains("  of-helpdesk (client helpdesk"),
        "{said}"
    );
    assert!(said.contains("project 1234,") && !said.contains("b@example.com"), "{said}");
    assert!(world.asked_about(A).is_empty(), "nothing was asked");
    let (code, said) = run(&["revoke", A, "--yes"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Revoked.") && said.contains("--reconnect a@example.com"), "{said}");
    assert!(world.sim.world().refresh_tokens(A).is_empty(), "the sibling's, too");
    let (_, report) = world.check(&["--only", "token"]).await;
    assert_eq!(report.verdict("of-helpdesk", "token"), "fail: grant_revoked_or_expired");
    assert_eq!(report.verdict("b@example.com", "token"), "pass");
    let (code, said) = run(&["revoke", "of-helpdesk", "--yes"]).await;
    assert_eq!(
        (code, said.contains("does not know this token any more")),
        (Some(0), true),
        "{said}"
    );
    assert!(!said.contains(&token), "{said}");
    let (code, said) = run(&["revoke", "nobody", "--yes"]).await;
    assert_eq!((code, said.contains("there is no link \"nobody\"")), (Some(64), true), "{said}");
}

#[tokio::test]
async fn a_revocation_that_google_refuses_has_its_reason() {
    let mut world = world().await;
    world.mailbox(A);
    let key = world.sim.world().add_service_account("w@mail-1234.iam.gserviceaccount.com");
    world.delegate("delegated@example.com", &key);
    let said = async |link: &str| {
        let output = world.run(&["revoke", link, "--yes"]).await;
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, words) = said("delegated@example.com").await;
    assert_eq!((code, words.contains("end its delegation")), (Some(64), true), "{words}");
    for (line, code, says) in [
        ("revoke.not_revocable", 1, "end its delegation"),
        ("token.status_503", 1, "google_outage"),
    ] {
        let fault = Fault::new(Service::Revoke, At::Answer, What::Say(line.into())).times(1);
        world.sim.world().fault(fault).unwrap();
        let (ended, words) = said(A).await;
        assert_eq!((ended, words.contains(says)), (Some(code), true), "{words}");
    }
    assert_eq!(world.sim.world().refresh_tokens(A).len(), 2, "nothing was revoked");
}
