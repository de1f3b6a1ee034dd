//! What is wrong with a protocol of datagrams.

use syn::Type;

use super::model::{Argument, Declaration, Event, Handler, Role, Speaker};
use crate::errors::Errors;
use crate::state_machine::model::bare;
use crate::state_machine::signature;

const OWNS: &str = "a protocol lives as long as its port: let it own its data";

pub(crate) fn declaration(declaration: &Declaration, errors: &mut Errors) {
    for lifetime in declaration.generics.lifetimes() {
        errors.at(lifetime, OWNS);
    }
}

pub(crate) fn speaker(speaker: &Speaker, errors: &mut Errors) {
    if let Some((path, _)) = &speaker.block.trait_ {
        errors
            .at(path, "handlers stand in an impl block of the protocol itself, `impl P { … }`, not in one of a trait");
    }
    for lifetime in speaker.borrows() {
        errors.at(lifetime, OWNS);
    }
    if !matches!(bare(&speaker.block.self_ty), Type::Path(_)) {
        errors.at(&speaker.block.self_ty, "a protocol is a struct of your own");
    }
    for (before, handler) in speaker.handlers.iter().enumerate() {
        one_each(handler, &speaker.handlers[..before], errors);
        check(handler, errors);
    }
}

fn one_each(handler: &Handler, earlier: &[Handler], errors: &mut Errors) {
    if let Some(first) = earlier.iter().find(|earlier| earlier.event == handler.event) {
        let name = &first.signature.ident;
        errors.at(&handler.word, format!("`{}` has its handler here already: `{name}`", handler.word));
    }
}

fn check(handler: &Handler, errors: &mut Errors) {
    signature::check_callable(&handler.signature, handler.cfg.as_ref(), errors);
    once(handler, "the context", |role| role == Role::Context, errors);
    once(handler, "who sent the datagram", |role| matches!(role, Role::Sender | Role::OwnedSender), errors);
    once(handler, "the datagram", |role| role == Role::Payload, errors);
    for argument in &handler.arguments {
        check_argument(handler, argument, errors);
    }
}

fn once(handler: &Handler, what: &str, is_it: impl Fn(Role) -> bool, errors: &mut Errors) {
    for second in handler.arguments.iter().filter(|argument| is_it(argument.role)).skip(1) {
        errors.at(&second.ty, format!("{what} is taken already, by an argument before this one"));
    }
}

fn check_argument(handler: &Handler, argument: &Argument, errors: &mut Errors) {
    let ty = &argument.ty;
    match (argument.role, bare(ty)) {
        (_, Type::ImplTrait(_)) => {
            errors.at(ty, "an event that calls a handler chooses no type: name the one to take");
        }
        (Role::Context, Type::Reference(reference)) if reference.mutability.is_none() => {}
        (Role::Context, _) => errors.at(ty, "a context is shared: take `&DatagramContext<Self>`"),
        _ if handler.event != Event::Datagram => {
            let word = &handler.word;
            errors.at(
                ty,
                format!(
                    "nothing provides a value of this type: a handler of `{word}` takes `&DatagramContext<Self>` and \
                     nothing else"
                ),
            );
        }
        (Role::Sender, Type::Reference(reference)) if reference.mutability.is_some() => {
            errors.at(ty, "who sent a datagram does not change: take `&Address`");
        }
        _ => {}
    }
}
