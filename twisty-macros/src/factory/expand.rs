//! `impl Factory for F`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{ExprPath, Type};

use super::model::Factory;
use super::parse::Arguments;
use crate::generics::outliving;
use crate::{names, spans};

/// Nothing if it is not known what the factory makes.
pub(crate) fn factory(factory: &Factory) -> TokenStream {
    let Factory { name, generics, arguments } = factory;
    let Some(protocol) = arguments.protocol.as_ref().filter(|_| generics.lifetimes().next().is_none()) else {
        return TokenStream::new();
    };
    let tw = names::twisty();
    let generics = outliving(generics.clone());
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (build, start_and_stop) = (build(arguments, protocol, &tw), start_and_stop(arguments, &tw));
    let (start, end) = spans::ends(protocol);
    // Wherever the compiler looks at the type it finds the same mistake; at one place it says it once.
    let made = spans::at(start, quote!(#tw::__private::Made));
    let made = quote_spanned!(end=> #made<#protocol, Self>);
    let function = quote_spanned!(start=> fn);
    let built = quote_spanned!(end=> ::core::option::Option<#protocol>);
    let build = quote_spanned!(end=> { #build });
    let limits = limits(arguments);
    quote! {
        #[automatically_derived]
        impl #impl_generics #tw::protocol::Factory for #name #ty_generics #where_clause {
            type Protocol = #made;

            #function build_protocol(
                &mut self,
                __peer: &#tw::protocol::Address,
            ) -> #built #build

            #start_and_stop
            #limits
        }
    }
}

fn build(arguments: &Arguments, protocol: &Type, tw: &TokenStream) -> TokenStream {
    match &arguments.build {
        Some(build) => hook(build, quote!(self, __peer), quote!(#tw::__private::built::<#protocol>)),
        None => quote!(::core::option::Option::Some(<#protocol as ::core::default::Default>::default())),
    }
}

fn start_and_stop(arguments: &Arguments, tw: &TokenStream) -> TokenStream {
    let start = arguments.start.as_ref().map(|start| {
        let started = hook(start, quote!(self), quote!(#tw::__private::started));
        quote! {
            fn start(&mut self) -> ::core::result::Result<(), #tw::Failure> {
                #started
            }
        }
    });
    let stop = arguments.stop.as_ref().map(|stop| {
        quote! {
            fn stop(&mut self) {
                #stop(self);
            }
        }
    });
    quote!(#start #stop)
}

/// How many connections it may have.
fn limits(arguments: &Arguments) -> TokenStream {
    let limits = [
        ("max_connections", &arguments.max_connections),
        ("max_connections_per_peer", &arguments.max_connections_per_peer),
    ];
    let given = limits.into_iter().filter_map(|(name, number)| Some((format_ident!("{name}"), number.as_ref()?)));
    let given = given.map(|(name, number)| {
        quote! {
            fn #name(&self) -> usize {
                #number
            }
        }
    });
    quote!(#(#given)*)
}

/// Calls a function of the user's, at whose path the compiler points at what it should not return.
fn hook(path: &ExprPath, arguments: TokenStream, take: TokenStream) -> TokenStream {
    let (start, end) = spans::ends(path);
    let returned = spans::call(path.to_token_stream(), arguments, end);
    spans::call(spans::at(start, take), returned, end)
}
