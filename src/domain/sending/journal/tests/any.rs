//! Whatever happens in whichever order, the journal says what a count by hand says, which tells messages apart by names of
//! its own and knows no numbers.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use super::{NOW, hours, minutes, person};
use crate::domain::{
    clock::Timestamp,
    sending::{DAY, Folder, Hour, Journal, Message, Next, Of},
};

#[derive(Clone, Debug)]
enum Event {
    /// A message is sent or imported, dated so many minutes before now, or after.
    Arrive {
        ago: i64,
        to: Vec<u32>,
        own: bool,
    },
    /// One of the messages is removed, or none if there is none.
    Delete(usize),
    /// So many numbers are given out and never seen.
    Skip(u32),
    /// The folder's messages get other numbers.
    Renumber,
    Pass {
        minutes: u64,
    },
    /// The exporter looks, so many messages at a time, and is interrupted after so many batches.
    Look {
        batch: usize,
        batches: usize,
        volunteers: bool,
    },
    Restart,
}

fn event(ahead: i64) -> impl Strategy<Value = Event> {
    let ago = prop_oneof![5 => -ahead..=60_i64, 1 => 0..=3_000_i64, 1 => Just(24 * 60)];
    let to = vec(0..12_u32, 0..4).prop_map(|mut to| {
        to.sort_unstable();
        to.dedup();
        to
    });
    let arrive = (ago, to, prop::bool::weighted(0.1));
    let batches = prop_oneof![1 => 0..4_usize, 2 => Just(usize::MAX)];
    prop_oneof![
        6 => arrive.prop_map(|(ago, to, own)| Event::Arrive { ago, to, own }),
        2 => any::<usize>().prop_map(Event::Delete),
        1 => prop_oneof![1..9_u32, 4_990..5_010_u32].prop_map(Event::Skip),
        1 => Just(Event::Renumber),
        3 => prop_oneof![0..90_u64, 0..3_000_u64].prop_map(|minutes| Event::Pass { minutes }),
        4 => (1..5_usize, batches, any::<bool>())
            .prop_map(|(batch, batches, volunteers)| Event::Look { batch, batches, volunteers }),
        1 => Just(Event::Restart),
    ]
}

/// What the server has, what the exporter knows, and what is counted by hand.
struct World {
    now: Timestamp,
    /// By number: a name that nothing else has, and the message.
    folder: BTreeMap<u32, (usize, Message)>,
    named: usize,
    next: u32,
    validity: u32,
    /// Whether the server's numbers last.
    lasting: bool,
    journal: Journal,
    /// What the exporter was shown since the numbers last changed, by name, with the time for which it counts.
    seen: BTreeMap<usize, Message>,
    /// The same since the beginning.
    ever: BTreeMap<usize, Message>,
    /// Of a look that went to its end.
    complete: bool,
    /// For which numbers `seen` holds.
    of: Option<u32>,
}

impl World {
    fn new(lasting: bool) -> Self {
        let (folder, seen, ever) = Default::default();
        let journal = Journal::default();
        let (named, next, validity) = (0, 1, 1);
        let (now, complete, of) = (NOW, false, None);
        Self { now, folder, named, next, validity, lasting, journal, seen, ever, complete, of }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive { ago, to, own } => {
                let at = Timestamp::from_millis(self.now.as_millis() - ago * 60_000);
                let message = Message { at, to: to.into_iter().map(person).collect(), own };
                self.folder.insert(self.next, (self.named, message));
                (self.named, self.next) = (self.named + 1, self.next + 1);
            }
            Event::Delete(which) => {
                let number = self.folder.keys().nth(which % self.folder.len().max(1)).copied();
                number.and_then(|number| self.folder.remove(&number));
            }
            Event::Skip(numbers) => self.next += numbers,
            Event::Renumber => {
                let all = std::mem::take(&mut self.folder).into_values();
                self.folder = (1..).zip(all).collect();
                self.next = self.folder.len() as u32 + 1;
                self.validity += 1;
            }
            Event::Pass { minutes: passed } => self.now = self.now + minutes(passed),
            Event::Restart => {
                let json = serde_json::to_string(&self.journal).unwrap();
                self.journal = serde_json::from_str(&json).unwrap();
            }
            Event::Look { batch, batches, volunteers } => self.look(batch, batches, volunteers),
        }
    }

    fn look(&mut self, batch: usize, batches: usize, volunteers: bool) {
        let validity = self.lasting.then_some(self.validity);
        let messages = self.folder.len() as u32;
        let folder = Folder { validity, next: Some(self.next), messages };
        if validity.is_none() || validity != self.of {
            self.seen.clear();
            self.of = validity;
        }
        self.complete = false;
        let next = self.journal.begin(&folder, self.now);
        let volunteers = volunteers && matches!(next, Next::From(_));
        let shown: Vec<u32> = match next {
            Next::Nothing => {
                self.complete = true;
                return;
            }
            Next::From(first) => self.folder.range(first..).map(|(number, _)| *number).collect(),
            // By days, as a server reckons them that is some hours behind: never less than was asked for.
            Next::Since(since) => {
                let day =
                    |at: Timestamp| (at.as_millis() - hours(5).as_millis() as i64) / 86_400_000;
                let arrived = |(_, message): &(usize, Message)| day(message.at) >= day(since) - 1;
                let shown = self.folder.iter().filter(|(_, message)| arrived(message));
                shown.map(|(number, _)| *number).collect()
            }
        };
        for numbers in shown.chunks(batch).take(batches) {
            let listed = |number: &u32| (*number, self.folder[number].1.clone());
            let mut taken: Vec<_> = numbers.iter().map(listed).collect();
            if volunteers {
                // What was not asked for, as servers do.
                taken.extend(self.folder.first_key_value().map(|(number, _)| listed(number)));
                taken.extend(self.folder.last_key_value().map(|(number, _)| listed(number)));
            }
            self.journal.take(taken, numbers.last().unwrap() + 1, self.now);
            for number in numbers {
                let (name, message) = &self.folder[number];
                let at = message.at.min(self.now);
                let message = Message { at, ..message.clone() };
                self.ever.entry(*name).or_insert_with(|| message.clone());
                self.seen.entry(*name).or_insert(message);
            }
        }
        if shown.chunks(batch).len() <= batches {
            self.journal.finish(&folder, self.now);
            self.complete = true;
        }
    }

    /// Messages, recipients, external ones, unique ones, and those of them that are external.
    fn counted(&self) -> [u64; 5] {
        let counts = |message: &&Message| !message.own && message.at > self.now - DAY;
        let all: Vec<_> = self.seen.values().filter(counts).collect();
        let to: Vec<_> = all.iter().flat_map(|message| message.to.iter()).collect();
        let unique: BTreeSet<_> = to.iter().collect();
        let counts = [
            all.len(),
            to.len(),
            to.iter().filter(|to| to.external).count(),
            unique.len(),
            unique.iter().filter(|to| to.external).count(),
        ];
        counts.map(|count| count as u64)
    }
}

