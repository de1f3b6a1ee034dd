#[protocol(datagram, max_length = 512)]
struct Clock {
    asked: u32,
}

#[protocol]
impl Clock {
    #[on(start)]
    fn join(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
        Ok(cx.set_broadcast(true)?)
    }

    #[on(datagram)]
    fn tell(&mut self, zone: &str, from: &Address) -> Option<String> {
        self.asked += 1;
        (zone == "UTC").then(|| format!("{from} has asked at {:?}", SystemTime::now()))
    }

    #[on(stop)]
    fn report(&self) {
        println!("asked {} times", self.asked);
    }
}
