//! What the user may have meant.

use std::fmt::Display;

/// The legal word that `word` looks like, if one does. A slip of the shift key counts only between words that are
/// equally near; and words that have no letter in common are never near, however short they are.
pub(crate) fn nearest<'a>(word: &str, legal: &[&'a str]) -> Option<&'a str> {
    let small = word.to_lowercase();
    let far = |legal: &'a str| (distance(&small, &legal.to_lowercase()), distance(word, legal), legal);
    let (distance, _, nearest) = legal.iter().map(|legal| far(legal)).min()?;
    let longest = word.len().max(nearest.len());
    (distance <= 1.max(longest / 3) && distance < longest).then_some(nearest)
}

/// ``unknown event `lin`, did you mean `line`? The events are …``
pub(crate) fn unknown(what: &str, word: impl Display, legal: &[&str]) -> String {
    let word = word.to_string();
    let guess = nearest(&word, legal).map(|nearest| format!(", did you mean `{nearest}`?")).unwrap_or(".".into());
    match legal {
        [only] => format!("unknown {what} `{word}`{guess} The only {what} is `{only}`"),
        _ => format!("unknown {what} `{word}`{guess} The {what}s are {}", listed(legal, "and")),
    }
}

/// `` `a`, `b` and `c` ``
pub(crate) fn listed<T: Display>(words: &[T], and: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {and} {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Letters to insert, delete, replace or swap to get from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    // `table[i][j]` is the distance of the first i letters of `a` from the first j of `b`.
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, j) in (0..=a.len()).flat_map(|i| (0..=b.len()).map(move |j| (i, j))) {
        table[i][j] = match (i, j) {
            (0, n) | (n, 0) => n,
            _ => {
                let replaced = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let swapped = if swapped { table[i - 2][j - 2] + 1 } else { usize::MAX };
                replaced.min(swapped).min(table[i - 1][j] + 1).min(table[i][j - 1] + 1)
            }
        };
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("lines", &["raw", "line"]), Some("line"));
        assert_eq!(nearest("lien", &["raw", "line"]), Some("line"));
        assert_eq!(nearest("netsrting", &["line", "netstring"]), Some("netstring"));
        assert_eq!(nearest("json", &["raw", "line"]), None);
    }

    #[test]
    fn a_wrong_capital_is_no_letter_of_another_word() {
        assert_eq!(nearest("b", &["A", "B"]), Some("B"));
        assert_eq!(nearest("c", &["A", "B"]), None);
        assert_eq!(nearest("Line", &["Lime", "line"]), Some("line"));
    }

    #[test]
    fn the_distance_is_symmetric() {
        assert_eq!((distance("kitten", "sitting"), distance("sitting", "kitten")), (3, 3));
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(listed(&["a"], "or"), "`a`");
        assert_eq!(listed(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
    }
}
