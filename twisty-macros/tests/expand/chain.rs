fn look_up(name: Deferred<String>, clock: &Clock) -> Deferred<u16> {
    chain! {
        name;
        then |name| find(name)?;
        timeout 5s on clock;
        catch |_: TimeoutError| 0;
        then |port| port + 1;
    }
}
