//! THE table of findings: what is wrong with an Odoo's own settings, and what its screens do not tell.
//! `docs/odoo-findings.md` is made of it.

use std::fmt;

use super::database::Row;

mod page;

pub use page::findings_page;

/// Something found beside Odoo's screens.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// None where it is about the whole database.
    pub row: Option<Row>,
    pub what: What,
    /// What it rests on; never a secret.
    pub detail: Option<String>,
}

/// What a finding is about, which is also what it takes to find it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// The whole database, by what is read of it.
    Database,
    /// A mail server, by its row.
    Server,
    /// A mail server, by what Google says beside what Odoo says.
    Truth,
}

impl About {
    pub const ALL: [Self; 3] = [Self::Database, Self::Server, Self::Truth];
}

/// Makes the enum, its list and its columns out of the rows, so that a new finding is a new row.
macro_rules! findings {
    ($($variant:ident $name:literal $about:ident $meaning:literal $how:literal $next_step:literal)+) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum What { $(#[doc = $meaning] $variant,)+ }

        impl What {
            /// All of them, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value of the `finding` label.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            pub fn about(self) -> About {
                match self { $(Self::$variant => About::$about,)+ }
            }

            /// What is the case, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// What it is found by.
            pub fn how(self) -> &'static str {
                match self { $(Self::$variant => $how,)+ }
            }

            /// What to do about it, and where.
            pub fn next_step(self) -> &'static str {
                match self { $(Self::$variant => $next_step,)+ }
            }
        }
    };
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

