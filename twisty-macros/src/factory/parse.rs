//! The syntax of `#[factory(protocol = Chat, max_connections = 100, …)]`.

use proc_macro2::{Ident, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprPath, Type};

use crate::errors::Errors;
use crate::keys::{self, Key};

const KEYS: [Key; 7] = [
    Key::new("protocol", "protocol = Chat"),
    Key::new("build", "build = Self::build"),
    Key::new("start", "start = Self::open"),
    Key::new("stop", "stop = Self::close"),
    Key::new("max_connections", "max_connections = 1000"),
    Key::new("max_connections_per_peer", "max_connections_per_peer = 5"),
    Key::not_yet("reconnect", "it comes with the clients, in a later version"),
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
}

/// Reads as much as can be understood.
pub(crate) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    let read = |input: ParseStream<'_>| {
        keys::read(input, &KEYS, errors, |key, input| value(&mut arguments, key, input));
        Ok(())
    };
    let read = read.parse2(tokens);
    errors.keep(read);
    arguments
}

fn value(arguments: &mut Arguments, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    match key.to_string().as_str() {
        "protocol" => arguments.protocol = Some(input.parse()?),
        "build" => arguments.build = Some(method(key, input)?),
        "start" => arguments.start = Some(method(key, input)?),
        "stop" => arguments.stop = Some(method(key, input)?),
        "max_connections" => arguments.max_connections = Some(input.parse()?),
        _ => arguments.max_connections_per_peer = Some(input.parse()?),
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
