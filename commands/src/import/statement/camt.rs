//! ISO 20022 cash management: camt.052 reports, camt.053 statements, camt.054 notifications.

use ledger_core::calendar::Day;
use ledger_core::money::Amount;

use super::xml::{Node, parse};
use super::{Balance, Entry, Fault, Part, Side, Statement};

/// The messages that are read, with the element that is one statement.
const MESSAGES: [&str; 3] = ["camt.052.001.", "camt.053.001.", "camt.054.001."];
/// The elements that are one statement each.
const STATEMENTS: [&str; 3] = ["Stmt", "Rpt", "Ntfctn"];

/// Reads a message with all its statements.
///
/// # Errors
/// Where it is no XML, cut short, or another message.
pub fn read(bytes: &[u8]) -> Result<Vec<Statement>, Fault> {
    let document = parse(bytes)?;
    let namespace = document.namespace.as_deref().unwrap_or_default();
    if document.name != "Document" || !MESSAGES.iter().any(|name| namespace.contains(name)) {
        let message = format!(
            "the element {} of {namespace:?} is no camt.052, camt.053 or camt.054",
            document.name
        );
        return Err(Fault::malformed(document.line, message));
    }
    let inside = document.children.iter().flat_map(|message| &message.children);
    let statements: Vec<Statement> =
        inside.filter(|node| STATEMENTS.contains(&node.name.as_str())).map(statement).collect();
    if statements.is_empty() {
        return Err(Fault::malformed(document.line, "the message has no statement"));
    }
    Ok(statements)
}

fn statement(node: &Node) -> Statement {
    let account = node.first_text(&[
        &["Acct", "Id", "IBAN"],
        &["Acct", "Id", "Othr", "Id"],
        &["Acct", "Id", "PrtryAcct", "Id"],
        &["Acct", "Id", "BBAN"],
    ]);
    let sequence = node.first_text(&[&["ElctrncSeqNb"], &["LglSeqNb"]]).unwrap_or_default();
    let id = node.text_at(&["Id"]).unwrap_or_default();
    let mut statement = Statement {
        account: account.unwrap_or_default().to_owned(),
        id: format!("{id}/{sequence}"),
        line: node.line,
        ..Statement::default()
    };
    statement.fault = fill(node, &mut statement).err();
    statement
}

