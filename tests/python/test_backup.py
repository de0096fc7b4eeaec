"""A backup can be read by a program that was written from its documentation alone."""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import read_backup
from ledger import run

COMMANDS = [
    ("OpenBook", {"currency": "USD"}),
    ("RegisterCustomer", {"customer": "Käufer 客户", "name": "One"}),
    ("IssueInvoice", {"invoice": "INV-1", "customer": "Käufer 客户", "currency": "USD",
                      "lines": [{"description": "a year", "amount": "1200.00",
                                 "service_start": "2026-01-01", "service_end": "2026-12-31"}]}),
    ("RecordPayment", {"payment": "PAY-1", "customer": "Käufer 客户", "amount": "500.00",
                       "currency": "USD", "allocate": "auto"}),
]


class Backup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        folder = pathlib.Path(cls.folder.name)
        lines = [
            json.dumps({"id": f"c{number}", "command": name, "effective": "2026-01-10", "data": data})
            for number, (name, data) in enumerate(COMMANDS)
        ]
        where = ("--data", folder / "data", "--book", "Ein Buch")
        run("apply", "-", "--quiet", *where, given="\n".join(lines))
        cls.file = folder / "b.rvbackup"
        cls.told = json.loads(run("backup", cls.file, *where, "--format", "json"))
        trail = json.loads(run("report", "audit-trail", *where, "--format", "json"))
        cls.trail = trail["rows"]
        cls.data = cls.file.read_bytes()

    def test_another_program_finds_the_same(self):
        start, events, chain = read_backup.read(self.data)
        self.assertEqual(start["book"], "Ein Buch")
        self.assertEqual(start["created_at"], self.told["created_at"])
        self.assertEqual((len(events), chain), (self.told["events"], self.told["chain"]))
        self.assertEqual(hashlib.sha256(self.data).hexdigest(), self.told["sha256"])
        self.assertEqual(len(self.data), self.told["bytes"])
        types = [json.loads(event["body"])["type"] for event in events]
        self.assertEqual(types, [row["type"] for row in self.trail])
        prefix = "ledger.Ein%20Buch.evt.0."
        self.assertTrue(all(event["subject"].startswith(prefix) for event in events))

    def test_it_prints_events_as_lines(self):
        reader = pathlib.Path(__file__).with_name("read_backup.py")
        done = subprocess.run(
            [sys.executable, reader, self.file], capture_output=True, text=True, check=True
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["sequence"] for line in lines], list(range(1, len(lines) + 1)))
        self.assertEqual(lines[0]["event"]["type"], "BookOpened")

    def test_both_programs_refuse_what_was_cut_or_changed(self):
        bad = self.file.with_name("bad")
        for at in range(0, len(self.data), 131):
            changed = bytearray(self.data)
            changed[at] ^= 1 << at % 8
            for wrong in (self.data[:at], bytes(changed)):
                with self.assertRaises((read_backup.Bad, UnicodeDecodeError, KeyError)):
                    read_backup.read(wrong)
                bad.write_bytes(wrong)
                run("backup", "--verify", bad, ok=(1,))


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    raise SystemExit(failed > 0)
