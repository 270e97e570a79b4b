//! What the authorization endpoint tells before anybody signs in.

use base64::{Engine, engine::general_purpose::STANDARD};
use gmail_sim::{ClientKind, ClientState, ErrorForm, Fault};

use crate::{
    browser::{MAIL, URI, field, wish},
    support::{CLIENT, Stage},
};

async fn stage() -> Stage {
    let stage = Stage::set().await;
    stage.world.register_redirect(CLIENT, URI);
    stage
}

/// Where it sends a browser that brings no cookie.
async fn location(stage: &Stage, method: &str, more: &[(&str, &str)]) -> String {
    let head = format!("{method} PATH HTTP/1.1\r\nHost: accounts.google.com\r\n");
    let answer = stage.raw_https(&wish(stage, more), &head, "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 302 Found\r\n"), "{answer}");
    answer.split("\r\nLocation: ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned()
}

/// The bytes of `authError`, as text; they begin with the code and hold the message.
fn error(location: &str) -> String {
    let standard = field(location, "authError").replace('-', "+").replace('_', "/");
    let standard = standard.trim_end_matches('=');
    let padded = format!("{standard}{}", &"==="[..(4 - standard.len() % 4) % 4]);
    String::from_utf8_lossy(&STANDARD.decode(padded).unwrap()).into_owned()
}

#[tokio::test]
async fn a_request_that_would_do_is_sent_to_the_sign_in() {
    let stage = stage().await;
    for method in ["GET", "HEAD"] {
        let location = location(&stage, method, &[]).await;
        let start = "https://accounts.google.com/v3/signin/identifier?opparams=%253F&dsh=S1&client_id=1234-abc.apps.googleusercontent.com&";
        assert!(location.starts_with(start), "{location}");
    }
}

#[tokio::test]
async fn each_mistake_has_its_own_code_and_words() {
    let stage = stage().await;
    for (id, state) in [("1-gone", ClientState::Deleted), ("1-off", ClientState::Disabled)] {
        stage.world.set_client(id, |client| client.state = state);
    }
    let policy = "one or more Google validation rules.";
    let cases = [
        ("response_type", "", "invalid_request", "Required parameter is missing: response_type"),
        ("client_id", "", "invalid_request", "Missing required parameter: client_id"),
        ("client_id", "nobody", "invalid_client", "The OAuth client was not found."),
        ("client_id", "1-gone", "deleted_client", "The OAuth client was deleted."),
        ("client_id", "1-off", "disabled_client", "The OAuth client was disabled."),
        ("redirect_uri", "", "invalid_request", "Missing required parameter: redirect_uri"),
        ("redirect_uri", "odoo/x", "invalid_request", "redirect_uri: Missing scheme: odoo/x"),
        ("redirect_uri", "http://odoo.example.com/", "invalid_request", policy),
        ("redirect_uri", "https://odoo.lan/", "invalid_request", policy),
        ("redirect_uri", "https://192.0.2.7/", "invalid_request", policy),
        ("redirect_uri", &format!("{URI}/"), "redirect_uri_mismatch", "register the redirect URI"),
        ("scope", "", "invalid_request", "Missing required parameter: scope"),
        ("scope", "mail nonsense", "invalid_scope", "cannot be shown: [mail, nonsense]"),
        ("response_type", "banana", "unsupported_response_type", "banana"),
        ("code_challenge_method", "MD5", "invalid_request", "code_challenge_method"),
    ];
    for (name, value, code, words) in cases {
        let location = location(&stage, "GET", &[(name, value)]).await;
        assert!(location.starts_with("https://accounts.google.com/signin/oauth/error?authError=C"));
        let error = error(&location);
        assert!(error[2..].starts_with(code), "{name}={value}: {error}");
        assert!(error.contains(words), "{name}={value}: {error}");
        assert_eq!(field(&location, "flowName"), "GeneralOAuthFlow");
    }
}

#[tokio::test]
async fn a_client_for_desktops_may_use_any_port_of_the_loopback_address() {
    let stage = stage().await;
    stage.world.set_client(CLIENT, |client| client.kind = ClientKind::Desktop);
    let ask = async |uri| location(&stage, "GET", &[("redirect_uri", uri)]).await;
    assert!(ask("http://127.0.0.1:43210/").await.contains("/v3/signin/identifier?"));
    assert!(ask("http://[::1]:43210/back").await.contains("/v3/signin/identifier?"));
    assert!(error(&ask(URI).await).contains("redirect_uri_mismatch"));
    stage.world.set_client(CLIENT, |client| client.kind = ClientKind::Web);
    assert!(error(&ask("http://127.0.0.1:43210/").await).contains("redirect_uri_mismatch"));
}

#[tokio::test]
async fn an_embedded_browser_is_turned_away() {
    let stage = stage().await;
    let head = "GET PATH HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0 (Linux; Android 11; Pixel 2 XL; wv) Chrome/83\r\n";
    let answer = stage.raw_https(&wish(&stage, &[]), head, "").await.unwrap();
    assert!(answer.contains("authError=ChRkaXNhbGxvd2VkX3VzZXJhZ2VudB"), "{answer}");
}

