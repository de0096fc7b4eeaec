"""2,466 real invoices with payments and disputes: the same figures as an independent computation.

The data is not ours to ship. REVLEDGER_REAL_DATA names its folder; without it the tests are
skipped and say so.
"""

import asyncio
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
from decimal import Decimal

import foreign_programs
from foreign_programs import month_ends
from ledger import PROGRAM, NatsServer, report, run, until

DATA = pathlib.Path(os.environ.get("REVLEDGER_REAL_DATA") or ".") / "ibm_late_payments"
INVOICES = DATA / "WA_Fn-UseC_-Accounts-Receivable.csv"
MAP = """
kind = "invoices"
currency = "USD"
date_format = "m/d/yyyy"
truthy = ["Yes"]

[columns]
invoice = "invoiceNumber"
customer = "customerID"
issued = "InvoiceDate"
due = "DueDate"
amount = "InvoiceAmount"
settled_on = "SettledDate"
disputed = "Disputed"
"""
OPEN = {
    "id": "open", "command": "OpenBook", "effective": "2012-01-01", "data": {"currency": "USD"}
}
BUCKETS = {"current": "current", "1-30": "1-30", "31-60": "31-60", "61-90": "61-90",
           "over_90": "90+"}


def cents(amount):
    return int(Decimal(amount) * 100)


def digests(*where):
    """The digest of each projection after a replay from the first event."""
    answer = json.loads(run("replay", *where, "--format", "json"))
    return {row["projection"]: row["digest"] for row in answer["projections"]}


@unittest.skipUnless(INVOICES.exists(), "REVLEDGER_REAL_DATA does not name the real receivables")
class RealReceivables(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # The program runs for seconds at a time, which the loop would report.
        asyncio.get_running_loop().set_debug(False)
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.map = self.path / "map.toml"
        self.map.write_text(MAP)
        self.oracle = json.loads((DATA / "oracle.json").read_text())

    async def asyncTearDown(self):
        self.folder.cleanup()

    def check(self, *where):
        """Ageing, open items, totals and disputed amounts at every date of the oracle."""
        for day, wanted in self.oracle["ageing"].items():
            rows = report("receivables", *where, "--as-of", day)["rows"]
            for bucket, column in BUCKETS.items():
                found = sum(cents(row[column]) for row in rows)
                self.assertEqual(found, wanted["buckets"][bucket]["cents"], (day, bucket))
            totals = {row["customer"]: cents(row["total"]) for row in rows}
            totals = {customer: total for customer, total in totals.items() if total}
            self.assertEqual(sum(totals.values()), wanted["open_cents"], day)
            self.assertEqual(len(totals), wanted["customers_with_balance"], day)
            disputed = sum(cents(row["disputed"]) for row in rows)
            self.assertEqual(disputed, wanted["open_disputed_cents"], day)
            for customer, amount in wanted["top5"]:
                self.assertEqual(totals[customer], amount, (day, customer))
            items = report("open-items", *where, "--as-of", day)["rows"]
            self.assertEqual(len(items), wanted["open_invoices"], day)
            for bucket, column in BUCKETS.items():
                found = sum(1 for item in items if item["bucket"] == column)
                self.assertEqual(found, wanted["buckets"][bucket]["invoices"], (day, bucket))
        billed = report("billing", *where, "--as-of", "2014-12-31")["rows"]
        self.assertEqual(sum(cents(row["total"]) for row in billed), self.oracle["total_cents"])
        self.assertEqual(len(billed), self.oracle["counts"]["rows"])

    async def test_the_journal_and_jetstream_give_the_same_figures(self):
        local = ["--book", "ibm", "--data", self.path / "local"]
        run("apply", "-", *local, "--quiet", given=json.dumps(OPEN) + "\n")
        run("import", "csv", "--map", self.map, INVOICES, *local, "--quiet")
        self.check(*local)
        before = report("receivables", *local, "--as-of", "2014-12-31")["sequence"]
        run("import", "csv", "--map", self.map, INVOICES, *local, "--quiet")
        after = report("receivables", *local, "--as-of", "2014-12-31")["sequence"]
        self.assertEqual(before, after, "a second import changes nothing")
        run("verify", *local)
        foreign_programs.check(self, local, self.path, month_ends("2012-01", "2013-12"))

        server = await NatsServer().start(self.path / "nats")
        remote = ["--book", "ibm", "--nats", server.url, "--data", self.path / "remote"]
        daemon = subprocess.Popen(
            [PROGRAM, "serve", *map(str, remote), "--nats-monitor", server.monitor,
             "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
        )
        try:
            ready = await until(daemon.stdout.readline, "the daemon is ready")
            self.assertTrue(ready)
            run("apply", "-", "--book", "ibm", "--nats", server.url, "--quiet",
                given=json.dumps(OPEN) + "\n")
            run("import", "csv", "--map", self.map, INVOICES, "--book", "ibm",
                "--nats", server.url, "--quiet")
            stream = ["--book", "ibm", "--nats", server.url]
            self.check(*stream)
            self.assertEqual(digests(*local), digests(*stream))
        finally:
            daemon.terminate()
            daemon.wait(timeout=60)
            daemon.stdout.close()
            server.stop()


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
