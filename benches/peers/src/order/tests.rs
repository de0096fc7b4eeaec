//! What an order of the peers refuses.

use benches::orders::Step;
use time::OffsetDateTime;

use super::{Order, OrderCommand, OrderEvent, Refused, command, money};

fn order(steps: &[Step]) -> Order {
    let mut order = Order::default();
    for step in steps {
        order.fold(order.decide(sent(*step)).unwrap());
    }
    order
}

fn sent(step: Step) -> OrderCommand {
    command(step, 1, OffsetDateTime::UNIX_EPOCH)
}

fn refused(steps: &[Step], command: OrderCommand) -> Refused {
    order(steps).decide(command).unwrap_err()
}

#[test]
fn steps_have_their_order_and_happen_once() {
    let (placed, invoiced) = ("ORD-0000001".to_owned(), "INV-0000001".to_owned());
    let all = [Step::Place, Step::Invoice, Step::Pay];
    assert_eq!(refused(&[], sent(Step::Invoice)), Refused::NotPlaced);
    assert_eq!(refused(&[Step::Place], sent(Step::Pay)), Refused::NotInvoiced(invoiced));
    assert_eq!(refused(&all, sent(Step::Place)), Refused::PlacedBefore(placed.clone()));
    assert_eq!(refused(&all, sent(Step::Invoice)), Refused::InvoicedBefore(placed));
    // 103.70 + 200.00 and a tenth of it are 334.07.
    let too_much = Refused::PaidTooMuch { amount: money(33_407), open: money(0) };
    assert_eq!(refused(&all, sent(Step::Pay)), too_much);
}

#[test]
fn documents_add_up() {
    let OrderCommand::Invoice(mut invoice) = sent(Step::Invoice) else { panic!("an invoice") };
    invoice.total = money(33_406);
    let wrong = Refused::DoesNotAddUp { lines: money(33_407), document: money(33_406) };
    assert_eq!(refused(&[Step::Place], OrderCommand::Invoice(invoice)), wrong);
}

#[test]
fn events_are_read_back() {
    for (index, step) in [Step::Place, Step::Invoice, Step::Pay].into_iter().enumerate() {
        let before = [Step::Place, Step::Invoice, Step::Pay];
        let event = order(&before[..index]).decide(sent(step)).unwrap();
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<OrderEvent>(&text).unwrap(), event);
    }
}
