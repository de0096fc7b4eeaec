//! Whether a webhook comes from Stripe: HMAC-SHA256 over the time and the raw body.

use hmac::{Hmac, KeyInit, Mac};
use ledger_core::rejection::{Code, Rejection};
use sha2::Sha256;

/// How far the time of the signature may be from now, in seconds.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Verifies the header `Stripe-Signature` (`t=…,v1=…`) of a raw body. `now` is in Unix seconds.
///
/// A delivery that is sent again within the tolerance passes: its event id, from which the
/// command's id is derived, makes it change nothing.
///
/// # Errors
/// `webhook.signature` where no signature is right, `webhook.too_old` where a right one is of
/// another time.
pub fn verify(header: &str, body: &[u8], secret: &[u8], now: i64) -> Result<(), Rejection> {
    let wrong = |why: &str| {
        let message = format!("{why}; check the endpoint's signing secret");
        Rejection::new(Code::WebhookSignature, message)
    };
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let time = fields().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let time = time.ok_or_else(|| wrong("the header Stripe-Signature names no time"))?;
    let signed_at: i64 =
        time.parse().map_err(|_| wrong("the time of the signature is no number"))?;
    // Any length is a key, so that this cannot happen.
    let mut code = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| wrong("no secret"))?;
    code.update(time.as_bytes());
    code.update(b".");
    code.update(body);
    // There are several while a secret is being changed. Each comparison takes the same time
    // wherever the difference is.
    let is_right = fields().filter(|(name, _)| *name == "v1").any(|(_, text)| {
        bytes(text).is_some_and(|bytes| code.clone().verify_slice(&bytes).is_ok())
    });
    if !is_right {
        return Err(wrong("no signature v1 of the webhook is right"));
    }
    if now.abs_diff(signed_at) > TOLERANCE_SECONDS.unsigned_abs() {
        let message = format!(
            "the webhook was signed at {signed_at}, more than {TOLERANCE_SECONDS} seconds from \
             {now}; check the clock, or let Stripe send it again"
        );
        return Err(Rejection::new(Code::WebhookTooOld, message));
    }
    Ok(())
}

/// Bytes of hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len() / 2)
        .map(|index| u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    /// From Python: `hmac.new(b"whsec_test", b"1700000000." + body, "sha256").hexdigest()`.
    const RIGHT: &str = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";

    fn code(header: &str, body: &[u8], now: i64) -> String {
        verify(header, body, b"whsec_test", now).err().map_or("right".into(), |error| error.code)
    }

    #[test]
    fn a_right_signature_passes_within_five_minutes() {
        let header = format!("t=1700000000,v1={RIGHT},v0=00");
        for now in [1_700_000_000, 1_700_000_300, 1_699_999_700] {
            assert_eq!(code(&header, BODY, now), "right");
        }
        for now in [1_700_000_301, 1_699_999_699, i64::MAX, i64::MIN] {
            assert_eq!(code(&header, BODY, now), "webhook.too_old");
        }
        let two = format!("t=1700000000,v1={},v1={RIGHT}", "00".repeat(32));
        assert_eq!(code(&two, BODY, 1_700_000_000), "right", "while a secret is changed");
    }

    #[test]
    fn anything_else_is_refused() {
        let headers = [
            String::new(),
            format!("v1={RIGHT}"),
            format!("t=soon,v1={RIGHT}"),
            format!("t=1700000001,v1={RIGHT}"),
            "t=1700000000".to_owned(),
            format!("t=1700000000,v0={RIGHT}"),
            format!("t=1700000000,v1={}", &RIGHT[..62]),
            format!("t=1700000000,v1={}", "zz".repeat(32)),
            "t=1700000000,v1=\u{e4}\u{e4}".to_owned(),
        ];
        for header in headers {
            assert_eq!(code(&header, BODY, 1_700_000_000), "webhook.signature", "{header}");
        }
        let header = format!("t=1700000000,v1={RIGHT}");
        assert_eq!(code(&header, b"{}", 1_700_000_000), "webhook.signature", "another body");
    }
}
