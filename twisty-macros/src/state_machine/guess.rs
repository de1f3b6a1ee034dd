//! Misspelt states: each is taken for the nearest one, so that what else is wrong is found in the same run.

use proc_macro2::Ident;

use super::model::{Function, On, Role};
use crate::errors::Errors;
use crate::nearest::{nearest, unknown};

/// The states that are written, with the user's spans; `None` if one of them is like no other.
pub(crate) fn known(written: &[Ident], states: &[Ident], errors: &mut Errors) -> Option<Vec<Ident>> {
    let known: Vec<_> = written.iter().map(|state| known_one(state, states, errors)).collect();
    known.into_iter().collect()
}

fn known_one(written: &Ident, states: &[Ident], errors: &mut Errors) -> Option<Ident> {
    if states.contains(written) {
        return Some(written.clone());
    }
    if states.is_empty() {
        return None; // which is reported
    }
    let names: Vec<_> = states.iter().map(ToString::to_string).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    errors.at(written, unknown("state", written, &names));
    nearest(&written.to_string(), &names).map(|name| Ident::new(name, written.span()))
}

/// An event in a state: only one handler can have it.
type Claim = (String, Ident);

/// A guess that contradicts the rest was a wrong one: it is left out, so that one mistake gives one message. Whether all
/// of them were right.
pub(crate) fn forget_wrong_ones(functions: &mut [Function]) -> bool {
    let all: Vec<_> = functions.iter().flat_map(|function| &function.ons).flat_map(claims).collect();
    let is_free = |claim: &Claim| all.iter().filter(|other| *other == claim).count() == 1;
    let mut all_right = true;
    for Function { arguments, ons, .. } in functions {
        let takes_another =
            |state: &Ident| arguments.iter().any(|taken| matches!(&taken.role, Role::State(of, _) if of != state));
        ons.retain(|on| {
            let fits = claims(on).iter().all(|claim| is_free(claim) && !takes_another(&claim.1));
            all_right &= fits || !on.guessed;
            fits || !on.guessed
        });
    }
    all_right
}

fn claims(on: &On) -> Vec<Claim> {
    on.states.iter().map(|state| (on.event.word.to_string(), state.clone())).collect()
}
