-- Odoo 17 to 19: the addresses that Odoo sends as belong to alias domains, one a company, and no longer to settings.

CREATE TABLE mail_alias_domain (
  id serial PRIMARY KEY,
  name varchar NOT NULL,
  sequence integer,
  bounce_alias varchar NOT NULL,
  catchall_alias varchar NOT NULL,
  default_from varchar,
  create_uid integer,
  create_date timestamp,
  write_uid integer,
  write_date timestamp
);
ALTER TABLE res_company
  ADD active boolean DEFAULT true,
  ADD alias_domain_id integer REFERENCES mail_alias_domain ON DELETE SET NULL;
ALTER TABLE mail_message
  ADD record_alias_domain_id integer REFERENCES mail_alias_domain ON DELETE SET NULL,
  ADD record_company_id integer REFERENCES res_company ON DELETE SET NULL;
ALTER TABLE mail_mail ADD scheduled_date timestamp;
