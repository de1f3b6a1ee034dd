//! What a program is started with: standard input and output as one connection, and sockets that others have opened.
//!
//! Each program is this test, started again with the program's name in the environment.

#[path = "inherited/sockets.rs"]
mod sockets;
#[path = "inherited/stdio.rs"]
mod stdio;

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use live::PATIENCE;
use twisty::prelude::*;

const PROGRAM: &str = "TWISTY_PROGRAM";

type Main = fn() -> twisty::Result<()>;
type Check = (&'static str, fn());

fn main() -> twisty::Result<()> {
    let Ok(name) = std::env::var(PROGRAM) else {
        checks();
        return Ok(());
    };
    let mut programs = stdio::PROGRAMS.iter().chain(sockets::PROGRAMS);
    match programs.find(|(known, _)| *known == name) {
        Some((_, program)) => program(),
        None => Err(Failure::message(format!("there is no program {name}"))),
    }
}

fn checks() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for (name, check) in stdio::CHECKS.iter().chain(sockets::CHECKS) {
        if wanted.as_ref().is_none_or(|wanted| name.contains(wanted)) {
            check();
            println!("test {name} ... ok");
        }
    }
}

/// This test as the program `name`.
fn program(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.env(PROGRAM, name);
    command
}

/// How a program ends; it is killed when that takes too long.
fn end_of(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if started.elapsed() > PATIENCE {
            let _ended_just_now = child.kill();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
