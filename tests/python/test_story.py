"""Two years of a subscription business, told once: what every report says at each month's end
equals a slow double-entry model to the cent.

The story (`story_commands.py`) is fixed. The model (`story_book.py`, `story_ledger.py`, and
`slow_revenue.py` for revenue and billing) is written from the documents alone.
"""

import concurrent.futures
import json
import tempfile
import unittest
from decimal import Decimal
from fractions import Fraction

from ledger import report, run
from slow_calendar import month_first, month_last, month_of, parse, show
from story_commands import CUSTOMERS
from story_documents import BUCKETS
from story_forecast import COLUMNS, Forecast
from story_told import FIRST, LAST, Teller

MONTHS = range(month_of(FIRST), month_of(LAST) + 1)
YEARS = [("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")]
STARTS_AT_ONCE = 4


def cents(text):
    amount = Decimal(text).scaleb(2)
    assert amount == amount.to_integral_value(), text
    return int(amount)


def amounts(row, *columns):
    return tuple(cents(row[column]) for column in columns)


class TwoYears(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.where = ["--book", "story", "--data", cls.folder.name]
        teller = Teller()
        cls.story, cls.commands, cls.compared = teller.story, teller.commands, []
        told = "".join(json.dumps(command) + "\n" for command in teller.commands)
        answers = run("apply", "-", *cls.where, "--quiet", given=told, ok=(0, 1)).splitlines()
        answers = list(map(json.loads, answers))
        for command, answer in zip(teller.commands, answers, strict=True):
            assert answer["outcome"] == "accepted", (command, answer["error"])
        cls.sequences = [answer["sequence"] for answer in answers]
        print(f"{len(answers)} commands of {len(CUSTOMERS)} customers", flush=True)

    @classmethod
    def tearDownClass(cls):
        print(f"{sum(cls.compared)} rows are the same", flush=True)

    def rows(self, name, day, *filters):
        return report(name, *self.where, "--as-of", show(day), *filters)["rows"]

    def same(self, where, wanted, found):
        """Two tables by key: no row and no figure differs."""
        for key in {**wanted, **found}:
            self.assertEqual(found.get(key), wanted.get(key), (where, key, "wanted is second"))
        self.compared.append(len(wanted))

    def each_month(self, check):
        """Checks all month ends, a few starts of the program at once."""
        with concurrent.futures.ThreadPoolExecutor(STARTS_AT_ONCE) as starts:
            list(starts.map(check, map(month_last, MONTHS)))

    # The books.

    def test_trial_balance(self):
        self.each_month(self.check_trial_balance)

    def check_trial_balance(self, day):
        rows = self.rows("trial-balance", day)
        found = {row["role"]: cents(row["balance"]) for row in rows if cents(row["balance"])}
        self.same(show(day), self.story.trial_balance(day), found)

    def test_verify(self):
        run("verify", *self.where)

    # Receivables.

    def test_receivables(self):
        self.each_month(self.check_receivables)

    def check_receivables(self, day):
        columns = [*BUCKETS, "total", "unapplied", "disputed"]
        wanted = {
            customer: tuple(row[column] for column in columns)
            for customer, row in self.story.receivables(day).items()
        }
        rows = self.rows("receivables", day)
        found = {row["customer"]: amounts(row, *columns) for row in rows}
        found = {customer: row for customer, row in found.items() if any(row)}
        self.same(show(day), wanted, found)

    def test_open_items(self):
        self.each_month(self.check_open_items)

    def check_open_items(self, day):
        wanted = {
            invoice.name: (
                invoice.customer, show(invoice.day), show(invoice.due), invoice.amount,
                invoice.left(day), invoice.days_overdue(day), invoice.bucket(day),
                invoice.status(day),
            )
            for invoice in self.story.open_invoices(day)
        }
        found = {
            row["invoice"]: (
                row["customer"], row["issued"], row["due"], *amounts(row, "amount", "open"),
                int(row["days_overdue"]), row["bucket"], row["status"],
            )
            for row in self.rows("open-items", day)
        }
        self.same(show(day), wanted, found)

    def test_statements(self):
        self.each_month(self.check_statements)

    def check_statements(self, day):
        """What is owed at the month's end, and at the end of each day with a row."""
        for customer in CUSTOMERS:
            rows = self.rows("statement", day, "--customer", customer)
            found = {row["date"]: cents(row["balance"]) for row in rows}
            wanted = {on: self.story.statement_balance(customer, parse(on)) for on in found}
            self.same((show(day), customer), wanted, found)
            last = rows[-1]["balance"] if rows else "0"
            self.assertEqual(cents(last), self.story.statement_balance(customer, day))
            self.assertEqual(cents(last), sum(cents(row["amount"]) for row in rows))

    def test_reminders(self):
        found = [
            (row["date"], row["customer"], row["invoice"], int(row["stage"]),
             int(row["days_overdue"]), cents(row["open"]))
            for row in self.rows("reminders", LAST)
        ]
        self.assertEqual(sorted(found), sorted(self.story.reminders))

    # Revenue and billing.

    def test_deferred_revenue(self):
        self.each_month(self.check_deferred_revenue)

    def check_deferred_revenue(self, day):
        wanted = {}
        for key, (billed, recognised) in self.story.contracts(day).items():
            if billed or recognised:
                deferred, unbilled = max(0, billed - recognised), max(0, recognised - billed)
                figures = billed, recognised, deferred, unbilled
                wanted[key] = self.story.owner[key], *figures
        found = {}
        for row in self.rows("deferred-revenue", day):
            key = ("order", row["order"]) if row["order"] else ("invoice", row["invoice"])
            figures = amounts(row, "billed", "recognised", "deferred", "unbilled")
            if any(figures):
                found[key] = row["customer"], *figures
        self.same(show(day), wanted, found)

    def test_revenue(self):
        self.each_month(self.check_revenue)

    def check_revenue(self, day):
        wanted = {
            show(month_first(month))[:7]: self.story.revenue(month_first(month), month_last(month))
            for month in MONTHS if month_last(month) <= day
        }
        rows = self.rows("revenue", day, "--by", "month")
        self.same(show(day), wanted, {row["month"]: cents(row["amount"]) for row in rows})

    def test_rollforward(self):
        self.each_month(self.check_rollforward)

    def check_rollforward(self, day):
        first = month_first(month_of(day))
        wanted = self.story.rollforward(first, day)
        [row] = self.rows("rollforward", day, "--from", show(first), "--to", show(day))
        self.same(show(day), wanted, {column: cents(row[column]) for column in wanted})

    def test_billing(self):
        self.each_month(self.check_billing)

    def check_billing(self, day):
        wanted = {
            invoice.name: (
                show(invoice.day), invoice.customer, invoice.order, invoice.net, invoice.tax,
                invoice.amount,
            )
            for invoice in self.story.invoices.values() if invoice.day <= day
        }
        found = {
            row["invoice"]: (
                row["date"], row["customer"], row["order"] or None,
                *amounts(row, "net", "tax", "total"),
            )
            for row in self.rows("billing", day)
        }
        self.same(show(day), wanted, found)

    # Cash and ratios.

    def test_cash(self):
        self.each_month(self.check_cash)

    def check_cash(self, day):
        wanted = self.story.cash_rows(day)
        wanted = {key: (*row, row[0] - row[1] - row[2]) for key, row in wanted.items()}
        found, of_month = {}, 0
        for row in self.rows("cash", day):
            key = row["date"], row["method"] or None
            figures = amounts(row, "received", "refunded", "fees", "net")
            found[key] = tuple(map(sum, zip(found.get(key, (0, 0, 0, 0)), figures)))
            if row["date"][:7] == show(day)[:7]:
                of_month += cents(row["net"])
        self.same(show(day), wanted, found)
        self.assertEqual(of_month, self.story.cash_of_month(day), show(day))

    def test_forecast(self):
        self.each_month(self.check_forecast)

    def check_forecast(self, day):
        """Expected cash of the coming year by month and customer, as it was known on the day."""
        known = [one for one in self.commands if parse(one["effective"]) <= day]
        wanted = Forecast(known, day).rows()
        then = "--at-sequence", str(self.sequences[len(known) - 1])
        rows = self.rows("forecast", day, "--by", "customer", *then)
        found = {(row["month"], row["customer"]): amounts(row, *COLUMNS) for row in rows}
        self.same(show(day), wanted, found)
        months = {row["month"]: cents(row["expected_cash"]) for row in self.rows("forecast", day, *then)}
        sums = {}
        for (month, _), row in wanted.items():
            sums[month] = sums.get(month, 0) + row[0]
        self.same(show(day), sums, months)

    def test_metrics(self):
        self.each_month(lambda day: self.check_metrics(month_first(month_of(day)), day))
        for first, last in YEARS:
            self.check_metrics(parse(first), parse(last))

    def check_metrics(self, first, last):
        """To the four decimals that are printed."""
        wanted = self.story.metrics(first, last)
        rows = self.rows("metrics", last, "--from", show(first), "--to", show(last))
        found = {row["metric"]: row["value"] for row in rows if row["metric"] in wanted}
        for name, value in wanted.items():
            difference = abs(Fraction(found[name]) - value)
            self.assertLessEqual(difference, Fraction(1, 20000), (show(last), name, str(value)))
        self.compared.append(len(wanted))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"{max(0, result.testsRun - failed)} passed, {failed} failed")
    raise SystemExit(failed > 0)
