//! What is wrong with an impl block as a whole.

use proc_macro2::Ident;
use syn::{ItemImpl, Type};

use super::event::Kind;
use super::model::{Handler, Machine, bare, distinct};
use super::signature;
use crate::errors::Errors;

/// The states of a machine, each once.
pub(crate) fn listed_once(states: Vec<Ident>, block: &ItemImpl, errors: &mut Errors) -> Vec<Ident> {
    if states.is_empty() && errors.is_empty() {
        let message = "a machine needs states, the first one first: `#[state_machine(First, Second)]`; a protocol without \
                       states is `#[protocol] impl`";
        errors.at(&block.self_ty, message);
    }
    for (before, state) in states.iter().enumerate() {
        if states[..before].contains(state) {
            errors.at(state, format!("the state `{state}` is listed twice"));
        }
    }
    distinct(states)
}

/// What stands under `#[protocol]` although it needs states; with them the rest is checked.
pub(crate) fn has_no_states(written: &[Ident], errors: &mut Errors) {
    if let Some(first) = written.first() {
        let states: String = written.iter().map(|state| format!("{state}, ")).collect();
        errors.at(
            first,
            format!("write `#[state_machine({states}…)]` above `impl` instead of `#[protocol]`, which has no states"),
        );
    }
}

pub(crate) fn check(machine: &Machine, errors: &mut Errors) {
    block(machine, errors);
    for function in &machine.functions {
        signature::check_function(function, errors);
    }
    for handler in machine.handlers() {
        signature::check_handler(handler, errors);
    }
    one_kind_of_frame(machine, errors);
    one_handler_each(machine, errors);
    if machine.complete {
        connects_in_the_first_state(machine, errors);
        every_handler_runs(machine, errors);
        the_peer_is_heard(machine, errors);
        every_state_is_reached(machine, errors);
    }
}

fn block(machine: &Machine, errors: &mut Errors) {
    if let Some((path, _)) = &machine.block.trait_ {
        errors
            .at(path, "handlers stand in an impl block of the protocol itself, `impl P { … }`, not in one of a trait");
    }
    for lifetime in machine.borrows() {
        errors.at(lifetime, "a protocol lives as long as its connection: let it own its data");
    }
    if !matches!(bare(&machine.block.self_ty), Type::Path(_)) {
        errors.at(&machine.block.self_ty, "a protocol is a struct of your own");
    }
}

/// `line` and `string` cannot both be what the framing delivers.
fn one_kind_of_frame(machine: &Machine, errors: &mut Errors) {
    let Some(first) = machine.handlers_of(Kind::Frame).next() else { return };
    let word = &first.on.event.word;
    for other in machine.handlers_of(Kind::Frame).filter(|other| other.on.event.word != *word) {
        let (other, name) = (&other.on.event.word, first.function.name());
        errors.at(other, format!("a protocol has one framing, so either `{other}` or `{word}`, which `{name}` takes"));
    }
}

fn one_handler_each(machine: &Machine, errors: &mut Errors) {
    let handlers: Vec<_> = machine.handlers().collect();
    for (before, second) in handlers.iter().enumerate() {
        for first in &handlers[..before] {
            if let Some(place) = conflict(*first, *second) {
                let (word, name) = (&second.on.event.word, first.function.name());
                errors.at(place, format!("`{word}` has its handler here already: `{name}`"));
            }
        }
    }
}

/// Where the second one claims what the first one has.
fn conflict<'a>(first: Handler<'_>, second: Handler<'a>) -> Option<&'a Ident> {
    if first.on.event.word != second.on.event.word {
        return None;
    }
    if first.on.states.is_empty() && second.on.states.is_empty() {
        return Some(&second.on.event.word);
    }
    second.on.states.iter().find(|state| first.on.states.contains(state))
}

fn connects_in_the_first_state(machine: &Machine, errors: &mut Errors) {
    let Some(first) = machine.states().first() else { return };
    for state in machine.handlers_of(Kind::Connect).flat_map(|handler| &handler.on.states) {
        if state != first {
            errors.at(state, format!("a connection starts in `{first}`, so `connect` never comes in another state"));
        }
    }
}

fn every_handler_runs(machine: &Machine, errors: &mut Errors) {
    if machine.states().is_empty() {
        return;
    }
    for handler in machine.handlers().filter(|handler| machine.serves(*handler).is_empty()) {
        let word = &handler.on.event.word;
        errors.at(word, format!("this handler never runs: every state has its own handler of `{word}`"));
    }
}

/// What the peer sends is taken in every state, unless the protocol never listens and hangs up itself.
fn the_peer_is_heard(machine: &Machine, errors: &mut Errors) {
    let frames = machine.handlers_of(Kind::Frame);
    let heard: Vec<_> = frames.chain(machine.handlers_of(Kind::Raw)).collect();
    let Some(first) = heard.first() else {
        if !machine.functions.iter().any(|function| function.hangs_up) {
            errors.at(&machine.block.self_ty, unheard(machine));
        }
        return;
    };
    let word = &first.on.event.word;
    for state in machine.states() {
        if !heard.iter().any(|handler| handler.on.states.is_empty() || handler.on.states.contains(state)) {
            errors
                .at(state, format!("no handler takes a `{word}` in `{state}`: write `#[on({word} in {state})] fn …`"));
        }
    }
}

fn unheard(machine: &Machine) -> String {
    format!(
        "no handler takes what the peer sends: write `#[on(line)] fn …` in `impl {}` (or `data`, `string` or `frame`, as \
         its framing calls it); or let a handler hang up with `cx.lose_connection()`, as one must that never listens",
        machine.name(),
    )
}

fn every_state_is_reached(machine: &Machine, errors: &mut Errors) {
    for state in machine.unreached() {
        let message = format!(
            "nothing leads to `{state}`: return it from a handler; where an alias hides it in a return type, name it in the \
             attribute, as in `#[on(line, to = {state})]`"
        );
        errors.at(state, message);
    }
}
