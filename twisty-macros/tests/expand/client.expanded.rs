struct Calls;
#[automatically_derived]
impl ::twisty::protocol::Factory for Calls {
    type Protocol = ::twisty::__private::Made<Caller, Self>;
    fn build_protocol(
        &mut self,
        __peer: &::twisty::protocol::Address,
    ) -> ::core::option::Option<Caller> {
        ::core::option::Option::Some(<Caller as ::core::default::Default>::default())
    }
}
#[automatically_derived]
impl ::twisty::protocol::ClientFactory for Calls {
    fn started_connecting(&mut self, __connector: &::twisty::protocol::Connector) {
        Self::begin(self, __connector);
    }
    fn client_connection_failed(
        &mut self,
        __connector: &::twisty::protocol::Connector,
        __reason: &::twisty::Failure,
    ) {
        Self::failed(self, __connector, __reason);
    }
    fn client_connection_lost(
        &mut self,
        __connector: &::twisty::protocol::Connector,
        __reason: &::twisty::Failure,
    ) {
        note(self, __connector, __reason);
    }
    #[allow(clippy::approx_constant)]
    fn reconnect(&self) -> ::core::option::Option<::twisty::protocol::Backoff> {
        ::core::option::Option::Some(
            ::twisty::protocol::Backoff::new()
                .initial(::core::time::Duration::from_millis(500))
                .max(::core::time::Duration::from_secs(3600))
                .factor(2.0)
                .jitter(0.1)
                .retries(LIMIT)
                .reset_after(::core::time::Duration::from_secs(60)),
        )
    }
}
