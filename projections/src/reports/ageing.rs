//! How old what is open is: by the book's policy, or by the buckets and the date that were asked for.

use ledger_core::ageing::{bucket, bucket_names};
use ledger_core::calendar::Day;
use ledger_core::limits::AGEING_BUCKETS_MAX;
use ledger_core::policy::AgeingBasis;
use ledger_core::rejection::{Code, Rejection};

use crate::reports::Query;
use crate::views::InvoiceFact;

/// The buckets, and the date from which days count.
pub(super) struct Ageing {
    limits: Vec<u32>,
    basis: AgeingBasis,
    /// The names of the buckets in their order.
    pub(super) names: Vec<String>,
}

impl Ageing {
    /// The filters `buckets` and `basis`, else the policies `ageing_buckets` and `ageing_basis`.
    pub(super) fn of(query: &Query<'_>) -> Result<Self, Rejection> {
        let policies = &query.views.policies;
        let limits = match query.filters.get("buckets") {
            Some(text) => limits(text)?,
            None => policies.ageing_buckets.clone(),
        };
        let basis = match query.filters.get("basis") {
            None => policies.ageing_basis,
            Some("due_date") => AgeingBasis::DueDate,
            Some("invoice_date") => AgeingBasis::InvoiceDate,
            Some(other) => {
                let message = format!("{other:?} is no basis; it is due_date or invoice_date");
                return Err(Rejection::at(Code::ReportFilter, "basis", message));
            }
        };
        Ok(Self { names: bucket_names(&limits), limits, basis })
    }

    /// Days since the date that ageing counts from.
    pub(super) fn days(&self, fact: &InvoiceFact, day: Day) -> i32 {
        match self.basis {
            AgeingBasis::DueDate => day.days_since(fact.issued.due),
            AgeingBasis::InvoiceDate => day.days_since(fact.issued.issued),
        }
    }

    /// The place of the bucket for so many days.
    pub(super) fn place(&self, days: i32) -> usize {
        bucket(&self.limits, days)
    }

    /// The bucket's name.
    pub(super) fn name(&self, days: i32) -> &str {
        self.names.get(self.place(days)).map_or("current", String::as_str)
    }
}

/// Lower ends such as `0,15,45`; the leading 0 may be left out.
fn limits(text: &str) -> Result<Vec<u32>, Rejection> {
    // A scenario file has them as a list.
    let numbers = text.trim().trim_start_matches('[').trim_end_matches(']');
    let numbers: Result<Vec<u32>, _> =
        numbers.split(',').map(|number| number.trim().parse::<u32>()).collect();
    let mut limits = numbers.unwrap_or_default();
    if limits.first().is_some_and(|first| *first > 0) {
        limits.insert(0, 0);
    }
    let ascends = limits.iter().zip(limits.iter().skip(1)).all(|(one, next)| one < next);
    if limits.is_empty() || !ascends || limits.len() > AGEING_BUCKETS_MAX {
        let message = format!(
            "{text:?} are no buckets: name ascending whole days such as 0,15,45, \
             at most {AGEING_BUCKETS_MAX} of them"
        );
        return Err(Rejection::at(Code::ReportFilter, "buckets", message));
    }
    Ok(limits)
}
