//! System calls: as many as the hand-written mio loop makes, and no other ones.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use benches::servers::QUOTE;
use benches::{Result, certificate};
use rustls::StreamOwned;

use crate::report::Report;
use crate::tools;

/// What is measured, after what is not: a server's first requests may still be its start.
const ROUNDS: usize = 50;
const WARM_UP: usize = 5;
const MEMBERS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(20);

const LOOK_AT: &str = "`transport::Stream`, `Reactor::one_turn` and `settle`, `Listener`; \
                       `strace -f` on `gates --serve NAME` shows the calls in their order";

/// A server, and what one round of its traffic may take.
struct Gate {
    server: &'static str,
    traffic: Traffic,
    /// Calls and how often each is made in a round.
    calls: &'static [(&'static str, usize)],
}

enum Traffic {
    /// Requests on the last of so many connections, so many in one write; everybody is answered.
    Requests { clients: usize, batch: usize },
    /// The same on one connection, by TLS.
    Encrypted { batch: usize },
    /// Datagrams, one at a time.
    Datagrams,
    /// Clients that come one after the other, are told something and left.
    Clients,
}

/// One look, one read, one write.
const REQUEST: &[(&str, usize)] = &[("epoll_wait", 1), ("recvfrom", 1), ("sendto", 1)];
const ALONE: Traffic = Traffic::Requests { clients: 1, batch: 1 };
const PIPELINED: Traffic = Traffic::Requests { clients: 1, batch: 64 };

const ENCRYPTED: Traffic = Traffic::Encrypted { batch: 16 };

/// Looking and finding none is not among them: a client that is quick has sent the next datagram before the server looks.
const DATAGRAM: &[(&str, usize)] = &[("recvfrom", 1), ("sendto", 1)];

/// 16 KiB.
const LARGE: Traffic = Traffic::Requests { clients: 1, batch: 256 };

const GATES: [Gate; 14] = [
    Gate { server: "echo-mio", traffic: ALONE, calls: REQUEST },
    Gate { server: "echo-twisty", traffic: ALONE, calls: REQUEST },
    Gate { server: "echo-mio", traffic: LARGE, calls: REQUEST },
    Gate { server: "echo-twisty", traffic: LARGE, calls: REQUEST },
    Gate { server: "lines-mio", traffic: ALONE, calls: REQUEST },
    Gate { server: "lines-twisty", traffic: ALONE, calls: REQUEST },
    Gate { server: "lines-mio", traffic: PIPELINED, calls: REQUEST },
    Gate { server: "lines-twisty", traffic: PIPELINED, calls: REQUEST },
    Gate {
        server: "room",
        traffic: Traffic::Requests { clients: MEMBERS, batch: 1 },
        calls: &[("epoll_wait", 1), ("recvfrom", 1), ("sendto", MEMBERS)],
    },
    // The second `accept4` finds nobody. `recvfrom` is the look whether the client has spoken: closing would take from it
    // what it was told last. The loop by hand makes neither: it answers at once, so the next client is there before it looks.
    Gate {
        server: "quote-twisty",
        traffic: Traffic::Clients,
        calls: &[("accept4", 2), ("close", 1), ("epoll_wait", 1), ("recvfrom", 1), ("sendto", 1)],
    },
    // What rustls has made is written by hand as it gives it, which is in slices.
    Gate { server: "tls-mio", traffic: ENCRYPTED, calls: &[("epoll_wait", 1), ("recvfrom", 1), ("writev", 1)] },
    // All that was replied in a turn.
    Gate { server: "lines-tls", traffic: ENCRYPTED, calls: REQUEST },
    Gate { server: "datagrams-mio", traffic: Traffic::Datagrams, calls: DATAGRAM },
    Gate { server: "datagrams-twisty", traffic: Traffic::Datagrams, calls: DATAGRAM },
];

pub(crate) fn hold(report: &mut Report) -> Result {
    if !tools::usable(report, "strace") {
        return Ok(());
    }
    for gate in &GATES {
        let name = gate.name();
        if !report.wants(&name) {
            continue;
        }
        let counted = gate.count().map_err(|error| format!("{name}: {error}"))?;
        let expected = gate.calls.iter().map(|(call, times)| ((*call).to_owned(), times * ROUNDS)).collect();
        if counted == expected {
            report.held(&name, &format!("{} a round", show(&counted)));
        } else {
            let (counted, expected) = (show(&counted), show(&expected));
            report.broken(&name, &format!("{counted} a round, not {expected}. Look at {LOOK_AT}"));
        }
    }
    Ok(())
}

/// Calls by name, over all rounds.
type Calls = BTreeMap<String, usize>;

fn show(calls: &Calls) -> String {
    let times = |count: &usize| *count as f64 / ROUNDS as f64;
    calls.iter().map(|(call, count)| format!("{call} {}", times(count))).collect::<Vec<_>>().join(", ")
}

impl Gate {
    fn name(&self) -> String {
        let traffic = match self.traffic {
            Traffic::Requests { clients: 1, batch } => format!("{batch} × 64 bytes"),
            Traffic::Requests { clients, .. } => format!("broadcast to {clients}"),
            Traffic::Encrypted { batch } => format!("{batch} × 64 bytes by TLS"),
            Traffic::Datagrams => "datagrams of 64 bytes".to_owned(),
            Traffic::Clients => "connections".to_owned(),
        };
        format!("{}, {traffic}", self.server)
    }

