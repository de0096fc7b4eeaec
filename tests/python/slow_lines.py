"""What one line costs in each of its periods, and what is earned of it through any day.

A line keeps every version of its schedule. The latest recorded version whose first day is not
after a day decides what is earned through it; `known` is the command up to which is known.
"""

import copy
from fractions import Fraction

from slow_calendar import FOREVER, MONTHS, Grid, progress, share
from slow_prices import rated

ALL = float("inf")


class Pricing:
    """The billing periods of an order line, and what each of them costs."""

    def __init__(self, policies, data, start, end):
        self.policies = policies
        self.start, self.end, self.cut = start, end, FOREVER
        self.price, self.quantity = data["price"], Fraction(data["quantity"])
        self.discount = data.get("discount")
        self.billing = data.get("billing") or {}
        priced = MONTHS.get(self.price.get("per", "once"))
        self.months = priced and MONTHS.get(self.billing.get("every"), priced)
        self.scale = Fraction(self.months, priced) if priced else 1
        if self.months:
            anchor = self.billing.get("anchor")
            self.grid = Grid(self.months, start, anchor, policies.month_end)
        self.amounts = [(0, self.amount())]

    def amount(self):
        """The exact price of a whole period at the terms in force."""
        amount = self.policies.exact(rated(self.price, self.quantity)) * self.scale
        return self.policies.discounted(amount, self.discount)

    def renewed(self, start, end):
        """The same terms for other dates."""
        terms = {
            "price": self.price, "quantity": self.quantity, "discount": self.discount,
            "billing": self.billing,
        }
        return Pricing(self.policies, terms, start, end)

    def snapshot(self):
        """A copy that later changes do not touch."""
        twin = copy.copy(self)
        twin.amounts = list(self.amounts)
        return twin

    def change(self, first, terms, prorated):
        """New terms from a day on, or where nothing is prorated from the next period on."""
        self.price = terms.get("price", self.price)
        self.quantity = Fraction(terms.get("quantity", self.quantity))
        self.discount = terms.get("discount", self.discount)
        if not self.months and not prorated:
            self.amounts = [(0, self.amount())]
            return
        if not prorated and first > self.start:
            running = self.whole(first)
            first = first if running[0] == first else running[1] + 1
        self.put(first, self.amount())

    def put(self, first, amount):
        """A new amount from a day on: of several changes with one first day the last one counts."""
        if self.amounts[-1][0] == first:
            self.amounts.pop()
        self.amounts.append((first, amount))

    def suspend(self, first):
        self.put(first, Fraction(0))

    def resume(self, first):
        self.put(first, self.amount())

    @property
    def last(self):
        return min(self.end, self.cut)

    def whole(self, day):
        """The whole period that a day lies in; a price for the term has only one."""
        return self.grid.around(day) if self.months else (self.start, self.end)

    def next_whole(self, day):
        """The first day of a period on a day or after it."""
        first, last = self.whole(max(day, self.start))
        return day if day <= max(first, self.start) else last + 1

    def parts(self, through):
        """Each period's days of service and its whole, of the periods begun by a day."""
        first = self.start
        while first <= min(self.last, through):
            whole = self.whole(first)
            part = first, min(whole[1], self.last)
            yield part, whole
            first = part[1] + 1

    def cost(self, part, whole):
        """What a period costs: the price at its start, and each change inside for the days left."""
        rules, total, current = self.policies, 0, None
        for first, amount in self.amounts:
            if first > part[1]:
                continue
            if first <= part[0]:
                total = rules.round(amount * share(rules.proration, part, whole, self.months))
            else:
                total += self.difference(current, amount, (first, part[1]), whole)
            current = amount
        return total

    def difference(self, old, new, left, whole):
        """A change of price for the days left of a period (readings, 30)."""
        rules = self.policies
        if rules.proration_rounding == "daily_rate":
            days = whole[1] - whole[0] + 1
            daily = rules.round(new / days) - rules.round(old / days)
            return daily * (left[1] - left[0] + 1)
        part = share(rules.proration, left, whole, self.months)
        if rules.proration_rounding == "legs":
            return rules.round(new * part) - rules.round(old * part)
        return rules.round((new - old) * part)

    def total(self, through=FOREVER):
        return sum(self.cost(part, whole) for part, whole in self.parts(through))

    def count(self):
        """How many periods of the price the line has, partial ones by their share."""
        proration, parts = self.policies.proration, self.parts(FOREVER)
        return self.scale * sum(share(proration, part, whole, self.months) for part, whole in parts)


class Line:
    """What all lines share: versions, and the three ways in which a new one begins."""

    def __init__(self, policies, name, start):
        self.policies, self.name, self.start = policies, name, start
        self.pricing = None  # Of an order line.
        self.versions = []
        self.own = 0  # What is charged for the line in the end.
        self.price = 0  # What is earned of it in the end, contra revenue not counted.
        self.contra = 0
        self.credited_on = self.before = None  # The last day with credits, and what was before it.
        self.reversed = 0  # What credits of that day took back of what was earned.
        self.ssp = None
        self.apart = False  # Added as a contract of its own.
        self.timing = None
        self.invoiced = 0
        self.charged = {}  # What has fallen due, by the first day of the period.

    def measure(self, since):
        """A function of (day, known): the part of what was left on a day that is earned."""
        raise NotImplementedError

    def record(self, sequence, first, earned):
        self.versions.append((sequence, first, earned))

    def earned(self, day, known=ALL):
        """What is earned through a day, contra revenue not counted."""
        for sequence, first, earned in reversed(self.versions):
            if sequence <= known and first <= day:
                return earned(day, known)
        return 0

    def unearned_part(self, first):
        """The part of the line that is not delivered before a day."""
        return 1 - self.measure(None)(first - 1, ALL)

    def catch_up(self, sequence, first, price):
        """Progress times the new price; also how a line begins."""
        measure, policies = self.measure(None), self.policies
        self.price = price
        self.record(
            sequence, first, lambda day, known: policies.round(price * measure(day, known))
        )

    def respread(self, sequence, first, price, reversal=0):
        """What is not earned yet of a new price spreads over what is left from a day on."""
        measure, policies = self.measure(first), self.policies
        base = self.earned(first - 1) - reversal
        rest = price - base
        self.price = price
        self.record(
            sequence, first, lambda day, known: base + policies.round(rest * measure(day, known))
        )

    def freeze(self, sequence, first, amount):
        """Nothing more is earned; what the amount differs by falls on the first day."""
        self.price = amount
        self.record(sequence, first, lambda day, known: amount)


