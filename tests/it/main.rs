//! Does the exporter behave? Through its ports and exit codes, against the simulator.

#![expect(clippy::unwrap_used, reason = "a test may; clippy knows only the #[test] functions")]

mod bad_configs; // what is said about faulty files
mod capacity; // what a mailbox sent, counted round by round
mod capacity_review; // `mailbox_exporter capacity`: counting, going on, formats
mod check; // `mailbox_exporter check`: formats, exit codes
mod connect; // `mailbox_exporter connect` and `revoke`
mod consent; // could a person link again: answers, how rarely, what is shown
mod doctor; // `mailbox_exporter doctor`: each fault at its place, and first
mod examples; // the example files, and the settings printed
mod faults; // servers that stall, cut, lie and break off
mod gentle; // what we do not ask, and what we leave behind
mod grants; // what ends a link at Google, or holds it up
mod identity; // whose account a token opens
mod odoo_api; // an Odoo read by its external API
mod reasons; // every line of Google's ends in its reason
mod round_trip; // letters that are sent, found and removed
mod sending; // counts of sent mail, limits, exhaustion
mod serve; // scrapes, probes, reloads, the end
mod service_accounts; // the other kind of client
mod sessions; // IMAP sessions that are kept, and spare ones
mod sources; // files that come, change and go
mod storage; // restarts, kill -9, a place where nothing can be kept
mod support;
mod transitions; // who is told when a link breaks and heals
