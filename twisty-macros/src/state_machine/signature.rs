//! What a handler may look like.

use syn::{
    Attribute, FnArg, GenericArgument, GenericParam, PathArguments, ReceiverKind, ReturnType, Safety, Signature, Type,
};

use super::event::{Kind, Payload};
use super::model::{Argument, Function, Handler, Passing, Role, bare, last_segment};
use crate::errors::Errors;

/// What holds for a function whatever its events.
pub(crate) fn check_function(function: &Function, errors: &mut Errors) {
    check_callable(&function.signature, function.cfg.as_ref(), errors);
    once(
        function,
        "the context is taken already, by an argument before this one",
        |role| *role == Role::Context,
        errors,
    );
    let is_state = |role: &Role| matches!(role, Role::State(..));
    once(function, "the state is taken already, by an argument before this one", is_state, errors);
    once(function, payload_once(function), |role| *role == Role::Payload, errors);
    one_next_state(function, errors);
    for argument in &function.arguments {
        argument_type(argument, errors);
    }
}

/// What holds for whatever is called as a handler.
pub(crate) fn check_callable(signature: &Signature, cfg: Option<&Attribute>, errors: &mut Errors) {
    qualifiers(signature, cfg, errors);
    generics(signature, errors);
    receiver(signature, errors);
}

/// What holds for a function as the handler of an event.
pub(crate) fn check_handler(handler: Handler<'_>, errors: &mut Errors) {
    for argument in &handler.function.arguments {
        match &argument.role {
            Role::Context => {}
            Role::State(state, passing) => state_argument(handler, argument, state, *passing, errors),
            Role::Payload => payload(handler, argument, errors),
        }
    }
    if handler.on.event.kind == Kind::Disconnect {
        nothing_follows(handler, errors);
    }
}

fn qualifiers(signature: &Signature, cfg: Option<&Attribute>, errors: &mut Errors) {
    if let Some(keyword) = &signature.asyncness {
        errors.at(keyword, "a handler runs to its end at once, so it cannot be `async`");
    }
    if let Safety::Unsafe(keyword) = &signature.safety {
        errors.at(keyword, "a handler is called by safe code, so it cannot be `unsafe`");
    }
    if let Some(cfg) = cfg {
        let message = "a handler cannot come and go, because its block is checked as a whole: put the `#[cfg(…)]` on the \
                       impl block, or on what the handler does";
        errors.at(cfg, message);
    }
}

fn generics(signature: &Signature, errors: &mut Errors) {
    let chosen = |parameter: &&GenericParam| !matches!(parameter, GenericParam::Lifetime(_));
    for parameter in signature.generics.params.iter().filter(chosen) {
        errors.at(parameter, "a handler cannot be generic: an event that calls it chooses no type");
    }
}

fn receiver(signature: &Signature, errors: &mut Errors) {
    let Some(FnArg::Receiver(receiver)) = signature.inputs.first() else {
        errors
            .at(&signature.ident, "a handler is called on its protocol: its first argument is `&mut self` or `&self`");
        return;
    };
    let borrowed = match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => matches!(bare(ty), Type::Reference(_)),
        _ => false,
    };
    if !borrowed {
        errors.at(receiver, "a connection keeps its protocol: take `&mut self` or `&self`");
    }
}

fn once(function: &Function, message: &str, has_role: impl Fn(&Role) -> bool, errors: &mut Errors) {
    for second in function.arguments.iter().filter(|argument| has_role(&argument.role)).skip(1) {
        errors.at(&second.ty, message);
    }
}

fn payload_once(function: &Function) -> &'static str {
    if function.ons.iter().any(|on| on.event.kind.payload() == Payload::Bytes) {
        "the frame is taken already, by an argument before this one: take one type for both, and implement `FromFrame` for it"
    } else {
        "what the event brings is taken already, by an argument before this one"
    }
}

/// No tuple of two states in what is returned.
fn one_next_state(function: &Function, errors: &mut Errors) {
    if let ReturnType::Type(_, ty) = &function.signature.output {
        one_next_state_in(ty, function, errors);
    }
}

fn one_next_state_in(ty: &Type, function: &Function, errors: &mut Errors) {
    match bare(ty) {
        Type::Tuple(tuple) => {
            let is_state = |ty: &&Type| last_segment(ty).is_some_and(|name| function.returns.contains(name));
            if let Some(second) = tuple.elems.iter().filter(is_state).nth(1) {
                errors.at(second, "a connection can only go to one state");
            }
            tuple.elems.iter().for_each(|part| one_next_state_in(part, function, errors));
        }
        ty => type_arguments(ty).for_each(|part| one_next_state_in(part, function, errors)),
    }
}

fn argument_type(argument: &Argument, errors: &mut Errors) {
    match bare(&argument.ty) {
        Type::ImplTrait(_) => {
            errors.at(&argument.ty, "an event that calls a handler chooses no type: name the one to take")
        }
        Type::Reference(reference) if reference.mutability.is_none() => {}
        _ if argument.role == Role::Context => errors.at(&argument.ty, "a context is shared: take `&Context<Self>`"),
        _ => {}
    }
}

