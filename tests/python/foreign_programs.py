"""Other programs read the exports of a book: each accepts them, computes its trial balance month by
month, and refuses them once a cent is changed."""

import csv
import datetime
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse
from decimal import Decimal

from beancount import loader
from beancount.core.convert import get_weight
from beancount.core.data import Open, Transaction

from ledger import report, run

BEAN_CHECK = pathlib.Path(sys.executable).with_name("bean-check")
ENVIRONMENT = os.environ | {"LC_ALL": "C.UTF-8"}


def program(*arguments):
    """Runs another program on a file: its exit code, and what it says."""
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT)
    return done.returncode, done.stdout, done.stderr


def is_there(kind):
    """Whether the program that reads an export is installed; beancount always is."""
    return kind == "beancount" or shutil.which(kind) is not None


def verdict(kind, file):
    """What the program says of a file by itself: `(0, "")` where it accepts it."""
    code, _, told = program(*{
        "hledger": ["hledger", "-f", file, "check", "--strict", "ordereddates"],
        "ledger": ledger(file),
        "beancount": [BEAN_CHECK, file],
    }[kind])
    return code, told


def ledger(file):
    """Each posting at cost: other reports would sum up every price apart."""
    return [
        "ledger", "-f", file, "--args-only", "--strict", "--pedantic", "register", "--basis",
        "--format", '%(format_date(date, "%Y-%m-%d"))\t%(account)\t%(cost)\n',
    ]


def trial(where, ends):
    """Our trial balance at the end of each month, by account code and without zeros."""
    return {month: balances(where, end) for month, end in ends.items()}


def balances(where, day):
    sums = {}
    for row in report("trial-balance", *where, "--as-of", day)["rows"]:
        sums[row["account"]] = sums.get(row["account"], Decimal(0)) + Decimal(row["balance"])
    return without_zeros(sums)


def without_zeros(sums):
    return {account: balance for account, balance in sums.items() if balance}


def export(where, folder, kind, *options):
    """An export in a file."""
    file = pathlib.Path(folder) / f"book.{kind}"
    run("export", kind, *where, "--output", file, "--quiet", *options)
    return file


def whole(where, folder, kind, ends):
    """The whole book, its recognition by month."""
    return export(where, folder, kind, "--to", max(ends.values()), "--recognition", "month")


def at_ends(moves, ends):
    """Balances at the end of each month, without zeros, of moves: day, account and amount."""
    moves = sorted(moves, key=lambda move: move[0], reverse=True)
    sums, found = {}, {}
    for month, end in sorted(ends.items()):
        while moves and moves[-1][0] <= end:
            _, account, amount = moves.pop()
            sums[account] = sums.get(account, Decimal(0)) + amount
        found[month] = without_zeros(sums)
    return found


def by_hledger(file, ends):
    names = dict(re.findall(r"^account (.+?)  ; type:., code:([^,]+),", file.read_text(), re.M))
    code, table, told = program(
        "hledger", "-f", file, "balance", "--monthly", "--historical", "--cost", "--no-total",
        "--flat", "--output-format=csv")
    assert code == 0, told
    [header, *rows] = csv.reader(io.StringIO(table))
    found = {}
    for month in ends:
        column = header.index(month)
        sums = {decoded(names[row[0]]): number(row[column]) for row in rows}
        found[month] = without_zeros(sums)
    return found


def by_ledger(file, ends):
    names = dict(re.findall(r"^account (.+)\n    note code ([^,]+),", file.read_text(), re.M))
    # Summed up here: a balance for each month would parse the file as often.
    code, table, told = program(*ledger(file))
    assert (code, told) == (0, ""), told
    rows = [row.split("\t") for row in table.splitlines()]
    return at_ends([(day, decoded(names[name]), number(cost)) for day, name, cost in rows], ends)


def by_beancount(file, ends):
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []
    codes = {one.account: one.meta["code"] for one in entries if isinstance(one, Open)}
    moves = [
        (str(one.date), codes[posting.account], weight(posting))
        for one in entries if isinstance(one, Transaction) for posting in one.postings
    ]
    return at_ends(moves, ends)


BALANCES = {"hledger": by_hledger, "ledger": by_ledger, "beancount": by_beancount}


def weight(posting):
    """What a posting counts for in its entry, in the book's currency."""
    # A total price is kept as a price of one, with more digits than it was written with.
    return get_weight(posting).number.quantize(Decimal("0.01"))


def number(text):
    """`-12.00 USD` or `0`."""
    return Decimal(text.split()[0])


def decoded(code):
    """A code as the ledger has it."""
    return urllib.parse.unquote(code)


def month_ends(first, last):
    """The last day of each month from `YYYY-MM` through another one."""
    ends = {}
    year, month = map(int, first.split("-"))
    while f"{year}-{month:02}" <= last:
        following = datetime.date(year + month // 12, month % 12 + 1, 1)
        ends[f"{year}-{month:02}"] = str(following - datetime.timedelta(1))
        year, month = following.year, following.month
    return ends


def reads(test, kind, file, ours):
    """The program accepts the export of a whole book; its balances are ours for each account and
    month, of which `ours` names the last day; it refuses the file once a cent is changed."""
    trial_balances, ends = ours
    test.assertEqual(verdict(kind, file), (0, ""))
    found = BALANCES[kind](file, ends)
    for month in ends:
        test.assertEqual(found[month], trial_balances[month], f"{kind} {month}")
    for other, what in changed(file):
        test.assertNotEqual(verdict(kind, other)[0], 0, f"{kind} accepts {what}")


def changed(file):
    """The same file with a cent more in one amount; and with another one less in the next one, so
    that the entry still balances."""
    text = file.read_text()
    entries = [
        block for block in text.split("\n\n")
        if re.match(r"\d{4}-\d\d-\d\d (?!balance|open|price|commodity)", block)
        and "balance" not in block and "@@" not in block and len(amounts(block)) > 1
    ]
    entry = entries[len(entries) // 2]
    for count in 1, 2:
        other = entry
        for amount, cent in list(zip(amounts(entry), ("0.01", "-0.01")))[:count]:
            other = other.replace(f" {amount} ", f" {Decimal(amount) + Decimal(cent)} ", 1)
        assert other != entry, entry
        place = file.with_name(f"changed-{file.name}")
        place.write_text(text.replace(entry, other, 1))
        yield place, f"{count} changed amounts: {other}"


def amounts(block):
    return re.findall(r" (-?\d+\.\d\d) [A-Z]{3}$", block, re.M)


def check(test, where, folder, ends):
    """hledger and beancount read the exports of a book."""
    ours = trial(where, ends)
    test.assertGreater(sum(map(len, ours.values())), len(ends))
    for kind in filter(is_there, ("hledger", "beancount")):
        reads(test, kind, whole(where, folder, kind, ends), (ours, ends))
