use twisty::prelude::*;

#[protocol(datagram)]
struct Length;

#[protocol]
impl Length {
    #[on(datagram)]
    fn tell(&mut self, data: &[u8]) -> usize {
        data.len()
    }
}

fn main() {}
