//! UNIX sockets as ports: paths, their modes, what is left of dead servers, abstract names.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use live::PATIENCE;
use twisty::prelude::*;
use twisty::{Address, Port};

/// Says who is there, then sends everything back.
#[protocol(raw)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> String {
        format!("{} at {}\n", cx.peer(), cx.host())
    }

    #[on(data)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.write(data);
    }
}

/// A folder of the test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twisty-{test}-{}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("nobody else has it");
    }
}

fn listen(reactor: &Reactor, path: &Path, options: &str) -> Result<Port, Failure> {
    reactor.listen(format!("unix:{}{options}", path.display()), Echo::factory())
}

fn refusal(reactor: &Reactor, path: &Path, options: &str) -> String {
    listen(reactor, path, options).expect_err("it is refused").to_string()
}

/// What a client hears that says `words` and then nothing more.
fn talk(reactor: &Reactor, client: UnixStream, words: &'static [u8]) -> String {
    let client = thread::spawn(move || {
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        (&client).write_all(words).expect("the server takes it");
        client.shutdown(Shutdown::Write).expect("a half-close");
        let mut heard = String::new();
        (&client).read_to_string(&mut heard).expect("an orderly end");
        heard
    });
    while !client.is_finished() {
        reactor.turn(Some(Duration::from_millis(10))).expect("a turn");
    }
    client.join().expect("all went well")
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn a_path_is_listened_on_and_removed_in_the_end() {
    let (folder, reactor) = (Folder::new("path"), Reactor::new().expect("a poll"));
    let path = folder.path("echo.sock");
    let port = listen(&reactor, &path, "").expect("a port");
    assert_eq!(port.host().to_string(), format!("unix:{}", path.display()));
    let heard = talk(&reactor, UnixStream::connect(&path).expect("it listens"), b"hello");
    assert_eq!(heard, format!("unix: at unix:{}\nhello", path.display()));
    port.stop_listening();
    assert!(!path.exists());
    let again = listen(&reactor, &path, "").expect("a port");
    drop((again, reactor));
    assert!(!path.exists(), "it goes with the reactor too");
}

#[test]
fn a_client_may_have_a_name() {
    let (folder, reactor) = (Folder::new("named"), Reactor::new().expect("a poll"));
    let path = folder.path("echo.sock");
    let _port = listen(&reactor, &path, "").expect("a port");
    let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    let own = folder.path("client.sock");
    client.bind(&socket2::SockAddr::unix(&own).expect("a name")).expect("bound");
    client.connect(&socket2::SockAddr::unix(&path).expect("a name")).expect("it listens");
    let heard = talk(&reactor, std::os::fd::OwnedFd::from(client).into(), b"");
    assert_eq!(heard, format!("unix:{} at unix:{}\n", own.display(), path.display()));
}

#[test]
fn the_mode_is_what_was_asked_for() {
    let (folder, reactor) = (Folder::new("mode"), Reactor::new().expect("a poll"));
    for (options, mode) in [("", 0o666), (":mode=600", 0o600), (":mode=777", 0o777), (":mode=060", 0o060)] {
        let path = folder.path(&format!("{mode:o}"));
        let _port = listen(&reactor, &path, options).expect("a port");
        assert_eq!(mode_of(&path), mode, "{options}");
    }
}

#[test]
fn what_a_dead_server_left_is_replaced() {
    let (folder, reactor) = (Folder::new("stale"), Reactor::new().expect("a poll"));
    let path = folder.path("echo.sock");
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists(), "a listener of std leaves its path");
    let _port = listen(&reactor, &path, "").expect("a port");
    assert!(talk(&reactor, UnixStream::connect(&path).expect("it listens"), b"hello").ends_with("hello"));
}

#[test]
fn a_server_that_lives_is_left_alone() {
    let (folder, reactor) = (Folder::new("alive"), Reactor::new().expect("a poll"));
    for (name, options) in [("locked", ""), ("not locked", ":lockfile=no")] {
        let path = folder.path(name);
        let _theirs = UnixListener::bind(&path).expect("a socket");
        let refusal = refusal(&reactor, &path, options);
        assert!(refusal.ends_with("it is in use: another server has this socket"), "{refusal}");
        UnixStream::connect(&path).expect("it is still there");
    }
    let path = folder.path("ours");
    let _port = listen(&reactor, &path, "").expect("a port");
    assert!(refusal(&reactor, &path, "").contains("in use"));
    assert!(talk(&reactor, UnixStream::connect(&path).expect("it listens"), b"hello").ends_with("hello"));
}

#[test]
fn what_is_no_socket_is_never_removed() {
    let (folder, reactor) = (Folder::new("file"), Reactor::new().expect("a poll"));
    let (file, link) = (folder.path("file"), folder.path("link"));
    fs::write(&file, "precious").expect("a file");
    symlink(&file, &link).expect("a link");
    for path in [&file, &link, &folder.0] {
        let refusal = refusal(&reactor, path, "");
        assert!(refusal.ends_with("there is something at this path that is no socket"), "{refusal}");
    }
    assert_eq!(fs::read_to_string(&link).expect("it is still there"), "precious");
}

