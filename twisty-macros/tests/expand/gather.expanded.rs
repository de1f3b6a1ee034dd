fn both(
    name: Deferred<String>,
    age: Result<u8, ParseIntError>,
) -> Deferred<(String, u8)> {
    ::twisty::deferred::Gather::gather((
        ::twisty::__private::chain::only({
            let made = name;
            ::twisty::__private::chain::probe(&made)
                .kind()
                .settle(
                    ::core::convert::identity(made),
                    |made| ::twisty::__private::chain::probe(&made).inner().give(made),
                )
        }),
        ::twisty::__private::chain::only({
            let made = age;
            ::twisty::__private::chain::probe(&made)
                .kind()
                .settle(
                    ::core::convert::identity(made),
                    |made| ::twisty::__private::chain::probe(&made).inner().give(made),
                )
        }),
    ))
}
