"""A client in another language: Python with nats-py drives the whole flow over NATS.

It discovers the service, sends commands, retries a command id, reads the events from the stream
and adds the receivables up itself: the same total as the ledger's own report, to the cent.
"""

import asyncio
import json
import pathlib
import subprocess
import tempfile
import unittest
from decimal import Decimal

import nats
from ledger import PROGRAM, WAIT_SECONDS, NatsServer

BOOK = "acme"


def command(kind, number, effective, /, **data):
    return {
        "id": f"py-{number}",
        "command": kind,
        "book": BOOK,
        "effective": effective,
        "reason": "a client in Python",
        "data": data,
    }


COMMANDS = [
    command("OpenBook", 1, "2026-01-01", currency="USD"),
    command("RegisterCustomer", 2, "2026-01-01", customer="C/1 ü", name="Caf\u00e9 One"),
    command("RegisterCustomer", 3, "2026-01-01", customer="C-2", name="Two"),
    command(
        "IssueInvoice", 4, "2026-01-10", invoice="INV/2026.001", customer="C/1 ü", currency="USD",
        due="2026-02-09",
        lines=[{"description": "service", "amount": "1200.00", "tax_rate": "10",
                "service_start": "2026-01-01", "service_end": "2026-12-31"}],
    ),
    command(
        "IssueInvoice", 5, "2026-01-20", invoice="INV-2", customer="C-2", currency="USD",
        due="2026-02-19", lines=[{"description": "goods", "quantity": "3", "unit_price": "33.335"}],
    ),
    command(
        "RecordPayment", 6, "2026-02-01", payment="PAY-1", customer="C/1 ü", amount="500.01",
        currency="USD", allocate=[{"invoice": "INV/2026.001", "amount": "500.01"}],
    ),
    command(
        "IssueCredit", 7, "2026-02-05", credit="CN-1", customer="C-2", invoice="INV-2",
        currency="USD", lines=[{"invoice_line": "1", "amount": "10.00"}], apply="invoice",
    ),
]


class Client(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.server = await NatsServer().start(pathlib.Path(self.folder.name) / "nats")
        self.url = self.server.url
        self.daemon = subprocess.Popen(
            [PROGRAM, "serve", "--book", BOOK, "--nats", self.url,
             "--nats-monitor", self.server.monitor, "--listen", "127.0.0.1:0",
             "--data", str(pathlib.Path(self.folder.name) / "data")],
            stdout=subprocess.DEVNULL,
        )
        self.connection = await nats.connect(self.url)
        await self.discover()

    async def discover(self):
        """Asks for the service as `nats service ls` does."""
        for _ in range(WAIT_SECONDS * 4):
            self.assertIsNone(self.daemon.poll(), "the daemon is running")
            try:
                answer = await self.connection.request("$SRV.PING.revledger", b"", timeout=0.25)
                return json.loads(answer.data)
            except (nats.errors.NoRespondersError, nats.errors.TimeoutError):
                await asyncio.sleep(0.05)
        self.fail("the service answers to $SRV.PING")

    async def asyncTearDown(self):
        await self.connection.close()
        self.daemon.terminate()
        self.daemon.wait(timeout=WAIT_SECONDS)
        self.server.stop()
        self.folder.cleanup()

    async def send(self, envelope):
        subject = f"ledger.{BOOK}.cmd.{envelope['command']}"
        return await self.connection.request(subject, json.dumps(envelope).encode(), timeout=10)

    async def test_the_whole_flow(self):
        ping = await self.discover()
        self.assertEqual(ping["name"], "revledger")
        self.assertEqual(ping["type"], "io.nats.micro.v1.ping_response")
        info = json.loads((await self.connection.request("$SRV.INFO.revledger", b"")).data)
        self.assertTrue(info["endpoints"])

        replies = []
        for envelope in COMMANDS:
            replies.append((await self.send(envelope)).data)
            self.assertEqual(json.loads(replies[-1])["outcome"], "accepted", replies[-1])

        # The same id and content: the same bytes. The same id with other content: refused.
        for envelope, first in zip(COMMANDS, replies):
            self.assertEqual((await self.send(envelope)).data, first)
        changed = json.loads(json.dumps(COMMANDS[5]))
        changed["data"]["amount"] = "500.02"
        refused = await self.send(changed)
        self.assertEqual(json.loads(refused.data)["error"]["code"], "command.id_reused")
        self.assertIn("Nats-Service-Error-Code", refused.headers)

        events = await self.read_events()
        receivables = self.add_up(events)
        self.assertEqual(receivables, Decimal("909.99"))

        answer = await self.connection.request(
            f"ledger.{BOOK}.qry.receivables", b'{"as_of": "2026-02-28"}', timeout=10
        )
        report = json.loads(answer.data)
        total = sum(Decimal(row["total"]) for row in report["rows"])
        self.assertEqual(total, receivables)
        self.assertEqual(report["sequence"], events[-1][0])

    async def read_events(self):
        """Reads the stream as any consumer would, and checks what the contract promises."""
        jetstream = self.connection.jetstream()
        stream = await jetstream.find_stream_name_by_subject(f"ledger.{BOOK}.evt.0.>")
        information = await jetstream.stream_info(stream)
        subscription = await jetstream.pull_subscribe(f"ledger.{BOOK}.evt.0.>", stream=stream)
        events = []
        while len(events) < information.state.messages:
            for message in await subscription.fetch(100, timeout=5):
                body = json.loads(message.data)
                self.assertEqual(message.headers["Nats-Msg-Id"], body["id"])
                self.assertEqual(message.headers["ce-id"], body["id"])
                events.append((message.metadata.sequence.stream, message.subject, body))
        self.assertEqual([event[0] for event in events], list(range(1, len(events) + 1)))
        subjects = [event[1] for event in events]
        self.assertIn(
            f"ledger.{BOOK}.evt.0.C%2F1%20%C3%BC.invoice.INV%2F2026%2E001", subjects
        )
        return events

    @staticmethod
    def add_up(events):
        """Accounts receivable from the events alone (what is owed less what settled it)."""
        total = Decimal(0)
        for _, _, body in events:
            data = body["data"]
            if body["type"] == "InvoiceIssued":
                total += Decimal(data["total"])
            elif body["type"] in ("PaymentAllocated", "CreditApplied"):
                total -= sum(Decimal(one["amount"]) for one in data["allocations"])
        return total


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    raise SystemExit(failed > 0)
