"""Faults of daemons and of the servers below them, under load."""

import argparse
import signal
import sys
import time

from gate import gate
from processes import (
    Daemon, Load, Stall, Watch, drop, folder_of, keep_or_drop, leader_of, opened, servers, until,
    writes,
)


def kill_daemon(options):
    """The daemon is killed in the middle of its work, again and again on the same journal."""
    folder = folder_of("kill-daemon")
    daemon = Daemon(options, folder / "data")
    answered, slowest = opened(daemon), 0.0
    for number in range(options.rounds):
        load = Load(lambda: daemon.address, prefix=f"r{number}-")
        time.sleep(0.05 + 0.45 * options.random.random())
        daemon.kill()
        load.stopped.set()
        killed = time.monotonic()
        daemon.start()
        slowest = max(slowest, time.monotonic() - killed)
        answered += load.stop()
    wrong = gate(daemon, answered)
    daemon.kill()
    drop(folder)
    return wrong, f"{options.rounds} kills, {len(answered)} answered, back within {slowest:.2f} s"


# Where others use the machine up, or stop it, times say nothing.
STALL_SECONDS = 1
# So many commands are answered between two changes of a program.
ANSWERS_BETWEEN = 100


class Trouble:
    """One daemon on three nodes under load, again and again in the same trouble."""

    def __init__(self, options, name, start=servers):
        self.options, self.folder = options, folder_of(name)
        self.nodes = start(options, self.folder, 3)
        self.daemon = Daemon(options, self.folder / "data", self.nodes)
        self.answered, self.gaps, self.untrue = opened(self.daemon), [], 0
        self.stalls = 0

    def round(self, number, strike):
        """`strike` does something to them and mends it again; the load of the round."""
        load, watch = Load(lambda: self.daemon.address, prefix=f"r{number}-"), Watch(self.daemon)
        stall = Stall()
        load.goes_on(time.monotonic(), "the load begins")
        struck = time.monotonic()
        strike(self.nodes)
        mended = time.monotonic()
        load.goes_on(mended, "answers come again")
        gap = load.longest_gap(struck)
        self.answered += load.stop()
        watch.stop()
        stood_still = stall.stop()
        if stood_still > STALL_SECONDS:
            self.stalls += 1
        else:
            self.gaps.append(gap)
            self.untrue += watch.untrue(load.answered_at)
        print(f"  {number}: {gap:.1f} s, {load.first_answer(mended):.1f} s behind its end, "
              f"{dict(load.told)}, the machine stood still for {stood_still:.1f} s",
              file=sys.stderr, flush=True)
        for node in self.nodes:
            node.wait()
        return load

    def end(self):
        """What is wrong, and the figures."""
        wrong = gate(self.daemon, self.answered)
        if self.untrue:
            wrong.append(f"ready, {self.untrue} times, while nothing was stored")
        gaps = sorted(self.gaps) or [float("nan")]
        stalls = f" ({self.stalls} times without a figure: the machine stood still)" if self.stalls else ""
        return wrong, (f"{len(self.gaps) + self.stalls} times, {len(self.answered)} answered, longest "
                       f"without an answer {gaps[-1]:.1f} s, median {gaps[len(gaps) // 2]:.1f} s{stalls}")

    def clean(self):
        self.daemon.kill()
        for node in self.nodes:
            node.kill()
        keep_or_drop(self.options, self.folder)


def cluster_fault(options, name, strike, start=servers):
    """One trouble, as often as it is wanted."""
    trouble = Trouble(options, name, start)
    try:
        end = time.monotonic() + 60 * options.minutes
        for number in range(options.rounds):
            if number and options.minutes and time.monotonic() > end:
                break
            trouble.round(number, lambda nodes: strike(options, nodes))
        return trouble.end()
    finally:
        trouble.clean()


def the_leader(nodes):
    return until(lambda: leader_of(nodes), "the stream has a leader")


def kill_leader(options):
    """The stream's leader is killed, and comes back once another one leads."""
    def strike(_, nodes):
        leader = the_leader(nodes)
        leader.kill()
        others = [node for node in nodes if node is not leader]
        until(lambda: leader_of(others) in others, "another node leads")
        leader.start()
    return cluster_fault(options, "kill-leader", strike)


