"""A daemon, the servers below it, and clients that ask again until they are answered."""

import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

# Turns a hang into a failure.
PATIENCE_SECONDS = 120
CLIENTS = 8
# So long after the last answer a daemon may say that it is ready; so long before the next one.
TOLD_WITHIN, SOON = 5, 1


def until(condition, what):
    """Waits for another process."""
    for _ in range(PATIENCE_SECONDS * 50):
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"{what}: not within {PATIENCE_SECONDS} seconds")


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = ["{}:{}".format(*one.getsockname()) for one in sockets]
    for one in sockets:
        one.close()
    return addresses


class Server:
    """A nats-server that syncs every write; it keeps its ports when it comes back."""

    def __init__(self, program, name, folder, cluster=""):
        self.program, self.folder = program, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.listen, self.monitor = self.addresses()
        (folder / "nats.conf").write_text(
            f'server_name: {name}\nlisten: "{self.listen}"\nhttp: "{self.monitor}"\n{cluster}'
            f'max_payload: 1MB\nlame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'
            f'jetstream {{ store_dir: "{folder}/store"\n sync_interval: always }}\n'
        )
        self.start()

    def addresses(self):
        """Where it listens, and its monitor."""
        return free_addresses(2)

    def command(self):
        return [self.program, "--config", str(self.folder / "nats.conf")]

    def start(self):
        with open(self.folder / "nats.log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stderr=log)

    def asked(self, path):
        """What its monitor answers; None where it does not, or is not well."""
        try:
            with urllib.request.urlopen(f"http://{self.monitor}{path}", timeout=2) as answer:
                return answer.read()
        except OSError:
            return None

    def is_healthy(self):
        return self.asked("/healthz") is not None

    def is_there(self):
        """Whether it answers at all, be it that it is not well."""
        return self.asked("/varz") is not None

    def wait(self):
        until(self.is_healthy, "a nats-server is healthy")

    def kill(self):
        self.process.kill()
        self.process.wait()


def servers(options, folder, count):
    """One server, or a cluster."""
    if count == 1:
        found = [Server(options.nats_server, "n1", folder / "n1")]
    else:
        routes = free_addresses(count)
        known = ", ".join(f'"nats-route://{route}"' for route in routes)
        found = [
            Server(options.nats_server, f"n{number}", folder / f"n{number}",
                   f'cluster {{ name: test\n listen: "{route}"\n routes: [{known}] }}\n')
            for number, route in enumerate(routes, 1)
        ]
    for one in found:
        one.wait()
    return found


def leader_of(nodes, stream="LEDGER_main_0"):
    """The node that leads the stream, by what any of them says; None while there is none."""
    for node in nodes:
        answer = node.asked("/jsz?streams=true")
        accounts = json.loads(answer).get("account_details", []) if answer else []
        for one in (one for account in accounts for one in account.get("stream_detail", [])):
            name = (one.get("cluster") or {}).get("leader")
            if one["name"] == stream and name:
                return next((node for node in nodes if node.folder.name == name), None)
    return None


# No line for each command.
QUIET = {"RUST_LOG": "info,revledger::command=off"}


class Daemon:
    """`revledger serve` on a journal, or on servers."""

    def __init__(self, options, data, nodes=(), before=(), variables=None):
        self.options, self.data = options, data
        self.where = ["--data", str(data)]
        if nodes:
            self.connect_to(nodes, nodes)
        self.before, self.variables = list(before), variables
        self.start()

    def connect_to(self, nodes, monitored):
        """Which servers it is told of, and who proves that they are safe."""
        self.where = ["--data", str(self.data),
                      "--nats", ",".join(f"nats://{one.listen}" for one in nodes),
                      "--nats-monitor", ",".join(f"http://{one.monitor}" for one in monitored)]

    def start(self):
        command = [*self.before, self.options.revledger, "serve", "--listen", "127.0.0.1:0",
                   "--log-format", "json", *self.where]
        with open(f"{self.data}.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=log,
                                            env={**QUIET, **os.environ, **(self.variables or {})})
        found = re.search(r"http://([^, ]+)", self.process.stdout.readline())
        self.address = found and found.group(1)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, *arguments):
        """Another verb on the same book: its exit code and output."""
        command = [self.options.revledger, *arguments, *self.where]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def commands(client):
    """The commands of one client, without end."""
    day = "2026-01-01"
    number = 0
    while True:
        number += 1
        name = f"{client}-{number}"
        data = {"customer": f"C-{name}", "name": "A customer"}
        yield {"id": f"c-{name}", "command": "RegisterCustomer", "effective": day, "data": data}
        line = {"description": "Service", "amount": f"{number % 97 + 1}.10", "tax_rate": "8.25",
                "recognition": {"method": "on_invoice"}}
        data = {"customer": f"C-{name}", "currency": "USD", "lines": [line]}
        yield {"id": f"i-{name}", "command": "IssueInvoice", "effective": day, "data": data}


