//! Letters of a dunning run: as files, as e-mails, and over SMTP.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::Ledger;

const FROM: &str = "Accounts <ar@example.org>";

/// Two customers with two overdue invoices each and one without an address; one run.
fn reminded() -> Ledger {
    let ledger = Ledger::new();
    let mut lines = vec![
        r#"{"id":"c0","command":"OpenBook","effective":"2026-01-01","data":{"currency":"EUR"}}"#
            .to_owned(),
    ];
    for (customer, more) in [
        ("DE", r#","email":"kasse@example.de","locale":"de-DE","address":"Ring 1\n10115 Berlin""#),
        ("EN", r#","email":"pay@example.com""#),
        ("NO", ""),
    ] {
        lines.push(format!(
            r#"{{"id":"r{customer}","command":"RegisterCustomer","effective":"2026-01-01","data":{{"customer":"{customer}","name":"Firm {customer}"{more}}}}}"#
        ));
        for (number, amount) in [(1, "100.00"), (2, "20.50")] {
            lines.push(format!(
                r#"{{"id":"i{customer}{number}","command":"IssueInvoice","effective":"2026-01-0{number}","data":{{"invoice":"{customer}-{number}","customer":"{customer}","currency":"EUR","lines":[{{"amount":"{amount}"}}]}}}}"#
            ));
        }
    }
    // 10 and 9 days overdue: the first reminder of each.
    lines.push(
        r#"{"id":"run","command":"RunDunning","effective":"2026-01-11","data":{"through":"2026-01-11"}}"#
            .to_owned(),
    );
    ledger.expect(0, &["apply", "-"], &(lines.join("\n") + "\n"));
    ledger
}

fn files(ledger: &Ledger, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(ledger.path().join("letters")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|other| other == end));
    files.sort();
    files
}

fn folder(ledger: &Ledger) -> String {
    ledger.path().join("letters").to_str().unwrap().to_owned()
}

#[test]
fn one_letter_for_each_customer_lists_the_invoices_in_the_customer_s_language() {
    let ledger = reminded();
    let run = ["notices", "--through", "2026-01-11", "--output", &folder(&ledger)];
    ledger.expect(0, &run, "");
    let letters = files(&ledger, "txt");
    assert_eq!(letters.len(), 3);
    let german = std::fs::read_to_string(&letters[0]).unwrap();
    assert!(german.starts_with("Firm DE\nRing 1\n10115 Berlin\n\n2026-01-11\n"), "{german}");
    for line in [
        "Guten Tag Firm DE,",
        "Rechnung  Fällig      Tage überfällig       Offen",
        "DE-1      2026-01-01               10  100.00 EUR",
        "DE-2      2026-01-02                9   20.50 EUR",
        "Summe                                  120.50 EUR",
    ] {
        assert!(german.lines().any(|other| other == line), "{line:?} in\n{german}");
    }
    let english = std::fs::read_to_string(&letters[1]).unwrap();
    assert!(english.contains("Dear Firm EN,"), "{english}");
    // The same run again writes the same files; another day has no letters.
    ledger.expect(0, &run, "");
    assert_eq!(files(&ledger, "txt"), letters);
    let other = ["notices", "--through", "2026-01-12", "--output", &folder(&ledger)];
    assert_eq!(ledger.expect(0, &other, "").out, "0 letter(s) of 2026-01-12\n");
}

#[test]
fn e_mails_are_the_same_bytes_each_time_and_a_missing_address_is_told() {
    let ledger = reminded();
    let folder = folder(&ledger);
    let run = ["notices", "--through", "2026-01-11", "--as", "eml", "--output", &folder];
    let refused = ledger.expect(2, &run, "");
    assert!(refused.err.contains("notice.sender_missing"), "{}", refused.err);
    let mut run = run.to_vec();
    run.extend(["--from", FROM]);
    let told = ledger.expect(1, &run, "");
    assert!(told.out.contains("NO: has no e-mail address"), "{}", told.out);
    let mails = files(&ledger, "eml");
    assert_eq!(mails.len(), 2);
    let first: Vec<Vec<u8>> = mails.iter().map(|path| std::fs::read(path).unwrap()).collect();
    ledger.expect(1, &run, "");
    let again: Vec<Vec<u8>> = mails.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(first, again);
    let text = String::from_utf8(first[1].clone()).unwrap();
    for header in ["To: pay@example.com", "Subject: Payment reminder", "Message-ID: <"] {
        assert!(text.contains(header), "{header} in\n{text}");
    }
}

/// A mail server that takes everything, and gives on what it got: recipient and message.
fn mail_server() -> (String, Receiver<(String, String)>) {
    let (address, addresses) = channel();
    let (mails, received) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            address.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                converse(stream, &mails).await;
            }
        });
    });
    (format!("smtp://{}", addresses.recv().unwrap()), received)
}

async fn converse(stream: TcpStream, mails: &std::sync::mpsc::Sender<(String, String)>) {
    let mut stream = BufReader::new(stream);
    let mut to = String::new();
    stream.write_all(b"220 double ready\r\n").await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250 double\r\n",
            "RCPT" => {
                to = line.trim().to_owned();
                "250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.unwrap();
                let mut body = String::new();
                while !body.ends_with("\r\n.\r\n") {
                    assert_ne!(stream.read_line(&mut body).await.unwrap(), 0, "cut off");
                }
                mails.send((to.clone(), body)).unwrap();
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn message_id(mail: &str) -> &str {
    mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap()
}

#[test]
fn a_run_is_sent_with_one_message_a_customer_and_sending_it_twice_is_seen_by_the_ids() {
    let ledger = reminded();
    let (url, received) = mail_server();
    let run = ["notices", "--through", "2026-01-11", "--smtp", &url, "--from", FROM];
    let told = ledger.expect(1, &run, "");
    assert!(told.out.contains("NO: has no e-mail address"), "{}", told.out);
    let first: Vec<(String, String)> = (0..2).map(|_| received.recv().unwrap()).collect();
    assert_eq!(first[0].0, "RCPT TO:<kasse@example.de>");
    assert_eq!(first[1].0, "RCPT TO:<pay@example.com>");
    assert!(first[1].1.contains("EN-1") && first[1].1.contains("EN-2"), "{}", first[1].1);
    assert_ne!(message_id(&first[0].1), message_id(&first[1].1));
    ledger.expect(1, &run, "");
    let again: Vec<(String, String)> = (0..2).map(|_| received.recv().unwrap()).collect();
    assert_eq!(first, again);
}

#[test]
fn a_mail_server_that_is_not_there_is_a_store_that_cannot_be_reached() {
    let ledger = reminded();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", taken.local_addr().unwrap());
    drop(taken);
    let run = ["notices", "--through", "2026-01-11", "--smtp", &url, "--from", FROM];
    let failed = ledger.expect(3, &run, "");
    assert!(failed.err.contains("notice.not_sent"), "{}", failed.err);
}
