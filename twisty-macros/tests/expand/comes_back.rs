#[factory(protocol = Caller, reconnect)]
struct Again;
