//! What `chain!` refuses although it is well-formed.

use syn::{Expr, ExprClosure, Pat, Stmt};

use super::body;
use super::model::{Chain, Kind, Step};
use crate::errors::Errors;

const SPAWN: &str = "to wait for a future, make it a Deferred: `reactor.spawn(async move { … })`";

pub(crate) fn check(chain: &Chain, errors: &mut Errors) {
    check_future(&chain.source, errors);
    for step in &chain.steps {
        if let Some(closure) = step.kind.closure() {
            check_closure(step, closure, errors);
        }
    }
    if errors.is_empty() {
        chain.steps.windows(2).for_each(|pair| check_order(&pair[0], &pair[1], errors));
    }
}

fn check_closure(step: &Step, closure: &ExprClosure, errors: &mut Errors) {
    let keyword = &step.keyword;
    if let Some(asyncness) = closure.asyncness {
        errors.at(asyncness, format!("a step is no async closure; {SPAWN}, and return that"));
    }
    check_future(&closure.body, errors);
    let (what, name) = match step.kind {
        Kind::Then(_) => ("the value", "value"),
        Kind::Catch(_) => ("the failure", "why"),
        _ => ("the result", "result"),
    };
    match closure.inputs.len() {
        0 => errors.at(
            closure.inputs_begin,
            format!("`{keyword}` is given {what}: `{keyword} |{name}| …`, or `|_|` if it needs none"),
        ),
        1 => check_pattern(&step.kind, &closure.inputs[0], errors),
        _ => errors.at(
            &closure.inputs,
            format!("`{keyword}` is given {what} and nothing else: `|{name}|`; a tuple is taken apart by `|(a, b)|`"),
        ),
    }
}

pub(crate) fn check_future(body: &Expr, errors: &mut Errors) {
    if let Some(Expr::Async(future)) = body::look(body).future {
        errors.at(future.async_token, format!("nobody runs this future; {SPAWN}"));
    }
}

/// `catch |TimeoutError|` means a type, but is the name of a variable.
fn check_pattern(kind: &Kind, pattern: &Pat, errors: &mut Errors) {
    let Kind::Catch(_) = kind else { return };
    let word = match pattern {
        Pat::Ident(name) => name.ident.to_string(),
        Pat::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default(),
        Pat::Or(alternatives) => {
            errors
                .at(alternatives, "a `catch` takes one type of errors; write one for each, or `catch |why| …` for all");
            return;
        }
        _ => return,
    };
    if word.starts_with(char::is_uppercase) {
        errors.at(pattern, format!("the type of an error stands behind a colon: `catch |why: {word}| …`"));
    }
}

/// Whatever failed above is over behind a `catch` for all; what follows it at once gets what fails in its body.
fn check_order(first: &Step, second: &Step, errors: &mut Errors) {
    let (Kind::Catch(all), Kind::Catch(_)) = (&first.kind, &second.kind) else { return };
    if takes_all(all) && cannot_fail(&all.body) {
        let message = "this `catch` never runs: the one above it takes every failure, and cannot fail itself; put the \
                       `catch` for one type first";
        errors.at(&second.keyword, message);
    }
}

fn takes_all(closure: &ExprClosure) -> bool {
    match closure.inputs.first() {
        Some(Pat::Type(typed)) => match &*typed.ty {
            syn::Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Failure"),
            _ => false,
        },
        _ => true,
    }
}

/// A body that calls nothing: a literal, a name, a block of these.
fn cannot_fail(body: &Expr) -> bool {
    match body {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Tuple(tuple) => tuple.elems.iter().all(cannot_fail),
        Expr::Paren(inner) => cannot_fail(&inner.expr),
        Expr::Reference(inner) => cannot_fail(&inner.expr),
        Expr::Field(field) => cannot_fail(&field.base),
        Expr::Block(block) => match block.block.stmts.as_slice() {
            [] => true,
            [Stmt::Expr(only, None)] => cannot_fail(only),
            _ => false,
        },
        _ => false,
    }
}
