#!/usr/bin/env python3
"""Cuts the power under a ledger, again and again, and looks for what was acknowledged.

Needs root: the ledger's files are on a disk of its own, a file behind a loop device. The cut is a
copy of that file while everything on it stands still: it has what was synced, and what was only in
the page cache is gone. Each round starts on the copy, sends every command again, and compares the
replies byte for byte.

    sudo python3 tests/power_cut.py journal|always|cluster|default [--rounds N] [--revledger PROGRAM]

`journal` is the embedded log; `always` is one nats-server with `sync_interval: always`, `cluster` are
three, all cut at once; `default` is one as it is delivered, which loses what it acknowledged: it
shows that the cut cuts. There the daemon needs `--unsafe-dev` to start at all, and must end with exit
code 20 on the copy.
"""

import argparse
import http.client
import json
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

DISK_MEGABYTES = 256
# Nothing is written back by itself within a round.
MOUNT = "loop,commit=300"


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Disk:
    """A file that is mounted as a disk."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        folder.mkdir(exist_ok=True)
        run("mount", "-o", MOUNT, str(image), str(folder))

    def close(self):
        run("umount", str(self.folder))


class Ledger:
    """A daemon, and the server that keeps its log, on one disk."""

    def __init__(self, options, disk):
        self.servers, more = [], []
        if options.log != "journal":
            more = self.start_servers(options, disk)
        # The disk is smaller than the reserve.
        more += ["--disk-reserve", "0"]
        command = [options.revledger, "serve", "--data", str(disk / "data"), "--listen", "127.0.0.1:0", *more]
        self.daemon = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        found = re.search(r"http://([^, ]+)", self.daemon.stdout.readline())
        self.address = found and found.group(1)

    def start_servers(self, options, disk):
        """Starts the servers, and gives the options of a daemon on them."""
        nodes = {"n1": ""}
        if options.log == "cluster":
            routes = free_addresses(3)
            known = ", ".join(f'"nats-route://{route}"' for route in routes)
            nodes = {
                f"n{number}": f'cluster {{ name: test\n listen: "{route}"\n routes: [{known}] }}\n'
                for number, route in enumerate(routes, 1)
            }
        sync = "" if options.log == "default" else "sync_interval: always"
        folders = []
        for name, cluster in nodes.items():
            folders.append(folder := pathlib.Path(tempfile.mkdtemp(prefix="power-cut-nats-")))
            (folder / "nats.conf").write_text(
                f'server_name: {name}\nlisten: "127.0.0.1:-1"\nhttp: "127.0.0.1:-1"\n{cluster}'
                f'max_payload: 1MB\nports_file_dir: "{folder}"\n'
                f'jetstream {{ store_dir: "{disk}/{name}"\n {sync} }}\n'
            )
            command = [options.nats_server, "--config", str(folder / "nats.conf")]
            self.servers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        listens = [listening(*one) for one in zip(folders, self.servers)]
        for one in listens:
            wait_until_healthy(one["monitoring"][0])
        more = ["--nats", ",".join(one["nats"][0] for one in listens)]
        more += ["--nats-monitor", ",".join(one["monitoring"][0] for one in listens)]
        return more + (["--unsafe-dev"] if options.log == "default" else [])

    def processes(self):
        return [self.daemon, *self.servers]

    def signal(self, number):
        for process in self.processes():
            process.send_signal(number)

    def end(self):
        for process in self.processes():
            process.kill()
            process.wait()


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = ["{}:{}".format(*one.getsockname()) for one in sockets]
    for one in sockets:
        one.close()
    return addresses


def listening(folder, server):
    while not (found := list(folder.glob("*.ports"))):
        if server.poll() is not None:
            sys.exit(f"nats-server ended with {server.returncode}")
        time.sleep(0.02)
    listens = json.loads(found[0].read_text())
    shutil.rmtree(folder)
    return listens


def wait_until_healthy(monitor):
    while True:
        try:
            with urllib.request.urlopen(f"{monitor}/healthz"):
                return
        except OSError:
            time.sleep(0.1)


def commands():
    day = "2026-01-01"
    yield {"id": "open", "command": "OpenBook", "effective": day, "data": {"currency": "USD"}}
    number = 0
    while True:
        number += 1
        data = {"customer": f"C-{number}", "name": "A customer"}
        yield {"id": f"c-{number}", "command": "RegisterCustomer", "effective": day, "data": data}


class Caller(threading.Thread):
    """Sends one command after another, and keeps what was answered."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.replies = address, []

    def run(self):
        connection = http.client.HTTPConnection(self.address)
        try:
            for command in commands():
                self.replies.append((command, send(connection, command)))
        except (OSError, http.client.HTTPException):
            return


def send(connection, command):
    headers = {"content-type": "application/json"}
    connection.request("POST", "/v1/books/main/commands", json.dumps(command), headers)
    return connection.getresponse().read()


def one_round(options, folder, seed):
    image, cut = folder / "disk.img", folder / "cut.img"
    with open(image, "wb") as file:
        file.truncate(DISK_MEGABYTES * 1024 * 1024)
    run("mkfs.ext4", "-q", "-F", str(image))
    disk = Disk(image, folder / "disk")
    ledger = Ledger(options, disk.folder)
    caller = Caller(ledger.address)
    caller.start()
    time.sleep(0.3 + 1.5 * random.Random(seed).random())
    ledger.signal(signal.SIGSTOP)
    # Whatever was answered by now; the copy holds what was synced.
    answered = list(caller.replies)
    run("cp", "--sparse=always", str(image), str(cut))
    ledger.end()
    disk.close()
    disk = Disk(cut, folder / "cut")
    again = Ledger(options, disk.folder)
    try:
        if again.address is None:
            # It ends by itself; what it says names the reason.
            return len(answered), None, again.daemon.wait()
        connection = http.client.HTTPConnection(again.address)
        lost = sum(send(connection, command) != reply for command, reply in answered)
        return len(answered), lost, 0
    finally:
        again.end()
        disk.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("log", choices=["journal", "always", "cluster", "default"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--revledger", default="revledger")
    parser.add_argument("--nats-server", default="nats-server")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"--seed {options.seed}")
    answered = lost = ended = 0
    for number in range(options.rounds):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="power-cut-"))
        one, gone, code = one_round(options, folder, options.seed + number)
        shutil.rmtree(folder)
        answered += one
        if gone is None:
            ended += 1
            if code != 20:
                sys.exit(f"round {number}: exit code {code}")
        elif options.log == "default":
            sys.exit(f"round {number}: it started on a log that lost {gone} of {one}")
        else:
            lost += gone
    print(f"{options.rounds} cuts, {answered} acknowledged, {lost} lost, {ended} ended with 20")
    sys.exit(bool(lost) or (ended > 0) != (options.log == "default"))


if __name__ == "__main__":
    main()
