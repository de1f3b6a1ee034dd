//! The family `endpoints`: descriptions, taken apart and read.
//!
//! - [`describe`]: what twisty makes of a description, in Twisted's words.
//! - [`departures`]: the table of the differences that are meant.

mod departures;
mod describe;

use serde::Deserialize;
use serde_json::{Value, json};
use twisty::EndpointError;
use twisty::endpoint::{ClientEndpoint, Fields, ServerEndpoint, quote};

use crate::report::Departure;

#[derive(Debug, Clone, Deserialize)]
struct Case {
    kind: String,
    text: String,
    expect: Value,
}

/// Replays one case; the departures it stands under, or what differs without one.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let case: Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let actual = outcome(&case.kind, &case.text)?;
    let mut expected = describe::in_our_words(case.expect.clone());
    let found = departures::apply(&case, &mut expected, &actual);
    if expected == actual {
        return Ok(found);
    }
    Err(format!("    {} {:?}\n    Twisted {}\n    twisty  {actual}", case.kind, case.text, case.expect))
}

/// What twisty does.
fn outcome(kind: &str, text: &str) -> Result<Value, String> {
    let outcome = match kind {
        "parse" => Fields::parse(text).map(|fields| describe::fields(&fields)),
        "quote" => Ok(json!({ "ok": quote(text) })),
        "server" => text.parse().map(|endpoint: ServerEndpoint| describe::server(&endpoint)),
        "client" => text.parse().map(|endpoint: ClientEndpoint| describe::client(&endpoint)),
        _ => return Err(format!("    there is no kind {kind}")),
    };
    printed_again(kind, text)?;
    Ok(outcome.unwrap_or_else(|error: EndpointError| json!({ "err": describe::category(error.mistake) })))
}

/// What is understood also prints, and is the same when that is read.
fn printed_again(kind: &str, text: &str) -> Result<(), String> {
    fn again<E: std::str::FromStr + ToString + PartialEq>(text: &str) -> bool {
        text.parse().map_or(true, |first: E| first.to_string().parse().is_ok_and(|second: E| first == second))
    }
    let same = match kind {
        "server" => again::<ServerEndpoint>(text),
        "client" => again::<ClientEndpoint>(text),
        _ => true,
    };
    if same { Ok(()) } else { Err(format!("    {text:?} does not print what it is")) }
}
