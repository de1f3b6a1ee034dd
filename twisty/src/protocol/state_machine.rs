//! Machines: protocols whose handlers depend on a state, and the graph of their states.

use std::fmt;

use super::Protocol;

/// A protocol with states. `#[state_machine(First, Second, …)]` writes this.
///
/// ```
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Door;
///
/// #[derive(Default)]
/// struct Closed;
/// struct Open;
///
/// #[state_machine(Closed, Open)]
/// impl Door {
///     #[on(line in Closed)]
///     fn push(&mut self) -> (&'static str, Open) {
///         ("It opens.", Open)
///     }
///
///     #[on(line in Open)]
///     fn slam(&mut self) -> (&'static str, Closed) {
///         ("Bang!", Closed)
///     }
/// }
///
/// assert_eq!(
///     Door::diagram().mermaid(),
///     "stateDiagram-v2\n    [*] --> Closed\n    Closed --> Open: line\n    Open --> Closed: line\n"
/// );
/// ```
pub trait StateMachine: Protocol {
    /// The states and what leads from one to another.
    #[must_use]
    fn diagram() -> Diagram;
}

/// The graph of a machine: its states and the ways between them.
///
/// ```
/// use twisty::protocol::{Diagram, Transition};
///
/// let diagram = Diagram {
///     name: "Door",
///     states: &["Closed", "Open"],
///     transitions: &[Transition { from: "Closed", event: "line", to: "Open" }],
/// };
/// assert!(diagram.dot().contains("\"Closed\" -> \"Open\" [label=\"line\"]"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagram {
    /// The protocol's name.
    pub name: &'static str,
    /// The states; a connection starts in the first.
    pub states: &'static [&'static str],
    /// The ways between them, by handler, in the order of the source.
    pub transitions: &'static [Transition],
}

/// One way from a state to another, or to itself.
///
/// ```
/// let step = twisty::protocol::Transition { from: "Closed", event: "line", to: "Open" };
/// assert_ne!(step.from, step.to);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state that the event finds.
    pub from: &'static str,
    /// The event, as in `#[on(…)]`.
    pub event: &'static str,
    /// The state that the handler can lead to.
    pub to: &'static str,
}

impl Diagram {
    /// The graph in Mermaid's language, which many forges and editors draw.
    ///
    /// ```
    /// # use twisty::protocol::{Diagram, Transition};
    /// let diagram = Diagram {
    ///     name: "Door",
    ///     states: &["Closed", "Open"],
    ///     transitions: &[Transition { from: "Closed", event: "line", to: "Open" }],
    /// };
    /// assert_eq!(diagram.mermaid(), "stateDiagram-v2\n    [*] --> Closed\n    Closed --> Open: line\n");
    /// ```
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = String::from("stateDiagram-v2\n");
        if let Some(first) = self.states.first() {
            text += &format!("    [*] --> {first}\n");
        }
        for Transition { from, event, to } in self.transitions {
            text += &format!("    {from} --> {to}: {event}\n");
        }
        text
    }

    /// The graph in Graphviz's language: `dot -Tsvg` draws it.
    ///
    /// ```
    /// # use twisty::protocol::{Diagram, Transition};
    /// let diagram = Diagram {
    ///     name: "Door",
    ///     states: &["Closed", "Open"],
    ///     transitions: &[Transition { from: "Closed", event: "line", to: "Open" }],
    /// };
    /// assert!(diagram.dot().contains("start -> \"Closed\"\n    \"Closed\" -> \"Open\" [label=\"line\"]\n"));
    /// ```
    #[must_use]
    pub fn dot(&self) -> String {
        let mut text = format!("digraph \"{}\" {{\n    start [shape=point]\n", self.name);
        for state in self.states {
            text += &format!("    \"{state}\"\n");
        }
        if let Some(first) = self.states.first() {
            text += &format!("    start -> \"{first}\"\n");
        }
        for Transition { from, event, to } in self.transitions {
            text += &format!("    \"{from}\" -> \"{to}\" [label=\"{event}\"]\n");
        }
        text + "}\n"
    }
}

/// The Mermaid text.
impl fmt::Display for Diagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mermaid())
    }
}
