//! Small statements of our own making: what is read, and what is refused.

use super::*;

/// Opening 100.00, in 25.00 and out 5.00, closing 120.00.
fn camt(closing: &str, amount: &str, head: &str) -> String {
    format!(
        r#"{head}<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<Stmt><Id>S-1</Id><ElctrncSeqNb>7</ElctrncSeqNb>
<Acct><Id><IBAN>XX00OWN</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{closing}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>B-1</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs>
<RltdPties><Dbtr><Pty><Nm>M&#252;ller &amp; Co</Nm></Pty></Dbtr><DbtrAcct><Id><IBAN>XX99PAY</IBAN></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>for INV-1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><DtTm>2026-03-02T23:59:00+01:00</DtTm></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"#
    )
}

fn only(bytes: &[u8], format: Format) -> Statement {
    let mut statements = read(format, bytes).unwrap();
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

fn refusal(bytes: &[u8], format: Format) -> String {
    let fault = read(format, bytes).unwrap_err();
    format!("{}: {fault}", fault.line)
}

#[test]
fn a_camt_entry_says_who_paid_and_what_for() {
    let statement = only(camt("120.00", "25.00", "").as_bytes(), Format::Camt);
    assert_eq!(statement.fault, None);
    assert_eq!((statement.account.as_str(), statement.id.as_str()), ("XX00OWN", "S-1/7"));
    let entry = &statement.entries[0];
    assert_eq!((entry.amount.to_string(), entry.side), ("25.00".to_owned(), Side::Credit));
    assert_eq!(entry.bank_id.as_deref(), Some("B-1"));
    assert_eq!(entry.line, 6, "where it stands in the file");
    let part = &entry.parts[0];
    assert_eq!(part.counterparty.as_deref(), Some("M\u{fc}ller & Co"));
    assert_eq!(part.counterparty_account.as_deref(), Some("XX99PAY"));
    assert_eq!((part.remittance.as_str(), part.end_to_end.as_deref()), ("for INV-1", Some("E-1")));
    assert_eq!(statement.entries[1].day().unwrap().to_string(), "2026-03-02");
    let totals = totals([&statement]);
    assert_eq!(totals["EUR"].credited.to_string(), "25.00");
    assert_eq!((totals["EUR"].entries, totals["EUR"].debited.to_string()), (2, "5.00".to_owned()));
}

#[test]
fn a_statement_that_does_not_tie_is_refused_whole() {
    let statement = only(camt("120.01", "25.00", "").as_bytes(), Format::Camt);
    let fault = statement.fault.unwrap();
    assert_eq!(fault.code, Code::StatementChecksum);
    assert!(fault.message.contains("make 120.00, and not the closing balance 120.01"), "{fault}");
}

#[test]
fn what_is_announced_does_not_count_in_the_balance() {
    let text = camt("95.00", "25.00", "").replacen("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>", 1);
    let statement = only(text.as_bytes(), Format::Camt);
    assert_eq!(statement.fault, None);
    assert!(!statement.entries[0].is_booked);
}

#[test]
fn a_batch_has_parts_where_they_sum_to_it() {
    let part = |amount: &str, text: &str| {
        format!(
            "<TxDtls><Amt Ccy=\"EUR\">{amount}</Amt><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
        )
    };
    let batch = |first: &str| {
        let details = format!("<NtryDtls>{}{}</NtryDtls>", part(first, "A"), part("15.00", "B"));
        let text = camt("120.00", "25.00", "");
        let (before, rest) = text.split_once("<NtryDtls>").unwrap();
        let (_, after) = rest.split_once("</NtryDtls>").unwrap();
        only(format!("{before}{details}{after}").as_bytes(), Format::Camt).entries.remove(0)
    };
    let amounts: Vec<String> =
        batch("10.00").parts.iter().map(|part| part.amount.to_string()).collect();
    assert_eq!(amounts, ["10.00", "15.00"]);
    let whole = batch("9.00").parts;
    assert_eq!((whole.len(), whole[0].remittance.as_str()), (1, "A B"), "they do not sum to it");
    assert_eq!(whole[0].amount.to_string(), "25.00");
}

#[test]
fn bad_xml_is_refused_with_its_line() {
    let text = camt("120.00", "25.00", "");
    let cut = &text[..text.len() - 60];
    let told = refusal(cut.as_bytes(), Format::Camt);
    assert!(told.starts_with("12: statement.malformed"), "{told}");
    assert_eq!(refusal(b"", Format::Camt), "1: statement.malformed: the file is empty");
    let mut bytes = text.replace("M&#252;ller", "M?ller").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xfc;
    assert_eq!(
        refusal(&bytes, Format::Camt),
        "9: statement.malformed: the file is not UTF-8: convert it, nothing is guessed"
    );
    // The same bytes with the encoding that they are in.
    let mut named = br#"<?xml version="1.0" encoding="ISO-8859-1"?>"#.to_vec();
    named.extend(bytes);
    let part = only(&named, Format::Camt).entries.remove(0).parts.remove(0);
    assert_eq!(part.counterparty.as_deref(), Some("M\u{fc}ller & Co"));
    let other = text.replace("camt.053", "pain.001");
    assert!(refusal(other.as_bytes(), Format::Camt).contains("is no camt.052"));
    let bomb = camt("120.00", "25.00", "<!DOCTYPE a [<!ENTITY b \"c\">]>");
    assert!(refusal(bomb.as_bytes(), Format::Camt).contains("no document type"));
}
