//! The call of a handler: its arguments, and what it returns.

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Lifetime, ReturnType, Signature, Type, TypeParamBound};

use super::event::{Kind, Payload};
use super::model::{Argument, Handler, Machine, Passing, Role, bare, last_segment};
use crate::spans;

/// Whether a handler takes its state by value, so that the machine must be able to be without one.
pub(crate) fn moves_a_state(machine: &Machine) -> bool {
    machine.handlers().any(|handler| moved_state(handler).is_some())
}

/// The pattern for the state that a handler runs in.
pub(crate) fn binding(handler: Handler<'_>) -> TokenStream {
    match state(handler) {
        Some((_, Passing::Shared)) => quote!(ref __held),
        Some((_, Passing::Mutable)) => quote!(ref mut __held),
        Some((_, Passing::Value)) | None => quote!(_),
    }
}

/// The statements that call a handler; their value is the next state.
pub(crate) fn call(handler: Handler<'_>, tw: &TokenStream) -> TokenStream {
    let payload = payload(handler, tw);
    let moved = moved_state(handler).map(|state| {
        quote! {
            let __State::#state(__held) = ::core::mem::replace(__state, __State::__Moved) else {
                return ::core::option::Option::None;
            };
        }
    });
    let arguments = handler.function.arguments.iter().map(local);
    let outcome = outcome(&handler.function.signature, arguments, &quote!(#tw::__private), tw);
    let must_lead_on = moved.is_some() && handler.on.event.kind != Kind::Disconnect;
    let outcome = if must_lead_on { quote!(#tw::__private::led_on(__cx, #outcome)) } else { outcome };
    quote!(#payload #moved #outcome)
}

fn state(handler: Handler<'_>) -> Option<(&Ident, Passing)> {
    handler.function.arguments.iter().find_map(|argument| match &argument.role {
        Role::State(state, passing) => Some((state, *passing)),
        _ => None,
    })
}

fn moved_state(handler: Handler<'_>) -> Option<&Ident> {
    state(handler).filter(|(_, passing)| *passing == Passing::Value).map(|(state, _)| state)
}

/// Makes the value that a handler takes out of the frame. This comes before its state is moved, which would be lost if
/// the frame is none.
fn payload(handler: Handler<'_>, tw: &TokenStream) -> Option<TokenStream> {
    let argument = handler.function.arguments.iter().find(|argument| argument.role == Role::Payload)?;
    (handler.on.event.kind.payload() == Payload::Bytes).then(|| {
        let ty = anonymous(&handler.function.signature, argument.ty.clone());
        quote!(let __payload = #tw::__private::argument::<_, #ty>(__cx, __frame)?;)
    })
}

/// The type without the names that the handler gives to its lifetimes: they mean nothing where it is called.
pub(crate) fn anonymous(signature: &Signature, mut ty: Type) -> Type {
    struct Anonymous<'a>(Vec<&'a Lifetime>);

    impl VisitMut for Anonymous<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if self.0.contains(&&*lifetime) {
                *lifetime = Lifetime::new("'_", lifetime.span());
            }
            visit_mut::visit_lifetime_mut(self, lifetime);
        }
    }

    let named = signature.generics.lifetimes().map(|parameter| &parameter.lifetime);
    Anonymous(named.collect()).visit_type_mut(&mut ty);
    ty
}

/// The call and what becomes of its value, which `private` knows, at the place of the return type: there the compiler
/// points at what cannot be returned.
pub(crate) fn outcome(
    signature: &Signature,
    arguments: impl Iterator<Item = TokenStream>,
    private: &TokenStream,
    tw: &TokenStream,
) -> TokenStream {
    let name = &signature.ident;
    let (callee, arguments) = (quote!(Self::#name), quote!(self #(, #arguments)*));
    let ReturnType::Type(_, ty) = &signature.output else {
        return quote!(#private::outcome(__cx, #callee(#arguments)));
    };
    let (start, end) = spans::ends(ty);
    let call = |callee, arguments| spans::call(spans::at(start, callee), arguments, end);
    let returned = call(callee, arguments);
    let returned = if is_iterator(ty) { call(quote!(#tw::protocol::Replies), returned) } else { returned };
    // A `Result` is taken apart: of two types that may be wrong, the message names the one that is.
    let is_result = last_segment(ty).is_some_and(|name| name == "Result");
    let outcome = Ident::new(if is_result { "result" } else { "outcome" }, start);
    call(quote!(#private::#outcome), quote!(__cx, #returned))
}

fn is_iterator(ty: &Type) -> bool {
    let Type::ImplTrait(opaque) = bare(ty) else { return false };
    opaque.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|name| name.ident.to_string().ends_with("Iterator"))
        }
        _ => false,
    })
}

/// What an argument is called inside the method.
fn local(argument: &Argument) -> TokenStream {
    match argument.role {
        Role::Context => quote!(__cx),
        Role::State(..) => quote!(__held),
        Role::Payload => quote!(__payload),
    }
}
