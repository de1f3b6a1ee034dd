//! The same over real sockets.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use live::{Client, LOOPBACK, Live, PATIENCE};
use socket2::SockRef;
use twisty::prelude::*;
use twisty::protocol::FileSender;

use super::pipe::Switchboard;

/// Adds up numbers, and says their sum when there are no more.
#[protocol(line, delimiter = b"\n")]
#[derive(Default)]
struct Sum {
    sum: u64,
}

#[protocol]
impl Sum {
    #[on(line)]
    fn add(&mut self, cx: &Context<Self>, number: u64) -> Option<&'static str> {
        self.sum += number;
        (number == 0).then(|| {
            cx.lose_write_connection();
            "I say nothing more"
        })
    }

    #[on(eof)]
    fn say(&mut self, cx: &Context<Self>) -> String {
        cx.lose_connection();
        format!("{} in all", self.sum)
    }
}

#[test]
fn a_peer_that_half_closes_gets_its_answer() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Sum::factory()));
    let mut client = live.connect();
    client.send("1\n2\n39\n").socket().shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(client.rest().expect("no reset"), b"42 in all\n");
    live.wait_for_connections(0);
}

#[test]
fn a_peer_hears_that_we_say_nothing_more_and_may_go_on() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Sum::factory()));
    let mut client = live.connect();
    client.send("1\n0\n5\n");
    assert_eq!(client.rest().expect("no reset"), b"I say nothing more\n");
    client.send("3\n4\n");
    live.wait_for_connections(1);
    client.socket().shutdown(Shutdown::Write).expect("it is open");
    live.wait_for_connections(0);
}

#[test]
fn a_reset_is_noticed_after_the_end_of_what_the_peer_sends() {
    /// Hears the end, and stays.
    #[protocol(raw)]
    #[derive(Default)]
    struct Patient;

    #[protocol]
    impl Patient {
        #[on(data)]
        fn hear(&mut self) {}

        #[on(eof)]
        fn stay(&mut self) {}
    }

    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Patient::factory()));
    let mut client = live.connect();
    client.socket().shutdown(Shutdown::Write).expect("it is open");
    live.wait_for_connections(1);
    SockRef::from(&*client.socket()).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(client);
    live.wait_for_connections(0);
}

/// As `printf … | nc -N`, with the real one where it is installed.
#[test]
fn netcat_gets_its_answer() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Sum::factory()));
    let netcat = format!("printf '20\\n22\\n' | nc -N 127.0.0.1 {}", live.address().port());
    match std::process::Command::new("sh").arg("-c").arg(netcat).output() {
        Ok(output) if output.status.success() => assert_eq!(output.stdout, b"42 in all\n"),
        _ => eprintln!("no nc that knows -N: nothing was tested"),
    }
}

/// Sends files, closes our side behind them.
#[protocol(line, delimiter = b"\n")]
#[derive(Default)]
struct Library;

#[protocol]
impl Library {
    #[on(line)]
    fn lend(&mut self, cx: &Context<Self>, name: &str) -> twisty::Result<()> {
        let sent = FileSender::new(File::open(name)?).send(&cx.transport());
        cx.attach(sent, |_, _, _| {});
        cx.lose_write_connection();
        Ok(())
    }
}

/// A file of nothing but zeros, without a block on the disk.
fn sparse(name: &str, length: u64) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}_{}", std::process::id()));
    File::create(&path).and_then(|file| file.set_len(length)).expect("a sparse file");
    path
}

/// Has the file sent, and reads it; how many bytes it was.
fn borrow(live: &Live, path: &Path) -> u64 {
    let mut client = live.connect();
    client.send(format!("{}\n", path.display()));
    let (mut buffer, mut total) = (vec![1; 1 << 20], 0);
    loop {
        match client.socket().read(&mut buffer).expect("no reset") {
            0 => return total,
            count => {
                assert!(buffer[..count].iter().all(|byte| *byte == 0));
                total += count as u64;
            }
        }
    }
}

fn send_sparse_file(name: &str, length: u64) {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Library::factory()));
    let path = sparse(name, length);
    let before = most_memory();
    let sent = borrow(&live, &path);
    let growth = most_memory().saturating_sub(before);
    std::fs::remove_file(path).expect("it was there");
    eprintln!("it grew by {growth} bytes");
    assert_eq!(sent, length);
    assert!(growth < 20 << 20, "it took {growth} bytes of memory");
}

/// The most memory that this process ever had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_file_is_sent_by_chunks() {
    send_sparse_file("some", 64 << 20);
}

/// Some seconds: `cargo test -p tests --test flow -- --ignored`.
#[test]
#[ignore = "it moves 4 GiB"]
fn four_gigabytes_are_sent_without_growing() {
    send_sparse_file("large", 4 << 30);
}

/// Two clients of a switchboard.
fn pair(live: &Live) -> (Client, Client) {
    let first = live.connect();
    live.wait_for_connections(1);
    let second = live.connect();
    live.wait_for_connections(2);
    (first, second)
}

#[test]
fn a_slow_end_of_a_pipe_holds_the_other_one_up_and_all_arrives() {
    const AT_ONCE: usize = 1 << 16;
    const CHUNKS: usize = 256;
    let live = Live::start(|reactor| {
        let shared = Shared::from(Switchboard::default());
        BOARD.set(Some(shared.clone()));
        reactor.listen(LOOPBACK, shared)
    });
    let (mut from, mut to) = pair(&live);
    let sender = thread::spawn(move || {
        for number in 0..CHUNKS {
            from.send(vec![number as u8; AT_ONCE]);
        }
        from.socket().shutdown(Shutdown::Write).expect("it is open");
        from.rest().expect("no reset")
    });
    for number in 0..CHUNKS {
        if number % 32 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(to.bytes(AT_ONCE).iter().all(|byte| *byte == number as u8), "chunk {number}");
    }
    assert_eq!(to.send("that was all").rest().expect("no reset"), b"", "the end is passed on");
    to.socket().shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(sender.join().expect("no panic"), b"that was all");
    live.wait_for_connections(0);
    let most_queued = live.ask(|_| BOARD.with_borrow(|board| board.as_ref().map(|board| board.borrow().most_queued)));
    assert!(most_queued.is_some_and(|most| most <= 1 << 20), "{most_queued:?} bytes were queued");
}

thread_local! {
    /// The switchboard, for who has only the reactor's thread.
    static BOARD: std::cell::RefCell<Option<Shared<Switchboard>>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn the_end_of_a_pipe_that_breaks_breaks_the_other_one() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Switchboard::default()));
    let (mut from, mut to) = pair(&live);
    SockRef::from(&*from.socket()).set_linger(Some(Duration::ZERO)).expect("an option");
    drop(from);
    let broken = to.rest();
    assert!(broken.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    live.wait_for_connections(0);
}

/// Nobody is left on the machine's network when a peer of a pipe never reads: the other one waits, and is told nothing.
#[test]
fn a_pipe_to_who_never_reads_takes_only_so_much() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Switchboard::default()));
    let (mut from, _to) = pair(&live);
    let socket: &mut TcpStream = from.socket();
    socket.set_nonblocking(true).expect("it does not block");
    let (started, mut taken, mut refused) = (Instant::now(), 0, 0);
    while refused < 50 {
        assert!(started.elapsed() < PATIENCE && taken < 64 << 20, "{taken} bytes were taken");
        match socket.write(&[b'x'; 1 << 16]) {
            Ok(count) => (taken, refused) = (taken + count, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                refused += 1;
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}
