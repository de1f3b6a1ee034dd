//! What twisty makes of a description, in Twisted's words; and where the two have several words for one thing, in one.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};
use twisty::EndpointMistake;
use twisty::endpoint::{
    ClientEndpoint, Domain, Fields, Handed, Identity, ServerEndpoint, SystemdServer, TcpClient, TcpServer,
};
use twisty::protocol::UnixAddress;

/// What systemd is said to have handed over, from descriptor 3 on.
const HANDED: [&str; 3] = ["web", "admin", "extra"];

pub(super) fn fields(fields: &Fields<'_>) -> Value {
    let args: Vec<&str> = fields.word().into_iter().chain(fields.values()).collect();
    let options: Map<String, Value> = fields.options().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    json!({ "ok": { "args": args, "kwargs": options } })
}

pub(super) fn server(endpoint: &ServerEndpoint) -> Value {
    let mut outcome = json!({ "ok": server_itself(endpoint) });
    if let ServerEndpoint::Tls(tls) = endpoint {
        outcome["paths"] = match &tls.identity {
            Identity::Files { certificate, private_key, chain } => {
                paths([Some(certificate), Some(private_key), chain.as_ref()])
            }
            Identity::Directory(directory) => paths([Some(directory)]),
            other => panic!("{other:?} is new"),
        };
    }
    outcome
}

fn server_itself(endpoint: &ServerEndpoint) -> Value {
    match endpoint {
        ServerEndpoint::Tcp(tcp) => tcp_server("tcp", tcp),
        ServerEndpoint::Unix(unix) => json!({
            "kind": "unix", "address": path_of(&unix.address), "mode": unix.mode, "backlog": unix.backlog,
            "lockfile": unix.lockfile,
        }),
        ServerEndpoint::Tls(tls) => match tls.identity {
            Identity::Directory(_) => json!({ "kind": "tls", "inner": tcp_server("tcp", &tls.tcp) }),
            _ => tcp_server("ssl", &tls.tcp),
        },
        ServerEndpoint::Stdio => json!({ "kind": "stdio" }),
        ServerEndpoint::Systemd(systemd) => handed(systemd),
        ServerEndpoint::Haproxy(inner) => json!({ "kind": "haproxy", "inner": server_itself(inner) }),
        other => panic!("{other:?} is not among the cases"),
    }
}

fn tcp_server(kind: &str, tcp: &TcpServer) -> Value {
    let interface = tcp.address.ip().to_string().replace("0.0.0.0", "");
    json!({ "kind": kind, "port": tcp.address.port(), "interface": interface, "backlog": tcp.backlog })
}

fn handed(systemd: &SystemdServer) -> Value {
    let family = match systemd.domain {
        Domain::Inet => "AF_INET",
        Domain::Inet6 => "AF_INET6",
        _ => "AF_UNIX",
    };
    let place = match &systemd.which {
        Handed::Index(index) => Some(*index).filter(|index| *index < HANDED.len()),
        Handed::Name(name) => HANDED.iter().position(|handed| handed == name),
    };
    json!({ "kind": "systemd", "fileno": place.map(|place| place + 3), "family": family })
}

pub(super) fn client(endpoint: &ClientEndpoint) -> Value {
    let mut outcome = json!({ "ok": client_itself(endpoint) });
    if let ClientEndpoint::Tls(tls) = endpoint {
        outcome["tls_hostname"] = json!(tls.server_name);
        let paths = paths([tls.certificate.as_ref(), tls.private_key.as_ref(), tls.trust_roots.as_ref()]);
        if paths != json!([]) {
            outcome["paths"] = paths;
        }
    }
    outcome
}

fn client_itself(endpoint: &ClientEndpoint) -> Value {
    match endpoint {
        ClientEndpoint::Tcp(tcp) => tcp_client(tcp),
        ClientEndpoint::Unix(unix) => json!({
            "kind": "unix", "path": path_of(&unix.address), "timeout": unix.timeout.as_secs(), "lockfile": unix.lockfile,
        }),
        ClientEndpoint::Tls(tls) => json!({ "kind": "tls", "inner": client_itself(&tls.endpoint) }),
        other => panic!("{other:?} is new"),
    }
}

fn tcp_client(tcp: &TcpClient) -> Value {
    let end = |bind: SocketAddr| json!({ "host": bind.ip().to_string(), "port": bind.port() });
    json!({
        "kind": "tcp", "host": tcp.host, "port": tcp.port, "timeout": tcp.timeout.as_secs(), "bind": tcp.bind.map(end),
    })
}

fn path_of(address: &UnixAddress) -> Value {
    json!(address.path().and_then(Path::to_str))
}

/// As a set.
fn paths<P: AsRef<Path>>(paths: impl IntoIterator<Item = Option<P>>) -> Value {
    let names = paths.into_iter().flatten().map(|path| path.as_ref().display().to_string());
    json!(names.collect::<BTreeSet<_>>())
}

/// What the vectors call it; they tell values by their types.
pub(super) const fn category(mistake: EndpointMistake) -> &'static str {
    match mistake {
        EndpointMistake::LoneBackslash => "trailing_backslash",
        EndpointMistake::UnknownKind => "unknown_type",
        EndpointMistake::Missing => "missing_argument",
        EndpointMistake::TooMany => "too_many_arguments",
        EndpointMistake::Twice => "duplicate_argument",
        EndpointMistake::UnknownOption => "unexpected_keyword",
        EndpointMistake::Contradiction => "bad_combination",
        _ => "bad_value",
    }
}

/// What Twisted has several words for and twisty one: `tcp6` is `tcp` with an address, `ssl` of a client is `tls`, a value
/// is bad whatever it should be.
pub(super) fn in_our_words(mut expect: Value) -> Value {
    if let Some(category) = expect["err"]["category"].as_str() {
        return match category {
            "bad_number" | "unknown_address_family" | "unknown_ssl_method" => json!({ "err": "bad_value" }),
            _ => json!({ "err": category }),
        };
    }
    if let Some(found) = expect["paths"].as_array() {
        expect["paths"] = paths(found.iter().map(Value::as_str));
    }
    endpoint_in_our_words(&mut expect["ok"]);
    expect
}

fn endpoint_in_our_words(endpoint: &mut Value) {
    match endpoint["kind"].as_str() {
        Some("tcp6") => endpoint["kind"] = json!("tcp"),
        Some("hostname") => {
            endpoint["kind"] = json!("tcp");
            endpoint.as_object_mut().expect("an endpoint").remove("bad_hostname");
        }
        Some("ssl") if !endpoint["host"].is_null() => {
            endpoint["kind"] = json!("tcp");
            *endpoint = json!({ "kind": "tls", "inner": endpoint.take() });
        }
        Some("tls" | "haproxy") => endpoint_in_our_words(&mut endpoint["inner"]),
        _ => {}
    }
}
