//! What the gates say.

use benches::Result;

/// Prints each gate as it is held, and counts.
pub(crate) struct Report {
    /// Words, one of which the name of a gate contains; none for all gates.
    words: Vec<String>,
    family: &'static str,
    held: usize,
    broken: usize,
    skipped: usize,
}

/// What was measured, and what it may be.
pub(crate) struct Measured<'a> {
    pub(crate) gate: &'a str,
    /// For one request, frame, delivery…
    pub(crate) cost: f64,
    pub(crate) budget: f64,
    /// Below this the budget says little, and should be lowered.
    pub(crate) least: f64,
    /// What is counted, for one of what.
    pub(crate) unit: &'a str,
    /// What to look at when it is too much.
    pub(crate) look_at: &'a str,
}

impl Report {
    pub(crate) fn new<'a>(words: impl Iterator<Item = &'a &'a str>) -> Self {
        Self { words: words.map(|word| (*word).to_owned()).collect(), family: "", held: 0, broken: 0, skipped: 0 }
    }

    pub(crate) fn begin(&mut self, family: &'static str) {
        self.family = family;
    }

    /// Whether the command line asks for this gate.
    pub(crate) fn wants(&self, gate: &str) -> bool {
        let name = format!("{}, {gate}", self.family);
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word))
    }

    /// Holds a cost against its budget.
    pub(crate) fn measured(&mut self, measured: &Measured<'_>) {
        let Measured { gate, cost, budget, least, unit, look_at } = measured;
        let allowed = format!("{cost:.2} {unit}, at most {budget:.2}");
        match cost {
            // Rounding of what was divided is no cost.
            _ if *cost > budget + 1e-6 => self.broken(gate, &format!("{allowed}. Look at {look_at}")),
            _ if cost < least => self.held(gate, &format!("{allowed}; it became cheaper, lower the budget")),
            _ => self.held(gate, &allowed),
        }
    }

    pub(crate) fn held(&mut self, gate: &str, what: &str) {
        self.held += 1;
        self.say("ok", gate, what);
    }

    pub(crate) fn broken(&mut self, gate: &str, why: &str) {
        self.broken += 1;
        self.say("BROKEN", gate, why);
    }

    /// Says why a family is not measured.
    pub(crate) fn skipped(&mut self, why: &str) {
        self.skipped += 1;
        self.say("skipped", "all", why);
    }

    fn say(&self, outcome: &str, gate: &str, what: &str) {
        println!("{outcome:<8}{:<14}{gate}: {what}", self.family);
    }

    /// The summary; an error if a gate is broken.
    pub(crate) fn end(&self) -> Result {
        let Self { held, broken, skipped, .. } = self;
        let outcome = if *broken == 0 { "ok" } else { "FAILED" };
        println!("\ngates: {outcome}. {held} held; {broken} broken; {skipped} families skipped");
        if *broken == 0 { Ok(()) } else { Err(format!("{broken} gates are broken, see above").into()) }
    }
}
