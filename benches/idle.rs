//! Idle connections: 10,000 clients connect, say one thing, are answered, and then do nothing.
//!
//! Run: `cargo bench -p benches --bench idle`      Shorter: `… --bench idle -- chat`
//!
//! Told is by how much the server's resident memory grew, divided by the number of connections, and how much of that is
//! still there when all clients have left. The kernel's share is not in it. A server is measured once, in a process of its
//! own: its memory hardly depends on what else the machine does.

use benches::Result;
use benches::aim::verdict;
use benches::chart::{Bar, Chart};
use benches::load::Script;
use benches::memory::{Footprint, GROUP, footprint};
use benches::options::Options;
use benches::process::{Cores, raise_file_limit};
use benches::results::Section;
use benches::servers::{installed, mention_missing};
use benches::table::Table;
use benches::tape::Tape;

/// Bytes that one connection of twisty's should need at most.
const AIM: f64 = 300.0;

/// Descriptors that a server or the clients need for other things than connections.
const SPARE: u64 = 200;

/// Label and name of a server, and what it puts after a line.
type Server = (&'static str, &'static str, &'static str);

/// What a server says to what a client says, both without the end of the line.
type Answer = fn(&str) -> String;

const ECHO: [Server; 4] = [
    ("mio loop", "echo-mio", "\r\n"),
    ("twisty", "echo-twisty", "\r\n"),
    ("tokio", "echo-tokio", "\r\n"),
    ("Twisted", "echo-twisted", "\r\n"),
];

const LINES: [Server; 4] = [
    ("mio loop", "lines-mio", "\r\n"),
    ("twisty", "lines-twisty", "\r\n"),
    ("tokio, Framed", "lines-tokio-send", "\n"),
    ("Twisted", "lines-twisted", "\r\n"),
];

const CHAT: [Server; 4] = [
    ("mio loop", "chat-mio", "\r\n"),
    ("twisty", "chat-twisty", "\r\n"),
    ("tokio, Framed, channels", "chat-tokio-send", "\n"),
    ("Twisted", "chat-twisted", "\r\n"),
];

fn main() -> Result {
    let options = Options::parse();
    let wanted = if options.is_try_out() { 100 } else { 10_000 };
    let allowed = usize::try_from(raise_file_limit().saturating_sub(SPARE)).unwrap_or(usize::MAX);
    let connections = wanted.min(allowed);
    let mut how = format!(
        "{connections} connections, each of which has been answered once. Bytes are those of resident memory, beside what\n\
         there was before; the kernel's are not in it."
    );
    if connections < wanted {
        how += &format!("\n{wanted} were wanted, but a process may not open more files here.");
    }
    options.record(&how, |results| {
        mention_missing();
        let (same, welcome): (Answer, Answer) = (str::to_owned, |name| format!("Welcome, {name}!"));
        for (name, servers, answer) in [("echo", ECHO, same), ("lines", LINES, same), ("chat", CHAT, welcome)] {
            if options.wants(name) {
                results.add(section(name, servers, answer, connections)?);
            }
        }
        Ok(())
    })
}

fn section(name: &str, servers: [Server; 4], answer: Answer, connections: usize) -> Result<Section> {
    let mut table = Table::new(["server"], ["bytes each", "aim", "KiB that stay in all"]);
    let mut bars = Vec::new();
    for (label, server, end) in servers.into_iter().filter(|(_, server, _)| installed(server)) {
        let found = footprint(server, Cores::choose(), connections, |first| script(first, answer, end))?;
        let aim = (label == "twisty").then_some(AIM);
        table.row(row(label, found, aim));
        let each = found.map(|found| found.each.max(1.0));
        bars.extend(each.map(|each| Bar { label: label.to_owned(), value: each.into(), aim, ours: aim.is_some() }));
    }
    let chart = Chart { title: name.to_owned(), unit: "resident bytes of an idle connection".to_owned(), bars };
    Ok(Section { name: name.to_owned(), table, notes: Vec::new(), chart: Some(chart) })
}

fn row(label: &str, found: Option<Footprint>, aim: Option<f64>) -> [String; 4] {
    let met = |aim| found.map(|Footprint { each, .. }| each <= aim);
    let aim = aim.map_or(String::new(), |aim| verdict(format_args!("{aim} B"), met(aim)));
    let show = |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.0}"));
    let (each, left) = found.map(|Footprint { each, left }| (each, left / 1024.0)).unzip();
    [label.to_owned(), show(each), aim, show(left)]
}

/// All of them say something else: in the chat it is their name.
fn script(first: usize, answer: Answer, end: &str) -> Script {
    let name = |number: usize| format!("member {:05}", first + number);
    let requests = Tape::new(GROUP, |number| format!("{}\r\n", name(number)).into_bytes());
    let replies = Tape::new(GROUP, |number| format!("{}{end}", answer(&name(number))).into_bytes());
    Script { requests, replies, depth: 1 }
}
