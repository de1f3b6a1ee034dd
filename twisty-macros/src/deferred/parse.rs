//! The syntax of `chain! { source; then |value| …; catch |why| …; timeout 5s; finally |_| …; }`.

use proc_macro2::{Ident, Span, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, ExprClosure, ExprGroup, Lit, Token};

use super::model::{Chain, Kind, Limit, Step};
use crate::duration;
use crate::errors::Errors;
use crate::nearest::{nearest, unknown};

const STEPS: [&str; 4] = ["then", "catch", "timeout", "finally"];

const A_CHAIN: &str = "a chain begins with its source: `chain! { fetch(url); then |page| …; catch |why| …; }`";

/// Reads as much as can be understood; nothing if it is not even known where the chain begins.
pub(crate) fn chain(input: ParseStream<'_>, errors: &mut Errors) -> Option<Chain> {
    let source = errors.keep(source(input)).flatten();
    let source_ends = source.as_ref().is_some_and(is_block);
    if source.is_none() && !begins_step(input) {
        skip(input);
    } else if source.is_some() {
        end(input, source_ends, errors);
    }
    let mut steps = Vec::new();
    while !input.is_empty() {
        match step(input, errors) {
            Ok(step) => {
                let ends = step.as_ref().and_then(|step| step.kind.closure()).is_some_and(|body| is_block(&body.body));
                end(input, ends, errors);
                steps.extend(step);
            }
            Err(error) => {
                errors.push(error);
                skip(input);
            }
        }
    }
    source.map(|source| Chain { source, steps })
}

/// Reads what stands before the first `;`.
fn source(input: ParseStream<'_>) -> syn::Result<Option<Expr>> {
    if input.is_empty() {
        return Err(syn::Error::new(Span::call_site(), format!("an empty chain: {A_CHAIN}")));
    }
    if begins_step(input) {
        let keyword = input.fork().call(Ident::parse_any)?;
        return Err(syn::Error::new_spanned(&keyword, format!("`{keyword}` without anything above it: {A_CHAIN}")));
    }
    if input.peek(Token![;]) {
        return Err(input.error(A_CHAIN));
    }
    input.parse().map(Some)
}

/// `then |`, `catch move |`, `timeout 5s`, also misspelt.
fn begins_step(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let Ok(word) = ahead.call(Ident::parse_any) else { return false };
    let near = nearest(&word.to_string(), &STEPS).is_some();
    let closure =
        ahead.peek(Token![|]) || ahead.peek(Token![||]) || ahead.peek(Token![move]) || ahead.peek(Token![async]);
    near && (closure || (ahead.peek(Lit) && word != "then"))
}

/// Reads a step up to its `;`. One that is misspelt is read too, so that what follows is understood.
fn step(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Option<Step>> {
    let Ok(keyword) = input.call(Ident::parse_any) else {
        return Err(input.error("expected a step: `then |value| …`, `catch |why| …`, `timeout 5s` or `finally |_| …`"));
    };
    let kind = match keyword.to_string().as_str() {
        "then" => closure(&keyword, "then |value| …", input).map(Kind::Then),
        "catch" => closure(&keyword, "catch |why| …", input).map(Kind::Catch),
        "finally" => closure(&keyword, "finally |result| …", input).map(Kind::Finally),
        "timeout" => timeout(&keyword, input),
        word => {
            let message = unknown("step", word, &STEPS);
            if !input.peek(Token![|]) && !input.peek(Token![move]) {
                return Err(syn::Error::new_spanned(&keyword, message));
            }
            errors.at(&keyword, message);
            closure(&keyword, "then |value| …", input)?;
            return Ok(None);
        }
    };
    kind.map(|kind| Some(Step { keyword, kind }))
}

fn closure(keyword: &Ident, usage: &str, input: ParseStream<'_>) -> syn::Result<ExprClosure> {
    let missing = |at: &dyn ToTokens| {
        syn::Error::new_spanned(at.to_token_stream(), format!("`{keyword}` takes a closure: `{usage}`"))
    };
    if ends_here(input) {
        return Err(missing(keyword));
    }
    match input.parse()? {
        Expr::Closure(closure) => Ok(closure),
        // `then $closure`, in a macro of the user's.
        Expr::Group(ExprGroup { expr, .. }) if matches!(&*expr, Expr::Closure(_)) => {
            syn::parse2(expr.into_token_stream())
        }
        other => Err(missing(&other)),
    }
}

/// Reads `5s`, `self.patience` or `5s on &clock`.
fn timeout(keyword: &Ident, input: ParseStream<'_>) -> syn::Result<Kind> {
    if ends_here(input) {
        let message = "`timeout` takes a duration: `timeout 5s`, or an expression that makes one";
        return Err(syn::Error::new_spanned(keyword, message));
    }
    let limit = if is_literal(input) {
        Limit::Literal(input.parse::<duration::Span>()?)
    } else {
        Limit::Expression(input.parse()?)
    };
    let mut clock = None;
    if input.peek(Ident::peek_any) && input.fork().call(Ident::parse_any)? == "on" {
        let on: Ident = input.parse()?;
        if ends_here(input) {
            return Err(syn::Error::new_spanned(on, "which clock? `timeout 5s on &clock`"));
        }
        clock = Some(input.parse()?);
    }
    Ok(Kind::Timeout { limit, clock })
}

/// A literal that is not the beginning of an expression such as `2 * PATIENCE`.
fn is_literal(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    let literal = ahead.parse::<Lit>().is_ok();
    literal && !matches!(ahead.cursor().punct(), Some((operator, _)) if operator.as_char() != ';')
}

fn ends_here(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![;])
}

/// Reads the `;` behind a source or a step, which a block can do without.
fn end(input: ParseStream<'_>, block: bool, errors: &mut Errors) {
    if ends_here(input) {
        while input.parse::<Token![;]>().is_ok() {}
        return;
    }
    if block && input.peek(Ident::peek_any) {
        return;
    }
    errors.push(input.error("expected `;` before this"));
    if !begins_step(input) {
        skip(input);
    }
}

/// Skips the rest of a step, and the `;` behind it.
fn skip(input: ParseStream<'_>) {
    while let Ok(token) = input.parse::<TokenTree>() {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';') {
            return;
        }
    }
}

/// An expression that is a statement without a `;`.
pub(crate) const fn is_block(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::Unsafe(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
    )
}