/// By hours since the epoch.
fn by_hour(messages: &BTreeMap<usize, Message>) -> BTreeMap<i64, Hour> {
    let mut hours = BTreeMap::<_, Hour>::new();
    for message in messages.values().filter(|message| !message.own) {
        let hour = hours.entry(message.at.as_millis() / 3_600_000).or_default();
        hour.messages += 1;
        hour.recipients += message.to.len() as u32;
        hour.external += message.to.iter().filter(|to| to.external).count() as u32;
    }
    hours
}

fn told(times: impl Iterator<Item = (Timestamp, Hour)>, unit: i64) -> BTreeMap<i64, Hour> {
    times.map(|(at, hour)| (at.as_millis() / unit, hour)).collect()
}

fn at_most(one: Hour, other: Hour) -> bool {
    one.messages <= other.messages
        && one.recipients <= other.recipients
        && one.external <= other.external
}

proptest! {
    /// All that the exporter was ever shown under the folder's present numbers counts for its day, once, deleted or not. When
    /// the numbers change, what was deleted before is forgotten.
    #[test]
    fn sums_are_those_of_all_that_was_seen(
        events in vec(event(120), 1..80),
        lasting in prop::bool::weighted(0.8),
    ) {
        let mut world = World::new(lasting);
        for event in events {
            world.happen(event);
            let looked = world.journal.looked();
            prop_assert_eq!(looked.is_some(), world.complete);
            let known = looked.filter(|looked| *looked > world.now - DAY);
            let expected = known.map(|_| world.counted());
            let sums = world.journal.sums(world.now).map(|sums| Of::ALL.map(|of| sums[of]));
            prop_assert_eq!(sums, expected);
        }
    }

    /// As long as numbers hold, the history has every message that was ever seen, once. When they change, no hour has more
    /// than was ever seen, nor less than before or than what is seen now.
    #[test]
    fn the_history_counts_nothing_twice(events in vec(event(0), 1..60)) {
        let mut world = World::new(true);
        let mut before = BTreeMap::new();
        for event in events {
            world.happen(event);
            // Hours are forgotten after a week, and this is about how they are counted.
            if !world.complete || world.now.since(NOW) > hours(5 * 24) {
                continue;
            }
            let (hours, ever) = (told(world.journal.hours(), 3_600_000), by_hour(&world.ever));
            if world.validity == 1 {
                prop_assert_eq!(&hours, &ever);
            }
            for (hour, sent) in &hours {
                prop_assert!(at_most(*sent, ever[hour]), "{hour}: {sent:?}, {:?}", ever[hour]);
            }
            for (hour, sent) in by_hour(&world.seen).into_iter().chain(before) {
                let now = hours.get(&hour).copied().unwrap_or_default();
                prop_assert!(at_most(sent, now), "{hour}: {sent:?}, {now:?}");
            }
            let mut days = BTreeMap::<_, Hour>::new();
            for (hour, sent) in &hours {
                days.entry(hour / 24).or_default().add(*sent);
            }
            prop_assert_eq!(told(world.journal.days(), 86_400_000), days);
            before = hours;
        }
    }
}
