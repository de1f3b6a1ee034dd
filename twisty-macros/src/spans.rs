//! Where the compiler points when it refuses what was generated.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};

/// The spans of the first and the last token; those of a whole cannot be joined in stable Rust.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.into_token_stream().into_iter().map(|token| TokenTree::span(&token));
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// The tokens of a path, all of them at `span`.
pub(crate) fn at(span: Span, path: TokenStream) -> TokenStream {
    let moved = path.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    moved.collect()
}

/// `callee(arguments)`, reaching from the place of `callee` to `end`.
pub(crate) fn call(mut callee: TokenStream, arguments: TokenStream, end: Span) -> TokenStream {
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(end);
    callee.append(arguments);
    callee
}
