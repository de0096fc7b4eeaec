//! The shard's state that `decide` reads: a fold over the events, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::calendar::Day;
use crate::chart::Chart;
use crate::command::shared::Allocation;
use crate::event::book::{ProductDefined, TaxRateDefined};
use crate::event::credit::CreditedLine;
use crate::event::customer::CustomerRegistered;
use crate::event::invoice::{IssuedCashDiscount, RunLine};
use crate::event::payment::{PaymentAllocation, PaymentChargedBack};
use crate::event::{Event, EventData};
use crate::fx::Rates;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::paged::PagedMap;
use crate::policy::{Policies, WriteOffTo};
use crate::posting::{ContractId, Values};
use crate::revenue::schedule::Schedule;
use crate::state::order::Order;

mod apply;
pub mod books;
pub mod collections;
pub mod foreign;
pub mod order;
pub mod requests;

/// Everything that deciding a command needs to know of the book.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Ledger {
    /// The open book; none before `OpenBook`.
    pub book: Option<Book>,
    /// The catalog.
    pub products: BTreeMap<Identifier, ProductDefined>,
    /// The customers.
    pub customers: PagedMap<Identifier, Customer>,
    /// Orders by id.
    pub orders: PagedMap<Identifier, Order>,
    /// Invoices by id.
    pub invoices: PagedMap<Identifier, Invoice>,
    /// Payments by id.
    pub payments: PagedMap<Identifier, Payment>,
    /// Credits by id.
    pub credits: BTreeMap<Identifier, Credit>,
    /// Holds, promises, disputes and reminders.
    pub collections: collections::Collections,
    /// What processors were asked for.
    pub requests: requests::Requests,
    /// Exchange rates.
    pub rates: Rates,
    /// What documents in other currencies than the book's stand at in the book's.
    pub values: Values,
    /// Tax rates by code, in the order of recording.
    pub tax_rates: BTreeMap<Identifier, Vec<TaxRateDefined>>,
    /// What was posted by day, and what each contract was billed.
    pub books: books::Books,
    /// Documents in other currencies than the book's, by day.
    pub foreign: foreign::Foreign,
    /// By the command's id, what billing runs issued that have not ended yet.
    pub unfinished_runs: BTreeMap<Identifier, RunSoFar>,
}

/// What a billing run issued so far.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct RunSoFar {
    /// Invoices.
    pub invoices: u32,
    /// Credits.
    pub credits: u32,
    /// Invoiced less credited by currency, tax included.
    pub totals: BTreeMap<String, Amount>,
}

/// The settings of an open book.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Book {
    /// Functional currency.
    pub currency: Currency,
    /// IANA time zone.
    pub time_zone: String,
    /// The policies in force.
    pub policies: Policies,
    /// Its own mapping of accounts.
    pub chart: Chart,
    /// `credit_revenue` by reason, where the book maps it.
    pub credit_revenue_by_reason: BTreeMap<String, crate::policy::CreditRevenue>,
    /// The number that the book's invoice series gave last.
    pub last_invoice_number: u64,
    /// The number that the book's credit series gave last.
    pub last_credit_number: u64,
    /// The last closed day.
    pub closed_through: Option<Day>,
    /// What moved the allowance for doubtful accounts, with the days: above zero raises it.
    pub allowance: Vec<(Day, Amount)>,
}

/// A customer and what is open of theirs.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Customer {
    /// As registered.
    pub registered: CustomerRegistered,
    /// Invoices with an open amount, by id.
    pub open_invoices: BTreeSet<Identifier>,
    /// Credits with an unused amount, by the sequence of their issue.
    pub open_credits: BTreeMap<u64, Identifier>,
}

impl Customer {
    /// A customer without documents.
    pub fn new(registered: CustomerRegistered) -> Self {
        Self { registered, open_invoices: BTreeSet::new(), open_credits: BTreeMap::new() }
    }
}

/// An invoice.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Invoice {
    /// Who owes it.
    pub customer: Identifier,
    /// The order that it bills.
    pub order: Option<Identifier>,
    /// Its currency.
    pub currency: Currency,
    /// Issue date.
    pub issued: Day,
    /// Due date.
    pub due: Day,
    /// The event's sequence, which breaks ties of allocation.
    pub sequence: u64,
    /// What is owed in all.
    pub total: Amount,
    /// What is still owed.
    pub open: Amount,
    /// Money that was applied and not paid back; applied credit is not money (readings, 27).
    pub paid: Amount,
    /// What lowered (above zero) or raised what is open, with the days.
    pub settlements: Vec<(Day, Amount)>,
    /// Early-payment discounts.
    pub cash_discounts: Vec<IssuedCashDiscount>,
    /// What was written off and not recovered.
    pub written_off: Option<Box<WrittenOff>>,
    /// Whether it is in dispute.
    pub disputed: bool,
    /// Whether it was voided.
    pub voided: bool,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
}