findings! {
    // Whether it can be watched at all
    Neutralised "neutralised" Database
        "This database is a neutralised copy of another one, whose tokens it still holds: none of them is used here, and nothing else is looked for."
        "The system parameter database.is_neutralized is true, or there is an outgoing server \"neutralization - disable emails\"."
        "Take this source out of the configuration, or point it at the production database."
    PartlyUnreadable "partly_unreadable" Database
        "Some of what is looked at could not be read, so findings that rest on it are missing."
        "Odoo or PostgreSQL refused it; the detail lists what."
        "By SQL: apply the grants that ship with the exporter once more, as the owner of the tables (a restored database has lost them). By the API: give the user the group Administration / Settings (19: Role / Administrator)."
    VersionUnknown "version_unknown" Database
        "This Odoo is later than all that the exporter knows, and is read as if it were the latest known one."
        "The version of the module base says more than 19."
        "Look for a newer release of the exporter; until then compare what it says with Odoo's own forms."
    TokenColumnsMissing "token_columns_missing" Database
        "The tables of mail servers have no columns for Gmail's tokens, so no link can be read here: some forks and modules keep tokens elsewhere."
        "The column google_gmail_refresh_token is missing although the module google_gmail is installed."
        "Read this Odoo by its external API instead of by SQL, or name its mailboxes in the configuration file."
    ServerEnvironment "server_environment" Database
        "Mail servers take their values from a file on Odoo's host (OCA mail_environment), so those in the database may be stale: no link is made of them, and what rests on them is not looked for."
        "One of the tables of mail servers has a column server_env_defaults."
        "Read this Odoo by its external API instead of by SQL: it tells the values that are in force."

    // The module
    ModuleMissing "module_missing" Database
        "A module that Gmail servers need is not installed, so that nobody can link a mailbox."
        "ir_module_module: google_gmail is not installed (15: or fetchmail_gmail, while a server fetches from Google)."
        "In Odoo: Apps, take the filter \"Apps\" out, search for the module that the detail names, Install or Activate."
    ModulePending "module_pending" Database
        "A module that Gmail servers need waits to be installed, upgraded or removed, and half of it may be in force."
        "ir_module_module: the state is \"to install\", \"to upgrade\" or \"to remove\"."
        "Let Odoo finish: restart it with -u and the module's name on this database, or in Apps open the module and choose Upgrade, or Cancel Install, Cancel Upgrade."
    ModuleOutdated "module_outdated" Database
        "The module google_gmail is older than what this version of Odoo ships: this is behind many a \"Forbidden\" at the end of linking."
        "ir_module_module: the version installed is lower than the one that this series ships."
        "Update Odoo's code, then in Odoo: Apps, take the filter \"Apps\" out, search for google_gmail, Upgrade."

    // The OAuth client, and linking
    ClientMissing "client_missing" Database
        "Mail servers hold Gmail tokens, but the OAuth client's id or secret is not set, so that Odoo can refresh none of them."
        "The system parameter google_gmail_client_id or google_gmail_client_secret has no value (15 to 18)."
        "In Odoo: Settings > General Settings, \"Use a Gmail Server\" or \"Gmail Credentials\" (\"Use Custom Email Servers\" ticked): put in the id and the secret of the very client by which the mailboxes were linked, Save."
    BaseUrlRefused "base_url_refused" Database
        "Google refuses the redirect URI that web.base.url makes, so that no mailbox can be linked; links that exist go on."
        "The system parameter web.base.url against Google's rules: https (but for localhost), a public domain, no IP address."
        "In Odoo (developer mode): Settings > Technical > Parameters > System Parameters: set web.base.url to the public https address, and web.base.url.freeze to True. Behind a proxy that speaks TLS also set proxy_mode in odoo.conf."
    BaseUrlMismatch "base_url_mismatch" Database
        "The redirect URI that web.base.url makes is none of those configured for the OAuth client, so that linking ends at \"redirect_uri_mismatch\"."
        "web.base.url with /google_gmail/confirm is compared, letter by letter as Google does, with the redirect URIs in the exporter's configuration."
        "Add the URI that the detail names at https://console.cloud.google.com/auth/clients and here; or, if web.base.url is wrong, in Odoo (developer mode): Settings > Technical > Parameters > System Parameters: set it right, and web.base.url.freeze to True."
    BaseUrlNotFrozen "base_url_not_frozen" Database
        "Odoo overwrites web.base.url, and with it the redirect URI, whenever an administrator signs in by another address."
        "The system parameter web.base.url.freeze is not set."
        "In Odoo (developer mode): Settings > Technical > Parameters > System Parameters, New: key web.base.url.freeze, value True."

    // What is sent, and by whom
    DefaultFromDead "default_from_dead" Database
        "The system parameter mail.default.from is set, but nothing reads it since 17, whatever the hint on the form of a Gmail server says."
        "17 and later: the parameter has a value."
        "In Odoo (developer mode): Settings > Technical > Email > Alias Domains: set \"Default From\" there, then delete the parameter in Settings > Technical > Parameters > System Parameters."
    FetchJobInactive "fetch_job_inactive" Database
        "Incoming mail servers are confirmed, but the job that fetches from them is switched off: nothing is fetched."
        "ir_cron: \"Mail: Fetchmail Service\" is not active while an active, confirmed server is there."
        "In Odoo (developer mode): Settings > Technical > Automation > Scheduled Actions, filter Archived or Inactive: open \"Mail: Fetchmail Service\" and make it active."
    FetchJobOverdue "fetch_job_overdue" Database
        "The job that fetches mail should have run long ago: nothing is fetched meanwhile."
        "ir_cron: the next run of \"Mail: Fetchmail Service\" is past by more than three intervals, and by more than 15 minutes."
        "See that Odoo's cron workers run (max_cron_threads in odoo.conf is not 0) and that none hangs; then in Odoo (developer mode): Settings > Technical > Automation > Scheduled Actions, \"Mail: Fetchmail Service\", Run Manually."
    QueueJobInactive "queue_job_inactive" Database
        "The job that sends queued mail is switched off: what is not sent at once stays in the queue."
        "ir_cron: \"Mail: Email Queue Manager\" is not active."
        "In Odoo (developer mode): Settings > Technical > Automation > Scheduled Actions, filter Archived or Inactive: open \"Mail: Email Queue Manager\" and make it active."
    QueueJobOverdue "queue_job_overdue" Database
        "The job that sends queued mail should have run long ago: the queue stands still."
        "ir_cron: the next run of \"Mail: Email Queue Manager\" is past by more than three intervals, and by more than 15 minutes."
        "See that Odoo's cron workers run (max_cron_threads in odoo.conf is not 0) and that none hangs; then in Odoo (developer mode): Settings > Technical > Automation > Scheduled Actions, \"Mail: Email Queue Manager\", Run Manually."

    // A server's link
    Archived "archived" Server
        "This mail server is linked but archived: Odoo does not use it, and it is not probed."
        "A Gmail row with a token whose \"active\" is false."
        "Nothing, if that is meant. Else in Odoo (developer mode): Settings > Technical > Email > Outgoing or Incoming Mail Servers, filter Archived, open it, Action > Unarchive."
    NeverLinked "never_linked" Server
        "This Gmail server was never linked: it has no token, and cannot sign in."
        "An active Gmail row without a refresh token."
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing or Incoming Mail Servers, open it, \"Connect your Gmail account\"; or archive it."
    IapManaged "iap_managed" Server
        "This link was made by Odoo's own relay (IAP), which alone can refresh it: the exporter cannot probe it."
        "19: a token, but no OAuth client of one's own in Settings."
        "To have it watched: make an OAuth client, put it in at Settings > General Settings, \"Use a Gmail Server\" or \"Gmail Credentials\", and link the server again."
    PasswordAuthentication "password_authentication" Server
        "This server signs in to Google with a user name and a password: Google takes no account's password there any more (at most an app password)."
        "An active row with password authentication whose host is one of Google's."
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing or Incoming Mail Servers, open it, choose Gmail (\"Gmail OAuth Authentication\"), empty the password, Save, \"Connect your Gmail account\"."
    UsernameMissing "username_missing" Server
        "This Gmail server has no mail address as its user name, and Google takes no token without one."
        "An active Gmail row whose user is empty or no address."
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing or Incoming Mail Servers, open it: Username is the full address of the account that was linked."
    EncryptionWrong "encryption_wrong" Server
        "This Gmail server's encryption cannot work with Google."
        "An active Gmail row without TLS; or outgoing, TLS from the first byte at a port of STARTTLS (587, 25)."
        "In Odoo (developer mode): Settings > Technical > Email. Outgoing Mail Servers: encryption \"TLS (STARTTLS)\", port 587. Incoming Mail Servers: SSL/TLS ticked, port 993."
    PortWrong "port_wrong" Server
        "Nothing that speaks this server's encryption listens at its port."
        "An active Gmail row: outgoing, STARTTLS at 465, or at Google a port that is none of 25, 465, 587; incoming, 110 or 143, or at Google another port than 993."
        "In Odoo (developer mode): Settings > Technical > Email. Outgoing Mail Servers: port 587 with \"TLS (STARTTLS)\". Incoming Mail Servers: port 993 with SSL/TLS."
    HostWrong "host_wrong" Server
        "This Gmail server's host is none of Google's: a token of Google's is worth nothing there, and should not be sent there."
        "An active Gmail row: outgoing, the host is none of smtp.gmail.com, smtp.googlemail.com, smtp-relay.gmail.com; incoming, none of imap.gmail.com, imap.googlemail.com."
        "In Odoo (developer mode): Settings > Technical > Email. Outgoing Mail Servers: smtp.gmail.com. Incoming Mail Servers: imap.gmail.com."

    // A server's part in sending
    EmptyFromFilter "empty_from_filter" Server
        "This Gmail server has no \"FROM Filtering\" and so sends other senders' mail, too: Google rewrites their From to this account, and all of it counts against this account's limits."
        "Odoo's choice is played through: a sender that no filter names gets this server, with a From that is not its user. (Google leaves a From that the account has as an alias.)"
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing Mail Servers: put this account's address into \"FROM Filtering\", and see that the default sender (17 and later: Settings > Technical > Email > Alias Domains, \"Default From\"; before: the system parameter mail.default.from) has a server of its own, or is this account."
    FromFilterList "from_filter_list" Server
        "This server's \"FROM Filtering\" is a list, but this version of Odoo takes it for one single value: it fits no sender."
        "15 and 16: an active Gmail row whose from_filter has a comma."
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing Mail Servers: leave one address or one domain in \"FROM Filtering\"; make a server for each other one."
    NeverChosen "never_chosen" Server
        "No sender ever reaches this Gmail server as Odoo chooses, unless a template or a mailing names it: others that come first take all that its filter lets through."
        "Odoo's choice is played through for every entry of every filter, as this version chooses."
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing Mail Servers: give it a \"FROM Filtering\" that no other server has, or drag it above the others (Priority: the lower one is asked first), or archive it."

    // A server's part in fetching
    NotConfirmed "not_confirmed" Server
        "This incoming server is linked but not confirmed: Odoo never fetches from it."
        "An active, linked Gmail row in state \"draft\"."
        "In Odoo (developer mode): Settings > Technical > Email > Incoming Mail Servers, open it, Test & Confirm."
    FetchFailing "fetch_failing" Server
        "Odoo itself says that it cannot fetch from this server, and sets it back to draft after five days of that."
        "19: a confirmed row with error_date set; the detail has the words."
        "See what the exporter says of this link and mend that; then in Odoo (developer mode): Settings > Technical > Email > Incoming Mail Servers, open it, Fetch Now."
    SetBackToDraft "set_back_to_draft" Server
        "Odoo has given this incoming server up after five days of failures: it fetches from it no more, even when the link works again."
        "19: a row in state \"draft\" with error_date set."
        "Mend the link first; then in Odoo (developer mode): Settings > Technical > Email > Incoming Mail Servers, open it, Test & Confirm."

    // What Odoo's screens say against what Google says
    BadgeMisleads "badge_misleads" Truth
        "Odoo shows \"Gmail Token Valid\" in green, but Google refuses the token: the badge only says that there is one."
        "The token check of this link fails for good while the row holds a token."
        "Do what the exporter says of this link; most often: open the server in Odoo and press the gear beside the badge (\"Connect your Gmail account\" shows only where there is no token) once more."
    FetchDateMisleads "fetch_date_misleads" Truth
        "\"Last Fetch Date\" moves on although the inbox cannot be read: Odoo writes it after failed runs, too."
        "The date of the row is later than the first failure of this link's checks."
        "Do what the exporter says of this link; mail stays unread at Google meanwhile and is fetched afterwards."
    UnseenMailGrows "unseen_mail_grows" Truth
        "Odoo says that it fetches from this inbox, but unread mail grows there: it is not made into records."
        "The date of the row moves on while the inbox's unseen messages grow."
        "Read Odoo's log for \"General failure when trying to fetch mail\"; in Odoo (developer mode): Settings > Technical > Email > Incoming Mail Servers, open it, Fetch Now, and read what it says."
    TokenOfAnotherAccount "token_of_another_account" Truth
        "The token of this server belongs to another Google account than its user name: Odoo does not compare them."
        "The account that Google names for the token is not the row's user."
        "In Odoo (developer mode): Settings > Technical > Email > Outgoing or Incoming Mail Servers, open it, press the gear beside the badge, signed in as the very account of Username (a private browser window helps)."
    MailsStuck "mails_stuck" Truth
        "Messages that a broken link kept from being sent stand in \"Delivery Failed\": Odoo never tries them again by itself."
        "mail_mail: messages in state \"exception\" whose reason is one that a broken link has."
        "Mend the link first; then in Odoo (developer mode): Settings > Technical > Email > Emails, filter Failed, select them, Retry."
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_labels_and_no_two_are_the_same() {
        let names: BTreeSet<&str> = What::ALL.iter().map(|what| what.name()).collect();
        assert_eq!(names.len(), What::ALL.len());
        for what in What::ALL {
            assert!(what.name().chars().all(|c| c == '_' || c.is_ascii_lowercase()), "{what}");
            let written = format!("{what:?}").to_lowercase();
            assert_eq!(what.name().replace('_', ""), written, "its name is its variant's");
        }
    }

    #[test]
    fn every_column_is_a_sentence() {
        for what in What::ALL {
            for words in [what.meaning(), what.how(), what.next_step()] {
                assert!(words.ends_with('.') || words.ends_with(')'), "{what}: {words}");
                assert!(words.len() > 20, "{what}: {words}");
            }
        }
    }

    #[test]
    fn a_technical_menu_says_that_it_wants_developer_mode() {
        for what in What::ALL {
            let step = what.next_step();
            assert!(!step.contains("> Technical") || step.contains("(developer mode)"), "{what}");
        }
    }
}
