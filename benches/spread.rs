//! Where the values of several rounds lie.

use std::fmt;

/// The median of some values, the least and the greatest. Displayed as "1.02 (0.98–1.31)"; the median alone if they are
/// all the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Half of the values are at most this.
    pub median: f64,
    /// The least value.
    pub least: f64,
    /// The greatest value.
    pub greatest: f64,
}

impl Spread {
    /// `None` for no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted.get(values.len() / 2)? + sorted[(values.len() - 1) / 2]) / 2.0;
        Some(Self { median, least: sorted[0], greatest: sorted[values.len() - 1] })
    }

    /// Of the ratios of `values` to those of `base` in the same round.
    pub fn of_ratios(values: &[f64], base: &[f64]) -> Option<Self> {
        let ratios: Vec<_> = values.iter().zip(base).map(|(value, base)| value / base).collect();
        Self::of(&ratios)
    }
}

impl From<f64> for Spread {
    /// What was measured once.
    fn from(value: f64) -> Self {
        Self { median: value, least: value, greatest: value }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, least, greatest] = [self.median, self.least, self.greatest].map(short);
        f.write_str(&median)?;
        if self.least < self.greatest {
            write!(f, " ({least}–{greatest})")?;
        }
        Ok(())
    }
}

/// A ratio or a count with about three figures, or all that stand before the point.
pub(crate) fn short(value: f64) -> String {
    let decimals = match value {
        ..0.1 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_odd_even_and_no_values() {
        let show = |values: &[f64]| Spread::of(values).map(|spread| spread.to_string());
        assert_eq!(show(&[3.0, 1.0, 2.0]).as_deref(), Some("2.00 (1.00–3.00)"));
        assert_eq!(show(&[4.0, 1.0, 2.0, 3.0]).as_deref(), Some("2.50 (1.00–4.00)"));
        assert_eq!(show(&[1.0, 1.0]).as_deref(), Some("1.00"));
        assert_eq!(show(&[]), None);
    }

    #[test]
    fn larger_values_have_fewer_decimals() {
        let spread = Spread { median: 50.123, least: 9.876, greatest: 1234.5 };
        assert_eq!(spread.to_string(), "50.1 (9.88–1234)");
        assert_eq!(short(0.0123), "0.012");
    }

    #[test]
    fn ratios_are_those_of_the_same_round() {
        let spread = Spread::of_ratios(&[2.0, 40.0, 3.0], &[1.0, 10.0, 1.0]);
        assert_eq!(spread, Some(Spread { median: 3.0, least: 2.0, greatest: 4.0 }));
    }
}
