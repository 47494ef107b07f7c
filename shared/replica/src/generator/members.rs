//! How many Party members organizations have (DOMAIN 4.1): most have none, a fifth has one or two, and the rest
//! 3 + ⌊lognormal(2.2, 0.85)⌋, at most 180.

use super::numbers::{Numbers, permille};

/// Quantiles of lognormal(2.2, 0.85): of 10,000 so many are below so many hundredths. A table, because logarithms are
/// not the same on every machine.
const QUANTILES: [(usize, usize); 25] = [
    (0, 38),
    (50, 101),
    (100, 125),
    (250, 171),
    (500, 223),
    (1_000, 304),
    (1_500, 374),
    (2_000, 441),
    (3_000, 578),
    (4_000, 728),
    (5_000, 903),
    (6_000, 1_119),
    (7_000, 1_409),
    (8_000, 1_846),
    (8_500, 2_178),
    (9_000, 2_682),
    (9_250, 3_068),
    (9_500, 3_653),
    (9_650, 4_210),
    (9_800, 5_171),
    (9_900, 6_520),
    (9_950, 8_060),
    (9_980, 10_421),
    (9_990, 12_480),
    (10_000, 21_297),
];

const MOST: usize = 180;

/// A size for each organization, dealt by chance: one of each quantile, so that the sum does not swing with the few
/// that are large.
pub(super) fn sizes(organizations: usize, numbers: &mut Numbers) -> Vec<usize> {
    let (one, two) = (permille(organizations, 120), permille(organizations, 80));
    let many = permille(organizations, 85);
    let large = (0..many).map(|at| (3 + quantile((2 * at + 1) * 10_000 / (2 * many)) / 100).min(MOST));
    let mut sizes: Vec<usize> =
        std::iter::repeat_n(1, one).chain(std::iter::repeat_n(2, two)).chain(large).collect();
    sizes.truncate(organizations);
    sizes.resize(organizations, 0);
    numbers.shuffle(&mut sizes);
    sizes
}

/// On the line between the two points of the table.
fn quantile(of: usize) -> usize {
    let above = QUANTILES.iter().position(|(point, _)| *point >= of).unwrap_or(QUANTILES.len() - 1).max(1);
    let ((left, low), (right, high)) = (QUANTILES[above - 1], QUANTILES[above]);
    low + (high - low) * (of - left) / (right - left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_recipe() {
        let sizes = sizes(10_224, &mut Numbers::of(1, "sizes"));
        let at_least = |size: usize| sizes.iter().filter(|members| **members >= size).count();
        assert_eq!(at_least(3), 869);
        assert!((23..=29).contains(&at_least(50)), "{}", at_least(50));
        assert!((1..=4).contains(&at_least(100)), "{}", at_least(100));
        let members: usize = sizes.iter().sum();
        assert!((15_900..=16_900).contains(&members), "{members}");
    }
}
