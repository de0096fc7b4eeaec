"""Random contracts: invoices, orders and their deliveries, always valid and never ambiguous.

A `Draft` collects the commands of one contract in the order of their dates. Dates, anchors and
discounts keep clear of what the documents leave open, so that a difference is an error:

- With other proration than `actual_period` no date lies at a month's end (which whole months a
  part holds would be open), only monthly prices have an anchor, and prices for a term stay whole.
- A credit on a line uses one way only, and does not come where next to nothing is unearned.
- Anchors do not meet a start that sticks to a month's end.
- Percentages of discounts make half a minor unit all but impossible.
"""

import copy
from fractions import Fraction

from slow_calendar import (
    MONTHS, Grid, add_months, in_month, is_month_end, month_of, parse, show, split
)
from slow_prices import rated

FIRST, LAST = parse("2023-01-01"), parse("2025-06-30")
SPECIAL = [
    "2024-02-29", "2024-02-28", "2024-03-01", "2023-01-31", "2024-01-31", "2023-12-31",
    "2024-08-31", "2023-02-28", "2024-04-30", "2025-01-01",
]
MONTH_DAYS = {
    "actual_period": 31, "none": 31, "fixed_30": 28, "actual_month": 28, "strict_30_360": 26
}
PERCENTS = ["7.31", "12.37", "33.33", "50.01"]
BASES = [
    "day", "month_even", "month_even_prorated_ends", "month_even_daily_ends", "half_month",
    "full_month",
]
WAYS = ["split_pro_rata", "unearned_first", "contra_now", "prospective", "cumulative_reversal"]


