//! `#[factory(protocol = P, …)]` on a struct.

mod check;
mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use crate::errors::Errors;
use model::Factory;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (name, generics) = match syn::parse2(item.clone()) {
        Ok(Item::Struct(on)) => (on.ident, on.generics),
        Ok(Item::Enum(on)) => (on.ident, on.generics),
        Ok(_) => {
            return refused(item, &syn::Error::new_spanned(item, "`#[factory(…)]` stands on the struct of a factory"));
        }
        Err(error) => return refused(item, &error),
    };
    let arguments = parse::arguments(arguments, &mut errors);
    let factory = Factory { name, generics, arguments };
    check::check(&factory, &mut errors);
    let implementation = expand::factory(&factory);
    let errors = errors.to_compile_errors();
    quote!(#errors #item #implementation)
}

fn refused(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#error #item)
}
