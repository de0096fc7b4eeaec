//! Collecting: the requests of the log that have no result yet, and the round that brings them one.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use commands::clock::{Clock, SystemClock};
use ledger_core::log::SharedLog;
use ledger_core::rejection::Code;
use schemas::reply::{Outcome, Reply};
use serde_json::{Value, json};

use crate::cli::Global;
use crate::desk::{Desk, lines};
use crate::exit::Failure;

pub(crate) mod intent;
pub(crate) mod outbox;
pub(crate) mod refusal;
pub(crate) mod stripe;

use intent::{Standing, Step};
use outbox::{Outbox, Pending};
use stripe::Stripe;

/// How long a request that has no result yet is left alone, and at most.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(600);

/// What rounds came to.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    paid: u64,
    failed: u64,
    canceled: u64,
    in_flight: u64,
    unknown: u64,
    refused: u64,
}

impl Counts {
    /// Whether every request has a result, or is the processor's to decide.
    pub(crate) fn is_clean(&self) -> bool {
        self.unknown == 0 && self.refused == 0
    }

    /// Whether the processor could not be asked.
    pub(crate) fn has_unknown(&self) -> bool {
        self.unknown > 0
    }

    /// The last line of the answer.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} paid, {} failed, {} canceled, {} in flight, {} not known, {} refused",
            self.paid, self.failed, self.canceled, self.in_flight, self.unknown, self.refused
        )
    }
}

/// A processor's adapter at work on one book.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    global: &'a Global,
    log: SharedLog,
    outbox: Outbox,
    stripe: Stripe,
    /// The intents of requests that are still to come out, and when to look again.
    looked: BTreeMap<String, Looked>,
    /// What the account does not know: whose fault that is the end of the round says.
    missing: Vec<Missing>,
}

/// A request whose customer or payment method the account does not know.
#[derive(Debug)]
struct Missing {
    pending: Pending,
    is_open: bool,
    why: String,
}

#[derive(Debug)]
struct Looked {
    intent: Option<String>,
    again: Instant,
    pause: Duration,
}

