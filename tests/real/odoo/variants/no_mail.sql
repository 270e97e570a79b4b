-- An Odoo without the module mail, and so without Gmail: base alone has outgoing servers.

\ir token_vault.sql
DROP TABLE mail_notification, mail_mail, mail_message, fetchmail_server;
ALTER TABLE res_company DROP IF EXISTS alias_domain_id;
DROP TABLE IF EXISTS mail_alias_domain;
UPDATE ir_module_module SET state = 'uninstalled', latest_version = NULL WHERE name NOT IN ('base');
DELETE FROM ir_model_data WHERE module = 'mail';
DELETE FROM ir_cron WHERE cron_name LIKE 'Mail:%';
