//! Exchange rates, and what the events of a command post in the book's currency (accounting,
//! section 6).

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::book::RecordFxRate;
use crate::decide::text;
use crate::event::book::FxRateRecorded;
use crate::event::{EventData, NewEvent};
use crate::fx::ExchangeRate;
use crate::limits::INTEGER_DIGITS_MAX;
use crate::money::Currency;
use crate::posting::{Valuer, at_own_rate};
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

/// Adds a rate.
pub(super) fn record(data: &RecordFxRate) -> Result<Vec<EventData>, Rejection> {
    if data.from == data.to {
        return Err(Rejection::at(
            Code::FxRateInvalid,
            "data.to",
            format!("{} is always worth one {}; a rate is of two currencies", data.from, data.to),
        ));
    }
    if data.rate.decimal() <= Decimal::ZERO {
        return Err(Rejection::at(
            Code::FxRateInvalid,
            "data.rate",
            format!(
                "a rate of {} cannot be; say how many {} one {} is worth",
                data.rate, data.to, data.from
            ),
        ));
    }
    text::check_optional("data.source", data.source.as_ref())?;
    Ok(vec![EventData::FxRateRecorded(FxRateRecorded::new(data))])
}

/// The rate of a document's currency on a day.
///
/// # Errors
/// `fx.rate_missing`.
pub(super) fn rate(
    state: &Ledger,
    book: &Book,
    currency: Currency,
    day: Day,
) -> Result<ExchangeRate, Rejection> {
    let known = state.rates.spot(currency, book.currency, day, u64::MAX);
    known.ok_or_else(|| {
        Rejection::at(
            Code::FxRateMissing,
            "data.currency",
            format!(
                "the book is in {} and has no rate for {currency} on or before {day}; record one \
                 with RecordFxRate or `revledger import ecb-fx`, or use the book's currency",
                book.currency
            ),
        )
    })
}

fn too_large(currency: Currency, book: Currency, rate: &ExchangeRate) -> Rejection {
    Rejection::at(
        Code::AmountTooLarge,
        "data.currency",
        format!(
            "in {book} it has more than {INTEGER_DIGITS_MAX} digits before the point: {} {currency} \
             of {} are worth {} {book}; correct the rate, or use several documents",
            rate.per, rate.date, rate.rate
        ),
    )
}

/// The events with their entries in the book's currency. `state` has none of them folded.
///
/// # Errors
/// `fx.rate_missing`; `amount.too_large` where an entry would not fit.
pub(super) fn valued(
    state: &Ledger,
    mut events: Vec<NewEvent>,
) -> Result<Vec<NewEvent>, Rejection> {
    let Some(book) = &state.book else { return Ok(events) };
    let foreign = |event: &NewEvent| {
        event.data.entry_currency().filter(|currency| *currency != book.currency)
    };
    if !events.iter().any(|event| foreign(event).is_some()) {
        return Ok(events);
    }
    let mut valuer = Valuer::new(&state.values, book.currency, book.policies.rounding);
    for event in &mut events {
        if let Some(currency) = foreign(event) {
            let rate = rate(state, book, currency, event.effective)?;
            // Before anything is multiplied: what is not an amount cannot be recorded.
            if !at_own_rate(&event.data).all(|amount| rate.fits(amount)) {
                return Err(too_large(currency, book.currency, &rate));
            }
            let functional = valuer.value(&event.data, rate);
            let mut postings = functional.iter().flat_map(|one| &one.postings);
            let even = ExchangeRate::even(book.currency, event.effective);
            if !postings.all(|posting| even.fits(posting.amount)) {
                return Err(too_large(currency, book.currency, &rate));
            }
            event.functional = functional.map(Box::new);
        }
    }
    Ok(events)
}