class SpreadLine(Line):
    """Over time between two dates, by a basis; a single day is a point in time."""

    def __init__(self, policies, name, start, end, basis):
        super().__init__(policies, name, start)
        self.end, self.basis = end, basis

    @property
    def last(self):
        return self.pricing.last if self.pricing else self.end

    def measure(self, since):
        start, last, basis = max(self.start, since or self.start), self.last, self.basis
        return lambda day, known: progress(basis, start, last, day)


class OpenLine(Line):
    """Over time without an end: each period's price is earned over that period."""

    def __init__(self, policies, name, start, basis):
        super().__init__(policies, name, start)
        self.basis = basis

    def begin(self, sequence):
        self.respread(sequence, self.start)

    def respread(self, sequence, first, since=None):
        """The running period spreads what is left of it, or catches up from its first day on."""
        pricing, basis, policies = self.pricing.snapshot(), self.basis, self.policies
        begin = max(since or first, self.start)
        base = self.earned(begin - 1)
        last = min(pricing.whole(begin)[1], pricing.last)
        rest = pricing.total(through=last) - base
        costs = {}

        def earned(day, known):
            total = base + policies.round(rest * progress(basis, begin, last, day))
            for part, whole in pricing.parts(day):
                if part[0] <= last:
                    continue
                if part not in costs:
                    costs[part] = pricing.cost(part, whole)
                if part[1] <= day:
                    total += costs[part]
                else:
                    total += policies.round(costs[part] * progress(basis, *part, day))
            return total

        self.record(sequence, first, earned)

    def catch_up(self, sequence, first):
        self.respread(sequence, first, since=self.pricing.whole(max(first, self.start))[0])


class DeliveryLine(Line):
    """At a point in time: by deliveries where there are any, else on its start."""

    def __init__(self, policies, name, start):
        super().__init__(policies, name, start)
        self.deliveries = []

    def deliver(self, sequence, day, quantity):
        self.deliveries.append((sequence, day, Fraction(quantity)))

    def measure(self, since):
        quantity = self.pricing.quantity

        def delivered(day, known):
            return sum(
                units for sequence, on, units in self.deliveries if sequence <= known and on <= day
            )

        def measured(day, known):
            if not any(sequence <= known for sequence, _, _ in self.deliveries):
                return Fraction(day >= max(self.start, since or self.start))
            before = delivered(since - 1, known) if since else 0
            if before == quantity:
                return Fraction(1)
            return (delivered(day, known) - before) / (quantity - before)

        return measured


class MilestoneLine(Line):
    """By the latest percentage of completion, which may fall."""

    def __init__(self, policies, name, start):
        super().__init__(policies, name, start)
        self.percentages = []

    def complete(self, sequence, day, percent):
        self.percentages.append((sequence, day, Fraction(percent) / 100))

    def measure(self, since):
        def completed(day, known):
            reached = [
                (on, sequence, percent) for sequence, on, percent in self.percentages
                if sequence <= known and on <= day
            ]
            return max(reached)[2] if reached else Fraction(0)

        def measured(day, known):
            before = completed(since - 1, known) if since else Fraction(0)
            if before == 1:
                return Fraction(1)
            return (completed(day, known) - before) / (1 - before)

        return measured


class UsageLine(Line):
    """What is used in each period at its rated price; a minimum is topped up on the last day."""

    def __init__(self, policies, name, start, price):
        super().__init__(policies, name, start)
        self.readings = []
        self.prices = [(0, 0, price)]

    def begin(self, sequence):
        self.record(sequence, 0, self.through)

    def reprice(self, sequence, first, price):
        self.prices.append((sequence, first, price))

    def use(self, sequence, day, quantity):
        self.readings.append((sequence, day, Fraction(quantity)))

    def through(self, day, known):
        parts = self.pricing.parts(day)
        return sum(self.of_period(part, min(day, part[1]), known) for part, _ in parts)

    def of_period(self, part, day, known=ALL):
        """The rated price of one period's usage through a day, by the price at its start."""
        price = [
            price for sequence, first, price in self.prices
            if sequence <= known and first <= part[0]
        ][-1]
        readings = sorted(
            (on, sequence, quantity) for sequence, on, quantity in self.readings
            if sequence <= known and part[0] <= on <= day
        )
        quantities = [quantity for _, _, quantity in readings]
        amount = Fraction(0)
        if quantities:
            combine = {"sum": sum, "max": max, "last": lambda all: all[-1]}
            amount = rated(price, combine[price.get("aggregate", "sum")](quantities))
        if day == part[1]:
            amount = max(amount, Fraction(price.get("minimum", 0)))
        return self.policies.round(self.policies.exact(amount))
