//! `impl DatagramSettings for P` and `impl DatagramProtocol for P`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ImplItem, ItemImpl, parse_quote};

use super::model::{Declaration, Event, Handler, Role, Speaker};
use crate::generics::outliving;
use crate::state_machine::call;
use crate::{names, spans};

pub(crate) fn settings(declaration: &Declaration) -> TokenStream {
    if declaration.generics.lifetimes().next().is_some() {
        return TokenStream::new();
    }
    let tw = names::twisty();
    let generics = outliving(declaration.generics.clone());
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (name, limits) = (&declaration.name, limits(declaration, &tw));
    quote! {
        #[automatically_derived]
        impl #impl_generics #tw::datagram::DatagramSettings for #name #ty_generics #where_clause {
            fn limits() -> #tw::datagram::Limits {
                #limits
            }
        }
    }
}

fn limits(declaration: &Declaration, tw: &TokenStream) -> TokenStream {
    let given = declaration.limits.iter().map(|(name, value)| quote!(#name: #value));
    match declaration.limits.len() {
        0 => quote!(#tw::datagram::Limits::DEFAULT),
        3 => quote!(#tw::datagram::Limits { #(#given),* }),
        _ => quote!(#tw::datagram::Limits { #(#given,)* ..#tw::datagram::Limits::DEFAULT }),
    }
}

pub(crate) fn speaker(speaker: &Speaker) -> TokenStream {
    let tw = names::twisty();
    let (block, name) = (block(speaker), &speaker.block.self_ty);
    // Asked for at the name of the protocol: there the compiler points if the struct's attribute is missing.
    let (start, end) = spans::ends(name);
    let (settings, limits) = (spans::at(start, quote!(#tw::datagram::DatagramSettings)), Ident::new("limits", end));
    let limits = spans::call(quote_spanned!(start=> <#name as #settings>::#limits), TokenStream::new(), end);
    let methods = speaker.handlers.iter().map(|handler| method(handler, &tw));
    let body = quote! {
        fn limits() -> #tw::datagram::Limits {
            #limits
        }

        #(#methods)*
    };
    let protocol = protocol(speaker, &tw, &body);
    quote!(#block #protocol)
}

/// The item, and as much around it that nothing else is called wrong.
pub(crate) fn fallback(speaker: &Speaker) -> TokenStream {
    let block = &speaker.block;
    if block.trait_.is_some() || !speaker.borrows().is_empty() {
        return quote!(#block);
    }
    let protocol = protocol(speaker, &names::twisty(), &TokenStream::new());
    quote!(#block #protocol)
}

fn protocol(speaker: &Speaker, tw: &TokenStream, body: &TokenStream) -> TokenStream {
    let generics = outliving(speaker.block.generics.clone());
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let name = &speaker.block.self_ty;
    quote! {
        #[automatically_derived]
        impl #impl_generics #tw::datagram::DatagramProtocol for #name #where_clause {
            #body
        }
    }
}

/// The user's own impl block. A handler must take `self` and what its event brings, needed or not, so the lints about
/// that are silenced; they can only be silenced there.
fn block(speaker: &Speaker) -> ItemImpl {
    let mut block = speaker.block.clone();
    block.generics = outliving(block.generics);
    for item in &mut block.items {
        if let ImplItem::Fn(item) = item
            && speaker.handlers.iter().any(|handler| handler.signature.ident == item.sig.ident)
        {
            item.attrs.push(parse_quote!(#[allow(clippy::unused_self, clippy::needless_pass_by_value)]));
        }
    }
    block
}

fn method(handler: &Handler, tw: &TokenStream) -> TokenStream {
    let cx = quote!(__cx: &#tw::datagram::DatagramContext<Self>);
    let signature = match handler.event {
        Event::Start => quote!(start(&mut self, #cx)),
        Event::Datagram => quote!(datagram_received(&mut self, #cx, __data: &[u8], __from: &#tw::protocol::Address)),
        Event::Refused => quote!(connection_refused(&mut self, #cx)),
        Event::Stop => quote!(stop(&mut self, #cx)),
    };
    let (payload, private) = (payload(handler, tw), quote!(#tw::__private::datagram));
    let arguments = handler.arguments.iter().map(|argument| match argument.role {
        Role::Context => quote!(__cx),
        Role::Sender => quote!(__from),
        Role::OwnedSender => quote!(::core::clone::Clone::clone(__from)),
        Role::Payload => quote!(__payload),
    });
    let outcome = call::outcome(&handler.signature, arguments, &private, tw);
    quote! {
        fn #signature {
            #payload
            #outcome;
        }
    }
}

/// Makes the value that a handler takes out of the datagram.
fn payload(handler: &Handler, tw: &TokenStream) -> Option<TokenStream> {
    let argument = handler.arguments.iter().find(|argument| argument.role == Role::Payload)?;
    let ty = call::anonymous(&handler.signature, argument.ty.clone());
    Some(quote! {
        let ::core::option::Option::Some(__payload) = #tw::__private::datagram::argument::<_, #ty>(__cx, __data) else {
            return;
        };
    })
}
