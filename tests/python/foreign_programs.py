"""hledger and beancount read the exports of a book, and compute its trial balance month by month."""

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
from beancount.core.data import Open, Transaction

from ledger import report, run

BEAN_CHECK = pathlib.Path(sys.executable).with_name("bean-check")
ENVIRONMENT = os.environ | {"LC_ALL": "C.UTF-8"}


def program(*arguments):
    """Runs another program on a file: its exit code and what it says."""
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT)
    return done.returncode, done.stdout, done.stderr


def balances(where, day):
    """Our balances by account code, without zeros."""
    sums = {}
    for row in report("trial-balance", *where, "--as-of", day)["rows"]:
        account = row["account"]
        sums[account] = sums.get(account, Decimal(0)) + Decimal(row["balance"])
    return {account: balance for account, balance in sums.items() if balance}


def export(where, folder, kind, last):
    """The whole book through a day, its recognition by month."""
    file = pathlib.Path(folder) / f"book.{kind}"
    run("export", kind, *where, "--to", last, "--recognition", "month", "--output", file, "--quiet")
    return file


def by_hledger(file, months):
    """Balances by code at the end of each month, after its strict check."""
    assert program("hledger", "-f", file, "check", "--strict", "ordereddates") == (0, "", "")
    names = dict(re.findall(r"^account (.+?)  ; type:., code:([^,]+),", file.read_text(), re.M))
    code, table, told = program(
        "hledger", "-f", file, "balance", "--monthly", "--historical", "--cost", "--no-total",
        "--flat", "--output-format=csv")
    assert code == 0, told
    [header, *rows] = list(csv.reader(io.StringIO(table)))
    return {
        month: without_zeros({
            urllib.parse.unquote(names[row[0]]): Decimal(row[header.index(month)].split()[0])
            for row in rows
        })
        for month in months
    }


def by_beancount(file, ends):
    """Balances by code at the end of each month, after its check."""
    assert program(BEAN_CHECK, file) == (0, "", "")
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []
    codes = {one.account: one.meta["code"] for one in entries if isinstance(one, Open)}
    found = {}
    for month, end in ends.items():
        sums = {}
        for one in entries:
            if isinstance(one, Transaction) and str(one.date) <= end:
                for posting in one.postings:
                    account = codes[posting.account]
                    sums[account] = sums.get(account, Decimal(0)) + posting.units.number
        found[month] = without_zeros(sums)
    return found


def month_ends(first_year, last_year, first=1):
    """The last day of each month of some years, from a month of the first one on."""
    months = [(year, month) for year in range(first_year, last_year + 1) for month in range(1, 13)]
    ends = {}
    for year, month in months[first - 1:]:
        following = datetime.date(year + month // 12, month % 12 + 1, 1)
        ends[f"{year}-{month:02}"] = str(following - datetime.timedelta(1))
    return ends


def without_zeros(sums):
    return {account: balance for account, balance in sums.items() if balance}


def check(test, where, folder, ends):
    """Both programs accept the exports of a book in one currency, and their balances are ours for
    each account and month; a changed cent makes each of them fail. `ends`: the last day of each."""
    last = max(ends.values())
    ours = {month: balances(where, end) for month, end in ends.items()}
    test.assertGreater(sum(map(len, ours.values())), len(ends))
    if shutil.which("hledger"):
        file = export(where, folder, "hledger", last)
        test.assertEqual(by_hledger(file, list(ends)), ours)
        code, _, _ = program("hledger", "-f", changed(file), "check", "--strict")
        test.assertNotEqual(code, 0)
    file = export(where, folder, "beancount", last)
    test.assertEqual(by_beancount(file, ends), ours)
    test.assertNotEqual(program(BEAN_CHECK, changed(file))[0], 0)


def changed(file):
    """The same file with a cent more in one amount."""
    text = file.read_text()
    entry = re.search(r"\n\n(\d{4}-\d\d-\d\d (?!balance|open|price|commodity).*?)\n\n", text, re.S)
    amount = re.search(r"-?\d+\.\d\d", entry[1][11:])[0]
    other = entry[1].replace(f" {amount} ", f" {Decimal(amount) + Decimal('0.01')} ", 1)
    assert other != entry[1], entry[1]
    place = file.with_name(f"changed-{file.name}")
    place.write_text(text.replace(entry[1], other, 1))
    return place
