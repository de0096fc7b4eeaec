"""Faults of the network between the nodes of a cluster, and between them and the daemon."""

import collections
import http.client
import json
import sys
import time

from gate import gate
from network import DAEMON, OTHER_DAEMON, Network, inside
from nodes import Trouble, cluster_fault, the_leader
from processes import (
    AGAIN, OPEN, Daemon, commands, folder_of, keep_or_drop, leader_of, opened, send, until,
)

# Longer than an election takes.
CUT_SECONDS = 20
# Share of frames that get lost, and seconds that each is late, on every way.
WEATHERS = [(0.01, 0), (0.05, 0), (0.2, 0), (0, 0.05), (0, 0.5), (0.05, 0.05)]
WEATHER_SECONDS = 20


def others(node, nodes):
    return [one for one in nodes if one is not node]


def places(nodes):
    return [node.place for node in nodes]


def server_of_daemon(nodes):
    """The node that the daemon is connected to."""
    def connected():
        for node in nodes:
            answer = json.loads(node.asked("/connz") or "{}")
            if any(one.get("name") == "revledger" for one in answer.get("connections", [])):
                return node
        return None
    return until(connected, "the daemon is connected")


def cut_leader(options):
    """The stream's leader is cut from the other two nodes for 20 s; the daemon reaches all (root)."""
    with Network() as network:
        def strike(_, nodes):
            leader = the_leader(nodes)
            end = time.monotonic() + CUT_SECONDS
            network.cut([leader.place], places(others(leader, nodes)))
            rest = others(leader, nodes)
            until(lambda: leader_of(rest) in rest, "another node leads")
            time.sleep(max(0, end - time.monotonic()))
            network.mend()
        return cluster_fault(options, "cut-leader", strike, network.servers)


def cut_daemon(options):
    """The daemon is cut from the node it is connected to for 20 s, or from all for 8 s (root)."""
    with Network() as network:
        def strike(_, nodes):
            if options.random.random() < 0.5:
                network.cut([DAEMON], places(nodes))
                time.sleep(8)
            else:
                network.cut([DAEMON], [server_of_daemon(nodes).place])
                time.sleep(CUT_SECONDS)
            network.mend()
        return cluster_fault(options, "cut-daemon", strike, network.servers)


def one_way(options):
    """For 20 s the leader is not heard, or hears nobody, or the daemon so (root)."""
    with Network() as network:
        def strike(_, nodes):
            leader = the_leader(nodes)
            rest, server = places(others(leader, nodes)), [server_of_daemon(nodes).place]
            sources, targets = options.random.choice([
                ([leader.place], rest), (rest, [leader.place]), ([DAEMON], server), (server, [DAEMON]),
            ])
            network.cut(sources, targets, both=False)
            time.sleep(CUT_SECONDS)
            network.mend()
        return cluster_fault(options, "one-way", strike, network.servers)


def lossy(options):
    """All links lose 1, 5, 20 per cent of the frames, or are 50 ms, 500 ms late, for 20 s (root)."""
    with Network() as network:
        trouble = Trouble(options, "lossy", network.servers)
        took = {}
        try:
            for number in range(options.rounds):
                weather = WEATHERS[number % len(WEATHERS)]

                def strike(_, weather=weather):
                    network.worsen(*weather)
                    time.sleep(WEATHER_SECONDS)
                    network.mend()
                took.setdefault(weather, []).extend(trouble.round(number, strike).took)
            wrong, figures = trouble.end()
        finally:
            trouble.clean()
    told = [f"{loss:.0%} and {delay * 1000:.0f} ms: {len(some)} commands, half within "
            f"{share(some, 0.5):.2f} s, 99 of 100 within {share(some, 0.99):.2f} s"
            for (loss, delay), some in took.items()]
    return wrong, "; ".join([figures, *told])


class Sides:
    """Two daemons: the writer at the node that leads the stream, the other one at the others."""

    def __init__(self, options, network, folder):
        self.network, self.told = network, collections.Counter()
        self.nodes = network.servers(options, folder, 3)
        self.other = Daemon(options, folder / "other", self.nodes)
        self.answered = opened(self.other)
        self.leader = the_leader(self.nodes)
        self.other.kill()
        before = ["ip", "netns", "exec", network.space(OTHER_DAEMON)]
        self.writer = Daemon(options, folder / "writer", self.nodes, before)
        self.writer.kill()
        self.writer.connect_to([self.leader], self.nodes)
        self.writer.start()
        self.other.connect_to(others(self.leader, self.nodes), self.nodes)
        self.other.start()
        until(lambda: not is_refused(self.ask_writer(OPEN)), "the writer writes")

    def cut(self):
        self.network.cut([self.leader.place, OTHER_DAEMON],
                         [DAEMON, *places(others(self.leader, self.nodes))])

    def ask_writer(self, command):
        """Its HTTP is on the loopback of its own name space."""
        with inside(self.network.space(OTHER_DAEMON)):
            return send(http.client.HTTPConnection(self.writer.address, timeout=30), command)

    def customers(self, name, until_when):
        """Registers customers at the other daemon; as soon as one is acknowledged, the writer is
        asked for an invoice to it. What the writer refuses, though it knows nothing of the customer."""
        refused = []
        to_other = http.client.HTTPConnection(self.other.address, timeout=30)
        for customer, invoice in pairs(commands(name)):
            if time.monotonic() > until_when:
                return refused
            reply = send(to_other, customer)
            if is_refused(reply):
                time.sleep(0.05)
                continue
            self.answered.append((customer, reply))
            told = self.ask_writer(invoice)
            code = json.loads(told).get("error", {}).get("code")
            self.told[code or "accepted"] += 1
            if code not in AGAIN:
                (refused if is_refused(told) else self.answered).append((invoice, told))

    def gate(self):
        """Behind it all either of them writes."""
        spaces = {self.network.space(OTHER_DAEMON): self.writer, self.network.space(DAEMON): self.other}

        def writing():
            for space, daemon in spaces.items():
                with inside(space):
                    if not is_refused(send(http.client.HTTPConnection(daemon.address), OPEN)):
                        return space
            return None
        space = until(writing, "one of them writes")
        with inside(space):
            return gate(spaces[space], self.answered)

    def kill(self):
        for one in [self.writer, self.other, *self.nodes]:
            one.kill()


def pairs(some):
    return zip(some, some)


def is_refused(reply):
    return "error" in json.loads(reply)


def two_sides(options):
    """The writer and the leader it is connected to are cut from the rest, where another daemon takes
    over for 25 s: the writer refuses nothing that holds there (root)."""
    wrong, taken_over = [], 0
    with Network() as network:
        for number in range(options.rounds):
            folder = folder_of("two-sides")
            sides = Sides(options, network, folder)
            sides.cut()
            refused = sides.customers(f"r{number}", time.monotonic() + 25)
            taken_over += len(sides.answered) - 1
            network.mend()
            print(f"  {number}: {dict(sides.told)}", file=sys.stderr, flush=True)
            for command, told in refused[:3]:
                wrong.append(f"{len(refused)} wrong refusals: {command['id']}: {told.decode()}")
            for node in sides.nodes:
                node.wait()
            wrong += sides.gate()
            sides.kill()
            keep_or_drop(options, folder)
    return wrong, f"{options.rounds} times, {taken_over} answered by the other side meanwhile"


def share(times, part):
    """The time within which so large a part was answered."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


ROWS = {
    "cut-leader": cut_leader,
    "cut-daemon": cut_daemon,
    "one-way": one_way,
    "lossy": lossy,
    "two-sides": two_sides,
}
