-- What mailbox_exporter may read of an Odoo database: a role of its own, column by column, read only.
--
--   psql -d ODOO_DATABASE -f grants.sql                       as a superuser; README.md says who else may
--   psql -d ODOO_DATABASE -v role=NAME -f grants.sql          for a role of another name than mailbox_exporter
--   psql -d ODOO_DATABASE -v connections=10 -f grants.sql     for more sessions at once than 5
--
-- Odoo 15 to 19. Run it again after an upgrade of Odoo, a new module or a restore: afterwards the role may read exactly
-- what stands here, whatever it could read before. It changes nothing that Odoo owns, and takes nothing from anybody else.
-- It sets no password, so that none stands in a file or a shell's history: `\password mailbox_exporter` in psql does.

\set ON_ERROR_STOP on
\if :{?role}
\else
  \set role mailbox_exporter
\endif
\if :{?connections}
\else
  \set connections 5
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
-- Waits for an upgrade that holds Odoo's tables, but not for ever: Odoo would queue up behind us.
SET LOCAL lock_timeout = '10s';
SET LOCAL mailbox_exporter.role = :'role';
SET LOCAL mailbox_exporter.connections = :'connections';

-- The role. A mistaken name would take an application's rights away, so a role that is anything else is refused.
DO $$
DECLARE
  reader constant text := current_setting('mailbox_exporter.role');
  more text;
BEGIN
  IF to_regclass('public.ir_mail_server') IS NULL OR to_regclass('public.ir_config_parameter') IS NULL THEN
    RAISE EXCEPTION 'database % is not Odoo''s: it has no ir_mail_server', current_database();
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
    EXECUTE format('CREATE ROLE %I', reader);
  END IF;
  more := coalesce(
    (SELECT 'it may do anything, or make roles or databases' FROM pg_roles
       WHERE rolname = reader AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)),
    (SELECT format('it owns %s', oid::regclass) FROM pg_class
       WHERE relowner = to_regrole(quote_ident(reader)) AND relpersistence <> 't' LIMIT 1),
    (SELECT format('it is a member of %s', roleid::regrole) FROM pg_auth_members
       WHERE member = to_regrole(quote_ident(reader)) LIMIT 1)
  );
  IF more IS NOT NULL THEN
    RAISE EXCEPTION 'role % is not the exporter''s own: %', reader, more
      USING HINT = 'Give the exporter a role that nothing else uses.';
  END IF;

  -- The grants below are the lock. These settings are the seat belt: a session of the role could change them.
  EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT %s', reader, current_setting('mailbox_exporter.connections')::int);
  EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', reader);
  -- A query of the exporter that runs longer than this is of no use to anybody.
  EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', reader, '15s');
  -- Waiting for a table that an upgrade of Odoo holds would only lengthen the queue.
  EXECUTE format('ALTER ROLE %I SET lock_timeout = %L', reader, '2s');
  -- A forgotten transaction would keep VACUUM from cleaning up behind Odoo.
  EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', reader, '30s');
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), reader);
  EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', reader);
END
$$;

-- The columns. Each is granted where the database has it: versions, modules and forks differ, and what is absent
-- cannot be granted. Grants are on the tables and not by views, because a view would stand in the way of Odoo's own
-- ALTER TABLE at its next upgrade.
--
-- Not granted, on purpose: smtp_pass, password and the certificates (the exporter signs in by OAuth alone);
-- google_gmail_access_token (it gets its own); google_gmail_authorization_code (used up when it was stored);
-- everything of Outlook; subjects, bodies, recipients and headers of mails; users, partners, API keys.
DO $$
DECLARE
  reader constant text := current_setting('mailbox_exporter.role');
  wanted record;
