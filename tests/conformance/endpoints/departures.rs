//! The table of the differences between twisty and Twisted that are meant.
//!
//! A departure makes of what Twisted did what twisty is to do instead. The rest of the case is compared as ever.

use serde_json::{Value, json};
use twisty::endpoint::Fields;

use super::{Case, outcome};
use crate::report::Departure;

/// Changes what was expected, where it speaks for the case.
type Rule = fn(&Case, &mut Value, &Value);

/// All departures. `D` numbers are those of "Keep and diverge".
#[rustfmt::skip]
const TABLE: &[(Departure, Rule)] = &[
    (Departure {
        name: "1024 clients may wait by default",
        reason: "Twisted's 50 is from the days of small kernels; the system still has the last word",
    }, more_may_wait),
    (Departure {
        name: "quote escapes = too",
        reason: "D14: or else a value with an = in it becomes an option",
    }, quoted_equals),
    (Departure {
        name: "a server's kind may be written in capitals",
        reason: "D14: a client's may in Twisted too",
    }, capitals),
    (Departure {
        name: "a number is ASCII digits, and in its range",
        reason: "Python's int takes blanks, signs and underscores; a port of 70000 or -1 fails later",
    }, digits),
    (Departure {
        name: "a value too many is refused as that",
        reason: "Twisted's clients drop it, or all of them",
    }, one_too_many),
    (Departure {
        name: "haproxy hands on what it has read",
        reason: "Twisted writes it out again, without the escapes of =",
    }, handed_on),
    (Departure {
        name: "tls goes to an IPv6 address too",
        reason: "C2: Twisted asks IDNA about it",
    }, tls_to_an_address),
    (Departure {
        name: "a certificate is always verified",
        reason: "D8: Twisted's ssl verifies none unless told a hostname",
    }, always_verified),
    (Departure {
        name: "options may have names in any script",
        reason: "Twisted cannot decode them; no endpoint has such an option, so they are refused by name",
    }, any_script),
    (Departure {
        name: "stdio takes no arguments",
        reason: "whoever writes some expects something of them",
    }, nothing_for_stdio),
    (Departure {
        name: "lockfile is yes or no",
        reason: "and 1 or 0; Twisted takes any number for yes",
    }, yes_or_no),
    (Departure {
        name: "an empty path is none",
        reason: "the system would make up an abstract name, or refuse",
    }, no_path),
    (Departure {
        name: "an interface is an address",
        reason: "of the family asked for; Twisted fails when it listens. A device has an option of its own",
    }, addresses_only),
    (Departure {
        name: "reading a description opens nothing",
        reason: "files and handed-over descriptors are looked at when it is listened on or connected to",
    }, nothing_opened),
];

/// Lets each departure speak; those that changed something.
pub(super) fn apply(case: &Case, expected: &mut Value, actual: &Value) -> Vec<&'static Departure> {
    let mut found = Vec::new();
    for (departure, rule) in TABLE {
        let before = expected.clone();
        rule(case, expected, actual);
        if before != *expected {
            found.push(departure);
        }
    }
    found
}

/// The values of all fields.
fn values(case: &Case) -> Vec<String> {
    let fields = Fields::parse(&case.text).ok();
    let all = |fields: &Fields<'_>| {
        fields.values().chain(fields.options().map(|(_, value)| value)).map(str::to_owned).collect()
    };
    fields.as_ref().map(all).unwrap_or_default()
}

fn option(case: &Case, name: &str) -> Option<String> {
    let fields = Fields::parse(&case.text).ok()?;
    fields.options().filter(|(key, _)| *key == name).last().map(|(_, value)| value.to_owned())
}

/// Where both have understood it.
fn more_may_wait(_: &Case, expected: &mut Value, actual: &Value) {
    for place in ["/ok/backlog", "/ok/inner/backlog", "/ok/inner/inner/backlog"] {
        if let Some(backlog) = expected.pointer_mut(place)
            && (*backlog == 50 && actual.pointer(place) == Some(&json!(1024)))
        {
            *backlog = json!(1024);
        }
    }
}

fn quoted_equals(case: &Case, expected: &mut Value, _: &Value) {
    if case.kind == "quote" {
        expected["ok"] = json!(expected["ok"].as_str().expect("a text").replace('=', "\\="));
    }
}

