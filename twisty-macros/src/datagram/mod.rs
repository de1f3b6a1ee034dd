//! `#[protocol(datagram, …)]` on a struct, and `#[protocol]` on an impl block with the events of datagrams.

mod check;
mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Ident, ItemImpl};

use crate::errors::Errors;
pub(crate) use model::WORDS;
use model::{Declaration, Speaker};
pub(crate) use parse::{has_its_events, is_declared};

/// On a struct.
pub(crate) fn declaration(arguments: TokenStream, item: &TokenStream, name: Ident, generics: Generics) -> TokenStream {
    let mut errors = Errors::default();
    let limits = parse::arguments(arguments, &mut errors);
    let declaration = Declaration { name, generics, limits };
    check::declaration(&declaration, &mut errors);
    let (errors, settings) = (errors.to_compile_errors(), expand::settings(&declaration));
    quote!(#errors #item #settings)
}

/// On an impl block.
pub(crate) fn implementation(arguments: TokenStream, block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    if !arguments.is_empty() {
        let message = "what stands here belongs on the struct; on its impl block `#[protocol]` stands alone";
        errors.at(arguments, message);
    }
    let speaker = Speaker::new(block, &mut errors);
    check::speaker(&speaker, &mut errors);
    if errors.is_empty() {
        return expand::speaker(&speaker);
    }
    let (errors, fallback) = (errors.to_compile_errors(), expand::fallback(&speaker));
    quote!(#errors #fallback)
}
