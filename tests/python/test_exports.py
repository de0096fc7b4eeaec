"""What hledger, ledger and beancount compute from the exports of a large book equals the ledger's
trial balance for each account and month, and one changed cent makes each of them fail.
"""

import csv
import datetime
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
from decimal import Decimal

from beancount import loader
from beancount.core.convert import get_weight
from beancount.core.data import Open, Transaction

import export_book
from ledger import report, run

BEAN_CHECK = pathlib.Path(sys.executable).with_name("bean-check")
ENVIRONMENT = os.environ | {"LC_ALL": "C.UTF-8"}
MONTHS = [f"2025-{month:02}" for month in range(1, 13)] + [f"2026-{m:02}" for m in range(1, 7)]
# A range inside months, by the day.
DAYS = ("2025-08-20", "2025-09-04")


def program(*arguments):
    """Runs another program on a file: its exit code and what it says."""
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT)
    return done.returncode, done.stdout, done.stderr


def last_day(month):
    """The last day of `YYYY-MM`."""
    year, number = map(int, month.split("-"))
    first = datetime.date(year + number // 12, number % 12 + 1, 1)
    return str(first - datetime.timedelta(1))


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        cls.where = ["--book", "exports", "--data", cls.folder.name]
        commands = export_book.commands()
        told = "".join(json.dumps(command) + "\n" for command in commands)
        replies = run("apply", "-", *cls.where, "--quiet", given=told, ok=(0, 1)).splitlines()
        refused = [reply for reply in map(json.loads, replies) if reply["outcome"] == "rejected"]
        print(f"{len(commands)} commands, {len(refused)} refused", flush=True)
        assert len(refused) < len(commands) / 10, refused[:10]
        cls.trial = {month: cls.balances(last_day(month)) for month in MONTHS}

    @classmethod
    def balances(cls, day):
        """Our balances by account code, without zeros."""
        sums = {}
        for row in report("trial-balance", *cls.where, "--as-of", day)["rows"]:
            account = row["account"]
            sums[account] = sums.get(account, Decimal(0)) + Decimal(row["balance"])
        return {account: balance for account, balance in sums.items() if balance}

    def export(self, kind, *options):
        file = self.path / f"book.{kind}"
        run("export", kind, *self.where, "--output", file, "--quiet", *options)
        return file

    def whole(self, kind):
        return self.export(kind, "--to", last_day(MONTHS[-1]), "--recognition", "month")

    def by_day(self, kind):
        return self.export(kind, "--from", DAYS[0], "--to", DAYS[1])

    def same(self, month, found):
        """Compares balances by code; zeros do not count."""
        found = {account: balance for account, balance in found.items() if balance}
        self.assertEqual(self.trial[month], found, month)

    def changes(self, file, check):
        """Each changed cent is found: in one leg, and in two that still balance."""
        text = file.read_text()
        self.assertEqual(check(file)[0], 0)
        block = next(
            block for block in text.split("\n\n")[60:] if re.search(r"\d\.\d\d USD\n", block)
            and "balance" not in block and "@@" not in block)
        amounts = re.findall(r"(-?\d+\.\d\d)(?= USD)", block)
        for count in 1, 2:
            changed, rest = block, count
            for amount in amounts[:count]:
                cent = Decimal("0.01") if rest == count else Decimal("-0.01")
                changed = changed.replace(f" {amount} USD", f" {Decimal(amount) + cent} USD", 1)
                rest -= 1
            self.assertNotEqual(changed, block)
            other = file.with_name(f"changed-{file.name}")
            other.write_text(text.replace(block, changed, 1))
            self.assertNotEqual(check(other)[0], 0, f"{count} changed amounts: {changed}")

    @unittest.skipUnless(shutil.which("hledger"), "the program hledger is not there")
    def test_hledger(self):
        def check(file):
            return program("hledger", "-f", file, "check", "--strict", "ordereddates")

        file = self.whole("hledger")
        self.assertEqual(check(file), (0, "", ""))
        names = dict(re.findall(r"^account (.+?)  ; type:., code:([^,]+),", file.read_text(), re.M))
        code, table, told = program(
            "hledger", "-f", file, "balance", "--monthly", "--historical", "--cost", "--no-total", "--flat",
            "--output-format=csv")
        self.assertEqual(code, 0, told)
        [header, *rows] = rows_of(table)
        for month in MONTHS:
            column = header.index(month)
            found = {decoded(names[row[0]]): number(row[column]) for row in rows}
            self.same(month, found)
        self.assertEqual(check(self.by_day("hledger")), (0, "", ""))
        self.changes(file, check)

    @unittest.skipUnless(shutil.which("ledger"), "the program ledger is not there")
    def test_ledger(self):
        def check(file, *more):
            return program(
                "ledger", "-f", file, "--args-only", "--strict", "--pedantic", *more, "balance",
                "--basis", "--flat", "--no-total", "--empty", "--format", "%(account)\t%(display_total)\n")

        file = self.whole("ledger")
        names = dict(re.findall(r"^account (.+)\n    note code ([^,]+),", file.read_text(), re.M))
        for month in MONTHS:
            following = MONTHS[MONTHS.index(month) + 1] if month != MONTHS[-1] else "2026-07"
            code, table, told = check(file, "--end", f"{following}-01")
            self.assertEqual((code, told), (0, ""))
            rows = [row.split("\t") for row in table.splitlines()]
            self.same(month, {decoded(names[name]): number(amount) for name, amount in rows})
        self.assertEqual(check(self.by_day("ledger"))[0], 0)
        self.changes(file, check)

    def test_beancount(self):
        def check(file):
            return program(BEAN_CHECK, file)

        file = self.whole("beancount")
        self.assertEqual(check(file), (0, "", ""))
        entries, errors, _ = loader.load_file(str(file))
        self.assertEqual(errors, [])
        codes = {one.account: one.meta["code"] for one in entries if isinstance(one, Open)}
        for month in MONTHS:
            sums = {}
            for one in entries:
                if isinstance(one, Transaction) and str(one.date) <= last_day(month):
                    for posting in one.postings:
                        account = codes[posting.account]
                        sums[account] = sums.get(account, Decimal(0)) + weight(posting)
            self.same(month, sums)
        self.assertEqual(check(self.by_day("beancount")), (0, "", ""))
        self.changes(file, check)


    def test_audit_data_standard(self):
        # The tables agree with one another, and with the reports of documents.
        folder, last = self.path / "ads", last_day(MONTHS[-1])
        run("export", "ads", *self.where, "--to", last, "--recognition", "month", "--output",
            folder, "--quiet")

        def table(name):
            [file] = folder.glob(f"{name}_2*.txt")
            with file.open(newline="") as lines:
                rows = list(csv.DictReader(lines, delimiter="|"))
            return rows

        def sums(rows, key, *columns):
            found = {}
            for row in rows:
                sum_of = sum(Decimal(row[column] or 0) for column in columns)
                found[row[key]] = found.get(row[key], Decimal(0)) + sum_of
            return {name: amount for name, amount in found.items() if amount}

        invoices, lines = table("Invoices_Generated"), table("Invoices_Generated_Lines")
        customers = table("Customer_Master_Listing")
        self.assertEqual([len(rows[0]) for rows in (invoices, lines, customers)], [42, 37, 35])
        self.assertEqual(len(customers), len(export_book.CUSTOMERS))
        # In the documents' own currencies.
        billing = report("billing", *self.where, "--to", last)["rows"]
        billed = sums(billing, "invoice", "total")
        self.assertEqual(sums(invoices, "Invoice_ID", "Invoice_Amount_Local"), billed)
        # Net and tax of the lines are the invoice.
        columns = "Invoice_Line_Amount_Local", "Tax1_Local"
        self.assertEqual(sums(lines, "Invoice_ID", *columns), billed)
        cash = report("cash", *self.where, "--to", last)["rows"]
        receipts = table("Cash_Received")
        self.assertEqual(sums(receipts, "Receipt_Local_Currency", "Receipt_Amount_Local"),
                         sums(cash, "currency", "received"))
        owed, beside = [], []
        for row in table("Open_Accounts_Receivable"):
            (owed if row["Amount_Credit_Debit_Indicator"] == "D" else beside).append(row)
        receivables = report("receivables", *self.where, "--as-of", last)["rows"]
        self.assertEqual(sums(owed, "Customer_Account_ID", "Balance_Amount_Local"),
                         sums(receivables, "customer", "total"))
        unapplied = sums(beside, "Customer_Account_ID", "Balance_Amount_Local")
        self.assertEqual({name: -amount for name, amount in unapplied.items()},
                         sums(receivables, "customer", "unapplied"))
        # In the book's currency: what the invoices' entries posted.
        journal = report("journal", *self.where, "--to", last, "--role", "accounts_receivable")
        posted = [row for row in journal["rows"] if row["type"] == "InvoiceIssued"]
        self.assertEqual(sums(invoices, "Invoice_ID", "Invoice_Amount"),
                         sums(posted, "document", "debit"))
        self.assertEqual(sums(table("GL_Detail"), "GL_Account_Number", "Amount"),
                         self.trial[MONTHS[-1]])
        self.assertEqual(sums(table("Trial_Balance"), "GL_Account_Number", "Amount_Ending"),
                         self.trial[MONTHS[-1]])

    def test_table_for_erps(self):
        file = self.export("csv", "--to", last_day(MONTHS[-1]), "--recognition", "month")
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        for month in MONTHS:
            sums = {}
            for row in rows:
                if row["date"] <= last_day(month):
                    account = row["account"].removeprefix("'")
                    amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
                    sums[account] = sums.get(account, Decimal(0)) + amount
            self.same(month, sums)


def weight(posting):
    """What a posting counts for in its entry, in the book's currency."""
    amount = get_weight(posting)
    assert amount.currency == "USD", posting
    # A total price is kept as a price of one, with more digits than it was written with.
    return amount.number.quantize(Decimal("0.01"))


def rows_of(text):
    """Rows of a CSV table."""
    return list(csv.reader(io.StringIO(text)))


def number(text):
    """`-12.00 USD` or `0`."""
    return Decimal(text.split()[0])


def decoded(code):
    """A code as the ledger has it."""
    return urllib.parse.unquote(code)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
