//! Captured answers of Google's, those made like them, and those that are none.

use base64::engine::general_purpose;

use super::*;

const ASKED: &str = "https://accounts.google.com/o/oauth2/v2/auth?client_id=1234-abc.apps.googleusercontent.com&redirect_uri=https%3A%2F%2Fodoo.example.com%2Fgoogle_gmail%2Fconfirm&response_type=code";

const ERROR: &str = "https://accounts.google.com/signin/oauth/error";

/// As captured: no `response_type`.
const NO_TYPE: &str = "Cg9pbnZhbGlkX3JlcXVlc3QSLFJlcXVpcmVkIHBhcmFtZXRlciBpcyBtaXNzaW5nOiByZXNwb25zZV90eXBlGjdodHRwczovL2RldmVsb3BlcnMuZ29vZ2xlLmNvbS9pZGVudGl0eS9wcm90b2NvbHMvb2F1dGgyIJAD";

/// As captured: no `redirect_uri`.
const NO_URI: &str = "Cg9pbnZhbGlkX3JlcXVlc3QSKE1pc3NpbmcgcmVxdWlyZWQgcGFyYW1ldGVyOiByZWRpcmVjdF91cmkaN2h0dHBzOi8vZGV2ZWxvcGVycy5nb29nbGUuY29tL2lkZW50aXR5L3Byb3RvY29scy9vYXV0aDIgkAM%3D";

/// As captured: a `redirect_uri` without a scheme, before Google gave details.
const NO_SCHEME: &str = "Cg9pbnZhbGlkX3JlcXVlc3QSPUludmFsaWQgcGFyYW1ldGVyIHZhbHVlIGZvciByZWRpcmVjdF91cmk6IE1pc3Npbmcgc2NoZW1lOiBhZmQaNWh0dHA6Ly9jb2RlLmdvb2dsZS5jb20vYXBpcy9hY2NvdW50cy9kb2NzL09BdXRoMi5odG1sIJAD";

/// As captured: a `redirect_uri` of `localhost:3000`, which breaks Google's rules.
const POLICY: &str = "Cg9pbnZhbGlkX3JlcXVlc3QS3gEKWW91IGNhbid0IHNpZ24gaW4gdG8gdGhpcyBhcHAgYmVjYXVzZSBpdCBkb2Vzbid0IGNvbXBseSB3aXRoIEdvb2dsZSdzIE9BdXRoIDIuMCBwb2xpY3kgZm9yIGtlZXBpbmcgYXBwcyBzZWN1cmUuCgpZb3UgY2FuIGxldCB0aGUgYXBwIGRldmVsb3BlciBrbm93IHRoYXQgdGhpcyBhcHAgZG9lc24ndCBjb21wbHkgd2l0aCBvbmUgb3IgbW9yZSBHb29nbGUgdmFsaWRhdGlvbiBydWxlcy4KICAaWWh0dHBzOi8vZGV2ZWxvcGVycy5nb29nbGUuY29tL2lkZW50aXR5L3Byb3RvY29scy9vYXV0aDIvcG9saWNpZXMjc2VjdXJlLXJlc3BvbnNlLWhhbmRsaW5nIJADKh4KDHJlZGlyZWN0X3VyaRIObG9jYWxob3N0OjMwMDA%3D";

/// As captured, all but the URI, which is an example's: message, page, status, detail, and all of it again in field 6.
const MISMATCH: &str = "ChVyZWRpcmVjdF91cmlfbWlzbWF0Y2gSsAEKWW91IGNhbid0IHNpZ24gaW4gdG8gdGhpcyBhcHAgYmVjYXVzZSBpdCBkb2Vzbid0IGNvbXBseSB3aXRoIEdvb2dsZSdzIE9BdXRoIDIuMCBwb2xpY3kuCgpJZiB5b3UncmUgdGhlIGFwcCBkZXZlbG9wZXIsIHJlZ2lzdGVyIHRoZSByZWRpcmVjdCBVUkkgaW4gdGhlIEdvb2dsZSBDbG91ZCBDb25zb2xlLgogIBptaHR0cHM6Ly9kZXZlbG9wZXJzLmdvb2dsZS5jb20vaWRlbnRpdHkvcHJvdG9jb2xzL29hdXRoMi93ZWItc2VydmVyI2F1dGhvcml6YXRpb24tZXJyb3JzLXJlZGlyZWN0LXVyaS1taXNtYXRjaCCQAyo9CgxyZWRpcmVjdF91cmkSLWh0dHBzOi8vb2Rvby5leGFtcGxlLmNvbS9nb29nbGVfZ21haWwvY29uZmlybTKkAggBErABCllvdSBjYW4ndCBzaWduIGluIHRvIHRoaXMgYXBwIGJlY2F1c2UgaXQgZG9lc24ndCBjb21wbHkgd2l0aCBHb29nbGUncyBPQXV0aCAyLjAgcG9saWN5LgoKSWYgeW91J3JlIHRoZSBhcHAgZGV2ZWxvcGVyLCByZWdpc3RlciB0aGUgcmVkaXJlY3QgVVJJIGluIHRoZSBHb29nbGUgQ2xvdWQgQ29uc29sZS4KICAabWh0dHBzOi8vZGV2ZWxvcGVycy5nb29nbGUuY29tL2lkZW50aXR5L3Byb3RvY29scy9vYXV0aDIvd2ViLXNlcnZlciNhdXRob3JpemF0aW9uLWVycm9ycy1yZWRpcmVjdC11cmktbWlzbWF0Y2g";

