//! What the attributes of a protocol of datagrams mean.

use proc_macro2::Ident;
use syn::{Attribute, Expr, FnArg, Generics, ImplItem, ImplItemFn, ItemImpl, Lifetime, Signature, Type, parse_quote};

use crate::errors::Errors;
use crate::names;
use crate::nearest::{nearest, unknown};
use crate::state_machine::model::{bare, complete_contexts, last_segment, lifetimes};
use crate::state_machine::parse;

/// `#[protocol(datagram, max_length = 512)] struct Resolver<T>`
pub(crate) struct Declaration {
    /// `Resolver`
    pub(crate) name: Ident,
    /// `<T>`
    pub(crate) generics: Generics,
    /// `[(max_length, 512)]`
    pub(crate) limits: Vec<(Ident, Expr)>,
}

/// `#[protocol] impl Resolver { #[on(datagram)] fn … }`
pub(crate) struct Speaker {
    /// The block, its `#[on(…)]` taken off.
    pub(crate) block: ItemImpl,
    pub(crate) handlers: Vec<Handler>,
}

pub(crate) struct Handler {
    /// `datagram`, where the user wrote it.
    pub(crate) word: Ident,
    pub(crate) event: Event,
    /// `fn echo(&mut self, data: &[u8], from: &Address)`
    pub(crate) signature: Signature,
    /// `[data, from]`
    pub(crate) arguments: Vec<Argument>,
    /// `#[cfg(…)]`
    pub(crate) cfg: Option<Attribute>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Start,
    Datagram,
    Refused,
    Stop,
}

pub(crate) struct Argument {
    /// `&Address`
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// What an argument stands for; its type says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `&DatagramContext<Self>`
    Context,
    /// `&Address`
    Sender,
    /// `Address`
    OwnedSender,
    /// Anything else: what is made of the datagram.
    Payload,
}

/// The words of the events, in the order of a port's life.
pub(crate) const WORDS: [&str; 4] = ["start", "datagram", "refused", "stop"];
const EVENTS: [Event; 4] = [Event::Start, Event::Datagram, Event::Refused, Event::Stop];

/// The names of the same events in Twisted: in small letters, without underscores.
const ALIASES: [(&str, &str); 5] = [
    ("startprotocol", "start"),
    ("datagramreceived", "datagram"),
    ("packet", "datagram"),
    ("connectionrefused", "refused"),
    ("stopprotocol", "stop"),
];

/// The names of what is similar in a stream.
const OF_STREAMS: [(&str, &str); 6] = [
    ("connect", "start"),
    ("data", "datagram"),
    ("frame", "datagram"),
    ("line", "datagram"),
    ("string", "datagram"),
    ("disconnect", "stop"),
];

/// The event that another name stands for.
pub(crate) fn alias(name: &str) -> Option<&'static str> {
    let plain = name.replace('_', "").to_lowercase();
    ALIASES.into_iter().find(|(alias, _)| *alias == plain).map(|(_, meant)| meant)
}

impl Speaker {
    pub(crate) fn new(mut block: ItemImpl, errors: &mut Errors) -> Self {
        let mut handlers = Vec::new();
        for item in &mut block.items {
            if let ImplItem::Fn(function) = item {
                handlers.extend(Handler::of(function, errors));
            }
        }
        Self { block, handlers }
    }

    /// The lifetimes that a protocol must not have.
    pub(crate) fn borrows(&self) -> Vec<&Lifetime> {
        lifetimes(&self.block)
    }
}

impl Handler {
    /// One for each `#[on(…)]` of a function.
    fn of(item: &mut ImplItemFn, errors: &mut Errors) -> Vec<Self> {
        let attributes = parse::take_ons(item);
        if !attributes.is_empty() {
            complete_contexts(&mut item.sig, "DatagramContext", errors);
            replace_contexts(&mut item.sig, errors);
        }
        let ons = attributes.iter().filter_map(|on| errors.keep(parse::on(on))).collect::<Vec<_>>();
        ons.iter().filter_map(|on| Self::new(on, item, errors)).collect()
    }

    fn new(on: &parse::On, item: &ImplItemFn, errors: &mut Errors) -> Option<Self> {
        if let Some(state) = on.states.first().or(on.to.first()) {
            errors.at(state, "a protocol of datagrams has no states: its port talks to many at once");
        }
        let word = understood(&on.event, errors)?;
        if on.wait.is_some() {
            errors.at(&on.event, format!("`{word}` takes nothing in parentheses"));
        }
        let (_, event) = WORDS.into_iter().zip(EVENTS).find(|(known, _)| *known == word)?;
        Some(Self {
            word: Ident::new(word, on.event.span()),
            event,
            signature: item.sig.clone(),
            arguments: arguments(&item.sig),
            cfg: item.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")).cloned(),
        })
    }
}

/// A misspelt event is taken for the nearest one, so that what else is wrong is found in the same run.
fn understood(written: &Ident, errors: &mut Errors) -> Option<&'static str> {
    let name = written.to_string();
    if name == "timeout" {
        errors.at(
            written,
            "datagrams have no `timeout`: schedule a call, `cx.clock().schedule(…)`, or use a `LoopingCall`",
        );
        return None;
    }
    let other = OF_STREAMS.into_iter().find(|(of_streams, _)| *of_streams == name).map(|(_, meant)| meant);
    if let Some(meant) = alias(&name).or(other) {
        errors.at(written, format!("the event `{name}` is called `{meant}` for datagrams"));
        return Some(meant);
    }
    if !WORDS.contains(&&*name) {
        errors.at(written, unknown("event", written, &WORDS));
    }
    nearest(&name, &WORDS)
}

/// Makes `&DatagramContext<Self>` of `&Context<Self>`, which is reported, so that the compiler does not say it again.
fn replace_contexts(signature: &mut Signature, errors: &mut Errors) {
    let tw = names::twisty();
    for input in &mut signature.inputs {
        if let FnArg::Typed(typed) = input
            && let Type::Reference(reference) = &mut *typed.ty
            && last_segment(&reference.elem).is_some_and(|name| name == "Context")
        {
            let message = "a `Context` is of a connection: a handler of datagrams takes `&DatagramContext<Self>`";
            errors.at(&*reference, message);
            *reference.elem = parse_quote!(#tw::datagram::DatagramContext<Self>);
        }
    }
}

fn arguments(signature: &Signature) -> Vec<Argument> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    typed.map(|ty| Argument { ty: ty.clone(), role: Role::of(ty) }).collect()
}

impl Role {
    fn of(ty: &Type) -> Self {
        let (named, owned) = match bare(ty) {
            Type::Reference(reference) => (&*reference.elem, false),
            ty => (ty, true),
        };
        match last_segment(named) {
            Some(name) if name == "DatagramContext" => Self::Context,
            Some(name) if name == "Address" && owned => Self::OwnedSender,
            Some(name) if name == "Address" => Self::Sender,
            _ => Self::Payload,
        }
    }
}
