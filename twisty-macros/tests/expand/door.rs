#[state_machine(Closed, Open)]
impl Door {
    #[on(line in Closed)]
    fn open(&mut self, key: u32) -> (&'static str, Open) {
        ("It opens.", Open { key })
    }

    #[on(line in Open)]
    fn lock(&mut self, door: &Open, key: u32) -> Option<Closed> {
        (key == door.key).then_some(Closed)
    }
}
