"""Invoices, payments and credits of the story: what is open, unapplied or unused on any day.

Days are numbers, amounts are whole cents. A document keeps its moves with their days; what is left
of it on a day is the sum of those up to it.
"""

from slow_calendar import FOREVER

EDGES = [("current", 0), ("1-30", 30), ("31-60", 60), ("61-90", 90), ("90+", FOREVER)]
BUCKETS = [name for name, _ in EDGES]


class Document:
    """What an invoice, a payment and a credit have in common."""

    def __init__(self, name, customer, day, amount):
        self.name, self.customer, self.day, self.amount = name, customer, day, amount
        self.moves = [(day, amount)]
        self.order = None

    def move(self, day, amount):
        self.moves.append((day, amount))
        assert self.left() >= 0, (self.name, self.moves)

    def left(self, day=FOREVER):
        return sum(amount for on, amount in self.moves if on <= day)


class Invoice(Document):
    """Owed by a customer; `earning` is the line of the model of revenue that a simple one has."""

    def __init__(self, name, customer, day, due, net, tax, key):
        super().__init__(name, customer, day, net + tax)
        self.due, self.net, self.tax, self.key = due, net, tax, key
        self.net_left, self.tax_left = net, tax  # Not credited yet.
        self.discounts = []  # (last day, amount)
        self.disputes = []  # [first day, day of the resolution, amount or None for all]
        self.promises = []  # (last day, what is open once it is kept)
        self.lost = None  # The write-off, by account.
        self.money, self.losses = [], []  # (day, amount): what was paid, and written off.
        self.earning = None
        self.reminded = 0

    def days_overdue(self, day):
        return max(0, day - self.due)

    def bucket(self, day):
        return next(name for name, edge in EDGES if self.days_overdue(day) <= edge)

    def disputed(self, day):
        for first, resolved, amount in self.disputes:
            if first <= day < resolved:
                return self.left(day) if amount is None else min(amount, self.left(day))
        return 0

    def status(self, day):
        if self.disputed(day):
            return "disputed"
        if self.days_overdue(day):
            return "overdue"
        return "open" if self.left(day) == self.amount else "partially_paid"

    def discount(self, day):
        """The best early-payment discount that money of a day is in time for."""
        return max((amount for until, amount in self.discounts if day <= until), default=0)

    def is_promised(self, day):
        """Whether the latest promise is not past and not kept."""
        return bool(self.promises) and day <= self.promises[-1][0] and (
            self.left() > self.promises[-1][1]
        )


class Payment(Document):
    """Money of a customer; what is left of it is not applied."""

    def __init__(self, name, customer, day, amount, method):
        super().__init__(name, customer, day, amount)
        self.method = method
        self.applied = []  # (invoice, amount), the latest one last.
        self.charged_back = None  # What a chargeback took: (treatment, amount, invoices).


class Credit(Document):
    """What a customer may still use."""
