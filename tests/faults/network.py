"""Three nodes and a daemon, each in a network name space of its own, and faults of what is between.

The cables end at `switch.py`, which drops or delays what it is told to: nothing of it depends on
what the kernel was built with. Needs root.
"""

import atexit
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

from processes import Server

CLONE_NEWNET = 0x40000000
SPACES = pathlib.Path("/run/netns")
PREFIX = "faults"
# Place 0 is the daemon and whoever asks it; behind the nodes there may be another one.
DAEMON, OTHER_DAEMON = 0, 4
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(path):
    """Takes this thread, and what it starts, into a name space."""
    with open(path) as space:
        if LIBC.setns(space.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))


@contextlib.contextmanager
def inside(name):
    """This thread is in a name space meanwhile."""
    before = f"/proc/self/task/{threading.get_native_id()}/ns/net"
    with open(before) as space:
        enter(SPACES / name)
        try:
            yield
        finally:
            LIBC.setns(space.fileno(), CLONE_NEWNET)


class SpacedServer(Server):
    """A nats-server in its own name space."""

    def __init__(self, program, name, folder, cluster, space):
        self.space, self.place = space, int(name[1:])
        super().__init__(program, name, folder, cluster)

    def addresses(self):
        host = address(self.place)
        return f"{host}:4222", f"{host}:8222"

    def command(self):
        return ["ip", "netns", "exec", self.space, *super().command()]

    def asked(self, path):
        """Asked from where it is: also one that nobody else reaches says what it thinks."""
        with inside(self.space):
            return super().asked(path)


def address(place):
    return f"10.77.0.{place + 1}"


def run(*command):
    subprocess.run(command, check=True)


class Network:
    """The name spaces, which are gone when it is left, whatever happens."""

    def __init__(self, count=OTHER_DAEMON):
        if os.geteuid() != 0:
            raise SystemExit("network name spaces need root")
        self.count = count
        self.name = f"{PREFIX}-{os.getpid()}"
        self.home = open("/proc/self/ns/net")
        self.rules = {}

    def space(self, place):
        return f"{self.name}-{place}"

    def __enter__(self):
        drop_left_over()
        atexit.register(self.drop)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
        run("ip", "netns", "add", f"{self.name}-switch")
        for place in range(self.count + 1):
            self.plug(place)
        switch = pathlib.Path(__file__).with_name("switch.py")
        cables = [f"c{place}" for place in range(self.count + 1)]
        self.switch = subprocess.Popen(
            ["ip", "netns", "exec", f"{self.name}-switch", sys.executable, str(switch), *cables],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.mend()
        enter(SPACES / self.space(DAEMON))
        return self

    def plug(self, place):
        space = self.space(place)
        run("ip", "netns", "add", space)
        run("ip", "-n", space, "link", "add", "eth0", "address", f"02:00:00:00:00:{place:02x}",
            "type", "veth", "peer", "name", f"c{place}", "netns", f"{self.name}-switch")
        run("ip", "-n", space, "addr", "add", f"{address(place)}/24", "dev", "eth0")
        run("ip", "-n", space, "link", "set", "eth0", "up")
        run("ip", "-n", space, "link", "set", "lo", "up")
        run("ip", "-n", f"{self.name}-switch", "link", "set", f"c{place}", "up")

    def __exit__(self, *_):
        self.drop()
        atexit.unregister(self.drop)

    def drop(self):
        LIBC.setns(self.home.fileno(), CLONE_NEWNET)
        drop_spaces(self.name)

    def tell(self):
        self.switch.stdin.write(json.dumps([[*pair, *rule] for pair, rule in self.rules.items()]))
        self.switch.stdin.write("\n")
        self.switch.stdin.flush()
        if self.switch.stdout.readline() != "ok\n":
            raise SystemExit("the switch is gone")

    def cut(self, sources, targets, both=True):
        """Nothing goes from these places to those, nor back."""
        for source, target in itertools.product(sources, targets):
            self.rules[source, target] = (1, 0)
            if both:
                self.rules[target, source] = (1, 0)
        self.tell()

    def worsen(self, loss, delay):
        """Frames get lost or are late, on all ways."""
        places = range(self.count + 1)
        self.rules = {pair: (loss, delay) for pair in itertools.permutations(places, 2)}
        self.tell()

    def mend(self):
        self.rules = {}
        self.tell()

    def servers(self, options, folder, count):
        """The cluster."""
        routes = ", ".join(f'"nats-route://{address(place)}:6222"' for place in range(1, count + 1))
        nodes = [
            SpacedServer(options.nats_server, f"n{place}", folder / f"n{place}",
                         f'cluster {{ name: test\n listen: "{address(place)}:6222"\n'
                         f" routes: [{routes}] }}\n", self.space(place))
            for place in range(1, count + 1)
        ]
        for node in nodes:
            node.wait()
        return nodes


def drop_spaces(name):
    """Ends what runs in the name spaces of one network, and removes them."""
    for space in SPACES.glob(f"{name}-*"):
        pids = subprocess.run(["ip", "netns", "pids", space.name], capture_output=True, text=True)
        for pid in map(int, pids.stdout.split()):
            if pid != os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", space.name])


def drop_left_over():
    """Removes the name spaces of whoever was killed before it could."""
    for space in SPACES.glob(f"{PREFIX}-*") if SPACES.is_dir() else []:
        owner = space.name.split("-")[1]
        if not pathlib.Path(f"/proc/{owner}").exists():
            drop_spaces(f"{PREFIX}-{owner}")
