"""Expected cash, told from the commands that are known on a day: the slow model goes on billing.

An open item is expected on its due date and the days that its customer was late on average, its
promised part on the promised day, nothing before the day itself; what is disputed stands apart.
Unapplied money and credits pay for what is expected first.
"""

from slow_calendar import month_first, month_last, month_of, show
from story_book import Story

COLUMNS = ["expected_cash", "open_items", "scheduled", "unapplied", "disputed"]
CREDIT, PROMISED, DUE, SCHEDULED, DISPUTED = range(5)


def year_on(day):
    """The same day of the month a year later, or the month's last one."""
    month = month_of(day) + 12
    return min(month_first(month) + day - month_first(month_of(day)), month_last(month))


class Forecast:
    """The figures as of a day."""

    def __init__(self, commands, day):
        self.day, self.last, self.story = day, year_on(day), Story()
        for command in commands:
            self.story.apply(command)
        self.late = self.habits()

    def habits(self):
        """The days that each customer paid late on average; half a day counts as one."""
        days = {}
        for invoice in self.story.invoices.values():
            paid, lost = (sum(n for _, n in moves) for moves in (invoice.money, invoice.losses))
            if invoice.left() == 0 and paid > 0 and lost == 0:
                last = max(day for day, amount in invoice.money if amount > 0)
                days.setdefault(invoice.customer, []).append(last - invoice.due)
        return {
            customer: (2 * sum(late) + len(late)) // (2 * len(late))
            for customer, late in days.items()
        }

    def expected(self, customer, due):
        return max(self.day, due + self.late.get(customer, 0))

    def open_items(self):
        for invoice in self.story.open_invoices(self.day):
            disputed, promised = invoice.disputed(self.day), 0
            if invoice.promises and invoice.promises[-1][0] >= self.day:
                until, kept = invoice.promises[-1]
                promised = min(max(0, invoice.left() - kept), invoice.left() - disputed)
                yield invoice.customer, until, PROMISED, invoice.due, promised
            on = self.expected(invoice.customer, invoice.due)
            rest = invoice.left() - disputed - promised
            yield invoice.customer, on, DUE, invoice.due, rest
            yield invoice.customer, on, DISPUTED, invoice.due, disputed

    def scheduled(self):
        """What runs issue: one through the day, then one at each month's end."""
        invoices, credits = set(self.story.invoices), set(self.story.credits)
        through = self.day
        while True:
            self.story.apply({"id": f"run-{through}", "command": "RunBilling",
                              "effective": show(through), "data": {"through": show(through)}})
            if through == self.last:
                break
            through = min(month_last(month_of(through + 1)), self.last)
        for name, invoice in self.story.invoices.items():
            if name not in invoices:
                on = self.expected(invoice.customer, invoice.due)
                yield invoice.customer, on, SCHEDULED, invoice.due, invoice.amount
        for name, credit in self.story.credits.items():
            if name not in credits:
                on = max(credit.day, self.day)
                yield credit.customer, on, CREDIT, on, credit.amount

    def rows(self):
        """The columns by month and customer, in cents."""
        left = {
            customer: self.story.unapplied(customer, self.day) for customer in self.story.terms
        }
        rows = {}
        for customer, on, kind, _, amount in sorted([*self.open_items(), *self.scheduled()]):
            if kind == CREDIT:
                left[customer] += amount
                continue
            if amount == 0:
                continue
            used = 0 if kind == DISPUTED else min(left[customer], amount)
            left[customer] -= used
            month = "later" if on > self.last else show(on)[:7]
            row = rows.setdefault((month, customer), [0, 0, 0, 0, 0])
            column = {DISPUTED: 4, SCHEDULED: 2}.get(kind, 1)
            row[column] += amount
            row[3] -= used
            row[0] += (0 if kind == DISPUTED else amount) - used
        return {key: tuple(row) for key, row in rows.items()}
