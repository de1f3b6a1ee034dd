use twisty::prelude::*;

#[protocol(line)]
struct Echo;

#[protocol]
impl Echo {
    #[on(lineReceived)]
    fn f0(&mut self, _line: &str) {}

    #[on(connectionMade)]
    fn f1(&mut self) {}

    #[on(rawDataReceived)]
    fn f2(&mut self, _data: &[u8]) {}

    #[on(lineLengthExceeded)]
    fn f3(&mut self) {}

    #[on(connectionLost)]
    fn f4(&mut self) {}

    #[on(timeoutConnection)]
    fn f5(&mut self) {}
}

fn main() {}
