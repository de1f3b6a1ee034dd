//! What can be seen of a body without knowing any type.

use syn::visit_mut::{VisitMut, visit_expr_mut};
use syn::{Expr, ExprCall, Item, Macro, Stmt};

/// What a body makes, as far as its ends show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Makes {
    /// All that is seen is `Ok(…)`: nothing says of which type the error is.
    Success,
    /// All that is seen is `Err(…)`: nothing says of which type the value is. With `Err(error.into())`, nothing says of
    /// which type the error is either.
    Failure { of_any_type: bool },
    /// It never comes to its end: `panic!("…")`.
    Nothing,
    /// A value, or whatever the compiler finds out.
    Something,
}

/// How a body is left.
pub(crate) struct Body {
    pub(crate) makes: Makes,
    /// There is a `return`.
    pub(crate) returns: bool,
    /// There is a `?`.
    pub(crate) tries: bool,
    /// An end that is an `async { … }`.
    pub(crate) future: Option<Expr>,
}

/// One end of a body.
enum End {
    Ok,
    Err {
        of_any_type: bool,
    },
    Other(Expr),
    /// `()`
    Unit,
}

pub(crate) fn look(body: &Expr) -> Body {
    let mut exits = Exits::default();
    exits.visit_expr_mut(&mut body.clone());
    let mut ends = Vec::new();
    collect(body, &mut ends);
    for value in &exits.returns {
        match value {
            Some(value) => collect(value, &mut ends),
            None => ends.push(End::Unit),
        }
    }
    let future = ends.iter().find_map(|end| match end {
        End::Other(other @ Expr::Async(_)) => Some(other.clone()),
        _ => None,
    });
    Body { makes: makes(&ends), returns: !exits.returns.is_empty(), tries: exits.tries, future }
}

fn makes(ends: &[End]) -> Makes {
    let any_error = ends.iter().any(|end| matches!(end, End::Err { of_any_type: true }));
    if ends.is_empty() {
        Makes::Nothing
    } else if ends.iter().all(|end| matches!(end, End::Err { .. })) {
        Makes::Failure { of_any_type: any_error }
    } else if ends.iter().all(|end| matches!(end, End::Ok | End::Err { of_any_type: true })) {
        Makes::Success
    } else {
        Makes::Something
    }
}

/// The expressions of which one is the value.
fn collect(expression: &Expr, ends: &mut Vec<End>) {
    match expression {
        Expr::Block(block) => collect_last(&block.block.stmts, ends),
        Expr::Unsafe(block) => collect_last(&block.block.stmts, ends),
        Expr::Paren(inner) => collect(&inner.expr, ends),
        Expr::Group(inner) => collect(&inner.expr, ends),
        Expr::If(branches) => {
            collect_last(&branches.then_branch.stmts, ends);
            match &branches.else_branch {
                Some((_, other)) => collect(other, ends),
                None => ends.push(End::Unit),
            }
        }
        Expr::Match(choice) => choice.arms.iter().for_each(|arm| collect(&arm.body, ends)),
        Expr::Call(call) => ends.push(variant(call).unwrap_or_else(|| End::Other(expression.clone()))),
        _ if diverges(expression) => {}
        _ => ends.push(End::Other(expression.clone())),
    }
}

fn collect_last(statements: &[Stmt], ends: &mut Vec<End>) {
    match statements.last() {
        Some(Stmt::Expr(last, None)) => collect(last, ends),
        Some(Stmt::Expr(last, Some(_))) if diverges(last) => {}
        Some(Stmt::Macro(last)) if panics(&last.mac) => {}
        Some(Stmt::Macro(last)) if last.semi_token.is_none() => {
            ends.push(End::Other(Expr::Macro(syn::ExprMacro { attrs: Vec::new(), mac: last.mac.clone() })));
        }
        _ => ends.push(End::Unit),
    }
}

/// `Ok(…)` or `Err(…)`
fn variant(call: &ExprCall) -> Option<End> {
    let Expr::Path(path) = &*call.func else { return None };
    match path.path.segments.last()?.ident.to_string().as_str() {
        "Ok" => Some(End::Ok),
        "Err" => {
            let into = |argument: &Expr| matches!(argument, Expr::MethodCall(call) if call.method == "into");
            Some(End::Err { of_any_type: call.args.first().is_some_and(into) })
        }
        _ => None,
    }
}

/// Nothing comes behind it: `return`, `panic!("…")`, `Err(…)?`. The value of a `return` is looked at elsewhere.
fn diverges(expression: &Expr) -> bool {
    match expression {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) => true,
        Expr::Macro(called) => panics(&called.mac),
        Expr::Try(tried) => match &*tried.expr {
            Expr::Call(call) => matches!(variant(call), Some(End::Err { .. })),
            _ => false,
        },
        _ => false,
    }
}

fn panics(called: &Macro) -> bool {
    let name = called.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    matches!(name.as_str(), "panic" | "todo" | "unimplemented" | "unreachable")
}

/// The `return`s and `?`s of a body, without those of closures and functions in it.
#[derive(Default)]
struct Exits {
    returns: Vec<Option<Expr>>,
    tries: bool,
}

impl VisitMut for Exits {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Closure(_) | Expr::Async(_) | Expr::Const(_) => return,
            Expr::Return(value) => self.returns.push(value.expr.as_deref().cloned()),
            Expr::Try(_) => self.tries = true,
            _ => {}
        }
        visit_expr_mut(self, expression);
    }

    fn visit_item_mut(&mut self, _item: &mut Item) {}

    /// `format!("{}", page?)`
    fn visit_macro_mut(&mut self, called: &mut Macro) {
        self.tries |= called.tokens.to_string().contains('?');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Makes {
        look(&syn::parse_str(text).expect(text)).makes
    }

    #[test]
    fn the_ends_of_a_body_are_found_in_every_branch() {
        assert_eq!(seen("{ a()?; if b { Ok(1) } else { match c { 1 => Ok(2), _ => return Ok(3) } } }"), Makes::Success);
        assert_eq!(seen("if b { Ok(1) } else { Err(why.into()) }"), Makes::Success);
        assert_eq!(seen("if b { Ok(1) } else { Err(why) }"), Makes::Something);
        assert_eq!(seen("Err(why.into())"), Makes::Failure { of_any_type: true });
        assert_eq!(seen("{ if a { return Err(b) } Err(c) }"), Makes::Failure { of_any_type: false });
        assert_eq!(seen("{ log(); std::panic!(\"{}\", 1); }"), Makes::Nothing);
        assert_eq!(seen("Err(Timeout)?"), Makes::Nothing);
        assert_eq!(seen("if a { Ok(()) }"), Makes::Something);
        assert_eq!(seen("{}"), Makes::Something);
    }

    #[test]
    fn closures_keep_their_exits_to_themselves() {
        let body =
            look(&syn::parse_str("{ let f = |x| { y?; return Ok(x) }; fn g() { return } async { z? } }").unwrap());
        assert!(!body.returns && !body.tries && body.future.is_some());
        assert!(look(&syn::parse_str("format!(\"{}\", page?)").unwrap()).tries);
    }
}