fn fill(node: &Node, statement: &mut Statement) -> Result<(), Fault> {
    let mut fault = None;
    for one in node.all("Ntry") {
        match entry(one) {
            Ok(entry) => statement.entries.push(entry),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    if statement.account.is_empty() {
        return Err(Fault::malformed(node.line, "the statement names no account"));
    }
    statement.opening = match balance(node, "OPBD")? {
        Some(opening) => Some(opening),
        None => balance(node, "PRCD")?,
    };
    statement.closing = balance(node, "CLBD")?;
    summary(node, statement)
}

fn balance(node: &Node, code: &str) -> Result<Option<Balance>, Fault> {
    let is_wanted = |balance: &&Node| {
        balance.first_text(&[&["Tp", "CdOrPrtry", "Cd"], &["Tp", "Cd"]]) == Some(code)
    };
    let Some(found) = node.all("Bal").find(is_wanted) else { return Ok(None) };
    let (amount, currency) = amount(found)?;
    let amount = match side(found)? {
        Side::Credit => amount,
        Side::Debit => -amount,
    };
    Ok(Some(Balance { amount, currency }))
}

/// The bank's own counts and sums of the entries, where it gives them.
fn summary(node: &Node, statement: &Statement) -> Result<(), Fault> {
    let Some(summary) = node.child("TxsSummry") else { return Ok(()) };
    let sum = |side: Side| -> Amount {
        let entries = statement.entries.iter().filter(|entry| entry.side == side);
        entries.map(|entry| entry.amount).sum()
    };
    let count = |side: Option<Side>| {
        let entries = statement.entries.iter();
        entries.filter(|entry| side.is_none_or(|side| entry.side == side)).count()
    };
    let rows = [
        ("TtlNtries", None, None),
        ("TtlCdtNtries", Some(Side::Credit), Some(sum(Side::Credit))),
        ("TtlDbtNtries", Some(Side::Debit), Some(sum(Side::Debit))),
    ];
    for (name, side, summed) in rows {
        let Some(told) = summary.child(name) else { continue };
        if let Some(number) = told.text_at(&["NbOfNtries"]) {
            let counted = count(side);
            if number.parse() != Ok(counted) {
                let message = format!("{name} says {number} entries, and there are {counted}");
                return Err(Fault::checksum(told.line, message));
            }
        }
        if let (Some(text), Some(summed)) = (told.text_at(&["Sum"]), summed)
            && text.parse() != Ok(summed)
        {
            let message = format!("{name} says {text}, and the entries sum to {summed}");
            return Err(Fault::checksum(told.line, message));
        }
    }
    Ok(())
}

fn entry(node: &Node) -> Result<Entry, Fault> {
    let (amount, currency) = amount(node)?;
    let side = side(node)?;
    let status = node.first_text(&[&["Sts", "Cd"], &["Sts"]]);
    let details: Vec<&Node> =
        node.all("NtryDtls").flat_map(|details| details.all("TxDtls")).collect();
    Ok(Entry {
        line: node.line,
        booked: date(node, "BookgDt"),
        valued: date(node, "ValDt"),
        amount,
        side,
        is_reversal: node.text_at(&["RvslInd"]).is_some_and(|text| text == "true" || text == "1"),
        is_booked: status == Some("BOOK"),
        bank_id: node.text_at(&["AcctSvcrRef"]).and_then(named),
        parts: parts(node, &details, side, amount, &currency),
        currency,
    })
}

/// The payments of a batch, where they are in the entry's currency and sum to it; else the entry
/// is one payment.
fn parts(node: &Node, details: &[&Node], side: Side, total: Amount, currency: &str) -> Vec<Part> {
    let note = node.text_at(&["AddtlNtryInf"]).unwrap_or_default();
    let mut parts: Vec<Part> = details.iter().map(|one| part(one, side, note)).collect();
    if parts.len() > 1 {
        let amounts: Option<Vec<Amount>> = details.iter().map(|one| own(one, currency)).collect();
        let amounts = amounts.filter(|list| list.iter().copied().sum::<Amount>() == total);
        if let Some(amounts) = amounts {
            for (part, amount) in parts.iter_mut().zip(amounts) {
                part.amount = amount;
            }
            return parts;
        }
        let texts = parts.iter().map(|part| part.remittance.as_str()).collect::<Vec<_>>();
        return vec![Part { amount: total, remittance: texts.join(" "), ..Part::default() }];
    }
    let mut only =
        parts.pop().unwrap_or_else(|| Part { remittance: note.to_owned(), ..Part::default() });
    only.amount = total;
    vec![only]
}

fn own(details: &Node, currency: &str) -> Option<Amount> {
    let found = details.child("Amt").or_else(|| details.at(&["AmtDtls", "TxAmt", "Amt"]))?;
    let amount: Amount = found.text.trim().parse().ok()?;
    (found.currency.as_deref() == Some(currency) && amount.is_positive()).then_some(amount)
}

fn part(details: &Node, side: Side, note: &str) -> Part {
    let (party, account) = match side {
        Side::Credit => ("Dbtr", "DbtrAcct"),
        Side::Debit => ("Cdtr", "CdtrAcct"),
    };
    let name =
        details.first_text(&[&["RltdPties", party, "Nm"], &["RltdPties", party, "Pty", "Nm"]]);
    let number = details.first_text(&[
        &["RltdPties", account, "Id", "IBAN"],
        &["RltdPties", account, "Id", "Othr", "Id"],
    ]);
    let mut texts: Vec<&str> = Vec::new();
    if let Some(remittance) = details.child("RmtInf") {
        texts.extend(remittance.all("Ustrd").map(|one| one.text.trim()));
        for one in remittance.all("Strd") {
            texts.extend(one.text_at(&["CdtrRefInf", "Ref"]));
            texts.extend(one.all("RfrdDocInf").filter_map(|document| document.text_at(&["Nb"])));
            texts.extend(one.all("AddtlRmtInf").map(|more| more.text.trim()));
        }
    }
    if texts.is_empty() {
        texts.push(details.text_at(&["AddtlTxInf"]).unwrap_or(note));
    }
    Part {
        amount: Amount::ZERO,
        end_to_end: details.text_at(&["Refs", "EndToEndId"]).and_then(named),
        remittance: texts.join(" "),
        counterparty: name.map(str::to_owned),
        counterparty_account: number.map(str::to_owned),
    }
}

/// An id, where it is one and not a word for none.
fn named(text: &str) -> Option<String> {
    let is_none = ["NOTPROVIDED", "NONREF", "NOT PROVIDED"].contains(&text);
    (!is_none).then(|| text.to_owned())
}

fn amount(node: &Node) -> Result<(Amount, String), Fault> {
    let found = node.child("Amt");
    let Some(found) = found else { return Err(Fault::malformed(node.line, "there is no Amt")) };
    let amount: Amount = found
        .text
        .trim()
        .parse()
        .map_err(|error| Fault::malformed(found.line, format!("a wrong amount: {error}")))?;
    if amount.is_negative() {
        return Err(Fault::malformed(found.line, "an amount below zero: CdtDbtInd is the sign"));
    }
    match &found.currency {
        Some(currency) => Ok((amount, currency.clone())),
        None => Err(Fault::malformed(found.line, "an amount without a currency")),
    }
}

fn side(node: &Node) -> Result<Side, Fault> {
    match node.text_at(&["CdtDbtInd"]) {
        Some("CRDT") => Ok(Side::Credit),
        Some("DBIT") => Ok(Side::Debit),
        other => {
            let message = format!("CdtDbtInd is {other:?}, and not CRDT or DBIT");
            Err(Fault::malformed(node.line, message))
        }
    }
}

/// A date, or the date of an instant in the bank's own time.
fn date(node: &Node, name: &str) -> Option<Day> {
    let text = node.child(name)?.first_text(&[&["Dt"], &["DtTm"]])?;
    text.get(..10)?.parse().ok()
}
