//! Durations as tokens: `30s`.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Lit, LitFloat, LitInt};

/// A unit and its length in seconds.
const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("min", 60.0), ("h", 3600.0)];

/// `500ms`, `30s`, `1.5s`, `5min` or `5m`, `1h`.
#[derive(Clone)]
pub(crate) struct Span {
    /// `30s`, as it was written.
    pub(crate) written: Lit,
    /// 30000
    millis: u64,
}

impl Span {
    /// Whether it is less than another.
    pub(crate) const fn is_shorter_than(&self, other: &Self) -> bool {
        self.millis < other.millis
    }

    /// The expression that makes it: `::core::time::Duration::from_secs(30)`.
    pub(crate) fn expression(&self) -> TokenStream {
        let (from, number) = if self.millis.is_multiple_of(1000) {
            ("from_secs", self.millis / 1000)
        } else {
            ("from_millis", self.millis)
        };
        let (from, number) = (format_ident!("{from}"), Literal::u64_unsuffixed(number));
        quote!(::core::time::Duration::#from(#number))
    }

    fn new(written: Lit, digits: &str, unit: &str) -> syn::Result<Self> {
        let wrong = |why: String| {
            syn::Error::new_spanned(&written, format!("{why}; write `500ms`, `30s`, `1.5s`, `5min` or `1h`"))
        };
        let Some((_, seconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(wrong(if unit.is_empty() {
                "a duration needs a unit".into()
            } else {
                format!("unknown unit `{unit}`")
            }));
        };
        let duration = digits.parse().ok().and_then(|n: f64| Duration::try_from_secs_f64(n * seconds).ok());
        let millis = duration.and_then(|duration| u64::try_from(duration.as_millis()).ok());
        let millis = millis.ok_or_else(|| wrong("this is no duration".into()))?;
        if millis == 0 {
            return Err(wrong("a duration is at least one millisecond".into()));
        }
        Ok(Self { written, millis })
    }
}

impl Parse for Span {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let example = "expected a duration such as `500ms`, `30s`, `1.5s`, `5min` or `1h`";
        match input.fork().parse::<Lit>() {
            Ok(Lit::Int(int)) => {
                input.parse::<LitInt>()?;
                Self::new(Lit::Int(int.clone()), int.base10_digits(), int.suffix())
            }
            Ok(Lit::Float(float)) => {
                input.parse::<LitFloat>()?;
                Self::new(Lit::Float(float.clone()), float.base10_digits(), float.suffix())
            }
            _ => Err(input.error(example)),
        }
    }
}

/// As it was written.
impl ToTokens for Span {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.written.to_tokens(tokens);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Result<u64, String> {
        syn::parse_str::<Span>(text).map(|span| span.millis).map_err(|error| error.to_string())
    }

    #[test]
    fn each_unit_has_its_length() {
        let units =
            [("500ms", 500), ("30s", 30_000), ("1.5s", 1500), ("5min", 300_000), ("5m", 300_000), ("1h", 3_600_000)];
        for (text, expected) in units {
            assert_eq!(millis(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in ["0s", "30", "30parsecs", "0.1ms", "\"30s\"", "1e300h"] {
            let error = millis(text).expect_err(text);
            assert!(error.contains("`30s`"), "{text}: {error}");
        }
    }
}
