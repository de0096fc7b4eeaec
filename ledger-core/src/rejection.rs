//! The refusal of a command: a value, not a fault.

use serde::{Deserialize, Serialize};

/// Why a command was refused. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// Stable, lower-case `noun.problem`; listed in `schemas/errors.json`.
    pub code: String,
    /// What, why, and what to do.
    pub message: String,
    /// The path of the field at fault, for example `data.allocate[0].amount`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Milliseconds after which the same is worth another try, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
}

impl Rejection {
    /// A refusal that no single field explains.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: message.into(),
            field: None,
            retry_after_ms: None,
        }
    }

    /// A refusal because of one field of the command.
    pub fn at(code: Code, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(code, message) }
    }

    /// Adds when it is worth another try.
    #[must_use]
    pub fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal),+ $(,)?) => {
        /// Every code that a rejection can carry; a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])* $name),+ }

        impl Code {
            /// All codes in the order of this list.
            pub const ALL: &'static [Code] = &[$(Code::$name),+];

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text),+ }
            }

            /// What it means, for the published list.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),*)),+ }
            }
        }
    };
}

// A macro, so that a code, its text and its meaning cannot drift apart.
codes! {
    /// The server does not say who sent the command, and the daemon records nothing else.
    ActorUnproven = "actor.unproven",
    /// The command says that somebody else sent it than the server does.
    ActorMismatch = "actor.mismatch",
    /// An amount is not a decimal number in a JSON string.
    AmountInvalid = "amount.invalid",
    /// An amount has more decimals than its currency, or a rate more than twelve.
    AmountPrecision = "amount.precision",
    /// An amount has more than twelve digits before the point.
    AmountTooLarge = "amount.too_large",
    /// An amount must be above zero (or not below it).
    AmountNotPositive = "amount.not_positive",
    /// The book is at its limit of waiting commands; send the command again.
    BookBusy = "book.busy",
    /// Another daemon writes the book, and this one stands by, or no server answers; send the command
    /// again with the same id, over NATS or to that daemon.
    BookStandby = "book.standby",
    /// The disk of the book has less free than is kept in reserve: nothing was stored. Make room.
    BookDiskReserve = "book.disk_reserve",
    /// The daemon takes no commands of the book now, as it starts or ends: nothing was stored.
    BookNotReady = "book.not_ready",
    /// The book was not opened yet.
    BookNotOpen = "book.not_open",
    /// The book is open already.
    BookExists = "book.exists",
    /// The command names another book than the one that it was sent to.
    BookMismatch = "book.mismatch",
    /// The command is not JSON of the right shape.
    CommandMalformed = "command.malformed",
    /// The command has more bytes than the limit.
    CommandTooLarge = "command.too_large",
    /// The command's JSON is nested deeper than the limit.
    CommandTooDeep = "command.too_deep",
    /// A field that the command does not have.
    CommandUnknownField = "command.unknown_field",
    /// A field that the command needs is missing.
    CommandMissingField = "command.missing_field",
    /// There is no such command.
    CommandUnknown = "command.unknown",
    /// The command is part of the contract, but not of this release.
    CommandNotSupported = "command.not_supported",
    /// The id was used for a command with other content.
    CommandIdReused = "command.id_reused",
    /// The outcome of the command is not known yet; send it again with the same id.
    CommandOutcomeUnknown = "command.outcome_unknown",
    /// The actor may not be named over this transport.
    ActorNotAllowed = "actor.not_allowed",
    /// A date that does not exist or is out of range.
    DateInvalid = "date.invalid",
    /// A range whose end is before its start.
    DateEndBeforeStart = "date.end_before_start",
    /// A document with more lines than the limit.
    DocumentTooManyLines = "document.too_many_lines",
    /// A document without lines.
    DocumentNoLines = "document.no_lines",
    /// A document cannot be printed: the book was opened without its seller's data.
    DocumentSellerMissing = "document.seller_missing",
    /// A document lacks what its format demands.
    DocumentIncomplete = "document.incomplete",
    /// A document cannot be said in the format: more decimals than it takes, or a rule broken.
    DocumentNotRepresentable = "document.not_representable",
    /// There is no such format or language of a document.
    DocumentFormat = "document.format",
    /// The id is that of an invoice and of a credit.
    DocumentAmbiguous = "document.ambiguous",
    /// There is no such document.
    DocumentUnknown = "document.unknown",
    /// A line id that stands twice in one document.
    LineDuplicate = "line.duplicate",
    /// A line that does not exist.
    LineUnknown = "line.unknown",
    /// An identifier that is empty, too long, or has control characters.
    IdentifierInvalid = "identifier.invalid",
    /// A text that is too long or has control characters.
    TextInvalid = "text.invalid",
    /// A currency that ISO 4217 does not know.
    CurrencyUnknown = "currency.unknown",
    /// Two documents whose currencies differ.
    CurrencyMismatch = "currency.mismatch",
    /// No exchange rate on or before the date.
    FxRateMissing = "fx.rate_missing",
    /// An exchange rate that is none: zero, below zero, or of a currency in itself.
    FxRateInvalid = "fx.rate_invalid",
    /// A policy or a value of one that does not exist.
    PolicyUnknown = "policy.unknown",
    /// A policy of the contract that this release does not apply yet.
    PolicyNotSupported = "policy.not_supported",
    /// An account of something that is no role.
    AccountRoleUnknown = "account.role_unknown",
    /// An account's code or name that is empty, too long, or cannot be seen.
    AccountCodeInvalid = "account.code_invalid",
    /// One account for roles of different kinds: asset, liability, income, expense.
    AccountKindConflict = "account.kind_conflict",
    /// A mapping by product of a role whose postings know none.
    AccountNoProduct = "account.no_product",
    /// There is no such account.
    AccountUnknown = "account.unknown",
    /// A time zone that does not exist.
    TimeZoneUnknown = "time_zone.unknown",
    /// The product does not exist.
    ProductUnknown = "product.unknown",
    /// The product exists already.
    ProductExists = "product.exists",
    /// The customer does not exist.
    CustomerUnknown = "customer.unknown",
    /// The customer is on hold: new orders, or new invoices, are refused.
    CustomerOnHold = "customer.on_hold",
    /// The customer is not on hold.
    CustomerNotOnHold = "customer.not_on_hold",
    /// A customer that would stand above itself.
    CustomerParentLoop = "customer.parent_loop",
    /// A customer names a dunning policy that the book does not have.
    DunningUnknown = "dunning.unknown",
    /// A dunning policy without stages, or with stages that do not ascend.
    DunningInvalid = "dunning.invalid",
    /// A dunning run that would issue more reminders than one command takes.
    DunningRunTooLarge = "dunning.run_too_large",
    /// A customer names a schedule of collecting that the book does not have.
    CollectionUnknown = "collection.unknown",
    /// A schedule of collecting that makes no sense.
    CollectionInvalid = "collection.invalid",
    /// The customer is not collected by a processor.
    CollectionNone = "collection.none",
    /// The request to a processor does not exist, or is another invoice's.
    PaymentRequestUnknown = "payment_request.unknown",
    /// The request has ended already.
    PaymentRequestFinished = "payment_request.finished",
    /// The invoice has a request in flight.
    PaymentRequestInFlight = "payment_request.in_flight",
    /// A request for more than is open, or for nothing.
    PaymentRequestInvalid = "payment_request.invalid",
    /// A run of requests through a day that is still to come.
    PaymentRequestTooEarly = "payment_request.too_early",
    /// A run that would make more requests than one command takes.
    PaymentRequestRunTooLarge = "payment_request.run_too_large",
    /// A promise for a day before it is made, for more than is open, or of an invoice that owes
    /// nothing.
    PromiseInvalid = "promise.invalid",
    /// The customer exists already.
    CustomerExists = "customer.exists",
    /// The document belongs to another customer.
    CustomerMismatch = "customer.mismatch",
    /// The order does not exist.
    OrderUnknown = "order.unknown",
    /// The order exists already.
    OrderExists = "order.exists",
    /// The date is before the order's start or after its end.
    OrderOutsideTerm = "order.outside_term",
    /// The order is cancelled: nothing changes it any more.
    OrderCancelled = "order.cancelled",
    /// The order is suspended: resume it first.
    OrderSuspended = "order.suspended",
    /// The order is not suspended.
    OrderNotSuspended = "order.not_suspended",
    /// The order has no end, or nothing that reaches it, and so nothing to renew.
    OrderNotRenewable = "order.not_renewable",
    /// A change that is effective before another one, and cannot be worked into it.
    OrderLaterChange = "order.later_change",
    /// The amendment's id was used before.
    AmendmentExists = "amendment.exists",
    /// A price model or a part of one that does not fit.
    PriceInvalid = "price.invalid",
    /// A price model that this release does not apply yet.
    PriceNotSupported = "price.not_supported",
    /// A discount that is no share of the price, or more than it.
    DiscountInvalid = "discount.invalid",
    /// Billing periods, an anchor or a timing that do not fit the line.
    BillingInvalid = "billing.invalid",
    /// A billing run that would issue more documents than one command takes.
    BillingRunTooLarge = "billing.run_too_large",
    /// A billing run through a date that is absurdly far.
    BillingRunTooFar = "billing.run_too_far",
    /// Standalone selling prices that sum to zero.
    SspZero = "ssp.zero",
    /// A recognition method or basis that does not fit.
    RecognitionInvalid = "recognition.invalid",
    /// A delivery that does not fit the line: another kind of line, or neither a quantity nor a
    /// percentage.
    DeliveryInvalid = "delivery.invalid",
    /// More is delivered than was ordered.
    DeliveryExceedsQuantity = "delivery.exceeds_quantity",
    /// Milestones that sum to more than 100 percent.
    MilestoneExceedsWhole = "milestone.exceeds_whole",
    /// Usage of a line that is not recognised by usage.
    UsageInvalid = "usage.invalid",
    /// The usage reading's id was used before.
    UsageExists = "usage.exists",
    /// The invoice does not exist.
    InvoiceUnknown = "invoice.unknown",
    /// The invoice exists already.
    InvoiceExists = "invoice.exists",
    /// The invoice is void.
    InvoiceVoid = "invoice.void",
    /// The invoice has money, a credit or a write-off applied to it.
    InvoiceHasApplications = "invoice.has_applications",
    /// The invoice's amounts do not fit together.
    InvoiceInvalid = "invoice.invalid",
    /// A tax code that is not defined, or a rate that makes no sense.
    TaxInvalid = "tax.invalid",
    /// A tax code without a rate on the date.
    TaxRateMissing = "tax.rate_missing",
    /// The payment does not exist.
    PaymentUnknown = "payment.unknown",
    /// The payment exists already.
    PaymentExists = "payment.exists",
    /// More is allocated than is open on the invoice or unapplied on the payment.
    PaymentOverAllocated = "payment.over_allocated",
    /// More is taken off an invoice than the payment had settled of it.
    PaymentOverDeallocated = "payment.over_deallocated",
    /// The payment has no chargeback that is still to be decided.
    ChargebackUnknown = "chargeback.unknown",
    /// More is written off than is open.
    WriteOffExceedsOpen = "write_off.exceeds_open",
    /// More is recovered than was written off.
    RecoveryExceedsWriteOff = "recovery.exceeds_write_off",
    /// An allowance that names neither rates nor an amount, or both, or a bucket that is none.
    AllowanceInvalid = "allowance.invalid",
    /// An early-payment discount that does not fit the invoice.
    CashDiscountInvalid = "cash_discount.invalid",
    /// The credit does not exist.
    CreditUnknown = "credit.unknown",
    /// The credit exists already.
    CreditExists = "credit.exists",
    /// The credit is above what is left of the line.
    CreditExceedsLine = "credit.exceeds_line",
    /// The credit is above what is unearned.
    CreditExceedsUnearned = "credit.exceeds_unearned",
    /// More of a credit is applied than either side has.
    CreditOverApplied = "credit.over_applied",
    /// The parts of `apply` do not sum to the credit.
    CreditApplyMismatch = "credit.apply_mismatch",
    /// The credit is void.
    CreditVoid = "credit.void",
    /// The credit was paid back.
    CreditRefunded = "credit.refunded",
    /// A refund above what was paid.
    RefundExceedsPaid = "refund.exceeds_paid",
    /// The dispute is open already, or there is none.
    DisputeInvalid = "dispute.invalid",
    /// The period is closed.
    PeriodClosed = "period.closed",
    /// A close before the last one, or an opening of days that are not closed.
    PeriodInvalid = "period.invalid",
    /// Something is still open that the book does not close over.
    PeriodNotReady = "period.not_ready",
    /// Days would be closed that are not over.
    PeriodInFuture = "period.in_future",
    /// The book closes by month, and the close does not end on a month's last day.
    PeriodNotMonthEnd = "period.not_month_end",
    /// The book closes by month, and a month would be left out.
    PeriodMonthSkipped = "period.month_skipped",
    /// Closing over what the book refuses, or reopening, needs a reason.
    PeriodReasonMissing = "period.reason_missing",
    /// The log has no such sequence or instant.
    ReportOutOfRange = "report.out_of_range",
    /// There is no such report, or it lacks a filter.
    ReportUnknown = "report.unknown",
    /// A filter that the report does not have.
    ReportFilter = "report.filter",
    /// The report's answer is larger than the transport takes; narrow it with filters.
    ReportTooLarge = "report.too_large",
    /// Ageing, open items and control accounts differ: the report is not shown, verify the book.
    ReportDoesNotTie = "report.does_not_tie",
    /// The log cannot be read now, or a projection stopped at an event; commands still work.
    ReportUnavailable = "report.unavailable",
    /// A bank statement, or an entry of one, that is not of its format, or is cut short.
    StatementMalformed = "statement.malformed",
    /// A bank statement whose own totals do not tie: nothing of it is booked.
    StatementChecksum = "statement.checksum",
    /// Money of a payer that cannot be told; a suspense customer takes it where one is named.
    ReceiptPayerUnknown = "receipt.payer_unknown",
    /// A receipt without a date.
    ReceiptNoDate = "receipt.no_date",
    /// A bank's id for money that stands in the book with another amount or date.
    ReceiptConflict = "receipt.conflict",
    /// A file of the ECB's reference rates, or a row of one, that is not of its format.
    EcbMalformed = "ecb.malformed",
    /// Two rates of one currency and day in what is imported: neither goes in.
    EcbRateConflict = "ecb.rate_conflict",
    /// No rate of the files is of the currencies and days that were asked for.
    EcbNothingMatches = "ecb.nothing_matches",
    /// An event of a payment processor that lacks what its command needs.
    StripeMalformed = "stripe.malformed",
    /// A charge that was asked for, told without its fee; the adapter that charged knows it.
    StripeFeeUnknown = "stripe.fee_unknown",
    /// A webhook whose signature is missing or wrong.
    WebhookSignature = "webhook.signature",
    /// A webhook that was signed too long ago, or in the future.
    WebhookTooOld = "webhook.too_old",
    /// The daemon has no signing secret for webhooks.
    WebhookNotConfigured = "webhook.not_configured",
}
