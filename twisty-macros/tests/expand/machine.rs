#[state_machine(Idle, Busy, Done)]
impl Worker {
    #[on(connect)]
    fn greet(&self) -> &'static str {
        "ready"
    }

    #[on(string in Idle, to = Busy)]
    fn begin(&mut self, idle: &mut Idle, job: &[u8]) -> Started {
        idle.start(job)
    }

    #[on(string in Busy)]
    fn finish(&mut self, busy: Busy, cx: &Context<Self>, more: Bytes) -> Result<(Vec<u8>, Done), Failure> {
        Ok((busy.result(more)?, Done))
    }

    #[on(string in _)]
    fn refuse(&mut self) -> Replies<Vec<&'static str>> {
        Replies(vec!["no"])
    }

    #[on(timeout(30s) in Idle, to = Busy)]
    fn nudge(&mut self) -> Started {
        Idle.start(b"")
    }

    #[on(timeout(1h))]
    #[on(overlong in Idle | Busy)]
    fn give_up(&mut self, cx: &Context<Self>) {
        cx.lose_connection();
    }

    #[on(eof in Busy)]
    fn no_more(&mut self, busy: &Busy, cx: &Context<Self>) {
        cx.lose_write_connection();
    }

    #[on(disconnect in Busy)]
    fn lost(&mut self, busy: Busy, reason: Failure) {}
}
