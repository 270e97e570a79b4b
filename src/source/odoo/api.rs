//! Reads an Odoo by its external API: JSON-RPC (15 to 18), JSON-2 (19).
