//! Which outgoing server Odoo takes for a sender: `_find_mail_server` of each version.
