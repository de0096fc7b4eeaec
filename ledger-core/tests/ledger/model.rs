//! The naive model: documents in whole cents, each rule as the accounting page words it.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use serde_json::{Value, json};

use crate::step::{Size, Step};

/// An invoice.
#[derive(Clone)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) customer: String,
    issued: Day,
    due: Day,
    pub(crate) total: i128,
    pub(crate) open: i128,
    pub(crate) paid: i128,
    pub(crate) disputed: bool,
    pub(crate) lines: Vec<Line>,
}

/// A line of an invoice.
#[derive(Clone)]
pub(crate) struct Line {
    net: i128,
    rate: i128,
    credited_net: i128,
    pub(crate) tax: i128,
    pub(crate) credited_tax: i128,
}

/// A payment or a credit.
#[derive(Clone)]
pub(crate) struct Pot {
    customer: String,
    pub(crate) amount: i128,
    pub(crate) left: i128,
}

/// All that is open.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) today: Day,
    order: &'static str,
    tolerance: i128,
    is_open: bool,
    series: u32,
    customers: Vec<String>,
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) payments: BTreeMap<String, Pot>,
    pub(crate) credits: BTreeMap<String, Pot>,
}

/// The day on which every book opens.
pub(crate) fn first_day() -> Day {
    Day::from_numbers(2025, 1, 1).unwrap()
}

fn text(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// To the nearest whole number, halves to the even one; nothing is below zero here.
fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (below, rest) = (numerator / denominator, numerator % denominator);
    let is_up = 2 * rest > denominator || (2 * rest == denominator && below % 2 == 1);
    below + i128::from(is_up)
}

/// Tax is rounded per document and rate; the lines share it by cumulative rounding in their
/// order (accounting, section 4).
fn taxed(lines: &[(i128, i128, i32)]) -> Vec<Line> {
    let group_net = |rate: i128, count: usize| -> i128 {
        lines.iter().take(count).filter(|line| line.1 == rate).map(|line| line.0).sum()
    };
    let through = |rate: i128, count: usize| {
        let whole = group_net(rate, lines.len());
        half_even(half_even(whole * rate, 100) * group_net(rate, count), whole)
    };
    let line = |(index, &(net, rate, _)): (usize, &(i128, i128, i32))| {
        let tax = through(rate, index + 1) - through(rate, index);
        Line { net, rate, credited_net: 0, tax, credited_tax: 0 }
    };
    lines.iter().enumerate().map(line).collect()
}

impl Model {
    /// A book that is not open yet.
    pub(crate) fn new(order: &'static str, tolerance: i128) -> Self {
        Self {
            today: first_day(),
            order,
            tolerance,
            is_open: false,
            series: 0,
            customers: Vec::new(),
            invoices: Vec::new(),
            payments: BTreeMap::new(),
            credits: BTreeMap::new(),
        }
    }

    /// The step's command, and the model after it; none where it is to be refused.
    pub(crate) fn play(&self, step: &Step) -> (Value, Option<Self>) {
        let mut after = self.clone();
        let (name, data, taken) = match step {
            Step::OpenBook => after.open_book(),
            Step::Register(customer) => after.register(*customer),
            Step::Invoice { customer, named, lines } => after.invoice(*customer, *named, lines),
            Step::PayByRule { payment, customer, amount, rule, reference } => {
                let reference = reference.and_then(|index| self.invoices.get(self.at(index)));
                let reference =
                    reference.map_or(String::new(), |named| format!("for {}", named.id));
                let payer = format!("C{customer}");
                after.pay_by_rule(format!("P{payment}"), payer, *amount, rule, &reference)
            }
            Step::PayTo { payment, like, amount, to } => after.pay_to(*payment, *like, *amount, to),
            Step::Allocate { payment, to } => {
                let (id, to) = (known(&self.payments, *payment), self.named(to));
                let data = json!({"payment": id, "allocations": listed(&to)});
                let taken = (!to.is_empty()).then(|| after.settle_by_payment(&id, &to));
                ("AllocatePayment", data, taken.flatten())
            }
            Step::Credit { credit, line, size, apply, revenue } => {
                after.credit(format!("K{credit}"), *line, *size, (*apply, revenue))
            }
            Step::ApplyCredit { credit, to } => {
                let (id, to) = (known(&self.credits, *credit), self.named(to));
                let data = json!({"credit": id, "allocations": listed(&to)});
                let taken = (!to.is_empty()).then(|| after.settle_by_credit(&id, &to));
                ("ApplyCredit", data, taken.flatten())
            }
            Step::Dispute { invoice, size } => after.dispute(*invoice, *size),
            Step::Resolve(invoice) => {
                let data = json!({"invoice": self.name(*invoice), "outcome": "rejected"});
                let found =
                    after.invoices.get_mut(self.at(*invoice)).filter(|invoice| invoice.disputed);
                ("ResolveDispute", data, found.map(|invoice| invoice.disputed = false))
            }
        };
        let is_taken = taken.is_some() && (self.is_open || matches!(step, Step::OpenBook));
        (json!({"command": name, "data": data}), is_taken.then_some(after))
    }

