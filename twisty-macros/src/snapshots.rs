//! Holds the expansion of each `tests/expand/NAME.rs` against `NAME.expanded.rs`; `BLESS=1 cargo test` writes the
//! latter.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{VisitMut, visit_expr_mut, visit_stmt_mut};
use syn::{Attribute, Expr, ExprMacro, Item, Meta, Stmt, StmtMacro};

use crate::{deferred, factory, protocol, state_machine};

#[test]
fn expansions_are_as_recorded() {
    for source in sources() {
        let recorded = source.with_extension("expanded.rs");
        let expanded = expand(&fs::read_to_string(&source).unwrap());
        if std::env::var_os("BLESS").is_some() {
            fs::write(&recorded, &expanded).unwrap();
        }
        let recorded = fs::read_to_string(&recorded).unwrap_or_default();
        assert!(expanded == recorded, "{} expands to\n{expanded}\ninstead of\n{recorded}", source.display());
    }
}

fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| !path.to_string_lossy().ends_with(".expanded.rs")).collect()
}

fn expand(source: &str) -> String {
    let items = syn::parse_file(source).unwrap().items;
    let expanded: TokenStream = items.into_iter().map(expand_item).collect();
    prettyplease::unparse(&syn::parse2(expanded).unwrap())
}

fn expand_item(mut item: Item) -> TokenStream {
    let attributes = match &mut item {
        Item::Struct(item) => &mut item.attrs,
        Item::Impl(item) => &mut item.attrs,
        _ => {
            Macros.visit_item_mut(&mut item);
            return quote!(#item);
        }
    };
    let position = attributes.iter().position(|attribute| expansion(attribute).is_some());
    let attribute = attributes.remove(position.expect("one of our attributes"));
    let expand = expansion(&attribute).expect("it was found by that");
    let arguments = match attribute.meta {
        Meta::List(list) => list.tokens,
        _ => TokenStream::new(),
    };
    expand(arguments, &item.to_token_stream())
}

fn expansion(attribute: &Attribute) -> Option<fn(TokenStream, &TokenStream) -> TokenStream> {
    match attribute.path().get_ident()?.to_string().as_str() {
        "protocol" => Some(protocol::attribute),
        "factory" => Some(factory::attribute),
        "state_machine" => Some(state_machine::attribute),
        _ => None,
    }
}

/// Expands what is called in an expression.
struct Macros;

impl VisitMut for Macros {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let Expr::Macro(called) = expression else { return visit_expr_mut(self, expression) };
        let expand: fn(TokenStream) -> TokenStream =
            match called.mac.path.get_ident().map(ToString::to_string).as_deref() {
                Some("chain") => deferred::chain,
                Some("gather") => deferred::gather,
                Some("race") => deferred::race,
                _ => return,
            };
        *expression = syn::parse2(expand(called.mac.tokens.clone())).unwrap();
    }

    /// `chain! { … }` is a statement too.
    fn visit_stmt_mut(&mut self, statement: &mut Stmt) {
        if let Stmt::Macro(StmtMacro { attrs, mac, semi_token: None }) = statement {
            *statement = Stmt::Expr(Expr::Macro(ExprMacro { attrs: attrs.clone(), mac: mac.clone() }), None);
        }
        visit_stmt_mut(self, statement);
    }
}
