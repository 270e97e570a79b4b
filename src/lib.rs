//! mailbox_exporter.
#![allow(dead_code)]
pub mod check;
pub mod domain;
pub mod engine;
pub mod wire;
