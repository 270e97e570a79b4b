//! What SMTP says about the connection, the sign-in and the account.

use super::{Line, text};
use crate::fault::{At, Service};

pub(super) const fn row(
    key: &'static str,
    at: At,
    words: &'static str,
    reason: &'static str,
    source: &'static str,
) -> Line {
    text(Service::Smtp, key, at, words, reason, source)
}

/// The list of which sisimai keeps a copy: Google's own page.
pub(super) const PAGE: &str = "support.google.com/a/answer/3726730 by sisimai's google.rb";

#[rustfmt::skip]
pub(super) const LINES: &[Line] = &[
    // Google's own trouble
    row("smtp.system_problem", At::Data, "421 4.3.0 Temporary System Problem.  Try again later (10). {id} - gsmtp", "google_outage", "fastify/help#800"),
    row("smtp.system_problem_2", At::Auth, "421 4.3.0 Temporary System Problem.  Try again later (2). {id} - gsmtp", "google_outage", "the number varies"),
    row("smtp.system_problem_ws", At::Auth, "421 4.7.0 Temporary System Problem.  Try again later (WS). {id} - gsmtp", "google_outage", "support.google.com/a/answer/3726730"),
    row("smtp.server_busy", At::Greeting, "421 4.4.5 Server busy, try again later. {id} - gsmtp", "google_outage", PAGE),
    row("smtp.try_again_ehlo", At::Ehlo, "421 4.7.0 Try again later, closing connection. (EHLO) {id} - gsmtp", "ehlo_refused", "dawidd6/action-send-mail#196"),
    row("smtp.connection_expired", At::Command, "421 4.7.0 Connection expired, try reconnecting. {id} - gsmtp", "google_outage", PAGE),
    row("smtp.temporarily_rejected", At::Message, "451 4.3.0 Mail server temporarily rejected message. {id} - gsmtp", "google_outage", PAGE),
    row("smtp.multiple_destinations", At::Rcpt, "451 4.3.0 Multiple destination domains per transaction is unsupported.  Please try again. {id} - gsmtp", "google_outage", PAGE),
    row("smtp.timeout", At::Command, "451 4.4.2 Timeout - closing connection. {id} - gsmtp", "google_outage", PAGE),
    row("smtp.auth_system_problem", At::Auth, "454 4.7.0 Cannot authenticate due to temporary system problem. Try again later. {id} - gsmtp", "google_outage", PAGE),
    // Sign-in
    row("smtp.login_rate", At::Auth, "454 4.7.0 Too many login attempts, please try again later. {id} - gsmtp", "login_rate_limited", "nodemailer/nodemailer#1388"),
    row("smtp.login_rate_new", At::Auth, "454-4.7.0 Too many login attempts, please try again later. For more\r\n454-4.7.0 information, go to\r\n454 4.7.0  https://support.google.com/mail/answer/7126229 {id} - gsmtp", "login_rate_limited", PAGE),
    row("smtp.bad_credentials", At::Auth, "535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials {id} - gsmtp", "auth_rejected", "nodemailer/nodemailer#1704").after_the_challenge(),
    row("smtp.bad_credentials_2023", At::Auth, "535-5.7.8 Username and Password not accepted. Learn more at\r\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials {id} - gsmtp", "auth_rejected", "vertx test id:16002221412").after_the_challenge(),
    row("smtp.bad_credentials_old", At::Auth, "535-5.7.1 Username and Password not accepted. Learn more at\r\n535 5.7.1 https://support.google.com/mail/answer/14257 {id} - gsmtp", "auth_rejected", "developers.google.com/workspace/gmail/imap/xoauth2-protocol, historic; the address [U]").after_the_challenge(),
    row("smtp.app_password", At::Auth, "534-5.7.9 Application-specific password required. For more information, go to\r\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor {id} - gsmtp", "password_mode", "leiweibau/Pi.Alert#236"),
    row("smtp.app_password_old", At::Auth, "535 5.7.1 Application-specific password required. For more information, visit https://support.google.com/accounts/answer/185833 {id} - gsmtp", "password_mode", PAGE),
    row("smtp.web_login", At::Auth, "534-5.7.9 Please log in with your web browser and then try again. Learn more at\r\n534 5.7.9  https://support.google.com/mail/?p=WebLoginRequired {id} - gsmtp", "web_login_required", "kootenpv/yagmail#111"),
    row("smtp.web_login_5714", At::Auth, "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1&scc=1&plt=AKgnsbvSIMULATEDplt>\r\n534-5.7.14 Please log in via your web browser and then try again.\r\n534-5.7.14 Learn more at\r\n534 5.7.14 https://support.google.com/mail/answer/78754 {id} - gsmtp", "web_login_required", "YetiForceCompany/YetiForceCRM#14235 (part)"),
    row("smtp.web_login_old", At::Auth, "535 5.7.1 Please log in with your web browser and then try again. For more information, visit https://support.google.com/mail/bin/accounts/answer/78754 {id} - gsmtp", "web_login_required", PAGE),
    row("smtp.cannot_decode", At::Auth, "501 5.5.2 Cannot Decode response. {id} - gsmtp", "sasl_malformed", "support.google.com/a/answer/3726730"),
    row("smtp.cannot_decode_syntax", At::Auth, "501 5.5.2 Syntax error, cannot decode response. {id} - gsmtp", "sasl_malformed", PAGE),
    row("smtp.optional_argument", At::Auth, "535 5.5.4 Optional Argument not permitted for that AUTH mode. {id} - gsmtp", "sasl_malformed", PAGE),
    row("smtp.identity_change", At::Auth, "503 5.7.0 No identity changes permitted. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.unknown_auth_type", At::Auth, "504 5.7.4 Unrecognized Authentication Type. {id} - gsmtp", "oauth_not_offered", PAGE),
    row("smtp.xoauth_gone", At::Auth, "504 5.7.4 XOAUTH is no longer supported. {id} - gsmtp", "oauth_not_offered", PAGE),
    row("smtp.auth_required", At::Mail, "530-5.7.0 Authentication Required. For more information, go to\r\n530 5.7.0  https://support.google.com/mail/?p=WantAuthError {id} - gsmtp", "auth_required", "id:9867518741"),
    row("smtp.auth_required_old", At::Mail, "530 5.5.1 Authentication Required. For more information, visit https://support.google.com/accounts/troubleshooter/2402620 {id} - gsmtp", "auth_required", PAGE),
    row("smtp.too_many_unauthenticated", At::Command, "554 5.7.0 Too Many Unauthenticated commands. {id} - gsmtp", "auth_required", PAGE),
    row("smtp.starttls_required", At::Mail, "530 5.7.0 Must issue a STARTTLS command first. {id} - gsmtp", "tls_required", PAGE),
    // The client's protocol
    row("smtp.protocol_violation", At::Command, "451 4.5.0 SMTP protocol violation, see RFC 2821. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.starttls_pipelined", At::Starttls, "454 4.5.0 SMTP protocol violation, no commands allowed to pipeline after STARTTLS, see RFC 3207 {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.starttls_pipelined_523", At::Starttls, "523 5.7.10 SMTP protocol violation, no commands allowed to pipeline after STARTTLS, see RFC 3207 {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.starttls_repeated", At::Starttls, "454 5.5.1 STARTTLS may not be repeated. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.starttls_parameters", At::Starttls, "501 5.7.11 Syntax error (no parameters allowed). {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.ehlo_empty", At::Ehlo, "501-5.5.4 Empty HELO/EHLO argument not allowed, closing connection.\r\n501 5.5.4  https://support.google.com/mail/?p=helo {id} - gsmtp", "ehlo_refused", PAGE),
    row("smtp.ehlo_invalid", At::Ehlo, "501-5.5.4 HELO/EHLO argument is invalid, closing connection.\r\n501 5.5.4  https://support.google.com/mail/?p=helo {id} - gsmtp", "ehlo_refused", PAGE),
    row("smtp.unrecognized", At::Command, "502 5.5.1 Unrecognized command. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.unimplemented", At::Command, "502 5.5.1 Unimplemented command. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.goodbye", At::Command, "502 5.5.1 Too many unrecognized commands, goodbye. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.ehlo_first", At::Command, "503 5.5.1 EHLO/HELO first. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.mail_first", At::Rcpt, "503 5.5.1 MAIL first. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.rcpt_first", At::Data, "503 5.5.1 RCPT first. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.bad_sequence", At::Command, "503 5.5.1 Bad sequence of commands. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.no_data_after_bdat", At::Data, "503 5.5.1 No DATA after BDAT. {id} - gsmtp", "protocol_error", PAGE),
    row("smtp.syntax", At::Mail, "555 5.5.2 Syntax error. {id} - gsmtp", "protocol_error", PAGE),
    // How much may be sent
    row("smtp.daily_limit_user", At::Data, "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n550-5.4.5 sending limits go to\r\n550 5.4.5  https://support.google.com/a/answer/166852 {id} - gsmtp", "send_quota_user", "onepub-dev/onepub#543; said at DATA: PHPMailer/PHPMailer#1370"),
    row("smtp.daily_quota_user", At::Data, "550 5.4.5 Daily user sending quota exceeded. {id} - gsmtp", "send_quota_user", "gen-smtp/gen_smtp#140, PHPMailer/PHPMailer#1370"),
    row("smtp.daily_quota", At::Data, "550 5.4.5 Daily sending quota exceeded. {id} - gsmtp", "send_quota_user", "support.google.com/a/answer/3726730"),
    row("smtp.daily_relay_user", At::Data, "550-5.4.5 Daily SMTP relay limit exceeded for user. For more information on\r\n550-5.4.5 SMTP relay sending limits please contact your administrator or visit\r\n550 5.4.5  https://support.google.com/a/answer/6140680#userlimit {id} - gsmtp", "send_quota_relay", PAGE),
    row("smtp.daily_relay_customer", At::Data, "550-5.7.1 Daily SMTP relay limit exceeded for customer. For more information on\r\n550-5.7.1 SMTP relay sending limits please contact your administrator or visit\r\n550 5.7.1  https://support.google.com/a/answer/6140680 {id} - gsmtp", "send_quota_customer", PAGE),
    row("smtp.daily_relay_sending_customer", At::Data, "550 5.7.1 Daily SMTP relay sending limit exceeded for customer. {id} - gsmtp", "send_quota_customer", PAGE),
    row("smtp.peak_relay_customer", At::Data, "450-4.2.1 Peak SMTP relay limit exceeded for customer. This is a temporary error.\r\n450-4.2.1 For more information on SMTP relay limits, please contact your administrator\r\n450 4.2.1 or visit https://support.google.com/a/answer/6140680 {id} - gsmtp", "send_quota_customer", PAGE),
    row("smtp.too_many_recipients", At::Rcpt, "452-4.5.3 Your message has too many recipients. For more information regarding\r\n452-4.5.3 Google's sending limits, visit:\r\n452 4.5.3  https://support.google.com/mail/?p=TooManyRecipientsError {id} - gsmtp", "too_many_recipients", PAGE),
    row("smtp.too_many_recipients_sender", At::Rcpt, "550 5.5.3 Too many recipients for this sender. {id} - gsmtp", "too_many_recipients", PAGE),
    row("smtp.domain_policy_size", At::Rcpt, "452 4.5.3 Domain policy size per transaction exceeded, please try this recipient in a separate transaction. {id} - gsmtp", "too_many_recipients", PAGE),
    // Who may send
    row("smtp.relay_denied", At::Rcpt, "550-5.7.0 Mail relay denied [127.0.0.1]. Invalid credentials for relay for one of the\r\n550-5.7.0 domains in: example.com (as obtained from HELO and MAIL FROM). Email is being\r\n550-5.7.0 sent from a domain or IP address which isn't registered in your Workspace account.\r\n550 5.7.0  https://support.google.com/a/answer/6140680#maildenied {id} - gsmtp", "relay_denied", PAGE),
    row("smtp.sending_denied", At::Mail, "550-5.7.0 Mail Sending denied. This error occurs if the sender account is disabled or\r\n550-5.7.0 not registered within your Google Workspace domain.\r\n550 5.7.0  https://support.google.com/a/answer/6140680#maildenied {id} - gsmtp", "relay_denied", PAGE),
    row("smtp.relay_credentials", At::Rcpt, "550-5.7.1 Invalid credentials for relay [127.0.0.1]. The IP address you've registered in\r\n550-5.7.1 your Workspace SMTP Relay service doesn't match the domain of the account this\r\n550-5.7.1 email is being sent from.\r\n550 5.7.1  https://support.google.com/a/answer/6140680#invalidcred {id} - gsmtp", "relay_denied", PAGE),
];
