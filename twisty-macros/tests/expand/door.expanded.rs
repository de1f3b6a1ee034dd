/**
# States

```mermaid
stateDiagram-v2
    [*] --> Closed
    Closed --> Open: line
    Open --> Closed: line
```*/
impl Door {
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn open(&mut self, key: u32) -> (&'static str, Open) {
        ("It opens.", Open { key })
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn lock(&mut self, door: &Open, key: u32) -> Option<Closed> {
        (key == door.key).then_some(Closed)
    }
}
const _: () = {
    #[allow(dead_code)]
    enum __State {
        Closed(Closed),
        Open(Open),
    }
    #[automatically_derived]
    impl ::core::default::Default for __State {
        fn default() -> Self {
            Self::Closed(::twisty::__private::first_state())
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Outcome<Door, __State> for Closed {
        fn apply(
            self,
            _: &::twisty::protocol::Context<Door>,
        ) -> ::core::option::Option<__State> {
            ::core::option::Option::Some(__State::Closed(self))
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Outcome<Door, __State> for Open {
        fn apply(
            self,
            _: &::twisty::protocol::Context<Door>,
        ) -> ::core::option::Option<__State> {
            ::core::option::Option::Some(__State::Open(self))
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Protocol for Door {
        type Framing = <Door as ::twisty::protocol::Settings>::Framing;
        type Factory = <Door as ::twisty::protocol::Settings>::Factory;
        fn framing() -> <Door as ::twisty::protocol::Settings>::Framing {
            ::twisty::__private::delivers_lines::<Self::Framing>();
            <Door as ::twisty::protocol::Settings>::framing()
        }
        fn limits() -> ::twisty::protocol::Limits {
            <Door as ::twisty::protocol::Settings>::limits()
        }
        #[inline]
        fn frame_received(
            &mut self,
            __cx: &::twisty::protocol::Context<Self>,
            __frame: &[u8],
        ) {
            ::twisty::__private::step(
                __cx,
                |__state: &mut __State| {
                    match *__state {
                        __State::Closed(_) => {
                            let __payload = ::twisty::__private::argument::<
                                _,
                                u32,
                            >(__cx, __frame)?;
                            ::twisty::__private::outcome(
                                __cx,
                                Self::open(self, __payload),
                            )
                        }
                        __State::Open(ref __held) => {
                            let __payload = ::twisty::__private::argument::<
                                _,
                                u32,
                            >(__cx, __frame)?;
                            ::twisty::__private::outcome(
                                __cx,
                                Self::lock(self, __held, __payload),
                            )
                        }
                    }
                },
            );
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::StateMachine for Door {
        fn diagram() -> ::twisty::protocol::Diagram {
            ::twisty::protocol::Diagram {
                name: "Door",
                states: &["Closed", "Open"],
                transitions: &[
                    ::twisty::protocol::Transition {
                        from: "Closed",
                        event: "line",
                        to: "Open",
                    },
                    ::twisty::protocol::Transition {
                        from: "Open",
                        event: "line",
                        to: "Closed",
                    },
                ],
            }
        }
    }
};
