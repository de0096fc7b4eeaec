//! What a map may say, and what comes of it.

use super::Map;
use super::dates::DateFormat;

#[test]
fn dates_are_written_as_the_map_says() {
    let table = [
        ("yyyy-mm-dd", "2026-03-09"),
        ("dd.mm.yyyy", "09.03.2026"),
        ("m/d/yyyy", "3/9/2026"),
        ("yyyymmdd", "20260309"),
        ("d. m. yyyy", "9. 3. 2026"),
    ];
    for (format, wanted) in table {
        let day = "2026-03-09".parse().unwrap();
        assert_eq!(DateFormat::parse(format).unwrap().show(day), wanted, "{format}");
    }
}

#[test]
fn maps_that_make_no_table_are_refused() {
    let column = |text: &str| format!("columns = [{text}]");
    let table = [
        ("", "ok"),
        ("positive = \"credit\"\nsides = [\"S\", \"H\"]\nrecognition = \"month\"", "ok"),
        (&column("{field = \"date\"}, {text = \"1000\", name = \"Company\"}"), "ok"),
        (&column("{name = \"Signed\", field = \"amount\"}"), "ok"),
        (&column("{field = \"amount\"}"), "ok"),
        (&column("{name = \"x\"}"), "a field or a text"),
        (&column("{field = \"date\", text = \"x\"}"), "a field or a text"),
        (&column("{field = \"dates\"}"), "unknown variant"),
        ("colums = []", "unknown field"),
        ("delimiter = \"\\\"\"", "delimiter"),
        ("delimiter = \"\u{20ac}\"", "delimiter"),
        ("decimal_mark = \"0\"", "decimal_mark"),
        ("date_format = \"yy-mm-dd\"", "yyyy"),
        ("date_format = \"yyyy-mm\"", "a day"),
        ("date_format = \"mm/m/yyyy d\"", "each once"),
        ("positive = \"left\"", "unknown variant"),
    ];
    for (text, wanted) in table {
        let read = toml::from_str::<Map>(text).map_err(|error| error.to_string());
        let answer = match read.and_then(Map::check) {
            Ok(_) => "ok".to_owned(),
            Err(message) => message,
        };
        assert!(answer.contains(wanted), "{text}: {answer}");
    }
}