    /// The place of the chosen invoice; the highest choice is one that does not exist.
    fn at(&self, choice: usize) -> usize {
        if choice == 7 { usize::MAX } else { choice.checked_rem(self.invoices.len()).unwrap_or(0) }
    }

    fn name(&self, choice: usize) -> String {
        let found = self.invoices.get(self.at(choice));
        found.map_or("missing".to_owned(), |invoice| invoice.id.clone())
    }

    fn named(&self, to: &[(usize, Size)]) -> Vec<(String, i128)> {
        let open =
            |index: usize| self.invoices.get(self.at(index)).map_or(1, |invoice| invoice.open);
        to.iter().map(|(index, size)| (self.name(*index), size.of(open(*index)))).collect()
    }

    fn open_book(&mut self) -> Played {
        let tolerance = text(self.tolerance);
        let data = json!({"currency": "USD", "policies": {"allocation_order": self.order,
            "tolerance": tolerance, "tolerance_over": tolerance}});
        let taken = (!self.is_open).then_some(());
        self.is_open = true;
        ("OpenBook", data, taken)
    }

    fn register(&mut self, customer: usize) -> Played {
        let id = format!("C{customer}");
        let data = json!({"customer": id, "name": "n", "payment_terms_days": customer * 20});
        let taken = (!self.customers.contains(&id)).then_some(());
        self.customers.push(id);
        ("RegisterCustomer", data, taken)
    }

    fn invoice(
        &mut self,
        customer: usize,
        named: Option<usize>,
        lines: &[(i128, i128, i32)],
    ) -> Played {
        let owner = format!("C{customer}");
        let mut data = json!({"customer": owner, "currency": "USD"});
        let listed = lines.iter().map(|(net, rate, days)| {
            let end = self.today.plus_days(*days);
            json!({"amount": text(*net), "tax_rate": rate.to_string(),
                "service_start": self.today, "service_end": end})
        });
        data["lines"] = listed.collect();
        self.series += u32::from(named.is_none());
        let id = named.map_or(format!("INV-{}", self.series), |number| format!("A{number}"));
        if named.is_some() {
            data["invoice"] = json!(id);
        }
        let is_free = self.invoices.iter().all(|invoice| invoice.id != id);
        let taken = (is_free && self.customers.contains(&owner)).then_some(());
        let lines = taxed(lines);
        let total = lines.iter().map(|line| line.net + line.tax).sum();
        let due = self.today.plus_days(i32::try_from(customer * 20).unwrap());
        self.invoices.push(Invoice {
            id,
            customer: owner,
            issued: self.today,
            due,
            total,
            open: total,
            paid: 0,
            disputed: false,
            lines,
        });
        ("IssueInvoice", data, taken)
    }

    fn receive(&mut self, id: &str, customer: String, amount: i128) -> Option<()> {
        let is_new = !self.payments.contains_key(id) && self.customers.contains(&customer);
        let pot = Pot { customer, amount, left: amount };
        (is_new && amount > 0).then(|| self.payments.insert(id.to_owned(), pot)).map(|_| ())
    }

