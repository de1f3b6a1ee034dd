//! What `#[factory(…)]` declares.

use proc_macro2::Ident;
use syn::Generics;

use super::parse::Arguments;

pub(crate) struct Factory {
    /// `Room`
    pub(crate) name: Ident,
    /// `<T: Display>`
    pub(crate) generics: Generics,
    /// `protocol = Chat, max_connections = 1000`
    pub(crate) arguments: Arguments,
}
