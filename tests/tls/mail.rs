//! A server of mail that knows little more than how to be private: `openssl s_client -starttls smtp` at the other end.

use live::{LOOPBACK, Live};
use twisty::prelude::*;
use twisty::tls::ServerTls;

use crate::certificates::{Authority, Directory};
use crate::openssl::{Program, has_openssl};

#[factory(protocol = Mail)]
struct Mails {
    tls: ServerTls,
}

#[protocol(line, factory = Mails)]
#[derive(Default)]
struct Mail;

#[protocol]
impl Mail {
    #[on(connect)]
    fn greet(&mut self) -> &'static str {
        "220 localhost ESMTP"
    }

    #[on(line)]
    fn command(&mut self, cx: &Context<Self>, command: &str) {
        match command.split_once(' ').unwrap_or((command, "")) {
            ("EHLO", _) if cx.tls().is_none() => {
                cx.send("250-localhost");
                cx.send("250 STARTTLS");
            }
            ("EHLO", name) => cx.send(format!("250 hello in private, {name}")),
            ("STARTTLS", _) => {
                cx.send("220 go ahead");
                cx.start_tls(&cx.factory().tls);
            }
            ("QUIT", _) => {
                cx.send("221 bye");
                cx.lose_connection();
            }
            _ => cx.send("502 what?"),
        }
    }
}

#[test]
fn openssl_asks_for_tls_as_mail_does() {
    if !has_openssl() {
        return;
    }
    let (authority, files) = (Authority::new(), Directory::new());
    let roots = files.write("roots.pem", &authority.pem());
    let tls = authority.server("localhost");
    let server = Live::start(move |reactor| reactor.listen(LOOPBACK, Mails { tls }));
    let address = server.address().to_string();
    let trusting = ["-CAfile", &roots, "-verify_return_error", "-verify_hostname", "localhost"];
    let asking = ["s_client", "-starttls", "smtp", "-connect", &address, "-crlf", "-quiet"];
    let mut client = Program::start(&[&asking[..], &trusting].concat());
    assert_eq!(client.send("EHLO ann").line(), "250 hello in private, ann");
    assert_eq!(client.send("QUIT").line(), "221 bye");
    assert!(client.succeeds());
    server.wait_for_connections(0);

    let strangers = files.write("strangers.pem", &Authority::new().pem());
    let trusting_others = ["-CAfile", &strangers, "-verify_return_error"];
    assert!(!Program::start(&[&asking[..], &trusting_others].concat()).succeeds());
    server.wait_for_connections(0);
}