def kill_all(options):
    """All three nodes are killed at once, and started again."""
    def strike(_, nodes):
        for node in nodes:
            node.kill()
        for node in nodes:
            node.start()
    return cluster_fault(options, "kill-all", strike)


def stop_node(options):
    """The leader, or a follower, stands still for eleven seconds."""
    def strike(_, nodes):
        leader = the_leader(nodes)
        followers = [node for node in nodes if node is not leader]
        node = options.random.choice([leader, *followers[:1]])
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(11)
        node.process.send_signal(signal.SIGCONT)
    return cluster_fault(options, "stop-node", strike)


def rolling(options):
    """Each node in turn is told to hand over its connections, ends, and comes back."""
    def strike(_, nodes):
        for node in nodes:
            node.process.send_signal(signal.SIGUSR2)
            node.process.wait()
            node.start()
            node.wait()
            the_leader(nodes)
    return cluster_fault(options, "rolling", strike)


def majority_gone(options):
    """Two of three nodes stand still: nothing may be acknowledged until they are back."""
    def strike(_, nodes):
        for node in nodes[1:]:
            node.process.send_signal(signal.SIGSTOP)
        time.sleep(8)
        for node in nodes[1:]:
            node.process.send_signal(signal.SIGCONT)
    return cluster_fault(options, "majority-gone", strike)


def storm(options):
    """All of them in a random order."""
    def strike(given, nodes):
        def kill_one(node):
            node.kill()
            time.sleep(given.random.random())
            node.start()

        def stop_one(node):
            node.process.send_signal(signal.SIGSTOP)
            time.sleep(8 * given.random.random())
            node.process.send_signal(signal.SIGCONT)

        for node in given.random.sample(nodes, given.random.randint(1, 3)):
            given.random.choice([kill_one, stop_one])(node)
    return cluster_fault(options, "storm", strike)


def upgrade(options):
    """Two daemons on a cluster are changed from --old to --revledger and back, one after the other."""
    if not options.old:
        raise SystemExit("upgrade needs --old PROGRAM")
    old = argparse.Namespace(**{**vars(options), "revledger": options.old})
    folder = folder_of("upgrade")
    nodes = servers(options, folder, 3)
    daemons = [Daemon(old, folder / name, nodes) for name in ("one", "other")]
    answered, gaps, wrong = opened(daemons[0]), [], []
    try:
        for number in range(options.rounds):
            load = Load(lambda: options.random.choice(daemons).address, prefix=f"r{number}-")
            load.goes_on(time.monotonic(), "the load begins")
            for program, daemon in [(one, each) for one in (options, old) for each in daemons]:
                began = time.monotonic()
                daemon.process.terminate()
                if daemon.process.wait() != 0:
                    wrong.append(f"a daemon ended with {daemon.process.returncode}")
                daemon.options = program
                daemon.start()
                load.goes_on(time.monotonic(), "answers come again")
                enough = len(load.answered_at) + ANSWERS_BETWEEN
                until(lambda enough=enough: len(load.answered_at) > enough, "answers go on")
                gaps.append(load.longest_gap(began))
            answered += load.stop()
        for program in (options, old):
            # Another program, another daemon: each has read what the other one wrote.
            for daemon in daemons:
                daemon.kill()
            daemons[0].options = program
            daemons[0].start()
            until(lambda: writes(daemons[0]), "it writes")
            wrong += [f"{program.revledger}: {what}" for what in gate(daemons[0], answered)]
        return wrong, (f"{4 * options.rounds} changes, {len(answered)} answered, longest without an answer "
                       f"{max(gaps):.1f} s")
    finally:
        for one in [*daemons, *nodes]:
            one.kill()
        keep_or_drop(options, folder)


ROWS = {
    "kill-daemon": kill_daemon,
    "kill-leader": kill_leader,
    "kill-all": kill_all,
    "stop-node": stop_node,
    "majority-gone": majority_gone,
    "rolling": rolling,
    "storm": storm,
    "upgrade": upgrade,
}
