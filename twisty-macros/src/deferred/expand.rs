//! Nested calls, each with the rest of the chain as its closure.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, ExprClosure, Pat, ReturnType};

use super::body::{self, Makes};
use super::model::{Chain, Kind, Limit, Step};
use crate::{names, spans};

pub(crate) fn chain(chain: &Chain) -> TokenStream {
    let expand = Expand::new();
    let mut source = expand.made(&chain.source, chain.source.to_token_stream());
    let mut rest = chain.steps.as_slice();
    // What stands above a `timeout` is one Deferred, and the source of what stands below.
    while let Some(at) = rest.iter().position(|step| matches!(step.kind, Kind::Timeout { .. })) {
        source = expand.step(&rest[at], expand.fused(source, &rest[..at]));
        rest = &rest[at + 1..];
    }
    expand.fused(source, rest)
}

struct Expand {
    /// `::twisty::__private::chain`
    chain: TokenStream,
    /// `::twisty::Failure`
    failure: TokenStream,
    /// `::core::result::Result::<_, ::twisty::Failure>`
    result: TokenStream,
    /// `__result`, `__value` and `__wanted`, which are none of the user's names even if those look the same.
    names: [Ident; 3],
}

impl Expand {
    fn new() -> Self {
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
    fn call(&self, function: &str, arguments: TokenStream, place: impl ToTokens) -> TokenStream {
        let ((start, end), chain) = (spans::ends(place), &self.chain);
        let function = Ident::new(function, start);
        spans::call(spans::at(start, quote!(#chain::#function)), arguments, end)
    }

    /// The steps between two `timeout`s.
    fn fused(&self, source: TokenStream, steps: &[Step]) -> TokenStream {
        let ([result, ..], chain) = (&self.names, &self.chain);
        let Some((last, others)) = steps.split_last() else { return quote!(#chain::only(#source)) };
        let here = self.call("here", TokenStream::new(), last);
        let mut rest = self.call("finish", self.step(last, result.to_token_stream()), last);
        for step in others.iter().rev() {
            let outcome = self.step(step, result.to_token_stream());
            rest = self.call("go_on", quote!(#outcome, #here, move |#result| #rest), step);
        }
        quote!(#chain::begin(#source, #here, move |#result| #rest))
    }

    /// What a step does with what comes from above.
    fn step(&self, step: &Step, above: TokenStream) -> TokenStream {
        let function = step.keyword.to_string();
        let arguments = match &step.kind {
            Kind::Timeout { limit, clock: None } => return self.call("timeout", quote!(#above, #limit), step),
            Kind::Timeout { limit, clock: Some(clock) } => {
                return self.call("timeout_on", quote!(#above, #limit, #clock), step);
            }
            Kind::Then(closure) => self.closure(closure, &[], self.made(&closure.body, self.run(closure))),
            Kind::Catch(closure) => {
                let [.., wanted] = &self.names;
                self.closure(closure, &[wanted], self.recovered(closure))
            }
            Kind::Finally(closure) => self.closure(closure, &[], self.ended(closure)),
        };
        self.call(&function, quote!(#above, #arguments), step)
    }

    /// The user's closure, out of which `?` leads, with the step's outcome as its value.
    fn closure(&self, closure: &ExprClosure, more: &[&Ident], outcome: TokenStream) -> TokenStream {
        let (result, failure, inputs) = (&self.result, &self.failure, &closure.inputs);
        let inputs = match inputs.first() {
            // Without a type it takes them all.
            Some(pattern) if !more.is_empty() && !matches!(pattern, Pat::Type(_)) => quote!(#pattern: #failure),
            _ => quote!(#inputs),
        };
        quote!(|#inputs #(, #more)*| -> #result { ::core::result::Result::Ok(#outcome) })
    }

    /// The body, inside of which `return` and a type behind `->` mean what they mean in any closure.
    fn run(&self, closure: &ExprClosure) -> TokenStream {
        let (body, result) = (&closure.body, &self.result);
        let seen = body::look(body);
        match &closure.output {
            ReturnType::Type(_, output) => quote!((|| -> #output #body)()),
            ReturnType::Default if !seen.returns => quote!(#body),
            ReturnType::Default if seen.tries || seen.makes == Makes::Success => quote!((|| -> #result { #body })()),
            ReturnType::Default => quote!((|| #body)()),
        }
    }

    /// What a source or a `then` makes.
    fn made(&self, body: &Expr, run: TokenStream) -> TokenStream {
        let result = &self.result;
        match body::look(body).makes {
            Makes::Nothing => quote!(#result::Ok(#run)),
            Makes::Failure { .. } => self.failed(body, run),
            Makes::Success => self.told_apart(body, quote!(: #result), &run),
            Makes::Something => self.told_apart(body, TokenStream::new(), &run),
        }
    }

    /// Is it a Deferred, a `Result` or a plain value? The compiler knows.
    fn told_apart(&self, body: &Expr, of_type: TokenStream, run: &TokenStream) -> TokenStream {
        let ((start, end), [_, value, _]) = (spans::ends(body), &self.names);
        let probe = self.call("probe", quote!(&#value), body);
        let kind = quote_spanned!(end=> .kind());
        let give = quote!(|#value| #probe.inner().give(#value));
        let settle = spans::call(quote_spanned!(start=> .settle), quote!(#value, #give), end);
        quote!({
            let #value #of_type = #run;
            #probe #kind #settle
        })
    }

    /// What a `catch` makes.
    fn recovered(&self, closure: &ExprClosure) -> TokenStream {
        let (body, run, result, [.., wanted]) = (&closure.body, self.run(closure), &self.result, &self.names);
        match body::look(body).makes {
            Makes::Nothing => quote!(#result::Ok(#run)),
            Makes::Failure { .. } => self.failed(body, run),
            Makes::Success => self.call("recover_result", quote!(#wanted, #run), body),
            Makes::Something => self.call("recover", quote!(#wanted, #run), body),
        }
    }

    /// What a `finally` makes.
    fn ended(&self, closure: &ExprClosure) -> TokenStream {
        let (body, run, failure) = (&closure.body, self.run(closure), &self.failure);
        let result = quote!(::core::result::Result::<(), #failure>);
        match body::look(body).makes {
            Makes::Nothing => quote!(#result::Ok(#run)),
            Makes::Failure { .. } => self.failed(body, run),
            Makes::Success => self.call("end_result", run, body),
            Makes::Something => self.call("end", run, body),
        }
    }

    /// Nothing but an `Err(…)`.
    fn failed(&self, body: &Expr, run: TokenStream) -> TokenStream {
        let of_any_type = matches!(body::look(body).makes, Makes::Failure { of_any_type: true });
        self.call(if of_any_type { "failed_with" } else { "failed" }, run, body)
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
