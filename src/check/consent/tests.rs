//! What Google's answers come to, where no socket is needed.

use super::*;

fn refusal(reason: Reason, error: &str, message: &str) -> Refusal {
    Refusal {
        reason,
        error: error.to_owned(),
        message: message.to_owned(),
        status: Some(400),
        redirect_uri: None,
    }
}

#[test]
fn only_what_google_says_against_client_or_uri_is_a_refusal() {
    let policy = "You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy for keeping apps secure.";
    let cases = [
        (Reason::RedirectUriMismatch, "redirect_uri_mismatch", "", "redirect_uri_mismatch"),
        (Reason::RedirectUriPolicy, "invalid_request", "no", "redirect_uri_policy"),
        (Reason::RequestInvalid, "invalid_request", policy, "redirect_uri_policy"),
        (Reason::RequestInvalid, "invalid_request", "odd", "request_invalid"),
        (Reason::ClientDeleted, "deleted_client", "", "client_deleted"),
        (Reason::ClientDisabled, "disabled_client", "", "client_disabled"),
        (Reason::ClientUnknown, "invalid_client", "", "client_unknown"),
        (Reason::OrgInternal, "org_internal", "", "org_internal"),
        (Reason::GoogleOutage, "server_error", "", ""),
    ];
    for (reason, error, message, expected) in cases {
        let refused = of_refusal(&refusal(reason, error, message)).refused();
        assert_eq!(refused.map_or("", Reason::name), expected, "{error}: {message}");
    }
}

#[test]
fn a_password_in_a_uri_is_never_shown() {
    let cases = [
        ("https://odoo.example.com/cb", "https://odoo.example.com/cb"),
        ("https://bot:hunter2@odoo.example.com/cb", "https://****@odoo.example.com/cb"),
        ("https://bot:hun@ter2@odoo.example.com", "https://****@odoo.example.com"),
        ("https://odoo.example.com/a@b", "https://odoo.example.com/a@b"),
        ("odoo", "odoo"),
    ];
    for (uri, expected) in cases {
        assert_eq!(shown(uri), expected);
    }
}

#[test]
fn an_odoos_uri_is_what_it_writes_and_comes_with_what_would_be_right() {
    let uri = RedirectUri::of_odoo("http://odoo.example.com:8069/");
    assert_eq!(uri.uri, "http://odoo.example.com:8069/google_gmail/confirm");
    assert_eq!(uri.broken()[0].to_string(), "it is http, not https");
    let advice = uri.advice().unwrap();
    assert!(advice.contains("register https://odoo.example.com/google_gmail/confirm"), "{advice}");
    let configured = RedirectUri { odoo: None, ..uri };
    assert_eq!(configured.advice(), None);
}

#[test]
fn the_default_schedule_is_daily_at_a_time_of_its_own() {
    let timing = Config::default().settle(Tz::UTC);
    assert!(timing.enabled);
    assert_eq!(timing.schedule.to_string(), "45 4 * * *");
}
