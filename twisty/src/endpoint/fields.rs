//! The grammar: a description and its fields.

use std::borrow::Cow;
use std::ops::Range;

use nom::branch::alt;
use nom::bytes::complete::{is_not, take};
use nom::character::complete::char;
use nom::combinator::{consumed, map, opt};
use nom::multi::{fold_many0, separated_list1};
use nom::sequence::preceded;
use nom::{IResult, Offset, Parser};

use super::arguments::Arguments;
use crate::error::{EndpointError, EndpointMistake};

/// A description, taken apart: values and options, without escapes. (Twisted's `_parse`.)
///
/// A field is an option where it has an `=`: the first one ends its name. All others are values; the first of them says
/// what kind of endpoint it is.
///
/// ```
/// use twisty::endpoint::Fields;
///
/// let fields = Fields::parse(r"tcp:8007:interface=\:\:1")?;
/// assert_eq!(fields.kind(), "tcp");
/// assert_eq!(fields.values().collect::<Vec<_>>(), ["8007"]);
/// assert_eq!(fields.options().collect::<Vec<_>>(), [("interface", "::1")]);
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    description: &'a str,
    kind: Option<Part>,
    values: Vec<Part>,
    options: Vec<(Part, Part)>,
}

/// A piece of a description: what it says, and where.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

impl<'a> Fields<'a> {
    /// Takes a description apart.
    ///
    /// # Errors
    /// [`EndpointError`] when it ends in a lone `\`: nothing else is against the grammar.
    ///
    /// ```
    /// let error = twisty::endpoint::Fields::parse("tcp:80\\").unwrap_err();
    /// assert_eq!(error.at, 6..7);
    /// ```
    pub fn parse(description: &'a str) -> Result<Self, EndpointError> {
        let parsed = separated_list1(char(':'), |rest| field(description, rest)).parse(description);
        let (rest, fields): (&str, Vec<Field>) = parsed.unwrap_or((description, Vec::new()));
        if !rest.is_empty() {
            let at = description.len() - 1..description.len();
            let problem = "it ends in a lone `\\`, write `\\\\` for the character itself";
            return Err(EndpointError::new(description, at, EndpointMistake::LoneBackslash, problem));
        }
        let mut this = Self { description, kind: None, values: Vec::new(), options: Vec::new() };
        for Field { key, value } in fields {
            match key {
                Some(key) => this.options.push((key, value)),
                None => this.values.push(value),
            }
        }
        this.kind = this.next_value();
        Ok(this)
    }

