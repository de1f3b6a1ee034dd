//! The syntax of `#[state_machine(First, Second)]` and of `#[on(line in First, to = Second)]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ImplItem, ImplItemFn, ItemImpl, Lit, Meta, Path, Token, parenthesized, token};

use super::model::distinct;
use crate::duration;
use crate::errors::Errors;

/// What stands in the parentheses of `#[on(…)]`. Whether the words exist is not asked here.
pub(crate) struct On {
    /// `line`
    pub(crate) event: Ident,
    /// `30s` of `timeout(30s)`, or what is wrong with it.
    pub(crate) wait: Option<syn::Result<duration::Span>>,
    /// `[First]`; empty where it says `_` or nothing.
    pub(crate) states: Vec<Ident>,
    /// `[Second]` of `to = Second`
    pub(crate) to: Vec<Ident>,
}

impl Parse for On {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let event = input.call(Ident::parse_any)?;
        let wait = match () {
            () if input.peek(token::Paren) => Some(wait(input)?),
            () if input.peek(Token![=]) => Some(Err(assigned(&event, input)?)),
            () => None,
        };
        let states = if input.parse::<Option<Token![in]>>()?.is_some() { states(input)? } else { Vec::new() };
        let to = if input.parse::<Option<Token![,]>>()?.is_some() { to(input)? } else { Vec::new() };
        if !input.is_empty() {
            return Err(input.error("expected `in State`, then `, to = NextState`, or the end"));
        }
        Ok(Self { event, wait, states, to })
    }
}

fn wait(input: ParseStream<'_>) -> syn::Result<syn::Result<duration::Span>> {
    let content;
    parenthesized!(content in input);
    let tokens: TokenStream = content.parse()?;
    Ok(syn::parse2(tokens))
}

/// `timeout = "30s"`, as a key would be written.
fn assigned(event: &Ident, input: ParseStream<'_>) -> syn::Result<syn::Error> {
    let equals = input.parse::<Token![=]>()?;
    let value = input.parse::<Expr>()?;
    let written = quote!(#event #equals #value);
    if event != "timeout" {
        return Err(syn::Error::new_spanned(written, format!("an event has no value: write `#[on({event})]`")));
    }
    let text = match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        value => value.to_token_stream().to_string(),
    };
    let wait = if syn::parse_str::<duration::Span>(&text).is_ok() { text } else { "30s".into() };
    Ok(syn::Error::new_spanned(written, format!("write `timeout({wait})`")))
}

/// `First | Second`, or `_` for any
fn states(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    if input.parse::<Option<Token![_]>>()?.is_some() {
        return Ok(Vec::new());
    }
    Ok(Punctuated::<Ident, Token![|]>::parse_separated_nonempty(input)?.into_iter().collect())
}

/// `to = Second` or `to = (Second, Third)`
fn to(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let key = input.call(Ident::parse_any)?;
    if key != "to" {
        let message =
            format!("unknown key `{key}`: the only one here is `to`, as in `#[on(line in First, to = Second)]`");
        return Err(syn::Error::new_spanned(key, message));
    }
    input.parse::<Token![=]>()?;
    if !input.peek(token::Paren) {
        return Ok(vec![input.parse()?]);
    }
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<Ident, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

/// Takes the `#[on(…)]` off a function.
pub(crate) fn take_ons(function: &mut ImplItemFn) -> Vec<Attribute> {
    function.attrs.extract_if(.., |attribute| attribute.path().is_ident("on")).collect()
}

/// The states in each `#[on(…)]` of a block, in order, each once.
pub(crate) fn written_states(block: &ItemImpl) -> Vec<Ident> {
    let attributes = block.items.iter().flat_map(|item| match item {
        ImplItem::Fn(function) => &*function.attrs,
        _ => &[],
    });
    let ons = attributes.filter(|attribute| attribute.path().is_ident("on")).filter_map(|attribute| on(attribute).ok());
    distinct(ons.flat_map(|on| on.states.into_iter().chain(on.to)))
}

/// Reads one of them.
pub(crate) fn on(attribute: &Attribute) -> syn::Result<On> {
    match &attribute.meta {
        Meta::List(list) if !list.tokens.is_empty() => list.parse_args(),
        meta => Err(syn::Error::new_spanned(meta, "which event? Write `#[on(line)]`, `#[on(connect)]` or another")),
    }
}

/// The names in `#[state_machine(First, Second)]`; one with a path or generics is reported, and taken for its name.
pub(crate) fn machine_states(arguments: TokenStream, errors: &mut Errors) -> Vec<Ident> {
    let paths = Punctuated::<Path, Token![,]>::parse_terminated.parse2(arguments);
    let paths = errors.keep(paths).unwrap_or_default();
    for path in paths.iter().filter(|path| path.get_ident().is_none()) {
        errors.at(
            path,
            "a state is the bare name of a type without generics: `use` one from elsewhere, wrap a generic one",
        );
    }
    paths.into_iter().filter_map(|path| Some(path.segments.last()?.ident.clone())).collect()
}
