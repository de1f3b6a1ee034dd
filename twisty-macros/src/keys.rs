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
    /// `max_length = 16384`
    pub(crate) example: &'static str,
    /// Takes keys of its own, in parentheses, or stands alone.
    group: bool,
}

impl Key {
    pub(crate) const fn new(name: &'static str, example: &'static str) -> Self {
        Self { name, example, group: false }
    }

    pub(crate) const fn group(name: &'static str, example: &'static str) -> Self {
        Self { name, example, group: true }
    }
}

/// Reads `key = value, …` to the end of `input`; `value` reads what stands behind the `=` of a key, or behind a group's. After a mistake it
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

/// Reads `key =`, or `key` if it is a group's.
fn key(input: ParseStream<'_>, legal: &[Key], seen: &mut Vec<Ident>) -> syn::Result<Ident> {
    let key = input.call(Ident::parse_any)?;
    let Some(Key { example, group, .. }) = legal.iter().find(|known| key == known.name) else {
        let names: Vec<_> = legal.iter().map(|known| known.name).collect();
        return Err(syn::Error::new_spanned(&key, unknown("key", &key, &names)));
    };
    if seen.contains(&key) {
        return Err(syn::Error::new_spanned(&key, format!("`{key}` is given twice")));
    }
    seen.push(key.clone());
    match (group, input.peek(Token![=])) {
        (false, true) => input.parse::<Token![=]>().map(|_| key),
        (true, false) => Ok(key),
        (false, false) => Err(syn::Error::new_spanned(&key, format!("`{key}` needs a value: `{example}`"))),
        (true, true) => {
            Err(syn::Error::new_spanned(&key, format!("`{key}` takes its values in parentheses: `{example}`")))
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
