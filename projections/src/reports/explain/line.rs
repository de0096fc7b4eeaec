//! One line: what decides its revenue, day by day of the month.

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use ledger_core::revenue::explain::Steps;
use ledger_core::revenue::progress::Step;
use ledger_core::revenue::schedule::Schedule;
use serde_json::{Map, Value, json};

use super::{Ask, Statement, usage, words};
use crate::views::Line;

/// A schedule, and the event that made it.
#[derive(Clone, Copy)]
struct Version<'a> {
    sequence: u64,
    schedule: &'a Schedule,
}

impl PartialEq for Version<'_> {
    /// One event can make two versions of a line: the very same one is meant.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.schedule, other.schedule)
    }
}

/// The statements on a line, and what it earned in the month; none where nothing was known of it.
pub(super) fn explain(ask: &Ask<'_>, line: &Line) -> Option<(Vec<Statement>, Amount)> {
    let known = ask.query.sequence;
    let is_metered = line.meter.as_ref().is_some_and(|meter| meter.terms(known).next().is_some());
    if !is_metered && !line.versions.iter().any(|(at, _)| *at <= known) {
        return None;
    }
    let mut walk = Walk { ask, line, statements: Vec::new(), told: None };
    walk.begin();
    let mut day = ask.before.next();
    while day <= ask.through {
        walk.pass(day);
        day = day.next();
    }
    walk.tell(ask.through);
    let currency = ask.contract.currency;
    let at = |day: Day| line.earned(day, ask.query.at(), currency);
    let (opening, closing) = (at(ask.before), at(ask.through));
    let earned = closing - opening;
    let text = format!("{}: {closing} - {opening} = {earned}", words::days(ask));
    walk.statements.push(Statement::new("line", text).on(ask.through).of(earned));
    Some((walk.statements, earned))
}

/// The version that decides what is earned through a day.
fn version<'a>(ask: &Ask<'_>, line: &'a Line, day: Day) -> Option<Version<'a>> {
    let schedule = line.in_force(day, ask.known(day))?;
    let made = line.versions.iter().find(|(_, one)| std::ptr::eq(one, schedule));
    made.map(|(sequence, _)| Version { sequence: *sequence, schedule })
}

/// Goes through the days of the month.
struct Walk<'a> {
    ask: &'a Ask<'a>,
    line: &'a Line,
    statements: Vec<Statement>,
    /// The last day whose figure was told.
    told: Option<Day>,
}

impl Walk<'_> {
    /// What stands at the end of the month before, and what was recorded for the month.
    fn begin(&mut self) {
        let before = self.ask.before;
        if let Some(version) = version(self.ask, self.line, before) {
            self.version(version);
        }
        if let Some(meter) = &self.line.meter {
            self.statements.extend(usage::recorded(self.ask, meter));
        }
        self.tell(before);
        self.deliveries();
    }

    /// What begins on a day: a version, a catch-up, what was late for closed days.
    fn pass(&mut self, day: Day) {
        let yesterday = day.previous();
        let (known_before, known) = (self.ask.known(yesterday), self.ask.known(day));
        let currency = self.ask.contract.currency;
        let as_known = |known: u64| self.line.earned_as_known(yesterday, known, currency);
        let new = version(self.ask, self.line, day);
        let is_other = new != version(self.ask, self.line, yesterday);
        if known_before == known && !is_other {
            return;
        }
        let (closed, restated) = (as_known(known_before), as_known(known));
        let late = restated - closed;
        if is_other || !late.is_zero() {
            self.tell(yesterday);
        }
        if let Some(new) = new.filter(|_| is_other) {
            self.version(new);
        }
        if !late.is_zero() {
            let steps = self.line.explain(yesterday, known, currency);
            let restated = steps.map_or_else(|| restated.to_string(), |steps| steps.to_string());
            let text = format!(
                "the days through {yesterday} were closed with {closed}; with what was recorded \
                 after event {known_before} they come to {restated}: the difference is posted on \
                 {day}"
            );
            self.statements.push(Statement::new("late", text).on(day).of(late));
        }
        let Some(new) = new.filter(|new| is_other && new.schedule.from == day) else { return };
        let catch_up = new.schedule.recognised - restated;
        if !catch_up.is_zero() {
            let text = format!(
                "the new version starts with {}, the old one had earned {restated} through \
                 {yesterday}: the difference is posted on {day}",
                new.schedule.recognised
            );
            self.statements.push(Statement::new("catch_up", text).on(day).of(catch_up));
        }
    }

    fn version(&mut self, version: Version<'_>) {
        let exact = json!({"sequence": version.sequence, "schedule": version.schedule});
        let text = words::version(version.schedule);
        let policy = self.ask.contract.policies.get(&version.sequence);
        // An invoice's own line says in its schedule what shaped it.
        let policy = policy.map_or_else(|| words::shaped(version.schedule), words::policy);
        let statement = Statement { policy: Some(policy), ..Statement::new("version", text) };
        let statement = statement.on(version.schedule.from);
        self.statements.push(statement.by(version.sequence).exactly(exact));
    }

    /// What is earned through a day, and how it is computed; once for each day.
    fn tell(&mut self, day: Day) {
        if self.told == Some(day) {
            return;
        }
        self.told = Some(day);
        let known = self.ask.known(day);
        let earned = self.line.earned(day, self.ask.query.at(), self.ask.contract.currency);
        let (text, exact) = if let Some(meter) = &self.line.meter {
            usage::through(self.ask, meter, day)
        } else {
            match self.line.explain(day, known, self.ask.contract.currency) {
                Some(steps) => (steps.to_string(), exact(&steps)),
                None => (format!("{earned} (nothing began yet)"), json!({})),
            }
        };
        let text = format!("through {day}: {text}");
        let mut exact = exact;
        if let Some(object) = exact.as_object_mut() {
            object.insert("through".to_owned(), json!(day));
            object.insert("earned".to_owned(), json!(earned));
        }
        self.statements.push(Statement::new("through", text).on(day).of(earned).exactly(exact));
    }

    /// Deliveries of the month, and those that were recorded late for closed days.
    fn deliveries(&mut self) {
        let ask = self.ask;
        let closed = ask.known(ask.before);
        for (day, sequence, step) in self.line.progress.steps(ask.known(ask.through)) {
            let is_late = day <= ask.before && sequence > closed;
            if !is_late && (day <= ask.before || day > ask.through) {
                continue;
            }
            let text = match step {
                Step::Added(quantity) => format!("{quantity} delivered on {day}"),
                Step::Reached(percent) => format!("{percent} percent complete on {day}"),
            };
            self.statements.push(Statement::new("delivery", text).on(day).by(sequence));
        }
    }
}

/// The arithmetic in exact numbers.
fn exact(steps: &Steps) -> Value {
    let part = |one: &ledger_core::revenue::explain::Part| {
        let mut part = Map::new();
        part.insert("kind".to_owned(), json!(one.what.name()));
        if let Some(share) = one.share {
            part.insert("of".to_owned(), json!(share.of));
            part.insert("numerator".to_owned(), json!(share.part.normalize().to_string()));
            part.insert("denominator".to_owned(), json!(share.whole.normalize().to_string()));
        }
        part.insert("amount".to_owned(), json!(one.amount));
        Value::Object(part)
    };
    let parts: Vec<Value> = steps.parts.iter().map(part).collect();
    json!({"recognised": steps.recognised, "parts": parts, "rounding": steps.rounding})
}
