//! Two thousand people in one chat room: all chat, all leave, and the memory comes back.

use std::io::Write;

use live::{Client, Program, allow_descriptors};

const PEOPLE: usize = 2000;
/// Each line goes to everyone else, so few of them make a great many deliveries.
const SPEAKERS: usize = 10;

#[test]
fn two_thousand_chat_and_leave() {
    if !allow_descriptors(2 * PEOPLE as u64 + 200) {
        eprintln!("skipped: this system does not allow {PEOPLE} connections");
        return;
    }
    let program = Program::example("chat");
    let mut after = Vec::new();
    for round in 0..3 {
        let mut people = enter(&program);
        chat(&mut people, round);
        drop(people);
        wait_until_empty(&program);
        after.push(program.resident());
    }
    // The first round grows what is kept for reuse; after it nothing may grow.
    assert!(after[2] <= after[0] + after[0] / 5 + 1024, "resident KiB after each round: {after:?}");
    assert!(after[2] < 32 * 1024, "resident KiB after each round: {after:?}");
}

fn enter(program: &Program) -> Vec<Client> {
    let mut people: Vec<Client> = (0..PEOPLE).map(|_| program.connect()).collect();
    for (number, person) in people.iter_mut().enumerate() {
        person.send(format!("p{number}\r\n"));
    }
    for (number, person) in people.iter_mut().enumerate() {
        assert_eq!(person.line(), "What's your name?");
        assert_eq!(person.line(), format!("Welcome, p{number}!"));
    }
    people
}

fn chat(people: &mut [Client], round: usize) {
    for (speaker, person) in people.iter_mut().enumerate().take(SPEAKERS) {
        person.send(format!("hello {round} from {speaker}\r\n"));
    }
    for (listener, person) in people.iter_mut().enumerate() {
        let mut heard: Vec<String> =
            (0..SPEAKERS).filter(|speaker| *speaker != listener).map(|_| person.line()).collect();
        heard.sort();
        let mut said: Vec<String> = (0..SPEAKERS)
            .filter(|speaker| *speaker != listener)
            .map(|speaker| format!("<p{speaker}> hello {round} from {speaker}"))
            .collect();
        said.sort();
        assert_eq!(heard, said, "what p{listener} heard");
    }
}

/// All names are free again once everyone has left.
fn wait_until_empty(program: &Program) {
    let mut last = program.connect();
    assert_eq!(last.line(), "What's your name?");
    for number in (0..PEOPLE).step_by(100) {
        loop {
            writeln!(last.socket(), "p{number}\r").expect("the server reads");
            if last.line() == format!("Welcome, p{number}!") {
                break;
            }
        }
        last = program.connect();
        assert_eq!(last.line(), "What's your name?");
    }
}
