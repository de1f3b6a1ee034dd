//! The graph of a machine: which handler runs in which state, and where it leads.

use std::fmt::Write as _;

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::event::Kind;
use super::model::{Handler, Machine, distinct};

/// `GetName --line--> Chatting`
#[derive(PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) event: String,
    pub(crate) to: String,
}

impl<'a> Handler<'a> {
    /// The states that it names as the next ones.
    pub(crate) fn next(self) -> impl Iterator<Item = &'a Ident> {
        self.function.returns.iter().chain(&self.on.to)
    }
}

impl Machine {
    /// The states in which this handler is the one that runs: a handler for any state leaves those out that have one of
    /// their own, and a connection is made in the first state.
    pub(crate) fn serves<'a>(&'a self, handler: Handler<'a>) -> Vec<&'a Ident> {
        if !handler.on.states.is_empty() {
            return handler.on.states.iter().collect();
        }
        let kind = handler.on.event.kind;
        let possible = if kind == Kind::Connect { 1 } else { usize::MAX };
        let has_its_own = |state| self.handlers_of(kind).any(|other| other.on.states.contains(state));
        self.states().iter().take(possible).filter(|state| !has_its_own(state)).collect()
    }

    /// Where each handler leads, in the order of the source and each way once; who names no next state stays.
    pub(crate) fn edges(&self) -> Vec<Edge> {
        let ways = |handler| self.serves(handler).into_iter().flat_map(move |from| edges_from(from, handler));
        distinct(self.handlers().flat_map(ways))
    }

    /// The states that no way leads to.
    pub(crate) fn unreached(&self) -> Vec<&Ident> {
        let edges = self.edges();
        let mut reached: Vec<_> = self.states().iter().take(1).map(plain).collect();
        let mut next = 0;
        while let Some(from) = reached.get(next).cloned() {
            let found = edges.iter().filter(|edge| edge.from == from).map(|edge| edge.to.clone());
            reached = distinct(reached.into_iter().chain(found));
            next += 1;
        }
        self.states().iter().filter(|state| !reached.contains(&plain(state))).collect()
    }

    /// In Mermaid's language, as `Diagram::mermaid` writes it.
    pub(crate) fn mermaid(&self) -> String {
        let mut text = String::from("stateDiagram-v2\n");
        for first in self.states().iter().take(1) {
            let _infallible = writeln!(text, "    [*] --> {}", plain(first));
        }
        for Edge { from, event, to } in self.edges() {
            let _infallible = writeln!(text, "    {from} --> {to}: {event}");
        }
        text
    }
}

fn edges_from(from: &Ident, handler: Handler<'_>) -> Vec<Edge> {
    let edge = |to| Edge { from: plain(from), event: handler.on.event.label(), to: plain(to) };
    let edges: Vec<_> = handler.next().map(edge).collect();
    let stays = !matches!(handler.on.event.kind, Kind::Connect | Kind::Disconnect);
    if edges.is_empty() && stays { vec![edge(from)] } else { edges }
}

/// `type` of `r#type`
pub(crate) fn plain(name: &Ident) -> String {
    name.unraw().to_string()
}