    /// `auto`: the invoices that the reference names, then the policy's order (readings, 53).
    fn pay_by_rule(
        &mut self,
        id: String,
        customer: String,
        amount: i128,
        rule: &str,
        reference: &str,
    ) -> Played {
        let data = json!({"payment": id, "customer": customer, "amount": text(amount),
            "currency": "USD", "reference": reference, "allocate": rule});
        let mut to = Vec::new();
        let mut left = amount;
        let mut waiting: Vec<&Invoice> = self.invoices.iter().collect();
        waiting.retain(|one| rule == "auto" && one.customer == customer && one.open > 0);
        // The sort is stable, and invoices stand in the order of their sequence.
        waiting.sort_by_key(|one| match self.order {
            "oldest_due_first" => (0, one.due, one.issued),
            "oldest_issued_first" => (0, one.issued, one.due),
            _ => (-one.open, one.due, one.issued),
        });
        waiting.sort_by_key(|one| !reference.contains(&one.id));
        for one in waiting {
            if left > 0 {
                to.push((one.id.clone(), left.min(one.open)));
                left -= left.min(one.open);
            }
        }
        let taken = self.receive(&id, customer, amount);
        ("RecordPayment", data, taken.and_then(|()| self.settle_by_payment(&id, &to)))
    }

    fn pay_to(&mut self, payment: usize, like: usize, size: Size, to: &[(usize, Size)]) -> Played {
        let (id, to) = (format!("P{payment}"), self.named(to));
        let customer =
            self.invoices.get(self.at(like)).map_or("C0".to_owned(), |one| one.customer.clone());
        let amount = size.of(to.iter().map(|one| one.1).sum());
        let data = json!({"payment": id, "customer": customer, "amount": text(amount),
            "currency": "USD", "allocate": listed(&to)});
        let taken = self.receive(&id, customer, amount);
        ("RecordPayment", data, taken.and_then(|()| self.settle_by_payment(&id, &to)))
    }

    /// Takes from `pot` for each invoice in turn; none where either side has less.
    fn settle(&mut self, mut pot: Pot, to: &[(String, i128)]) -> Option<Pot> {
        for (id, amount) in to {
            let invoice = self.invoices.iter_mut().find(|invoice| invoice.id == *id)?;
            let is_covered = *amount > 0 && *amount <= invoice.open && *amount <= pot.left;
            if !is_covered || invoice.customer != pot.customer {
                return None;
            }
            invoice.open -= amount;
            pot.left -= amount;
        }
        Some(pot)
    }

    /// A payment also closes small balances on both sides (readings, 22).
    fn settle_by_payment(&mut self, id: &str, to: &[(String, i128)]) -> Option<()> {
        let mut pot = self.settle(self.payments.get(id)?.clone(), to)?;
        for (id, amount) in to {
            let invoice = self.invoices.iter_mut().find(|invoice| invoice.id == *id)?;
            invoice.paid += amount;
            if invoice.open <= self.tolerance {
                invoice.open = 0;
            }
        }
        if !to.is_empty() && pot.left <= self.tolerance {
            pot.left = 0;
        }
        self.payments.insert(id.to_owned(), pot).map(|_| ())
    }

    fn settle_by_credit(&mut self, id: &str, to: &[(String, i128)]) -> Option<()> {
        let pot = self.settle(self.credits.get(id)?.clone(), to)?;
        self.credits.insert(id.to_owned(), pot).map(|_| ())
    }

