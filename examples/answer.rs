//! Answers one question. A handler takes what it needs, typed; what it returns is sent back as a line.
//!
//! Run: `cargo run --example answer`      Try, in another terminal: `nc -C localhost 8008`
use twisty::prelude::*;

#[protocol(line)]
#[derive(Default)]
struct Answer;

#[protocol]
impl Answer {
    #[on(line)]
    fn answer(&mut self, question: &str) -> &'static str {
        match question {
            "How are you?" => "Fine",
            _ => "I don't know what you mean",
        }
    }
}

fn main() -> twisty::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:8008".into());
    twisty::serve(&endpoint, Answer::factory())
}

#[cfg(test)]
#[path = "answer_test.rs"]
mod tests;
