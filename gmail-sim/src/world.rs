//! The simulated world: clients, mailboxes, grants, faults, the clock, and what was asked.
//!
//! Invariant: the lock on the state is held for one step and never across an await, and no step
//! costs more with more mailboxes.

mod account;
mod arrival;
pub(crate) mod asked;
mod authorization;
mod bounce;
mod client;
mod consent;
mod delivery;
mod grant;
mod labels;
mod limit;
mod mailstore;
mod owner;
mod portal;
mod redirect;
mod sent;
mod service_account;
mod session;
mod settings;
mod sign_in;
mod stamp;
mod touched;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{BuildHasher, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

pub use account::{Account, Extension, ImapAccess, Kind, Language, LimitAt, MAIL_SCOPE, WhenFull};
pub use arrival::{Arrival, Bounce, Delivery};
pub use asked::Asked;
pub use authorization::ErrorForm;
pub(crate) use authorization::{Refused, Wish, is_about_signing_in};
pub(crate) use client::project;
pub use client::{Client, ClientKind, ClientState};
pub(crate) use consent::Answered;
pub(crate) use delivery::Recipient;
pub(crate) use grant::{Access, Issued};
pub use labels::ExpungeBehavior;
pub(crate) use labels::Hand;
pub(crate) use limit::Bandwidth;
pub use mailstore::{Folder, Message};
pub(crate) use mailstore::{Letter, Shelf};
pub use portal::Portal;
pub use sent::Sent;
pub use service_account::ServiceAccount;
pub(crate) use service_account::subject;
pub use session::SessionCount;
pub(crate) use session::{Notice, Seat};
pub(crate) use sign_in::SignedIn;
pub use stamp::{Authentication, Verdict};
pub use touched::{Change, Touched};

use crate::{
    clock::Clock,
    door::Door,
    fault::{At, Fault, Mistake, Service, What, Whose},
    lines,
};
use asked::Log;
use grant::Grants;
use limit::Window;
use mailstore::Mailstore;

/// A handle on a simulated world; clones are the same world. Whatever the control port does, it
/// does through this.
#[derive(Clone, Debug)]
pub struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// How many seconds the Date of HTTP answers is ahead of the clock.
    date_skew: AtomicI64,
    doors: Mutex<Vec<Door>>,
    log: Mutex<Log>,
    numbers: AtomicU64,
    state: Mutex<State>,
}

/// Everything that changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) clients: HashMap<String, Client>,
    consents: consent::Consents,
    /// What becomes of the next messages to an address, simulated or not.
    deliveries: HashMap<String, VecDeque<Delivery>>,
    /// The domains of the simulated mailboxes; an unknown recipient there does not exist.
    pub(crate) domains: HashSet<String>,
    error_form: ErrorForm,
    pub(crate) faults: crate::fault::Faults,
    pub(crate) grants: Grants,
    pub(crate) residents: HashMap<String, Resident>,
    /// By their addresses.
    pub(crate) service_accounts: HashMap<String, ServiceAccount>,
}

/// One mailbox with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Resident {
    pub(crate) account: Account,
    pub(crate) imap_bytes: Window,
    pub(crate) sent: Window,
    pub(crate) sent_recipients: Window,
    pub(crate) sessions: session::Sessions,
    pub(crate) sign_ins: Window,
    pub(crate) store: Mailstore,
    touched: Vec<Touched>,
}

impl Default for Resident {
    fn default() -> Self {
        Self {
            account: Account::default(),
            imap_bytes: Window::of(DAY),
            sent: Window::of(DAY),
            sent_recipients: Window::of(DAY),
            sessions: session::Sessions::default(),
            sign_ins: Window::of(Duration::from_secs(600)),
            store: Mailstore::default(),
            touched: Vec::new(),
        }
    }
}

impl Resident {
    /// Lets mail arrive whose time has come.
    pub(crate) fn settle(&mut self, now: SystemTime) {
        self.store.settle(now, self.account.keeping());
    }
}

const DAY: Duration = Duration::from_secs(86_400);

impl World {
    pub(crate) fn with_log_of(room: usize) -> Self {
        Self(Arc::new(Inner {
            clock: Clock::start(),
            date_skew: AtomicI64::new(0),
            doors: Mutex::default(),
            log: Mutex::new(Log::with_room(room)),
            numbers: AtomicU64::new(1),
            state: Mutex::default(),
        }))
    }

    /// Adds an OAuth client, or gives a known one this secret.
    pub fn add_client(&self, id: &str, secret: &str) {
        self.set_client(id, |client| secret.clone_into(&mut client.secret));
    }

    /// Changes an OAuth client; one that is not known yet is added. The closure must not call the
    /// world.
    pub fn set_client(&self, id: &str, change: impl FnOnce(&mut Client)) {
        change(self.state().clients.entry(id.to_owned()).or_default());
    }

