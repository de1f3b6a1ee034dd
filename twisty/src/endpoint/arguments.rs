//! What the fields of a description are by name, and what they say.

use super::fields::{Fields, Part, is_named};
use crate::error::{EndpointError, EndpointMistake};

/// Something that a description may say: its name, what it has to look like, and how it is read.
///
/// ```
/// use twisty::endpoint::Argument;
///
/// const SLOT: Argument<u8> = Argument::new("slot", "a number up to 255", |text| text.parse().ok());
/// assert_eq!((SLOT.read)("7"), Some(7));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Argument<T> {
    /// Its name, in small letters with `_` between words.
    pub name: &'static str,
    /// What is to be written, as errors say it.
    pub expected: &'static str,
    /// Reads it; `None` where it is something else.
    pub read: fn(&str) -> Option<T>,
}

impl<T> Argument<T> {
    /// Something that a description may say.
    ///
    /// ```
    /// # use twisty::endpoint::Argument;
    /// const LABEL: Argument<String> = Argument::new("label", "a word", |text| Some(text.to_owned()));
    /// ```
    #[must_use]
    pub const fn new(name: &'static str, expected: &'static str, read: fn(&str) -> Option<T>) -> Self {
        Self { name, expected, read }
    }
}

/// The values of a description by their names: what [`Fields::bind`] makes.
///
/// ```
/// use twisty::endpoint::{Argument, Fields};
///
/// const SLOT: Argument<u8> = Argument::new("slot", "a number up to 255", |text| text.parse().ok());
///
/// let error = Fields::parse("rack:seven")?.bind(&[SLOT.name], &[])?.required(&SLOT).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "`rack:seven` is no endpoint: `seven` is no `slot`, write a number up to 255"
/// );
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct Arguments<'a> {
    fields: &'a Fields<'a>,
    given: Vec<(&'static str, &'a Part)>,
}

impl<'a> Arguments<'a> {
    /// What [`Fields::bind`] does.
    pub(super) fn bind(
        fields: &'a Fields<'_>,
        positional: &[&'static str],
        others: &[&'static str],
    ) -> Result<Self, EndpointError> {
        let mut this = Self { fields, given: Vec::new() };
        let mut places = positional.iter();
        for value in fields.value_parts() {
            let name = places.next().ok_or_else(|| this.too_many(value))?;
            this.given.push((name, value));
        }
        let by_place = this.given.len();
        for (key, value) in fields.option_parts() {
            let mut names = positional.iter().chain(others);
            let name = names.find(|name| is_named(&key.text, name));
            let name = name.ok_or_else(|| this.unknown(key, positional, others))?;
            if let Some((_, first)) = this.given[..by_place].iter().find(|(given, _)| given == name) {
                return Err(this.twice(name, key, first));
            }
            this.given.push((name, value));
        }
        Ok(this)
    }

    /// A value that may be missing.
    ///
    /// # Errors
    /// [`EndpointError`] at what cannot be read.
    ///
    /// ```
    /// # use twisty::endpoint::{Argument, Fields};
    /// # const SLOT: Argument<u8> = Argument::new("slot", "a number up to 255", |text| text.parse().ok());
    /// assert_eq!(Fields::parse("rack")?.bind(&[SLOT.name], &[])?.optional(&SLOT)?, None);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn optional<T>(&self, argument: &Argument<T>) -> Result<Option<T>, EndpointError> {
        let Some(part) = self.part(argument.name) else { return Ok(None) };
        match (argument.read)(&part.text) {
            Some(value) => Ok(Some(value)),
            None => {
                let Argument { name, expected, .. } = argument;
                let problem = format!("`{}` is no `{name}`, write {expected}", part.text);
                Err(self.fields.mistake(part.at.clone(), EndpointMistake::BadValue, problem))
            }
        }
    }

    /// A value that has to be there.
    ///
    /// # Errors
    /// [`EndpointError`] where it is missing, or cannot be read.
    ///
    /// ```
    /// # use twisty::endpoint::{Argument, Fields};
    /// # const SLOT: Argument<u8> = Argument::new("slot", "a number up to 255", |text| text.parse().ok());
    /// let error = Fields::parse("rack")?.bind(&[SLOT.name], &[])?.required(&SLOT).unwrap_err();
    /// assert_eq!(error.to_string(), "`rack` is no endpoint: its `slot` is missing, write a number up to 255");
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn required<T>(&self, argument: &Argument<T>) -> Result<T, EndpointError> {
        self.optional(argument)?.ok_or_else(|| {
            let problem = format!("its `{}` is missing, write {}", argument.name, argument.expected);
            self.fields.mistake(self.fields.at_kind(), EndpointMistake::Missing, problem)
        })
    }

    /// An error at the value of this name, or at the whole where it is missing.
    ///
    /// ```
    /// # use twisty::endpoint::{Argument, Fields};
    /// let fields = Fields::parse("rack:7")?;
    /// assert_eq!(fields.bind(&["slot"], &[])?.error("slot", "nothing is in it").at, 5..6);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn error(&self, name: &str, problem: impl Into<String>) -> EndpointError {
        match self.part(name) {
            Some(part) => self.fields.mistake(part.at.clone(), EndpointMistake::BadValue, problem),
            None => self.fields.error(problem),
        }
    }