/// As what is written in small letters.
fn capitals(case: &Case, expected: &mut Value, _: &Value) {
    let small = case.text.to_ascii_lowercase();
    if case.kind == "server" && *expected == json!({ "err": "unknown_type" }) && small != case.text {
        *expected = outcome("server", &small).expect("a kind of case");
    }
}

fn digits(case: &Case, expected: &mut Value, _: &Value) {
    let odd = |value: &String| {
        let python = value.trim().replace('_', "").parse::<i64>();
        value.parse::<u16>().is_err() && python.is_ok() || value.starts_with('+')
    };
    if !expected["ok"].is_null() && matches!(&*case.kind, "server" | "client") && values(case).iter().any(odd) {
        *expected = json!({ "err": "bad_value" });
    }
}

fn one_too_many(case: &Case, expected: &mut Value, _: &Value) {
    let Ok(fields) = Fields::parse(&case.text) else { return };
    let places = if fields.kind() == "unix" { ["path", ""] } else { ["host", "port"] };
    let taken = fields.options().filter(|(key, _)| places.contains(key)).count();
    let free = places.iter().filter(|place| !place.is_empty()).count() - taken;
    let applies = case.kind == "client" && matches!(&*fields.kind(), "tcp" | "ssl" | "unix");
    if applies && fields.values().count() > free {
        *expected = json!({ "err": "too_many_arguments" });
    }
}

/// As what is behind it, read by itself.
fn handed_on(case: &Case, expected: &mut Value, _: &Value) {
    if let Some(inner) = case.text.strip_prefix("haproxy:").filter(|inner| inner.contains("\\=")) {
        let inner = outcome("server", inner).expect("a kind of case");
        *expected = json!({ "ok": { "kind": "haproxy", "inner": inner["ok"] } });
    }
}

/// As `tcp` does.
fn tls_to_an_address(case: &Case, expected: &mut Value, _: &Value) {
    if *expected == json!({ "err": "bad_hostname" }) {
        let inner = outcome("client", &case.text.replace("tls", "tcp")).expect("a kind of case");
        *expected = json!({ "ok": { "kind": "tls", "inner": inner["ok"] }, "tls_hostname": inner["ok"]["host"] });
    }
}

fn always_verified(case: &Case, expected: &mut Value, _: &Value) {
    if case.kind == "client" && expected["ok"]["kind"] == "tls" && expected["tls_hostname"].is_null() {
        expected["tls_hostname"] = expected["ok"]["inner"]["host"].clone();
    }
}

fn any_script(case: &Case, expected: &mut Value, _: &Value) {
    if *expected == json!({ "err": "non_ascii_keyword" }) {
        assert_eq!(case.text, "a:é=v");
        *expected = json!({ "ok": { "args": ["a"], "kwargs": { "é": "v" } } });
    }
}

fn nothing_for_stdio(case: &Case, expected: &mut Value, _: &Value) {
    if expected["ok"]["kind"] == "stdio" && values(case).iter().any(|value| !value.is_empty()) {
        *expected = json!({ "err": "too_many_arguments" });
    }
}

fn yes_or_no(case: &Case, expected: &mut Value, _: &Value) {
    match option(case, "lockfile").as_deref() {
        Some("yes") => *expected = outcome(&case.kind, &case.text.replace("yes", "1")).expect("a kind of case"),
        Some(other) if other.parse::<u8>().is_ok_and(|number| number > 1) => *expected = json!({ "err": "bad_value" }),
        _ => {}
    }
}

fn no_path(_: &Case, expected: &mut Value, _: &Value) {
    if expected["ok"]["address"] == "" || expected["ok"]["path"] == "" {
        *expected = json!({ "err": "bad_value" });
    }
}

fn addresses_only(case: &Case, expected: &mut Value, _: &Value) {
    let Some(interface) = option(case, "interface").filter(|interface| !interface.is_empty()) else { return };
    let wants_six = case.text.to_lowercase().contains("tcp6:");
    let fits = match interface.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_ipv6() || !wants_six,
        Err(_) => false,
    };
    if !fits && !expected["ok"].is_null() {
        *expected = json!({ "err": "bad_value" });
    }
}

fn nothing_opened(_: &Case, expected: &mut Value, actual: &Value) {
    let opened = ["no_such_descriptor", "file_not_found", "bad_pem"];
    if expected["err"].as_str().is_some_and(|category| opened.contains(&category)) && !actual["ok"].is_null() {
        *expected = actual.clone();
    }
}
