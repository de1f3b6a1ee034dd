fn first(page: Deferred<String>, code: Deferred<u16>) -> Deferred<String> {
    {
        enum __Winner<__0, __1> {
            __0(__0),
            __1(__1),
        }
        ::twisty::__private::chain::begin(
            ::twisty::__private::chain::race([
                ::twisty::__private::chain::map(
                    ::twisty::__private::chain::only({
                        let made = page;
                        ::twisty::__private::chain::probe(&made)
                            .kind()
                            .settle(
                                ::core::convert::identity(made),
                                |made| {
                                    ::twisty::__private::chain::probe(&made).inner().give(made)
                                },
                            )
                    }),
                    __Winner::__0,
                ),
                ::twisty::__private::chain::map(
                    ::twisty::__private::chain::only({
                        let made = code;
                        ::twisty::__private::chain::probe(&made)
                            .kind()
                            .settle(
                                ::core::convert::identity(made),
                                |made| {
                                    ::twisty::__private::chain::probe(&made).inner().give(made)
                                },
                            )
                    }),
                    __Winner::__1,
                ),
            ]),
            ::twisty::__private::chain::here(),
            move |__result| ::twisty::__private::chain::finish(
                ::twisty::__private::chain::then(
                    __result,
                    |__value| -> ::core::result::Result<_, ::twisty::Failure> {
                        ::core::result::Result::Ok(
                            match __value {
                                __Winner::__0(__value) => {
                                    let text = __value;
                                    ::twisty::__private::chain::only({
                                        let made = text;
                                        ::twisty::__private::chain::probe(&made)
                                            .kind()
                                            .settle(
                                                ::core::convert::identity(made),
                                                |made| {
                                                    ::twisty::__private::chain::probe(&made).inner().give(made)
                                                },
                                            )
                                    })
                                }
                                __Winner::__1(__value) => {
                                    let n = __value;
                                    ::twisty::__private::chain::only({
                                        let made = n.to_string();
                                        ::twisty::__private::chain::probe(&made)
                                            .kind()
                                            .settle(
                                                ::core::convert::identity(made),
                                                |made| {
                                                    ::twisty::__private::chain::probe(&made).inner().give(made)
                                                },
                                            )
                                    })
                                }
                            },
                        )
                    },
                ),
            ),
        )
    }
}
