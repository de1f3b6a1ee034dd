use twisty::prelude::*;

#[protocol(datagram)]
struct Echo;

#[protocol]
impl Echo {
    #[on(datagram)]
    fn echo(&mut self, cx: &Context<Self>) {
        let _ = cx;
    }

    #[on(stop)]
    fn end(&mut self, cx: &DatagramContext) {
        let _ = cx;
    }
}

fn main() {}
