struct Again;
#[automatically_derived]
impl ::twisty::protocol::Factory for Again {
    type Protocol = ::twisty::__private::Made<Caller, Self>;
    fn build_protocol(
        &mut self,
        __peer: &::twisty::protocol::Address,
    ) -> ::core::option::Option<Caller> {
        ::core::option::Option::Some(<Caller as ::core::default::Default>::default())
    }
}
#[automatically_derived]
impl ::twisty::protocol::ClientFactory for Again {
    #[allow(clippy::approx_constant)]
    fn reconnect(&self) -> ::core::option::Option<::twisty::protocol::Backoff> {
        ::core::option::Option::Some(::twisty::protocol::Backoff::new())
    }
}
