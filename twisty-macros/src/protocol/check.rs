//! What `#[protocol(…)]` refuses although it is well-formed.

use syn::{Expr, ExprLit, Lit};

use super::model::{Framing, Protocol};
use crate::errors::Errors;

pub(crate) fn check(protocol: &Protocol, errors: &mut Errors) {
    owns_its_data(protocol, errors);
    delimiter(protocol, errors);
    max_length(protocol, errors);
}

fn owns_its_data(protocol: &Protocol, errors: &mut Errors) {
    for lifetime in protocol.generics.lifetimes() {
        errors.at(lifetime, "a protocol lives as long as its connection: let it own its data");
    }
}

fn delimiter(protocol: &Protocol, errors: &mut Errors) {
    let Some((key, value)) = &protocol.delimiter else { return };
    if !matches!(protocol.framing, Framing::Line | Framing::Unknown) {
        errors.at(key, "only the framing `line` has a delimiter");
    }
    if let Expr::Lit(ExprLit { lit: Lit::ByteStr(bytes), .. }) = value
        && bytes.value().is_empty()
    {
        errors.at(value, "a delimiter has at least one byte, such as `b\"\\n\"`");
    }
}

fn max_length(protocol: &Protocol, errors: &mut Errors) {
    let Some((key, _)) = &protocol.max_length else { return };
    match &protocol.framing {
        Framing::Raw => errors.at(key, "bytes as they arrive have no longest frame: `raw` takes no `max_length`"),
        Framing::Own(_) => {
            errors.at(key, "a framing of your own knows its longest frame itself; this is for the built-in ones")
        }
        _ => {}
    }
}
