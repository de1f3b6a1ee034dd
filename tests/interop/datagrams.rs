//! UDP: Twisted's ports and ours, each asking the other.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::rc::Rc;

use fastrand::Rng;
use twisty::prelude::*;

use super::{SEED, here, python_with_twisted};

const DATAGRAMS: usize = 2000;
/// The longest datagram of IPv4.
const LONGEST: usize = 65_507;

#[protocol(datagram)]
struct Echo;

#[protocol]
impl Echo {
    #[on(datagram)]
    fn echo<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        data
    }
}

#[test]
fn twisted_asks_us() {
    let Some(python) = python_with_twisted() else { return };
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", Echo).expect("a port");
    let mut client = Command::new(python);
    client
        .arg(here().join("interop/twisted_datagrams.py"))
        .arg("ask")
        .arg(port.host().port().expect("UDP").to_string());
    client.arg(DATAGRAMS.to_string()).arg(SEED.to_string());
    let handle = reactor.handle();
    let asks = std::thread::spawn(move || {
        let output = client.output().expect("python runs");
        handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it is there");
        output
    });
    reactor.run().expect("a clean run");
    let output = asks.join().expect("no panic");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Asks as Twisted's client does, and stops the reactor in the end.
#[protocol(datagram)]
struct Ask {
    server: String,
    random: Rng,
    asked: Vec<u8>,
    answers: Rc<RefCell<usize>>,
}

#[protocol]
impl Ask {
    #[on(start)]
    fn begin(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<Vec<u8>> {
        cx.connect(&*self.server)?;
        Ok(self.next_question())
    }

    #[on(datagram)]
    fn compare(&mut self, cx: &DatagramContext<Self>, data: &[u8]) -> Option<Vec<u8>> {
        *self.answers.borrow_mut() += usize::from(data == self.asked);
        let asks_again = data == self.asked && *self.answers.borrow() < DATAGRAMS;
        if !asks_again {
            cx.stop_listening();
        }
        asks_again.then(|| self.next_question())
    }

    #[on(stop)]
    fn end(&mut self) {
        let reactor = Reactor::current().expect("it runs");
        reactor.stop().expect("it runs");
    }
}

impl Ask {
    fn next_question(&mut self) -> Vec<u8> {
        let length = match *self.answers.borrow() % 100 {
            0 => 0,
            1 => LONGEST,
            _ => self.random.usize(..1500),
        };
        self.asked = std::iter::repeat_with(|| self.random.u8(..)).take(length).collect();
        self.asked.clone()
    }
}

#[test]
fn we_ask_twisted() {
    let Some(python) = python_with_twisted() else { return };
    let mut server = Command::new(python);
    server.arg(here().join("interop/twisted_datagrams.py")).arg("echo").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().expect("python runs");
    let mut stdout = BufReader::new(server.stdout.take().expect("a pipe"));
    let mut port = String::new();
    stdout.read_line(&mut port).expect("its port");
    let reactor = Reactor::new().expect("a poll");
    let answers = Rc::<RefCell<usize>>::default();
    let server_at = format!("127.0.0.1:{}", port.trim());
    let ask = Ask { server: server_at, random: Rng::with_seed(SEED), asked: Vec::new(), answers: Rc::clone(&answers) };
    reactor.listen_datagrams("udp:0:interface=127.0.0.1", ask).expect("a port");
    reactor.run().expect("a clean run");
    assert_eq!(*answers.borrow(), DATAGRAMS, "so many came back as they were");
    drop(server.stdin.take());
    let mut counted = String::new();
    stdout.read_to_string(&mut counted).expect("how many there were");
    assert!(server.wait().expect("it ends").success());
    assert_eq!(counted.trim(), DATAGRAMS.to_string());
}