impl Invoice {
    /// What is open on a day and stays so on every later one.
    pub fn open_from(&self, day: Day) -> Amount {
        let later = self.settlements.iter().map(|(on, _)| *on).filter(|on| *on > day);
        later.map(|on| self.open_on(on)).fold(self.open_on(day), Amount::min)
    }

    /// How often something that had settled it was taken off again.
    pub fn reopened(&self) -> u32 {
        let negative = self.settlements.iter().filter(|(_, amount)| amount.is_negative());
        u32::try_from(negative.count()).unwrap_or(u32::MAX)
    }

    /// What was open at the end of a day.
    pub fn open_on(&self, day: Day) -> Amount {
        let settled = self.settlements.iter().filter(|(on, _)| *on <= day);
        self.total - settled.map(|(_, amount)| *amount).sum()
    }
}

/// A line of an invoice with what is left of it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct InvoiceLine {
    /// The line's id.
    pub line: Identifier,
    /// The order line that it bills.
    pub order_line: Option<Identifier>,
    /// Its contract.
    pub contract: ContractId,
    /// The service dates that it bills.
    pub service: Option<(Day, Day)>,
    /// Whether a billing run issued it: the period of the order line, or the amendment of one.
    pub run: Option<RunLine>,
    /// Before tax, as issued.
    pub net: Amount,
    /// Tax, as issued.
    pub tax: Amount,
    /// Tax code.
    pub tax_code: Option<String>,
    /// Tax rate in percent.
    pub tax_rate: Option<Amount>,
    /// Net amount that credits, write-offs and chargebacks took.
    pub credited_net: Amount,
    /// Tax that went with it.
    pub credited_tax: Amount,
    /// What of both early-payment discounts took.
    pub discounted: Option<Box<Discounted>>,
    /// What credits took of what was earned, with their days.
    pub contra: Vec<(Day, Amount)>,
    /// Schedule versions in the order of recording; empty where it bills an order line.
    pub versions: Vec<Schedule>,
}

/// What early-payment discounts took of a line.
#[derive(Debug, Clone, Copy, Default, BorshSerialize, BorshDeserialize)]
pub struct Discounted {
    /// Before tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
}

impl InvoiceLine {
    /// What is left of its net amount, to be credited, discounted or written off.
    pub fn left_net(&self) -> Amount {
        self.net - self.credited_net
    }

    /// What is left of its tax.
    pub fn left_tax(&self) -> Amount {
        self.tax - self.credited_tax
    }
}

/// What was written off of an invoice, and what was recovered of it.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct WrittenOff {
    /// All of it.
    pub amount: Amount,
    /// Its relieved tax.
    pub tax: Amount,
    /// Its loss.
    pub loss: Amount,
    /// Where the loss went.
    pub write_off_to: WriteOffTo,
    /// The day of the latest write-off.
    pub day: Day,
    /// What was recovered.
    pub recovered: Amount,
    /// The relieved tax of that.
    pub recovered_tax: Amount,
    /// The loss of that.
    pub recovered_loss: Amount,
}

/// A payment.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Payment {
    /// Who paid.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// When it was received.
    pub received: Day,
    /// The latest day on which something happened to it.
    pub touched: Day,
    /// What was received.
    pub amount: Amount,
    /// What settles nothing yet.
    pub unapplied: Amount,
    /// What settles invoices, the latest last.
    pub allocations: Vec<PaymentAllocation>,
    /// An overpayment that went to small_balance_write_off.
    pub overpayment: Amount,
    /// Chargebacks that are not won, the latest last.
    pub chargebacks: Vec<PaymentChargedBack>,
}

/// A credit.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Credit {
    /// Whose it is.
    pub customer: Identifier,
    /// The invoice whose lines it credits.
    pub invoice: Option<Identifier>,
    /// Its currency.
    pub currency: Currency,
    /// What the customer gets.
    pub amount: Amount,
    /// What was neither applied nor paid back.
    pub unused: Amount,
    /// When it was issued.
    pub issued: Day,
    /// The event's sequence.
    pub sequence: u64,
    /// The latest day on which something happened to it.
    pub touched: Day,
    /// What was paid back.
    pub refunded: Amount,
    /// What it settled.
    pub applied: Vec<Allocation>,
    /// What is credited.
    pub lines: Vec<CreditedLine>,
    /// Before tax.
    pub net: Amount,
    /// Tax given back.
    pub tax: Amount,
    /// Whether it was voided.
    pub voided: bool,
}

impl Ledger {
    /// Folds one event of the log. Total: what `decide` made always applies.
    pub fn apply(&mut self, event: &Event) {
        let closed = self.book.as_ref().and_then(|book| book.closed_through);
        self.books.take(event, closed);
        self.foreign.take(event, closed);
        apply::apply(self, event);
        if let EventData::PeriodClosed(data) = &event.data {
            self.learn(event.sequence, data.through);
        }
    }
}
