//! Servers, and how their connections end.

use std::sync::mpsc::{Receiver, Sender, channel};

use live::{LOOPBACK, Live, PATIENCE};
use twisty::prelude::*;
use twisty::protocol::Policies;
use twisty::tls::ServerTls;

/// Says how its connections end.
pub(crate) struct Hall {
    ends: Sender<String>,
    tls: Option<ServerTls>,
    most: usize,
}

impl Factory for Hall {
    type Protocol = Guest;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Guest> {
        Some(Guest)
    }

    fn max_connections(&self) -> usize {
        self.most
    }
}

#[protocol(line, factory = Hall, high_water = 200_000)]
pub(crate) struct Guest;

#[protocol]
impl Guest {
    #[on(line)]
    fn obey(&mut self, cx: &Context<Self>, line: &str) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("who", _) => {
                let tls = cx.tls().expect("it is encrypted");
                let (alpn, name) = (tls.alpn.as_deref().unwrap_or("-"), tls.server_name.as_deref().unwrap_or("-"));
                cx.send(format!("{} {alpn} {name} {}", tls.version, tls.peer_certificates.len()));
            }
            ("private?", _) => cx.send(if cx.tls().is_some() { "yes" } else { "no" }),
            ("many", count) => (0..count.parse().expect("a number")).for_each(|_| cx.send("a tiny line")),
            ("bytes", count) => cx.write(vec![b'x'; count.parse().expect("a number")]),
            ("bye", _) => {
                cx.send("bye");
                cx.lose_connection();
            }
            ("abort", _) => cx.abort_connection(),
            ("raw", count) => {
                cx.framing_mut().set_raw_mode();
                cx.send(count);
            }
            ("starttls", _) => {
                cx.send("go ahead");
                cx.start_tls(cx.factory().tls.as_ref().expect("a configuration"));
                cx.send("encrypted");
            }
            _ => cx.send(line),
        }
    }

    #[on(raw)]
    fn echo(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.write(data);
    }

    #[on(disconnect)]
    fn tell(&mut self, cx: &Context<Self>, reason: Failure) {
        let _nobody_looks = cx.factory().ends.send(reason.to_string());
    }
}

/// A server, and how its connections end.
pub(crate) struct Served {
    pub(crate) live: Live,
    ends: Receiver<String>,
}

impl Served {
    /// TLS from the beginning.
    pub(crate) fn over(tls: ServerTls) -> Self {
        Self::limited(tls, 1000)
    }

    pub(crate) fn limited(tls: ServerTls, most: usize) -> Self {
        let (ends, told) = channel();
        let hall = Hall { ends, tls: None, most };
        Self { live: Live::start(move |reactor| reactor.listen_tls(LOOPBACK, &tls, hall)), ends: told }
    }

    /// TLS from the beginning, under policies.
    pub(crate) fn under(policies: Policies, tls: ServerTls) -> Self {
        let (ends, told) = channel();
        let hall = Hall { ends, tls: None, most: 1000 };
        let listen = move |reactor: &Reactor| reactor.listen_tls(LOOPBACK, &tls, hall.with_policies(policies));
        Self { live: Live::start(listen), ends: told }
    }

    /// In clear, until it is asked for more.
    pub(crate) fn in_clear(tls: ServerTls) -> Self {
        let (ends, told) = channel();
        let hall = Hall { ends, tls: Some(tls), most: 1000 };
        Self { live: Live::start(move |reactor| reactor.listen(LOOPBACK, hall)), ends: told }
    }

    /// What files an endpoint names; the address is put in front.
    pub(crate) fn described(options: &str) -> Self {
        let (ends, told) = channel();
        let (hall, endpoint) = (Hall { ends, tls: None, most: 1000 }, options.to_owned());
        Self { live: Live::start(move |reactor| reactor.listen(&endpoint, hall)), ends: told }
    }

    /// How the next connection ends.
    pub(crate) fn end(&self) -> String {
        self.ends.recv_timeout(PATIENCE).expect("a connection ends")
    }

    /// Whether none has ended that was not asked for.
    pub(crate) fn has_ended_no_other(&self) -> bool {
        self.ends.try_recv().is_err()
    }
}
