"""69,659 real purchases of 23,570 customers over eighteen months: what each of them is worth, and
what was sold in each month, as the facts beside the data and a sum over the file say.

The data is not ours to ship. REVLEDGER_REAL_DATA names its folder; without it the test is skipped
and says so.
"""

import csv
import json
import os
import pathlib
import tempfile
import unittest
from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Decimal

from ledger import report, run

DATA = pathlib.Path(os.environ.get("REVLEDGER_REAL_DATA") or ".") / "cdnow"
PURCHASES = DATA / "CDNOW_master.txt"
MAP = """
kind = "invoices"
currency = "USD"
date_format = "yyyy-mm-dd"

[columns]
invoice = "purchase"
customer = "customer"
issued = "date"
amount = "amount"
"""
FIRST = "1997-01-01"
LAST = "1998-06-30"


def cents(number):
    return Decimal(number) / 100


def cent(value):
    return value.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def purchases():
    """Customer, day and amount of each purchase that cost something: a free one is no invoice."""
    for number, line in enumerate(PURCHASES.read_text().splitlines()[1:], 1):
        customer, day, _, amount = line.split()
        if Decimal(amount):
            yield f"P-{number}", customer, f"{day[:4]}-{day[4:6]}-{day[6:]}", amount


@unittest.skipUnless(PURCHASES.exists(), "REVLEDGER_REAL_DATA does not name the real purchases")
class RealCustomers(unittest.TestCase):
    def test_lifetime_value_and_sales(self):
        facts = json.loads((DATA / "oracle.json").read_text())
        rows = list(purchases())
        self.assertEqual(len(rows), facts["rows"] - facts["zero_amount_rows"])
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "map.toml").write_text(MAP)
            with (path / "purchases.csv").open("w", newline="") as file:
                csv.writer(file).writerows([("purchase", "customer", "date", "amount"), *rows])
            where = ["--data", folder, "--book", "cds"]
            run("import", "csv", str(path / "purchases.csv"), "--map", str(path / "map.toml"),
                *where)
            self.check_all(rows, facts, where)
            self.check_customers(rows, where)
            self.check_months(facts, where)

    def check_all(self, rows, facts, where):
        total, buyers = cents(facts["total_cents"]), len({row[1] for row in rows})
        found = {row["metric"]: Decimal(row["value"]) for row in self.metrics(where)}
        self.assertEqual(found["sales_volume"], total)
        self.assertEqual(found["invoices"], len(rows))
        self.assertEqual(found["customers"], buyers)
        self.assertEqual(cent(found["customer_lifetime_value"]), cent(total / buyers))

    def check_customers(self, rows, where):
        """What each customer is worth is what they were billed."""
        spent = defaultdict(Decimal)
        for _, customer, _, amount in rows:
            spent[customer] += Decimal(amount)
        of_one = {row["customer"]: Decimal(row["value"]) for row in self.metrics(where, "customer")
                  if row["metric"] == "customer_lifetime_value"}
        self.assertEqual(of_one, spent)

    def check_months(self, facts, where):
        found = report("revenue", *where, "--by", "month", "--as-of", LAST)["rows"]
        sold = facts["revenue_by_month_cents"]
        self.assertEqual({row["month"]: Decimal(row["amount"]) for row in found},
                         {month: cents(number) for month, number in sold.items()})

    def metrics(self, where, by="all"):
        groups = [] if by == "all" else ["--by", by]
        return report("metrics", *where, "--from", FIRST, "--as-of", LAST, *groups)["rows"]


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
