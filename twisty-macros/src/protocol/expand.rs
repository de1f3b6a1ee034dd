//! `impl Settings for P`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::model::{Framing, Protocol};
use crate::generics::outliving;
use crate::names;

/// Also for a declaration with mistakes: then with what was understood of it, so that nothing else complains.
pub(crate) fn settings(protocol: &Protocol) -> TokenStream {
    if protocol.generics.lifetimes().next().is_some() {
        return TokenStream::new();
    }
    let tw = names::twisty();
    let Protocol { name, .. } = protocol;
    let generics = outliving(protocol.generics.clone());
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (framing, new_framing) = framing(protocol, &tw);
    let factory =
        protocol.factory.as_ref().map_or_else(|| quote!(#tw::protocol::ForProtocol<Self>), |factory| quote!(#factory));
    let limits = limits(protocol, &tw);
    quote! {
        #[automatically_derived]
        impl #impl_generics #tw::protocol::Settings for #name #ty_generics #where_clause {
            type Framing = #framing;
            type Factory = #factory;

            fn framing() -> #framing {
                #new_framing
            }

            fn limits() -> #tw::protocol::Limits {
                #limits
            }
        }
    }
}

/// The framing's type, and the expression that makes it.
fn framing(protocol: &Protocol, tw: &TokenStream) -> (TokenStream, TokenStream) {
    let delimiter = protocol.delimiter.iter().map(|(key, value)| quote!(.#key(#value)));
    let max_length = protocol.max_length.iter().map(|(key, value)| quote!(.#key(#value)));
    let framing = quote!(#tw::framing);
    match &protocol.framing {
        Framing::Raw => (quote!(#framing::Raw), quote!(#framing::Raw)),
        Framing::Line => (quote!(#framing::Line), quote!(#framing::Line::new() #(#delimiter)* #(#max_length)*)),
        Framing::Netstring => (quote!(#framing::Netstring), quote!(#framing::Netstring::new() #(#max_length)*)),
        Framing::Int(width) => {
            (quote!(#framing::LengthPrefixed), quote!(#framing::LengthPrefixed::#width() #(#max_length)*))
        }
        Framing::LengthPrefixed(prefix, endian) => {
            let endian = endian.iter().map(|endian| quote!(.endian(#framing::Endian::#endian)));
            let new = quote!(#framing::LengthPrefixed::new(#framing::Prefix::#prefix));
            (quote!(#framing::LengthPrefixed), quote!(#new #(#endian)* #(#max_length)*))
        }
        Framing::Own(own) => (quote!(#own), quote!(<#own as ::core::default::Default>::default())),
        Framing::Unknown => (quote!(#tw::__private::UnknownFraming), quote!(#tw::__private::UnknownFraming)),
    }
}

fn limits(protocol: &Protocol, tw: &TokenStream) -> TokenStream {
    let given = protocol.limits.iter().filter_map(|(name, value)| Some((format_ident!("{name}"), value.as_ref()?)));
    let given: Vec<_> = given.map(|(name, value)| quote!(#name: #value)).collect();
    if given.is_empty() {
        return quote!(#tw::protocol::Limits::DEFAULT);
    }
    let others = (given.len() < protocol.limits.len()).then(|| quote!(..#tw::protocol::Limits::DEFAULT));
    quote!(#tw::protocol::Limits { #(#given,)* #others })
}
