#!/usr/bin/env python3
"""Takes the writer away under clients, again and again, and measures how long commands have no answer.

Starts one nats-server and several daemons on one book, each with a folder of its own. Clients send
invoices over NATS, one after another, and ask again with the same id where no answer comes. Each round
kills the writer (SIGKILL), stops it (SIGSTOP, and SIGCONT once another one has taken over), or ends it
(SIGTERM). At the end every answer is asked for once more and must be the same bytes, the invoices'
numbers must have no gap and no double, and `verify` must find as many events as there were commands.

    python3 tests/failover.py [--kills N] [--stops N] [--ends N] [--daemons N] [--clients N]
                              [--revledger PROGRAM] [--nats-server PROGRAM]
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 0.5
DEADLINE = 60
OPEN = {"id": "open", "command": "OpenBook", "effective": "2026-01-01", "data": {"currency": "USD"}}
CUSTOMER = {"id": "c", "command": "RegisterCustomer", "effective": "2026-01-01",
            "data": {"customer": "C-1", "name": "One"}}


def invoice(name):
    return {"id": name, "command": "IssueInvoice", "effective": "2026-01-10",
            "data": {"customer": "C-1", "currency": "USD", "lines": [{"amount": "10.00"}]}}


def wait_until(what, is_so):
    end = time.monotonic() + DEADLINE
    while not is_so():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {DEADLINE} seconds")
        time.sleep(0.02)


class Nats:
    """A connection that asks one question at a time."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.reader = self.socket.makefile("rb")
        self.inbox = f"_INBOX.{os.urandom(8).hex()}"
        self.count = 0
        self.reader.readline()
        options = {"verbose": False, "headers": True, "no_responders": True}
        self.send(f"CONNECT {json.dumps(options)}\r\nSUB {self.inbox}.* 1\r\n".encode())

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, subject, body):
        """The answer; None where nobody is there, or nobody answers in time."""
        self.count += 1
        reply, body = f"{self.inbox}.{self.count}", json.dumps(body).encode()
        self.send(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")
        end = time.monotonic() + PATIENCE
        while True:
            self.socket.settimeout(max(end - time.monotonic(), 0.001))
            try:
                line = self.reader.readline()
            except TimeoutError:
                # Half a line may have come: what comes next is read from its beginning.
                self.socket.close()
                self.__init__(self.port)
                return None
            words = line.split()
            if words[:1] == [b"PING"]:
                self.send(b"PONG\r\n")
            if words[:1] not in ([b"MSG"], [b"HMSG"]):
                continue
            self.socket.settimeout(DEADLINE)
            payload = self.reader.read(int(words[-1]) + 2)[:-2]
            if words[1].decode() != reply:
                continue
            if words[0] == b"HMSG":
                head = int(words[-2])
                if payload.startswith(b"NATS/1.0 503"):
                    return None
                payload = payload[head:]
            return payload


class Daemon:
    def __init__(self, options, folder, url, monitor):
        self.arguments = [options.revledger, "serve", "--data", str(folder), "--listen",
                          "127.0.0.1:0", "--nats", url, "--nats-monitor", monitor]
        self.log = open(f"{folder}.log", "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=self.log)
        ready = self.process.stdout.readline().decode()
        self.address = re.search(r"http://([^ ,]+)", ready).group(1)

    def writes(self):
        connection = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        connection.request("POST", "/v1/books/main/commands", json.dumps(OPEN),
                           {"Content-Type": "application/json"})
        return connection.getresponse().status == 200


class Load:
    def __init__(self, clients, port):
        self.is_over, self.answers, self.last = False, {}, (0, 0)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(number, port), daemon=True)
                        for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, number, port):
        nats, count = Nats(port), 0
        while not self.is_over:
            name = f"i{number}-{count}"
            answer = self.until_answered(nats, name)
            with self.lock:
                self.answers[name] = answer
            count += 1

    def until_answered(self, nats, name):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            sent = time.monotonic()
            answer = nats.ask("ledger.main.cmd.IssueInvoice", invoice(name))
            if answer is None:
                time.sleep(0.02)
                continue
            reply = json.loads(answer)
            code = reply.get("error", {}).get("code")
            if code in ("command.outcome_unknown", "book.busy"):
                continue
            if code:
                print(f"{name}: {reply}", file=sys.stderr, flush=True)
                os._exit(1)
            with self.lock:
                self.last = max(self.last, (sent, time.monotonic()))
            return answer
        print(f"{name} has no answer", file=sys.stderr, flush=True)
        os._exit(1)

    def goes_on(self, since):
        """Seconds until a command was answered that was sent behind `since`."""
        wait_until("an answer", lambda: self.last[0] > since)
        return self.last[1] - since

    def check(self, options, port, folder, url, monitor):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        nats, numbers = Nats(port), set()
        for name, answer in self.answers.items():
            again = self.until_answered(nats, name)
            if again != answer:
                sys.exit(f"{name}: {answer} and {again}")
            number = int(re.split(r"[.-]", json.loads(answer)["events"][0]["subject"])[-1])
            if number in numbers:
                sys.exit(f"{name}: the number {number} was given twice")
            numbers.add(number)
        if numbers != set(range(1, len(self.answers) + 1)):
            sys.exit("a number is missing")
        verified = subprocess.run(
            [options.revledger, "verify", "--data", str(folder), "--nats", url,
             "--nats-monitor", monitor], capture_output=True, text=True)
        events = len(self.answers) + 2
        if verified.returncode or str(events) not in verified.stdout:
            sys.exit(f"verify: {verified.stdout}{verified.stderr}")
        print(f"{len(self.answers)} commands: every answer is the same again, no number is missing or "
              f"double, verify finds {events} events")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def round_of(kind, daemons, load):
    writer = next(daemon for daemon in daemons if daemon.writes())
    # Not always at the same place between two heartbeats.
    time.sleep(1 + os.urandom(1)[0] / 255)
    since = time.monotonic()
    writer.process.send_signal(
        {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "end": signal.SIGTERM}[kind])
    took = load.goes_on(since)
    if kind == "stop":
        writer.process.send_signal(signal.SIGCONT)
        if writer.writes():
            sys.exit("a writer that stood still takes commands beside the new one")
    else:
        if writer.process.wait() and kind == "end":
            sys.exit("a daemon did not end well")
        writer.start()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, count in [("kills", 20), ("stops", 20), ("ends", 10), ("daemons", 2), ("clients", 4)]:
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--revledger", default="target/release/revledger")
    parser.add_argument("--nats-server", default=os.environ.get("REVLEDGER_NATS_SERVER", "nats-server"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        port, monitor = free_port(), free_port()
        config = folder / "nats.conf"
        config.write_text(f'listen: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor}"\n'
                          f'jetstream {{ store_dir: "{folder}/store", sync_interval: always }}\n')
        server = subprocess.Popen([options.nats_server, "--config", str(config)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url, monitor = f"nats://127.0.0.1:{port}", f"http://127.0.0.1:{monitor}"
        daemons = []
        try:
            def is_up():
                with socket.socket() as one:
                    return one.connect_ex(("127.0.0.1", port)) == 0
            wait_until("nats-server", is_up)
            daemons = [Daemon(options, folder / f"daemon-{number}", url, monitor)
                       for number in range(options.daemons)]
            nats = Nats(port)
            for command in (OPEN, CUSTOMER):
                nats.ask(f"ledger.main.cmd.{command['command']}", command)
            load = Load(options.clients, port)
            load.goes_on(time.monotonic())
            for kind, count in [("kill", options.kills), ("stop", options.stops), ("end", options.ends)]:
                took = sorted(round_of(kind, daemons, load) for _ in range(count))
                if took:
                    print(f"{count} times {kind}: without an answer for {took[0]:.1f} to {took[-1]:.1f} "
                          f"seconds, the median is {took[len(took) // 2]:.1f}", flush=True)
            load.check(options, port, folder / "daemon-0", url, monitor)
        finally:
            for one in daemons:
                one.process.kill()
            server.kill()


if __name__ == "__main__":
    main()
