"""A daemon, the servers below it, and clients that ask again until they are answered."""

import http.client
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

# Turns a hang into a failure.
PATIENCE_SECONDS = 120
CLIENTS = 8


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
        self.listen, self.monitor = free_addresses(2)
        (folder / "nats.conf").write_text(
            f'server_name: {name}\nlisten: "{self.listen}"\nhttp: "{self.monitor}"\n{cluster}'
            f'max_payload: 1MB\nlame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'
            f'jetstream {{ store_dir: "{folder}/store"\n sync_interval: always }}\n'
        )
        self.start()

    def start(self):
        command = [self.program, "--config", str(self.folder / "nats.conf")]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def is_healthy(self):
        try:
            with urllib.request.urlopen(f"http://{self.monitor}/healthz", timeout=2):
                return True
        except OSError:
            return False

    def is_there(self):
        """Whether it answers at all, be it that it is not well."""
        try:
            with urllib.request.urlopen(f"http://{self.monitor}/varz", timeout=2):
                return True
        except OSError:
            return False

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
        try:
            url = f"http://{node.monitor}/jsz?streams=true"
            with urllib.request.urlopen(url, timeout=2) as answer:
                accounts = json.load(answer).get("account_details", [])
        except (OSError, ValueError):
            continue
        for one in (one for account in accounts for one in account.get("stream_detail", [])):
            name = (one.get("cluster") or {}).get("leader")
            if one["name"] == stream and name:
                return next((node for node in nodes if node.folder.name == name), None)
    return None


class Daemon:
    """`revledger serve` on a journal, or on servers."""

    def __init__(self, options, data, nodes=(), before=(), variables=None):
        self.options, self.data = options, data
        self.where = ["--data", str(data)]
        if nodes:
            self.where += ["--nats", ",".join(f"nats://{one.listen}" for one in nodes)]
            self.where += ["--nats-monitor", ",".join(f"http://{one.monitor}" for one in nodes)]
        self.before, self.variables = list(before), variables
        self.start()

    def start(self):
        command = [*self.before, self.options.revledger, "serve", "--listen", "127.0.0.1:0",
                   *self.where]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL, env=self.variables)
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
            reply = self.answer(command)
            if reply is None:
                return
            now = time.monotonic()
            self.replies.append((command, reply, now))
            self.load.answered_at.append(now)

    def answer(self, command):
        """The reply; None where the load was stopped first."""
        while not self.load.stopped.is_set():
            try:
                connection = http.client.HTTPConnection(self.load.address(), timeout=15)
                while not self.load.stopped.is_set():
                    reply = send(connection, command)
                    error = json.loads(reply).get("error", {})
                    if error.get("code") not in AGAIN:
                        return reply
                    time.sleep(0.02)
            except (OSError, http.client.HTTPException, ValueError, TypeError):
                time.sleep(0.02)
        return None


class Load:
    """Clients at work."""

    def __init__(self, address, clients=CLIENTS, prefix=""):
        self.address, self.stopped, self.answered_at = address, threading.Event(), []
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


def opened(daemon):
    """Opens the book; its reply."""
    connection = http.client.HTTPConnection(daemon.address)
    return [(OPEN, send(connection, OPEN))]


def folder_of(name):
    return pathlib.Path(tempfile.mkdtemp(prefix=f"faults-{name}-"))


def drop(folder):
    shutil.rmtree(folder, ignore_errors=True)
