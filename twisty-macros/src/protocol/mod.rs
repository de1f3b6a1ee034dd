//! `#[protocol(…)]` on a struct: its framing and its limits. The impl block's `#[protocol]` is a machine without
//! states, see [`state_machine`].

mod check;
mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Ident, Item};

use crate::errors::Errors;
use crate::{datagram, state_machine};
pub(crate) use model::FRAMINGS;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(block)) if datagram::has_its_events(&block) => datagram::implementation(arguments, block),
        Ok(Item::Impl(block)) => state_machine::of_plain_protocol(arguments, block),
        Ok(Item::Struct(on)) => declaration(arguments, item, on.ident, on.generics),
        Ok(Item::Enum(on)) => declaration(arguments, item, on.ident, on.generics),
        Ok(_) => {
            let mut errors = Errors::default();
            errors.at(item, "`#[protocol(…)]` stands on the struct of a protocol, `#[protocol]` on its impl block");
            with_errors(item, &errors)
        }
        Err(error) => with_errors(item, &Errors::from(error)),
    }
}

fn declaration(arguments: TokenStream, item: &TokenStream, name: Ident, generics: Generics) -> TokenStream {
    if datagram::is_declared(&arguments) {
        return datagram::declaration(arguments, item, name, generics);
    }
    let mut errors = Errors::default();
    let arguments = parse::arguments(arguments, &mut errors);
    let protocol = model::Protocol::new(name, generics, arguments, &mut errors);
    check::check(&protocol, &mut errors);
    let settings = expand::settings(&protocol);
    with_errors(&quote!(#item #settings), &errors)
}

fn with_errors(item: &TokenStream, errors: &Errors) -> TokenStream {
    let errors = errors.to_compile_errors();
    quote!(#errors #item)
}
