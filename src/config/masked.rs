//! A configuration as understood, in YAML, for people: every default filled in, secrets as stars.
//!
//! Invariant: what is written here never reads a secret's value.

use std::fmt::Display;

use crate::{
    check::{Check, Settings, Timing},
    config::{Loaded, privacy},
    domain::link::{ImapServer, PublishingStatus, SmtpServer},
    metrics::MailboxLabel,
    source::{
        Defaults, Ids, Source,
        client::{self, PUBLISHING_STATUSES},
        mailbox::Mailbox,
        odoo::{self, Way},
        server::SECURITIES,
    },
};

/// The whole configuration, without a secret. Directories show what was read of them last.
pub fn masked(loaded: &Loaded) -> String {
    let mut page = Page::default();
    let defaults = loaded.sources.defaults();
    page.key("time_zone", defaults.time_zone.name());
    page.group("clients", |page| {
        for client in loaded.sources.clients().iter() {
            page.client(client);
        }
    });
    page.group("checks", |page| {
        page.checks(&defaults.settings, defaults.ids);
        page.group("consent", |page| page.timing(&defaults.consent));
    });
    page.google(loaded);
    for source in loaded.sources.iter() {
        if let Source::File(file) = source {
            page.group("mailboxes", |page| {
                file.mailboxes().iter().for_each(|mailbox| page.mailbox(mailbox, defaults));
            });
        }
    }
    page.group("sources", |page| {
        for source in loaded.sources.iter() {
            match source {
                Source::Directory(directory) => {
                    page.line(format_args!("# links: {}", directory.mailboxes().count()));
                    page.entry("directory", directory.path().display());
                    page.key("  name", directory.name());
                }
                Source::File(_) => {}
                Source::Odoo(odoo) => page.odoo(odoo, defaults),
            }
        }
    });
    page.group("on_change", |page| {
        if let Some(webhook) = &loaded.on_change.webhook {
            page.group("webhook", |page| {
                page.key("url", webhook.masked_url());
                page.secret("secret", &webhook.origin);
                page.key("timeout", format_args!("{:?}", webhook.timeout));
            });
        }
        if let Some(command) = &loaded.on_change.command {
            page.list("command", &command.words());
        }
    });
    page.group("privacy", |page| {
        page.key("mailbox_label", privacy::label(&loaded.privacy));
        if let MailboxLabel::Hash(_) = loaded.privacy.mailbox_label {
            page.line("key: \"****\"");
        }
    });
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
    indent: usize,
}

impl Page {
    fn client(&mut self, client: &client::Watched) {
        let secret = client.secret().origin();
        let is_service_account = client.is_service_account();
        let client = client.client();
        self.group(&scalar(&client.name), |page| {
            if is_service_account {
                return page.secret("service_account", secret);
            }
            page.key("client_id", &client.id);
            page.secret("client_secret", secret);
            page.publishing_status(client.publishing_status);
            page.list("redirect_uris", &client.redirect_uris);
        });
    }

    fn mailbox(&mut self, mailbox: &Mailbox, defaults: &Defaults) {
        let watched = mailbox.watched();
        let link = &watched.link;
        self.entry("id", &link.id);
        self.indent += 1;
        match defaults.ids {
            Ids::Free => self.key("address", &link.mailbox),
            Ids::WithoutAddress => self.line("address: \"****\""),
        }
        self.key("client", &link.client.name);
        if let Some(token) = mailbox.token() {
            self.secret("refresh_token", token.origin());
        }
        self.optional("linked_at", link.linked_at);
        self.key("account", link.account.name());
        self.key("direction", link.direction.name());
        if link.smtp != defaults.smtp {
            self.group("smtp", |page| page.smtp(&link.smtp));
        }
        if link.imap != defaults.imap {
            self.group("imap", |page| page.imap(&link.imap));
        }
        if watched.settings != defaults.settings {
            self.group("checks", |page| page.checks(&watched.settings, defaults.ids));
        }
        self.indent -= 1;
    }

    fn odoo(&mut self, odoo: &odoo::Source, defaults: &Defaults) {
        let (settings, secret) = (odoo.settings(), odoo.secret().origin());
        self.line("- odoo:");
        self.indent += 3;
        self.key("name", &settings.name);
        match &settings.way {
            Way::Postgres => self.secret("database_url", secret),
            Way::Api { url, database, login } => {
                self.key("url", url);
                self.optional("database", database.as_ref());
                self.optional("login", login.as_ref());
                self.secret("api_key", secret);
            }
        }
        self.publishing_status(settings.publishing_status);
        self.list("redirect_uris", &settings.redirect_uris);
        self.key("account", settings.account.name());
        if let Some(checks) = &settings.checks {
            self.group("checks", |page| page.checks(checks, defaults.ids));
        }
        self.indent -= 3;
    }

    fn publishing_status(&mut self, status: Option<PublishingStatus>) {
        let word = PUBLISHING_STATUSES.iter().find(|(_, known)| Some(*known) == status);
        self.optional("publishing_status", word.map(|(word, _)| word));
    }

