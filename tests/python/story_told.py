"""Tells the story day by day: what happens by itself, what was planned, and who pays as usual."""

import datetime
from fractions import Fraction

from slow_calendar import parse, show
from story_book import Story
from story_commands import CUSTOMERS, EVENTS, HABITS, TOLD

FIRST, LAST = parse("2024-01-01"), parse("2025-12-31")
POLICIES = {
    "write_off_tax": "relieve", "write_off_to": "allowance", "cash_discount_tax": "reduce",
    "tolerance": "0.50",
}


class Teller:
    """The commands of the story, and the model that has heard them."""

    def __init__(self):
        self.story, self.commands = Story(), []
        first = show(FIRST)
        self.tell(first, "OpenBook", {"currency": "USD", "policies": POLICIES})
        self.tell(first, "DefineTaxRate", {"tax_code": "VAT", "rate": "20", "from": first})
        for customer, days in CUSTOMERS.items():
            self.tell(first, "RegisterCustomer", {
                "customer": customer, "name": customer.title(), "payment_terms_days": days})
        for day in range(FIRST, LAST + 1):
            self.tell_day(day)

    def tell(self, day, command, data):
        told = {"id": f"story-{len(self.commands) + 1}", "command": command, "effective": day,
                "data": data}
        self.commands.append(told)
        self.story.apply(told)

    def tell_day(self, day):
        """Orders are placed before they are billed; all else that was planned comes after it."""
        planned = [event for event in EVENTS if event[0] == show(day)]
        for event in planned:
            if event[1] == "PlaceOrder":
                self.tell(*event)
        if datetime.date.fromordinal(day).day == 1:
            self.tell(show(day), "RunBilling", {"through": show(day)})
        for on, command, data in planned:
            if command != "PlaceOrder":
                self.tell(on, command, self.named(data))
        self.pay_as_usual(day)

    def named(self, value):
        """A command's data with the numbers of invoices and credits in place of `@` and `~`."""
        if isinstance(value, dict):
            return {name: self.named(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.named(part) for part in value]
        if isinstance(value, str) and "@" in value:
            words, place = value.split("@")
            return words + self.find(self.story.invoices, place)
        if isinstance(value, str) and value.startswith("~"):
            return self.find(self.story.credits, value[1:])
        return value

    @staticmethod
    def find(documents, place):
        order, day = place.split()
        [name] = [
            name for name, document in documents.items()
            if document.day == parse(day) and document.order == order
        ]
        return name

    def pay_as_usual(self, day):
        for invoice in list(self.story.invoices.values()):
            if invoice.order not in HABITS or (invoice.order, show(invoice.day)) in TOLD:
                continue
            days, method, rate = HABITS[invoice.order]
            amount = invoice.left()
            if amount and day >= invoice.day + days:
                show_amount = self.story.policies.show
                fee = self.story.policies.round(amount * Fraction(rate))
                self.tell(show(day), "RecordPayment", {
                    "payment": f"PAY-{invoice.name}", "customer": invoice.customer,
                    "currency": "USD", "amount": show_amount(amount), "method": method,
                    "fee": show_amount(fee), "reference": invoice.name, "allocate": "auto"})
