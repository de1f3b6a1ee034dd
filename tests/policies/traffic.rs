//! The traffic log.

use super::*;

#[test]
fn what_moves_is_logged_as_it_moves() {
    let lines = live::reported(tracing::Level::TRACE, || {
        let server = counter_under(Policies::new().log_traffic(tracing::Level::INFO));
        server.connect().receive("one\r\nÿtwo");
    });
    let lines: Vec<_> = lines.iter().filter(|line| line.starts_with("INFO")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains(r#"received "one\r\n\xc3\xbftwo" peer=tcp:192.168.1.1:50000 count=10"#), "{lines:?}");
    assert!(lines[1].contains(r#"sent "3\r\n" peer=tcp:192.168.1.1:50000 count=3"#), "{lines:?}");
}

#[test]
fn of_much_only_the_beginning_is_quoted() {
    let lines = live::reported(tracing::Level::DEBUG, || {
        let server = echo_under(Policies::new().log_traffic(tracing::Level::DEBUG));
        server.connect().receive(vec![b'x'; 5000]);
    });
    let received = lines.iter().find(|line| line.contains("received")).expect("a line");
    assert!(received.contains("xxx…\"") && received.contains("count=5000"), "{received}");
    assert_eq!(received.matches('x').count(), 1024);
}

#[test]
fn without_the_policy_nothing_is_logged() {
    let lines = live::reported(tracing::Level::TRACE, || {
        echo_under(Policies::new().max_age(SECOND)).connect().receive("hush");
    });
    assert!(!lines.iter().any(|line| line.contains("hush")), "{lines:?}");
}
