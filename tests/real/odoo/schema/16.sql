-- Odoo 16: Gmail's servers are marked by smtp_authentication and server_type, fetching moved into mail.

ALTER TABLE res_company ADD active boolean DEFAULT true;
ALTER TABLE ir_mail_server
  ADD google_gmail_authorization_code varchar,
  ALTER smtp_host SET NOT NULL,
  ALTER smtp_port SET NOT NULL;
ALTER TABLE fetchmail_server ADD google_gmail_authorization_code varchar;
ALTER TABLE mail_mail ADD scheduled_date timestamp, ADD to_delete boolean;

INSERT INTO ir_config_parameter (key, value) VALUES
  ('mail.bounce.alias', 'bounce'), ('mail.catchall.alias', 'catchall'), ('mail.default.from', 'notifications');

INSERT INTO ir_module_module (name, state, latest_version, auto_install) VALUES
  ('base', 'installed', '16.0.1.3', false),
  ('mail', 'installed', '16.0.1.10', false),
  ('google_gmail', 'installed', '16.0.1.2', true),
  ('microsoft_outlook', 'installed', '16.0.1.1', false),
  ('sale', 'uninstalled', NULL, false);
