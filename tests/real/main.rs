//! Is our idea of the protocol anybody else's? The exporter against Debian's Dovecot, Postfix and PostgreSQL, with
//! tokens of an OAuth server that nobody here wrote; and `deploy/` and `alerts/` with the programs that read them.
//! `.ci/install` installs them; without them the tests say that they are skipped.

mod alerting;
mod assertions;
mod connect;
mod deploy;
mod disk;
mod grants;
mod in_time;
mod inhibitions;
mod life;
mod links;
mod network;
mod odoo_grants;
mod odoo_links;
mod odoo_queue;
mod odoo_sql;
mod openmetrics;
mod round_trip;
mod rules;
mod scraping;
mod sent;
mod servers;
mod sessions;
mod soak;
mod support;
mod together;
