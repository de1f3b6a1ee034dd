//! What `#[protocol(…)]` on a struct declares.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Generics, Lit, LitByteStr, Token, Type};

use super::parse::{self, Arguments};
use crate::duration;
use crate::errors::Errors;
use crate::names;
use crate::nearest::{listed, nearest, unknown};

pub(crate) const FRAMINGS: [&str; 7] = ["raw", "line", "netstring", "int8", "int16", "int32", "length_prefixed"];
const PREFIXES: [&str; 5] = ["u8", "u16", "u24", "u32", "u64"];
const SLOW_CONSUMERS: [&str; 3] = ["queue", "drop", "disconnect"];
const ENDIANS: [&str; 2] = ["big_endian", "little_endian"];

pub(crate) struct Protocol {
    /// `Chat`
    pub(crate) name: Ident,
    /// `<T: Display>`
    pub(crate) generics: Generics,
    /// `line`
    pub(crate) framing: Framing,
    /// `Room`
    pub(crate) factory: Option<Type>,
    /// The key, and `b"\n"`, also where it was written as `"\n"` or `b'\n'`.
    pub(crate) delimiter: Option<(Ident, Expr)>,
    /// The key, and `80`
    pub(crate) max_length: Option<(Ident, Expr)>,
    /// The fields of `Limits`: `[("idle_timeout", Some(::core::option::Option::Some(…))), ("close_timeout", None), …]`
    pub(crate) limits: [(&'static str, Option<TokenStream>); 10],
}

pub(crate) enum Framing {
    /// `raw`
    Raw,
    /// `line`
    Line,
    /// `netstring`
    Netstring,
    /// `int16`
    Int(Ident),
    /// `length_prefixed(u24, little_endian)`: `U24`, `Little`
    LengthPrefixed(Ident, Option<Ident>),
    /// `my::Records`
    Own(Type),
    /// Missing or misspelt beyond recognition, which was reported.
    Unknown,
}

impl Protocol {
    pub(crate) fn new(name: Ident, generics: Generics, arguments: Arguments, errors: &mut Errors) -> Self {
        let limits = limits(&arguments, errors);
        let framing = match arguments.framing {
            Some(framing) => Framing::new(framing, errors),
            None => missing(&name, errors),
        };
        let delimiter = arguments.delimiter.map(|(key, value)| (key, as_bytes(value)));
        Self {
            name,
            generics,
            framing,
            factory: arguments.factory,
            delimiter,
            max_length: arguments.max_length,
            limits,
        }
    }
}

fn missing(name: &Ident, errors: &mut Errors) -> Framing {
    let framings = listed(&FRAMINGS, "and");
    let message = format!(
        "the framing of `{name}` is missing: write it first, as in `#[protocol(line)]`. The framings are {framings}, or the \
         path of your own"
    );
    errors.at(name, message);
    Framing::Unknown
}

fn limits(arguments: &Arguments, errors: &mut Errors) -> [(&'static str, Option<TokenStream>); 10] {
    let some = |wait: &duration::Span| {
        let wait = wait.expression();
        quote!(::core::option::Option::Some(#wait))
    };
    let low_water = arguments.low_water.as_ref().map(|bytes| quote!(::core::option::Option::Some(#bytes)));
    let slow_consumer = arguments.slow_consumer.as_ref().and_then(|word| slow_consumer(word, errors));
    [
        ("idle_timeout", arguments.idle_timeout.as_ref().map(some)),
        ("max_age", arguments.max_age.as_ref().map(some)),
        ("frame_timeout", arguments.frame_timeout.as_ref().map(duration::Span::expression)),
        ("min_progress", arguments.min_progress.as_ref().map(ToTokens::to_token_stream)),
        ("close_timeout", arguments.close_timeout.as_ref().map(duration::Span::expression)),
        ("high_water", arguments.high_water.as_ref().map(ToTokens::to_token_stream)),
        ("low_water", low_water),
        ("outbox_limit", arguments.outbox_limit.as_ref().map(ToTokens::to_token_stream)),
        ("max_pending_replies", arguments.max_pending_replies.as_ref().map(ToTokens::to_token_stream)),
        ("slow_consumer", slow_consumer),
    ]
}

/// `drop` → `SlowConsumerPolicy::Drop`
fn slow_consumer(word: &Ident, errors: &mut Errors) -> Option<TokenStream> {
    let variant = match one_of(word, "choice", &SLOW_CONSUMERS, errors)?.to_string().as_str() {
        "queue" => "Queue",
        "drop" => "Drop",
        _ => "Disconnect",
    };
    let (tw, variant) = (names::twisty(), Ident::new(variant, word.span()));
    Some(quote!(#tw::protocol::SlowConsumerPolicy::#variant))
}

impl Framing {
    fn new(written: parse::Framing, errors: &mut Errors) -> Self {
        match written {
            parse::Framing::Own(own) => Self::Own(own),
            parse::Framing::Garbled => Self::Unknown,
            parse::Framing::Word(word, options) => Self::built_in(&word, options, errors),
        }
    }

    /// A misspelt framing is taken for the nearest one, so that the handlers for it are not called wrong too.
    fn built_in(word: &Ident, options: Option<TokenStream>, errors: &mut Errors) -> Self {
        let name = word.to_string();
        if !FRAMINGS.contains(&&*name) {
            errors.at(word, format!("{}, or the path of your own", unknown("framing", word, &FRAMINGS)));
        }
        let known = nearest(&name, &FRAMINGS);
        if let (Some(options), true) = (&options, known != Some("length_prefixed")) {
            errors.at(options, format!("`{word}` takes nothing in parentheses; a key is written `max_length = 80`"));
        }
        match known {
            Some("raw") => Self::Raw,
            Some("line") => Self::Line,
            Some("netstring") => Self::Netstring,
            Some("length_prefixed") => Self::length_prefixed(word, options, errors),
            Some(int) => Self::Int(Ident::new(int, word.span())),
            None => Self::Unknown,
        }
    }

    fn length_prefixed(word: &Ident, options: Option<TokenStream>, errors: &mut Errors) -> Self {
        let place = options.clone().unwrap_or_else(|| word.to_token_stream());
        let options = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(options.unwrap_or_default());
        let options: Vec<_> = options.unwrap_or_default().into_iter().collect();
        let (prefix, endian) = match &*options {
            [prefix] => (prefix, None),
            [prefix, endian] => (prefix, Some(endian)),
            _ => {
                let widths = listed(&PREFIXES, "or");
                let message = format!(
                    "`length_prefixed` needs a width, {widths}, and may have a byte order, as in \
                     `length_prefixed(u24, little_endian)`"
                );
                errors.at(place, message);
                return Self::Unknown;
            }
        };
        let prefix = one_of(prefix, "width", &PREFIXES, errors);
        let endian = endian.and_then(|endian| one_of(endian, "byte order", &ENDIANS, errors));
        prefix.map_or(Self::Unknown, |prefix| {
            let width = format_ident!("{}", prefix.to_string().to_uppercase(), span = prefix.span());
            Self::LengthPrefixed(width, endian.as_ref().map(variant))
        })
    }
}

/// `little_endian` → `Little`
fn variant(endian: &Ident) -> Ident {
    let variant = if endian == "little_endian" { "Little" } else { "Big" };
    Ident::new(variant, endian.span())
}

fn one_of(word: &Ident, what: &str, legal: &[&str], errors: &mut Errors) -> Option<Ident> {
    let known = legal.contains(&&*word.to_string());
    if !known {
        errors.at(word, unknown(what, word, legal));
    }
    known.then(|| word.clone())
}

/// Text and single characters as the bytes that they stand for; any other expression as it is.
fn as_bytes(mut value: Expr) -> Expr {
    if let Expr::Lit(ExprLit { lit, .. }) = &mut value {
        let bytes = match lit {
            Lit::Str(text) => text.value().into_bytes(),
            Lit::Char(character) => character.value().to_string().into_bytes(),
            Lit::Byte(byte) => vec![byte.value()],
            _ => return value,
        };
        *lit = Lit::ByteStr(LitByteStr::new(&bytes, lit.span()));
    }
    value
}