BEGIN
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', reader);
  FOR wanted IN
    SELECT relation, allowed, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
    FROM (VALUES
      -- The outgoing links: which there are, ...
      ('ir_mail_server', 'SELECT', 'id name active sequence from_filter create_date write_date'),
      -- ... where they lead and as whom, ...
      ('ir_mail_server', 'SELECT', 'smtp_host smtp_port smtp_encryption smtp_authentication smtp_user'),
      -- ... how Odoo 15 marks Gmail's, and whose personal server it is from 19 on, ...
      ('ir_mail_server', 'SELECT', 'use_google_gmail_service owner_user_id'),
      -- ... and the grant itself. The refresh token is what the exporter is there to try.
      ('ir_mail_server', 'SELECT', 'google_gmail_refresh_token google_gmail_access_token_expiration'),
      -- OCA's server_environment: that the column is there says that the others are stale. What it holds may be a
      -- password, so it is not readable: REFERENCES alone makes it show in information_schema, and is good for nothing else.
      ('ir_mail_server', 'REFERENCES', 'server_env_defaults'),

      -- The incoming links, likewise.
      ('fetchmail_server', 'SELECT', 'id name active priority state create_date write_date'),
      ('fetchmail_server', 'SELECT', 'server port is_ssl server_type user use_google_gmail_service'),
      ('fetchmail_server', 'SELECT', 'google_gmail_refresh_token google_gmail_access_token_expiration'),
      -- When Odoo last tried, and from 19 on what went wrong.
      ('fetchmail_server', 'SELECT', 'date error_date error_message'),
      ('fetchmail_server', 'REFERENCES', 'server_env_defaults'),

      -- The queue: how much waits or failed, since when and why. Who wrote, never what or to whom.
      ('mail_mail', 'SELECT', 'id mail_message_id fetchmail_server_id state failure_type failure_reason'),
      ('mail_mail', 'SELECT', 'scheduled_date is_notification auto_delete create_date write_date'),
      ('mail_message', 'SELECT', 'id mail_server_id email_from date create_date message_type record_alias_domain_id'),
      -- A failed refresh shows in the notifications alone: Odoo leaves mail_mail.failure_type empty then.
      ('mail_notification', 'SELECT', 'id mail_message_id mail_mail_id notification_type notification_status failure_type'),

      -- Which Odoo this is, and whether the modules are installed.
      ('ir_module_module', 'SELECT', 'id name state latest_version'),

      -- Whether the queue and the fetching run at all; ir_model_data finds both jobs whatever they are called.
      ('ir_cron', 'SELECT', 'id cron_name active nextcall lastcall interval_number interval_type'),
      ('ir_cron', 'SELECT', 'failure_count first_failure_date ir_actions_server_id'),
      ('ir_model_data', 'SELECT', 'module name model res_id'),

      -- Which address Odoo sends as where nothing else is said, from 17 on.
      ('mail_alias_domain', 'SELECT', 'id name sequence default_from bounce_alias catchall_alias'),
      ('res_company', 'SELECT', 'id active alias_domain_id')
    ) AS list (relation, allowed, names)
    JOIN pg_attribute ON attrelid = to_regclass('public.' || relation) AND attnum > 0 AND NOT attisdropped
      AND attname = ANY (string_to_array(names, ' '))
    GROUP BY relation, allowed
  LOOP
    EXECUTE format('GRANT %s (%s) ON public.%I TO %I', wanted.allowed, wanted.columns, wanted.relation, reader);
  END LOOP;
END
$$;

-- The settings. ir_config_parameter holds database.secret and whatever modules keep there, so the table itself is
-- closed, and a view that reads it with its owner's rights shows the chosen keys. security_barrier keeps a function of
-- the reader's from being asked about the other rows first. The view is owned by who owns the table: nobody gains a right.
CREATE SCHEMA IF NOT EXISTS gmail_monitor;
DROP VIEW IF EXISTS gmail_monitor.config;
CREATE VIEW gmail_monitor.config WITH (security_barrier = true) AS
  SELECT key, value FROM public.ir_config_parameter WHERE key IN (
    -- The OAuth client that all links share. Its secret is needed to refresh a token.
    'google_gmail_client_id', 'google_gmail_client_secret',
    -- Odoo 19 without a client of its own: Odoo S.A. holds the client, and knows the database by its uuid.
    'mail.server.gmail.iap.endpoint', 'database.uuid',
    -- Whether somebody can link again: the redirect URI is made of it.
    'web.base.url', 'web.base.url.freeze',
    -- A copy for tests must be left alone: it has the tokens of production.
    'database.is_neutralized',
    -- Which server Odoo chooses, and which address it sends as.
    'base_setup.default_external_email_server', 'mail.default.from', 'mail.default.from_filter',
    'mail.catchall.domain', 'mail.catchall.alias', 'mail.bounce.alias', 'mass_mailing.mail_server_id',
    -- Personal servers, from 19 on.
    'mail.disable_personal_mail_servers', 'mail.server.personal.limit.minutes'
  );
DO $$
DECLARE
  reader constant text := current_setting('mailbox_exporter.role');
  odoo constant regrole := (SELECT relowner FROM pg_class WHERE oid = 'public.ir_config_parameter'::regclass);
BEGIN
  EXECUTE format('ALTER SCHEMA gmail_monitor OWNER TO %s', odoo);
  EXECUTE format('ALTER VIEW gmail_monitor.config OWNER TO %s', odoo);
  EXECUTE format('GRANT USAGE ON SCHEMA gmail_monitor TO %I', reader);
  EXECUTE format('GRANT SELECT ON gmail_monitor.config TO %I', reader);
END
$$;
COMMIT;

-- What came of it.
SELECT attrelid::regclass AS "table", string_agg(attname, ' ' ORDER BY attnum) AS "columns it may read"
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace IN ('public'::regnamespace, 'gmail_monitor'::regnamespace) AND relkind IN ('r', 'p', 'v', 'm')
  AND attnum > 0 AND NOT attisdropped AND has_column_privilege(:'role', attrelid, attnum, 'SELECT')
GROUP BY attrelid ORDER BY 1;

SELECT has_schema_privilege(:'role', 'public', 'CREATE') AS may_create \gset
\if :may_create
  \warn 'WARNING: every role may create tables in schema public (as before PostgreSQL 15), this one too. To end that:'
  \warn '         REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO <the role of Odoo>;'
\endif
