struct House<T: Clone> {
    greeting: T,
}
#[automatically_derived]
impl<T: Clone> ::twisty::protocol::Factory for House<T>
where
    T: 'static,
{
    type Protocol = ::twisty::__private::Made<Guest<T>, Self>;
    fn build_protocol(
        &mut self,
        __peer: &::twisty::protocol::Address,
    ) -> ::core::option::Option<Guest<T>> {
        ::twisty::__private::built::<Guest<T>>(Self::admit(self, __peer))
    }
    fn start(&mut self) -> ::core::result::Result<(), ::twisty::Failure> {
        ::twisty::__private::started(open(self))
    }
    fn stop(&mut self) {
        Self::close(self);
    }
    fn max_connections(&self) -> usize {
        LIMIT
    }
}
#[automatically_derived]
impl<T: Clone> ::twisty::protocol::ClientFactory for House<T>
where
    T: 'static,
{}
