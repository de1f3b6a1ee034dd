#[derive(Default)]
struct Room {
    users: Vec<Transport<Line>>,
}
#[automatically_derived]
impl ::twisty::protocol::Factory for Room {
    type Protocol = Chat;
    fn build_protocol(
        &mut self,
        __peer: &::twisty::protocol::Address,
    ) -> ::core::option::Option<Self::Protocol> {
        ::core::option::Option::Some(<Chat as ::core::default::Default>::default())
    }
    fn max_connections(&self) -> usize {
        100
    }
}
