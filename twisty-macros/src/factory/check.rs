//! What `#[factory(…)]` refuses although it is well-formed.

use super::model::Factory;
use crate::errors::Errors;

pub(crate) fn check(factory: &Factory, errors: &mut Errors) {
    for lifetime in factory.generics.lifetimes() {
        errors.at(lifetime, "a factory lives as long as its port: let it own its data");
    }
    if factory.arguments.protocol.is_none() && errors.is_empty() {
        let message = format!("which protocol does `{}` make? Write `#[factory(protocol = Chat)]`", factory.name);
        errors.at(&factory.name, message);
    }
}
