//! What an impl block with handlers means.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, GenericArgument, ImplItem, ImplItemFn, ItemImpl, Lifetime, PathArguments, ReturnType, Signature,
    Type, parse_quote,
};

use super::event::{Event, Kind};
use super::{guess, parse};
use crate::errors::Errors;

pub(crate) struct Machine {
    /// `impl Chat { … }`, its `#[on(…)]` taken off
    pub(crate) block: ItemImpl,
    /// `[GetName, Chatting]`; `None` for a `#[protocol]`
    pub(crate) states: Option<Vec<Ident>>,
    /// Those with an `#[on(…)]`.
    pub(crate) functions: Vec<Function>,
    /// Whether every `#[on(…)]` was understood. If not, nothing can be said about what is missing.
    pub(crate) complete: bool,
}

pub(crate) struct Function {
    /// `fn get_name(&mut self, cx: &Context<Self>, name: String) -> Result<(String, Chatting), &'static str>`
    pub(crate) signature: Signature,
    /// `[cx, name]`
    pub(crate) arguments: Vec<Argument>,
    /// `[Chatting]`, the states in the return type
    pub(crate) returns: Vec<Ident>,
    /// `#[cfg(…)]`
    pub(crate) cfg: Option<Attribute>,
    /// Whether it closes the connection itself, somewhere in its body.
    pub(crate) hangs_up: bool,
    /// `[#[on(line in GetName)]]`
    pub(crate) ons: Vec<On>,
}

pub(crate) struct On {
    /// `line`
    pub(crate) event: Event,
    /// `[GetName]`; empty for any state
    pub(crate) states: Vec<Ident>,
    /// `[Chatting]` of `to = Chatting`
    pub(crate) to: Vec<Ident>,
    /// Whether one of its states was misspelt, and taken for the nearest one.
    pub(crate) guessed: bool,
}

/// A function as the handler of one event.
#[derive(Clone, Copy)]
pub(crate) struct Handler<'a> {
    pub(crate) function: &'a Function,
    pub(crate) on: &'a On,
}

pub(crate) struct Argument {
    /// `&Context<Self>`
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// What an argument stands for; its type says it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `&Context<Self>`
    Context,
    /// `&GetName`, `&mut GetName` or `GetName`
    State(Ident, Passing),
    /// Anything else: what the event brings along.
    Payload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    Shared,
    Mutable,
    Value,
}

impl Machine {
    pub(crate) fn new(mut block: ItemImpl, states: Option<Vec<Ident>>, errors: &mut Errors) -> Self {
        let names = states.as_deref();
        // What is missing can only be said of states that are all known.
        let (mut functions, mut complete) = (Vec::new(), errors.is_empty());
        for item in &mut block.items {
            if let ImplItem::Fn(function) = item
                && let Some((function, understood)) = Function::new(function, names, errors)
            {
                functions.push(function);
                complete &= understood;
            }
        }
        complete &= guess::forget_wrong_ones(&mut functions);
        Self { block, states, functions, complete }
    }

    /// `Chat`
    pub(crate) fn name(&self) -> String {
        last_segment(&self.block.self_ty).map(|name| name.unraw().to_string()).unwrap_or_default()
    }

    /// The lifetimes that a protocol must not have: `'a` of `impl<'a> Chat<'a>`, `'_` of `impl Chat<'_>`.
    pub(crate) fn borrows(&self) -> Vec<&Lifetime> {
        lifetimes(&self.block)
    }

    pub(crate) fn states(&self) -> &[Ident] {
        self.states.as_deref().unwrap_or_default()
    }

    /// In the order of the source.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = Handler<'_>> {
        self.functions.iter().flat_map(|function| function.ons.iter().map(move |on| Handler { function, on }))
    }

    pub(crate) fn handlers_of(&self, kind: Kind) -> impl Iterator<Item = Handler<'_>> {
        self.handlers().filter(move |handler| handler.on.event.kind == kind)
    }
}

/// Those that an impl block is of.
pub(crate) fn lifetimes(block: &ItemImpl) -> Vec<&Lifetime> {
    let named = block.generics.lifetimes().map(|parameter| &parameter.lifetime);
    let Type::Path(path) = bare(&block.self_ty) else { return named.collect() };
    let arguments = path.path.segments.last().map(|name| &name.arguments);
    let Some(PathArguments::AngleBracketed(arguments)) = arguments else { return named.collect() };
    let elided = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) if lifetime.ident == "_" => Some(lifetime),
        _ => None,
    });
    named.chain(elided).collect()
}