    fn checks(&mut self, settings: &Settings, ids: Ids) {
        for check in Check::ALL {
            let timing = settings.timing(check);
            self.group(check.name(), |page| {
                page.timing(timing);
                match check {
                    Check::Smtp => page.optional(
                        "ehlo_name",
                        settings.smtp.ehlo_name.as_ref().map(|name| name.as_str()),
                    ),
                    Check::Identity => match (&settings.identity.account, ids) {
                        (Some(account), Ids::Free) => page.key("account", account),
                        (Some(_), Ids::WithoutAddress) => page.line("account: \"****\""),
                        (None, _) => {}
                    },
                    Check::Imap | Check::Token => {}
                    Check::Capacity => {
                        page.group("limits", |page| {
                            for (of, most) in settings.capacity.limits.each() {
                                page.key(of.name(), most);
                            }
                        });
                        page.list("internal_domains", &settings.capacity.internal_domains);
                    }
                    Check::Session => {
                        page.key("spare_sessions", settings.session.spare_sessions);
                    }
                    Check::RoundTrip => {
                        let own = &settings.round_trip;
                        match (&own.to, ids) {
                            (Some(to), Ids::Free) => page.key("to", to),
                            (Some(_), Ids::WithoutAddress) => page.line("to: \"****\""),
                            (None, _) => {}
                        }
                        page.key("late_after", format_args!("{:?}", own.patience.late));
                        page.key("lost_after", format_args!("{:?}", own.patience.lost));
                        page.optional("contact", own.contact.as_ref());
                    }
                }
            });
        }
    }

    fn timing(&mut self, timing: &Timing) {
        self.key("enabled", timing.enabled);
        self.key("schedule", &timing.schedule);
        self.key("timeout", format_args!("{:?}", timing.timeout));
    }

    fn google(&mut self, loaded: &Loaded) {
        let defaults = loaded.sources.defaults();
        self.group("google", |page| {
            page.key("token_url", &defaults.google.token_url);
            page.key("tokeninfo_url", &defaults.google.tokeninfo_url);
            page.key("authorization_url", &defaults.google.authorization_url);
            page.key("gmail_api_url", &defaults.google.gmail_api_url);
            page.key("revoke_url", &defaults.google.revoke_url);
            page.group("smtp", |page| page.smtp(&defaults.smtp));
            page.group("imap", |page| page.imap(&defaults.imap));
            page.optional("ca_file", loaded.ca_file.as_ref().map(|path| path.display()));
        });
    }

    fn smtp(&mut self, server: &SmtpServer) {
        self.key("host", &server.host);
        self.key("port", server.port);
        let word = SECURITIES.iter().find(|(_, known)| *known == server.security);
        self.key("security", word.map_or("", |(word, _)| word));
    }

    fn imap(&mut self, server: &ImapServer) {
        self.key("host", &server.host);
        self.key("port", server.port);
    }

    fn secret(&mut self, key: &str, origin: impl Display) {
        self.line(format_args!("{key}: \"****\"  # {origin}"));
    }

    fn optional(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.key(key, value);
        }
    }

    fn list(&mut self, key: &str, values: &[impl Display]) {
        let values: Vec<String> = values.iter().map(|value| scalar(&value.to_string())).collect();
        self.line(format_args!("{key}: [{}]", values.join(", ")));
    }

    /// The first key of an entry of a list.
    fn entry(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("- {key}: {}", scalar(&value.to_string())));
    }

    fn key(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key}: {}", scalar(&value.to_string())));
    }

    /// Nothing at all where the group is empty.
    fn group(&mut self, key: &str, fill: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        self.line(format_args!("{key}:"));
        let empty = self.text.len();
        self.indent += 1;
        fill(self);
        self.indent -= 1;
        if self.text.len() == empty {
            self.text.truncate(before);
        }
    }

    fn line(&mut self, line: impl Display) {
        let indent = self.indent * 2;
        self.text.push_str(&format!("{:indent$}{line}\n", ""));
    }
}

/// A value as YAML reads it back, in quotation marks (JSON's are YAML's too) unless it is plain beyond doubt.
pub(crate) fn scalar(value: &str) -> String {
    let is_number = value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    let begins_a_word = |c: char| c == '/' || c.is_ascii_alphabetic();
    let begins_a_number = |c: char| c.is_ascii_digit();
    let is_word = (value.starts_with(begins_a_word)
        || (value.starts_with(begins_a_number) && value.contains(IN_NO_NUMBER)))
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@:".contains(c))
        && !value.ends_with(':')
        && !OTHER_THAN_TEXT.contains(&value.to_ascii_lowercase().as_str());
    let is_flag = ["true", "false"].contains(&value);
    if !value.is_empty() && (is_number || is_word || is_flag) {
        return value.to_owned();
    }
    serde_json::Value::from(value).to_string()
}

/// Letters, and what else no number has in any notation.
const IN_NO_NUMBER: [char; 19] =
    ['/', '@', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'y'];

/// What YAML, some YAML at least, takes for something else.
const OTHER_THAN_TEXT: [&str; 7] = ["n", "no", "null", "off", "on", "y", "yes"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_take_for_something_else_is_quoted() {
        for plain in [
            "odoo",
            "UTC",
            "30s",
            "1234-abc.apps.example.com",
            "/run/a",
            "a@example.com",
            "587",
            "true",
        ] {
            assert_eq!(scalar(plain), plain);
        }
        let quoted = [
            "",
            "No",
            "null",
            "0x1f",
            "1e9",
            "123456",
            "a: b",
            "a #b",
            "*/5 * * * *",
            "[a]",
            "a\n",
        ];
        for quoted in quoted {
            assert!(scalar(quoted).starts_with('"'), "{quoted}");
        }
    }
}
