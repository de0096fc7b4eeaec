"""Bank statements of many banks: the same counts and totals as an independent reading.

The data is not ours to ship. REVLEDGER_REAL_DATA names its folder; without it the tests are
skipped and say so.
"""

import collections
import csv
import json
import os
import pathlib
import tempfile
import unittest
from decimal import Decimal

from ledger import report, run

DATA = pathlib.Path(os.environ.get("REVLEDGER_REAL_DATA") or ".") / "bank_statements"
ENTRIES = DATA / "entries.csv"
VERBS = {"camt": "camt053", "mt940": "mt940", "bai2": "bai2"}
OPEN = {
    "id": "open", "command": "OpenBook", "effective": "2000-01-01", "data": {"currency": "EUR"}
}


def wanted():
    """Count, credits and debits of each file by currency; files without one are apart."""
    files = collections.defaultdict(dict)
    fragments = set()
    with ENTRIES.open(newline="") as table:
        for row in csv.DictReader(table):
            if row["currency"] == "None":
                fragments.add((row["file"], row["format"]))
                continue
            sums = files[row["file"], row["format"]].setdefault(row["currency"], [0, 0, 0])
            amount = Decimal(row["amount"])
            sums[0] += 1
            sums[1 if amount > 0 else 2] += abs(amount)
    return files, fragments


@unittest.skipUnless(ENTRIES.exists(), "REVLEDGER_REAL_DATA does not name the real statements")
class RealStatements(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.where = ["--book", "bank", "--data", self.folder.name]

    def read(self, file, kind, *more):
        text = run("import", VERBS[kind], DATA / file, *self.where, "--format", "json", *more,
                   ok=(0, 1))
        return json.loads(text)

    def test_every_entry_is_read(self):
        files, fragments = wanted()
        self.assertGreater(len(files), 30)
        for (file, kind), currencies in files.items():
            answer = self.read(file, kind, "--dry-run")
            found = {
                row["currency"]: [row["entries"], Decimal(row["credited"]),
                                  Decimal(row["debited"])]
                for row in answer["totals"]
            }
            self.assertEqual(found, currencies, file)
            counted = collections.Counter()
            for row in answer["receipts"]:
                counted[row["currency"]] += Decimal(row["amount"])
            for row in answer["totals"]:
                self.assertEqual(counted[row["currency"]], Decimal(row["net"]), file)
        for file, kind in fragments:
            answer = self.read(file, kind, "--dry-run")
            self.assertEqual(answer["totals"], [], f"{file} has no balance, so no currency")
            self.assertGreater(answer["refused_statements"], 0, file)

    def test_what_ties_goes_in_once(self):
        run("apply", "-", *self.where, "--quiet", given=json.dumps(OPEN) + "\n")
        files, _ = wanted()
        for _ in range(2):
            for file, kind in files:
                self.read(file, kind, "--unknown-customer", "SUSPENSE", "--quiet")
            rows = report("receivables", *self.where)["rows"]
            sequence = report("receivables", *self.where)["sequence"]
            unapplied = sum(Decimal(row["unapplied"]) for row in rows)
            self.assertGreater(unapplied, 0)
            first = getattr(self, "first", (unapplied, sequence))
            self.assertEqual((unapplied, sequence), first, "a second import changes nothing")
            self.first = first
        run("verify", *self.where)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
