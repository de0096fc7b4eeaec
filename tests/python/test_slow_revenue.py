"""Random contracts: what the program recognises and bills equals a slow model, to the cent.

The model (`slow_revenue.py`) is written from the documents alone. The seed is printed;
REVLEDGER_SLOW_SEED sets it (a number, or `random`), REVLEDGER_SLOW_CONTRACTS how many contracts
there are, and REVLEDGER_SLOW_FEATURES (names below, with commas) which kinds of them.
"""

import json
import multiprocessing
import os
import pathlib
import random
import tempfile
import unittest
from decimal import Decimal

import slow_changes
import slow_contracts
import slow_lives
from ledger import report, run
from slow_calendar import month_first, month_last, month_of, parse, show
from slow_lines import OpenLine, UsageLine
from slow_prices import Policies
from slow_revenue import Book

# What is generated, and how often. `close` is not a kind of contract: books with closed periods.
FEATURES = {
    "invoice": (slow_contracts.invoice, 14),
    "bases": (slow_contracts.bases, 6),
    "credit": (slow_contracts.credit, 10),
    "void": (slow_contracts.void, 3),
    "term": (slow_contracts.term, 10),
    "open": (slow_contracts.open_ended, 8),
    "delivery": (slow_contracts.delivery, 5),
    "milestone": (slow_contracts.milestone, 4),
    "usage": (slow_lives.usage, 8),
    "bundle": (slow_changes.bundle, 6),
    "amend_term": (slow_changes.amend_term, 12),
    "amend_open": (slow_changes.amend_open, 8),
    "amend_delivery": (slow_changes.amend_delivery, 5),
    "amend_bundle": (slow_changes.amend_bundle, 6),
    "catch_up_bundle": (slow_changes.catch_up_bundle, 3),
    "revise": (slow_lives.revise, 3),
    "renew": (slow_lives.renew, 4),
    "cancel": (slow_lives.cancel, 8),
    "suspend": (slow_lives.suspend, 4),
    "order_credit": (slow_lives.order_credit, 5),
    "close": (None, 0),
}
# Contracts whose meaning is open under a policy: (policy, value) by feature.
NOT_UNDER = {"revise": ("change_day", "old"), "suspend": ("proration", "none")}

POLICIES = {
    "rounding": ["half_even", "half_up"],
    "recognition_basis": slow_contracts.BASES,
    "proration": ["actual_period"] * 4 + ["actual_month", "fixed_30", "strict_30_360", "none"],
    "proration_rounding": ["net", "net", "legs", "daily_rate"],
    "change_day": ["new", "new", "old"],
    "month_end": ["clamp", "stick"],
    "credit_revenue": slow_contracts.WAYS,
}
CURRENCIES = ["USD", "USD", "USD", "JPY", "KWD"]

# The same contracts in every run, so that a failure is of the change at hand; `random` looks further.
SEED = os.environ.get("REVLEDGER_SLOW_SEED") or "20261124"
if SEED == "random":
    SEED = str(random.SystemRandom().randrange(10**9))
CONTRACTS = int(os.environ.get("REVLEDGER_SLOW_CONTRACTS") or 10_000)
CHOSEN = [name for name in os.environ.get("REVLEDGER_SLOW_FEATURES", "").split(",") if name]
CONTRACTS_IN_A_BOOK = 250
DAYS_IN_A_BOOK = 25
MONTHS_OF_WATERFALL = 24
DIFFERENCES_SHOWN = 5
OPENED = "2022-01-01"


