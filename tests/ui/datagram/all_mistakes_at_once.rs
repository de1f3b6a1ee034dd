use twisty::prelude::*;

#[protocol(datagram, max_lenght = 512, high_water = 4096, max_queue = 1, max_queue = 2)]
struct Echo;

#[protocol(line)]
impl Echo {
    #[on(connect)]
    fn begin(&mut self, cx: &Context<Self>) {
        let _ = cx;
    }

    #[on(datagram in Open)]
    fn echo(&mut self, cx: &mut DatagramContext<Self>, data: &[u8], more: &str) -> String {
        let _ = (cx, more);
        format!("{data:?}")
    }

    #[on(datagram)]
    async fn again(&mut self, from: &mut Address, again: &Address) {
        let _ = (from, again);
    }

    #[on(timeout(30s))]
    fn hurry(&mut self) {}

    #[on(stpo(1s))]
    fn end(&mut self, from: &Address) {
        let _ = from;
    }
}

fn main() {}