OPEN = {"id": "open", "command": "OpenBook", "effective": "2026-01-01", "data": {"currency": "USD"}}
# Nobody knows what came of it, or nothing did: the same id is sent again.
AGAIN = {"command.outcome_unknown", "book.busy", "book.standby", "book.not_ready"}


def send(connection, command):
    headers = {"content-type": "application/json"}
    connection.request("POST", "/v1/books/main/commands", json.dumps(command), headers)
    return connection.getresponse().read()


class Client(threading.Thread):
    """Sends one command after another to whichever address there is, the same one until it is
    answered."""

    def __init__(self, name, load):
        super().__init__(daemon=True)
        self.name_, self.load, self.replies = name, load, []

    def run(self):
        for command in commands(self.name_):
            asked = time.monotonic()
            reply = self.answer(command)
            if reply is None:
                return
            now = time.monotonic()
            self.replies.append((command, reply, now))
            self.load.answered_at.append(now)
            self.load.took.append(now - asked)

    def answer(self, command):
        """The reply; None where the load was stopped first."""
        while not self.load.stopped.is_set():
            try:
                connection = http.client.HTTPConnection(self.load.address(), timeout=15)
                while not self.load.stopped.is_set():
                    reply = send(connection, command)
                    code = json.loads(reply).get("error", {}).get("code")
                    if code not in AGAIN:
                        return reply
                    self.load.told[code] += 1
                    if code == "book.standby":
                        break  # Another daemon may write.
                    time.sleep(0.02)
                time.sleep(0.02)
            except (OSError, http.client.HTTPException, ValueError, TypeError):
                time.sleep(0.02)
        return None


class Load:
    """Clients at work."""

    def __init__(self, address, clients=CLIENTS, prefix=""):
        self.address, self.stopped, self.answered_at = address, threading.Event(), []
        self.took, self.told = [], collections.Counter()
        self.clients = [Client(f"{prefix}{number}", self) for number in range(clients)]
        for one in self.clients:
            one.start()

    def longest_gap(self, since):
        """The longest time behind an instant without any answer."""
        times = [since, *sorted(at for at in self.answered_at if at >= since)]
        return max((later - earlier for earlier, later in zip(times, times[1:])), default=0.0)

    def first_answer(self, since):
        """How long after an instant the first answer came."""
        return min((at for at in self.answered_at if at > since), default=float("inf")) - since

    def goes_on(self, since, what):
        until(lambda: self.answered_at and max(self.answered_at) > since, what)

    def stop(self):
        """Every command with its reply."""
        self.stopped.set()
        for one in self.clients:
            one.join()
        return [(command, reply) for one in self.clients for command, reply, _ in one.replies]


class Watch(threading.Thread):
    """Asks again and again whether the daemon is ready."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_, self.stopped, self.seen = daemon, threading.Event(), []
        self.start()

    def run(self):
        while not self.stopped.wait(0.2):
            at = time.monotonic()
            try:
                connection = http.client.HTTPConnection(self.daemon_.address, timeout=15)
                connection.request("GET", "/readyz")
                self.seen.append((at, connection.getresponse().status))
            except (OSError, http.client.HTTPException, TypeError):
                self.seen.append((at, None))

    def stop(self):
        self.stopped.set()
        self.join()

    def untrue(self, answered_at):
        """How often it said that it is ready while nothing was answered for seconds, nor was soon."""
        times = sorted(answered_at)
        gaps = [pair for pair in zip(times, times[1:]) if pair[1] - pair[0] > TOLD_WITHIN]
        return sum(status == 200 and begin + TOLD_WITHIN < at < end - SOON
                   for begin, end in gaps for at, status in self.seen)


class Stall(threading.Thread):
    """Finds out how long the machine did not let anybody work."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopped, self.longest = threading.Event(), 0.0
        self.start()

    def run(self):
        before = time.monotonic()
        while not self.stopped.wait(0.05):
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before), now

    def stop(self):
        self.stopped.set()
        self.join()
        return self.longest


def opened(daemon):
    """Opens the book; its reply."""
    connection = http.client.HTTPConnection(daemon.address)
    return [(OPEN, send(connection, OPEN))]


def writes(daemon):
    """Whether it takes commands."""
    return "error" not in json.loads(opened(daemon)[0][1])


def folder_of(name):
    return pathlib.Path(tempfile.mkdtemp(prefix=f"faults-{name}-"))


def drop(folder):
    shutil.rmtree(folder, ignore_errors=True)


def keep_or_drop(options, folder):
    """What the processes wrote is kept where somebody wants to look into it."""
    if options.keep:
        print(f"  kept: {folder}", file=sys.stderr)
    else:
        drop(folder)