class RandomBook:
    """A book of random policies, the commands of its contracts, and the model's view of it."""

    def __init__(self, number, contracts):
        self.rng = random.Random(f"{SEED}/{number}")
        self.number, self.name = number, f"slow-{number}"
        self.currency = self.rng.choice(CURRENCIES)
        self.chosen = {name: self.rng.choice(values) for name, values in POLICIES.items()}
        self.policies = Policies(self.currency, self.chosen)
        self.drafts = [self.draft(contract) for contract in range(contracts)]
        self.commands = [{
            "command": "OpenBook", "effective": OPENED,
            "data": {"currency": self.currency, "policies": self.chosen},
        }]
        for draft in self.drafts:
            self.commands.append({
                "command": "RegisterCustomer", "effective": OPENED,
                "data": {"customer": draft.customer, "name": draft.customer},
            })
        self.commands += self.interleaved()
        for number, command in enumerate(self.commands, 1):
            command["id"] = f"{self.name}-{number}"
        self.model = Book(self.policies)
        for command in self.commands:
            self.model.apply(command)

    def draft(self, number):
        allowed = {
            name: weight for name, (_, weight) in FEATURES.items()
            if weight and (not CHOSEN or name in CHOSEN) and not self.is_open(name)
        } or {"invoice": 1}
        kind = self.rng.choices(list(allowed), list(allowed.values()))[0]
        draft = slow_contracts.Draft(self.rng, self.policies, self.currency, number)
        FEATURES[kind][0](draft)
        draft.kind = kind
        return draft

    def is_open(self, name):
        policy, value = NOT_UNDER.get(name, ("rounding", None))
        return self.chosen[policy] == value

    def interleaved(self):
        """All commands by the day on which they are recorded: their own, or some time after it."""
        recorded = []
        for contract, draft in enumerate(self.drafts):
            day = 0
            for number, command in enumerate(draft.commands):
                delay = self.rng.randint(1, 90) if self.rng.random() < 0.3 else 0
                day = max(day, parse(command["effective"]) + delay)
                recorded.append((day, contract, number, command))
        if (not CHOSEN or "close" in CHOSEN) and self.rng.random() < 0.5:
            recorded += self.closes()
        return [command for *_, command in sorted(recorded, key=lambda entry: entry[:3])]

    def closes(self):
        """A few month ends that are closed some days later."""
        first, last = month_of(parse("2023-05-01")), month_of(parse("2026-06-01"))
        for month in self.rng.sample(range(first, last), self.rng.randint(1, 4)):
            closed = month_last(month)
            day = closed + self.rng.randint(1, 28)
            command = {
                "command": "ClosePeriod", "effective": show(day), "data": {"through": show(closed)}
            }
            yield day, -1, 0, command

    def days(self):
        """Random days, most of them around what happened; leap days and month ends among them."""
        near = {parse(command["effective"]) for command in self.commands[1:]}
        near |= {closed for _, closed in self.model.closes}
        near |= {day + offset for day in near for offset in (-1, 1)}
        last = max(near) + 400
        random_days = {self.rng.randint(min(near), last) for _ in range(200)}
        ends = {month_last(month_of(day)) for day in random_days}
        chosen = {parse("2024-02-29"), last}
        for days, count in ((near, 11), (random_days, 6), (ends, 6)):
            chosen |= set(self.rng.sample(sorted(days), count))
        return sorted(chosen)[:DAYS_IN_A_BOOK]

    def explain(self, key, where, expected, found):
        """A difference with all that is needed to repeat it."""
        documents = {"order": key[1], "invoice": key[1]} if key else {}
        draft = next((
            draft for draft in self.drafts
            if any(command["data"].get(kind) == name
                   for command in draft.commands for kind, name in documents.items())
        ), None)
        lines = [f"{where}: {key}: the model says {expected}, the program {found}",
                 f"  seed {SEED}, book {self.name}, {self.currency}, {json.dumps(self.chosen)}"]
        lines += [f"  a contract of the kind {draft.kind}"] if draft else []
        lines += [f"  closed {show(day)} at command {number}" for number, day in self.model.closes]
        for command in draft.commands if draft else []:
            lines.append(f"  {self.commands.index(command) + 1}: {json.dumps(command)}")
        return "\n".join(lines)


