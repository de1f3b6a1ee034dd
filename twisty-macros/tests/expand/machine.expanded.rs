/**
# States

```mermaid
stateDiagram-v2
    [*] --> Idle
    Idle --> Busy: string
    Busy --> Done: string
    Done --> Done: string
    Idle --> Busy: timeout 30s
    Busy --> Busy: timeout 1h
    Done --> Done: timeout 1h
    Idle --> Idle: overlong
    Busy --> Busy: overlong
    Busy --> Busy: eof
```*/
impl Worker {
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn greet(&self) -> &'static str {
        "ready"
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn begin(&mut self, idle: &mut Idle, job: &[u8]) -> Started {
        idle.start(job)
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn finish(
        &mut self,
        busy: Busy,
        cx: &Context<Self>,
        more: Bytes,
    ) -> Result<(Vec<u8>, Done), Failure> {
        Ok((busy.result(more)?, Done))
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn refuse(&mut self) -> Replies<Vec<&'static str>> {
        Replies(vec!["no"])
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn nudge(&mut self) -> Started {
        Idle.start(b"")
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn give_up(&mut self, cx: &Context<Self>) {
        cx.lose_connection();
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn no_more(&mut self, busy: &Busy, cx: &Context<Self>) {
        cx.lose_write_connection();
    }
    #[allow(clippy::unused_self, clippy::needless_pass_by_value)]
    fn lost(&mut self, busy: Busy, reason: Failure) {}
}
const _: () = {
    #[allow(dead_code)]
    enum __State {
        Idle(Idle),
        Busy(Busy),
        Done(Done),
        __Moved,
    }
    #[automatically_derived]
    impl ::core::default::Default for __State {
        fn default() -> Self {
            Self::Idle(::twisty::__private::first_state())
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Outcome<Worker, __State> for Idle {
        fn apply(
            self,
            _: &::twisty::protocol::Context<Worker>,
        ) -> ::core::option::Option<__State> {
            ::core::option::Option::Some(__State::Idle(self))
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Outcome<Worker, __State> for Busy {
        fn apply(
            self,
            _: &::twisty::protocol::Context<Worker>,
        ) -> ::core::option::Option<__State> {
            ::core::option::Option::Some(__State::Busy(self))
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Outcome<Worker, __State> for Done {
        fn apply(
            self,
            _: &::twisty::protocol::Context<Worker>,
        ) -> ::core::option::Option<__State> {
            ::core::option::Option::Some(__State::Done(self))
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::Protocol for Worker {
        type Framing = <Worker as ::twisty::protocol::Settings>::Framing;
        type Factory = <Worker as ::twisty::protocol::Settings>::Factory;
        fn framing() -> <Worker as ::twisty::protocol::Settings>::Framing {
            ::twisty::__private::delivers_strings::<Self::Framing>();
            ::twisty::__private::delivers_overlong::<Self::Framing>();
            <Worker as ::twisty::protocol::Settings>::framing()
        }
        fn limits() -> ::twisty::protocol::Limits {
            <Worker as ::twisty::protocol::Settings>::limits()
        }
        fn connection_made(&mut self, __cx: &::twisty::protocol::Context<Self>) {
            ::twisty::__private::step(
                __cx,
                |__state: &mut __State| {
                    ::twisty::__private::outcome(__cx, Self::greet(self))
                },
            );
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
                        __State::Idle(ref mut __held) => {
                            let __payload = ::twisty::__private::argument::<
                                _,
                                &[u8],
                            >(__cx, __frame)?;
                            ::twisty::__private::outcome(
                                __cx,
                                Self::begin(self, __held, __payload),
                            )
                        }
                        __State::Busy(_) => {
                            let __payload = ::twisty::__private::argument::<
                                _,
                                Bytes,
                            >(__cx, __frame)?;
                            let __State::Busy(__held) = ::core::mem::replace(
                                __state,
                                __State::__Moved,
                            ) else {
                                return ::core::option::Option::None;
                            };
                            ::twisty::__private::led_on(
                                __cx,
                                ::twisty::__private::result(
                                    __cx,
                                    Self::finish(self, __held, __cx, __payload),
                                ),
                            )
                        }
                        _ => ::twisty::__private::outcome(__cx, Self::refuse(self)),
                    }
                },
            );
        }
        fn frame_overlong(
            &mut self,
            __cx: &::twisty::protocol::Context<Self>,
            __payload: ::twisty::Overlong,
        ) {
            ::twisty::__private::step(
                __cx,
                |__state: &mut __State| {
                    match *__state {
                        __State::Idle(_) | __State::Busy(_) => {
                            ::twisty::__private::outcome(__cx, Self::give_up(self, __cx))
                        }
                        __State::Done(_) | __State::__Moved => {
                            ::core::option::Option::None
                        }
                    }
                },
            );
        }
        fn timeout(
            &self,
            __cx: &::twisty::protocol::Context<Self>,
        ) -> ::core::option::Option<::core::time::Duration> {
            match *__cx.state::<__State>() {
                __State::Idle(_) => {
                    ::core::option::Option::Some(::core::time::Duration::from_secs(30))
                }
                _ => {
                    ::core::option::Option::Some(::core::time::Duration::from_secs(3600))
                }
            }
        }
        fn timed_out(&mut self, __cx: &::twisty::protocol::Context<Self>) {
            ::twisty::__private::step(
                __cx,
                |__state: &mut __State| {
                    match *__state {
                        __State::Idle(_) => {
                            ::twisty::__private::outcome(__cx, Self::nudge(self))
                        }
                        _ => {
                            ::twisty::__private::outcome(__cx, Self::give_up(self, __cx))
                        }
                    }
                },
            );
        }
        fn eof_received(&mut self, __cx: &::twisty::protocol::Context<Self>) {
            ::twisty::__private::step(
                __cx,
                |__state: &mut __State| {
                    match *__state {
                        __State::Busy(ref __held) => {
                            ::twisty::__private::outcome(
                                __cx,
                                Self::no_more(self, __held, __cx),
                            )
                        }
                        __State::Idle(_) | __State::Done(_) | __State::__Moved => {
                            ::twisty::__private::hang_up(__cx);
                            ::core::option::Option::None
                        }
                    }
                },
            );
        }
        fn connection_lost(
            &mut self,
            __cx: &::twisty::protocol::Context<Self>,
            __payload: ::twisty::Failure,
        ) {
            ::twisty::__private::step(
                __cx,
                |__state: &mut __State| {
                    match *__state {
                        __State::Busy(_) => {
                            let __State::Busy(__held) = ::core::mem::replace(
                                __state,
                                __State::__Moved,
                            ) else {
                                return ::core::option::Option::None;
                            };
                            ::twisty::__private::outcome(
                                __cx,
                                Self::lost(self, __held, __payload),
                            )
                        }
                        __State::Idle(_) | __State::Done(_) | __State::__Moved => {
                            ::core::option::Option::None
                        }
                    }
                },
            );
        }
    }
    #[automatically_derived]
    impl ::twisty::protocol::StateMachine for Worker {
        fn diagram() -> ::twisty::protocol::Diagram {
            ::twisty::protocol::Diagram {
                name: "Worker",
                states: &["Idle", "Busy", "Done"],
                transitions: &[
                    ::twisty::protocol::Transition {
                        from: "Idle",
                        event: "string",
                        to: "Busy",
                    },
                    ::twisty::protocol::Transition {
                        from: "Busy",
                        event: "string",
                        to: "Done",
                    },
                    ::twisty::protocol::Transition {
                        from: "Done",
                        event: "string",
                        to: "Done",
                    },
                    ::twisty::protocol::Transition {
                        from: "Idle",
                        event: "timeout 30s",
                        to: "Busy",
                    },
                    ::twisty::protocol::Transition {
                        from: "Busy",
                        event: "timeout 1h",
                        to: "Busy",
                    },
                    ::twisty::protocol::Transition {
                        from: "Done",
                        event: "timeout 1h",
                        to: "Done",
                    },
                    ::twisty::protocol::Transition {
                        from: "Idle",
                        event: "overlong",
                        to: "Idle",
                    },
                    ::twisty::protocol::Transition {
                        from: "Busy",
                        event: "overlong",
                        to: "Busy",
                    },
                    ::twisty::protocol::Transition {
                        from: "Busy",
                        event: "eof",
                        to: "Busy",
                    },
                ],
            }
        }
    }
};
