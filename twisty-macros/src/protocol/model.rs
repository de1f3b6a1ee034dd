//! What `#[protocol(…)]` on a struct declares.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprLit, Generics, Lit, LitByteStr, Type};

use super::parse::{self, Arguments};
use crate::duration;
use crate::errors::Errors;
use crate::nearest::{listed, nearest, unknown};

const FRAMINGS: [&str; 7] = ["raw", "line", "netstring", "int8", "int16", "int32", "length_prefixed"];
const PREFIXES: [&str; 5] = ["u8", "u16", "u24", "u32", "u64"];
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
    /// `[(idle_timeout, ::core::option::Option::Some(::core::time::Duration::from_millis(60000)))]`
    pub(crate) limits: Vec<(Ident, TokenStream)>,
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
        let limits = limits(&arguments);
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
    let framings = listed(&FRAMINGS, "or");
    let message = format!(
        "the framing of `{name}` is missing: write `#[protocol(line)]`; instead of `line` also {framings}, or the path of \
         your own. It comes first"
    );
    errors.at(name, message);
    Framing::Unknown
}

/// The keys that are fields of `Limits`.
fn limits(arguments: &Arguments) -> Vec<(Ident, TokenStream)> {
    let idle_timeout = arguments.idle_timeout.as_ref().map(|wait| {
        let wait = wait.expression();
        quote!(::core::option::Option::Some(#wait))
    });
    let limits = [
        ("idle_timeout", idle_timeout),
        ("close_timeout", arguments.close_timeout.as_ref().map(duration::Span::expression)),
        ("high_water", arguments.high_water.as_ref().map(ToTokens::to_token_stream)),
        ("outbox_limit", arguments.outbox_limit.as_ref().map(ToTokens::to_token_stream)),
    ];
    limits.into_iter().filter_map(|(key, value)| Some((format_ident!("{key}"), value?))).collect()
}

impl Framing {
    fn new(written: parse::Framing, errors: &mut Errors) -> Self {
        match written {
            parse::Framing::Own(own) => Self::Own(own),
            parse::Framing::Garbled => Self::Unknown,
            parse::Framing::Word(word, options) => Self::built_in(&word, &options, errors),
        }
    }

    /// A misspelt framing is taken for the nearest one, so that the handlers for it are not called wrong too.
    fn built_in(word: &Ident, options: &[Ident], errors: &mut Errors) -> Self {
        let name = word.to_string();
        if !FRAMINGS.contains(&&*name) {
            errors.at(word, format!("{}, or the path of your own", unknown("framing", word, &FRAMINGS)));
        }
        let known = nearest(&name, &FRAMINGS);
        if let (Some(option), true) = (options.first(), known != Some("length_prefixed")) {
            errors.at(option, format!("`{word}` takes nothing in parentheses"));
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

    fn length_prefixed(word: &Ident, options: &[Ident], errors: &mut Errors) -> Self {
        let (prefix, endian) = match options {
            [] => {
                errors.at(
                    word,
                    format!("how long is the prefix? Write `length_prefixed(u16)`, or {}", listed(&PREFIXES, "or")),
                );
                return Self::Unknown;
            }
            [prefix] => (prefix, None),
            [prefix, endian] => (prefix, Some(endian)),
            [_, _, more, ..] => {
                errors.at(
                    more,
                    "`length_prefixed` takes a width and an order, as in `length_prefixed(u24, little_endian)`",
                );
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
