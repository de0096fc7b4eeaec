//! Small files of our own making: what is read, and what is told.

use std::io::Write;

use super::*;

const TABLE: &str = "\
Date,USD,JPY,CYP,GBP,
2026-10-30,1.1172,175.68,N/A,0.8338,
2026-10-29,1.113,N/A,0.58231,0.83578,
";

const DAY: &str = "Date, USD, JPY, GBP, \n30 October 2026, 1.1172, 175.68, 0.83380, \n";

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">
<gesmes:subject>Reference rates</gesmes:subject>
<Cube>
<Cube time='2026-10-30'>
<Cube currency='USD' rate='1.1172'/>
<Cube currency=\"GBP\" rate=\"0.83380\"></Cube>
</Cube>
<Cube time='2026-10-29'><Cube currency='USD' rate='1.113'/></Cube>
</Cube>
</gesmes:Envelope>
";

fn all(text: &str) -> File {
    read(text.as_bytes(), &Filter::default()).unwrap()
}

fn quotes(file: &File) -> Vec<String> {
    let text = |one: &Quote| format!("{}: {} {} {}", one.line, one.date, one.currency, one.rate);
    file.quotes.iter().map(text).collect()
}

fn told(file: &File) -> Vec<String> {
    file.bad.iter().map(|bad| format!("{}: {}", bad.line, bad.reason)).collect()
}

