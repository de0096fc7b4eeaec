"""The ECB's reference rates since 1999: conversions and revaluations as an independent reading
has them, by issuing documents on its dates.

The data is not ours to ship. REVLEDGER_REAL_DATA names its folder; without it the tests are
skipped and say so.

Where the oracle and the ledger differ in what they do, not in numbers:
- The oracle converts numbers, the ledger documents. An amount below zero is a credit on the
  account; a currency that nobody has any more (DEM) is refused by its code.
- The oracle rounds to two decimals whatever the currency. All of its results are in EUR and USD,
  which have two in ISO 4217 as well.
- The oracle has monthly averages; the ledger records averages that somebody published, and the ECB's
  files have none. They are not compared.
"""

import collections
import datetime
import json
import os
import pathlib
import tempfile
import unittest
import zipfile
from decimal import Decimal

from ledger import report, run

DATA = pathlib.Path(os.environ.get("REVLEDGER_REAL_DATA") or ".") / "ecb_fx"
HISTORY = DATA / "eurofxref-hist.zip"
# Ended before ISO 4217 as it is today; BGN and HRK ended later and are still known.
HISTORIC = {"CYP", "EEK", "LTL", "LVL", "MTL", "ROL", "SIT", "SKK", "TRL"}
MILLION = Decimal(1_000_000)
# The first business day of the year of the first revaluation.
ISSUED = "2022-01-03"


def command(number, name, effective, data):
    return json.dumps(
        {"id": f"t{number}", "command": name, "effective": effective, "data": data}
    )


