-- Odoo 15: Gmail's servers are marked by a boolean, the incoming ones are a module of their own, and a mail's scheduled
-- date is text.

ALTER TABLE ir_mail_server
  ADD google_gmail_authorization_code varchar,
  ADD use_google_gmail_service boolean,
  ADD use_microsoft_outlook_service boolean,
  ALTER smtp_host SET NOT NULL,
  ALTER smtp_port SET NOT NULL;
ALTER TABLE fetchmail_server
  ADD google_gmail_authorization_code varchar,
  ADD use_google_gmail_service boolean,
  ADD use_microsoft_outlook_service boolean;
ALTER TABLE mail_mail ADD scheduled_date varchar;

UPDATE ir_model_data SET module = 'fetchmail' WHERE name = 'ir_cron_mail_gateway_action';

INSERT INTO ir_config_parameter (key, value) VALUES
  ('mail.bounce.alias', 'bounce'), ('mail.catchall.alias', 'catchall'), ('mail.default.from', 'notifications');

-- The versions of base, google_gmail and microsoft_outlook are Odoo's; the others only look like one. So in every file.
INSERT INTO ir_module_module (name, state, latest_version, auto_install) VALUES
  ('base', 'installed', '15.0.1.3', false),
  ('mail', 'installed', '15.0.1.5', false),
  ('fetchmail', 'installed', '15.0.1.0', true),
  ('fetchmail_gmail', 'installed', '15.0.1.0', true),
  ('google_gmail', 'installed', '15.0.1.0', true),
  ('microsoft_outlook', 'installed', '15.0.1.1', false),
  ('sale', 'uninstalled', NULL, false);
