"""A slow, independent model of what a book recognises and bills, written from the documents.

It shares nothing with the program: days are counted one by one, shares are fractions, amounts are
whole minor units. `Book` takes the commands of the contract in their order and answers, for each
contract (an order, or an invoice without one) and day, what is recognised and what is billed.
Commands that touch neither are ignored.

Decisions, where the documents leave room:

- A price is exact, discount included, until its period is charged; a period is rounded once, and
  each change of price inside it once more.
- After a change on a day the rest is spread by the basis over a term of its own, from that day to
  the end: `month_even` counts its months from that day.
- The months of `month_even` are counted from the start with the days of short months clamped.
- Line of an open end: what is left of the running period is all that is charged through its end
  less all that is earned; later periods are earned as they come.
- A line without `ssp` among lines with one weighs its own price. Usage and lines with an open end
  have no fixed price and stand outside of the allocation.
- `catch_up` where lines name an `ssp`: the new transaction price is allocated again over all lines
  that are not separate, and each catches up.
- A change of a delivered line: the part that is delivered keeps the old price, the rest has the new
  one; with `proration: none` the price changes whole.
- Proration `none` in an amendment moves the price of a period, not the first day of the schedule; a
  line of an open end goes on as it is until its next period.
- Of several changes with one first day the last one counts. Lines of a shared price that no change
  names, and whose share stays what it is, keep their schedule.
- Under `change_day: old` a change of terms is earned from the day after; a revised estimate, a
  suspension and a resumption count from their own day, and a cancellation posts on its own.
- While an order is suspended nothing is recognised, not even what rounding left; it is part of the
  rest from the resumption on.
- A credit's earned part is its amount times what is earned of the line over its price, both less
  what earlier credits took to contra revenue, in whole minor units. It is measured at the end of
  the day before, so that credits of one day do not depend on their order.
- `cumulative_reversal` splits as `split_pro_rata` does; its earned part lowers revenue itself.
- A renewal has a line for each recurring line that reaches the order's end.
"""

from fractions import Fraction

from slow_calendar import parse
from slow_lines import ALL, SpreadLine
from slow_orders import Contract, Order


