//! Logs every line that anybody sends to one file, opened when the port opens and closed when the server stops.
//!
//! Run: `cargo run --example logfile -- tcp:8009 lines.log`      Try, in another terminal: `nc -C localhost 8009`
use std::fs::File;
use std::io::{LineWriter, Write};

use twisty::prelude::*;

#[factory(protocol = LogLine, start = Self::open, stop = Self::close)]
struct LogFile {
    path: String,
    file: Option<LineWriter<File>>,
}

impl LogFile {
    fn open(&mut self) -> twisty::Result<()> {
        self.file = Some(LineWriter::new(File::options().append(true).create(true).open(&self.path)?));
        Ok(())
    }

    fn close(&mut self) {
        self.file = None;
    }
}

#[protocol(line, factory = LogFile)]
#[derive(Default)]
struct LogLine;

#[protocol]
impl LogLine {
    #[on(line)]
    fn log(&mut self, cx: &Context<Self>, line: &str) -> twisty::Result<()> {
        if let Some(file) = &mut cx.factory_mut().file {
            writeln!(file, "{line}")?;
        }
        Ok(())
    }
}

fn main() -> twisty::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().unwrap_or("tcp:8009".into());
    let path = arguments.next().unwrap_or("lines.log".into());
    twisty::serve(&endpoint, LogFile { path, file: None })
}

#[cfg(test)]
#[path = "logfile_test.rs"]
mod tests;
