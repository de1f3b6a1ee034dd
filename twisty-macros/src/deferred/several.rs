//! `gather!(a, b)`, `race!(a, b)` and `race! { a = first => …, b = second => … }`.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Pat, ReturnType, Token};

use super::check::check_future;
use super::expand::Expand;
use super::model::Arm;
use super::parse::is_block;
use super::refused;
use crate::errors::Errors;
use crate::names;

/// What a tuple can hold.
const MOST: usize = 12;

pub(crate) fn gather(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let members = members(tokens, "gather!(name, age)", &mut errors);
    if let Some(member) = members.get(MOST) {
        errors.at(
            member,
            format!("`gather!` takes up to {MOST}; gather some of them first: `gather!(gather!(a, b), c)`"),
        );
    }
    if !errors.is_empty() {
        return refused(&errors);
    }
    let (expand, tw) = (Expand::new(), names::twisty());
    let members = members.iter().map(|member| deferred(&expand, member));
    quote!(#tw::deferred::Gather::gather((#(#members,)*)))
}

pub(crate) fn race(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    if has_arms(&tokens) {
        let arms = (|input: ParseStream<'_>| Ok(arms(input, &mut errors))).parse2(tokens);
        let arms = errors.keep(arms).unwrap_or_default();
        return if errors.is_empty() { race_of_arms(&arms) } else { refused(&errors) };
    }
    let members =
        members(tokens, "race!(first, second)` or `race! { page = first => …, text = second => … }", &mut errors);
    if !errors.is_empty() {
        return refused(&errors);
    }
    let expand = Expand::new();
    let chain = &expand.chain;
    let members = members.iter().map(|member| deferred(&expand, member));
    quote!(#chain::race([#(#members),*]))
}

/// A member, whatever it is, as a Deferred.
fn deferred(expand: &Expand, member: &Expr) -> TokenStream {
    expand.call("only", expand.source(member), member)
}

/// Reads expressions with commas between them.
fn members(tokens: TokenStream, usage: &str, errors: &mut Errors) -> Vec<Expr> {
    let read = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens);
    let members: Vec<_> = errors.keep(read).into_iter().flatten().collect();
    if members.is_empty() && errors.is_empty() {
        errors.push(syn::Error::new(Span::call_site(), format!("of what? `{usage}`")));
    }
    for member in &members {
        check_future(member, errors);
    }
    members
}

fn has_arms(tokens: &TokenStream) -> bool {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let is = |token: &TokenTree, sign| matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign);
    tokens.windows(2).any(|pair| is(&pair[0], '=') && is(&pair[1], '>'))
}

/// Reads `page = fetch(url) => page.len(), …`.
fn arms(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Arm> {
    let mut arms = Vec::new();
    while !input.is_empty() {
        match arm(input) {
            Ok(arm) => {
                check_future(&arm.member, errors);
                arms.push(arm);
            }
            Err(error) => {
                errors.push(error);
                crate::keys::skip(input);
            }
        }
    }
    arms
}

fn arm(input: ParseStream<'_>) -> syn::Result<Arm> {
    let pattern = Pat::parse_single(input)?;
    if !input.peek(Token![=]) || input.peek(Token![=>]) {
        let message = "an arm is `value = deferred => what to make of it`, also where the value is not needed: `_ = …`";
        return Err(syn::Error::new_spanned(pattern, message));
    }
    input.parse::<Token![=]>()?;
    let member: Expr = input.parse()?;
    if !input.peek(Token![=>]) {
        let message = "what is to be made of it? `value = deferred => value`; in all arms or in none";
        return Err(syn::Error::new_spanned(member, message));
    }
    input.parse::<Token![=>]>()?;
    let body: Expr = input.parse()?;
    if input.peek(Token![,]) || !(input.is_empty() || is_block(&body)) {
        input.parse::<Token![,]>()?;
    }
    Ok(Arm { pattern, member, body })
}

/// The value of each is a variant of one type, so that the bodies stand in one closure and can share what they use.
fn race_of_arms(arms: &[Arm]) -> TokenStream {
    let expand = Expand::new();
    let (chain, [result, value, _]) = (&expand.chain, &expand.names);
    let winner = Ident::new("__Winner", Span::mixed_site());
    let variants: Vec<_> = (0..arms.len()).map(|index| format_ident!("__{index}", span = Span::mixed_site())).collect();
    let members = arms.iter().map(|arm| deferred(&expand, &arm.member));
    let taken = arms.iter().zip(&variants).map(|(Arm { pattern, body, .. }, variant)| {
        let made = expand.code(body, &ReturnType::Default).deferred(&expand);
        quote!(#winner::#variant(#value) => { let #pattern = #value; #made })
    });
    let (taken, here) = (quote!(#(#taken)*), expand.call("here", TokenStream::new(), &arms[0].pattern));
    let body = expand.returning(&quote!(#value), &quote!(match #value { #taken }));
    let run = expand.call("finish", quote!(#chain::then(#result, #body)), arms[0].pattern.to_token_stream());
    quote!({
        enum #winner<#(#variants),*> { #(#variants(#variants)),* }
        #chain::begin(#chain::race([#(#chain::map(#members, #winner::#variants)),*]), #here, move |#result| #run)
    })
}
