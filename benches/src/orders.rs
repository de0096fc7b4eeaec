//! The work of `latency` and `peers`: orders that are placed, invoiced and paid.
//!
//! An order has two lines, a subscription over a year and a setup, with a tax of 10 percent, which is
//! exact to the cent here. Its three commands are sent one after another, each when the one before it is
//! acknowledged.

/// Customers of the book.
pub const CUSTOMERS: u64 = 1_000;

/// The three commands of an order, in their order.
pub const STEPS: [Step; 3] = [Step::Place, Step::Invoice, Step::Pay];

/// Which command of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `PlaceOrder`.
    Place,
    /// `IssueInvoice`.
    Invoice,
    /// `RecordPayment`.
    Pay,
}

/// The terms of an order, in cents where they are money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Which order, counted from zero.
    pub number: u64,
    /// The subscription, a multiple of ten.
    pub subscription: u64,
    /// The setup, a multiple of ten.
    pub setup: u64,
    /// The day of January 2026 on which it begins.
    pub day: u64,
}

impl Terms {
    /// The terms of an order: no two neighbours have the same.
    pub fn of(number: u64) -> Self {
        let subscription = 10_000 + number * 370 % 900_000;
        Self { number, subscription, setup: 20_000, day: 1 + number % 28 }
    }

    /// Its customer.
    pub fn customer(&self) -> String {
        format!("C-{}", self.number % CUSTOMERS)
    }

    /// The tax on an amount.
    pub fn tax_of(cents: u64) -> u64 {
        cents / 10
    }

    /// What is owed, with the tax.
    pub fn total(&self) -> u64 {
        let net = self.subscription + self.setup;
        net + Self::tax_of(net)
    }
}

/// Cents as a decimal.
pub fn amount(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The commands that open the book and register its customers.
pub fn opening() -> Vec<String> {
    let mut lines = vec![
        r#"{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}"#
            .to_owned(),
    ];
    lines.extend((0..CUSTOMERS).map(|number| {
        format!(
            r#"{{"id":"c-{number}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"C-{number}","name":"Customer {number}"}}}}"#
        )
    }));
    lines
}

/// The name of a step's command, as in the subject of a request.
pub fn name(step: Step) -> &'static str {
    match step {
        Step::Place => "PlaceOrder",
        Step::Invoice => "IssueInvoice",
        Step::Pay => "RecordPayment",
    }
}

/// A command of an order, as it is sent.
pub fn command(step: Step, number: u64) -> String {
    let terms = Terms::of(number);
    match step {
        Step::Place => place(&terms),
        Step::Invoice => invoice(&terms),
        Step::Pay => pay(&terms),
    }
}

fn place(terms: &Terms) -> String {
    let Terms { number, day, .. } = terms;
    let (customer, price, setup) =
        (terms.customer(), amount(terms.subscription), amount(terms.setup));
    format!(
        r#"{{"id":"o-{number}","command":"PlaceOrder","effective":"2026-01-{day:02}","data":{{"order":"ORD-{number:07}","customer":"{customer}","currency":"USD","start":"2026-01-{day:02}","term_months":12,"purchase_order":"PO-{number:07}","lines":[{{"line":"1","description":"Subscription, one year","quantity":"1","price":{{"model":"flat","amount":"{price}","per":"term"}},"recognition":{{"method":"over_time"}},"billing":{{"every":"term","timing":"advance"}}}},{{"line":"2","description":"Setup","quantity":"1","price":{{"model":"flat","amount":"{setup}","per":"once"}},"recognition":{{"method":"point_in_time"}},"billing":{{"every":"once","timing":"advance"}}}}]}}}}"#
    )
}

fn invoice(terms: &Terms) -> String {
    let Terms { number, day, .. } = terms;
    let (customer, price, setup) =
        (terms.customer(), amount(terms.subscription), amount(terms.setup));
    format!(
        r#"{{"id":"i-{number}","command":"IssueInvoice","effective":"2026-01-{day:02}","data":{{"invoice":"INV-{number:07}","customer":"{customer}","order":"ORD-{number:07}","currency":"USD","due":"2026-02-28","lines":[{{"line":"1","order_line":"1","description":"Subscription, one year","amount":"{price}","tax_rate":"10"}},{{"line":"2","order_line":"2","description":"Setup","amount":"{setup}","tax_rate":"10"}}]}}}}"#
    )
}

fn pay(terms: &Terms) -> String {
    let Terms { number, day, .. } = terms;
    let (customer, total) = (terms.customer(), amount(terms.total()));
    format!(
        r#"{{"id":"p-{number}","command":"RecordPayment","effective":"2026-02-{day:02}","data":{{"payment":"PAY-{number:07}","customer":"{customer}","amount":"{total}","currency":"USD","method":"card","reference":"INV-{number:07}","allocate":[{{"invoice":"INV-{number:07}","amount":"{total}"}}]}}}}"#
    )
}