#[test]
fn a_path_that_is_somebody_elses_by_now_stays() {
    let (folder, reactor) = (Folder::new("moved"), Reactor::new().expect("a poll"));
    let path = folder.path("echo.sock");
    let port = listen(&reactor, &path, "").expect("a port");
    fs::remove_file(&path).expect("our socket");
    let _theirs = UnixListener::bind(&path).expect("a socket");
    port.stop_listening();
    UnixStream::connect(&path).expect("it is still there");
}

#[test]
fn the_lock_file_is_twisteds() {
    let (folder, reactor) = (Folder::new("lock"), Reactor::new().expect("a poll"));
    let (path, lock) = (folder.path("echo.sock"), folder.path("echo.sock.lock"));
    let owner = || fs::read_link(&lock).map(|owner| owner.display().to_string()).ok();
    let port = listen(&reactor, &path, "").expect("a port");
    assert_eq!(owner(), Some(std::process::id().to_string()));
    port.stop_listening();
    assert_eq!(owner(), None);

    symlink("1", &lock).expect("a lock of a process that lives");
    let refusal = refusal(&reactor, &path, "");
    assert!(refusal.contains("it is in use: process 1 holds ") && refusal.ends_with("echo.sock.lock"), "{refusal}");
    assert_eq!(owner().as_deref(), Some("1"));
    listen(&reactor, &path, ":lockfile=no").expect("nobody asks for the lock").stop_listening();
    assert_eq!(owner().as_deref(), Some("1"), "it was not ours");

    fs::remove_file(&lock).expect("a link");
    symlink("999999999", &lock).expect("a lock of a process that is gone");
    let _port = listen(&reactor, &path, "").expect("a port");
    assert_eq!(owner(), Some(std::process::id().to_string()));
}

#[test]
fn of_servers_that_start_at_once_one_gets_the_path() {
    const SERVERS: usize = 6;
    let folder = Folder::new("race");
    for round in 0..20 {
        let path = folder.path(&round.to_string());
        drop(UnixListener::bind(&path).expect("a socket"));
        let starts = Arc::new(Barrier::new(SERVERS));
        let looks = Arc::new(Barrier::new(SERVERS + 1));
        let servers = std::array::from_fn::<_, SERVERS, _>(|_| {
            let (path, starts, looks) = (path.clone(), Arc::clone(&starts), Arc::clone(&looks));
            thread::spawn(move || {
                let reactor = Reactor::new().expect("a poll");
                starts.wait();
                let port = listen(&reactor, &path, ":lockfile=no");
                // Nobody gives up its path before all have tried, and the test has looked.
                looks.wait();
                looks.wait();
                port.is_ok()
            })
        });
        looks.wait();
        let answers = UnixStream::connect(&path);
        looks.wait();
        let winners = servers.map(|server| server.join().expect("no panic"));
        assert_eq!(winners.iter().filter(|won| **won).count(), 1, "{winners:?}");
        answers.expect("who won is there");
        assert!(!path.exists());
    }
}

#[test]
fn abstract_names_have_no_file() {
    let reactor = Reactor::new().expect("a poll");
    let name = format!("twisty-{}", std::process::id());
    let port = reactor.listen(format!("unix:@{name}"), Echo::factory()).expect("a port");
    assert_eq!(port.host().to_string(), format!("unix:@{name}"));
    let Address::Unix(host) = port.host() else { panic!("no UNIX address") };
    assert_eq!(host.abstract_name(), Some(name.as_bytes()));
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let heard = talk(&reactor, UnixStream::connect_addr(&address).expect("it listens"), b"hello");
    assert_eq!(heard, format!("unix: at unix:@{name}\nhello"));
    let taken = reactor.listen(format!("unix:@{name}"), Echo::factory()).expect_err("it is taken").to_string();
    assert!(taken.contains("Address already in use"), "{taken}");
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let (folder, reactor) = (Folder::new("odd"), Reactor::new().expect("a poll"));
    let long = folder.path(&"x".repeat(200));
    assert!(refusal(&reactor, &long, "").starts_with("cannot listen on unix:"));
    let nowhere = folder.path("nowhere/echo.sock");
    assert!(refusal(&reactor, &nowhere, "").contains("No such file or directory"));
}

/// More than all buffers on the way hold, so that both sides have to wait.
#[test]
fn much_comes_back_as_it_was_sent() {
    const LENGTH: usize = 8 << 20;
    let (folder, reactor) = (Folder::new("much"), Reactor::new().expect("a poll"));
    let path = folder.path("echo.sock");
    let _port = listen(&reactor, &path, "").expect("a port");
    let client = UnixStream::connect(&path).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    client.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    let mut writes = client.try_clone().expect("a twin");
    let sent: Vec<u8> = (0..LENGTH).map(|at| (at / 7) as u8).collect();
    let expected = sent.clone();
    let writer = thread::spawn(move || writes.write_all(&sent).expect("the server takes it"));
    let reader = thread::spawn(move || {
        let greeting = format!("unix: at unix:{}\n", path.display());
        let mut heard = vec![0; greeting.len() + LENGTH];
        (&client).read_exact(&mut heard).expect("all of it");
        assert!(heard[greeting.len()..] == expected, "as it was sent");
    });
    while !(writer.is_finished() && reader.is_finished()) {
        reactor.turn(Some(Duration::from_millis(10))).expect("a turn");
    }
    writer.join().expect("all went well");
    reader.join().expect("all went well");
}
