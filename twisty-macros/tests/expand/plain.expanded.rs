struct Everything<T>(T);
#[automatically_derived]
impl<T> ::twisty::protocol::Settings for Everything<T>
where
    T: 'static,
{
    type Framing = ::twisty::framing::Line;
    type Factory = Site;
    fn framing() -> ::twisty::framing::Line {
        ::twisty::framing::Line::new().delimiter(b"\n")
    }
    fn limits() -> ::twisty::protocol::Limits {
        ::twisty::protocol::Limits {
            close_timeout: ::core::time::Duration::from_millis(1500),
            high_water: 4096,
            low_water: ::core::option::Option::Some(1024),
            outbox_limit: LIMIT,
            slow_consumer: ::twisty::protocol::SlowConsumerPolicy::Drop,
            ..::twisty::protocol::Limits::DEFAULT
        }
    }
}
/// Every event of a protocol without states.
impl<T: Display> Everything<T>
where
    T: 'static,
{
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn connect(&mut self, cx: &Context<Self>) -> impl Iterator<Item = String> {
        ["hello".to_owned()].into_iter()
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn line<'a>(
        &mut self,
        command: Command<'a>,
        cx: &Context<Self>,
    ) -> Result<(), Failure> {
        cx.send(self.0.to_string());
        Ok(())
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn raw(&mut self, data: &[u8]) {}
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn overlong(&mut self, overlong: Overlong) -> &'static str {
        "too long"
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn hurry(&self, cx: &Context<Self>) {
        cx.lose_connection();
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn catch_up(&mut self) -> &'static str {
        "more"
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn quiet(&self) {}
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn disconnect(&mut self, reason: twisty::Failure) {}
    fn helper(&self) {}
}
#[automatically_derived]
impl<T: Display> ::twisty::protocol::Protocol for Everything<T>
where
    T: 'static,
{
    type Framing = <Everything<T> as ::twisty::protocol::Settings>::Framing;
    type Factory = <Everything<T> as ::twisty::protocol::Settings>::Factory;
    fn framing() -> <Everything<T> as ::twisty::protocol::Settings>::Framing {
        ::twisty::__private::delivers_lines::<Self::Framing>();
        ::twisty::__private::delivers_raw::<Self::Framing>();
        ::twisty::__private::delivers_overlong::<Self::Framing>();
        <Everything<T> as ::twisty::protocol::Settings>::framing()
    }
    fn limits() -> ::twisty::protocol::Limits {
        <Everything<T> as ::twisty::protocol::Settings>::limits()
    }
    fn connection_made(&mut self, __cx: &::twisty::protocol::Context<Self>) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(
                __cx,
                ::twisty::protocol::Replies(Self::connect(self, __cx)),
            )
        });
    }
    #[inline]
    fn frame_received(
        &mut self,
        __cx: &::twisty::protocol::Context<Self>,
        __frame: &[u8],
    ) {
        ::twisty::__private::handle(|| {
            let __payload = ::twisty::__private::argument::<
                _,
                Command<'_>,
            >(__cx, __frame)?;
            ::twisty::__private::result(__cx, Self::line(self, __payload, __cx))
        });
    }
    fn raw_received(
        &mut self,
        __cx: &::twisty::protocol::Context<Self>,
        __frame: &[u8],
    ) {
        ::twisty::__private::handle(|| {
            let __payload = ::twisty::__private::argument::<_, &[u8]>(__cx, __frame)?;
            ::twisty::__private::outcome(__cx, Self::raw(self, __payload))
        });
    }
    fn frame_overlong(
        &mut self,
        __cx: &::twisty::protocol::Context<Self>,
        __payload: ::twisty::Overlong,
    ) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(__cx, Self::overlong(self, __payload))
        });
    }
    fn timeout(
        &self,
        __cx: &::twisty::protocol::Context<Self>,
    ) -> ::core::option::Option<::core::time::Duration> {
        ::core::option::Option::Some(::core::time::Duration::from_secs(90))
    }
    fn timed_out(&mut self, __cx: &::twisty::protocol::Context<Self>) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(__cx, Self::hurry(self, __cx))
        });
    }
    fn drained(&mut self, __cx: &::twisty::protocol::Context<Self>) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(__cx, Self::catch_up(self))
        });
    }
    fn eof_received(&mut self, __cx: &::twisty::protocol::Context<Self>) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(__cx, Self::catch_up(self))
        });
    }
    fn write_connection_lost(&mut self, __cx: &::twisty::protocol::Context<Self>) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(__cx, Self::quiet(self))
        });
    }
    fn connection_lost(
        &mut self,
        __cx: &::twisty::protocol::Context<Self>,
        __payload: ::twisty::Failure,
    ) {
        ::twisty::__private::handle(|| {
            ::twisty::__private::outcome(__cx, Self::disconnect(self, __payload))
        });
    }
}
struct Little;
#[automatically_derived]
impl ::twisty::protocol::Settings for Little {
    type Framing = ::twisty::framing::LengthPrefixed;
    type Factory = ::twisty::protocol::ForProtocol<Self>;
    fn framing() -> ::twisty::framing::LengthPrefixed {
        ::twisty::framing::LengthPrefixed::new(::twisty::framing::Prefix::U24)
            .endian(::twisty::framing::Endian::Little)
            .max_length(1 << 20)
    }
    fn limits() -> ::twisty::protocol::Limits {
        ::twisty::protocol::Limits::DEFAULT
    }
}
struct Records;
#[automatically_derived]
impl ::twisty::protocol::Settings for Records {
    type Framing = framing::Records<8>;
    type Factory = ::twisty::protocol::ForProtocol<Self>;
    fn framing() -> framing::Records<8> {
        <framing::Records<8> as ::core::default::Default>::default()
    }
    fn limits() -> ::twisty::protocol::Limits {
        ::twisty::protocol::Limits::DEFAULT
    }
}
