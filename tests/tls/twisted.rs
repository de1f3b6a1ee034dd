//! Twisted at the other end. Needs `python3` with Twisted and pyOpenSSL, see `tests/interop/setup`. Without, the tests say
//! so and pass, except where `CI` is `true`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use twisty::{ConnectionDone, TlsError};

use crate::certificates::{Authority, Directory};
use crate::clients::Room;
use crate::server::Served;

fn twisted() -> Option<Command> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let knows_tls = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import twisted, OpenSSL, service_identity"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let candidates = [here.with_file_name("target/interop-venv/bin/python"), "python3".into()];
    let found = candidates.into_iter().find(knows_tls);
    if found.is_none() {
        let required = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!required, "no Twisted with TLS: run tests/interop/setup first");
        eprintln!(
            "skipped: no python3 with Twisted and pyOpenSSL; tests/interop/setup makes a virtualenv that has them"
        );
    }
    let mut command = Command::new(found?);
    command.arg(here.join("interop/twisted_tls.py"));
    Some(command)
}

#[test]
fn its_client_talks_and_closes() {
    let Some(mut python) = twisted() else { return };
    let (authority, files) = (Authority::new(), Directory::new());
    files.write("roots.pem", &authority.pem());
    let served = Served::over(authority.server("localhost"));
    let port = served.live.address().port().to_string();
    let output = python.args(["client", &port, &files.path(), "5000"]).output().expect("python runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(served.end(), "the connection was closed cleanly");
}

#[test]
fn its_client_does_not_trust_everybody() {
    let Some(mut python) = twisted() else { return };
    let files = Directory::new();
    files.write("roots.pem", &Authority::new().pem());
    let served = Served::over(Authority::new().server("localhost"));
    let port = served.live.address().port().to_string();
    let output = python.args(["client", &port, &files.path(), "1"]).output().expect("python runs");
    assert!(!output.status.success());
    assert!(served.has_ended_no_other(), "no protocol was made for it");
}

#[test]
fn its_server_talks_and_closes() -> twisty::Result<()> {
    let Some(mut python) = twisted() else { return Ok(()) };
    let room = Room::new(|authority| authority.server("localhost"));
    let (certificate, key) = room.files_of("server", &room.authority.sign(&["localhost"]));
    let mut child = python.args(["server", &certificate, &key]).stdout(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = || {
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    };
    let port = line().parse().expect("a port");
    let talked = talk(&room, port, &mut line);
    child.kill()?;
    child.wait()?;
    talked
}

fn talk(room: &Room, port: u16, said: &mut dyn FnMut() -> String) -> twisty::Result<()> {
    const LINES: usize = 5000;
    let (connected, heard) = room.connect(&room.endpoint_at("localhost", port))?;
    (0..LINES).for_each(|number| connected.transport().send("x".repeat(number % 3000)));
    room.turn_until(|| heard.borrow().len() == LINES);
    assert!(heard.borrow().iter().enumerate().all(|(number, line)| line.len() == number % 3000));
    connected.transport().send("bye");
    let reason = room.value(connected.when_lost())?;
    assert!(reason.check::<ConnectionDone>().is_some(), "{reason}");
    assert_eq!(said(), "ended: ConnectionDone");

    let (ours, _) = room.connect(&room.endpoint_at("localhost", port))?;
    ours.lose_connection();
    room.value(ours.when_lost())?;
    assert_eq!(said(), "ended: ConnectionDone");

    let wrong = room.connect(&room.endpoint_at("example.org", port)).expect_err("another name");
    assert!(matches!(wrong.check(), Some(TlsError::Certificate { .. })), "{wrong}");
    assert_eq!(said(), "ended: Error");
    Ok(())
}
