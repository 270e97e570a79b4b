//! Sets of message numbers, such as `1,3:5,7:*`.

/// A set; `*` is known only when it is asked.
#[derive(Clone, Debug)]
pub(super) struct Set(Vec<(Bound, Bound)>);

#[derive(Clone, Copy, Debug)]
enum Bound {
    Last,
    Number(u32),
}

impl Set {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bound = |text: &str| match text {
            "*" => Some(Bound::Last),
            text => text.parse().ok().filter(|&number| number > 0).map(Bound::Number),
        };
        let range = |text: &str| match text.split_once(':') {
            Some((from, to)) => Some((bound(from)?, bound(to)?)),
            None => bound(text).map(|only| (only, only)),
        };
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Is the number in the set, when `last` is the highest in use?
    pub(super) fn holds(&self, number: u32, last: u32) -> bool {
        self.ranges(last).any(|(from, to)| (from..=to).contains(&number))
    }

    /// The ranges, each from the lower bound to the higher, both included.
    pub(super) fn ranges(&self, last: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let value = move |bound: Bound| match bound {
            Bound::Last => last,
            Bound::Number(number) => number,
        };
        let bounds = self.0.iter().map(move |&(one, other)| (value(one), value(other)));
        bounds.map(|(one, other)| (one.min(other), one.max(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_to_the_last_always_holds_the_last() {
        let set = Set::parse("1,3:4,9:*").unwrap();
        let held: Vec<u32> = (1..=7).filter(|&number| set.holds(number, 7)).collect();
        assert_eq!(held, [1, 3, 4, 7]);
        assert!(Set::parse("0").is_none() && Set::parse("a").is_none());
    }
}
