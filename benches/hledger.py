"""The trial balance and the ageing of a large book, by this program and by hledger on its export.

    python3 benches/hledger.py PROGRAM [INVOICES]

Applies a book, exports it, and times both programs on both questions, one after the other, each from
a new process: the median of three runs in seconds, and the ratio. Ageing by hledger is what is owed by
account and month of the entry, the nearest that it has.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LAST = "2026-12-31"


def commands(count):
    """Invoices that are earned on their day, and a payment for every other one."""
    yield '{"id":"open","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}'
    for number in range(1000):
        yield (f'{{"id":"c-{number}","command":"RegisterCustomer","effective":"2026-01-01",'
               f'"data":{{"customer":"C-{number}","name":"Customer {number}"}}}}')
    for number in range(count):
        cents, day = 10_000 + number * 37 % 90_000, 1 + number % 28
        month, customer = 1 + number // 28 % 12, number % 1000
        yield (f'{{"id":"i-{number}","command":"IssueInvoice","effective":"2026-{month:02}-{day:02}",'
               f'"data":{{"invoice":"INV-{number:07}","customer":"C-{customer}","currency":"USD",'
               f'"lines":[{{"description":"Service","amount":"{cents // 100}.{cents % 100:02}",'
               f'"tax_rate":"8.25","recognition":{{"method":"on_invoice"}}}}]}}}}')
        if number % 2:
            yield (f'{{"id":"p-{number}","command":"RecordPayment","effective":"2026-12-{day:02}",'
                   f'"data":{{"payment":"PAY-{number:07}","customer":"C-{customer}",'
                   f'"amount":"50.00","currency":"USD","allocate":[{{"invoice":"INV-{number:07}",'
                   f'"amount":"50.00"}}]}}}}')


def seconds(*arguments):
    started = time.monotonic()
    subprocess.run([*map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 333_000
    with tempfile.TemporaryDirectory() as folder:
        path, where = pathlib.Path(folder), ["--data", folder, "--book", "bench", "--quiet"]
        (path / "commands.ndjson").write_text("\n".join(commands(count)) + "\n")
        seconds(program, "apply", path / "commands.ndjson", *where)
        journal = path / "book.journal"
        seconds(program, "export", "hledger", "--recognition", "month", "--as-of", LAST,
                "--output", journal, *where)
        entries = sum(1 for line in journal.open() if line[:4] == "2026" and line[4] == "-")
        print(f"{entries} entries")
        sides = {
            "trial balance": (
                [program, "report", "trial-balance", "--as-of", LAST, *where],
                ["hledger", "-f", journal, "balance"]),
            "ageing": (
                [program, "report", "receivables", "--as-of", LAST, *where],
                ["hledger", "-f", journal, "balance", "--monthly", "assets:accounts_receivable"]),
        }
        print("| question | ledger, s | hledger, s | ratio |\n| --- | ---: | ---: | ---: |")
        for question, (ours, theirs) in sides.items():
            times = [(seconds(*ours), seconds(*theirs)) for _ in range(3)]
            ours, theirs = (statistics.median(side) for side in zip(*times))
            print(f"| {question} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
