-- A copy for tests, made by `odoo-bin neutralize` (16 to 19): nothing of it sends or fetches, yet the tokens of
-- production are all still there.

INSERT INTO ir_mail_server (name, active, sequence, smtp_host, smtp_port, smtp_encryption, smtp_authentication,
  smtp_user, google_gmail_refresh_token) VALUES
  ('Sales', true, 10, 'smtp.gmail.com', 587, 'starttls', 'gmail', 'sales@example.com', '1//of-production');
INSERT INTO fetchmail_server (name, active, state, server, port, is_ssl, server_type, "user", google_gmail_refresh_token)
VALUES ('Sales', true, 'done', 'imap.gmail.com', 993, true, 'gmail', 'sales@example.com', '1//of-production');

UPDATE ir_mail_server SET active = false;
INSERT INTO ir_mail_server (name, active, smtp_host, smtp_port, smtp_encryption, smtp_authentication)
VALUES ('neutralization - disable emails', true, 'invalid', 1025, 'none', 'login');
UPDATE fetchmail_server SET active = false;
UPDATE ir_cron SET active = false
WHERE id NOT IN (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'autovacuum_job');
INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true');
