fn first(page: Deferred<String>, code: Deferred<u16>) -> Deferred<String> {
    race! {
        text = page => text,
        n = code => n.to_string(),
    }
}
