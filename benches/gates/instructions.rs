//! Instructions of the hot paths, against budgets.
//!
//! A cost is told from two counts, of a work done so often and twice as often. Where much of it depends on the machine
//! (the C library copies and allocates as the processor allows, `memchr` searches so) the cost is that over a reference,
//! which does no more than that.
//!
//! The counts are those of the release profile as it stands: `CARGO_INCREMENTAL=1` inlines less, and a frame may
//! cost several times as much.

use benches::Result;

use crate::report::{Measured, Report};
use crate::tools;
use crate::works::{FRAMES, MEMBERS, SAID};

/// What a work may cost.
struct Budget {
    work: &'static str,
    /// What it is compared with.
    reference: Option<&'static str>,
    /// How many units a round is.
    units: usize,
    unit: &'static str,
    /// Instructions for one unit, over the reference: what was measured, and about a twentieth.
    budget: f64,
    look_at: &'static str,
}

const fn frame(work: &'static str, reference: Option<&'static str>, budget: f64, look_at: &'static str) -> Budget {
    Budget { work, reference, units: FRAMES, unit: "frame of 64 bytes", budget, look_at }
}

const BUDGETS: [Budget; 15] = [
    frame("decode lines", Some("find line ends"), 10.0, "`Line::decode`"),
    frame("decode netstrings", None, 59.0, "`Netstring::decode`"),
    frame("decode int32", None, 25.5, "`LengthPrefixed::decode`"),
    frame("encode lines", Some("copy frames"), 52.5, "`Line::encode`"),
    frame("encode netstrings", Some("copy frames"), 77.0, "`Netstring::encode`"),
    frame("encode int32", Some("copy frames"), 17.0, "`LengthPrefixed::encode`"),
    frame(
        "echo lines",
        Some("echo lines by hand"),
        232.0,
        "`Connection::deliver`, `Transport::send`, `Outbox::append`",
    ),
    Budget {
        work: "echo chunks",
        reference: Some("copy chunks"),
        units: 1,
        unit: "chunk of 4 KiB",
        budget: 3900.0,
        look_at: "`Connection::handle_bytes` and `step`, `Transport::send`, `Outbox`",
    },
    Budget {
        work: "hear numbers",
        reference: Some("hear numbers by hand"),
        units: FRAMES,
        unit: "line",
        budget: 76.0,
        look_at: "`Line::decode`, `Connection::deliver`, what `#[protocol]` writes",
    },
    Budget {
        work: "add numbers by state",
        reference: Some("hear numbers"),
        units: FRAMES,
        unit: "line",
        budget: 237.0,
        look_at: "`FromFrame` of numbers, `Context::state`, what `#[state_machine]` writes",
    },
    Budget {
        work: "broadcast",
        reference: Some("copy to members"),
        units: SAID * MEMBERS,
        unit: "delivery",
        budget: 73.0,
        look_at: "`protocol::broadcast`, `Transport::send_encoded`, `Queue::append_encoded`",
    },
    Budget {
        work: "echo over a socket",
        reference: None,
        units: 1,
        unit: "request and turn",
        budget: 2700.0,
        look_at: "`Reactor::one_turn`, `transport::Stream`, `Connection::handle_bytes` and `step`",
    },
    Budget {
        work: "echo datagrams",
        reference: None,
        units: 1,
        unit: "datagram and turn",
        budget: 2595.0,
        look_at: "`Reactor::one_turn`, `transport::Datagrams`, `datagram::Heart`, `DatagramTransport`",
    },
    Budget {
        work: "fire a callback",
        reference: Some("allocate a box"),
        units: 1,
        unit: "callback",
        budget: 744.0,
        look_at: "`Deferred::add_callback`, `Resolver::callback`, `deferred::link`",
    },
    Budget {
        work: "set and cancel timers",
        reference: None,
        units: 1,
        unit: "timer",
        budget: 274.0,
        look_at: "`clock::Timers`, its queue and slots",
    },
];

pub(crate) fn hold(report: &mut Report) -> Result {
    if cfg!(debug_assertions) {
        report.skipped("the budgets are those of a release build: cargo test --release -p benches --test gates");
        return Ok(());
    }
    if !tools::usable(report, "valgrind") {
        return Ok(());
    }
    for budget in &BUDGETS {
        if report.wants(budget.work) {
            budget.hold(report)?;
        }
    }
    Ok(())
}

impl Budget {
    fn hold(&self, report: &mut Report) -> Result {
        let reference = self.reference.map_or(Ok(0.0), |reference| self.cost(reference))?;
        let over = self.reference.map(|reference| format!(" over {reference:?}"));
        report.measured(&Measured {
            gate: self.work,
            cost: self.cost(self.work)? - reference,
            budget: self.budget,
            least: 0.85 * self.budget,
            unit: &format!("instructions a {}{}", self.unit, over.unwrap_or_default()),
            look_at: self.look_at,
        });
        Ok(())
    }

    /// Instructions for one unit of a work.
    fn cost(&self, work: &str) -> Result<f64> {
        let rounds = 40_000 / self.units;
        let (once, twice) = (tools::instructions(work, rounds)?, tools::instructions(work, 2 * rounds)?);
        Ok((twice - once) as f64 / (rounds * self.units) as f64)
    }
}
