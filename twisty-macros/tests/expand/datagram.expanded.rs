struct Clock {
    asked: u32,
}
#[automatically_derived]
impl ::twisty::datagram::DatagramSettings for Clock {
    fn limits() -> ::twisty::datagram::Limits {
        ::twisty::datagram::Limits {
            max_length: 512,
            ..::twisty::datagram::Limits::DEFAULT
        }
    }
}
impl Clock {
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn join(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
        Ok(cx.set_broadcast(true)?)
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn tell(&mut self, zone: &str, from: &Address) -> Option<String> {
        self.asked += 1;
        (zone == "UTC").then(|| format!("{from} has asked at {:?}", SystemTime::now()))
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn report(&self) {
        println!("asked {} times", self.asked);
    }
}
#[automatically_derived]
impl ::twisty::datagram::DatagramProtocol for Clock {
    fn limits() -> ::twisty::datagram::Limits {
        <Clock as ::twisty::datagram::DatagramSettings>::limits()
    }
    fn start(&mut self, __cx: &::twisty::datagram::DatagramContext<Self>) {
        ::twisty::__private::datagram::result(__cx, Self::join(self, __cx));
    }
    fn datagram_received(
        &mut self,
        __cx: &::twisty::datagram::DatagramContext<Self>,
        __data: &[u8],
        __from: &::twisty::protocol::Address,
    ) {
        let ::core::option::Option::Some(__payload) = ::twisty::__private::datagram::argument::<
            _,
            &str,
        >(__cx, __data) else {
            return;
        };
        ::twisty::__private::datagram::outcome(
            __cx,
            Self::tell(self, __payload, __from),
        );
    }
    fn stop(&mut self, __cx: &::twisty::datagram::DatagramContext<Self>) {
        ::twisty::__private::datagram::outcome(__cx, Self::report(self));
    }
}
