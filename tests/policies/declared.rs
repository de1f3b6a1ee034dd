//! The same limits as keys of the attributes, and at run time.

use super::*;

#[factory(protocol = Guest, max_connections_per_peer = self.beds)]
struct House {
    beds: usize,
}

#[protocol(line, factory = House, max_age = 1min, frame_timeout = 2s, min_progress = 10)]
#[derive(Default)]
struct Guest;

#[protocol]
impl Guest {
    #[on(line)]
    fn wait(&mut self, cx: &Context<Self>, seconds: u64) -> String {
        let limit = (seconds > 0).then(|| Duration::from_secs(seconds));
        format!("{:?}", cx.transport().set_idle_timeout(limit))
    }
}

#[test]
fn keys_declare_limits() {
    let server = Server::new(House { beds: 2 });
    let (first, second, third) = (server.connect(), server.connect(), server.connect());
    assert!(second.is_connected() && !third.is_connected());
    server.factory_mut().beds = 3;
    assert!(server.connect().is_connected());
    first.receive("1234567890");
    assert_eq!(advance_until(&server, || !first.is_connected()), seconds(3.0));
    assert_eq!(advance_until(&server, || !second.is_connected()), seconds(60.0));
    assert!(second.reason().is_some_and(|reason| reason.contains("`max_age`")));
}

#[test]
fn an_idle_time_of_ones_own_counts_from_when_it_is_set() {
    let server = Server::new(House { beds: 2 });
    let (client, other) = (server.connect(), server.connect());
    assert_eq!(client.receive("5\r\n").sent(), "None\r\n");
    server.advance(4 * SECOND);
    client.receive("3\r\n").receive("0\r\n").receive("7\r\n");
    assert_eq!(client.sent(), "None\r\nSome(5s)\r\nSome(3s)\r\nNone\r\n");
    assert_eq!(advance_until(&server, || !client.is_connected()), seconds(11.0));
    assert!(other.is_connected());
}

#[test]
fn it_may_be_set_from_outside_of_all_handlers() {
    #[factory(protocol = Member)]
    #[derive(Default)]
    struct Club {
        members: Vec<Transport<Line>>,
    }

    #[protocol(line, factory = Club)]
    #[derive(Default)]
    struct Member;

    #[protocol]
    impl Member {
        #[on(connect)]
        fn join(&mut self, cx: &Context<Self>) {
            cx.factory_mut().members.push(cx.transport());
        }

        #[on(line)]
        fn hear(&mut self) {}
    }

    let server = Server::new(Club::default());
    let client = server.connect();
    server.advance(100 * SECOND);
    let member = server.factory().members[0].clone();
    assert_eq!(member.set_idle_timeout(Some(5 * SECOND)), None);
    assert_eq!(advance_until(&server, || !client.is_connected()), seconds(105.0));
}
