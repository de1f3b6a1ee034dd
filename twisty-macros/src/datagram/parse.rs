//! The syntax of `#[protocol(datagram, max_length = 512, …)]`, and whether an impl block is one of datagrams.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ImplItem, ItemImpl, Token};

use super::model::{WORDS, alias};
use crate::errors::Errors;
use crate::keys::{self, Key};
use crate::nearest::{nearest, unknown};
use crate::{protocol, state_machine};

const KEYS: [Key; 3] = [
    Key::new("max_length", "max_length = 512"),
    Key::new("max_queue", "max_queue = 256 * 1024"),
    Key::new("max_pending_replies", "max_pending_replies = 1024"),
];

/// Whether it says `datagram` where a framing would stand, or something like it.
pub(crate) fn is_declared(arguments: &TokenStream) -> bool {
    let first = |input: ParseStream<'_>| {
        let first = input.call(Ident::parse_any)?;
        let alone = input.is_empty() || input.peek(Token![,]);
        input.parse::<TokenStream>()?;
        Ok(alone.then_some(first))
    };
    let first = first.parse2(arguments.clone()).ok().flatten();
    first.is_some_and(|first| nearest(&first.to_string(), &framings()) == Some("datagram"))
}

/// What may stand there.
fn framings() -> Vec<&'static str> {
    ["datagram"].into_iter().chain(protocol::FRAMINGS).collect()
}

/// Reads the keys: the fields of `Limits` with their values.
pub(crate) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Vec<(Ident, Expr)> {
    let mut limits = Vec::new();
    let read = |input: ParseStream<'_>| {
        let word = input.call(Ident::parse_any)?;
        if word != "datagram" {
            errors.at(&word, unknown("framing", &word, &framings()));
        }
        input.parse::<Option<Token![,]>>()?;
        keys::read(input, &KEYS, errors, |key, input| {
            limits.push((key.clone(), input.parse()?));
            Ok(())
        });
        Ok(())
    };
    let read = read.parse2(tokens);
    errors.keep(read);
    limits
}

/// Whether an impl block has an event that only datagrams have.
pub(crate) fn has_its_events(block: &ItemImpl) -> bool {
    let functions = block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    });
    let attributes = functions.flat_map(|function| &function.attrs);
    let ons = attributes.filter(|attribute| attribute.path().is_ident("on"));
    ons.filter_map(|on| state_machine::parse::on(on).ok()).any(|on| is_its_event(&on.event))
}

fn is_its_event(written: &Ident) -> bool {
    let name = written.to_string();
    if state_machine::is_event(&name) {
        return false;
    }
    let words: Vec<_> = WORDS.into_iter().chain(state_machine::event_words()).collect();
    alias(&name).is_some() || nearest(&name, &words).is_some_and(|word| WORDS.contains(&word))
}
