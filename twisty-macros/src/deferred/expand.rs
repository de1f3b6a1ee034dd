//! Nested calls, each with the rest of the chain as its closure.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprClosure, Pat, ReturnType};

use super::body::{self, Body, Makes};
use super::model::{Chain, Kind, Limit, Step};
use crate::{names, spans};

pub(crate) fn chain(chain: &Chain) -> TokenStream {
    let expand = Expand::new();
    let mut source = expand.source(&chain.source);
    let mut rest = chain.steps.as_slice();
    // What stands above a `timeout` is one Deferred, and the source of what stands below.
    while let Some(at) = rest.iter().position(|step| matches!(step.kind, Kind::Timeout { .. })) {
        source = expand.step(&rest[at], &expand.fused(&source, &rest[..at]));
        rest = &rest[at + 1..];
    }
    expand.fused(&source, rest)
}

pub(crate) struct Expand {
    /// `::twisty::__private::chain`
    pub(crate) chain: TokenStream,
    /// `::twisty::Failure`
    failure: TokenStream,
    /// `::core::result::Result::<_, ::twisty::Failure>`
    result: TokenStream,
    /// `__result`, `__value` and `__wanted`, which are none of the user's names even if those look the same.
    pub(crate) names: [Ident; 3],
}

impl Expand {
    pub(crate) fn new() -> Self {
        let tw = names::twisty();
        let names = ["__result", "__value", "__wanted"].map(|name| Ident::new(name, Span::mixed_site()));
        Self {
            chain: quote!(#tw::__private::chain),
            failure: quote!(#tw::Failure),
            result: quote!(::core::result::Result::<_, #tw::Failure>),
            names,
        }
    }

    /// `function(arguments)` at the place of the user's tokens: the failures that pass remember it.
    pub(crate) fn call(&self, function: &str, arguments: TokenStream, place: impl ToTokens) -> TokenStream {
        let ((start, end), chain) = (spans::ends(place), &self.chain);
        let function = Ident::new(function, start);
        spans::call(spans::at(start, quote!(#chain::#function)), arguments, end)
    }

    /// The steps between two `timeout`s.
    fn fused(&self, source: &TokenStream, steps: &[Step]) -> TokenStream {
        let ([result, ..], chain) = (&self.names, &self.chain);
        let Some((last, others)) = steps.split_last() else { return quote!(#chain::only(#source)) };
        let here = self.call("here", TokenStream::new(), last);
        let mut rest = self.call("finish", self.step(last, &result.to_token_stream()), last);
        for step in others.iter().rev() {
            let outcome = self.step(step, &result.to_token_stream());
            rest = self.call("go_on", quote!(#outcome, #here, move |#result| #rest), step);
        }
        quote!(#chain::begin(#source, #here, move |#result| #rest))
    }

    /// What a step does with what comes from above.
    fn step(&self, step: &Step, above: &TokenStream) -> TokenStream {
        let function = step.keyword.to_string();
        let arguments = match &step.kind {
            Kind::Timeout { limit, clock: None } => return self.call("timeout", quote!(#above, #limit), step),
            Kind::Timeout { limit, clock: Some(clock) } => {
                return self.call("timeout_on", quote!(#above, #limit, #clock), step);
            }
            Kind::Then(closure) => self.closure(closure, &[], Self::made),
            Kind::Catch(closure) => self.closure(closure, &[&self.names[2]], Self::recovered),
            Kind::Finally(closure) => self.closure(closure, &[], Self::ended),
        };
        self.call(&function, quote!(#above, #arguments), step)
    }

    /// The user's closure, with the step's outcome as its value.
    fn closure(
        &self,
        closure: &ExprClosure,
        more: &[&Ident],
        outcome: fn(&Self, &Code<'_>) -> TokenStream,
    ) -> TokenStream {
        let (result, failure, inputs) = (&self.result, &self.failure, &closure.inputs);
        let inputs = match inputs.first() {
            // Without a type it takes them all.
            Some(pattern) if !more.is_empty() && !matches!(pattern, Pat::Type(_)) => quote!(#pattern: #failure),
            _ => quote!(#inputs),
        };
        let (begin, end, code) = (closure.inputs_begin, closure.inputs_end, self.code(&closure.body, &closure.output));
        let (output, value) = match code.makes {
            Makes::Nothing => (quote!(::core::result::Result<#result, #failure>), code.run),
            _ => {
                let outcome = outcome(self, &code);
                (result.clone(), quote!(::core::result::Result::Ok(#outcome)))
            }
        };
        let body = quote_spanned!(spans::ends(&closure.body).1=> { #value });
        quote!(#begin #inputs #(, #more)* #end -> #output #body)
    }

    /// A closure out of which `?` leads.
    pub(crate) fn returning(&self, inputs: &TokenStream, outcome: &TokenStream) -> TokenStream {
        let result = &self.result;
        quote!(|#inputs| -> #result { ::core::result::Result::Ok(#outcome) })
    }

    /// A body, inside of which `return` and a type behind `->` mean what they mean in any closure.
    pub(crate) fn code<'a>(&self, body: &'a Expr, output: &ReturnType) -> Code<'a> {
        let (result, Body { makes, returns, tries, .. }) = (&self.result, body::look(body));
        let (makes, run) = match output {
            ReturnType::Type(_, output) => (Makes::Something, quote!((|| -> #output #body)())),
            ReturnType::Default if !returns => (makes, quote!(#body)),
            ReturnType::Default if tries || makes == Makes::Success => (makes, quote!((|| -> #result { #body })())),
            ReturnType::Default => (makes, quote!((|| #body)())),
        };
        Code { body, makes, run }
    }

    /// A source, or a member of several.
    pub(crate) fn source(&self, source: &Expr) -> TokenStream {
        let makes = body::look(source).makes;
        self.made(&Code { body: source, makes, run: source.to_token_stream() })
    }

    /// What a source or a `then` makes.
    pub(crate) fn made(&self, code: &Code<'_>) -> TokenStream {
        let result = &self.result;
        match code.makes {
            Makes::Nothing => code.run.clone(),
            Makes::Failure { of_any_type: false } => code.through(self, "failed"),
            Makes::Failure { of_any_type: true } => code.through(self, "result"),
            Makes::Success => self.told_apart(code, &quote!(: #result)),
            Makes::Something => self.told_apart(code, &TokenStream::new()),
        }
    }

    /// Is it a Deferred, a `Result` or a plain value? The compiler knows.
    fn told_apart(&self, Code { body, run, .. }: &Code<'_>, of_type: &TokenStream) -> TokenStream {
        let (start, end) = spans::ends(body);
        // Of the user's place altogether, so that the compiler points there. No code of theirs stands where it is known.
        let made = Ident::new("made", start);
        let probe = self.call("probe", quote!(&#made), body);
        let kind = quote_spanned!(end=> .kind());
        let give = quote!(|#made| #probe.inner().give(#made));
        // Where the error is no failure the compiler points at the argument: a call reaches from end to end of the body.
        let whole = spans::call(quote_spanned!(start=> ::core::convert::identity), made.to_token_stream(), end);
        let settle = spans::call(quote_spanned!(start=> .settle), quote!(#whole, #give), end);
        quote!({
            let #made #of_type = #run;
            #probe #kind #settle
        })
    }

    /// What a `catch` makes.
    fn recovered(&self, code: &Code<'_>) -> TokenStream {
        let (Code { body, run, makes }, [.., wanted]) = (code, &self.names);
        match makes {
            Makes::Nothing => run.clone(),
            Makes::Failure { of_any_type: false } => code.through(self, "failed"),
            Makes::Failure { of_any_type: true } => code.through(self, "result"),
            Makes::Success => self.call("recover_result", quote!(#wanted, #run), body),
            Makes::Something => self.call("recover", quote!(#wanted, #run), body),
        }
    }

    /// What a `finally` makes.
    fn ended(&self, code: &Code<'_>) -> TokenStream {
        match code.makes {
            Makes::Nothing => code.run.clone(),
            Makes::Failure { of_any_type: false } => code.through(self, "failed"),
            Makes::Failure { of_any_type: true } => code.through(self, "result"),
            Makes::Success => code.through(self, "end_result"),
            Makes::Something => code.through(self, "end"),
        }
    }
}

/// A body, ready to be run.
pub(crate) struct Code<'a> {
    body: &'a Expr,
    pub(crate) makes: Makes,
    pub(crate) run: TokenStream,
}

impl Code<'_> {
    /// `function(body)`
    fn through(&self, expand: &Expand, function: &str) -> TokenStream {
        expand.call(function, self.run.clone(), self.body)
    }

    /// As a Deferred.
    pub(crate) fn deferred(&self, expand: &Expand) -> TokenStream {
        match self.makes {
            Makes::Nothing => self.run.clone(),
            _ => expand.call("only", expand.made(self), self.body),
        }
    }
}

/// `5s` or `self.patience`
impl ToTokens for Limit {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Literal(span) => span.expression().to_tokens(tokens),
            Self::Expression(expression) => expression.to_tokens(tokens),
        }
    }
}

/// Its keyword and its end, between which the compiler points.
impl ToTokens for Step {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.keyword.to_tokens(tokens);
        match &self.kind {
            Kind::Then(closure) | Kind::Catch(closure) | Kind::Finally(closure) => closure.body.to_tokens(tokens),
            Kind::Timeout { limit: Limit::Literal(limit), clock } => {
                limit.to_tokens(tokens);
                clock.to_tokens(tokens);
            }
            Kind::Timeout { limit, clock } => {
                limit.to_tokens(tokens);
                clock.to_tokens(tokens);
            }
        }
    }
}
