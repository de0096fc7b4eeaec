//! The audit trail.

use ledger_core::rejection::Rejection;
use schemas::record::instant;

use crate::reports::{Query, Table};

/// Who did what, when and why.
pub(super) fn audit_trail(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.filters.day("to")?);
    let mut table = Table::new(&[
        "sequence:integer",
        "recorded_at",
        "effective",
        "type",
        "document",
        "actor",
        "command_id",
        "reason",
        "summary",
    ]);
    for row in query.views.audit_trail.rows() {
        let document = query.filters.get("document");
        let is_about = document.is_none_or(|wanted| {
            row.document.as_str() == wanted
                || row.touches.iter().any(|other| other.as_str() == wanted)
        });
        if row.sequence > query.sequence
            || !is_about
            || !query.keeps("customer", row.customer.as_ref().map(|id| id.as_str()))
            || !query.keeps("actor", Some(&row.actor))
            || !query.keeps("type", Some(&row.kind))
            || from.is_some_and(|from| row.effective < from)
            || to.is_some_and(|to| row.effective > to)
        {
            continue;
        }
        table.rows.push(vec![
            row.sequence.into(),
            instant(row.recorded_at).into(),
            row.effective.into(),
            row.kind.as_ref().into(),
            row.document.as_str().into(),
            row.actor.as_str().into(),
            row.command_id.as_str().into(),
            row.reason.as_deref().unwrap_or("").into(),
            row.summary.as_str().into(),
        ]);
    }
    Ok(table)
}
