//! The methods of `Protocol` that call the handlers.

use proc_macro2::TokenStream;
use quote::quote;

use super::call;
use super::event::Kind;
use super::model::{Handler, Machine};
use crate::duration::Span;

/// A method for each kind of event that has handlers.
pub(crate) fn methods(machine: &Machine, tw: &TokenStream) -> TokenStream {
    let has_handlers = |kind: &Kind| machine.handlers_of(*kind).next().is_some();
    let methods: TokenStream =
        Kind::ALL.into_iter().filter(has_handlers).map(|kind| method(machine, kind, tw)).collect();
    let untaken = (has_handlers(&Kind::Raw) && !has_handlers(&Kind::Frame)).then(|| {
        quote! {
            fn frame_received(&mut self, __cx: &#tw::protocol::Context<Self>, _: &[u8]) {
                #tw::__private::untaken(__cx);
            }
        }
    });
    quote!(#methods #untaken)
}

fn method(machine: &Machine, kind: Kind, tw: &TokenStream) -> TokenStream {
    let cx = quote!(__cx: &#tw::protocol::Context<Self>);
    let signature = match kind {
        Kind::Connect => quote!(connection_made(&mut self, #cx)),
        Kind::Frame => quote!(frame_received(&mut self, #cx, __frame: &[u8])),
        Kind::Raw => quote!(raw_received(&mut self, #cx, __frame: &[u8])),
        Kind::Overlong => quote!(frame_overlong(&mut self, #cx, __payload: #tw::Overlong)),
        Kind::Timeout => quote!(timed_out(&mut self, #cx)),
        Kind::Drain => quote!(drained(&mut self, #cx)),
        Kind::Eof => quote!(eof_received(&mut self, #cx)),
        Kind::WriteLost => quote!(write_connection_lost(&mut self, #cx)),
        Kind::Disconnect => quote!(connection_lost(&mut self, #cx, __payload: #tw::Failure)),
    };
    let (timeout, body) = (timeout(machine, kind, tw), body(machine, kind, tw));
    // It is called from one place, once a frame: the compiler may put it there.
    let inline = (kind == Kind::Frame).then(|| quote!(#[inline]));
    quote! {
        #timeout
        #inline
        fn #signature {
            #body
        }
    }
}

fn body(machine: &Machine, kind: Kind, tw: &TokenStream) -> TokenStream {
    let call = choose(machine, kind, tw, &quote!(*__state), call::binding, |handler| call::call(handler, tw));
    if machine.states.is_some() {
        quote!(#tw::__private::step(__cx, |__state: &mut __State| { #call });)
    } else {
        quote!(#tw::__private::handle(|| { #call });)
    }
}

/// How long to wait for a frame, which belongs to the event `timeout`.
fn timeout(machine: &Machine, kind: Kind, tw: &TokenStream) -> Option<TokenStream> {
    let wait = |handler: Handler<'_>| {
        let wait = handler.on.event.wait.as_ref().map(Span::expression);
        quote!(::core::option::Option::Some(#wait))
    };
    (kind == Kind::Timeout).then(|| {
        let body = choose(machine, kind, tw, &quote!(*__cx.state::<__State>()), |_| quote!(_), wait);
        quote! {
            fn timeout(&self, __cx: &#tw::protocol::Context<Self>) -> ::core::option::Option<::core::time::Duration> {
                #body
            }
        }
    })
}

/// By state: an arm for each handler of certain states, then the one for any state, or nothing for the states left.
fn choose(
    machine: &Machine,
    kind: Kind,
    tw: &TokenStream,
    state: &TokenStream,
    binding: impl Fn(Handler<'_>) -> TokenStream,
    body: impl Fn(Handler<'_>) -> TokenStream,
) -> TokenStream {
    let (any, certain): (Vec<_>, Vec<_>) = machine.handlers_of(kind).partition(|handler| handler.on.states.is_empty());
    let any = any.first().map(|handler| body(*handler));
    if certain.is_empty() {
        return any.unwrap_or_default();
    }
    let arms = certain.iter().map(|handler| {
        let (states, binding, body) = (&handler.on.states, binding(*handler), body(*handler));
        quote!(#(__State::#states(#binding))|* => { #body })
    });
    let rest = any.map_or_else(|| nothing(machine, kind, &certain, tw), |any| quote!(_ => { #any }));
    quote!(match #state { #(#arms)* #rest })
}

/// The arm for the states without a handler, if there are any. Only a frame is missed there; the end of what the peer
/// sends closes the connection, as it does without any handler.
fn nothing(machine: &Machine, kind: Kind, handlers: &[Handler<'_>], tw: &TokenStream) -> TokenStream {
    let is_left = |state| !handlers.iter().any(|handler| handler.on.states.contains(state));
    let left = machine.states().iter().filter(|state| is_left(state)).map(|state| quote!(__State::#state(_)));
    let mut left: Vec<_> = left.collect();
    let instead = match kind {
        Kind::Frame if !left.is_empty() => Some(quote!(#tw::__private::untaken(__cx);)),
        Kind::Eof => Some(quote!(#tw::__private::hang_up(__cx);)),
        _ => None,
    };
    left.extend(call::moves_a_state(machine).then(|| quote!(__State::__Moved)));
    match (&*left, instead) {
        ([], _) => TokenStream::new(),
        (left, None) => quote!(#(#left)|* => ::core::option::Option::None,),
        (left, instead) => quote!(#(#left)|* => { #instead ::core::option::Option::None }),
    }
}
