//! The parts of `mailbox_exporter`, bottom first: each uses only what stands above it. ARCHITECTURE.md is the long version.

/// Reasons, links, outcomes: no I/O.
pub mod domain;

/// The token endpoint, SMTP and IMAP, phase by phase.
pub mod wire;

/// Files into types, mistakes with their place.
pub mod yaml;

/// What is asked of a link.
pub mod check;

/// Where links come from.
pub mod source;

/// When, and the last word on every link.
pub mod engine;

/// State -> exposition.
pub mod metrics;

/// Tells of changes.
pub mod notify;

/// The configuration file.
pub mod config;

/// The URLs.
pub mod web;

/// Wires the parts.
pub mod app;

/// The command line.
pub mod cli;
