//! Impl blocks with handlers: `#[state_machine(First, Second, …)]`, and `#[protocol]`, which is a machine without
//! states.

pub(crate) mod call;
mod check;
mod dispatch;
mod event;
mod expand;
mod graph;
mod guess;
pub(crate) mod model;
pub(crate) mod parse;
pub(crate) mod signature;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Item, ItemImpl};

use crate::errors::Errors;
pub(crate) use event::{is_event, words as event_words};
use model::Machine;

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match syn::parse2(item.clone()) {
        Ok(Item::Impl(block)) => {
            let states = parse::machine_states(arguments, &mut errors);
            let states = check::listed_once(states, &block, &mut errors);
            return implementation(block, Some(states), errors);
        }
        Ok(_) => errors
            .at(item, "`#[state_machine(…)]` stands on the impl block of a protocol, `#[protocol(…)]` on its struct"),
        Err(error) => errors.push(error),
    }
    let errors = errors.to_compile_errors();
    quote!(#errors #item)
}

/// `#[protocol]` on an impl block.
pub(crate) fn of_plain_protocol(arguments: TokenStream, block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    if !arguments.is_empty() {
        let message = "what stands here belongs on the struct; on its impl block `#[protocol]` stands alone";
        errors.at(arguments, message);
    }
    let states = parse::written_states(&block);
    check::has_no_states(&states, &mut errors);
    implementation(block, (!states.is_empty()).then_some(states), errors)
}

fn implementation(block: ItemImpl, states: Option<Vec<Ident>>, mut errors: Errors) -> TokenStream {
    let machine = Machine::new(block, states, &mut errors);
    check::check(&machine, &mut errors);
    if errors.is_empty() {
        return expand::machine(&machine);
    }
    let (errors, fallback) = (errors.to_compile_errors(), expand::fallback(&machine));
    quote!(#errors #fallback)
}

/// `#[on(…)]` that no attribute of an impl block took off.
pub(crate) fn stray_on(item: &TokenStream) -> TokenStream {
    let message = "`#[on(…)]` belongs in an impl block with `#[protocol]` or `#[state_machine(First, …)]`: write it above \
                   `impl`";
    // An attribute is not given its own tokens, but this is their place.
    let error = syn::Error::new(Span::call_site(), message).to_compile_error();
    quote!(#error #item)
}
