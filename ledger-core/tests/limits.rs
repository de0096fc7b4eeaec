//! Bounds that are products: what operators and clients are told (docs/OPERATIONS.md, contract, section 1).

use ledger_core::limits;

#[test]
fn bounds_are_what_is_documented() {
    // 512, 900 and 1,024 KiB.
    assert_eq!(limits::COMMAND_BYTES_MAX, 524_288);
    assert_eq!(limits::EVENT_BYTES_MAX, 921_600);
    assert_eq!(limits::MESSAGE_BYTES_MAX, 1_048_576);
    // 16, 64 and 128 MiB; 16 KiB.
    assert_eq!(limits::GROUP_BYTES_MAX, 16_777_216);
    assert_eq!(limits::QUEUE_BYTES_MAX, 67_108_864);
    assert_eq!(limits::HTTP_BODIES_BYTES_MAX, 134_217_728);
    assert_eq!(limits::HTTP_HEAD_BYTES_MAX, 16_384);
    // Twelve digits, and six more for a million of them.
    assert_eq!(limits::SUM_DIGITS_MAX, 18);
}
