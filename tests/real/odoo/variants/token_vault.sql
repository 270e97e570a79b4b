-- A fork that keeps tokens in an encrypted vault elsewhere: Gmail's columns do not exist.

ALTER TABLE ir_mail_server
  DROP google_gmail_refresh_token,
  DROP google_gmail_access_token,
  DROP google_gmail_access_token_expiration,
  DROP IF EXISTS google_gmail_authorization_code;
ALTER TABLE fetchmail_server
  DROP google_gmail_refresh_token,
  DROP google_gmail_access_token,
  DROP google_gmail_access_token_expiration,
  DROP IF EXISTS google_gmail_authorization_code;
