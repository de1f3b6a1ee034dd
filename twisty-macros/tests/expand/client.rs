#[factory(
    protocol = Caller,
    connecting = Self::begin,
    failed = Self::failed,
    lost = note,
    reconnect(initial = 500ms, max = 1h, factor = 2, jitter = 0.1, retries = LIMIT, reset_after = 1min)
)]
struct Calls;
