//! Descriptors of a program's own, watched by the reactor: `add_reader`, `add_writer` and what removes them.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;
use twisty::reactor::Watch;
use twisty::{HandlerPanicked, ReadDescriptor, WriteDescriptor};

/// What happened, in order.
type Diary = Rc<RefCell<Vec<String>>>;

/// Writes down what it reads, a few bytes at a time, and how it ends.
struct Reader<S> {
    source: S,
    diary: Diary,
    /// Called before each read.
    before: Box<dyn FnMut(&Reactor)>,
}

impl<S> Reader<S> {
    fn new(source: S, diary: &Diary) -> Self {
        Self { source, diary: Rc::clone(diary), before: Box::new(|_| {}) }
    }

    fn before(mut self, call: impl FnMut(&Reactor) + 'static) -> Self {
        self.before = Box::new(call);
        self
    }
}

impl<S: AsFd> AsFd for Reader<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl<S: AsFd + Read + 'static> ReadDescriptor for Reader<S> {
    fn read_ready(&mut self, reactor: &Reactor) -> Result<(), Failure> {
        (self.before)(reactor);
        let mut part = [0; 3];
        match self.source.read(&mut part) {
            Ok(0) => Err(ConnectionDone.into()),
            Ok(count) => {
                self.diary.borrow_mut().push(String::from_utf8_lossy(&part[..count]).into_owned());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn connection_lost(&mut self, _reactor: &Reactor, reason: Failure) {
        self.diary.borrow_mut().push(reason.to_string());
    }
}

impl<S> Drop for Reader<S> {
    fn drop(&mut self) {
        self.diary.borrow_mut().push("dropped".to_owned());
    }
}

/// Sends a text, a few bytes at a time.
struct Writer {
    socket: Rc<UnixStream>,
    left: &'static [u8],
}

impl AsFd for Writer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl WriteDescriptor for Writer {
    fn write_ready(&mut self, _reactor: &Reactor) -> Result<(), Failure> {
        let (now, later) = self.left.split_at(self.left.len().min(3));
        (&*self.socket).write_all(now)?;
        self.left = later;
        if later.is_empty() { Err(ConnectionDone.into()) } else { Ok(()) }
    }
}

/// A shared socket that can be read.
struct Shared(Rc<UnixStream>);

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

fn turns(reactor: &Reactor, until: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if until() {
            return;
        }
        reactor.turn(Some(Duration::from_millis(10))).expect("a turn");
    }
    panic!("it does not come to that");
}

fn is_over(diary: &Diary) -> bool {
    diary.borrow().last().is_some_and(|last| last == "dropped")
}

fn pipe_with(text: &[u8]) -> io::PipeReader {
    let (reads, mut writes) = io::pipe().expect("a pipe");
    writes.write_all(text).expect("room");
    reads
}

const DONE: &str = "the connection was closed cleanly";

#[test]
fn a_reader_is_called_as_long_as_there_is_something_to_read() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let watch = reactor.add_reader(Reader::new(pipe_with(b"from a pipe"), &diary)).expect("a pipe");
    assert_eq!((reactor.readers().len(), reactor.writers().len(), watch.is_active()), (1, 0, true));
    turns(&reactor, || is_over(&diary));
    assert_eq!(*diary.borrow(), ["fro", "m a", " pi", "pe", DONE, "dropped"]);
    assert!(reactor.readers().is_empty() && !watch.is_active());
}

#[test]
fn a_file_is_always_ready() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/descriptors.rs")).expect("this file");
    let length = file.metadata().expect("its length").len();
    reactor.add_reader(Reader::new(file.take_first(9), &diary)).expect("a file");
    assert!(length > 9);
    turns(&reactor, || is_over(&diary));
    assert_eq!(*diary.borrow(), ["//!", " De", "scr", DONE, "dropped"]);
}

/// The first bytes of a file.
struct First(io::Take<File>);

trait TakeFirst {
    fn take_first(self, bytes: u64) -> First;
}

impl TakeFirst for File {
    fn take_first(self, bytes: u64) -> First {
        First(self.take(bytes))
    }
}

