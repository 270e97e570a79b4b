//! What the token endpoint answers.

use super::{Line, http};
use crate::fault::Service;

/// A JSON error as Google prints it.
macro_rules! error {
    ($error:literal) => {
        concat!("{\n  \"error\": \"", $error, "\"\n}")
    };
    ($error:literal, $description:literal) => {
        concat!(
            "{\n  \"error\": \"",
            $error,
            "\",\n  \"error_description\": \"",
            $description,
            "\"\n}"
        )
    };
    ($error:literal, $description:literal, $subtype:literal) => {
        concat!(
            "{\n  \"error\": \"",
            $error,
            "\",\n  \"error_description\": \"",
            $description,
            "\",\n  \"error_uri\": \"https://support.google.com/a/answer/9368756\",\n",
            "  \"error_subtype\": \"",
            $subtype,
            "\"\n}"
        )
    };
}

const fn row(
    key: &'static str,
    status: u16,
    body: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    http(Service::Token, key, status, body, reason, source)
}

#[rustfmt::skip]
pub(super) const LINES: &[Line] = &[
    row("token.expired_or_revoked", 400, error!("invalid_grant", "Token has been expired or revoked."), "grant_revoked_or_expired", "AppleIdLoginHelper/LoginHelper#8"),
    row("token.bad_request", 400, error!("invalid_grant", "Bad Request"), "grant_revoked_or_expired", "nextcloud/server#40863"),
    row("token.invalid_grant_bare", 400, error!("invalid_grant"), "grant_revoked_or_expired", "the description is not documented, so it may be absent"),
    row("token.account_deleted", 400, error!("invalid_grant", "Account has been deleted"), "account_deleted", "FlowCrypt/flowcrypt-browser#2269"),
    row("token.account_deleted_impersonated", 400, error!("invalid_grant", "The account has been deleted"), "account_deleted", "GAM-team/GAM#1171, status [U]"),
    row("token.invalid_rapt", 400, error!("invalid_grant", "reauth related error (invalid_rapt)", "invalid_rapt"), "session_control_reauth", "cline/cline#4080"),
    row("token.rapt_required", 400, error!("invalid_grant", "reauth related error (rapt_required)", "rapt_required"), "session_control_reauth", "minodisk/bigquery-runner#47"),
    row("token.rapt_required_bare", 400, error!("invalid_grant", "reauth related error", "rapt_required"), "session_control_reauth", "Chromium's fixtures id:635957825"),
    row("token.malformed_code", 400, error!("invalid_grant", "Malformed auth code."), "grant_revoked_or_expired", "id:19427233379"),
    row("token.code_verifier_invalid", 400, error!("invalid_grant", "Invalid code verifier."), "grant_revoked_or_expired", "googleapis/google-api-java-client#1479"),
    row("token.code_verifier_missing", 400, error!("invalid_grant", "Missing code verifier."), "grant_revoked_or_expired", "googleapis/google-api-php-client#2669"),
    row("token.code_verifier_needless", 400, error!("invalid_grant", "code_verifier or verifier is not needed."), "grant_revoked_or_expired", "googleapis/google-auth-library-nodejs#2028, the full stop [U]"),
    row("token.code_missing", 400, error!("invalid_request", "Missing required parameter: code"), "request_invalid", "description [U]"),
    row("token.jwt_signature", 400, error!("invalid_grant", "Invalid JWT Signature."), "service_account_key_invalid", "GAM glapi.py"),
    row("token.jwt_issuer", 400, error!("invalid_grant", "Invalid JWT: No valid verifier found for issuer"), "service_account_key_invalid", "GAM glapi.py"),
    row("token.jwt_issuer_short", 400, error!("invalid_grant", "No valid verifier found for issuer"), "service_account_key_invalid", "GAM glapi.py"),
    row("token.jwt_timeframe", 400, error!("invalid_grant", "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe"), "clock_wrong", "l5-google-cloud-storage#6"),
    row("token.jwt_timeframe_60", 400, error!("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."), "clock_wrong", "the last sentence [U]"),
    row("token.jwt_not_an_email", 400, error!("invalid_grant", "Not a valid email"), "impersonated_user_unknown", "GAM glapi.py"),
    row("token.jwt_user", 400, error!("invalid_grant", "Invalid email or User ID"), "impersonated_user_unknown", "GAM glapi.py"),
    row("token.jwt_audience", 400, error!("invalid_grant", "Invalid JWT: Failed audience check."), "request_invalid", "[U] only that other audiences are refused is known"),
    row("token.jwt_account_gone", 400, error!("invalid_grant", "Invalid grant: account not found"), "service_account_key_invalid", "googleapis/google-cloud-php#3622"),
    row("token.jwt_account_disabled", 400, error!("invalid_grant", "Robot is disabled."), "service_account_key_invalid", "googleapis/google-api-ruby-client#720"),
    row("token.assertion_missing", 400, error!("invalid_request", "Missing required parameter: assertion"), "request_invalid", "description [U]"),
    row("token.redirect_uri_mismatch", 400, error!("redirect_uri_mismatch", "Bad Request"), "redirect_uri_mismatch", "description [U]"),
    row("token.no_client_id", 400, error!("invalid_request", "Could not determine client ID from request."), "request_invalid", "id:62804163054"),
    row("token.redirect_uri_missing", 400, error!("invalid_request", "Missing parameter: redirect_uri"), "request_invalid", "secondary"),
    row("token.refresh_token_missing", 400, error!("invalid_request", "Missing required parameter: refresh_token"), "request_invalid", "description [U]"),
    row("token.secret_missing", 400, error!("invalid_request", "client_secret is missing."), "request_invalid", "description [U]"),
    row("token.impersonation_sub", 400, error!("invalid_request", "Invalid impersonation \\\"sub\\\" field."), "impersonated_user_unknown", "GAM-team/GAM#1171"),
    row("token.impersonation_prn", 400, error!("invalid_request", "Invalid impersonation prn email address"), "impersonated_user_unknown", "GAM glapi.py"),
    row("token.client_not_found", 401, error!("invalid_client", "The OAuth client was not found."), "client_unknown", "developers.google.com youtube/v3/guides/auth/devices"),
    row("token.secret_invalid", 401, error!("invalid_client", "The provided client secret is invalid."), "client_secret_invalid", "id:69410669231"),
    row("token.secret_invalid_old", 401, error!("invalid_client", "Unauthorized"), "client_secret_invalid", "google/GTMAppAuth#15"),
    row("token.client_deleted", 401, error!("deleted_client", "The OAuth client was deleted."), "client_deleted", "googleapis/google-api-nodejs-client#1256"),
    row("token.client_disabled", 401, error!("disabled_client", "The OAuth client was disabled."), "client_disabled", "openpubkey/opkssh#617"),
    row("token.unauthorized_client", 401, error!("unauthorized_client", "Unauthorized"), "client_mismatch", "prasmussen/gdrive#375"),
    row("token.unauthorized_client_bare", 401, error!("unauthorized_client"), "client_mismatch", "googleapis/google-api-dotnet-client#2802"),
    row("token.delegation_missing", 401, error!("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."), "dwd_not_authorized", "googleads-php-lib#367"),
    row("token.delegation_missing_old", 401, error!("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method."), "dwd_not_authorized", "older, without the second clause"),
    row("token.delegation_scope", 401, error!("unauthorized_client", "Unauthorized client or scope in request."), "dwd_not_authorized", "developers.google.com/identity/protocols/oauth2/service-account"),
    row("token.delegation_denied", 400, error!("access_denied", "Requested client not authorized."), "dwd_not_authorized", "id:7853317973, status [U]"),
    row("token.unsupported_grant_type", 400, error!("unsupported_grant_type", "Invalid grant_type: "), "request_invalid", "description [U]"),
    row("token.admin_policy", 400, error!("admin_policy_enforced"), "admin_policy", "dust-tt/dust#31975, description [U] and so left out"),
    row("token.advanced_protection", 400, error!("policy_enforced", "Advanced Protection prevented your Google Account from being signed in. This security feature stops most non-Google apps and services from accessing your data to keep your account protected."), "advanced_protection", "twentyhq/twenty#25148, closeio/sync-engine#461, status [U]"),
    row("token.org_internal", 403, error!("org_internal"), "org_internal", "description [U] and so left out"),
    row("token.account_restricted", 400, error!("access_denied", "Account restricted"), "account_restricted", "closeio/sync-engine#1014, status [U]"),
    row("token.account_forbidden", 400, error!("invalid_account", "Forbidden"), "account_restricted", "GAM glapi.py, status [U]"),
    row("token.invalid_scope", 400, error!("invalid_scope", "Bad Request"), "request_invalid", "description [U]"),
    row("token.scope_missing", 200, "{\n  \"access_token\": \"ya29.simulated-grant-without-the-mail-scope\",\n  \"expires_in\": 3599,\n  \"scope\": \"https://www.googleapis.com/auth/gmail.send\",\n  \"token_type\": \"Bearer\"\n}", "scope_missing", "granular consent: a success without the scope that was asked for"),
    row("token.internal_failure", 400, error!("internal_failure"), "google_outage", "googleapis/google-auth-library-python#368"),
    row("token.internal_failure_backend", 500, error!("internal_failure", "Backend Error"), "google_outage", "GAM glapi.py"),
    row("token.server_error", 500, error!("server_error"), "google_outage", "google-auth's retry set"),
    row("token.temporarily_unavailable", 503, error!("temporarily_unavailable"), "google_outage", "google-auth's retry set"),
    row("token.rate_limit_exceeded", 403, error!("rate_limit_exceeded"), "google_rate_limited", "known of the authorization page, not of the token endpoint"),
    row("token.html_rate_limit", 403, "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 403 (Forbidden)!!1</title>\n  <p><b>403.</b> <ins>That\u{2019}s an error.</ins>\n  <p>We're sorry, but you do not have access to this page. <ins>That\u{2019}s all we know.</ins>\n", "google_rate_limited", "googleapis/google-oauth-java-client#57, words of the page [U]"),
    row("token.html_sorry", 403, SORRY, "google_rate_limited", "tomwalder/php-gds#19"),
    row("token.html_sorry_503", 503, SORRY, "google_rate_limited", "tomwalder/php-gds#19"),
    row("token.html_502", 502, "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 502 (Server Error)!!1</title>\n  <p><b>502.</b> <ins>That\u{2019}s an error.</ins>\n  <p>The server encountered a temporary error and could not complete your request.<p>Please try again in 30 seconds.  <ins>That\u{2019}s all we know.</ins>\n", "google_outage", "the form is known, no capture [U]"),
    row("token.status_408", 408, "", "google_outage", "google-auth retries 408"),
    row("token.status_429", 429, "", "google_rate_limited", "google-auth retries 429"),
    row("token.status_500", 500, "", "google_outage", "google-auth retries 500"),
    row("token.status_503", 503, "", "google_outage", "google-auth retries 503"),
    row("token.status_504", 504, "", "google_outage", "google-auth retries 504"),
    row("token.object_401", 401, "{\n  \"error\": {\n    \"code\": 401,\n    \"message\": \"Request had invalid authentication credentials.\",\n    \"status\": \"UNAUTHENTICATED\"\n  }\n}", "unknown", "parsing rules: other Google APIs put an object there"),
    row("token.empty", 200, "", "garbled_answer", "parsing rules: the body may be anything"),
    row("token.empty_400", 400, "", "unknown", "parsing rules: the body may be anything"),
    row("token.truncated", 200, "{\n  \"access_token\": \"ya29.cut", "garbled_answer", "parsing rules: the body may be anything"),
];

const SORRY: &str = "<html><head><meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\"/><title>Sorry...</title></head><body><h1>We're sorry...</h1><p>... but your computer or network may be sending automated queries. To protect our users, we can't process your request right now.</p></body></html>";
