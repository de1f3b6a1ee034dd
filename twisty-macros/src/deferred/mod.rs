//! `chain! { … }`; `gather!(…)` and `race!(…)`, which are small enough to stand in one file: `several`. `body` says what
//! can be seen of what the user writes in them.

mod body;
mod check;
mod expand;
mod model;
mod parse;
mod several;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;

use crate::errors::Errors;
pub(crate) use several::{gather, race};

pub(crate) fn chain(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let parsed = (|input: syn::parse::ParseStream<'_>| Ok(parse::chain(input, &mut errors))).parse2(tokens);
    let chain = errors.keep(parsed).flatten();
    if let Some(chain) = &chain {
        check::check(chain, &mut errors);
    }
    match chain {
        Some(chain) if errors.is_empty() => expand::chain(&chain),
        _ => refused(&errors),
    }
}

/// An expression of no type, about which nothing else is said.
fn refused(errors: &Errors) -> TokenStream {
    let errors = errors.to_compile_errors();
    quote!({ #errors })
}
