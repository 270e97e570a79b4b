-- What Odoo 15 to 19 have in common of the tables that the exporter reads or must not read, with what a database that
-- was just made holds. A version's own file comes on top. Column names and types are Odoo's; columns that neither the
-- exporter nor a grant is about are left out. All times are UTC without a zone, as Odoo's are.

CREATE TABLE res_users (
  id serial PRIMARY KEY,
  login varchar NOT NULL UNIQUE,
  password varchar,
  active boolean DEFAULT true
);
INSERT INTO res_users (login, password) VALUES ('__system__', NULL), ('admin', '$pbkdf2-sha512$not-a-real-hash');

CREATE TABLE res_company (
  id serial PRIMARY KEY,
  name varchar NOT NULL UNIQUE,
  email varchar
);
INSERT INTO res_company (name) VALUES ('My Company');

CREATE TABLE ir_config_parameter (
  id serial PRIMARY KEY,
  key varchar NOT NULL UNIQUE,
  value text NOT NULL,
  create_uid integer,
  create_date timestamp,
  write_uid integer,
  write_date timestamp
);
INSERT INTO ir_config_parameter (key, value) VALUES
  ('base.login_cooldown_after', '10'),
  ('base.login_cooldown_duration', '60'),
  ('database.create_date', '2026-01-05 08:00:00'),
  ('database.secret', 'the-secret-of-this-database'),
  ('database.uuid', 'c5a2e6a2-0000-4000-8000-0242ac110002'),
  ('web.base.url', 'http://localhost:8069');

CREATE TABLE ir_module_module (
  id serial PRIMARY KEY,
  name varchar NOT NULL UNIQUE,
  state varchar(16),
  latest_version varchar,
  published_version varchar,
  author varchar,
  license varchar(32),
  auto_install boolean
);

CREATE TABLE ir_model_data (
  id serial PRIMARY KEY,
  module varchar NOT NULL,
  name varchar NOT NULL,
  model varchar NOT NULL,
  res_id integer,
  noupdate boolean DEFAULT false,
  UNIQUE (module, name)
);

CREATE TABLE ir_actions_server (
  id serial PRIMARY KEY,
  state varchar NOT NULL DEFAULT 'code',
  code text
);

CREATE TABLE ir_cron (
  id serial PRIMARY KEY,
  ir_actions_server_id integer NOT NULL REFERENCES ir_actions_server ON DELETE RESTRICT,
  cron_name varchar,
  user_id integer NOT NULL REFERENCES res_users,
  active boolean,
  interval_number integer,
  interval_type varchar,
  nextcall timestamp NOT NULL,
  lastcall timestamp,
  priority integer
);
INSERT INTO ir_actions_server (code) VALUES
  ('model._run_vacuum_cleaner()'), ('model.process_email_queue()'), ('model._fetch_mails()');
-- The fetching sleeps until the first incoming server is confirmed.
INSERT INTO ir_cron (ir_actions_server_id, cron_name, user_id, active, interval_number, interval_type, nextcall, priority)
VALUES
  (1, 'Base: Auto-vacuum internal data', 1, true, 1, 'days', now() AT TIME ZONE 'UTC', 3),
  (2, 'Mail: Email Queue Manager', 1, true, 1, 'hours', now() AT TIME ZONE 'UTC', 6),
  (3, 'Mail: Fetchmail Service', 1, false, 5, 'minutes', now() AT TIME ZONE 'UTC', 5);
INSERT INTO ir_model_data (module, name, model, res_id) VALUES
  ('base', 'autovacuum_job', 'ir.cron', 1),
  ('mail', 'ir_cron_mail_scheduler_action', 'ir.cron', 2),
  ('mail', 'ir_cron_mail_gateway_action', 'ir.cron', 3);

CREATE TABLE ir_mail_server (
  id serial PRIMARY KEY,
  name varchar NOT NULL,
  active boolean,
  sequence integer,
  from_filter varchar,
  smtp_host varchar,
  smtp_port integer,
  smtp_user varchar,
  smtp_pass varchar,
  smtp_encryption varchar NOT NULL,
  smtp_authentication varchar NOT NULL,
  smtp_ssl_certificate bytea,
  smtp_ssl_private_key bytea,
  smtp_debug boolean,
  google_gmail_refresh_token varchar,
  google_gmail_access_token varchar,
  google_gmail_access_token_expiration integer,
  microsoft_outlook_refresh_token varchar,
  microsoft_outlook_access_token varchar,
  microsoft_outlook_access_token_expiration integer,
  create_uid integer,
  create_date timestamp,
  write_uid integer,
  write_date timestamp,
  CONSTRAINT ir_mail_server_certificate_requires_tls
    CHECK (smtp_encryption <> 'none' OR smtp_authentication <> 'certificate')
);

CREATE TABLE fetchmail_server (
  id serial PRIMARY KEY,
  name varchar NOT NULL,
  active boolean,
  state varchar,
  server varchar,
  port integer,
  server_type varchar NOT NULL,
  is_ssl boolean,
  attach boolean,
  original boolean,
  date timestamp,
  "user" varchar,
  password varchar,
  object_id integer,
  priority integer,
  configuration text,
  script varchar,
  google_gmail_refresh_token varchar,
  google_gmail_access_token varchar,
  google_gmail_access_token_expiration integer,
  microsoft_outlook_refresh_token varchar,
  microsoft_outlook_access_token varchar,
  microsoft_outlook_access_token_expiration integer,
  create_uid integer,
  create_date timestamp,
  write_uid integer,
  write_date timestamp
);
CREATE INDEX ON fetchmail_server (state);

CREATE TABLE mail_message (
  id serial PRIMARY KEY,
  parent_id integer REFERENCES mail_message ON DELETE SET NULL,
  model varchar,
  res_id integer,
  subject varchar,
  body text,
  date timestamp,
  message_type varchar NOT NULL,
  email_from varchar,
  author_id integer,
  message_id varchar,
  reply_to varchar,
  mail_server_id integer REFERENCES ir_mail_server ON DELETE SET NULL,
  create_uid integer,
  create_date timestamp,
  write_uid integer,
  write_date timestamp
);

CREATE TABLE mail_mail (
  id serial PRIMARY KEY,
  mail_message_id integer NOT NULL REFERENCES mail_message ON DELETE CASCADE,
  fetchmail_server_id integer REFERENCES fetchmail_server ON DELETE SET NULL,
  state varchar,
  failure_type varchar,
  failure_reason text,
  email_to text,
  email_cc varchar,
  body_html text,
  "references" text,
  headers text,
  is_notification boolean,
  auto_delete boolean,
  create_uid integer,
  create_date timestamp,
  write_uid integer,
  write_date timestamp
);

-- Without create_date and write_date, in Odoo too.
CREATE TABLE mail_notification (
  id serial PRIMARY KEY,
  author_id integer,
  mail_message_id integer NOT NULL REFERENCES mail_message ON DELETE CASCADE,
  mail_mail_id integer REFERENCES mail_mail ON DELETE SET NULL,
  res_partner_id integer,
  notification_type varchar NOT NULL,
  notification_status varchar,
  is_read boolean,
  read_date timestamp,
  failure_type varchar,
  failure_reason text
);
CREATE INDEX ON mail_notification (notification_status);