fn zip(files: &[&str], method: rawzip::CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for (number, text) in files.iter().enumerate() {
        let name = format!("{number}.csv");
        let file = archive.new_file(&name).compression_method(method);
        let (mut entry, config) = file.start().unwrap();
        if method == rawzip::CompressionMethod::DEFLATE {
            let level = flate2::Compression::default();
            let mut writer = config.wrap(flate2::write::DeflateEncoder::new(&mut entry, level));
            writer.write_all(text.as_bytes()).unwrap();
            let (encoder, descriptor) = writer.finish().unwrap();
            encoder.finish().unwrap();
            entry.finish(descriptor).unwrap();
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(text.as_bytes()).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
    }
    archive.finish().unwrap();
    bytes
}

#[test]
fn a_table_of_many_days_is_read() {
    let file = all(TABLE);
    let expected = [
        "2: 2026-10-30 USD 1.1172",
        "2: 2026-10-30 JPY 175.68",
        "2: 2026-10-30 GBP 0.8338",
        "3: 2026-10-29 USD 1.113",
        "3: 2026-10-29 GBP 0.83578",
    ];
    assert_eq!(quotes(&file), expected);
    assert_eq!((file.unpublished, file.bad.len()), (1, 0));
    assert_eq!(file.unknown, BTreeMap::from([("CYP".to_owned(), 1)]), "N/A of CYP is no rate");
}

#[test]
fn the_three_forms_say_the_same() {
    let day = all(DAY);
    let expected =
        ["2: 2026-10-30 USD 1.1172", "2: 2026-10-30 JPY 175.68", "2: 2026-10-30 GBP 0.8338"];
    assert_eq!(quotes(&day), expected);
    let marked = all(&format!("\u{feff}{DAY}"));
    assert_eq!(marked.quotes, day.quotes, "with a byte order mark");
    let xml = all(XML);
    let expected =
        ["6: 2026-10-30 USD 1.1172", "7: 2026-10-30 GBP 0.8338", "9: 2026-10-29 USD 1.113"];
    assert_eq!(quotes(&xml), expected);
    for method in [rawzip::CompressionMethod::DEFLATE, rawzip::CompressionMethod::STORE] {
        for text in [TABLE, XML] {
            let file = read(&zip(&[text], method), &Filter::default()).unwrap();
            assert_eq!(file.quotes, all(text).quotes, "{method:?}");
        }
    }
    let commands = |file: &File| -> Vec<Value> {
        file.quotes.iter().map(|quote| command(quote, RateType::Spot)).collect()
    };
    assert_eq!(commands(&day)[2], commands(&all(TABLE))[2], "0.83380 is 0.8338");
}

#[test]
fn only_what_is_wanted_is_read() {
    let filter = |codes: &[&str], from: &str, to: &str| Filter {
        currencies: codes.iter().map(|code| Currency::parse(code).unwrap()).collect(),
        from: from.parse().ok(),
        to: to.parse().ok(),
    };
    let read = |filter| read(TABLE.as_bytes(), &filter).unwrap();
    let file = read(filter(&["GBP"], "", ""));
    assert_eq!(quotes(&file), ["2: 2026-10-30 GBP 0.8338", "3: 2026-10-29 GBP 0.83578"]);
    assert_eq!((file.unpublished, file.unknown.len()), (0, 0), "nobody asked for others");
    assert_eq!(quotes(&read(filter(&["USD"], "2026-10-30", ""))), ["2: 2026-10-30 USD 1.1172"]);
    assert_eq!(quotes(&read(filter(&["USD"], "", "2026-10-29"))), ["3: 2026-10-29 USD 1.113"]);
    let none = read(filter(&["CHF"], "", ""));
    assert!(none.quotes.is_empty());
    assert_eq!(none.currencies.len(), 3, "it says what it has");
    let days = none.days.map(|(first, last)| (first.to_string(), last.to_string()));
    assert_eq!(days, Some(("2026-10-29".to_owned(), "2026-10-30".to_owned())));
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_goes_in() {
    let cases = [
        ("30/10/2026,1.1,2.2,", "2: date.invalid: \"30/10/2026\" is not a date"),
        ("2026-02-30,1.1,2.2,", "2: date.invalid: \"2026-02-30\" is not a date"),
        ("31 February 2026,1.1,2.2,", "2: date.invalid: \"31 February 2026\" is not a date"),
        ("30 Octember 2026,1.1,2.2,", "2: date.invalid: \"30 Octember 2026\" is not a date"),
        (",1.1,2.2,", "2: date.invalid: \"\" is not a date"),
        ("2026-10-30,0,2.2,", "2: fx.rate_invalid: USD of 2026-10-30: a rate of 0 cannot be"),
        ("2026-10-30,-1.1,2.2,", "2: fx.rate_invalid: USD of 2026-10-30: a rate of -1.1 cannot"),
        ("2026-10-30,NaN,2.2,", "2: amount.invalid: USD of 2026-10-30: \"NaN\" is not a decimal"),
        ("2026-10-30,1e5,2.2,", "2: amount.invalid: USD of 2026-10-30: \"1e5\" is not a decimal"),
        ("2026-10-30,,2.2,", "2: amount.invalid: USD of 2026-10-30: \"\" is not a decimal"),
        ("2026-10-30,n/a,2.2,", "2: amount.invalid: USD of 2026-10-30: \"n/a\" is not a decimal"),
        (
            "2026-10-30,1.1234567890123,2.2,",
            "2: amount.precision: USD of 2026-10-30: 1.1234567890123 has more than 12 decimals",
        ),
        ("2026-10-30,1.1", "2: ecb.malformed: the row is not whole"),
        ("2026-10-30,1.1,2.2,,", "2: ecb.malformed: the row is not whole"),
    ];
    for (row, expected) in cases {
        let file = all(&format!("Date,USD,GBP,\n{row}\n2026-10-29,1.5,0.9,\n"));
        let told = told(&file);
        assert_eq!(told.len(), 1, "{row}: {told:?}");
        assert!(told[0].starts_with(expected), "{row}: {}", told[0]);
        let rest = quotes(&file);
        assert!(rest.contains(&"3: 2026-10-29 USD 1.5".to_owned()), "{row}: {rest:?}");
        assert_eq!(rest.contains(&"2: 2026-10-30 GBP 2.2".to_owned()), rest.len() == 3, "{row}");
    }
    let xml = XML.replace("time='2026-10-30'", "time='30.10.2026'").replace("1.113", "-1");
    let file = all(&xml);
    assert_eq!(quotes(&file), Vec::<String>::new());
    let told = told(&file);
    assert!(told[0].starts_with("5: date.invalid: \"30.10.2026\""), "{told:?}");
    assert!(told[1].starts_with("9: fx.rate_invalid: USD of 2026-10-29"), "{told:?}");
    let lame = all(&XML.replace(" rate='1.113'", ""));
    assert!(lame.bad[0].reason.starts_with("ecb.malformed: a Cube with \"USD\""), "{lame:?}");
}

#[test]
fn a_file_of_something_else_is_refused_whole() {
    let deflated = zip(&[TABLE], rawzip::CompressionMethod::DEFLATE);
    let mut flipped = zip(&[TABLE], rawzip::CompressionMethod::STORE);
    let at = flipped.windows(6).position(|part| part == b"1.1172").unwrap();
    flipped[at] = b'2';
    let two = zip(&[TABLE, DAY], rawzip::CompressionMethod::DEFLATE);
    let cut = XML.split("</gesmes:Envelope>").next().unwrap();
    let cases: Vec<(&str, &[u8], &str)> = vec![
        ("nothing", b"", "does not begin with Date"),
        ("another table", b"Day,USD\n", "does not begin with Date"),
        ("a date alone", b"Date,\n", "names no currency"),
        ("a column that is none", b"Date,USD,Total,\n", "\"Total\" is no currency"),
        ("a column twice", b"Date,USD,USD,\n", "USD stands twice"),
        ("other bytes", b"\xff\xfe\0D", "no csv, xml or zip"),
        ("a web page", b"<html><body>gone</body></html>", "no Cube"),
        ("XML that ends early", cut.as_bytes(), "cut short"),
        ("XML that is none", b"<a><b></a>", "not XML"),
        ("a zip that ends early", &deflated[..deflated.len() / 2], "the zip cannot be read"),
        ("a zip with a wrong byte", &flipped, "the zip cannot be read"),
        ("a zip of two", &two, "more than one file"),
    ];
    for (name, bytes, expected) in cases {
        let refused = read(bytes, &Filter::default()).unwrap_err();
        let reason = &refused.reason;
        assert!(
            reason.starts_with("ecb.malformed: ") && reason.contains(expected),
            "{name}: {reason}"
        );
    }
}

#[test]
fn what_stands_twice_counts_once_and_what_contradicts_itself_not_at_all() {
    let table =
        all("Date,USD,GBP,\n2026-10-30,1.1,0.8,\n2026-10-30,1.10,0.9,\n2026-10-30,1.1,0.7,\n");
    let day = all("Date,USD,SEK\n30 October 2026,1.2,10.5\n");
    let plan = plan([&table, &day]);
    let left: Vec<String> = plan
        .quotes
        .iter()
        .map(|(file, one)| format!("{file}: {} {}", one.currency, one.rate))
        .collect();
    assert_eq!(left, ["1: SEK 10.5"]);
    let conflicts: Vec<(usize, u64)> =
        plan.conflicts.iter().map(|(file, bad)| (*file, bad.line)).collect();
    assert_eq!(conflicts, [(0, 3), (0, 4), (1, 2)]);
    let text =
        "ecb.rate_conflict: GBP of 2026-10-30 is 0.9 here and 0.8 on line 2; neither goes in";
    assert!(plan.conflicts[0].1.reason.starts_with(text), "{:?}", plan.conflicts);
    assert!(plan.conflicts[2].1.reason.contains("line 2 of another file"), "{:?}", plan.conflicts);
    let same = super::plan([&all(TABLE), &all(DAY)]);
    assert_eq!((same.quotes.len(), same.conflicts.len()), (5, 0), "JPY and GBP stand in both");
    let dates: Vec<String> = same.quotes.iter().map(|(_, one)| one.date.to_string()).collect();
    assert!(dates.is_sorted(), "the oldest first: {dates:?}");
}

#[test]
fn the_id_is_of_date_currency_type_and_rate() {
    let quote = all(DAY).quotes[0];
    let id = |quote: &Quote, kind| command(quote, kind)["id"].as_str().unwrap().to_owned();
    let spot = id(&quote, RateType::Spot);
    assert_eq!(id(&Quote { line: 9, ..quote }, RateType::Spot), spot, "wherever it stands");
    let other = Quote { rate: "1.12".parse().unwrap(), ..quote };
    let later = Quote { date: quote.date.next(), ..quote };
    let others =
        [id(&quote, RateType::Closing), id(&other, RateType::Spot), id(&later, RateType::Spot)];
    assert!(others.iter().all(|one| *one != spot), "{others:?}");
    let envelope = command(&quote, RateType::Average);
    assert_eq!(envelope["effective"], "2026-10-30");
    let data = json!({"from": "EUR", "to": "USD", "rate": "1.1172", "date": "2026-10-30",
                      "type": "average", "source": "ECB"});
    assert_eq!(envelope["data"], data);
}