impl<'a> Collector<'a> {
    /// Reads the log from its first event on.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) async fn start(
        global: &'a Global,
        log: SharedLog,
        stripe: Stripe,
    ) -> Result<Self, Failure> {
        let mut outbox = Outbox::new(stripe::PROCESSOR, &global.book);
        outbox.catch_up(&log).await?;
        let (looked, missing) = (BTreeMap::new(), Vec::new());
        Ok(Self { global, log, outbox, stripe, looked, missing })
    }

    /// Sees to each request that has no result yet, and tells what came of it.
    ///
    /// # Errors
    /// Where the log, the book or the processor cannot be used; what was charged by then is
    /// recorded, and what was not is still in the log.
    pub(crate) async fn round(&mut self) -> Result<Counts, Failure> {
        self.outbox.catch_up(&self.log).await?;
        // What a webhook ended meanwhile needs no other look.
        let outbox = &self.outbox;
        self.looked.retain(|request, _| outbox.holds(request));
        let mut counts = Counts::default();
        let now = Instant::now();
        let looked = &self.looked;
        let is_due = |request: &str| looked.get(request).is_none_or(|one| one.again <= now);
        let due: Vec<Pending> = self.outbox.pending(&SystemClock, &is_due);
        if due.is_empty() {
            return Ok(counts);
        }
        // Open before anything is charged: who cannot record must not collect.
        let desk = Desk::open(self.global).await?;
        self.missing.clear();
        let mut done = Ok(());
        for pending in due {
            done = self.one(&desk, &pending, &mut counts).await;
            if done.is_err() {
                break;
            }
        }
        if done.is_ok() {
            done = self.missing(&desk, &mut counts).await;
        }
        desk.close().await?;
        done.map(|()| counts)
    }

    async fn one(
        &mut self,
        desk: &Desk,
        pending: &Pending,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let request = pending.asked.request.as_str();
        // A round takes its time: what was paid or canceled since it began is not charged.
        self.outbox.catch_up(&self.log).await?;
        if !self.outbox.holds(request) {
            return Ok(());
        }
        let known = self.looked.get(request).and_then(|one| one.intent.clone());
        let is_open = self.outbox.is_open_for(&pending.asked);
        let now = SystemClock.now();
        // The client blocks; nothing else runs meanwhile but what serves it.
        let step = tokio::task::block_in_place(|| {
            let is_recorded = |charge: &str| self.outbox.is_recorded(charge);
            let known = known.as_deref();
            let ended = self.outbox.ended(&pending.asked.invoice);
            let standing = Standing { is_open, known, is_recorded: &is_recorded, ended };
            intent::see_to(&self.stripe, pending, &standing, now)
        })?;
        let told = match step {
            Step::Charged(charge) => match paid(pending, &charge) {
                Ok(told) => told,
                Err(why) => {
                    counts.refused += 1;
                    self.later(request, None);
                    let text = format!(
                        "paid, but its charge cannot be read, so record it with RecordPayment: {why}"
                    );
                    return tell(request, &text);
                }
            },
            Step::Failed { code, charge } => failed(pending, &code, charge),
            Step::NotOpen => canceled(pending),
            Step::Processing { intent } => {
                counts.in_flight += 1;
                self.later(request, Some(intent));
                return tell(request, "in flight, the bank has not answered");
            }
            Step::Missing(why) => {
                self.missing.push(Missing { pending: pending.clone(), is_open, why });
                return Ok(());
            }
            Step::Unknown { intent, why } => {
                counts.unknown += 1;
                self.later(request, intent);
                return tell(request, &format!("not known yet, asked again later: {why}"));
            }
        };
        self.record(desk, pending, told, counts).await
    }

    /// Ends the requests whose customer the account does not know, once it is sure that it is the
    /// right account: one with the wrong key must not cost every customer an attempt.
    async fn missing(&mut self, desk: &Desk, counts: &mut Counts) -> Result<(), Failure> {
        let missing = std::mem::take(&mut self.missing);
        let Some(first) = missing.first().map(|one| one.why.clone()) else { return Ok(()) };
        if let Some(charge) = self.outbox.collected()
            && !self.stripe.is_proven()
        {
            let path = format!("/v1/charges/{}", ledger_core::id::subject_token(charge.as_str()));
            // What it proves, the connection remembers.
            let _answer = tokio::task::block_in_place(|| self.stripe.get(&path, &[]))?;
        }
        let is_proven = self.stripe.is_proven();
        for Missing { pending, is_open, why } in missing {
            let request = pending.asked.request.as_str();
            if is_proven {
                let of_it = || failed(&pending, "resource_missing", None);
                let told = if is_open { of_it() } else { canceled(&pending) };
                self.record(desk, &pending, told, counts).await?;
            } else {
                counts.unknown += 1;
                self.later(request, None);
                tell(request, &format!("not known yet, asked again later: {why}"))?;
            }
        }
        if is_proven { Ok(()) } else { Err(refusal::nobody_known(&first)) }
    }

    fn later(&mut self, request: &str, intent: Option<String>) {
        let known = self.looked.remove(request);
        let pause = known.as_ref().map_or(LOOK_AGAIN, |one| (one.pause * 2).min(LOOK_AGAIN_MAX));
        let intent = intent.or_else(|| known.and_then(|one| one.intent));
        let looked = Looked { intent, again: Instant::now() + pause, pause };
        self.looked.insert(request.to_owned(), looked);
    }

    /// Hands a result in. What somebody else recorded before is no trouble: the log has it.
    async fn record(
        &mut self,
        desk: &Desk,
        pending: &Pending,
        told: Told,
        counts: &mut Counts,
    ) -> Result<(), Failure> {
        let request = pending.asked.request.as_str();
        let reply = submit(desk, &told.envelope).await?;
        let code = reply.error.as_ref().map_or("", |error| error.code.as_str());
        let is = |known: Code| code == known.as_str();
        if is(Code::PaymentExists) && self.outbox.is_in_flight(&self.log, request).await? {
            // The money is there, told without the request.
            if !self.outbox.is_settled(&pending.asked.invoice) {
                // To end the request would have the next run take the money once more.
                counts.refused += 1;
                self.later(request, None);
                let text = format!(
                    "{}, but that was recorded without the request and the invoice is still open: \
                     settle it with AllocatePayment; until then it stays in flight",
                    told.text
                );
                return tell(request, &text);
            }
            let data = json!({"request": request, "code": "recorded_before"});
            submit(desk, &pending.envelope("recorded", "CancelPaymentRequest", &data)).await?;
        }
        let was_there = is(Code::PaymentExists)
            || is(Code::PaymentRequestFinished)
            || is(Code::CommandIdReused);
        let mut text = told.text;
        if was_there {
            text.push_str(", recorded before");
        } else if reply.outcome == Outcome::Rejected {
            counts.refused += 1;
            self.later(request, None);
            let why = reply.error.map(|error| error.to_string()).unwrap_or_default();
            return tell(request, &format!("{text}, but not recorded: {why}"));
        }
        match told.kind {
            Kind::Paid => counts.paid += 1,
            Kind::Failed => counts.failed += 1,
            Kind::Canceled => counts.canceled += 1,
        }
        self.looked.remove(request);
        tell(request, &text)
    }
}

/// A result as it is recorded and told.
struct Told {
    kind: Kind,
    envelope: Value,
    text: String,
}

enum Kind {
    Paid,
    Failed,
    Canceled,
}

fn paid(pending: &Pending, charge: &Value) -> Result<Told, String> {
    let (data, day) = intent::payment(&pending.asked, charge)?;
    let text = format!("paid, payment {}", data["payment"].as_str().unwrap_or_default());
    let mut envelope = pending.envelope("paid", "RecordPayment", &data);
    envelope["effective"] = json!(day);
    Ok(Told { kind: Kind::Paid, envelope, text })
}

fn failed(pending: &Pending, code: &str, charge: Option<String>) -> Told {
    let asked = &pending.asked;
    let mut data = json!({"invoice": asked.invoice, "code": code, "request": asked.request});
    if let Some(charge) = charge {
        data["payment"] = json!(charge);
    }
    let envelope = pending.envelope("failed", "FailPayment", &data);
    Told { kind: Kind::Failed, envelope, text: format!("failed, {code}") }
}

fn canceled(pending: &Pending) -> Told {
    let data = json!({"request": pending.asked.request, "code": "invoice_not_open"});
    let envelope = pending.envelope("canceled", "CancelPaymentRequest", &data);
    let text = "canceled, the invoice is no longer open for it; nothing was charged".to_owned();
    Told { kind: Kind::Canceled, envelope, text }
}

async fn submit(desk: &Desk, envelope: &Value) -> Result<Reply, Failure> {
    let line = lines::Line { number: 1, bytes: envelope.to_string().into_bytes() };
    let reply = desk.submit(line).await?;
    serde_json::from_slice(&reply).map_err(|error| {
        Failure::store("service.failed", "a reply is not one of a ledger").because(error)
    })
}

/// One line for each request.
fn tell(request: &str, text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{request}: {text}")?;
    Ok(output.flush()?)
}
