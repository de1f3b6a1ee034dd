use twisty::prelude::*;

#[protocol(datagram)]
struct Length;

#[protocol]
impl Length {
    #[on(datagram)]
    fn tell(&mut self, cx: &DatagramContext<Self>, data: &[u8]) -> Result<(), std::io::Error> {
        let _ = (cx, data);
        Ok(())
    }
}

fn main() {}
