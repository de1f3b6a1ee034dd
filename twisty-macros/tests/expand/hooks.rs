#[factory(protocol = Guest<T>, build = Self::admit, start = open, stop = Self::close, max_connections = LIMIT)]
struct House<T: Clone> {
    greeting: T,
}