    /// Whether a value of this name is given.
    ///
    /// ```
    /// # use twisty::endpoint::Fields;
    /// let fields = Fields::parse("rack:7")?;
    /// assert!(fields.bind(&["slot"], &[])?.has("slot"));
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.part(name).is_some()
    }

    /// Of two the last counts, as in Twisted.
    fn part(&self, name: &str) -> Option<&'a Part> {
        self.given.iter().rev().find(|(given, _)| *given == name).map(|(_, part)| *part)
    }

    fn too_many(&self, value: &Part) -> EndpointError {
        let problem =
            format!("`{}` is too much; options are written `key=value`, a colon in a value `\\:`", value.text);
        self.fields.mistake(value.at.clone(), EndpointMistake::TooMany, problem)
    }

    fn twice(&self, name: &str, key: &Part, first: &Part) -> EndpointError {
        let problem = format!(
            "`{name}` is given twice, `{}` is one by its place; a colon in a value is written `\\:`",
            first.text
        );
        self.fields.mistake(key.at.clone(), EndpointMistake::Twice, problem)
    }

    fn unknown(&self, key: &Part, positional: &[&str], others: &[&str]) -> EndpointError {
        let others = others.iter().filter(|other| !positional.contains(other));
        let legal: Vec<&str> = positional.iter().chain(others).copied().collect();
        let problem = format!("`{}` is no option of `{}`{}", key.text, self.fields.kind(), advice(&key.text, &legal));
        self.fields.mistake(key.at.clone(), EndpointMistake::UnknownOption, problem)
    }
}

/// `` , did you mean `line`? There are `line` and `raw` ``
pub(super) fn advice(word: &str, legal: &[&str]) -> String {
    let guess = nearest(word, legal).map(|near| format!(", did you mean `{near}`?")).unwrap_or(";".to_owned());
    let there_are = if guess == ";" { "there" } else { "There" };
    let quoted: Vec<String> = legal.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "; it takes none".to_owned(),
        Some((only, [])) => format!("{guess} {there_are} is only {only}"),
        Some((last, others)) => format!("{guess} {there_are} are {} and {last}", others.join(", ")),
    }
}

/// The legal word that `word` looks like, if one does: with a third of its letters wrong it does not any more.
fn nearest<'a>(word: &str, legal: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let (distance, near) = legal.iter().map(|legal| (strsim::osa_distance(&word, legal), *legal)).min()?;
    let longest = word.chars().count().max(near.len());
    (distance <= 1.max(longest / 3) && distance < longest).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_nearest_word_and_all_others() {
        assert_eq!(
            advice("backlock", &["port", "backlog"]),
            ", did you mean `backlog`? There are `port` and `backlog`"
        );
        assert_eq!(advice("bogus", &["port", "mode"]), "; there are `port` and `mode`");
        assert_eq!(advice("x", &["port"]), "; there is only `port`");
        assert_eq!(advice("x", &[]), "; it takes none");
    }

    #[test]
    fn words_without_a_common_letter_are_not_near() {
        assert_eq!(nearest("z", &["fd"]), None);
        assert_eq!(nearest("TCP", &["tcp", "tcp6"]), Some("tcp"));
        assert_eq!(nearest("", &["fd", "tcp"]), None);
    }
}