    fn credit(
        &mut self,
        id: String,
        line: Option<(usize, usize)>,
        size: Size,
        (apply, revenue): (u8, &str),
    ) -> Played {
        let invoice = line.map(|(invoice, _)| self.name(invoice));
        let line = line.map(|(invoice, line)| (self.at(invoice), line));
        let owner = line.and_then(|(invoice, _)| self.invoices.get(invoice));
        let customer = owner.map_or("C0".to_owned(), |invoice| invoice.customer.clone());
        let found = line.and_then(|(invoice, line)| self.invoices.get(invoice)?.lines.get(line));
        let net = size.of(found.map_or(5_000, |line| line.net - line.credited_net));
        let tax = line.and_then(|(invoice, line)| self.take_from_line(invoice, line, net));
        let total = net + tax.unwrap_or(0);
        let target = line.and_then(|(invoice, _)| self.invoices.get(invoice));
        let open = target.map_or(0, |invoice| invoice.open);
        // How it is used: on the invoice, on the account, as a refund, in parts, in wrong parts.
        let (word, applied, refunded) = match apply {
            0 => (json!("invoice"), open.min(total), 0),
            1 => (json!("account"), 0, 0),
            2 => (json!("refund"), 0, total),
            3 if target.is_some_and(|one| one.open > 0 && one.paid > 0) && total > 1 => {
                (json!({"invoice": "0.01", "refund": "0.01", "account": text(total - 2)}), 1, 1)
            }
            _ => (json!({"account": text(total + 1)}), 0, 0),
        };
        let is_word = matches!(apply, 0..=2) || refunded == 1;
        let covers = match target {
            Some(invoice) => refunded <= invoice.paid,
            None => line.is_none() && apply != 0,
        };
        let data = json!({"credit": id, "customer": customer, "invoice": invoice,
            "currency": "USD", "apply": word, "revenue": revenue, "lines": [{
                "invoice_line": line.map(|(_, line)| (line + 1).to_string()),
                "amount": text(net)}]});
        let is_new = !self.credits.contains_key(&id) && self.customers.contains(&customer);
        let is_priced = net > 0 && (line.is_none() || tax.is_some());
        if !(is_new && is_priced && is_word && covers) {
            return ("IssueCredit", data, None);
        }
        if let Some(invoice) = line.and_then(|(invoice, _)| self.invoices.get_mut(invoice)) {
            invoice.open -= applied;
            invoice.paid -= refunded;
        }
        let pot = Pot { customer, amount: total, left: total - applied - refunded };
        self.credits.insert(id, pot);
        ("IssueCredit", data, Some(()))
    }

    /// Takes a credit's net off a line and gives its tax: net × tax / net of all lines of the
    /// rate, at most what is left of the tax; what uses up the net takes all that is left.
    fn take_from_line(&mut self, invoice: usize, line: usize, net: i128) -> Option<i128> {
        let lines = &mut self.invoices.get_mut(invoice)?.lines;
        let rate = lines.get(line)?.rate;
        let of = |part: fn(&Line) -> i128| -> i128 {
            lines.iter().filter(|one| one.rate == rate).map(part).sum()
        };
        let left_net = of(|one| one.net - one.credited_net);
        let left_tax = of(|one| one.tax - one.credited_tax);
        let share = half_even((net * of(|one| one.tax)).max(0), of(|one| one.net));
        let tax = if net == left_net { left_tax } else { share.min(left_tax) };
        let target = lines.get_mut(line)?;
        if net > target.net - target.credited_net {
            return None;
        }
        target.credited_net += net;
        target.credited_tax += tax;
        Some(tax)
    }

    fn dispute(&mut self, invoice: usize, size: Option<Size>) -> Played {
        let place = self.at(invoice);
        let open = self.invoices.get(place).map_or(1, |invoice| invoice.open);
        let amount = size.map(|size| size.of(open));
        let data =
            json!({"invoice": self.name(invoice), "reason": "r", "amount": amount.map(text)});
        let is_part = amount.is_none_or(|amount| amount > 0 && amount <= open);
        let found = self.invoices.get_mut(place).filter(|one| !one.disputed && is_part);
        ("OpenDispute", data, found.map(|invoice| invoice.disputed = true))
    }
}

/// A command's name and data, and whether it is to be taken.
type Played = (&'static str, Value, Option<()>);

fn listed(to: &[(String, i128)]) -> Value {
    to.iter().map(|(id, amount)| json!({"invoice": id, "amount": text(*amount)})).collect()
}

/// One of the pots, or now and then one that does not exist.
fn known(pots: &BTreeMap<String, Pot>, choice: usize) -> String {
    let id = pots.keys().nth(choice % (pots.len() + 1));
    id.cloned().unwrap_or("missing".to_owned())
}
