//! Contract modifications (ASC 606-10-25-10 to 25-13; accounting, section 3).

use crate::billing::grid::Length;
use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::order::{AmendOrder, Change as Asked, Proration, Treatment};
use crate::command::shared::Method;
use crate::decide::order::allocate::ssp_weight;
use crate::decide::order::change::{Change, Changed, Edit, on};
use crate::decide::order::place::{Term, check_terms, placed};
use crate::decide::order::pool::{Pool, is_shared, own_rest};
use crate::decide::order::{
    check_awake, check_term, discount, find_in_term, find_line, first_day_of_new_terms,
};
use crate::decide::{collections, invoice, policy};
use crate::event::EventData;
use crate::event::order::{Adjustment, OrderAmended, PlacedLine};
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Ledger};

/// Changes an order.
pub(in crate::decide) fn amend(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &AmendOrder,
) -> Result<Vec<EventData>, Rejection> {
    let order = find_in_term(state, &data.order, effective)?;
    collections::check_not_held(state, &order.customer, Block::Orders, "data.order")?;
    check_awake(order, &data.order)?;
    if order.amendments.contains(&data.amendment) {
        return Err(Rejection::at(
            Code::AmendmentExists,
            "data.amendment",
            format!("the order has an amendment {} already", data.amendment),
        ));
    }
    invoice::check_line_count(data.changes.len())?;
    let from = first_day_of_new_terms(book, effective);
    let context = Context { state, book, order, effective, from, data };
    let asked = context.read()?;
    let (treatment, reason) = context.treatment(&asked);
    let (lines, removed, adjustments) = context.decide(asked, treatment)?;
    Ok(vec![context.event(treatment, reason, lines, removed, adjustments)])
}

/// A change as it was asked for, with the line that it is about.
enum Wanted<'a> {
    /// New terms of a line.
    Terms(&'a OrderLine, Box<Edit>),
    /// The end of a line.
    Removal(&'a OrderLine),
    /// A new line.
    Addition(Box<PlacedLine>),
}

/// What deciding the changes of one amendment shares.
struct Context<'a> {
    state: &'a Ledger,
    book: &'a Book,
    order: &'a Order,
    effective: Day,
    /// The first day of the new terms.
    from: Day,
    data: &'a AmendOrder,
}

type Decided = (Vec<PlacedLine>, Vec<Identifier>, Vec<Adjustment>);

