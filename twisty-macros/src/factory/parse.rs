//! The syntax of `#[factory(protocol = Chat, max_connections = 100, …)]`.

use proc_macro2::{Ident, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprPath, Type, parenthesized, token};

use crate::duration;
use crate::errors::Errors;
use crate::keys::{self, Key};

const KEYS: [Key; 10] = [
    Key::new("protocol", "protocol = Chat"),
    Key::new("build", "build = Self::build"),
    Key::new("start", "start = Self::open"),
    Key::new("stop", "stop = Self::close"),
    Key::new("max_connections", "max_connections = 1000"),
    Key::new("max_connections_per_peer", "max_connections_per_peer = 5"),
    Key::new("connecting", "connecting = Self::started"),
    Key::new("failed", "failed = Self::failed"),
    Key::new("lost", "lost = Self::lost"),
    Key::group("reconnect", "reconnect(initial = 1s, max = 1h)"),
];

const RECONNECT_KEYS: [Key; 6] = [
    Key::new("initial", "initial = 1s"),
    Key::new("max", "max = 1h"),
    Key::new("factor", "factor = 2.718"),
    Key::new("jitter", "jitter = 0.12"),
    Key::new("retries", "retries = 10"),
    Key::new("reset_after", "reset_after = 30s"),
];

/// What stands in the parentheses.
#[derive(Default)]
pub(crate) struct Arguments {
    /// `protocol = Chat`
    pub(crate) protocol: Option<Type>,
    /// `build = Self::build`
    pub(crate) build: Option<ExprPath>,
    /// `start = Self::open`
    pub(crate) start: Option<ExprPath>,
    /// `stop = Self::close`
    pub(crate) stop: Option<ExprPath>,
    /// `max_connections = 1000`
    pub(crate) max_connections: Option<Expr>,
    /// `max_connections_per_peer = 5`
    pub(crate) max_connections_per_peer: Option<Expr>,
    /// `connecting = Self::started`
    pub(crate) connecting: Option<ExprPath>,
    /// `failed = Self::failed`
    pub(crate) failed: Option<ExprPath>,
    /// `lost = Self::lost`
    pub(crate) lost: Option<ExprPath>,
    /// `reconnect(initial = 1s, max = 1h)`
    pub(crate) reconnect: Option<Reconnect>,
}

/// What stands in the parentheses of `reconnect`.
#[derive(Default)]
pub(crate) struct Reconnect {
    /// `initial = 1s`
    pub(crate) initial: Option<duration::Span>,
    /// `max = 1h`
    pub(crate) max: Option<duration::Span>,
    /// `factor = 2.718`
    pub(crate) factor: Option<Expr>,
    /// `jitter = 0.12`
    pub(crate) jitter: Option<Expr>,
    /// `retries = 10`
    pub(crate) retries: Option<Expr>,
    /// `reset_after = 30s`
    pub(crate) reset_after: Option<duration::Span>,
}

/// Reads as much as can be understood.
pub(crate) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    let mut inner = Errors::default();
    let read = |input: ParseStream<'_>| {
        keys::read(input, &KEYS, errors, |key, input| value(&mut arguments, key, input, &mut inner));
        Ok(())
    };
    let read = read.parse2(tokens);
    errors.keep(read);
    errors.append(inner);
    arguments
}

/// `inner` are the mistakes in parentheses, behind which it goes on.
fn value(arguments: &mut Arguments, key: &Ident, input: ParseStream<'_>, inner: &mut Errors) -> syn::Result<()> {
    match key.to_string().as_str() {
        "protocol" => arguments.protocol = Some(input.parse()?),
        "build" => arguments.build = Some(method(key, input)?),
        "start" => arguments.start = Some(method(key, input)?),
        "stop" => arguments.stop = Some(method(key, input)?),
        "connecting" => arguments.connecting = Some(method(key, input)?),
        "failed" => arguments.failed = Some(method(key, input)?),
        "lost" => arguments.lost = Some(method(key, input)?),
        "reconnect" => arguments.reconnect = Some(reconnect(input, inner)?),
        "max_connections" => arguments.max_connections = Some(input.parse()?),
        _ => arguments.max_connections_per_peer = Some(input.parse()?),
    }
    Ok(())
}

fn reconnect(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Reconnect> {
    let mut reconnect = Reconnect::default();
    if input.peek(token::Paren) {
        let content;
        parenthesized!(content in input);
        keys::read(&content, &RECONNECT_KEYS, errors, |key, input| delay(&mut reconnect, key, input));
    }
    Ok(reconnect)
}

fn delay(reconnect: &mut Reconnect, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    match key.to_string().as_str() {
        "initial" => reconnect.initial = Some(input.parse()?),
        "max" => reconnect.max = Some(input.parse()?),
        "factor" => reconnect.factor = Some(input.parse()?),
        "jitter" => reconnect.jitter = Some(input.parse()?),
        "retries" => reconnect.retries = Some(input.parse()?),
        _ => reconnect.reset_after = Some(input.parse()?),
    }
    Ok(())
}

fn method(key: &Ident, input: ParseStream<'_>) -> syn::Result<ExprPath> {
    let message = format!("`{key}` is the path of a function, such as `Self::{key}`");
    match input.parse::<Expr>()? {
        Expr::Path(path) => Ok(path),
        other => Err(syn::Error::new_spanned(other, message)),
    }
}
