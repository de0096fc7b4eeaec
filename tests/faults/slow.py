"""A disk that takes its time, below a journal and below a nats-server."""

import contextlib
import subprocess
import sys
import time

from gate import gate
from links import share
from nodes import STALL_SECONDS
from processes import Daemon, Load, Stall, Watch, folder_of, keep_or_drop, opened, servers, until

SYNCS = "fsync,fdatasync"
# Seconds that every sync takes longer. The last one is longer than a caller waits.
DELAYS = [0, 0.05, 0.5, 6]
LOAD_SECONDS = 20
# Where the machine stood still it is tried again.
ATTEMPTS_MAX = 5
CLIENTS = 64
# A daemon holds what waits, not more and more of it; what is stored is in its state and its reports.
GROWTH_KIB, GROWTH_KIB_EACH = 64 * 1024, 8
# What may be told where a sync takes longer than a caller waits, and only there.
LATE = {"book.busy", "command.outcome_unknown"}


@contextlib.contextmanager
def slowed(pid, delay):
    """Every sync of a process takes so much longer meanwhile."""
    if not delay:
        yield
        return
    inject = f"inject={SYNCS}:delay_enter={int(delay * 1_000_000)}"
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={SYNCS}", "-e", inject, "-p", str(pid)])
    try:
        until(lambda: traced(pid), "strace holds the process")
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def status(pid, name):
    """A number of what the kernel says of a process."""
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def traced(pid):
    return status(pid, "TracerPid") > 0


def under_load(daemon, pid, delay, prefix):
    """The load, what `/readyz` said, by how many KiB the daemon grew, and whether times say nothing."""
    before, stall = status(daemon.process.pid, "VmRSS"), Stall()
    with slowed(pid, delay):
        load, watch = Load(lambda: daemon.address, CLIENTS, prefix), Watch(daemon)
        time.sleep(LOAD_SECONDS)
        grown = status(daemon.process.pid, "VmRSS") - before
        watch.stop()
        load.stopped.set()
    return load, watch, grown, stall.stop() > STALL_SECONDS


def slow_disk(options):
    """Every sync of a journal, then of a nats-server, takes 50 ms, 500 ms, 6 s longer."""
    wrong, figures = [], []
    for where in ("journal", "server"):
        folder = folder_of(f"slow-{where}")
        nodes = servers(options, folder, 1) if where == "server" else []
        daemon = Daemon(options, folder / "data", nodes)
        pid = nodes[0].process.pid if nodes else daemon.process.pid
        answered = opened(daemon)
        try:
            for delay in DELAYS:
                is_stalled, attempts = True, 0
                while is_stalled and attempts < ATTEMPTS_MAX:
                    attempts += 1
                    load, watch, grown, is_stalled = under_load(
                        daemon, pid, delay, f"{where}{delay}-{attempts}-")
                    answered += load.stop()
                statuses = {status for _, status in watch.seen}
                name = f"{where}, {delay * 1000:.0f} ms"
                wrong += [f"{name}: {what}" for what in problems(load, statuses, delay, grown)]
                figures.append(
                    f"{name}: {len(load.took)} commands, half within {share(load.took, 0.5):.2f} s, 99 of "
                    f"100 within {share(load.took, 0.99):.2f} s, {grown / 1024:.0f} MiB")
                print(f"  {figures[-1]}, {dict(load.told)}, /readyz {statuses}", file=sys.stderr, flush=True)
            wrong += gate(daemon, answered)
        finally:
            for one in [daemon, *nodes]:
                one.kill()
            keep_or_drop(options, folder)
    return wrong, "; ".join(figures)


def problems(load, statuses, delay, grown):
    """What is not as it should be."""
    if grown > GROWTH_KIB + GROWTH_KIB_EACH * len(load.took):
        yield f"it grew by {grown} KiB"
    if not load.took:
        yield "nothing was answered"
    if delay < 1 and (load.told or statuses != {200}):
        yield f"told {dict(load.told)}, /readyz {statuses}"
    if delay > 5 and (503 not in statuses or not set(load.told) <= LATE):
        yield f"told {dict(load.told)}, /readyz {statuses}"


ROWS = {"slow-disk": slow_disk}
