//! Which links are this process's, where several share them.

use sha2::{Digest, Sha256};

use crate::domain::link::Address;

/// One of several processes that share the links among them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shard {
    index: u64,
    of: u64,
}

impl Shard {
    /// Reads `i/n`.
    ///
    /// # Errors
    /// A sentence that says what would be right.
    pub fn parse(written: &str) -> Result<Self, String> {
        let shard = written.split_once('/').and_then(|(index, of)| {
            Some(Self { index: index.parse().ok()?, of: of.parse().ok()? })
        });
        match shard {
            Some(shard) if shard.index < shard.of => Ok(shard),
            _ => Err(format!(
                "{written:?} is no shard; write i/n, from 0/3 to 2/3 for three processes"
            )),
        }
    }

    /// Whether the links of this mailbox are this shard's, all of them: what one does with the mailbox, the others have to
    /// know. Of the shards of one `n`, exactly one says yes, in every version of the program.
    pub fn keeps(self, mailbox: &Address) -> bool {
        self.keeps_name(mailbox.as_str())
    }

    /// Whether this shard asks about the client of this name, wherever its links are.
    pub fn keeps_client(self, name: &str) -> bool {
        self.keeps_name(name)
    }

    fn keeps_name(self, name: &str) -> bool {
        let digest = Sha256::digest(name);
        let (first, _) = digest.split_first_chunk().expect("SHA-256 has 32 bytes");
        u64::from_be_bytes(*first) % self.of == self.index
    }
}

/// All links.
impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mailbox_belongs_to_exactly_one_shard_and_stays_there() {
        let shards = ["0/3", "1/3", "2/3"].map(|written| Shard::parse(written).unwrap());
        let mut kept = [0; 3];
        for number in 0..3000 {
            let mailbox = Address::parse(&format!("mailbox-{number}@example.com")).unwrap();
            let keeps = shards.map(|shard| usize::from(shard.keeps(&mailbox)));
            assert_eq!(keeps.iter().sum::<usize>(), 1, "{mailbox}");
            (0..3).for_each(|index| kept[index] += keeps[index]);
            assert!(Shard::default().keeps(&mailbox));
        }
        assert!(kept.iter().all(|kept| (900..1100).contains(kept)), "{kept:?}");
        let known = Address::parse("sales@example.com").unwrap();
        assert_eq!(shards.map(|shard| shard.keeps(&known)), [false, true, false]);
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for bad in ["", "1", "3/3", "-1/3", "1/0", "0/0", "a/b", "0/3/1"] {
            assert!(Shard::parse(bad).is_err(), "{bad:?}");
        }
    }
}
