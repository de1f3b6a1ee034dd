//! What a figure should be at most.

use std::fmt;

use crate::spread::{Spread, short};

/// How large a figure may be beside that of another server or way, in the median over the rounds.
///
/// The others are told by their index. More work in a time is less time for the work: "at least 0.9 times the bytes in a
/// second" is [`Times`](Self::Times) of at most 1 / 0.9.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aim {
    /// At most so many times as large.
    Times {
        /// The greatest ratio that will do.
        most: f64,
        /// Whose figure counts as one.
        of: usize,
    },
    /// At most so much larger, in nanoseconds.
    More {
        /// The greatest difference that will do.
        most: f64,
        /// Whose figure counts as nothing.
        than: usize,
    },
}

impl Aim {
    /// The aim, and whether the figure at `index` meets it: `figures` has those of all, round by round.
    pub fn judge(self, figures: &[Vec<f64>], index: usize) -> String {
        verdict(self, self.is_met(figures, index))
    }

    /// `None` if the figure at `index`, or what it is held against, was not measured.
    fn is_met(self, figures: &[Vec<f64>], index: usize) -> Option<bool> {
        let (base, most) = match self {
            Self::Times { most, of: base } | Self::More { most, than: base } => (base, most),
        };
        let rounds = figures.get(index)?.iter().zip(figures.get(base)?);
        let figures: Vec<_> = match self {
            Self::Times { .. } => rounds.map(|(figure, base)| figure / base).collect(),
            Self::More { .. } => rounds.map(|(figure, base)| figure - base).collect(),
        };
        Some(Spread::of(&figures)?.median <= most)
    }

    /// The same bound as a ratio to the first of all, as charts show it.
    pub(crate) fn beside_first(self, figures: &[Vec<f64>]) -> Option<f64> {
        let first = figures.first()?;
        match self {
            Self::Times { most, of } => Some(most * Spread::of_ratios(figures.get(of)?, first)?.median),
            Self::More { most, than } => {
                Some((Spread::of(figures.get(than)?)?.median + most) / Spread::of(first)?.median)
            }
        }
    }
}

/// Without the sign: "1.03", "0.29 of the 3rd", "5 ns over the 1st".
impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Times { most, of: 0 } => f.write_str(&short(most)),
            Self::Times { most, of } => write!(f, "{} of the {}", short(most), Ordinal(of)),
            Self::More { most, than } => write!(f, "{most} ns over the {}", Ordinal(than)),
        }
    }
}

/// A cell of a table: a bound, and whether it is kept, as far as that was measured.
pub fn verdict(bound: impl fmt::Display, met: Option<bool>) -> String {
    let met = match met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "not measured",
    };
    format!("≤ {bound} {met}")
}

/// The place of an index.
struct Ordinal(usize);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("1st"),
            1 => f.write_str("2nd"),
            2 => f.write_str("3rd"),
            index => write!(f, "{}th", index + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second takes 1.04 times as long as the first in most rounds, the third half as long.
    fn figures() -> Vec<Vec<f64>> {
        vec![vec![100.0, 200.0, 100.0], vec![104.0, 208.0, 900.0], vec![50.0, 100.0, 50.0]]
    }

    #[test]
    fn a_ratio_is_that_of_the_same_round() {
        let judge = |most, of| Aim::Times { most, of }.judge(&figures(), 1);
        assert_eq!(judge(1.05, 0), "≤ 1.05 met");
        assert_eq!(judge(1.03, 0), "≤ 1.03 **missed**");
        assert_eq!(judge(2.1, 2), "≤ 2.10 of the 3rd met");
    }

    #[test]
    fn a_difference_is_that_of_the_same_round() {
        let judge = |most| Aim::More { most, than: 0 }.judge(&figures(), 1);
        assert_eq!(judge(8.0), "≤ 8 ns over the 1st met");
        assert_eq!(judge(7.5), "≤ 7.5 ns over the 1st **missed**");
    }

    #[test]
    fn an_aim_is_told_also_where_its_figure_was_not_measured() {
        let aim = Aim::Times { most: 1.0, of: 3 };
        assert_eq!(aim.judge(&figures(), 1), "≤ 1.00 of the 4th not measured");
        assert_eq!(Aim::Times { most: 1.0, of: 0 }.judge(&[vec![], vec![]], 1), "≤ 1.00 not measured");
    }

    #[test]
    fn a_chart_shows_every_aim_as_a_ratio_to_the_first() {
        assert_eq!(Aim::Times { most: 1.03, of: 0 }.beside_first(&figures()), Some(1.03));
        assert_eq!(Aim::Times { most: 3.0, of: 2 }.beside_first(&figures()), Some(1.5));
        assert_eq!(Aim::More { most: 5.0, than: 0 }.beside_first(&figures()), Some(1.05));
    }
}