#[tokio::test]
async fn an_error_is_written_in_every_way_that_was_seen() {
    let stage = stage().await;
    let bad = [("redirect_uri", "https://elsewhere.example.com/")];
    let nobody = [("client_id", "nobody")];
    let change = |change: fn(&mut ErrorForm)| stage.world.set_error_form(change);
    let captured = "Cg5pbnZhbGlkX2NsaWVudBIfVGhlIE9BdXRoIGNsaWVudCB3YXMgbm90IGZvdW5kLiCRAw";
    assert_eq!(field(&location(&stage, "GET", &nobody).await, "authError"), captured);
    change(|form| form.padded = true);
    let padded = field(&location(&stage, "GET", &nobody).await, "authError");
    assert_eq!(padded, format!("{captured}=="));
    let mut seen = std::collections::BTreeSet::from([location(&stage, "GET", &bad).await]);
    let changes: [fn(&mut ErrorForm); 4] = [
        |form| form.details = true,
        |form| form.reversed = true,
        |form| form.v2 = true,
        |form| form.origin = Some("https://accounts.example".to_owned()),
    ];
    for one in changes {
        change(one);
        let location = location(&stage, "GET", &bad).await;
        assert!(error(&location).contains("redirect_uri_mismatch"), "{location}");
        assert!(seen.insert(location.clone()), "nothing changed: {location}");
    }
    let last = location(&stage, "GET", &bad).await;
    let page = "https://accounts.example/signin/oauth/error/v2?authError=";
    assert!(last.starts_with(page), "{last}");
    assert!(!last.contains("authError=Ch"), "the code no longer stands first: {last}");
    let error = error(&last);
    assert!(error.contains("redirect_uri\u{12}"), "field 5: {error:?}");
    // Some message has a byte for which the alphabets differ.
    change(|form| form.reversed = false);
    let many = (0..40).map(|n| format!("https://elsewhere.example.com/?{}", ">?~".repeat(n)));
    let mut differs = false;
    for uri in many {
        let url_safe = location(&stage, "GET", &[("redirect_uri", &uri)]).await;
        change(|form| form.standard_alphabet = true);
        let standard = location(&stage, "GET", &[("redirect_uri", &uri)]).await;
        change(|form| form.standard_alphabet = false);
        let letters = field(&standard, "authError");
        assert!(!letters.contains(['-', '_']), "{letters}");
        assert_eq!(letters.replace('+', "-").replace('/', "_"), field(&url_safe, "authError"));
        differs |= standard != url_safe;
    }
    assert!(differs);
}

#[tokio::test]
async fn answers_that_nobody_can_read_can_be_had_too() {
    let stage = stage().await;
    let head = "GET PATH HTTP/1.1\r\nHost: accounts.google.com\r\n";
    let cases = [
        ("authorization.sorry", "302", "\r\nLocation: https://www.google.com/sorry/index?"),
        (
            "authorization.danger",
            "302",
            "\r\nLocation: https://accounts.google.com/signin/oauth/danger?",
        ),
        ("authorization.error_garbled", "302", "/signin/oauth/error?authError=%2BnotAprotobuf"),
        ("authorization.captcha", "200", "captcha-form"),
        ("authorization.html_200", "200", "<title>"),
        ("authorization.no_location", "302", "\r\nContent-Length: 0\r\n"),
        ("authorization.status_429", "429", ""),
        ("authorization.status_500", "500", ""),
        ("authorization.org_internal", "302", "authError=CgxvcmdfaW50ZXJuYWwS"),
        ("authorization.admin_policy", "302", "authError=ChVhZG1pbl9wb2xpY3lfZW5mb3JjZWQS"),
    ];
    for (key, status, words) in cases {
        stage.world.fault(Fault::say(key).unwrap().times(1)).unwrap();
        let answer = stage.raw_https(&wish(&stage, &[]), head, "").await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{key}: {answer}");
        assert!(answer.contains(words), "{key}: {answer}");
        assert_eq!(
            answer.contains("Location: "),
            status == "302" && key != "authorization.no_location"
        );
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let stage = stage().await;
    stage.world.fault(Fault::say("authorization.captcha").unwrap()).unwrap();
    let head = "HEAD PATH HTTP/1.1\r\nHost: x\r\n";
    let answer = stage.raw_https(&wish(&stage, &[]), head, "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(!answer.contains("Content-Length: 0"), "{answer}");
}

#[tokio::test]
async fn without_a_person_prompt_none_goes_straight_back() {
    let stage = stage().await;
    let location = location(&stage, "GET", &[("prompt", "none"), ("scope", MAIL)]).await;
    assert!(location.starts_with(URI), "{location}");
    assert_eq!(field(&location, "error"), "access_denied");
    assert_eq!(field(&location, "state"), r#"{"model": "ir.mail_server", "id": 1}"#);
}
