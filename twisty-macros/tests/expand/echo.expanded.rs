#[derive(Default)]
struct Echo;
#[automatically_derived]
impl ::twisty::protocol::Settings for Echo {
    type Framing = ::twisty::framing::Line;
    type Factory = ::twisty::protocol::ForProtocol<Self>;
    fn framing() -> ::twisty::framing::Line {
        ::twisty::framing::Line::new().max_length(80)
    }
    fn limits() -> ::twisty::protocol::Limits {
        ::twisty::protocol::Limits {
            idle_timeout: ::core::option::Option::Some(
                ::core::time::Duration::from_secs(60),
            ),
            ..::twisty::protocol::Limits::DEFAULT
        }
    }
}
impl Echo {
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn echo(&mut self, line: &str) -> String {
        line.into()
    }
}
#[automatically_derived]
impl ::twisty::protocol::Protocol for Echo {
    type Framing = <Echo as ::twisty::protocol::Settings>::Framing;
    type Factory = <Echo as ::twisty::protocol::Settings>::Factory;
    fn framing() -> <Echo as ::twisty::protocol::Settings>::Framing {
        ::twisty::__private::delivers_lines::<Self::Framing>();
        <Echo as ::twisty::protocol::Settings>::framing()
    }
    fn limits() -> ::twisty::protocol::Limits {
        <Echo as ::twisty::protocol::Settings>::limits()
    }
    #[inline]
    fn frame_received(
        &mut self,
        __cx: &::twisty::protocol::Context<Self>,
        __frame: &[u8],
    ) {
        ::twisty::__private::handle(|| {
            let __payload = ::twisty::__private::argument::<_, &str>(__cx, __frame)?;
            ::twisty::__private::outcome(__cx, Self::echo(self, __payload))
        });
    }
}
