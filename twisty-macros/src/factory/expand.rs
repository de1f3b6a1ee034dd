//! `impl Factory for F`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::Factory;
use super::parse::Arguments;
use crate::generics::outliving;
use crate::names;

/// Nothing if it is not known what the factory makes.
pub(crate) fn factory(factory: &Factory) -> TokenStream {
    let Factory { name, generics, arguments } = factory;
    let Some(protocol) = arguments.protocol.as_ref().filter(|_| generics.lifetimes().next().is_none()) else {
        return TokenStream::new();
    };
    let tw = names::twisty();
    let generics = outliving(generics.clone());
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (build, start_and_stop) = (build(arguments, &tw), start_and_stop(arguments, &tw));
    let max_connections = arguments.max_connections.as_ref().map(|number| {
        quote! {
            fn max_connections(&self) -> usize {
                #number
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics #tw::protocol::Factory for #name #ty_generics #where_clause {
            type Protocol = #protocol;

            fn build_protocol(&mut self, __peer: &#tw::protocol::Address) -> ::core::option::Option<Self::Protocol> {
                #build
            }

            #start_and_stop
            #max_connections
        }
    }
}

fn build(arguments: &Arguments, tw: &TokenStream) -> TokenStream {
    match &arguments.build {
        Some(build) => {
            let built = quote_spanned!(build.span()=> #build(self, __peer));
            quote!(#tw::__private::built::<Self::Protocol, _>(#built))
        }
        None => {
            let protocol = &arguments.protocol;
            quote!(::core::option::Option::Some(<#protocol as ::core::default::Default>::default()))
        }
    }
}

fn start_and_stop(arguments: &Arguments, tw: &TokenStream) -> TokenStream {
    let start = arguments.start.as_ref().map(|start| {
        let started = quote_spanned!(start.span()=> #start(self));
        quote! {
            fn start(&mut self) -> ::core::result::Result<(), #tw::Failure> {
                #tw::__private::started(#started)
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
