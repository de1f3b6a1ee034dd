#[derive(Default)]
struct Room {
    users: Vec<Transport<Line>>,
}
#[automatically_derived]
impl ::twisty::protocol::Factory for Room {
    type Protocol = ::twisty::__private::Made<Chat, Self>;
    fn build_protocol(
        &mut self,
        __peer: &::twisty::protocol::Address,
    ) -> ::core::option::Option<Chat> {
        ::core::option::Option::Some(<Chat as ::core::default::Default>::default())
    }
    fn max_connections(&self) -> usize {
        100
    }
}
#[automatically_derived]
impl ::twisty::protocol::ClientFactory for Room {}
