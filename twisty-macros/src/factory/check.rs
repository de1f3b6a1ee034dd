//! What `#[factory(…)]` refuses although it is well-formed.

use quote::quote;
use syn::{Expr, ExprLit, ExprUnary, Lit, UnOp};

use super::model::Factory;
use super::parse::Reconnect;
use crate::errors::Errors;

pub(crate) fn check(factory: &Factory, errors: &mut Errors) {
    for lifetime in factory.generics.lifetimes() {
        errors.at(lifetime, "a factory lives as long as its port: let it own its data");
    }
    if factory.arguments.protocol.is_none() && errors.is_empty() {
        let message = format!("which protocol does `{}` make? Write `#[factory(protocol = Chat)]`", factory.name);
        errors.at(&factory.name, message);
    }
    if let Some(reconnect) = &factory.arguments.reconnect {
        delays(reconnect, errors);
    }
}

fn delays(reconnect: &Reconnect, errors: &mut Errors) {
    let Reconnect { initial, max, factor, jitter, retries, .. } = reconnect;
    if let (Some(initial), Some(max)) = (initial, max)
        && max.is_shorter_than(initial)
    {
        let (initial, longest) = (&initial.written, &max.written);
        let (initial, longest) = (quote!(#initial), quote!(#longest));
        errors
            .at(max, format!("the longest delay is shorter than the first one: `{longest}` is less than `{initial}`"));
    }
    if let Some((factor, value)) = factor.as_ref().and_then(number)
        && value < 1.0
    {
        errors.at(factor, "delays are to become longer: the factor is at least 1, such as `factor = 2.718`");
    }
    if let Some((jitter, value)) = jitter.as_ref().and_then(number)
        && !(0.0..=1.0).contains(&value)
    {
        errors.at(jitter, "this is the part of a delay that is left to chance: from 0 to 1, such as `jitter = 0.12`");
    }
    if let Some(Expr::Lit(ExprLit { lit, .. })) = retries
        && !matches!(lit, Lit::Int(_))
    {
        errors.at(lit, "how often to try again is a whole number, such as `retries = 10`");
    }
    if let Some((retries, _)) = retries.as_ref().and_then(number).filter(|(_, value)| *value < 0.0) {
        errors.at(retries, "nobody can try less often than never: `retries = 0` does not try again");
    }
}

/// The value of a literal, perhaps with a minus; what else there may be, the compiler knows.
fn number(expression: &Expr) -> Option<(&Expr, f64)> {
    let value = match expression {
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => int.base10_digits().parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => float.base10_digits().parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => number(expr).map(|(_, value): (_, f64)| -value),
        _ => None,
    };
    value.map(|value| (expression, value))
}
