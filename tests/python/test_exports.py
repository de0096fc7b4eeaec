"""What hledger, ledger and beancount compute from the exports of large books equals the ledger's
trial balance for each account and month, and one changed cent makes each of them fail.
"""

import csv
import json
import pathlib
import tempfile
import unittest
from decimal import Decimal

import export_book
import foreign_programs
from foreign_programs import is_there
from ledger import report, run

ENDS = foreign_programs.month_ends(str(export_book.FIRST)[:7], str(export_book.LAST)[:7])
LAST = max(ENDS)
# A range inside months, by the day.
DAYS = ["--from", "2025-08-20", "--to", "2025-09-04"]
# What ledger takes grows faster than the file: minutes for each of its runs over the large one.
DOCUMENTS_FOR_LEDGER = min(5_000, export_book.DOCUMENTS)


class Book:
    """A book of so many `documents`, with our trial balance of each month."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        cls.where = ["--book", "exports", "--data", cls.folder.name]
        commands = export_book.commands(cls.documents)
        told = "".join(json.dumps(command) + "\n" for command in commands)
        replies = run("apply", "-", *cls.where, "--quiet", given=told, ok=(0, 1)).splitlines()
        refused = [reply for reply in map(json.loads, replies) if reply["outcome"] == "rejected"]
        print(f"{len(commands)} commands, {len(refused)} refused", flush=True)
        assert len(refused) < len(commands) / 10, refused[:10]
        cls.trial = foreign_programs.trial(cls.where, ENDS)

    def reads(self, kind):
        file = foreign_programs.whole(self.where, self.path, kind, ENDS)
        foreign_programs.reads(self, kind, file, (self.trial, ENDS))
        by_day = foreign_programs.export(self.where, self.path, kind, *DAYS)
        self.assertEqual(foreign_programs.verdict(kind, by_day), (0, ""))


class Exports(Book, unittest.TestCase):
    documents = export_book.DOCUMENTS

    @unittest.skipUnless(is_there("hledger"), "the program hledger is not there")
    def test_hledger(self):
        self.reads("hledger")

    def test_beancount(self):
        self.reads("beancount")

    def test_audit_data_standard(self):
        # The tables agree with one another, and with the reports of documents.
        folder, last = self.path / "ads", ENDS[LAST]
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
                         self.trial[LAST])
        self.assertEqual(sums(table("Trial_Balance"), "GL_Account_Number", "Amount_Ending"),
                         self.trial[LAST])

    def test_table_for_erps(self):
        file = foreign_programs.whole(self.where, self.path, "csv", ENDS)
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        moves = [
            (row["date"], row["account"].removeprefix("'"),
             Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0))
            for row in rows
        ]
        self.assertEqual(foreign_programs.at_ends(moves, ENDS), self.trial)


class ExportsForLedger(Book, unittest.TestCase):
    documents = DOCUMENTS_FOR_LEDGER

    @unittest.skipUnless(is_there("ledger"), "the program ledger is not there")
    def test_ledger(self):
        self.reads("ledger")


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
