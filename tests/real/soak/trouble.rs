//! What goes wrong, and for whom: by chance, and the same for the same seed.

use std::collections::BTreeMap;
use std::time::Duration;

use gmail_sim::{Arrival, At, Bounce, Delivery, Extension, Fault, Service, What, World};

use super::{ADDRESSES, LINKS};

pub(super) struct Trouble {
    state: u64,
    counts: BTreeMap<String, u32>,
}

impl Trouble {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed, counts: BTreeMap::new() }
    }

    /// How often each of them struck, or was about to.
    pub(super) fn counts(&self) -> &BTreeMap<String, u32> {
        &self.counts
    }

    pub(super) fn strike(&mut self, world: &World) {
        for address in ADDRESSES {
            // Who cannot wait looks once, and again later.
            let waits = self.below(6) == 0;
            world.set(address, |account| {
                if waits {
                    account.without.remove(&Extension::Idle);
                } else {
                    account.without.insert(Extension::Idle);
                }
            });
            if self.below(2) == 0 {
                let (at, what) = self.imap();
                let fault = Fault::new(Service::Imap, at, what).of(address);
                let fault = if self.below(2) == 0 { fault.times(1) } else { fault };
                self.add(world, fault);
            }
        }
        for (from, to) in LINKS {
            let Some(to) = to else { continue };
            if self.below(2) == 0 {
                let delivery = self.delivery();
                self.count(format!("{:?}", delivery.arrival));
                world.next_delivery(to, delivery);
            }
            if self.below(4) == 0 {
                let (at, what) = self.smtp();
                self.add(world, Fault::new(Service::Smtp, at, what).of(from).times(1));
            }
        }
    }

    fn add(&mut self, world: &World, fault: Fault) {
        let what = format!("{:?}", fault.what);
        let what = what.split('(').next().unwrap_or_default();
        self.count(format!("{:?} {what}", fault.at));
        world.fault(fault).expect("it can strike");
    }

    fn count(&mut self, what: String) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn imap(&mut self) -> (At, What) {
        let changes = [At::Expunge, At::Move, At::Store];
        let at = changes[self.below(3)];
        let refused = || What::SayRaw(b"* BYE gone\r\n".to_vec());
        match self.below(11) {
            0 => (at, What::Say("imap.unavailable".into())),
            1 => (at, What::HalfWay),
            2 => (at, What::Pretend),
            3 => (at, What::Close),
            4 => (at, What::Unanswered),
            5 => (at, What::CutMidLine),
            6 => (at, What::Delay(100)),
            7 => (at, refused()),
            8 => (At::Search, What::Say("imap.unavailable".into())),
            9 => (At::Fetch, What::Close),
            _ => (At::Search, What::AlsoFound((1..20).collect())),
        }
    }

    fn smtp(&mut self) -> (At, What) {
        match self.below(4) {
            0 => (At::Message, What::Close),
            1 => (At::Message, What::Unanswered),
            2 => (At::Rcpt, What::Say("smtp.policy".into())),
            _ => (At::Message, What::Delay(200)),
        }
    }

    fn delivery(&mut self) -> Delivery {
        let later = Duration::from_secs(self.below(400) as u64);
        match self.below(7) {
            0 => Delivery::to(Arrival::Spam),
            1 => Delivery::to(Arrival::Lost),
            2 => Delivery::to(Arrival::Inbox).twice(Duration::ZERO),
            3 => Delivery::to(Arrival::Inbox).twice(later),
            4 => Delivery::to(Arrival::Inbox).after(later),
            5 => Delivery::to(Arrival::Spam).after(later),
            _ => Delivery::to(Arrival::Bounced(Bounce::NoSuchUser)),
        }
    }

    /// SplitMix64: https://prng.di.unimi.it/splitmix64.c
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