class Draft:
    """One contract in the making."""

    def __init__(self, rng, policies, currency, number):
        self.rng, self.policies, self.currency = rng, policies, currency
        self.customer, self.order = f"C{number}", f"O{number}"
        self.number, self.documents = number, 0
        self.commands = []

    def send(self, day, command, **data):
        data = copy.deepcopy(data)  # Lines change later, commands do not.
        self.commands.append({"command": command, "effective": show(day), "data": data})

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    # Dates.

    @property
    def month_days(self):
        return MONTH_DAYS[self.policies.proration]

    def allowed(self, day):
        """Whether terms may begin on a day, or on the one after it."""
        old = self.policies.change_day == "old"
        return self.month_days == 31 or all(
            split(one)[1] <= self.month_days for one in (day, day + old)
        )

    def pick(self, first, last):
        """A day between two days, or a little later where none of them is allowed."""
        day = self.rng.randint(first, max(first, last))
        while not self.allowed(day):
            day += 1
        return day

    def days(self, count, first, last):
        """Days in order, on which terms may change."""
        return sorted(self.pick(first, last) for _ in range(count))

    def dates(self, count, first, last):
        """Days in order, for what happens on any day."""
        return sorted(self.rng.randint(first, max(first, last)) for _ in range(count))

    def latest(self):
        """The day of the last command so far."""
        return max(parse(command["effective"]) for command in self.commands)

    def begin(self):
        """A first day of service."""
        if self.month_days == 31 and self.chance(25):
            return parse(self.rng.choice(SPECIAL))
        day = self.rng.randint(FIRST, LAST)
        return in_month(month_of(day), 1) if self.chance(25) else self.pick(day, day)

    def finish(self, start, months=36):
        """A last day of service: after whole months, after a few days, or anywhere."""
        if self.chance(60):
            return add_months(start, self.rng.randint(1, months)) - 1
        if self.chance(10) and self.month_days == 31:
            return start
        return self.pick(start + 2, add_months(start, self.rng.randint(1, months))) - 1

    # Amounts.

    def money(self, low=1_00, high=50_000_00):
        """A whole number of minor units; a few are tiny."""
        return self.rng.randint(1, 9) if low == 1_00 and self.chance(4) else self.spread(low, high)

    def spread(self, low, high):
        """Small and large numbers alike."""
        return int(low * (high / low) ** self.rng.random())

    def show(self, minor):
        return self.policies.show(minor)

    def discount(self, amount):
        if amount < 10 or self.chance(60):
            return {"percent": self.rng.choice(PERCENTS)}
        return self.show(self.rng.randint(1, int(amount) // 2))

    def price(self, per, whole=False):
        """A price and a quantity; `whole` ones are exact for any whole quantity."""
        if self.chance(50):
            return {"model": "flat", "amount": self.show(self.money()), "per": per}, "1"
        unit = self.show(self.money(high=2_000_00))
        if not whole and self.chance(40):
            unit += ("" if "." in unit else ".") + str(self.rng.randint(1, 9999)).zfill(4)
        quantity = str(self.rng.randint(1, 30))
        if not whole and self.chance(15):
            quantity += ".5"
        return {"model": "per_unit", "unit_price": unit, "per": per}, quantity

    # Invoices.

    def invoice(self, day, lines, **more):
        self.documents += 1
        invoice = f"I{self.number}-{self.documents}"
        self.send(
            day, "IssueInvoice", invoice=invoice, customer=self.customer, currency=self.currency,
            lines=lines, **more,
        )
        return invoice

    def recognition(self, method):
        recognition = {"method": method}
        if method == "over_time" and self.chance(25):
            recognition["basis"] = self.rng.choice(BASES)
        return recognition

    def invoice_line(self, number, invoiced, net=None):
        """A line over time, at a point in time, or on the invoice's date."""
        line = {"line": str(number), "description": "service"}
        if net is None and self.chance(25):
            line["quantity"] = str(self.rng.randint(1, 20))
            line["unit_price"] = self.show(self.money(high=1_000_00))
        else:
            line["amount"] = self.show(net or self.money())
        if net is None and self.chance(10):
            line["discount"] = {"percent": self.rng.choice(PERCENTS)}
        kind = self.rng.choice(["over_time"] * 6 + ["one_day", "on_invoice", "point_in_time", None])
        start = end = self.rng.randint(invoiced - 90, invoiced + 60)
        if self.chance(15):
            start = end = parse(self.rng.choice(SPECIAL))
        if kind == "over_time":
            end = self.finish(start)
        if kind in ("over_time", "one_day", "point_in_time"):
            line |= {"service_start": show(start), "service_end": show(end)}
        if kind == "over_time" and self.chance(80):
            line["recognition"] = self.recognition("over_time")
        elif kind in ("on_invoice", "point_in_time"):
            line["recognition"] = {"method": kind}
        return line, (start, end) if kind == "over_time" else None

    # Orders.

    def billing(self, per, start, anchored=True):
        billing = {
            "every": per, "timing": self.rng.choice(["advance", "arrears"]),
        }
        most = min(self.month_days, 28) if self.policies.month_end == "stick" else self.month_days
        monthly = per == "month" or per in MONTHS and self.month_days == 31
        sticks = self.policies.month_end == "stick" and is_month_end(start)
        if anchored and monthly and not sticks and self.chance(35):
            if self.chance(70):
                billing["anchor"] = self.rng.randint(1, most)
            else:
                day = self.rng.randint(start - 40, start + 40)
                while split(day)[1] > most or is_month_end(day):
                    day += 1
                billing["anchor"] = show(day)
        return billing

    def line(self, name, method, per, start, end=None, billed=True, **options):
        """An order line; its discounts only where it is not changed later."""
        price, quantity = self.price(per, whole=options.get("whole", False))
        line = {
            "line": name, "description": name, "quantity": quantity, "price": price,
            "start": show(start), "recognition": self.recognition(method),
        }
        if end:
            line["end"] = show(end)
        if billed:
            line["billing"] = self.billing(per, start, options.get("anchored", True))
            if method in ("point_in_time", "milestone"):
                line["billing"]["timing"] = "advance"
        if options.get("discounted", True) and self.chance(25):
            amount = self.policies.exact(rated(price, Fraction(quantity)))
            line["discount"] = self.discount(amount)
        return line

    def place(self, start, lines, late=0, **more):
        day = self.rng.randint(start, start + late) if self.chance(30) else start
        self.send(
            day, "PlaceOrder", order=self.order, customer=self.customer, currency=self.currency,
            start=show(start), lines=lines, **more,
        )

    def bill(self, through):
        self.send(through, "RunBilling", through=show(through), order=self.order)

    def change(self, day, command, **data):
        self.send(day, command, order=self.order, **data)

    @staticmethod
    def begins_period(line, start, day, policies):
        """Whether a period of a recurring line begins on a day."""
        months = MONTHS.get(line["price"]["per"])
        if not months:
            return False
        anchor = line.get("billing", {}).get("anchor")
        return Grid(months, start, anchor, policies.month_end).around(day)[0] == day


def invoice(draft):
    """Lines of all kinds, with discounts, for service before and after the invoice."""
    day = draft.begin()
    lines = [draft.invoice_line(n + 1, day)[0] for n in range(draft.rng.randint(1, 4))]
    more = {}
    if draft.chance(15):
        more["discount"] = {"percent": draft.rng.choice(PERCENTS)}
    if draft.chance(10):
        lines[0]["tax_rate"] = "19"
    draft.invoice(day, lines, **more)


def bases(draft):
    """One price over the same dates by each basis."""
    day = draft.begin()
    start, net = draft.rng.randint(day - 60, day + 60), draft.money()
    end = draft.finish(start)
    draft.invoice(day, [
        {"line": basis, "description": basis, "amount": draft.show(net),
         "service_start": show(start), "service_end": show(end),
         "recognition": {"method": "over_time", "basis": basis}}
        for basis in BASES
    ])


def credit(draft):
    """Credits on one line of an invoice, in one of the five ways."""
    day, net = draft.begin(), draft.spread(10_00, 50_000_00)
    line, term = draft.invoice_line(1, day, net)
    invoice = draft.invoice(day, [line])
    way = draft.rng.choice(WAYS if term else WAYS[:3])
    credit_line(draft, invoice, "1", net, way, day, term or (day, day))


def credit_line(draft, invoice, line, net, way, issued, term):
    """One to three credits, early enough that something is left to spread, or after the end."""
    start, end = term
    count = draft.rng.randint(1, 3)
    if way == "prospective":
        last = start + (end - start) * 2 // 5 if end - start > 90 else start
        days = draft.dates(count if issued <= last else 0, issued, last)
        parts = [net // 20 for _ in days]
    else:
        last = start + (end - start) * 4 // 5
        days = draft.dates(count, issued, last)
        if issued > last or draft.chance(20):
            days = [max(issued, end + draft.rng.randint(1, 40))]
        parts = [draft.rng.randint(net // 10, net // 3) for _ in days]
        if draft.chance(25):
            parts[-1] = net - sum(parts[:-1])
    for number, (day, part) in enumerate(zip(days, parts), 1):
        more = {} if way == draft.policies.credit_revenue and draft.chance(50) else {"revenue": way}
        draft.send(
            day, "IssueCredit", credit=f"N{draft.number}-{number}", customer=draft.customer,
            invoice=invoice, currency=draft.currency,
            apply=draft.rng.choice(["account", "invoice"]),
            lines=[{"invoice_line": line, "description": "credit", "amount": draft.show(part)}],
            **more,
        )


def void(draft):
    """An invoice that is taken back on a later day."""
    day = draft.begin()
    lines = [draft.invoice_line(n + 1, day)[0] for n in range(draft.rng.randint(1, 3))]
    invoice = draft.invoice(day, lines)
    draft.send(day + draft.rng.randint(0, 400), "VoidInvoice", invoice=invoice)


def term(draft):
    """Lines over time with an end, at all prices, billed or not."""
    start, billed = draft.begin(), draft.chance(80)
    lines = []
    for number in range(draft.rng.randint(1, 3)):
        per = draft.rng.choice(["month", "month", "quarter", "year", "term", "once"])
        first = start if draft.chance(60) else draft.pick(start, start + 60)
        line = draft.line(f"L{number}", "over_time", per, first, draft.finish(first), billed)
        if per == "month" and billed and "discount" not in line and draft.chance(15):
            line["billing"] = {"every": "quarter", "timing": "advance"}
            line["end"] = show(add_months(first, 3 * draft.rng.randint(1, 8)) - 1)
        lines.append(line)
    draft.place(start, lines, late=20)
    bill_now_and_then(draft, start, billed)


def bill_now_and_then(draft, start, billed, months=14):
    if billed:
        first = max(start, draft.latest())
        for day in draft.dates(draft.rng.randint(0, 3), first, add_months(start, months)):
            draft.bill(day)


def open_ended(draft):
    """Recurring lines without an end."""
    start, billed = draft.begin(), draft.chance(80)
    lines = [
        draft.line(f"L{number}", "over_time", draft.rng.choice(list(MONTHS)), start, None, billed)
        for number in range(draft.rng.randint(1, 2))
    ]
    draft.place(start, lines, late=20)
    bill_now_and_then(draft, start, billed, months=30)


def delivery(draft):
    """Goods at a point in time: on their start, or by deliveries in parts."""
    start = draft.begin()
    lines = [goods(draft, f"L{number}", start) for number in range(draft.rng.randint(1, 3))]
    draft.place(start, lines)
    delivered = [deliveries(draft, line) for line in lines if draft.chance(70)]
    for day, name, units in sorted(sum(delivered, [])):
        draft.change(day, "RecordDelivery", line=name, quantity=units)
    if draft.chance(50):
        billed = draft.show(draft.money(low=1_00, high=100_00))
        draft.invoice(
            draft.latest() + 5,
            [{"line": "1", "description": "goods", "amount": billed, "order_line": "L0"}],
            order=draft.order,
        )


def goods(draft, name, start, billed=False, **options):
    first = draft.pick(start, start + 200)
    return draft.line(name, "point_in_time", "once", first, billed=billed, whole=True, **options)


def deliveries(draft, line):
    """Deliveries of a part of a line's quantity, the first on its start: (day, line, quantity)."""
    day, left, done = parse(line["start"]), int(line["quantity"]), []
    while left and len(done) < 4:
        units = draft.rng.randint(1, left)
        done.append((day, line["line"], str(units)))
        left -= units
        day += draft.rng.randint(1, 90)
    return done[: draft.rng.randint(1, len(done))]


def milestone(draft):
    """Percentages of completion that rise, and may fall."""
    start = draft.begin()
    line = draft.line("L0", "milestone", "once", start, billed=draft.chance(50))
    draft.place(start, [line])
    if line.get("billing") and draft.chance(70):
        draft.bill(start + draft.rng.randint(0, 30))
    for day in draft.dates(draft.rng.randint(1, 5), start + 31, start + 500):
        percent = str(draft.rng.randint(0, 99))
        if draft.chance(50):
            percent += f".{draft.rng.randrange(10**9):09}"
        draft.change(day, "RecordDelivery", line="L0", percent_complete=percent)