fn state_argument(
    handler: Handler<'_>,
    argument: &Argument,
    state: &syn::Ident,
    passing: Passing,
    errors: &mut Errors,
) {
    let word = &handler.on.event.word;
    match &*handler.on.states {
        [of_this_handler] if of_this_handler == state => {
            if passing == Passing::Value && leads_on_later(handler) {
                errors.at(&argument.ty, by_value_until_later(state));
            } else if passing == Passing::Value && !leads_on(handler) {
                errors.at(&argument.ty, by_value(state));
            }
        }
        [other] => errors
            .at(&argument.ty, format!("this handler runs in the state `{other}`: take `&{other}` or `&mut {other}`")),
        [] => errors.at(
            &argument.ty,
            format!("this handler runs in any state: write `#[on({word} in {state})]` to take this one"),
        ),
        _ => errors
            .at(&argument.ty, "this handler runs in several states: only one that runs in a single state can take it"),
    }
}

fn by_value(state: &syn::Ident) -> String {
    format!(
        "the state is taken by value, so the handler must lead to a next one whatever happens: return a state, \
         `(reply, state)` or `Result<…, Failure>` of these, or name it with `to = …`; else take `&mut {state}`"
    )
}

fn by_value_until_later(state: &syn::Ident) -> String {
    format!(
        "the state is taken by value, but its `Deferred` leads to a next one only when it fires, and until then the \
         connection stays in `{state}`: take `&mut {state}`"
    )
}

/// Whether a next state comes by a Deferred, also one whose type an alias hides.
fn leads_on_later(handler: Handler<'_>) -> bool {
    let names_one = !handler.function.returns.is_empty() || !handler.on.to.is_empty();
    match &handler.function.signature.output {
        ReturnType::Type(_, ty) => names_one && comes_later(ty),
        ReturnType::Default => false,
    }
}

/// Whether what leads on is a Deferred: the last of a tuple, or inside of a `Result` or an `Option`.
fn comes_later(ty: &Type) -> bool {
    match bare(ty) {
        Type::Tuple(tuple) => tuple.elems.last().is_some_and(comes_later),
        ty => last_segment(ty).is_some_and(|name| name == "Deferred") || type_arguments(ty).any(comes_later),
    }
}

/// Whether a next state follows on every path on which the connection goes on.
fn leads_on(handler: Handler<'_>) -> bool {
    let ends = handler.on.event.kind == Kind::Disconnect;
    let returns = match &handler.function.signature.output {
        ReturnType::Default => false,
        ReturnType::Type(_, ty) => is_next_state(ty, handler.function),
    };
    ends || returns || !handler.on.to.is_empty()
}

fn is_next_state(ty: &Type, function: &Function) -> bool {
    match bare(ty) {
        Type::Tuple(tuple) => tuple.elems.last().is_some_and(|last| is_next_state(last, function)),
        ty if last_segment(ty).is_some_and(|name| name == "Result") => {
            let ends = |error| last_segment(error).is_some_and(|name| name == "Failure");
            let mut types = type_arguments(ty);
            types.next().is_some_and(|value| is_next_state(value, function))
                && types.next().is_none_or(|error| ends(error) || is_next_state(error, function))
        }
        ty => last_segment(ty).is_some_and(|name| function.returns.contains(name)),
    }
}

/// `A` and `B` of `Result<A, B>`
fn type_arguments(ty: &Type) -> impl Iterator<Item = &Type> {
    let last = match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    };
    let arguments = last.and_then(|last| match &last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    });
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn payload(handler: Handler<'_>, argument: &Argument, errors: &mut Errors) {
    let event = &handler.on.event;
    let fits = match event.kind.payload() {
        Payload::Bytes => true,
        Payload::Value(name) => last_segment(&argument.ty).is_some_and(|ty| ty == name),
        Payload::Nothing => false,
    };
    if !fits {
        errors.at(&argument.ty, format!("nothing provides a value of this type: {}", takes(handler)));
    }
}

/// ``a handler of `disconnect` takes `&Context<Self>` and a `Failure` ``
fn takes(handler: Handler<'_>) -> String {
    let state = match &*handler.on.states {
        [state] => format!(", its state (`&{state}`, `&mut {state}`)"),
        _ => String::new(),
    };
    let payload = match handler.on.event.kind.payload() {
        Payload::Nothing => "nothing else".into(),
        Payload::Bytes => "the frame".into(),
        Payload::Value(name) => format!("a `{name}`"),
    };
    format!("a handler of `{}` takes `&Context<Self>`{state} and {payload}", handler.on.event.word)
}

fn nothing_follows(handler: Handler<'_>, errors: &mut Errors) {
    if let ReturnType::Type(_, ty) = &handler.function.signature.output
        && !matches!(bare(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
    {
        errors.at(ty, "after `disconnect` nothing can be sent and no state follows: its handler returns nothing");
    }
    if let Some(next) = handler.on.to.first() {
        errors.at(next, "no state follows `disconnect`");
    }
}
