-- Odoo 18, on top of alias_domain.sql: jobs count their failures.

ALTER TABLE ir_mail_server ADD google_gmail_authorization_code varchar, ADD max_email_size double precision;
ALTER TABLE fetchmail_server ADD google_gmail_authorization_code varchar;
ALTER TABLE ir_cron ADD failure_count integer, ADD first_failure_date timestamp;

INSERT INTO ir_module_module (name, state, latest_version, auto_install) VALUES
  ('base', 'installed', '18.0.1.3', false),
  ('mail', 'installed', '18.0.1.18', false),
  ('google_gmail', 'installed', '18.0.1.2', true),
  ('microsoft_outlook', 'installed', '18.0.1.1', false),
  ('sale', 'uninstalled', NULL, false);