@unittest.skipUnless(HISTORY.exists(), "REVLEDGER_REAL_DATA does not name the ECB's rates")
class RealRates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.oracle = json.loads((DATA / "oracle.json").read_text())

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.numbers = iter(range(1_000_000))

    def where(self, book):
        return ["--book", book, "--data", self.folder.name]

    def apply(self, book, *commands, ok=(0,)):
        lines = [command(next(self.numbers), *one) for one in commands]
        text = run("apply", "-", *self.where(book), "--quiet", given="\n".join(lines), ok=ok)
        return [json.loads(line) for line in text.splitlines()]

    def open(self, book, currency, **policies):
        self.apply(
            book,
            ("OpenBook", "1999-01-01", {"currency": currency, "policies": policies}),
            ("RegisterCustomer", "1999-01-01", {"customer": "C", "name": "C"}),
        )

    def take(self, book, file, currencies, *more):
        text = run("import", "ecb-fx", file, *self.where(book), "--quiet", "--format", "json",
                   "--currencies", ",".join(sorted(currencies)), *more)
        return json.loads(text)

    def balance(self, book, role, day, *more):
        rows = report("trial-balance", *self.where(book), "--as-of", day, *more)["rows"]
        return sum(Decimal(row["balance"]) for row in rows if row["role"] == role)

    def test_every_rate_is_read(self):
        text = run("import", "ecb-fx", HISTORY, DATA / "eurofxref.csv", *self.where("none"),
                   "--dry-run", "--format", "json")
        answer = json.loads(text)
        wanted = self.oracle["by_currency"]
        found = {row["currency"]: row for row in answer["totals"]}
        self.assertEqual(set(answer["skipped"]), HISTORIC)
        self.assertEqual(set(found), set(wanted) - HISTORIC)
        for code, about in wanted.items():
            count = about["observations"]
            if code in HISTORIC:
                self.assertEqual(answer["skipped"][code], count, code)
            else:
                row = found[code]
                expected = (count, about["first"], about["last"])
                self.assertEqual((row["count"], row["first"], row["last"]), expected, code)
        for code, total in self.oracle["rates_sum_check"].items():
            self.assertEqual(Decimal(found[code]["sum"]), Decimal(total), code)
        read = answer["rates"] + sum(answer["skipped"].values())
        self.assertEqual(read, self.oracle["observations"])
        # The cells of the known currencies that are no rate.
        cells = self.oracle["business_days"] * len(found)
        self.assertEqual(answer["unpublished"], cells - answer["rates"])
        self.assertEqual(answer["unreadable"], 0, "the day's file says what the history says")

    def test_conversions(self):
        """Each conversion is a document, in a book in the other currency, of each rounding."""
        conversions = self.oracle["conversions"]
        self.assertGreater(len(conversions), 10)
        known = [one for one in conversions if one["frm"] != "DEM"]
        codes = {one["frm"] for one in known} | {"USD"}
        days = self.days_around(conversions)
        for currency in ("EUR", "USD"):
            ours = [one for one in conversions if one["to"] == currency]
            for rounding in ("half_even", "half_up"):
                book = f"{currency}-{rounding}"
                self.open(book, currency, rounding=rounding)
                if book == "EUR-half_even":
                    # One currency over all the years; what is imported again is there already.
                    every = self.oracle["by_currency"]["GBP"]["observations"]
                    self.assertEqual(self.take(book, HISTORY, ["GBP"])["accepted"], every)
                    self.assertEqual(self.take(book, HISTORY, ["GBP"])["already_there"], every)
                self.take(book, days, codes)
                self.convert(book, rounding, ours)
                run("verify", *self.where(book))

    def days_around(self, conversions):
        """The rows of the history that the conversions need, as they stand there: those of the
        days before, as many as its longest gap. A book of all years would take minutes."""
        longest = datetime.timedelta(days=self.oracle["longest_gap_days"])
        ends = [datetime.date.fromisoformat(one["date"]) for one in conversions]
        with zipfile.ZipFile(HISTORY) as archive:
            header, *rows = archive.read(archive.namelist()[0]).decode().splitlines()
        days = {row: datetime.date.fromisoformat(row[:10]) for row in rows}
        near = [row for row in rows if any(end - longest <= days[row] <= end for end in ends)]
        file = pathlib.Path(self.folder.name) / "days.csv"
        file.write_text("\n".join([header, *near, ""]))
        return file

    def convert(self, book, rounding, conversions):
        moved = collections.Counter()
        # By date, so that what came before is on the accounts already.
        for number, one in enumerate(sorted(conversions, key=lambda one: one["date"])):
            amount, day = Decimal(one["amount"]), one["date"]
            lines = [{"amount": str(abs(amount))}]
            data = {"customer": "C", "currency": one["frm"], "lines": lines}
            if amount < 0:
                document, role = f"K-{number}", "customer_credits"
                ask = ("IssueCredit", day, data | {"credit": document, "apply": "account"})
            else:
                document, role = f"I-{number}", "accounts_receivable"
                ask = ("IssueInvoice", day, data | {"invoice": document})
            if "half_even" not in one:
                (reply,) = self.apply(book, ask, ok=(1,))
                code = "currency.unknown" if one["frm"] == "DEM" else "fx.rate_missing"
                self.assertEqual(reply["error"]["code"], code, one)
                continue
            self.apply(book, ask)
            expected = Decimal(one[rounding])
            moved[role] += expected
            self.assertEqual(self.balance(book, role, day), moved[role], one)
            rows = report("journal", *self.where(book), "--as-of", day)["rows"]
            entry = [row for row in rows if row["document"] == document]
            # What is worth nothing in the book's currency still shows its own amount.
            self.assertEqual({row["currency"] for row in entry}, {one["to"]}, one)
            # Billed and earned on one day: it goes through the contract's balance.
            posted = collections.Counter()
            for row in entry:
                posted[row["role"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
            posted = {role: amount for role, amount in posted.items() if amount}
            other = "revenue" if amount > 0 else "contra_revenue"
            legs = {role: expected, other: -expected} if expected else {}
            self.assertEqual(posted, legs, one)

    def test_revaluations(self):
        """A million of each currency is open at each quarter's end."""
        wanted = self.oracle["revaluation_1m_to_EUR_half_even"]
        codes = sorted(next(iter(wanted.values())))
        years = ("--from", "2021-12-30", "--to", "2023-12-31")
        for book, policy in (("asked", "off"), ("each-month", "on")):
            self.open(book, "EUR", rounding="half_even", fx_revaluation=policy)
            self.take(book, HISTORY, codes, *years)
            self.apply(book, *(
                ("IssueInvoice", ISSUED, {"invoice": f"I-{code}", "customer": "C", "currency": code,
                                          "lines": [{"amount": str(MILLION)}]})
                for code in codes
            ))
        role = "accounts_receivable"
        issued = self.balance("asked", role, ISSUED)
        for day, values in wanted.items():
            total = sum(map(Decimal, values.values()))
            self.assertEqual(self.balance("asked", role, day), issued, "without it nothing moves")
            for book in ("asked", "each-month"):
                self.assertEqual(self.balance(book, role, day, "--revalue"), total, (book, day))
                gain = self.balance(book, "fx_gain_loss", day, "--revalue")
                self.assertEqual(gain, issued - total, (book, day))
            self.assertEqual(self.balance("each-month", role, day), total, day)
            self.assertEqual(self.revalued("each-month", day), values)
        self.settled("asked", wanted)
        for book in ("asked", "each-month"):
            run("verify", *self.where(book))

    def revalued(self, book, day):
        """What each invoice stands at on a revaluation day, from the journal alone."""
        role = "accounts_receivable"
        rows = report("journal", *self.where(book), "--as-of", day)["rows"]
        sums = collections.Counter()
        for row in rows:
            if row["role"] == role:
                moved = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
                # The currency is in the document of an invoice, and in the entry of a revaluation.
                revaluation = row["entry"].startswith("V")
                code = row["entry"].split("-")[-2] if revaluation else row["document"][2:]
                sums[code] += moved
        return {code: str(value) for code, value in sums.items()}

    def settled(self, book, wanted):
        """Paid on a day of the oracle, each million gains or loses what it moved since it was
        issued on another."""
        (issued, before), (paid, after) = list(wanted.items())[0], list(wanted.items())[1]
        gained = self.balance(book, "fx_gain_loss", paid)
        for code in sorted(before):
            million = str(MILLION)
            data = {"customer": "C", "currency": code}
            self.apply(
                book,
                ("IssueInvoice", issued,
                 data | {"invoice": f"S-{code}", "lines": [{"amount": million}]}),
                ("RecordPayment", paid,
                 data | {"payment": f"P-{code}", "amount": million,
                         "allocate": [{"invoice": f"S-{code}", "amount": million}]}),
            )
            gained -= Decimal(after[code]) - Decimal(before[code])
            self.assertEqual(self.balance(book, "fx_gain_loss", paid), gained, code)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    ran = result.testsRun - len(result.skipped) - failed
    print(f"{ran} passed, {failed} failed")
    raise SystemExit(failed > 0)
