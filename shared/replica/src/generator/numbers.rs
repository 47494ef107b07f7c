//! Chance that is the same on every machine: whole numbers only, because the logarithms and powers of two machines may
//! differ in their last bit.

/// A small generator of numbers (splitmix64): the same numbers for the same seed on every machine.
pub struct Numbers(u64);

impl Numbers {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From a seed, for one purpose: what is drawn for another purpose changes nothing here.
    pub(super) fn of(seed: u64, purpose: &str) -> Self {
        // FNV-1a.
        let hash = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next_number() % end as u64) as usize
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A number from `first` to `last`, both included.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        let many = usize::try_from(last - first).unwrap_or_default() + 1;
        first + self.below(many) as i64
    }

    /// True in so many of a thousand cases.
    pub(super) fn chance(&mut self, permille: usize) -> bool {
        self.below(1000) < permille
    }

    /// Puts them into an order by chance.
    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }

    /// One of several, each as likely as its weight says.
    pub(super) fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum::<usize>().max(1));
        for (at, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return at,
            }
        }
        0
    }

    /// `count` cards of as many kinds as there are weights, in just these shares, shuffled. So a city of any seed has
    /// the calibrated figures, and only who has what is chance.
    pub(super) fn deal(&mut self, weights: &[usize], count: usize) -> Vec<usize> {
        let shares = split(count, weights);
        let cards = shares.iter().enumerate().flat_map(|(kind, share)| std::iter::repeat_n(kind, *share));
        let mut cards: Vec<usize> = cards.collect();
        self.shuffle(&mut cards);
        cards
    }

    /// `count` of these by chance, in the order in which they were given.
    pub(super) fn some<T: Copy + Ord>(&mut self, of: &[T], count: usize) -> Vec<T> {
        let mut all = of.to_vec();
        self.shuffle(&mut all);
        all.truncate(count);
        all.sort();
        all
    }
}

/// `total` in parts as the weights say, by the largest remainders; of equal ones the first gets more.
pub(super) fn split(total: usize, weights: &[usize]) -> Vec<usize> {
    let sum = weights.iter().sum::<usize>();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let mut parts: Vec<usize> = weights.iter().map(|weight| total * weight / sum).collect();
    let mut by_rest: Vec<usize> = (0..weights.len()).collect();
    by_rest.sort_by_key(|at| std::cmp::Reverse(total * weights[*at] % sum));
    let left = total.saturating_sub(parts.iter().sum());
    for at in by_rest.into_iter().take(left) {
        parts[at] += 1;
    }
    parts
}

/// So many of a thousand, to the nearest whole.
pub(super) fn permille(count: usize, share: usize) -> usize {
    (count * share + 500) / 1000
}

/// Cards that are dealt in their shares for ever: of every thousand that are drawn as many of each kind as it says.
pub(super) struct Deck {
    weights: Vec<usize>,
    cards: Vec<usize>,
}

impl Deck {
    /// Of so many kinds as there are weights.
    pub(super) fn of(weights: &[usize]) -> Self {
        Self { weights: weights.to_vec(), cards: Vec::new() }
    }

    /// The kind of the next card.
    pub(super) fn draw(&mut self, numbers: &mut Numbers) -> usize {
        if self.cards.is_empty() {
            self.cards = numbers.deal(&self.weights, 1000);
        }
        self.cards.pop().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole_and_cards_have_their_shares() {
        assert_eq!(split(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(split(10_224, &[2_627, 7_528, 69]), [2_627, 7_528, 69]);
        assert_eq!(split(5, &[0, 0]), [0, 0]);
        let mut cards = Numbers::of(7, "cards").deal(&[3, 1], 400);
        assert_ne!(cards[..4], [0, 0, 0, 0]);
        cards.sort_unstable();
        assert_eq!(cards.iter().filter(|card| **card == 1).count(), 100);
        assert_eq!(permille(10_224, 10), 102);
    }
}