impl AsFd for First {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl Read for First {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

#[test]
fn one_socket_may_have_a_reader_and_a_writer() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let (ours, mut theirs) = UnixStream::pair().expect("sockets");
    let ours = Rc::new(ours);
    theirs.write_all(b"hello").expect("room");
    let reader = reactor.add_reader(Reader::new(Shared(Rc::clone(&ours)), &diary)).expect("a reader");
    let writer = reactor.add_writer(Writer { socket: ours, left: b"goodbye" }).expect("a writer");
    turns(&reactor, || !writer.is_active() && diary.borrow().len() == 2);
    assert!(!reactor.remove_reader(&writer) && !reactor.remove_writer(&reader), "each has its own");
    assert!(reactor.remove_reader(&reader) && !reactor.remove_reader(&reader));
    assert_eq!(*diary.borrow(), ["hel", "lo", "dropped"]);
    let mut said = String::new();
    theirs.read_to_string(&mut said).expect("all of it: the socket is closed with its last owner");
    assert_eq!(said, "goodbye");
}

/// Both are ready in the same turn; whoever is first removes the other.
#[test]
fn an_event_that_comes_too_late_concerns_nobody() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let watches: Rc<RefCell<Vec<Watch>>> = Rc::default();
    for name in [&b"one"[..], b"two"] {
        let (all, mine) = (Rc::clone(&watches), watches.borrow().len());
        let reader = Reader::new(pipe_with(name), &diary).before(move |reactor| {
            assert!(reactor.remove_reader(&all.borrow()[1 - mine]), "the other is there");
        });
        let watch = reactor.add_reader(reader).expect("a pipe");
        watches.borrow_mut().push(watch);
    }
    reactor.turn(None).expect("a turn");
    assert_eq!(*diary.borrow(), ["dropped", "one"]);
}

#[test]
fn a_reader_may_remove_itself_and_all() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let itself: Rc<Cell<Option<Watch>>> = Rc::default();
    let found = Rc::clone(&itself);
    let reader = Reader::new(pipe_with(b"one"), &diary).before(move |reactor| {
        assert!(reactor.remove_reader(&found.take().expect("it was added")));
        assert!(reactor.readers().is_empty());
    });
    itself.set(Some(reactor.add_reader(reader).expect("a pipe")));
    turns(&reactor, || is_over(&diary));
    assert_eq!(*diary.borrow(), ["one", "dropped"], "it was not lost, it was removed");
    for _ in 0..3 {
        reactor.add_reader(Reader::new(pipe_with(b""), &diary)).expect("a pipe");
    }
    reactor.remove_all();
    assert!(reactor.readers().is_empty());
    assert_eq!(diary.borrow().len(), 5);
}

#[test]
fn a_panic_ends_its_reader_and_no_other() {
    let (reactor, diary, other) = (Reactor::new().expect("a poll"), Diary::default(), Diary::default());
    reactor.add_reader(Reader::new(pipe_with(b"x"), &diary).before(|_| panic!("as asked"))).expect("a pipe");
    reactor.add_reader(Reader::new(pipe_with(b"y"), &other)).expect("a pipe");
    turns(&reactor, || is_over(&diary) && is_over(&other));
    let panicked = HandlerPanicked { message: "as asked".into() }.to_string();
    assert_eq!(*diary.borrow(), [&*panicked, "dropped"]);
    assert_eq!(*other.borrow(), ["y", DONE, "dropped"]);
}

#[test]
fn stopping_the_reactor_ends_them() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let (ours, _theirs) = UnixStream::pair().expect("sockets");
    reactor.add_reader(Reader::new(ours, &diary)).expect("a reader");
    reactor.call_later(Duration::ZERO, |reactor| reactor.stop().expect("it runs"));
    reactor.run().expect("a clean run");
    assert_eq!(*diary.borrow(), ["the connection was aborted by this side", "dropped"]);
}

#[test]
fn they_go_with_their_reactor() {
    let (reactor, diary) = (Reactor::new().expect("a poll"), Diary::default());
    let (ours, _theirs) = UnixStream::pair().expect("sockets");
    let watch = reactor.add_reader(Reader::new(ours, &diary)).expect("a reader");
    drop(reactor);
    assert_eq!(*diary.borrow(), ["dropped"]);
    assert!(!watch.is_active());
}

/// Its `drop` may ask the reactor.
#[test]
fn what_cannot_be_watched_is_dropped_like_anything() {
    struct Unwatchable(File, Reactor);

    impl AsFd for Unwatchable {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    impl ReadDescriptor for Unwatchable {
        fn read_ready(&mut self, _reactor: &Reactor) -> twisty::Result<()> {
            Ok(())
        }
    }

    impl Drop for Unwatchable {
        fn drop(&mut self) {
            self.1.remove_all();
        }
    }

    const O_PATH: i32 = 0o10_000_000;
    let reactor = Reactor::new().expect("a poll");
    let path_alone = File::options().read(true).custom_flags(O_PATH).open("/").expect("a path");
    reactor.add_reader(Unwatchable(path_alone, reactor.clone())).expect_err("it cannot be read");
    assert!(reactor.readers().is_empty());
}