    /// What kind of endpoint it is, in small letters: the first value. Empty where there is none.
    ///
    /// ```
    /// assert_eq!(twisty::endpoint::Fields::parse("TCP:8007")?.kind(), "tcp");
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> Cow<'_, str> {
        let kind = self.word().unwrap_or_default();
        if kind.contains(|c: char| c.is_ascii_uppercase()) { kind.to_ascii_lowercase().into() } else { kind.into() }
    }

    /// The first value as it is written, where there is one.
    ///
    /// ```
    /// assert_eq!(twisty::endpoint::Fields::parse("TCP:8007")?.word(), Some("TCP"));
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        self.kind.as_ref().map(|kind| &*kind.text)
    }

    /// The values behind the kind, in their order.
    ///
    /// ```
    /// let fields = twisty::endpoint::Fields::parse("tcp:localhost:timeout=5:8007")?;
    /// assert_eq!(fields.values().collect::<Vec<_>>(), ["localhost", "8007"]);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| &*value.text)
    }

    /// The names of the options and their values, in their order, as they are written.
    ///
    /// ```
    /// let fields = twisty::endpoint::Fields::parse("a:k=v=w")?;
    /// assert_eq!(fields.options().collect::<Vec<_>>(), [("k", "v=w")]);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(key, value)| (&*key.text, &*value.text))
    }

    /// Gives names to the values, as a function in Python does with its arguments: by their place they are those of
    /// `positional`, by name they may be any of `positional` and `others`.
    ///
    /// Names are written in small letters with `_` between words. A description may write them in capitals too, and
    /// without `_`: `privateKey` is `private_key`. Of two options of one name the last counts.
    ///
    /// # Errors
    /// [`EndpointError`] at a value too many, an option that is not named here, and a value that is given twice.
    ///
    /// ```
    /// use twisty::endpoint::{Argument, Fields};
    ///
    /// const SLOT: Argument<u8> = Argument::new("slot", "a number up to 255", |text| text.parse().ok());
    ///
    /// let rack = Fields::parse("rack:7")?;
    /// assert_eq!(rack.bind(&[SLOT.name], &[])?.required(&SLOT)?, 7);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn bind<'f>(
        &'f self,
        positional: &[&'static str],
        others: &[&'static str],
    ) -> Result<Arguments<'f>, EndpointError> {
        Arguments::bind(self, positional, others)
    }

    /// An error about the whole of the description.
    ///
    /// ```
    /// let fields = twisty::endpoint::Fields::parse("rack:7")?;
    /// let error = fields.error("there are no racks here");
    /// assert_eq!(error.to_string(), "`rack:7` is no endpoint: there are no racks here");
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn error(&self, problem: impl Into<String>) -> EndpointError {
        self.mistake(0..self.description.len(), EndpointMistake::Contradiction, problem)
    }

    /// What is behind the kind, as a description of its own: `tcp:80` in `haproxy:tcp:80`.
    pub(super) fn inner(&self) -> Self {
        let mut inner = self.clone();
        inner.kind = inner.next_value();
        inner
    }

    /// Those of `names` that no option gives, which is what the values must be then: in Twisted's clients `tcp:80:host=a`
    /// is `tcp:a:80`.
    pub(super) fn left_of(&self, names: &[&'static str]) -> Vec<&'static str> {
        let given = |name: &&&str| self.options.iter().any(|(key, _)| is_named(&key.text, name));
        names.iter().filter(|name| !given(name)).copied().collect()
    }

    pub(super) fn mistake(
        &self,
        at: Range<usize>,
        mistake: EndpointMistake,
        problem: impl Into<String>,
    ) -> EndpointError {
        EndpointError::new(self.description, at, mistake, problem)
    }

    /// Where the kind stands, or should.
    pub(super) fn at_kind(&self) -> Range<usize> {
        let end = self.description.len();
        self.kind.as_ref().map_or(end..end, |kind| kind.at.clone())
    }

    pub(super) fn value_parts(&self) -> &[Part] {
        &self.values
    }

    pub(super) fn option_parts(&self) -> &[(Part, Part)] {
        &self.options
    }

    fn next_value(&mut self) -> Option<Part> {
        (!self.values.is_empty()).then(|| self.values.remove(0))
    }
}

/// Whether an option that is written `key` is the one called `name`.
pub(super) fn is_named(key: &str, name: &str) -> bool {
    let letters =
        |word: &'_ str| word.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect::<String>();
    letters(key) == letters(name)
}

/// Text as a value of a description: `:`, `=` and `\` get a `\` before them. (Twisted's `quoteStringArgument`, which
/// leaves `=` as it is.)
///
/// ```
/// let endpoint = format!("unix:{}", twisty::endpoint::quote("/run/a=b:c"));
/// assert_eq!(endpoint, r"unix:/run/a\=b\:c");
/// ```
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ':' | '=' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

struct Field {
    key: Option<Part>,
    value: Part,
}

/// The first `=` makes a key; later ones belong to the value.
fn field<'a>(whole: &'a str, input: &'a str) -> IResult<&'a str, Field> {
    let with_value = preceded(char('='), |input| part(whole, input, "\\:"));
    map((|input| part(whole, input, "\\:="), opt(with_value)), |(first, value)| match value {
        Some(value) => Field { key: Some(first), value },
        None => Field { key: None, value: first },
    })
    .parse(input)
}

/// Text up to one of `stops`, with `\` taking the next character as it is.
fn part<'a>(whole: &'a str, input: &'a str, stops: &'static str) -> IResult<&'a str, Part> {
    let escaped = preceded(char('\\'), take(1usize));
    let piece = alt((is_not(stops), escaped));
    let text = fold_many0(piece, String::new, |text, piece: &str| text + piece);
    map(consumed(text), |(raw, text): (&str, String)| {
        let start = whole.offset(raw);
        Part { text, at: start..start + raw.len() }
    })
    .parse(input)
}
