//! What `#[protocol(…)]` refuses although it is well-formed.

use syn::{Expr, ExprLit, Lit, Type};

use super::model::{Framing, Protocol};
use crate::errors::Errors;

/// The framings that are types with a `Default`, as the word and as the type.
const BUILT_IN: [(&str, &str); 3] = [("line", "Line"), ("raw", "Raw"), ("netstring", "Netstring")];

pub(crate) fn check(protocol: &Protocol, errors: &mut Errors) {
    owns_its_data(protocol, errors);
    delimiter(protocol, errors);
    if !built_in_named_as_own(protocol, errors) {
        keys_of_the_framing(protocol, errors);
    }
}

fn owns_its_data(protocol: &Protocol, errors: &mut Errors) {
    for lifetime in protocol.generics.lifetimes() {
        errors.at(lifetime, "a protocol lives as long as its connection: let it own its data");
    }
}

fn delimiter(protocol: &Protocol, errors: &mut Errors) {
    let Some((_, value)) = &protocol.delimiter else { return };
    if let Expr::Lit(ExprLit { lit: Lit::ByteStr(bytes), .. }) = value
        && bytes.value().is_empty()
    {
        errors.at(value, "a delimiter has at least one byte, such as `b\"\\n\"`");
    }
}

/// `Line` with a key: a type is made by its `Default`, so that only the word `line` takes keys.
fn built_in_named_as_own(protocol: &Protocol, errors: &mut Errors) -> bool {
    let Framing::Own(Type::Path(path)) = &protocol.framing else { return false };
    let Some(name) = path.path.segments.last() else { return false };
    let Some((word, ty)) = BUILT_IN.iter().find(|(_, ty)| name.ident == ty) else { return false };
    let keys = [&protocol.delimiter, &protocol.max_length];
    if let Some((key, _)) = keys.into_iter().flatten().next() {
        errors.at(path, format!("write `{word}`: the type `{ty}` is taken as it is, without `{key}`"));
    }
    true
}

fn keys_of_the_framing(protocol: &Protocol, errors: &mut Errors) {
    if let Some((key, _)) = &protocol.delimiter
        && !matches!(protocol.framing, Framing::Line | Framing::Unknown)
    {
        errors.at(key, "only the framing `line` has a delimiter");
    }
    let Some((key, _)) = &protocol.max_length else { return };
    match &protocol.framing {
        Framing::Raw => errors.at(key, "bytes as they arrive have no longest frame: `raw` takes no `max_length`"),
        Framing::Own(_) => {
            errors.at(key, "a framing of your own knows its longest frame itself; this is for the built-in ones")
        }
        _ => {}
    }
}