    /// What is set about a client.
    pub fn client(&self, id: &str) -> Option<Client> {
        self.state().clients.get(id).cloned()
    }

    /// Adds a healthy mailbox and links it to the client: the answer is its refresh token. The
    /// same as [`World::link`].
    pub fn add_account(&self, address: &str, client_id: &str) -> String {
        self.link(address, client_id)
    }

    /// Changes a mailbox; one that is not known yet is added. The closure must not call the world.
    pub fn set(&self, address: &str, change: impl FnOnce(&mut Account)) {
        change(&mut self.state().resident(address).account);
    }

    /// What is set about a mailbox.
    pub fn account(&self, address: &str) -> Option<Account> {
        self.state().residents.get(&address.to_lowercase()).map(|r| r.account.clone())
    }

    /// The addresses of all mailboxes, sorted.
    pub fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<String> = self.state().residents.keys().cloned().collect();
        addresses.sort();
        addresses
    }

    /// Makes something go wrong from now on.
    ///
    /// # Errors
    /// The fault can never strike: the line is unknown, or its place is never reached.
    pub fn fault(&self, mut fault: Fault) -> Result<(), Mistake> {
        fault.check()?;
        fault.address = fault.address.map(|address| address.to_lowercase());
        let (service, refuse) = (fault.service, fault.what == What::Refuse);
        self.state().faults.add(fault);
        if refuse {
            self.doors().iter().filter(|door| door.service() == service).for_each(Door::shut);
        }
        Ok(())
    }

    /// The faults in force.
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.all()
    }

    /// Makes things go right again: for an address, for a [`Service`], or for all.
    pub fn clear_faults(&self, whose: impl Into<Whose>) {
        let mut state = self.state();
        state.faults.clear(&whose.into());
        let doors = self.doors();
        for door in doors.iter().filter(|door| !state.faults.refuses(door.service())) {
            door.open();
        }
    }

    /// What was asked so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.log().entries()
    }

    /// What was asked so far about this mailbox, in order.
    pub fn asked_about(&self, address: &str) -> Vec<Asked> {
        let address = address.to_lowercase();
        let about = |asked: &Asked| asked.address.as_deref() == Some(&*address);
        self.asked().into_iter().filter(about).collect()
    }

    /// Forgets what was asked so far.
    pub fn forget_asked(&self) {
        self.log().clear();
    }

    /// Moves the simulator's clock on: tokens and sessions end, limits clear, mail arrives.
    pub fn advance(&self, by: Duration) {
        self.0.clock.advance(by);
    }

    /// What time it is in the simulator.
    pub fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    /// Makes the `Date` of every HTTP answer this many seconds later than the simulator's clock, or earlier.
    pub fn skew_date(&self, seconds: i64) {
        self.0.date_skew.store(seconds, Ordering::Relaxed);
    }

    /// What time HTTP answers say it is.
    pub(crate) fn date(&self) -> SystemTime {
        let skew = self.0.date_skew.load(Ordering::Relaxed);
        let by = Duration::from_secs(skew.unsigned_abs());
        let date = if skew < 0 { self.now().checked_sub(by) } else { self.now().checked_add(by) };
        date.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    pub(crate) async fn reached(&self, at: SystemTime) {
        self.0.clock.reached(at).await;
    }

    /// The fault that strikes here.
    pub(crate) fn due(&self, service: Service, at: At, address: Option<&str>) -> Option<What> {
        self.state().faults.due(service, at, address)
    }

    pub(crate) fn note(
        &self,
        service: Service,
        connection: u64,
        address: Option<&str>,
        what: &str,
    ) {
        let address = address.map(ToOwned::to_owned);
        let what = what.to_owned();
        self.log().push(Asked { at: self.now(), service, connection, address, what });
    }

    pub(crate) fn number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn add_door(&self, door: Door) {
        self.doors().push(door);
    }

    pub(crate) fn shut_doors(&self) {
        self.doors().drain(..).for_each(|door| door.shut());
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doors(&self) -> MutexGuard<'_, Vec<Door>> {
        self.0.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The mailbox of this address; a new one where there was none.
    pub(crate) fn resident(&mut self, address: &str) -> &mut Resident {
        let address = address.to_lowercase();
        if !self.residents.contains_key(&address)
            && let Some((_, domain)) = address.rsplit_once('@')
        {
            self.domains.insert(domain.to_owned());
        }
        self.residents.entry(address).or_default()
    }
}

/// A line that the simulator itself says.
pub(crate) fn line(key: &str) -> &'static lines::Line {
    lines::find(key).expect("lines::tests holds every key that is said")
}

/// So many letters and digits that nobody has seen before.
pub(crate) fn opaque(length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bits = std::hash::RandomState::new().build_hasher().finish();
        for _ in 0..10.min(length - text.len()) {
            text.push(char::from(LETTERS[(bits & 63) as usize]));
            bits >>= 6;
        }
    }
    text
}
