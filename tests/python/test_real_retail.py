"""541,909 real lines of 22,062 invoices and 3,838 credits, in three-decimal prices, with documents
that name no customer: the same totals and ageing as an independent computation.

The data is not ours to ship. REVLEDGER_REAL_DATA names its folder; without it, or without the program
`unzstd`, the test is skipped and says so.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
from decimal import ROUND_HALF_EVEN, Decimal

import foreign_programs
from foreign_programs import month_ends
from ledger import report, run

DATA = pathlib.Path(os.environ.get("REVLEDGER_REAL_DATA") or ".") / "uci_online_retail"
LINES = DATA / "online_retail.csv.zst"
MAP = """
kind = "lines"
currency = "GBP"
date_format = "yyyy-mm-dd hh:mi:ss"
terms_days = 30
unknown_customer = "unknown"

[columns]
invoice = "InvoiceNo"
customer = "CustomerID"
issued = "InvoiceDate"
quantity = "Quantity"
unit_price = "UnitPrice"
description = "Description"
"""
BUCKETS = {"current": "current", "1-30": "1-30", "31-60": "31-60", "61-90": "61-90",
           "over_90": "90+"}
# Three adjustments of bad debt, which the facts count apart: one charges, two take back. On the last
# day the charge of 12 August is 89 days overdue.
ADJUSTMENT = Decimal("11062.06")


def pence(mills):
    return (Decimal(mills) / 1000).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


@unittest.skipUnless(LINES.exists(), "REVLEDGER_REAL_DATA does not name the real retail lines")
@unittest.skipUnless(shutil.which("unzstd"), "the program unzstd is not there")
class RealRetail(unittest.TestCase):
    def test_totals_and_ageing(self):
        facts = json.loads((DATA / "oracle.json").read_text())
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / "map.toml").write_text(MAP)
            subprocess.run(["unzstd", "-q", "-o", path / "lines.csv", LINES], check=True)
            where = ["--data", folder, "--book", "retail"]
            answer = json.loads(run("import", "csv", str(path / "lines.csv"), "--map",
                                    str(path / "map.toml"), *where, "--format", "json"))
            counts, totals = facts["counts"], facts["totals_mills"]
            self.assertEqual(answer["records"], facts["rows"])
            self.assertEqual((answer["unreadable"], answer["rejected"]), (0, 0))
            self.assertEqual(answer["by_type"], {
                "BookOpened": 1, "InvoiceIssued": counts["invoices"] + 1,
                "CreditIssued": counts["credit_notes"] + 2,
                # The one of the documents without a customer, too.
                "CustomerRegistered": counts["customers"] + 1,
            })
            [said] = answer["totals"]
            self.assertEqual(Decimal(said["invoiced"]), pence(totals["invoice"]) + ADJUSTMENT)
            self.assertEqual(Decimal(said["credited"]),
                             -pence(totals["credit_note"]) + 2 * ADJUSTMENT)
            for day, expected in facts["derived_ar_scenario"]["as_of"].items():
                self.check_ageing(day, expected, where, day == "2011-12-09")
            self.check_months(facts["by_month_mills"], where)
            foreign_programs.check(self, where, path, month_ends("2010-12", "2011-12"))

    def check_ageing(self, day, expected, where, has_adjustments):
        rows = report("receivables", *where, "--as-of", day)["rows"]
        extra = ADJUSTMENT if has_adjustments else 0
        for fact, column in BUCKETS.items():
            found = sum(Decimal(row[column]) for row in rows)
            mills = expected["buckets"][fact][1]
            more = extra if fact == "61-90" else 0
            # The facts round the sum of a bucket, the ledger each line: four of them have mills.
            self.assertLessEqual(abs(found - pence(mills) - more), Decimal("0.01"), (day, column))
        total = sum(Decimal(row["total"]) for row in rows)
        self.assertEqual(total, pence(expected["invoice_mills"]) + extra, day)
        unapplied = sum(Decimal(row["unapplied"]) for row in rows)
        self.assertEqual(unapplied, -pence(expected["unapplied_credit_mills"]) + extra, day)

    def check_months(self, facts, where):
        rows = report("revenue", *where, "--by", "month", "--as-of", "2011-12-31")["rows"]
        found = {row["month"]: Decimal(row["amount"]) for row in rows}
        self.assertEqual(len(found), 13)
        for month, expected in facts.items():
            self.assertLessEqual(abs(found[month] - pence(expected["net"])), Decimal("0.01"), month)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
