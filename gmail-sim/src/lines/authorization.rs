//! What the authorization endpoint and its pages say. Most of it stands in `authError`, a protobuf that
//! Google does not document; the messages of those marked "decoded" were read out of captures.

use super::{Line, Said};
use crate::fault::{At, Service};

const fn refused(
    key: &'static str,
    status: u16,
    code: &'static str,
    message: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    let said = Said::AuthError { status, code, message, documentation: None };
    Line { key, service: Service::Authorization, at: At::Answer, said, reason, source }
}

const fn row(
    key: &'static str,
    status: u16,
    body: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    super::http(Service::Authorization, key, status, body, reason, source)
}

const fn redirect(
    key: &'static str,
    location: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    let said = Said::Redirect { location };
    Line { key, service: Service::Authorization, at: At::Answer, said, reason, source }
}

impl Line {
    const fn documented_at(self, page: &'static str) -> Self {
        let Said::AuthError { status, code, message, .. } = self.said else { return self };
        Self { said: Said::AuthError { status, code, message, documentation: Some(page) }, ..self }
    }
}

const PROTOCOL: &str = "https://developers.google.com/identity/protocols/oauth2";

#[rustfmt::skip]
pub(super) const LINES: &[Line] = &[
    refused("authorization.response_type_missing", 400, "invalid_request", "Required parameter is missing: response_type", "request_invalid", "id:59227527174, decoded to the byte").documented_at(PROTOCOL),
    refused("authorization.response_type_unknown", 400, "unsupported_response_type", "Invalid response_type: {response_type}", "request_invalid", "[U] RFC 6749 section 4.1.2.1"),
    refused("authorization.client_id_missing", 400, "invalid_request", "Missing required parameter: client_id", "request_invalid", "[U] after the form of redirect_uri's"),
    refused("authorization.redirect_uri_missing", 400, "invalid_request", "Missing required parameter: redirect_uri", "request_invalid", "decoded"),
    refused("authorization.scope_missing", 400, "invalid_request", "Missing required parameter: scope", "request_invalid", "id:57416775563, a comment in somebody's source"),
    refused("authorization.challenge_method_unknown", 400, "invalid_request", "code_challenge_method is not supported", "request_invalid", "[U] only S256 and plain are documented"),
    refused("authorization.redirect_uri_policy", 400, "invalid_request", "You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy for keeping apps secure.\n\nYou can let the app developer know that this app doesn't comply with one or more Google validation rules.", "redirect_uri_policy", "decoded"),
    refused("authorization.redirect_uri_scheme", 400, "invalid_request", "Invalid parameter value for redirect_uri: Missing scheme: {uri}", "redirect_uri_policy", "decoded"),
    refused("authorization.redirect_uri_mismatch", 400, "redirect_uri_mismatch", "You can't sign in to this app because it doesn't comply with Google's OAuth 2.0 policy.\n\nIf you're the app developer, register the redirect URI in the Google Cloud Console.", "redirect_uri_mismatch", "n8n-io/n8n#25413, decoded"),
    refused("authorization.redirect_uri_mismatch_old", 400, "redirect_uri_mismatch", "The redirect URI in the request, {uri}, does not match the ones authorized for the OAuth client. To update the authorized redirect URIs, visit: https://console.developers.google.com/apis/credentials/oauthclient/", "redirect_uri_mismatch", "older; the end of the address [U]"),
    refused("authorization.client_not_found", 401, "invalid_client", "The OAuth client was not found.", "client_unknown", "decoded to the byte"),
    refused("authorization.client_deleted", 401, "deleted_client", "The OAuth client was deleted.", "client_deleted", "prasmussen/gdrive#646; that it is told before a sign-in [U]"),
    refused("authorization.client_disabled", 401, "disabled_client", "The OAuth client was disabled.", "client_disabled", "openpubkey/opkssh#617; that it is told before a sign-in [U]"),
    refused("authorization.client_disabled_unverified", 401, "disabled_client", "Sign in with Google temporarily disabled for this app. This app has not been verified yet by Google in order to use Google Sign In.", "client_disabled", "cmeng-git/xmail#5; that it is told before a sign-in [U]"),
    refused("authorization.invalid_scope", 400, "invalid_scope", "Some requested scopes cannot be shown: [{scopes}]", "request_invalid", "googleworkspace/cli#258; that it is told before a sign-in [U]"),
    refused("authorization.disallowed_useragent", 403, "disallowed_useragent", "You can\u{2019}t sign in from this screen because this app doesn\u{2019}t comply with Google\u{2019}s secure browsers policy. If this app has a website, you can open a web browser and try signing in from there.\n\nYou can let the app developer know that this app doesn\u{2019}t comply with Google\u{2019}s secure browsers policy.", "request_invalid", "skydoves/chatgpt-android#39; that it is told before a sign-in [U]"),
    refused("authorization.not_a_tester", 403, "access_denied", "{app} has not completed the Google verification process. The app is currently being tested, and can only be accessed by developer-approved testers. If you think you should have access, contact the developer.", "consent_test_user", "googleworkspace/cli#853"),
    refused("authorization.not_a_tester_old", 403, "access_denied", "The developer hasn\u{2019}t given you access to this app. It\u{2019}s currently being tested and it hasn\u{2019}t been verified by Google.", "consent_test_user", "levz0r/gmail-tester#79"),
    refused("authorization.admin_policy", 400, "admin_policy_enforced", "Access to your account data is restricted by policies within your organization. Please contact the administrator for {domain} for more information.", "admin_policy", "GAM-team/got-your-back#284"),
    refused("authorization.admin_policy_unnamed", 400, "admin_policy_enforced", "Access to your account data is restricted by policies within your organization. Please contact the administrator of your organization for more information.", "admin_policy", "GAMADV-XTD3#449"),
    refused("authorization.advanced_protection", 400, "policy_enforced", "Advanced Protection prevented your Google Account from being signed in. This security feature stops most non-Google apps and services from accessing your data to keep your account protected.", "advanced_protection", "thunderbird-android#8256"),
    refused("authorization.org_internal", 403, "org_internal", "{app} is restricted to users within its organization.", "org_internal", "secondary: guides"),
    refused("authorization.org_internal_only", 403, "org_internal", "{app} can only be used within its organization", "org_internal", "secondary: guides"),
    refused("authorization.rate_limit_exceeded", 403, "rate_limit_exceeded", "", "google_rate_limited", "support.google.com/cloud/answer/9028764, words [U] and so left out"),
    redirect("authorization.sorry", "https://www.google.com/sorry/index?continue=https://accounts.google.com/o/oauth2/v2/auth&q=EgR_AAABGP", "google_rate_limited", "id:59897696423, seen for another host; the q [U]"),
    redirect("authorization.danger", "/signin/oauth/danger?flowName=GeneralOAuthFlow", "unknown", "the path is known, what comes with it is [U]"),
    redirect("authorization.error_garbled", "/signin/oauth/error?authError=%2BnotAprotobuf%21%21&flowName=GeneralOAuthFlow", "unknown", "[U] the format is not documented, so it may become anything"),
    redirect("authorization.error_bare", "/signin/oauth/error", "unknown", "[U] the format is not documented, so it may become anything"),
    row("authorization.captcha", 200, "<!DOCTYPE html>\n<html><head><title>https://accounts.google.com/</title></head><body><form id=\"captcha-form\" action=\"index\" method=\"post\"><div class=\"g-recaptcha\"></div></form><p>Our systems have detected unusual traffic from your computer network.</p></body></html>\n", "google_rate_limited", "[U] how the page of /sorry/index looks, from memory"),
    row("authorization.html_200", 200, "<!DOCTYPE html>\n<html><head><title>Sign in - Google Accounts</title></head><body></body></html>\n", "unknown", "[U] a page where a redirect is expected"),
    row("authorization.no_location", 302, "", "unknown", "[U] a redirect that leads nowhere"),
    row("authorization.status_429", 429, "", "google_rate_limited", "[U] any front end of Google's"),
    row("authorization.status_500", 500, "", "google_outage", "[U] any front end of Google's"),
    row("authorization.status_503", 503, "", "google_outage", "[U] any front end of Google's"),
];
