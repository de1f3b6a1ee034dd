use twisty::prelude::*;

#[protocol(datagram)]
struct Echo;

#[protocol]
impl Echo {
    #[on(start_protocol)]
    fn start(&mut self) {}

    #[on(datagramReceived)]
    fn echo(&mut self, data: String) -> String {
        data
    }

    #[on(connectionRefused)]
    fn refused(&mut self) {}

    #[on(stopProtocol)]
    fn stop(&mut self) {}
}

fn main() {}
