fn both(name: Deferred<String>, age: Result<u8, ParseIntError>) -> Deferred<(String, u8)> {
    gather!(name, age)
}
