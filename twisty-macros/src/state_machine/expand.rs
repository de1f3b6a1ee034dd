//! `impl Protocol for P`, and for a machine the enum of its states.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ImplItem, ItemImpl, parse_quote};

use super::graph::{Edge, plain};
use super::model::{Machine, distinct};
use super::{call, dispatch};
use crate::generics::outliving;
use crate::{names, spans};

pub(crate) fn machine(machine: &Machine) -> TokenStream {
    let tw = names::twisty();
    let block = block(machine);
    let protocol = protocol(machine, &tw, &events(machine, &tw), &dispatch::methods(machine, &tw));
    if machine.states.is_none() {
        return quote!(#block #protocol);
    }
    let (states, graph) = (states(machine, &tw), state_machine(machine, &tw, &diagram(machine, &tw)));
    quote! {
        #block
        const _: () = {
            #states
            #protocol
            #graph
        };
    }
}

/// The item, and as much around it that nothing else is called wrong.
pub(crate) fn fallback(machine: &Machine) -> TokenStream {
    let block = &machine.block;
    if block.trait_.is_some() || !machine.borrows().is_empty() {
        return quote!(#block);
    }
    let tw = names::twisty();
    let nothing = TokenStream::new();
    let protocol = protocol(machine, &tw, &nothing, &nothing);
    let graph = machine.states.as_ref().map(|_| {
        let empty = quote!(#tw::protocol::Diagram { name: "", states: &[], transitions: &[] });
        state_machine(machine, &tw, &empty)
    });
    quote!(#block #protocol #graph)
}

/// The user's own impl block. A handler must take `self` and what its event brings, needed or not, so the lints about
/// that are silenced; they can only be silenced there.
fn block(machine: &Machine) -> ItemImpl {
    let mut block = machine.block.clone();
    block.generics = outliving(block.generics);
    if machine.states.is_some() {
        let diagram = format!("\n# States\n\n```mermaid\n{}```", machine.mermaid());
        block.attrs.push(parse_quote!(#[doc = #diagram]));
    }
    for item in &mut block.items {
        if let ImplItem::Fn(item) = item
            && machine.functions.iter().any(|function| *function.name() == item.sig.ident)
        {
            item.attrs.push(parse_quote!(#[allow(clippy::unused_self, clippy::needless_pass_by_value)]));
        }
    }
    block
}

/// What the struct's attribute declares is asked for at the name of the protocol: there the compiler points, once, if
/// that attribute is missing.
fn protocol(machine: &Machine, tw: &TokenStream, events: &TokenStream, methods: &TokenStream) -> TokenStream {
    let name = &machine.block.self_ty;
    let (start, end) = spans::ends(name);
    let settings = spans::at(start, quote!(#tw::protocol::Settings));
    let of_settings = |item: &str| {
        let item = Ident::new(item, end);
        quote_spanned!(start=> <#name as #settings>::#item)
    };
    let (framing, factory) = (of_settings("Framing"), of_settings("Factory"));
    let call = |method: &str| spans::call(of_settings(method), TokenStream::new(), end);
    let (new_framing, limits) = (call("framing"), call("limits"));
    let make_framing = quote_spanned!(start=> fn framing() -> #framing { #events #new_framing });
    let header = header(machine, &quote!(#tw::protocol::Protocol));
    quote! {
        #[automatically_derived]
        #header {
            type Framing = #framing;
            type Factory = #factory;

            #make_framing

            fn limits() -> #tw::protocol::Limits {
                #limits
            }

            #methods
        }
    }
}

/// `impl<T> Trait for Chat<T> where T: 'static`
fn header(machine: &Machine, of: &TokenStream) -> TokenStream {
    let generics = outliving(machine.block.generics.clone());
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let name = &machine.block.self_ty;
    quote!(impl #impl_generics #of for #name #where_clause)
}

/// Asks the framing for each event that only some framings have, at the first handler of it.
fn events(machine: &Machine, tw: &TokenStream) -> TokenStream {
    let words = distinct(machine.handlers().map(|handler| &handler.on.event.word));
    let questions = words.into_iter().filter_map(|word| {
        let question = question(word)?;
        Some(quote_spanned!(word.span()=> #tw::__private::#question::<Self::Framing>();))
    });
    questions.collect()
}

fn question(word: &Ident) -> Option<Ident> {
    let question = match word.to_string().as_str() {
        "line" => "delivers_lines",
        "string" => "delivers_strings",
        "data" => "delivers_data",
        "raw" => "delivers_raw",
        "overlong" => "delivers_overlong",
        _ => return None,
    };
    Some(Ident::new(question, word.span()))
}

/// The enum that `Context::state` holds, and how a state that a handler returns gets into it. A state may hold what no
/// handler looks at: a guard, which does its work by being dropped.
fn states(machine: &Machine, tw: &TokenStream) -> TokenStream {
    let states = machine.states();
    let first = states.first();
    let place = first.map_or_else(Span::call_site, Ident::span);
    let first_state = spans::at(place, quote!(#tw::__private::first_state));
    let first_state = spans::call(first_state, TokenStream::new(), place);
    let moved = call::moves_a_state(machine).then(|| quote!(__Moved,));
    let outcomes = states.iter().map(|state| outcome(machine, state, tw));
    quote! {
        #[allow(dead_code)]
        enum __State {
            #(#states(#states),)*
            #moved
        }

        #[automatically_derived]
        impl ::core::default::Default for __State {
            fn default() -> Self {
                Self::#first(#first_state)
            }
        }

        #(#outcomes)*
    }
}

fn outcome(machine: &Machine, state: &Ident, tw: &TokenStream) -> TokenStream {
    let protocol = &machine.block.self_ty;
    let generics = outliving(machine.block.generics.clone());
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #tw::protocol::Outcome<#protocol, __State> for #state #where_clause {
            fn apply(self, _: &#tw::protocol::Context<#protocol>) -> ::core::option::Option<__State> {
                ::core::option::Option::Some(__State::#state(self))
            }
        }
    }
}

fn state_machine(machine: &Machine, tw: &TokenStream, diagram: &TokenStream) -> TokenStream {
    let header = header(machine, &quote!(#tw::protocol::StateMachine));
    quote! {
        #[automatically_derived]
        #header {
            fn diagram() -> #tw::protocol::Diagram {
                #diagram
            }
        }
    }
}

fn diagram(machine: &Machine, tw: &TokenStream) -> TokenStream {
    let name = machine.name();
    let states = machine.states().iter().map(plain);
    let transitions = machine
        .edges()
        .into_iter()
        .map(|Edge { from, event, to }| quote!(#tw::protocol::Transition { from: #from, event: #event, to: #to }));
    quote! {
        #tw::protocol::Diagram {
            name: #name,
            states: &[#(#states),*],
            transitions: &[#(#transitions),*],
        }
    }
}
