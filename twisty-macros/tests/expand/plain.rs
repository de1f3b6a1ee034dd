#[protocol(line, delimiter = '\n', factory = Site, close_timeout = 1.5s, high_water = 4096, outbox_limit = LIMIT, low_water = 1024, slow_consumer = drop)]
struct Everything<T>(T);

/// Every event of a protocol without states.
#[protocol]
impl<T: Display> Everything<T> {
    #[on(connect)]
    fn connect(&mut self, cx: &Context<Self>) -> impl Iterator<Item = String> {
        ["hello".to_owned()].into_iter()
    }

    #[on(line)]
    fn line<'a>(&mut self, command: Command<'a>, cx: &Context<Self>) -> Result<(), Failure> {
        cx.send(self.0.to_string());
        Ok(())
    }

    #[on(raw)]
    fn raw(&mut self, data: &[u8]) {}

    #[on(overlong)]
    fn overlong(&mut self, overlong: Overlong) -> &'static str {
        "too long"
    }

    #[on(timeout(90s))]
    fn hurry(&self, cx: &Context<Self>) {
        cx.lose_connection();
    }

    #[on(drain)]
    #[on(eof)]
    fn catch_up(&mut self) -> &'static str {
        "more"
    }

    #[on(write_lost)]
    fn quiet(&self) {}

    #[on(disconnect)]
    fn disconnect(&mut self, reason: twisty::Failure) {}

    fn helper(&self) {}
}

#[protocol(length_prefixed(u24, little_endian), max_length = 1 << 20)]
struct Little;

#[protocol(framing::Records<8>)]
struct Records;
