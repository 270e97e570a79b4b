//! THE tables: every model that is played, with its fields, and since and until when.

use super::{
    Field,
    Kind::{Boolean, Char, Datetime, Float, Integer, Many2many, Many2one, Selection, Text},
    Model, Readers, field,
};
use crate::version::Version::{V15, V16, V17, V18, V19};

/// What every row has.
const LOG: &[Field] = &[
    field("id", Integer),
    field("display_name", Char).computed(),
    field("create_date", Datetime),
    field("create_uid", Many2one("res.users")),
    field("write_date", Datetime),
    field("write_uid", Many2one("res.users")),
];

/// Both kinds of servers [RUN18/19]; the authorization code went in 19.
const GMAIL: &[Field] = &[
    field("google_gmail_authorization_code", Char).of("google_gmail").system().until(V18),
    field("google_gmail_refresh_token", Char).of("google_gmail").system(),
    field("google_gmail_access_token", Char).of("google_gmail").system(),
    field("google_gmail_access_token_expiration", Integer).of("google_gmail").system(),
    field("google_gmail_uri", Char).of("google_gmail").system().computed(),
    field("use_google_gmail_service", Boolean).of("google_gmail").until(V15),
    field("microsoft_outlook_refresh_token", Char).of("microsoft_outlook").system(),
    field("microsoft_outlook_access_token", Char).of("microsoft_outlook").system(),
    field("microsoft_outlook_access_token_expiration", Integer).of("microsoft_outlook").system(),
    field("use_microsoft_outlook_service", Boolean).of("microsoft_outlook").until(V15),
];

/// [RUN18], [RUN19]
const MAIL_SERVER: &[Field] = &[
    field("name", Char),
    field("active", Boolean),
    field("sequence", Integer),
    field("from_filter", Char),
    field("smtp_host", Char),
    field("smtp_port", Integer),
    field("smtp_user", Char).system(),
    field("smtp_pass", Char).system(),
    field("smtp_encryption", Selection),
    field("smtp_authentication", Selection),
    field("smtp_debug", Boolean),
    field("max_email_size", Float).since(V18),
    field("owner_user_id", Many2one("res.users")).since(V19),
    field("owner_limit_time", Datetime).since(V19),
    field("owner_limit_count", Integer).since(V19),
];

/// [RUN18], [RUN19]. `password` has no group of its own; the model is for administrators.
const FETCHMAIL: &[Field] = &[
    field("name", Char),
    field("active", Boolean),
    field("state", Selection),
    field("server", Char),
    field("port", Integer),
    field("is_ssl", Boolean),
    field("server_type", Selection),
    field("user", Char),
    field("password", Char),
    field("date", Datetime),
    field("object_id", Integer),
    field("priority", Integer),
    field("attach", Boolean),
    field("original", Boolean),
    field("script", Char),
    field("configuration", Text),
    field("error_date", Datetime).since(V19),
    field("error_message", Text).since(V19),
];

const PARAMETER: &[Field] = &[field("key", Char), field("value", Text)];

const MODULE: &[Field] = &[
    field("name", Char),
    field("shortdesc", Char),
    field("author", Char),
    field("auto_install", Boolean),
    field("state", Selection),
    // What is installed; `installed_version` is what lies on the disk.
    field("latest_version", Char),
    field("installed_version", Char).computed(),
];

/// [RUN18]
const CRON: &[Field] = &[
    field("cron_name", Char),
    field("name", Char),
    field("active", Boolean),
    field("interval_number", Integer),
    field("interval_type", Selection),
    field("nextcall", Datetime),
    field("lastcall", Datetime),
    field("failure_count", Integer).since(V18),
    field("first_failure_date", Datetime).since(V18),
    field("ir_actions_server_id", Integer),
    field("code", Text),
];

/// With the fields of the message that a mail inherits from.
const MAIL: &[Field] = &[
    field("mail_message_id", Integer),
    field("state", Selection),
    field("failure_type", Selection),
    field("failure_reason", Text),
    field("email_to", Text),
    field("email_cc", Char),
    field("is_notification", Boolean),
    field("auto_delete", Boolean),
    field("to_delete", Boolean).since(V16).until(V16),
    field("scheduled_date", Char).until(V15),
    field("scheduled_date", Datetime).since(V16),
    field("fetchmail_server_id", Many2one("fetchmail.server")),
    field("mail_server_id", Many2one("ir.mail_server")),
    field("email_from", Char),
    field("subject", Char),
    field("date", Datetime),
    field("message_id", Char),
    field("message_type", Char),
    field("model", Char),
    field("res_id", Integer),
    field("record_alias_domain_id", Many2one("mail.alias.domain")).since(V17),
];

/// [RUN18]
const ALIAS_DOMAIN: &[Field] = &[
    field("name", Char),
    field("sequence", Integer),
    field("bounce_alias", Char),
    field("catchall_alias", Char),
    field("default_from", Char),
];

const USER: &[Field] = &[
    field("name", Char),
    field("login", Char),
    field("email", Char),
    field("active", Boolean),
    field("lang", Char),
    field("tz", Char),
    field("groups_id", Many2many("res.groups")).until(V18),
    field("group_ids", Many2many("res.groups")).since(V19),
];

const DATA: &[Field] =
    &[field("module", Char), field("name", Char), field("model", Char), field("res_id", Integer)];

const fn model(
    name: &'static str,
    label: &'static str,
    order: &'static str,
    fields: &'static [&'static [Field]],
) -> Model {
    Model { fields, from: V15, label, module: "base", name, order, readers: Readers::System }
}

/// The labels but `Mail Server`, and the orders but that of `ir.mail_server`, are [UNVERIFIED].
pub(super) const MODELS: &[Model] = &[
    Model {
        readers: Readers::Marketing,
        ..model("ir.mail_server", "Mail Server", "sequence, id", &[LOG, MAIL_SERVER, GMAIL])
    },
    Model {
        module: "mail",
        ..model(
            "fetchmail.server",
            "Incoming Mail Server",
            "priority, id",
            &[LOG, FETCHMAIL, GMAIL],
        )
    },
    model("ir.config_parameter", "System Parameter", "key", &[LOG, PARAMETER]),
    model("ir.module.module", "Module", "name", &[LOG, MODULE]),
    model("ir.cron", "Scheduled Actions", "cron_name, id", &[LOG, CRON]),
    model("ir.model.data", "Model Data", "module, model, name", &[LOG, DATA]),
    Model { module: "mail", ..model("mail.mail", "Outgoing Mails", "id desc", &[LOG, MAIL]) },
    Model {
        from: V17,
        module: "mail",
        readers: Readers::Internal,
        ..model("mail.alias.domain", "Email Domain", "sequence, id", &[LOG, ALIAS_DOMAIN])
    },
    Model { readers: Readers::Internal, ..model("res.users", "User", "name, login", &[LOG, USER]) },
];
