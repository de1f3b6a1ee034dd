//! `impl Factory for F` and `impl ClientFactory for F`.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, ExprLit, ExprPath, Lit, LitFloat, Type};

use super::model::Factory;
use super::parse::{Arguments, Reconnect};
use crate::duration;
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
    let (told, reconnect) = (told(arguments, &tw), arguments.reconnect.as_ref().map(|delays| reconnect(delays, &tw)));
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

        #[automatically_derived]
        impl #impl_generics #tw::protocol::ClientFactory for #name #ty_generics #where_clause {
            #told
            #reconnect
        }
    }
}

/// What a client's factory is told.
fn told(arguments: &Arguments, tw: &TokenStream) -> TokenStream {
    let connecting = arguments.connecting.as_ref().map(|hook| {
        quote! {
            fn started_connecting(&mut self, __connector: &#tw::protocol::Connector) {
                #hook(self, __connector);
            }
        }
    });
    let ended = |name: &str, hook: &Option<ExprPath>| {
        let name = format_ident!("{name}");
        hook.as_ref().map(|hook| {
            quote! {
                fn #name(&mut self, __connector: &#tw::protocol::Connector, __reason: &#tw::Failure) {
                    #hook(self, __connector, __reason);
                }
            }
        })
    };
    let failed = ended("client_connection_failed", &arguments.failed);
    let lost = ended("client_connection_lost", &arguments.lost);
    quote!(#connecting #failed #lost)
}

fn reconnect(delays: &Reconnect, tw: &TokenStream) -> TokenStream {
    let Reconnect { initial, max, factor, jitter, retries, reset_after } = delays;
    let span = |name: &str, span: &Option<duration::Span>| {
        let (name, value) = (format_ident!("{name}"), span.as_ref().map(duration::Span::expression));
        value.map(|value| quote!(.#name(#value)))
    };
    let expression = |name: &str, value: &Option<Expr>| {
        let name = format_ident!("{name}");
        value.as_ref().map(|value| quote!(.#name(#value)))
    };
    let (initial, max, reset_after) = (span("initial", initial), span("max", max), span("reset_after", reset_after));
    let (factor, jitter) = (factor.as_ref().map(fractional), jitter.as_ref().map(fractional));
    let (factor, jitter) = (expression("factor", &factor), expression("jitter", &jitter));
    let retries = expression("retries", retries);
    quote! {
        #[allow(clippy::approx_constant)]
        fn reconnect(&self) -> ::core::option::Option<#tw::protocol::Backoff> {
            ::core::option::Option::Some(
                #tw::protocol::Backoff::new() #initial #max #factor #jitter #retries #reset_after
            )
        }
    }
}

/// `2.0` where `2` was written.
fn fractional(expression: &Expr) -> Expr {
    let mut expression = expression.clone();
    if let Expr::Lit(ExprLit { lit, .. }) = &mut expression
        && let Lit::Int(int) = lit
        && int.suffix().is_empty()
    {
        *lit = Lit::Float(LitFloat::new(&format!("{}.0", int.base10_digits()), int.span()));
    }
    expression
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