/// As captured: an unknown client.
const NO_CLIENT: &str = "Cg5pbnZhbGlkX2NsaWVudBIfVGhlIE9BdXRoIGNsaWVudCB3YXMgbm90IGZvdW5kLiCRAw";

/// As captured: a request that has nothing to do with redirect URIs.
const NO_HINT: &str = "Cg9pbnZhbGlkX3JlcXVlc3QSO1Blcm1pc3Npb24gZGVuaWVkIHRvIGdlbmVyYXRlIGxvZ2luIGhpbnQgZm9yIHRhcmdldCBkb21haW4uIJAD";

fn answer(location: &str) -> Preflight {
    read(&Url::parse(ASKED).unwrap(), 302, Some(location), &Redactor::default())
}

fn told(error: &str) -> Preflight {
    answer(&format!("{ERROR}?authError={error}&flowName=GeneralOAuthFlow&aes=AVQXgO"))
}

fn refused(answer: Preflight) -> Refusal {
    match answer {
        Preflight::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_unknown(answer: &Preflight, why: &str) {
    match answer {
        Preflight::Unknown(said) if said.contains(why) => {}
        other => panic!("{other:?}, not unknown for {why}"),
    }
}

#[test]
fn what_was_captured_ends_in_its_reason() {
    let cases = [
        (
            NO_TYPE,
            Reason::RequestInvalid,
            "Required parameter is missing: response_type",
            400,
            None,
        ),
        (NO_URI, Reason::RequestInvalid, "Missing required parameter: redirect_uri", 400, None),
        (
            NO_SCHEME,
            Reason::RedirectUriPolicy,
            "Invalid parameter value for redirect_uri: Missing scheme: afd",
            400,
            None,
        ),
        (
            NO_HINT,
            Reason::RequestInvalid,
            "Permission denied to generate login hint for target domain.",
            400,
            None,
        ),
        (POLICY, Reason::RedirectUriPolicy, "validation rules.", 400, Some("localhost:3000")),
        (
            MISMATCH,
            Reason::RedirectUriMismatch,
            "Google Cloud Console.",
            400,
            Some("https://odoo.example.com/google_gmail/confirm"),
        ),
        (NO_CLIENT, Reason::ClientUnknown, "The OAuth client was not found.", 401, None),
    ];
    for (error, reason, words, status, uri) in cases {
        let refusal = refused(told(error));
        assert_eq!(refusal.reason, reason, "{refusal:?}");
        assert!(refusal.message.ends_with(words), "{refusal:?}");
        assert_eq!(refusal.status, Some(status), "{refusal:?}");
        assert_eq!(refusal.redirect_uri.as_deref(), uri);
    }
    assert_eq!(refused(told(MISMATCH)).error, "redirect_uri_mismatch");
}

#[test]
fn the_encoding_does_not_matter() {
    // Bytes that have characters of their own in either alphabet, and need padding.
    let odd =
        AuthError { message: "\u{43e}\u{43f}???>>>\u{ff}".to_owned(), ..made("invalid_client") };
    let bytes = odd.encode_to_vec();
    let standard = general_purpose::STANDARD.encode(&bytes);
    let url_safe = general_purpose::URL_SAFE.encode(&bytes);
    assert!(standard.contains('+') || standard.contains('/'), "{standard}");
    let spellings = [
        standard.trim_end_matches('=').to_owned(),
        standard.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        url_safe.trim_end_matches('=').to_owned(),
        url_safe.replace('=', "%3D"),
        url_safe.replace('=', "%3d"),
        standard,
        url_safe,
    ];
    for spelling in spellings {
        let refusal = refused(told(&spelling));
        assert_eq!((refusal.reason, refusal.status), (Reason::ClientUnknown, Some(401)));
        assert_eq!(refusal.message, odd.message);
    }
}

#[test]
fn order_and_unknown_fields_do_not_matter() {
    let fields: [&[u8]; 6] = [
        b"\x20\x90\x03",
        b"\x2a\x11\x0a\x0credirect_uri\x12\x01x",
        b"\x0a\x0finvalid_request",
        b"\x12\x02no",
        // Fields that nobody has seen yet, of each wire type.
        b"\x7a\x03abc\x78\x05\x79\x01\x02\x03\x04\x05\x06\x07\x08\x7d\x01\x02\x03\x04",
        b"\x2a\x09\x0a\x05scope\x12\x00",
    ];
    for turn in 0..fields.len() {
        let mut turned = fields;
        turned.rotate_left(turn);
        let refusal = refused(told(&general_purpose::URL_SAFE_NO_PAD.encode(turned.concat())));
        assert_eq!(refusal.reason, Reason::RedirectUriPolicy);
        assert_eq!((&*refusal.message, refusal.status), ("no", Some(400)));
        assert_eq!(refusal.redirect_uri.as_deref(), Some("x"));
    }
}

#[test]
fn every_code_that_is_known_has_its_reason_and_no_other_has_one() {
    let cases = [
        ("access_denied", "consent_test_user"),
        ("admin_policy_enforced", "admin_policy"),
        ("deleted_client", "client_deleted"),
        ("disabled_client", "client_disabled"),
        ("invalid_client", "client_unknown"),
        ("invalid_request", "request_invalid"),
        ("invalid_scope", "request_invalid"),
        ("org_internal", "org_internal"),
        ("policy_enforced", "advanced_protection"),
        ("rate_limit_exceeded", "google_rate_limited"),
        ("redirect_uri_mismatch", "redirect_uri_mismatch"),
        ("server_error", "google_outage"),
        ("temporarily_unavailable", "google_outage"),
        ("unsupported_response_type", "request_invalid"),
    ];
    assert_eq!(cases.map(|case| case.0), *CODES.iter().map(|code| code.0).collect::<Vec<_>>());
    for (code, reason) in cases {
        let error = general_purpose::URL_SAFE_NO_PAD.encode(made(code).encode_to_vec());
        assert_eq!(refused(told(&error)).reason.name(), reason, "{code}");
    }
    for code in ["disallowed_useragent", "INVALID_CLIENT", "invalid_client ", "ok"] {
        let error = general_purpose::URL_SAFE_NO_PAD.encode(made(code).encode_to_vec());
        assert_unknown(&told(&error), &format!("not known: {}", code.trim_end()));
    }
}

#[test]
fn only_the_page_that_asks_who_is_there_means_accepted() {
    let fine = [
        "https://accounts.google.com/v3/signin/identifier?opparams=%253F&dsh=S0%3A0&client_id=1234-abc.apps.googleusercontent.com",
        "https://accounts.google.com/v3/signin/identifier?opparams=%253F&dsh=S-1&access_type=offline&client_id=1234-abc.apps.googleusercontent.com&o2v=2&prompt=consent&redirect_uri=https%3A%2F%2Fodoo.example.com%2Fgoogle_gmail%2Fconfirm&response_type=code&flowName=GeneralOAuthFlow",
        "https://accounts.google.com/v3/signin/identifier",
        "/v3/signin/identifier?opparams=%253F",
    ];
    for location in fine {
        assert_eq!(answer(location), Preflight::Accepted, "{location}");
    }
    let odd = [
        ("https://accounts.google.com/v3/signin/identifier?client_id=other", "another client"),
        (
            "https://accounts.google.com/v3/signin/identifier?redirect_uri=https%3A%2F%2Fodoo.example.com%2F",
            "another client",
        ),
        ("https://accounts.google.com/signin/identifier", "not known: /signin/identifier"),
        ("https://accounts.google.com/v3/signin/identifier/", "not known"),
        ("https://accounts.google.com/v3/signin/rejected", "not known"),
        ("https://accounts.google.com/o/oauth2/v2/auth", "not known"),
        (
            "https://accounts.google.com/signin/oauth/danger?authError=x",
            "not known: /signin/oauth/danger",
        ),
        (
            "https://www.google.com/sorry/index?continue=x&q=EhAo",
            "another server: https://www.google.com",
        ),
        ("http://accounts.google.com/v3/signin/identifier", "another server"),
        ("https://accounts.google.com:8443/v3/signin/identifier", "another server"),
        ("https://accounts.google.com.example.com/v3/signin/identifier", "another server"),
        ("//proxy.example.com/v3/signin/identifier", "another server"),
        ("https://odoo.example.com/google_gmail/confirm?error=access_denied", "another server"),
        ("http://[", "cannot be read"),
        ("", "not known: /o/oauth2/v2/auth"),
    ];
    for (location, why) in odd {
        assert_unknown(&answer(location), why);
    }
    let asked = Url::parse(ASKED).unwrap();
    for status in [200, 301, 303, 307, 400, 403, 429, 500, 503] {
        let answer = read(&asked, status, Some(fine[0]), &Redactor::default());
        assert_unknown(&answer, &status.to_string());
    }
    assert_unknown(&read(&asked, 302, None, &Redactor::default()), "without an address");
    assert_unknown(&answer(&format!("{}&x={}", fine[0], "x".repeat(LONGEST))), "too long");
}

#[test]
fn a_server_that_stands_in_for_google_may_answer_for_itself_only() {
    let asked = Url::parse("http://127.0.0.1:4000/o/oauth2/v2/auth?client_id=a").unwrap();
    let read = |location: &str| read(&asked, 302, Some(location), &Redactor::default());
    assert_eq!(read("http://127.0.0.1:4000/v3/signin/identifier?client_id=a"), Preflight::Accepted);
    assert_eq!(read("/v3/signin/identifier"), Preflight::Accepted);
    let refusal = refused(read(&format!("/signin/oauth/error/v2?authError={NO_CLIENT}")));
    assert_eq!(refusal.reason, Reason::ClientUnknown);
    // gmail-sim names Google's host, as Google does.
    assert_eq!(read("https://accounts.google.com/v3/signin/identifier"), Preflight::Accepted);
    assert_unknown(&read("http://127.0.0.1:4001/v3/signin/identifier"), "another server");
    assert_unknown(&read("https://127.0.0.1:4000/v3/signin/identifier"), "another server");
}

#[test]
fn garbage_is_unknown() {
    let hostile: &[(&[u8], &str)] = &[
        (b"", "no code"),
        (b"\x20\x90\x03", "no code"),
        (b"\x0a\x00\x12\x01x", "no code"),
        // Longer than there is, by a little and by all that can be said.
        (b"\x0a\x0finvalid_reques", "not built"),
        (b"\x0a\xff\xff\xff\xff\x0fx", "not built"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", "not built"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", "not built"),
        // No text, a number where a text should be, groups, field 0, wire types that do not exist.
        (b"\x0a\x02\xff\xfe", "not built"),
        (b"\x08\x01", "not built"),
        (b"\x0a\x0einvalid_client\x22\x01x", "not built"),
        (b"\x0b\x0b\x0b\x0b", "not built"),
        (b"\x02\x01x", "not built"),
        (b"\x0e\x01x", "not built"),
        (b"\x80", "not built"),
    ];
    for (bytes, why) in hostile {
        assert_unknown(&told(&general_purpose::URL_SAFE_NO_PAD.encode(bytes)), why);
    }
    for error in ["!!!", "Cg5", "redirect_uri_mismatch", "%ff%fe", "Cg5 pbnZh", "====", "C"] {
        assert_unknown(&told(error), "an error page whose error");
    }
    for query in ["", "?", "?authError", "?autherror=x", "?xauthError=x", "?a=b#authError=x"] {
        assert_unknown(&answer(&format!("{ERROR}{query}")), "does not say one error");
    }
    assert_unknown(&told(&format!("{NO_CLIENT}&authError={NO_CLIENT}")), "does not say one error");
    // Cut anywhere, it names another error or none, but never panics and never accepts.
    for end in 0..MISMATCH.len() {
        match told(&MISMATCH[..end]) {
            Preflight::Accepted => panic!("{end}"),
            Preflight::Refused(refusal) => assert_eq!(refusal.reason, Reason::RedirectUriMismatch),
            Preflight::Unknown(_) => {}
        }
    }
}

#[test]
fn words_are_redacted_and_bounded() {
    let long = AuthError {
        message: format!("no\r\nya29.a0AfB_byC-d {}", "x ".repeat(5000)),
        details: vec![Detail {
            name: "redirect_uri".into(),
            value: "https://a/?code=4/0Abc".into(),
        }],
        status: 70_000,
        ..made("invalid_client")
    };
    let refusal = refused(told(&general_purpose::URL_SAFE_NO_PAD.encode(long.encode_to_vec())));
    assert!(refusal.message.starts_with("no  **** x x"), "{refusal:?}");
    assert!(refusal.message.chars().count() <= 1001);
    assert_eq!(refusal.redirect_uri.as_deref(), Some("https://a/?code=****"));
    assert_eq!(refusal.status, None);
    let secret = "https://accounts.google.com/signin/ya29.a0AfB_byC-d";
    assert_unknown(&answer(secret), "/signin/****");
}

proptest::proptest! {
    #[test]
    fn no_answer_is_too_odd(location: String, bytes: Vec<u8>) {
        let never = |answer| assert_ne!(answer, Preflight::Accepted);
        never(answer(&location));
        never(told(&location));
        never(told(&general_purpose::URL_SAFE_NO_PAD.encode(bytes)));
    }
}

fn made(code: &str) -> AuthError {
    AuthError { error: code.to_owned(), message: "no".to_owned(), status: 401, details: Vec::new() }
}
