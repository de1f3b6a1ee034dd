//! What the runtime crate is called where the code goes.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// `::twisty`, or what the user's `Cargo.toml` renames it to.
pub(crate) fn twisty() -> TokenStream {
    path(crate_name("twisty").ok())
}

/// `Itself` is `::twisty` too, because the runtime says `extern crate self as twisty`.
fn path(found: Option<FoundCrate>) -> TokenStream {
    match found {
        Some(FoundCrate::Name(name)) => {
            let name = Ident::new(&name, Span::call_site());
            quote!(::#name)
        }
        Some(FoundCrate::Itself) | None => quote!(::twisty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_dependency_is_called_by_its_new_name() {
        assert_eq!(path(Some(FoundCrate::Name("tw".into()))).to_string(), ":: tw");
        assert_eq!(path(Some(FoundCrate::Itself)).to_string(), ":: twisty");
    }
}
