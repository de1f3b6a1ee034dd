//! The attributes of twisty.

mod duration;
mod errors;
mod factory;
mod generics;
mod keys;
mod names;
mod nearest;
mod protocol;
#[cfg(test)]
mod snapshots;
mod state_machine;

use proc_macro::TokenStream;

/// protocol
#[proc_macro_attribute]
pub fn protocol(arguments: TokenStream, item: TokenStream) -> TokenStream {
    protocol::attribute(arguments.into(), &item.into()).into()
}

/// state_machine
#[proc_macro_attribute]
pub fn state_machine(arguments: TokenStream, item: TokenStream) -> TokenStream {
    state_machine::attribute(arguments.into(), &item.into()).into()
}

/// factory
#[proc_macro_attribute]
pub fn factory(arguments: TokenStream, item: TokenStream) -> TokenStream {
    factory::attribute(arguments.into(), &item.into()).into()
}
