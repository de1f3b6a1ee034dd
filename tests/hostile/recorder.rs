//! A protocol over any framing that writes down what it is told.

use std::marker::PhantomData;

use twisty::error::{Malformed, Overlong, SendError};
use twisty::framing::Decoded;
use twisty::prelude::*;
use twisty::testing::{Client, Server};
use twisty::{Address, FramingError};

/// The factory: what the one connection starts with, and what it was told.
pub(crate) struct Record<F: Framing> {
    framing: Late<F>,
    /// Done after each frame.
    react: fn(&Context<Recorder<F>>, &[u8]),
    pub(crate) told: Told,
    pub(crate) transport: Option<Transport<Late<F>>>,
}

/// All that a protocol can be told.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) frames: Vec<Vec<u8>>,
    /// Raw bytes, and how many frames came before each of them.
    pub(crate) raw: Vec<(usize, u8)>,
    pub(crate) error: Option<FramingError>,
}

impl<F: Framing> Record<F> {
    pub(crate) fn new(framing: F) -> Self {
        Self { framing: Late(Some(framing)), react: |_, _| {}, told: Told::default(), transport: None }
    }

    /// The same, with something to do after each frame.
    pub(crate) fn reacting(self, react: fn(&Context<Recorder<F>>, &[u8])) -> Self {
        Self { react, ..self }
    }

    /// A server with one client.
    pub(crate) fn connect(self) -> (Server<Self>, Client<Self>) {
        let server = Server::new(self);
        let client = server.connect();
        (server, client)
    }
}

impl<F: Framing> Factory for Record<F> {
    type Protocol = Recorder<F>;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Recorder<F>> {
        Some(Recorder(PhantomData))
    }
}

/// A framing that is given to its connection once that is there, because `Protocol::framing` knows no settings.
pub(crate) struct Late<F>(Option<F>);

impl<F> Late<F> {
    pub(crate) fn get(&mut self) -> &mut F {
        self.0.as_mut().expect("given when the connection was made")
    }
}

impl<F: Framing> Framing for Late<F> {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        self.get().decode(buffer)
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.0.as_ref().expect("given when the connection was made").encode(frame, out)
    }

    fn take_back(&mut self) -> usize {
        self.get().take_back()
    }
}

pub(crate) struct Recorder<F>(PhantomData<F>);

impl<F: Framing> Protocol for Recorder<F> {
    type Framing = Late<F>;
    type Factory = Record<F>;

    fn framing() -> Late<F> {
        Late(None)
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        let mut record = cx.factory_mut();
        cx.framing_mut().0 = record.framing.0.take();
        record.transport = Some(cx.transport());
    }

    fn frame_received(&mut self, cx: &Context<Self>, frame: &[u8]) {
        cx.factory_mut().told.frames.push(frame.to_vec());
        let react = cx.factory().react;
        react(cx, frame);
    }

    fn raw_received(&mut self, cx: &Context<Self>, data: &[u8]) {
        let told = &mut cx.factory_mut().told;
        let before = told.frames.len();
        told.raw.extend(data.iter().map(|&byte| (before, byte)));
    }

    fn connection_lost(&mut self, cx: &Context<Self>, reason: Failure) {
        let overlong = reason.check::<Overlong>().map(|&overlong| overlong.into());
        cx.factory_mut().told.error = overlong.or_else(|| Some(reason.check::<Malformed>()?.clone().into()));
    }
}
