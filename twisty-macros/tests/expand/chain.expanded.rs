fn look_up(name: Deferred<String>, clock: &Clock) -> Deferred<u16> {
    ::twisty::__private::chain::begin(
        ::twisty::__private::chain::timeout_on(
            ::twisty::__private::chain::begin(
                {
                    let made = name;
                    ::twisty::__private::chain::probe(&made)
                        .kind()
                        .settle(
                            ::core::convert::identity(made),
                            |made| {
                                ::twisty::__private::chain::probe(&made).inner().give(made)
                            },
                        )
                },
                ::twisty::__private::chain::here(),
                move |__result| ::twisty::__private::chain::finish(
                    ::twisty::__private::chain::then(
                        __result,
                        |name| -> ::core::result::Result<_, ::twisty::Failure> {
                            ::core::result::Result::Ok({
                                let made = find(name)?;
                                ::twisty::__private::chain::probe(&made)
                                    .kind()
                                    .settle(
                                        ::core::convert::identity(made),
                                        |made| {
                                            ::twisty::__private::chain::probe(&made).inner().give(made)
                                        },
                                    )
                            })
                        },
                    ),
                ),
            ),
            ::core::time::Duration::from_secs(5),
            clock,
        ),
        ::twisty::__private::chain::here(),
        move |__result| ::twisty::__private::chain::go_on(
            ::twisty::__private::chain::catch(
                __result,
                |
                    _: TimeoutError,
                    __wanted,
                | -> ::core::result::Result<_, ::twisty::Failure> {
                    ::core::result::Result::Ok(
                        ::twisty::__private::chain::recover(__wanted, 0),
                    )
                },
            ),
            ::twisty::__private::chain::here(),
            move |__result| ::twisty::__private::chain::finish(
                ::twisty::__private::chain::then(
                    __result,
                    |port| -> ::core::result::Result<_, ::twisty::Failure> {
                        ::core::result::Result::Ok({
                            let made = port + 1;
                            ::twisty::__private::chain::probe(&made)
                                .kind()
                                .settle(
                                    ::core::convert::identity(made),
                                    |made| {
                                        ::twisty::__private::chain::probe(&made).inner().give(made)
                                    },
                                )
                        })
                    },
                ),
            ),
        ),
    )
}
