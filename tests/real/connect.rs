//! A mailbox is linked in a real browser: the simulator's pages, and the one that `connect` shows at the end.

use serde_json::Value;

use crate::support::{ADDRESS, Google, Program, are_there, holds_in_time};

const NEEDED: &[(&str, &str)] = &[("chromium", "Chromium"), ("python3", "Python")];
const TERMINAL: &[(&str, &str)] = &[("python3", "Python")];
const BOB: &str = "bob@example.com";

/// A mailbox whose link is dead, and a colleague's.
fn google() -> Option<Google> {
    are_there(NEEDED).then(|| {
        let google = Google::start();
        google.link();
        google.world.revoke_all(ADDRESS);
        google.world.link(BOB, google.client_id());
        google
    })
}

/// Somebody follows `connect` in the browser as this account and presses this button at the end: the exit code, what it
/// said, and what the browser shows.
fn link_again(google: &Google, account: &str, button: &str) -> (Option<i32>, String, Value) {
    follow(google, google.run(&["connect", "--reconnect", ADDRESS]), account, button)
}

fn follow(
    google: &Google,
    mut connect: Program,
    account: &str,
    button: &str,
) -> (Option<i32>, String, Value) {
    let mut url = String::new();
    let asked = holds_in_time(|| {
        let said = connect.said();
        let address = said.lines().map(str::trim).find(|line| line.starts_with("https://"));
        address.unwrap_or_default().clone_into(&mut url);
        said.contains("Ctrl-C ends it.")
    });
    assert!(asked, "{}", connect.said());
    let mut browser = google.browse(&url, account, button);
    let ended = browser.ended();
    let said = browser.said();
    assert_eq!(ended, Some(0), "{said}\n{}", connect.said());
    let seen =
        said.lines().find_map(|line| line.strip_prefix("SEEN ")).expect("it tells at the end");
    let seen: Value = serde_json::from_str(seen).expect("JSON");
    assert_eq!((&seen["scripts"], &seen["laid_out"]), (&0.into(), &"grid".into()), "{seen}");
    assert_eq!(seen["complaints"], serde_json::json!([]), "{seen}");
    (connect.ended(), connect.said(), seen)
}

fn shows(seen: &Value, words: &str) -> bool {
    seen["text"].as_str().is_some_and(|text| text.contains(words))
}

fn token(google: &Google) -> String {
    let token = std::fs::read_to_string(google.folder.join("refresh-token"));
    token.expect("it was written").trim().to_owned()
}

#[test]
fn who_agrees_in_a_browser_has_a_new_token_and_sees_so() {
    let Some(google) = google() else { return };
    let dead = token(&google);
    let (code, said, seen) = link_again(&google, ADDRESS, "continue");
    assert_eq!(code, Some(0), "{said}");
    assert!(shows(&seen, "sales@example.com is linked"), "{seen}");
    assert_ne!(token(&google), dead);
    assert_eq!(google.world.refresh_tokens(ADDRESS), [token(&google)]);
    assert!(!said.contains(&token(&google)) && !seen.to_string().contains(&token(&google)));
}

#[test]
fn who_cancels_in_a_browser_sees_that_nothing_was_written() {
    let Some(google) = google() else { return };
    let dead = token(&google);
    let (code, said, seen) = link_again(&google, ADDRESS, "cancel");
    assert_eq!(code, Some(1), "{said}");
    assert!(shows(&seen, "did not agree") && shows(&seen, "Nothing was written"), "{seen}");
    assert_eq!(token(&google), dead);
}

#[test]
fn who_agrees_with_another_account_sees_which_one_was_meant() {
    let Some(google) = google() else { return };
    let dead = token(&google);
    let (code, said, seen) = link_again(&google, BOB, "continue");
    assert_eq!(code, Some(1), "{said}");
    assert!(shows(&seen, "by another Google account"), "{seen}");
    assert!(said.contains(BOB), "{said}");
    assert_eq!(token(&google), dead);
}

#[test]
fn a_grant_of_another_account_is_revoked_by_a_typed_yes() {
    for (answer, left) in [("yes", 0), ("no", 2)] {
        let Some(google) = google() else { return };
        let question = "anything else to leave it: ";
        let connect = google.ask(question, answer, &["connect", "--reconnect", ADDRESS]);
        let (code, said, _) = follow(&google, connect, BOB, "continue");
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(google.world.refresh_tokens(BOB).len(), left, "{said}");
    }
}

#[test]
fn a_link_is_revoked_by_its_typed_id_and_by_nothing_else() {
    if !are_there(TERMINAL) {
        return;
    }
    for (answer, code, left) in [(ADDRESS, 0, 0), ("yes", 64, 1), ("", 64, 1)] {
        let google = Google::start();
        google.link();
        let mut revoke = google.ask("anything else to leave it: ", answer, &["revoke", ADDRESS]);
        assert_eq!(revoke.ended(), Some(code), "{}", revoke.said());
        assert_eq!(google.world.refresh_tokens(ADDRESS).len(), left, "{}", revoke.said());
    }
}
