fn both(
    name: Deferred<String>,
    age: Result<u8, ParseIntError>,
) -> Deferred<(String, u8)> {
    ::twisty::deferred::Gather::gather((
        ::twisty::__private::chain::only({
            let __value = name;
            ::twisty::__private::chain::probe(&__value)
                .kind()
                .settle(
                    __value,
                    |__value| {
                        ::twisty::__private::chain::probe(&__value).inner().give(__value)
                    },
                )
        }),
        ::twisty::__private::chain::only({
            let __value = age;
            ::twisty::__private::chain::probe(&__value)
                .kind()
                .settle(
                    __value,
                    |__value| {
                        ::twisty::__private::chain::probe(&__value).inner().give(__value)
                    },
                )
        }),
    ))
}
