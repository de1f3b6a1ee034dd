//! The syntax of `#[protocol(line, max_length = 80, …)]`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token, Type, TypePath, parenthesized, token};

use crate::duration;
use crate::errors::Errors;
use crate::keys::{self, Key};

const KEYS: [Key; 13] = [
    Key::new("factory", "factory = ChatFactory"),
    Key::new("delimiter", "delimiter = b\"\\n\""),
    Key::new("max_length", "max_length = 16384"),
    Key::new("idle_timeout", "idle_timeout = 60s"),
    Key::new("max_age", "max_age = 1h"),
    Key::new("frame_timeout", "frame_timeout = 60s"),
    Key::new("min_progress", "min_progress = 500"),
    Key::new("close_timeout", "close_timeout = 30s"),
    Key::new("high_water", "high_water = 64 * 1024"),
    Key::new("low_water", "low_water = 32 * 1024"),
    Key::new("outbox_limit", "outbox_limit = 16 * 1024 * 1024"),
    Key::new("max_pending_replies", "max_pending_replies = 64"),
    Key::new("slow_consumer", "slow_consumer = drop"),
];

/// What stands in the parentheses; a key's word is kept where its place can be wrong.
#[derive(Default)]
pub(crate) struct Arguments {
    /// `line`
    pub(crate) framing: Option<Framing>,
    /// `factory = Room`
    pub(crate) factory: Option<Type>,
    /// `delimiter = b"\n"`
    pub(crate) delimiter: Option<(Ident, Expr)>,
    /// `max_length = 80`
    pub(crate) max_length: Option<(Ident, Expr)>,
    /// `idle_timeout = 60s`
    pub(crate) idle_timeout: Option<duration::Span>,
    /// `max_age = 1h`
    pub(crate) max_age: Option<duration::Span>,
    /// `frame_timeout = 60s`
    pub(crate) frame_timeout: Option<duration::Span>,
    /// `min_progress = 500`
    pub(crate) min_progress: Option<Expr>,
    /// `close_timeout = 30s`
    pub(crate) close_timeout: Option<duration::Span>,
    /// `high_water = 4096`
    pub(crate) high_water: Option<Expr>,
    /// `low_water = 1024`
    pub(crate) low_water: Option<Expr>,
    /// `outbox_limit = 1024 * 1024`
    pub(crate) outbox_limit: Option<Expr>,
    /// `max_pending_replies = 16`
    pub(crate) max_pending_replies: Option<Expr>,
    /// `slow_consumer = drop`
    pub(crate) slow_consumer: Option<Ident>,
}

pub(crate) enum Framing {
    /// `length_prefixed(u24, little_endian)`, or a word without parentheses; it may be none that exists.
    Word(Ident, Option<TokenStream>),
    /// `my::Records`
    Own(Type),
    /// `"line"`, or anything else that is neither.
    Garbled,
}

const EXPECTED: &str = "expected a framing, such as `line`, `length_prefixed(u24)` or the path of your own";

/// Reads as much as can be understood.
pub(crate) fn arguments(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    let read = |input: ParseStream<'_>| {
        if !input.peek2(Token![=]) && !input.is_empty() {
            arguments.framing = errors.keep(framing(input)).or(Some(Framing::Garbled));
            keys::skip(input);
        }
        keys::read(input, &KEYS, errors, |key, input| value(&mut arguments, key, input));
        Ok(())
    };
    let read = read.parse2(tokens);
    errors.keep(read);
    arguments
}

fn value(arguments: &mut Arguments, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    match key.to_string().as_str() {
        "factory" => arguments.factory = Some(input.parse()?),
        "delimiter" => arguments.delimiter = Some((key.clone(), input.parse()?)),
        "max_length" => arguments.max_length = Some((key.clone(), input.parse()?)),
        "idle_timeout" => arguments.idle_timeout = Some(input.parse()?),
        "max_age" => arguments.max_age = Some(input.parse()?),
        "frame_timeout" => arguments.frame_timeout = Some(input.parse()?),
        "min_progress" => arguments.min_progress = Some(input.parse()?),
        "close_timeout" => arguments.close_timeout = Some(input.parse()?),
        "high_water" => arguments.high_water = Some(input.parse()?),
        "low_water" => arguments.low_water = Some(input.parse()?),
        "outbox_limit" => arguments.outbox_limit = Some(input.parse()?),
        "slow_consumer" => arguments.slow_consumer = Some(input.call(Ident::parse_any)?),
        _ => arguments.max_pending_replies = Some(input.parse()?),
    }
    Ok(())
}

fn framing(input: ParseStream<'_>) -> syn::Result<Framing> {
    if !is_word(input) {
        let own = input.fork().parse::<TypePath>().map_err(|_| input.error(EXPECTED))?;
        input.parse::<TypePath>()?;
        return Ok(Framing::Own(Type::Path(own)));
    }
    let word = input.call(Ident::parse_any)?;
    if !input.peek(token::Paren) {
        return Ok(Framing::Word(word, None));
    }
    let content;
    parenthesized!(content in input);
    Ok(Framing::Word(word, Some(content.parse()?)))
}

/// Whether a single lower-case word comes: types of the user's own have a capital letter or a path.
fn is_word(input: ParseStream<'_>) -> bool {
    let input = input.fork();
    let word = input.call(Ident::parse_any).map(|word| word.unraw().to_string());
    word.is_ok_and(|word| word.starts_with(char::is_lowercase)) && !input.peek(Token![::])
}
