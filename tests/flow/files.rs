//! Files that are sent as fast as they are taken.

use std::cell::RefCell;
use std::io::{self, Cursor, ErrorKind, Read};
use std::rc::Rc;

use twisty::prelude::*;
use twisty::protocol::FileSender;
use twisty::testing::Server;
use twisty::{AlreadyProducing, SendingStopped};

use super::Scene;

/// What a Deferred has come to.
type Result = Rc<RefCell<Option<std::result::Result<u64, String>>>>;

fn watch(sent: Deferred<u64>) -> Result {
    let result = Result::default();
    let seen = Rc::clone(&result);
    sent.add_both(move |result| *seen.borrow_mut() = Some(result.map_err(|failure| failure.to_string())));
    result
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

#[test]
fn a_file_goes_out_whole_a_chunk_at_a_time() {
    let (scene, file) = (Scene::new(), bytes(300_001));
    scene.client.stop_reading();
    let sent = watch(FileSender::new(Cursor::new(file.clone())).send(&scene.transport));
    scene.turn();
    assert_eq!((scene.transport.queued(), sent.take()), (65_536, None));
    scene.client.start_reading();
    assert_eq!(sent.take(), Some(Ok(300_001)));
    assert!(scene.client.sent_bytes() == file);
    assert!(scene.client.is_connected(), "what comes next is up to who sent it");
}

#[test]
fn an_empty_file_is_sent_too() {
    let scene = Scene::new();
    let sent = watch(FileSender::new(io::empty()).send(&scene.transport));
    scene.turn();
    assert_eq!((sent.take(), scene.client.sent().as_str()), (Some(Ok(0)), ""));
}

#[test]
fn what_is_made_of_each_chunk_is_sent_also_where_that_is_nothing() {
    let scene = Scene::new();
    let file = io::repeat(b'a').take(200_000);
    let mut chunks = 0;
    let sender = FileSender::new(file).transform(move |chunk| {
        chunks += 1;
        if chunks % 2 == 1 { Vec::new() } else { chunk[..3].to_ascii_uppercase() }
    });
    let sent = watch(sender.send(&scene.transport));
    scene.turn();
    assert_eq!((sent.take(), scene.client.sent().as_str()), (Some(Ok(200_000)), "AAAAAA"));
}

#[test]
fn the_end_of_a_file_is_no_chunk() {
    let scene = Scene::new();
    let sender = FileSender::new(&b"abc"[..]).transform(|chunk| vec![chunk[0], b'.']);
    let sent = watch(sender.send(&scene.transport));
    scene.turn();
    assert_eq!((sent.take(), scene.client.sent().as_str()), (Some(Ok(3)), "a."));
}

/// Gives some bytes, after an interruption, and then an error.
struct Broken(u8);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            1 => Err(ErrorKind::Interrupted.into()),
            2 => Ok(buffer.len().min(10)),
            _ => Err(io::Error::other("the disk is gone")),
        }
    }
}

#[test]
fn an_error_is_told_and_the_connection_stays() {
    let scene = Scene::new();
    let sent = watch(FileSender::new(Broken(0)).send(&scene.transport));
    scene.turn();
    assert_eq!(sent.take(), Some(Err("the disk is gone".to_owned())));
    assert_eq!((scene.client.sent().len(), scene.client.is_connected()), (10, true));
    assert!(scene.transport.register_producer(super::Noted(scene.log.clone())).is_ok(), "the place is free");
}

#[test]
fn one_at_a_time_and_the_next_from_the_callback_of_the_first() {
    let scene = Scene::new();
    let to = scene.transport.clone();
    let first = FileSender::new(Cursor::new("one ")).send(&to);
    let refused = watch(FileSender::new(Cursor::new("?")).send(&to));
    assert_eq!(refused.take(), Some(Err(AlreadyProducing.to_string())));
    let both = watch(first.add_callback(move |_| FileSender::new(Cursor::new("two")).send(&to)));
    scene.turn();
    assert_eq!((both.take(), scene.client.sent().as_str()), (Some(Ok(3)), "one two"));
}

#[test]
fn it_stops_with_its_connection() {
    let ends: [fn(&Scene); 3] = [
        |scene| scene.client.reset(),
        |scene| scene.transport.abort_connection(),
        |scene| scene.transport.unregister_producer(),
    ];
    for end in ends {
        let scene = Scene::new();
        scene.client.stop_reading();
        let sent = watch(FileSender::new(io::repeat(0)).send(&scene.transport));
        scene.turn();
        end(&scene);
        scene.turn();
        assert_eq!(sent.take(), Some(Err(SendingStopped { sent: 65_536 }.to_string())));
    }
    let scene = Scene::new();
    scene.client.reset();
    let sent = watch(FileSender::new(io::repeat(0)).send(&scene.transport));
    assert_eq!(sent.take(), Some(Err(SendingStopped { sent: 0 }.to_string())));
}

#[test]
fn cancelling_stops_it() {
    let scene = Scene::new();
    scene.client.stop_reading();
    let sent = FileSender::new(io::repeat(0)).send(&scene.transport);
    scene.turn();
    let (handle, sent) = (sent.cancel_handle(), watch(sent));
    handle.cancel();
    assert_eq!(sent.take(), Some(Err(CancelledError.to_string())));
    scene.client.start_reading();
    assert_eq!((scene.client.sent().len(), scene.client.is_connected()), (65_536, true));
}

/// Sends a file as its reply, so that the next one waits for it.
#[protocol(line)]
#[derive(Default)]
struct Library;

#[protocol]
impl Library {
    #[on(line)]
    fn lend(&mut self, cx: &Context<Self>, length: u64) -> Deferred<String> {
        FileSender::new(io::repeat(b'x').take(length)).send(&cx.transport()).map(|sent| format!(" {sent}"))
    }

    #[on(eof)]
    fn no_more(&mut self, cx: &Context<Self>) {
        cx.lose_write_connection();
    }
}

#[test]
fn our_side_closes_behind_a_file_and_its_reply() {
    let client = Server::new(Library::factory()).connect();
    client.stop_reading();
    client.receive("100000\r\n").half_close();
    assert!(!client.write_side_is_closed());
    client.start_reading();
    assert_eq!((client.sent().len(), client.sent().ends_with("x 100000\r\n")), (100_009, true));
    assert_eq!(client.reason().as_deref(), Some("the connection was closed cleanly"));
}
