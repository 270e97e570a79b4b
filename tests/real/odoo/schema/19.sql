-- Odoo 19, on top of alias_domain.sql: no authorization code any more, personal servers, and fetching that says what
-- went wrong.

ALTER TABLE ir_mail_server
  ADD max_email_size double precision,
  ADD owner_user_id integer UNIQUE REFERENCES res_users ON DELETE SET NULL,
  ADD owner_limit_time timestamp,
  ADD owner_limit_count integer;
ALTER TABLE fetchmail_server ADD error_date timestamp, ADD error_message text;
ALTER TABLE ir_cron ADD failure_count integer, ADD first_failure_date timestamp;
ALTER TABLE mail_notification ADD mail_email_address varchar;

INSERT INTO ir_module_module (name, state, latest_version, auto_install) VALUES
  ('base', 'installed', '19.0.1.3', false),
  ('mail', 'installed', '19.0.1.19', false),
  ('rpc', 'installed', '19.0.1.0', true),
  ('google_gmail', 'installed', '19.0.1.2', true),
  ('microsoft_outlook', 'installed', '19.0.1.1', true),
  ('sale', 'uninstalled', NULL, false);
