#[factory(protocol = Chat, max_connections = 100)]
#[derive(Default)]
struct Room {
    users: Vec<Transport<Line>>,
}
