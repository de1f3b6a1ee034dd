//! What the user may have meant.

use std::fmt::Display;

/// The legal word that `word` looks like, if one does.
pub(crate) fn nearest<'a>(word: &str, legal: &[&'a str]) -> Option<&'a str> {
    let (distance, nearest) = legal.iter().map(|legal| (distance(word, legal), *legal)).min()?;
    let longest = word.len().max(nearest.len());
    (distance <= 1.max(longest / 3)).then_some(nearest)
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

/// Letters to insert, delete or replace to get from `a` to `b` (Levenshtein), one row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        assert_eq!(nearest("lines", &["raw", "line"]), Some("line"));
        assert_eq!(nearest("netsrting", &["line", "netstring"]), Some("netstring"));
        assert_eq!(nearest("json", &["raw", "line"]), None);
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
