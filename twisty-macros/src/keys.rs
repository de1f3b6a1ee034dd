//! Lists of `key = value`.

use proc_macro2::{Ident, TokenTree};
use syn::Token;
use syn::ext::IdentExt;
use syn::parse::ParseStream;

use crate::errors::Errors;
use crate::nearest::unknown;

/// A key that an attribute knows.
pub(crate) struct Key {
    /// `max_length`
    pub(crate) name: &'static str,
    /// `max_length = 16384`; where the key does not work yet, when it will.
    pub(crate) usage: Result<&'static str, &'static str>,
}

impl Key {
    pub(crate) const fn new(name: &'static str, example: &'static str) -> Self {
        Self { name, usage: Ok(example) }
    }

    /// A key that the documentation of Twisted or of a later version may have promised.
    pub(crate) const fn not_yet(name: &'static str, when: &'static str) -> Self {
        Self { name, usage: Err(when) }
    }
}

/// Reads `key = value, …` to the end of `input`; `value` reads what stands behind the `=` of a key. After a mistake it
/// goes on with the next key, so that all of them are found.
pub(crate) fn read(
    input: ParseStream<'_>,
    legal: &[Key],
    errors: &mut Errors,
    mut value: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    let mut seen = Vec::new();
    while !input.is_empty() {
        let read = key(input, legal, &mut seen).and_then(|key| value(&key, input)).and_then(|()| end(input));
        if errors.keep(read).is_none() {
            skip(input);
        }
    }
}

/// Reads `key =`.
fn key(input: ParseStream<'_>, legal: &[Key], seen: &mut Vec<Ident>) -> syn::Result<Ident> {
    let key = input.call(Ident::parse_any)?;
    let example = example(&key, legal).map_err(|why| syn::Error::new_spanned(&key, why))?;
    if seen.contains(&key) {
        return Err(syn::Error::new_spanned(&key, format!("`{key}` is given twice")));
    }
    seen.push(key.clone());
    if !input.peek(Token![=]) {
        return Err(syn::Error::new_spanned(&key, format!("`{key}` needs a value: `{example}`")));
    }
    input.parse::<Token![=]>()?;
    Ok(key)
}

/// How `key` is used, or why it is not.
fn example(key: &Ident, legal: &[Key]) -> Result<&'static str, String> {
    match legal.iter().find(|known| key == known.name) {
        Some(known) => known.usage.map_err(|when| format!("`{key}` does not work yet: {when}")),
        None => {
            let known: Vec<_> = legal.iter().filter(|known| known.usage.is_ok()).map(|known| known.name).collect();
            Err(unknown("key", key, &known))
        }
    }
}

/// Reads the comma behind a value, or the end of the list.
fn end(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() { Ok(()) } else { input.parse::<Token![,]>().map(|_| ()) }
}

/// Skips the rest of an entry, and the comma behind it.
pub(crate) fn skip(input: ParseStream<'_>) {
    while let Ok(token) = input.parse::<TokenTree>() {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',') {
            return;
        }
    }
}