class Book:
    """Commands in, recognised and billed amounts in minor units out."""

    def __init__(self, policies):
        self.policies = policies
        self.sequence = 0
        self.closes = []  # (sequence, last closed day)
        self.contracts = {}  # By ("order" or "invoice", id).
        self.invoices = {}  # By id: the invoiced lines by id.

    def apply(self, command):
        self.sequence += 1
        handle = self.HANDLERS.get(command["command"])
        if handle:
            handle(self, parse(command["effective"]), command["data"])

    # What the book says.

    def known(self, day):
        """The command up to which counts what was known of a day: the one that closed it."""
        return next((sequence for sequence, last in self.closes if day <= last), ALL)

    def gross(self, key, day):
        """Recognised through a day, contra revenue left out."""
        return self.contracts[key].earned(day, self.known(day))

    def contra(self, key, day):
        """Taken to contra revenue through a day."""
        return sum(amount for on, amount in self.contracts[key].contra if on <= day)

    def recognised(self, key, day):
        """Recognised through a day, net of contra revenue."""
        return self.gross(key, day) - self.contra(key, day)

    def billed(self, key, day):
        """Billed through a day, net of whole credits."""
        return sum(amount for on, amount in self.contracts[key].bills if on <= day)

    # Orders.

    def order(self, data):
        return self.contracts["order", data["order"]]

    def first_open(self):
        return max((last for _, last in self.closes), default=-1) + 1

    def posted(self, day):
        """The day on which something is posted: in a closed period, the first open day."""
        return max(day, self.first_open())

    def place_order(self, day, data):
        order = Order(self.policies, self.sequence, data)
        self.contracts["order", order.name] = order

    def amend_order(self, day, data):
        self.order(data).amend(self.sequence, day, data)

    def renew_order(self, day, data):
        self.order(data).renew(self.sequence, data)

    def cancel_order(self, day, data):
        self.order(data).cancel(self.sequence, day, data["unearned"], self.posted(day))

    def suspend_order(self, day, data):
        self.order(data).suspend(self.sequence, day)

    def resume_order(self, day, data):
        self.order(data).resume(self.sequence, day)

    def revise_estimate(self, day, data):
        self.order(data).revise(self.sequence, day, data)

    def record_delivery(self, day, data):
        self.order(data).deliver(self.sequence, day, data)

    def record_usage(self, day, data):
        self.order(data).use(self.sequence, day, data)

    def run_billing(self, day, data):
        through = parse(data["through"])
        for (kind, name), contract in self.contracts.items():
            if kind == "order" and data.get("order", name) == name:
                contract.run_billing(through, self.first_open())

    # Invoices and credits.

    def issue_invoice(self, day, data):
        nets = self.nets(data)
        key = ("order", data["order"]) if "order" in data else ("invoice", data["invoice"])
        contract = self.contracts.setdefault(key, Contract(self.policies, key[1]))
        lines = self.invoices[data["invoice"]] = {}
        for number, (line, net) in enumerate(zip(data["lines"], nets), 1):
            if "order_line" in line:
                earning = contract.line(line["order_line"])
            else:
                earning = self.earning(line, day)
                earning.catch_up(self.sequence, 0, net)
                contract.loose.append(earning)
            contract.bill(earning, self.posted(day), net)
            lines[line.get("line", str(number))] = contract, earning, net

    def nets(self, data):
        """What each line of an invoice costs before tax, the document's discount taken off."""
        policies, nets = self.policies, []
        for line in data["lines"]:
            if "amount" in line:
                amount = policies.exact(line["amount"])
            else:
                amount = policies.exact(line["unit_price"]) * Fraction(line.get("quantity", 1))
            nets.append(policies.round(policies.discounted(amount, line.get("discount"))))
        if "discount" in data:
            total = policies.round(policies.discounted(sum(nets), data["discount"]))
            off = policies.allocate(sum(nets) - total, nets)
            nets = [net - part for net, part in zip(nets, off)]
        return nets

    def earning(self, line, invoiced):
        """How an invoice line that bills no order is earned (contract, section 4)."""
        served = "service_start" in line
        recognition = line.get("recognition", {})
        method = recognition.get("method", "over_time" if served else "on_invoice")
        start = end = parse(line["service_start"]) if served else invoiced
        if method == "over_time":
            end = parse(line["service_end"])
        elif method == "on_invoice":
            start = end = invoiced
        basis = recognition.get("basis", self.policies.recognition_basis)
        return SpreadLine(self.policies, line.get("line"), start, end, basis)

    def issue_credit(self, day, data):
        way = data.get("revenue", self.policies.credit_revenue)
        for line in data["lines"]:
            amount = self.policies.minor(line["amount"])
            if "invoice" in data:
                contract, earning, _ = self.invoices[data["invoice"]][line["invoice_line"]]
                self.credit(contract, earning, day, amount, way)
            else:
                key = "credit", data["credit"]
                contract = self.contracts.setdefault(key, Contract(self.policies, key[1]))
                contract.bills.append((self.posted(day), -amount))
                contract.contra.append((self.posted(day), amount))

    def credit(self, contract, line, day, amount, way):
        """Splits a credit into its earned and its unearned part (readings, 44 and 45)."""
        if line.credited_on != day:
            line.credited_on, line.before = day, (line.earned(day - 1), line.price, line.contra)
            line.reversed = 0
        earned, price, contra = line.before
        earned, price = earned - contra, price - contra
        if way == "contra_now":
            taken = amount
        elif way == "prospective":
            taken = 0
        elif way == "unearned_first":
            taken = max(0, amount - (line.price - line.before[0]))
        else:
            taken = self.policies.round(Fraction(amount * earned, price))
        contract.bill(line, self.posted(day), -amount)
        reversal = taken if way == "cumulative_reversal" else 0
        if not reversal:
            line.contra += taken
            contract.contra.append((self.posted(day), taken))
        if amount - taken + reversal:
            line.reversed += reversal
            price = line.price - amount + taken - reversal
            line.respread(self.sequence, day, price, line.reversed)

    def void_invoice(self, day, data):
        for contract, line, net in self.invoices[data["invoice"]].values():
            contract.bill(line, self.posted(day), -net)
            if line.pricing is None:
                line.freeze(self.sequence, day, 0)

    def close_period(self, day, data):
        self.closes.append((self.sequence, parse(data["through"])))

    HANDLERS = {
        "PlaceOrder": place_order,
        "AmendOrder": amend_order,
        "RenewOrder": renew_order,
        "CancelOrder": cancel_order,
        "SuspendOrder": suspend_order,
        "ResumeOrder": resume_order,
        "ReviseEstimate": revise_estimate,
        "RecordDelivery": record_delivery,
        "RecordUsage": record_usage,
        "RunBilling": run_billing,
        "IssueInvoice": issue_invoice,
        "IssueCredit": issue_credit,
        "VoidInvoice": void_invoice,
        "ClosePeriod": close_period,
    }
