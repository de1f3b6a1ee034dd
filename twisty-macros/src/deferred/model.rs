//! What a chain consists of.

use proc_macro2::Ident;
use syn::{Expr, ExprClosure, Pat};

use crate::duration::Span;

pub(crate) struct Chain {
    /// `fetch(url)`
    pub(crate) source: Expr,
    /// `then |page| …; catch |why| …; timeout 5s`
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    /// `then`
    pub(crate) keyword: Ident,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// `then |page| …`
    Then(ExprClosure),
    /// `catch |why: TimeoutError| …`
    Catch(ExprClosure),
    /// `finally |_| …`
    Finally(ExprClosure),
    /// `timeout 5s on &clock`
    Timeout {
        /// `5s`
        limit: Limit,
        /// `&clock`
        clock: Option<Expr>,
    },
}

pub(crate) enum Limit {
    /// `5s`
    Literal(Span),
    /// `self.patience`
    Expression(Expr),
}

impl Kind {
    /// What runs in the step.
    pub(crate) const fn closure(&self) -> Option<&ExprClosure> {
        match self {
            Self::Then(closure) | Self::Catch(closure) | Self::Finally(closure) => Some(closure),
            Self::Timeout { .. } => None,
        }
    }
}

/// `page = fetch(url) => page.len()`, in a `race!`.
pub(crate) struct Arm {
    /// `page`
    pub(crate) pattern: Pat,
    /// `fetch(url)`
    pub(crate) member: Expr,
    /// `page.len()`
    pub(crate) body: Expr,
}