class Comparison:
    """One book in the program against the same book in the model."""

    def __init__(self, book, folder):
        self.book, self.model = book, book.model
        self.where = ["--book", book.name, "--data", folder]
        self.differences, self.compared = [], 0
        self.last = max(parse(command["effective"]) for command in book.commands) + 1
        file = pathlib.Path(folder) / f"{book.name}.ndjson"
        file.write_text("".join(json.dumps(command) + "\n" for command in book.commands))
        answers = run("apply", *self.where, "--quiet", file, ok=(0, 1)).splitlines()
        for command, answer in zip(book.commands, map(json.loads, answers), strict=True):
            if answer["outcome"] != "accepted":
                key = self.key_of(command["data"])
                self.differences.append(book.explain(key, command, "accepted", answer["error"]))

    @staticmethod
    def key_of(data):
        """The contract that a command or a row of a report is about."""
        return ("order", data["order"]) if data.get("order") else ("invoice", data.get("invoice"))

    def check(self):
        for day in self.book.days():
            self.check_balances(day)
        self.check_ranges()
        self.check_months()
        self.check_waterfall()

    def same(self, key, where, expected, found):
        self.compared += 1
        if expected != found:
            show_amount = self.book.policies.show
            self.differences.append(
                self.book.explain(key, where, show_amount(expected), show_amount(found))
            )

    def rows(self, name, *filters):
        return report(name, *self.where, *filters)["rows"]

    def minor(self, amount):
        return int(Decimal(amount).scaleb(self.book.policies.digits))

    def check_balances(self, day):
        """Billed and recognised of every contract, on the two sides of the contract balance: what a
        credit takes to contra revenue leaves both as they are."""
        rows = self.rows("deferred-revenue", "--as-of", show(day))
        rows = {self.key_of(row): row for row in rows}
        for key in self.model.contracts:
            row = rows.pop(key, {})
            for column, expected in (
                ("recognised", self.model.gross(key, day)),
                ("billed", self.model.billed(key, day) + self.model.contra(key, day)),
            ):
                where = f"{column} through {show(day)}"
                self.same(key, where, expected, self.minor(row.get(column, "0")))
        for key, row in rows.items():
            self.same(key, f"a row at {show(day)}", 0, self.minor(row["recognised"]))

    def check_ranges(self):
        """Revenue of each order between two days."""
        first, last = sorted(self.book.rng.sample(range(parse("2023-03-01"), self.last), 2))
        rows = self.rows("revenue", "--by", "order", "--from", show(first), "--to", show(last))
        found = {row["order"]: self.minor(row["amount"]) for row in rows}
        for key in self.model.contracts:
            if key[0] == "order":
                before, after = (self.model.recognised(key, day) for day in (first - 1, last))
                where = f"revenue from {show(first)} to {show(last)}"
                self.same(key, where, after - before, found.get(key[1], 0))

    def check_months(self):
        """Revenue of all contracts together, month by month."""
        rows = self.rows("revenue", "--by", "month", "--as-of", show(self.last))
        found = {row["month"]: self.minor(row["amount"]) for row in rows}
        before = 0
        for month in range(month_of(parse(OPENED)), month_of(self.last)):
            day = month_last(month)
            through = sum(self.model.recognised(key, day) for key in self.model.contracts)
            name = show(day)[:7]
            self.same(None, f"revenue of {name}", through - before, found.get(name, 0))
            before = through

    def check_waterfall(self):
        """What orders earn in each month, the schedule of those with an end included."""
        rows = self.rows("waterfall", "--by", "order", "--as-of", show(self.last))
        found = {
            (row["order"], row["month"]):
                self.minor(row["recognised"]) + self.minor(row["scheduled"])
            for row in rows
        }
        for key, contract in self.model.contracts.items():
            if key[0] != "order":
                continue
            is_open = any(isinstance(line, OpenLine | UsageLine) for line in contract.lines)
            first = month_of(self.last) - MONTHS_OF_WATERFALL
            last = month_of(self.last) + (-1 if is_open else MONTHS_OF_WATERFALL)
            before = self.model.gross(key, month_first(first) - 1)
            for month in range(first, last):
                day = month_last(month)
                through, name = self.model.gross(key, day), show(day)[:7]
                where = f"waterfall of {name}"
                self.same(key, where, through - before, found.get((key[1], name), 0))
                before = through


def compare(number):
    """Makes a book and compares it: its differences, and how many figures were compared."""
    contracts = min(CONTRACTS_IN_A_BOOK, CONTRACTS - number * CONTRACTS_IN_A_BOOK)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(RandomBook(number, contracts), folder)
        if not comparison.differences:
            comparison.check()
        return comparison.differences[:DIFFERENCES_SHOWN], comparison.compared


def line_over(amount, start, end, basis="day"):
    """An invoice with one line over time, on its first day."""
    return [{
        "command": "IssueInvoice", "effective": start,
        "data": {"invoice": "I", "customer": "C", "lines": [
            {"line": "1", "description": "service", "amount": amount, "service_start": start,
             "service_end": end, "recognition": {"method": "over_time", "basis": basis}}]},
    }]