impl Function {
    /// `None` if it is no handler; the flag tells whether each `#[on(…)]` of it was understood.
    fn new(item: &mut ImplItemFn, states: Option<&[Ident]>, errors: &mut Errors) -> Option<(Self, bool)> {
        let attributes = parse::take_ons(item);
        if attributes.is_empty() {
            return None;
        }
        let ons = attributes.iter().map(|on| On::new(&errors.keep(parse::on(on))?, states, errors));
        let ons: Vec<_> = ons.collect();
        let understood = ons.iter().all(Option::is_some);
        let states = states.unwrap_or_default();
        complete_contexts(&mut item.sig, "Context", errors);
        let function = Self {
            arguments: arguments(&item.sig, states),
            returns: mentioned(&item.sig.output, states),
            cfg: item.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")).cloned(),
            hangs_up: hangs_up(item.block.to_token_stream()),
            ons: ons.into_iter().flatten().collect(),
            signature: item.sig.clone(),
        };
        Some((function, understood))
    }

    pub(crate) fn name(&self) -> &Ident {
        &self.signature.ident
    }
}

impl On {
    /// A misspelt state is taken for the nearest one, so that what else is wrong is found in the same run.
    fn new(written: &parse::On, states: Option<&[Ident]>, errors: &mut Errors) -> Option<Self> {
        let event = Event::new(&written.event, written.wait.as_ref(), errors);
        let names = states.unwrap_or_default();
        let (of, to) = (guess::known(&written.states, names, errors), guess::known(&written.to, names, errors));
        let (event, states, to) = (event?, of?, to?);
        Some(Self { event, guessed: states != written.states, states, to })
    }
}

/// Makes `&Context<Self>` of `&Context`, which is reported, so that the compiler does not say it again.
pub(crate) fn complete_contexts(signature: &mut Signature, context: &str, errors: &mut Errors) {
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Type::Reference(reference) = &mut *typed.ty
            && let Type::Path(path) = &mut *reference.elem
            && let Some(name) = path.path.segments.last_mut()
            && name.ident == context
            && name.arguments.is_none()
        {
            errors.at(&name.ident, format!("whose context? Write `&{context}<Self>`"));
            name.arguments = PathArguments::AngleBracketed(parse_quote!(<Self>));
        }
    }
}

fn arguments(signature: &Signature, states: &[Ident]) -> Vec<Argument> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    typed.map(|ty| Argument { ty: ty.clone(), role: Role::of(ty, states) }).collect()
}

impl Role {
    fn of(ty: &Type, states: &[Ident]) -> Self {
        let (named, passing) = match bare(ty) {
            Type::Reference(reference) if reference.mutability.is_some() => (&*reference.elem, Passing::Mutable),
            Type::Reference(reference) => (&*reference.elem, Passing::Shared),
            ty => (ty, Passing::Value),
        };
        match last_segment(named) {
            Some(name) if name == "Context" => Self::Context,
            Some(name) if states.contains(name) => Self::State(name.clone(), passing),
            _ => Self::Payload,
        }
    }
}

/// `String` of `std::string::String`
pub(crate) fn last_segment(ty: &Type) -> Option<&Ident> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Without parentheses, also without the invisible ones around what a `macro_rules!` was given.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

/// The states that occur in a return type, in order, each once.
fn mentioned(output: &ReturnType, states: &[Ident]) -> Vec<Ident> {
    distinct(words(output.to_token_stream()).into_iter().filter(|word| states.contains(word)))
}

/// Each once, in the order of its first occurrence.
pub(crate) fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}

fn hangs_up(body: TokenStream) -> bool {
    words(body).iter().any(|word| word == "lose_connection" || word == "abort_connection" || word == "fail")
}

/// The identifiers among the tokens, at any depth.
fn words(tokens: TokenStream) -> Vec<Ident> {
    let words = |token| match token {
        TokenTree::Ident(word) => vec![word],
        TokenTree::Group(group) => words(group.stream()),
        _ => Vec::new(),
    };
    tokens.into_iter().flat_map(words).collect()
}
