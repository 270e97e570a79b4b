-- Takes away what grants.sql gave: the role's rights in this database, the schema gmail_monitor, and the role itself
-- once no other database of the cluster knows it.
--
--   psql -d ODOO_DATABASE -f revoke.sql                       as whoever ran grants.sql
--   psql -d ODOO_DATABASE -v role=NAME -f revoke.sql          where the role has another name
--
-- Run it before an upgrade of Odoo that goes through another database (the schema would go along), and to be rid of
-- the exporter. It can be run again. Nothing that Odoo owns is touched.

\set ON_ERROR_STOP on
\if :{?role}
\else
  \set role mailbox_exporter
\endif

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '10s';
SET LOCAL mailbox_exporter.role = :'role';

DO $$
DECLARE
  reader constant text := current_setting('mailbox_exporter.role');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = reader) THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = reader AND rolsuper)
    OR EXISTS (SELECT FROM pg_class WHERE relowner = to_regrole(quote_ident(reader)) AND relpersistence <> 't') THEN
    RAISE EXCEPTION 'role % is not the exporter''s own: it owns tables, or may do anything', reader;
  END IF;
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %I', reader);
  EXECUTE format('REVOKE ALL ON SCHEMA public FROM %I', reader);
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), reader);
END
$$;

DROP VIEW IF EXISTS gmail_monitor.config;
DROP SCHEMA IF EXISTS gmail_monitor;

DO $$
DECLARE
  reader constant text := current_setting('mailbox_exporter.role');
BEGIN
  IF EXISTS (SELECT FROM pg_shdepend
             WHERE refclassid = 'pg_authid'::regclass AND refobjid = to_regrole(quote_ident(reader))) THEN
    RAISE WARNING 'role % stays: another database grants it something', reader;
  ELSE
    EXECUTE format('DROP ROLE IF EXISTS %I', reader);
  END IF;
END
$$;
COMMIT;