    /// What the server calls in all rounds.
    fn count(&self) -> Result<Calls> {
        let server = Traced::start(self.server)?;
        // One more round after the measured ones, so that the last of them is over.
        self.traffic.play(&server.address, WARM_UP + ROUNDS + 1)?;
        self.traffic.count(&fs::read_to_string(&server.log)?)
    }
}

impl Traffic {
    fn play(&self, server: &str, rounds: usize) -> Result {
        match self {
            Self::Requests { clients, batch } => {
                // Clients are accepted in the order in which they came: when the last one speaks, all are there.
                ask((0..*clients).map(|_| connect(server)).collect::<Result<Vec<_>>>()?, *batch, rounds)
            }
            Self::Encrypted { batch } => {
                let tls = certificate::client(&certificate::client_config()?)?;
                ask(vec![StreamOwned::new(tls, connect(server)?)], *batch, rounds)
            }
            Self::Datagrams => send(server, rounds),
            Self::Clients => (0..rounds).try_for_each(|_| be_told(server)),
        }
    }

    /// The call that begins a round.
    const fn first_call(&self) -> &'static str {
        match self {
            Self::Requests { .. } | Self::Encrypted { .. } | Self::Datagrams => "recvfrom(",
            Self::Clients => "accept4(",
        }
    }

    /// Counts the calls of the rounds after the warm-up: as many successful first calls, and all that is between them.
    fn count(&self, log: &str) -> Result<Calls> {
        let calls = log.lines().map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' '));
        let calls: Vec<_> = calls.collect();
        let begins = |call: &str| call.starts_with(self.first_call()) && !call.contains(") = -1 ");
        let marks: Vec<_> = (0..calls.len()).filter(|at| begins(calls[*at])).collect();
        let (Some(from), Some(to)) = (marks.get(WARM_UP), marks.get(WARM_UP + ROUNDS)) else {
            return Err(format!("only {} rounds were traced", marks.len()).into());
        };
        let mut counted = Calls::new();
        let mut calls = calls[*from..*to].iter().filter_map(|call| Some((name(call)?, call))).peekable();
        while let Some((name, call)) = calls.next() {
            let is_last_look = matches!(self, Self::Datagrams) && call.contains("EAGAIN");
            if !(is_last_look && calls.next_if(|(next, _)| *next == "epoll_wait").is_some()) {
                *counted.entry(name.to_owned()).or_default() += 1;
            }
        }
        Ok(counted)
    }
}

/// Of a call, if it counts.
fn name(call: &str) -> Option<&str> {
    match call.split_once('(')?.0 {
        // In a debug build the standard library looks whether what it closes is open.
        "fcntl" if cfg!(debug_assertions) => None,
        // Some machines have no call without a signal mask.
        "epoll_pwait" => Some("epoll_wait"),
        name => Some(name),
    }
}

/// The last of them asks, and all are answered. All replies are read before the next request is sent, so that each round
/// is like the one before.
fn ask<S: Read + Write>(mut clients: Vec<S>, batch: usize, rounds: usize) -> Result {
    let request = [&[b'x'; 62][..], b"\r\n"].concat().repeat(batch);
    let mut reply = vec![0; request.len()];
    for round in 0..rounds {
        clients.last_mut().ok_or("nobody asks")?.write_all(&request)?;
        for client in &mut clients {
            client.read_exact(&mut reply)?;
            if reply != request {
                return Err(format!("a wrong reply in round {round}").into());
            }
        }
    }
    Ok(())
}

fn send(server: &str, rounds: usize) -> Result {
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(server)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let (datagram, mut echo) = ([b'x'; 64], [0; 65]);
    for round in 0..rounds {
        client.send(&datagram)?;
        let length = client.recv(&mut echo)?;
        if echo[..length] != datagram {
            return Err(format!("a wrong echo in round {round}").into());
        }
    }
    Ok(())
}

fn be_told(server: &str) -> Result {
    let mut told = String::new();
    connect(server)?.read_to_string(&mut told)?;
    if told == QUOTE { Ok(()) } else { Err(format!("a wrong quote: {told:?}").into()) }
}

fn connect(server: &str) -> Result<TcpStream> {
    let client = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(PATIENCE))?;
    Ok(client)
}

/// A server of this very program under `strace`. It ends with this value.
struct Traced {
    strace: Child,
    address: String,
    log: PathBuf,
}

impl Traced {
    fn start(server: &str) -> Result<Self> {
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("gates-{server}.strace"));
        let mut command = Command::new("strace");
        command.args(["-f", "-o"]).arg(&log).arg(env::current_exe()?).args(["--serve", server]);
        certificate::hand_to(&mut command)?;
        let mut strace = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = strace.stdout.take();
        let mut traced = Self { strace, address: String::new(), log };
        stdout.map_or(Ok(0), |stdout| BufReader::new(stdout).read_line(&mut traced.address))?;
        traced.address = traced.address.trim().trim_start_matches("tcp:").trim_start_matches("udp:").to_owned();
        Ok(traced)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // Neither can fail but for a tool that is gone already; the server does not outlive it.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
        let _ = fs::remove_file(&self.log);
    }
}