impl<'a> Context<'a> {
    /// Reads the changes, and refuses what does not fit the order.
    fn read(&self) -> Result<Vec<Wanted<'a>>, Rejection> {
        let mut wanted: Vec<Wanted<'a>> = Vec::with_capacity(self.data.changes.len());
        for (index, change) in self.data.changes.iter().enumerate() {
            let field = format!("data.changes[{index}]");
            let one = match (&change.line, &change.add, &change.remove) {
                (Some(line), None, None) => self.terms(line, change, &field)?,
                (None, None, Some(line)) => {
                    let line =
                        find_line(self.order, line, self.effective, &format!("{field}.remove"))?;
                    Wanted::Removal(line)
                }
                (None, Some(line), None) => {
                    let is_known = self.order.lines.iter().any(|one| one.placed.line == line.line);
                    if is_known || wanted.iter().any(|other| other.name() == &line.line) {
                        return Err(Rejection::at(
                            Code::LineDuplicate,
                            format!("{field}.add.line"),
                            format!("the order has a line {} already", line.line),
                        ));
                    }
                    discount::check_no_end(line, &format!("{field}.add"))?;
                    let (end, currency) = (self.order.end, self.order.currency);
                    let term = Term { start: self.from, end, currency };
                    let field = format!("{field}.add");
                    Wanted::Addition(Box::new(placed(self.state, self.book, &term, line, &field)?))
                }
                _ => {
                    return Err(Rejection::at(
                        Code::CommandMalformed,
                        field,
                        "a change names exactly one of line, add and remove",
                    ));
                }
            };
            if wanted.iter().any(|other| other.name() == one.name()) {
                return Err(Rejection::at(
                    Code::LineDuplicate,
                    field,
                    format!(
                        "the line {} is changed twice; say all of it in one change",
                        one.name()
                    ),
                ));
            }
            wanted.push(one);
        }
        Ok(wanted)
    }

    fn terms(&self, id: &Identifier, change: &Asked, field: &str) -> Result<Wanted<'a>, Rejection> {
        let line = find_line(self.order, id, self.effective, &format!("{field}.line"))?;
        let edit = Edit {
            quantity: change.quantity,
            price: change.price.clone(),
            discount: change.discount,
            end: change.end,
            is_suspended: None,
        };
        if edit.quantity.is_none()
            && edit.price.is_none()
            && edit.discount.is_none()
            && edit.end.is_none()
        {
            return Err(Rejection::at(
                Code::CommandMissingField,
                field,
                "a change names a new quantity, price, discount or end of its line",
            ));
        }
        let before = on(line, self.from);
        let after = edit.of(before.clone());
        let method = after.recognition.method;
        check_terms(&after.price, after.quantity, after.discount, method, field)?;
        if Length::from(after.per()) != Length::from(before.per()) {
            return Err(Rejection::at(
                Code::PriceInvalid,
                format!("{field}.price.per"),
                "a change keeps the period of the price; remove the line and add another for a new one",
            ));
        }
        if let Some(end) = after.end {
            check_term(after.start, end, &format!("{field}.end"))?;
            if end < self.from.previous() {
                return Err(Rejection::at(
                    Code::DateEndBeforeStart,
                    format!("{field}.end"),
                    format!("the line would end on {end}, before the change on {}", self.from),
                ));
            }
        }
        let done = line.delivered(self.from.previous()).0;
        if method == Method::PointInTime
            && !line.progress.is_empty()
            && after.quantity.decimal() < line.progress.most_from(self.from.previous()).max(done)
        {
            return Err(Rejection::at(
                Code::DeliveryExceedsQuantity,
                format!("{field}.quantity"),
                format!("{done} are delivered already: a quantity of {} is less", after.quantity),
            ));
        }
        Ok(Wanted::Terms(line, Box::new(edit)))
    }

    /// The treatment that was asked for, or the one that the rule gives, with its reason.
    fn treatment(&self, wanted: &[Wanted<'_>]) -> (Treatment, String) {
        let asked = self.data.treatment.unwrap_or_default();
        if asked != Treatment::Auto {
            return (asked, "as the command asked".to_owned());
        }
        let changed: Vec<&OrderLine> = wanted.iter().filter_map(Wanted::line).collect();
        let added_at_ssp = wanted.iter().all(|one| match one {
            Wanted::Addition(line) => self.is_at_ssp(line),
            Wanted::Terms(..) | Wanted::Removal(_) => true,
        });
        if changed.is_empty() {
            return if added_at_ssp {
                let reason = "added lines at their standalone selling price (606-10-25-12)";
                (Treatment::Separate, reason.to_owned())
            } else {
                let reason = "added lines that are distinct, not at their standalone selling price \
                              (606-10-25-13a)";
                (Treatment::Prospective, reason.to_owned())
            };
        }
        let is_series = |line: &&OrderLine| {
            matches!(line.placed.recognition.method, Method::OverTime | Method::Usage)
        };
        if changed.iter().all(is_series) {
            let reason = "a series of distinct services (606-10-25-13a)";
            (Treatment::Prospective, reason.to_owned())
        } else {
            (Treatment::CatchUp, "not distinct from what was delivered (606-10-25-13b)".to_owned())
        }
    }

    /// Whether a line costs what it would cost alone.
    fn is_at_ssp(&self, line: &PlacedLine) -> bool {
        let (weight, of) = ssp_weight(self.book, self.order.currency, line);
        let alone = self.order.currency.round(weight / of, self.book.policies.rounding);
        line.ssp.is_none() || alone == line.amount
    }

    /// The first day on which the new price holds: with `proration: none` the running period
    /// keeps its price, and a price for the whole term changes whole (readings, 50).
    fn terms_from(&self, line: &OrderLine) -> Day {
        let start = line.placed.start;
        let from = self.from.max(start);
        if self.data.proration != Some(Proration::None) {
            return from;
        }
        if line.placed.is_priced_once() {
            return start;
        }
        let costs = line.costs(&self.book.policies, self.order.currency);
        match costs.grid().at(from) {
            Some(period) if period.start < from => period.whole_end.next(),
            Some(_) | None => from,
        }
    }

    fn decide(&self, wanted: Vec<Wanted<'a>>, treatment: Treatment) -> Result<Decided, Rejection> {
        let description = format!("amendment {}", self.data.amendment);
        let change = Change {
            book: self.book,
            currency: self.order.currency,
            from: self.from,
            due: self.effective,
            is_catch_up: treatment == Treatment::CatchUp,
            description: &description,
        };
        let asked = self.data.treatment.unwrap_or_default();
        let (mut changed, mut later) = (Vec::new(), Vec::new());
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for one in wanted {
            match one {
                Wanted::Terms(line, edit) => {
                    let from = self.terms_from(line);
                    if line.terms.last().is_some_and(|one| one.from > from) {
                        later.push((line, edit, from));
                    } else {
                        // A running period that keeps its price goes on as it is.
                        let keeps = line.placed.last().is_none();
                        let first = if keeps { from.max(self.from) } else { self.from };
                        let change = Change { from: first, ..change };
                        changed.push(change.of(line, edit.of(line.placed.clone()), Some(from)));
                    }
                }
                Wanted::Removal(line) => {
                    removed.push(line.placed.line.clone());
                    let ended = Some(self.from.previous());
                    let after = PlacedLine { ended, ..line.placed.clone() };
                    let mut ended = change.of(line, after, None);
                    // Usage is metered up to its last day under the terms that it had.
                    let latest = ended.after.meter_terms().and_then(|_| line.terms.last());
                    ended.after.terms_from = latest.map(|terms| terms.from);
                    changed.push(ended);
                }
                Wanted::Addition(mut line) => {
                    line.is_separate = match (treatment, asked) {
                        (Treatment::Separate, _) => true,
                        (_, Treatment::Auto) => self.is_at_ssp(&line),
                        _ => false,
                    };
                    added.push(*line);
                }
            }
        }
        let mut adjustments: Vec<Adjustment> =
            changed.iter().flat_map(|one: &Changed<'_>| one.adjustments.clone()).collect();
        let is_joint = treatment == Treatment::CatchUp || is_shared(self.order, &added);
        if let Some((line, ..)) =
            later.iter().find(|(line, ..)| is_joint || self.is_delivered(line))
        {
            return Err(self.too_late(line));
        }
        let pool = Pool { change: &change, order: self.order, effective: self.effective };
        let mut lines = match treatment {
            Treatment::CatchUp => pool.catch_up(changed, &mut added),
            Treatment::Separate => own_rest(&change, changed),
            Treatment::Auto | Treatment::Prospective => pool.prospective(changed, &mut added)?,
        };
        for (line, edit, from) in later {
            let (versions, differences) = change.before_later(line, &edit, from);
            lines.extend(versions);
            adjustments.extend(differences);
        }
        lines.extend(added);
        Ok((lines, removed, adjustments))
    }

    /// Whether some of a line that earns by deliveries is delivered when the new terms begin.
    fn is_delivered(&self, line: &OrderLine) -> bool {
        let version = line.versions.last();
        version.is_some_and(|version| version.progress.is_some())
            && !line.progress.done(self.from.previous()).is_zero()
    }

    /// A change of a line that changes again later is worked in line by line: not where all of
    /// its progress is priced anew, or where lines share what is still to be delivered; nor where
    /// some of it is delivered, for the price of that is known with the later change only.
    fn too_late(&self, line: &OrderLine) -> Rejection {
        let last = line.terms.last().map_or(self.from, |terms| terms.from);
        Rejection::at(
            Code::OrderLaterChange,
            "effective",
            format!(
                "the line {} has new terms from {last} already, after {}; a change before that is \
                 taken where it is prospective, no line shares its price by standalone selling \
                 price, and nothing of the line is delivered",
                line.placed.line, self.effective
            ),
        )
    }

    fn event(
        &self,
        treatment: Treatment,
        treatment_reason: String,
        lines: Vec<PlacedLine>,
        removed: Vec<Identifier>,
        adjustments: Vec<Adjustment>,
    ) -> EventData {
        let ends = lines.iter().filter(|line| !removed.contains(&line.line)).map(|line| line.end);
        let end =
            ends.fold(self.order.end, |end, line| end.zip(line).map(|(one, other)| one.max(other)));
        EventData::OrderAmended(OrderAmended {
            order: self.data.order.clone(),
            customer: self.order.customer.clone(),
            currency: self.order.currency,
            amendment: self.data.amendment.clone(),
            treatment,
            treatment_reason,
            end,
            transaction_price: self.order.price_with(&lines),
            lines,
            removed,
            from: Some(self.from),
            adjustments,
            policy: policy::of_revenue(&self.book.policies),
        })
    }
}

impl<'a> Wanted<'a> {
    fn name(&self) -> &Identifier {
        match self {
            Self::Terms(line, _) | Self::Removal(line) => &line.placed.line,
            Self::Addition(line) => &line.line,
        }
    }

    fn line(&self) -> Option<&'a OrderLine> {
        match self {
            Self::Terms(line, _) | Self::Removal(line) => Some(line),
            Self::Addition(_) => None,
        }
    }
}
