-- Odoo 17, on top of alias_domain.sql.

ALTER TABLE ir_mail_server ADD google_gmail_authorization_code varchar;
ALTER TABLE fetchmail_server ADD google_gmail_authorization_code varchar;

INSERT INTO ir_module_module (name, state, latest_version, auto_install) VALUES
  ('base', 'installed', '17.0.1.3', false),
  ('mail', 'installed', '17.0.1.15', false),
  ('google_gmail', 'installed', '17.0.1.2', true),
  ('microsoft_outlook', 'installed', '17.0.1.1', false),
  ('sale', 'uninstalled', NULL, false);
