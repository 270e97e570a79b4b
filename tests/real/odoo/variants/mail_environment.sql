-- OCA's mail_environment: the servers come from a file. What the columns still hold is stale, new rows hold nothing,
-- and a column of JSON has the defaults, a password among them.

ALTER TABLE ir_mail_server ADD server_env_defaults text;
ALTER TABLE fetchmail_server ADD server_env_defaults text;
ALTER TABLE ir_mail_server ALTER smtp_encryption DROP NOT NULL, ALTER smtp_authentication DROP NOT NULL;
ALTER TABLE fetchmail_server ALTER server_type DROP NOT NULL;

INSERT INTO ir_mail_server (name, active, sequence, smtp_host, smtp_port, smtp_encryption, smtp_authentication,
  smtp_user, google_gmail_refresh_token, server_env_defaults) VALUES
  ('Stale', true, 10, 'smtp.old.example', 25, 'starttls', 'gmail', 'old@example.com', '1//stale',
   '{"x_smtp_host_env_default": "smtp.gmail.com", "x_smtp_user_env_default": "new@example.com"}'),
  ('Empty', true, 20, NULL, NULL, NULL, NULL, NULL, NULL,
   '{"x_smtp_host_env_default": "smtp.example.com", "x_smtp_pass_env_default": "a-password"}');
INSERT INTO fetchmail_server (name, active, state, server_type, server_env_defaults) VALUES
  ('Empty', true, 'done', NULL, '{"x_server_env_default": "imap.gmail.com"}');

INSERT INTO ir_module_module (name, state, latest_version) VALUES
  ('server_environment', 'installed', '18.0.1.0.0'), ('mail_environment', 'installed', '18.0.1.0.0');
