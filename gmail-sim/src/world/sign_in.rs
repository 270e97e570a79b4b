//! The verdict on a sign-in with XOAUTH2, in the order in which Google seems to look.

use std::time::{Duration, SystemTime};

use super::{Access, Account, ImapAccess, Resident, Seat, State, World, line};
use crate::{lines::Line, sasl::Xoauth2};

/// An IMAP session that may begin.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) address: String,
    /// When Google ends the session.
    pub(crate) until: SystemTime,
    pub(crate) seat: Seat,
}

impl World {
    /// Signs in to SMTP.
    pub(crate) fn sign_in_smtp(&self, login: &Xoauth2) -> Result<(), &'static Line> {
        let now = self.now();
        let mut state = self.state();
        let address = login.user.to_lowercase();
        let (access, resident) = known(&mut state, &address, &login.token, now);
        let resident = resident.ok_or_else(|| line("smtp.bad_credentials"))?;
        resident.sign_ins.add(now, 1);
        let account = &resident.account;
        if resident.sign_ins.sum(now) > u64::from(account.sign_ins_per_ten_minutes) {
            return Err(line("smtp.login_rate"));
        }
        if access.is_none() || !account.gmail_enabled {
            return Err(line("smtp.bad_credentials"));
        }
        if account.web_login_required {
            return Err(line("smtp.web_login_5714"));
        }
        match account.smtp_says.as_deref().and_then(crate::lines::find) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// Signs in to IMAP and takes a seat.
    pub(crate) fn sign_in_imap(
        &self,
        login: &Xoauth2,
        connection: u64,
    ) -> Result<SignedIn, &'static Line> {
        let now = self.now();
        let mut state = self.state();
        let address = login.user.to_lowercase();
        let (access, resident) = known(&mut state, &address, &login.token, now);
        let (Some(access), Some(resident)) = (access, resident) else {
            return Err(line("imap.invalid_credentials"));
        };
        let account = &resident.account;
        if let Some(refusal) = refusal(account) {
            return Err(refusal);
        }
        if resident.imap_bytes.sum(now) >= account.imap_bytes_per_day {
            return Err(line("imap.overquota_no"));
        }
        if resident.sessions.count() + account.imap_sessions_elsewhere >= account.imap_sessions {
            resident.sessions.refuse();
            return Err(line("imap.too_many_connections"));
        }
        let life = account.imap_session_life.map(Duration::from_secs);
        let until = life.map_or(access.ends, |life| now + life);
        let seat = resident.sessions.sit(self, &address, connection);
        Ok(SignedIn { address, until, seat })
    }
}

fn refusal(account: &Account) -> Option<&'static Line> {
    if !account.gmail_enabled {
        return Some(line("imap.lookup_failed"));
    }
    match account.imap {
        ImapAccess::OffForDomain => return Some(line("imap.disabled_domain")),
        ImapAccess::OffForUser => return Some(line("imap.disabled_user")),
        ImapAccess::On => {}
    }
    if account.web_login_required {
        return Some(line("imap.web_login"));
    }
    account.imap_says.as_deref().and_then(crate::lines::find)
}

/// The access token, if it is good for mail of this address, and the mailbox, if there is one.
fn known<'a>(
    state: &'a mut State,
    address: &str,
    token: &str,
    now: SystemTime,
) -> (Option<Access>, Option<&'a mut Resident>) {
    let good = state.grants.good(token, now);
    let good = good.filter(|access| access.address == address && access.is_for_mail());
    (good.cloned(), state.residents.get_mut(address))
}

impl Access {
    fn is_for_mail(&self) -> bool {
        self.scope.split(' ').any(|scope| scope == super::MAIL_SCOPE)
    }
}