MONTHLY = [
    {"command": "PlaceOrder", "effective": "2023-01-31", "data": {
        "order": "O", "customer": "C", "start": "2023-01-31", "lines": [
            {"line": "L", "description": "service", "quantity": "1",
             "price": {"model": "flat", "amount": "31.00", "per": "month"},
             "recognition": {"method": "over_time"},
             "billing": {"every": "month", "timing": "advance"}}]}},
    {"command": "RunBilling", "effective": "2023-03-31", "data": {"through": "2023-03-31"}},
]
# Figures to check by hand: what it is, the currency, the commands, and by day what is recognised
# and billed through it.
FIXED = [
    ("366 days that end on a leap day: one a day", "USD",
     line_over("366.00", "2023-03-01", "2024-02-29"),
     [("2024-02-28", "365.00", "366.00"), ("2024-02-29", "366.00", "366.00")]),
    ("a year from a leap day: one a day", "USD", line_over("365.00", "2024-02-29", "2025-02-27"),
     [("2024-02-29", "1.00", "365.00"), ("2025-02-26", "364.00", "365.00"),
      ("2025-02-27", "365.00", "365.00")]),
    ("a year from a leap day: twelve even months", "USD",
     line_over("1200.00", "2024-02-29", "2025-02-27", "month_even"),
     [("2024-02-29", "100.00", "1200.00"), ("2024-03-31", "200.00", "1200.00"),
      ("2025-01-31", "1200.00", "1200.00")]),
    ("31.00 a month from 31 January: 28, 31 and 30 days", "USD", MONTHLY,
     [("2023-01-31", "1.11", "31.00"), ("2023-02-27", "31.00", "31.00"),
      ("2023-02-28", "32.00", "62.00"), ("2023-03-30", "62.00", "62.00"),
      ("2023-03-31", "63.03", "93.00")]),
    ("one cent over 36 months: earned once more than half of 1096 days are over", "USD",
     line_over("0.01", "2023-01-01", "2025-12-31"),
     [("2024-07-01", "0.00", "0.01"), ("2024-07-02", "0.01", "0.01")]),
    ("a term of one day", "USD", line_over("100.00", "2024-02-29", "2024-02-29"),
     [("2024-02-28", "0.00", "0.00"), ("2024-02-29", "100.00", "100.00")]),
    ("no decimals: 100 over three days", "JPY", line_over("100", "2024-01-01", "2024-01-03"),
     [("2024-01-01", "33", "100"), ("2024-01-02", "67", "100"), ("2024-01-03", "100", "100")]),
    ("three decimals: 1.000 over three days", "KWD",
     line_over("1.000", "2024-01-01", "2024-01-03"),
     [("2024-01-01", "0.333", "1.000"), ("2024-01-02", "0.667", "1.000"),
      ("2024-01-03", "1.000", "1.000")]),
]


class SlowRevenue(unittest.TestCase):
    def test_figures_to_check_by_hand(self):
        for number, (title, currency, commands, figures) in enumerate(FIXED):
            print(f"{title} ({currency})")
            commands = [
                {"command": "OpenBook", "effective": OPENED, "data": {"currency": currency}},
                {"command": "RegisterCustomer", "effective": OPENED,
                 "data": {"customer": "C", "name": "C"}},
            ] + [
                command | {"data": command["data"] | {"currency": currency}}
                if command["command"] != "RunBilling" else command
                for command in commands
            ]
            model = Book(Policies(currency, {}))
            for command in commands:
                model.apply(command)
            [key], show_amount = model.contracts, model.policies.show
            with tempfile.TemporaryDirectory() as folder:
                where = ["--book", f"fixed-{number}", "--data", folder]
                run("apply", "-", *where, "--quiet", given="\n".join(map(json.dumps, commands)))
                for day, recognised, billed in figures:
                    on = parse(day)
                    found = show_amount(model.gross(key, on)), show_amount(model.billed(key, on))
                    print(f"  through {day}: recognised {found[0]}, billed {found[1]}")
                    self.assertEqual(found, (recognised, billed), (title, day, "in the model"))
                    rows = report("deferred-revenue", *where, "--as-of", day)["rows"] or [
                        {"recognised": show_amount(0), "billed": show_amount(0)}
                    ]
                    found = rows[0]["recognised"], rows[0]["billed"]
                    self.assertEqual(found, (recognised, billed), (title, day, "in the program"))

    def test_random_contracts(self):
        print(f"REVLEDGER_SLOW_SEED={SEED}, {CONTRACTS} contracts", flush=True)
        books = range(-(-CONTRACTS // CONTRACTS_IN_A_BOOK))
        differences, compared = [], 0
        with multiprocessing.Pool(2) as workers:
            for found, count in workers.imap_unordered(compare, books):
                differences += found
                compared += count
                if len(differences) >= DIFFERENCES_SHOWN:
                    workers.terminate()
                    break
        for difference in differences[:DIFFERENCES_SHOWN]:
            print(difference, flush=True)
        self.assertEqual(len(differences), 0, "the program and the model differ")
        print(f"{compared} figures are the same")


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    raise SystemExit(failed > 0)
