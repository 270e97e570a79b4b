//! Reads an Odoo by SQL: read only, in short transactions that wait for nobody.
