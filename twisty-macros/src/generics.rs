//! Type parameters of protocols.

use quote::quote;
use syn::{Generics, parse_quote};

/// With `T: 'static` for each type parameter: a protocol lives as long as its connection, whatever it is made of.
pub(crate) fn outliving(mut generics: Generics) -> Generics {
    let types: Vec<_> = generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    if !types.is_empty() {
        let bounds = types.iter().map(|name| quote!(#name: 'static));
        let predicates: Vec<syn::WherePredicate> = bounds.map(|bound| parse_quote!(#bound)).collect();
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}
