"""Faults of single writes and of bytes at rest, on a small book."""

import collections
import itertools
import json
import shutil
import subprocess
import sys

from processes import OPEN, Daemon, commands, drop, folder_of, servers, until

# What a program does to a disk.
WRITES = "write,pwrite64,writev,fsync,fdatasync,rename,unlink,ftruncate,mkdir"
COMMANDS = 30
# Damage to the log, or a log that ends elsewhere.
HISTORY, DISK = 20, 30
# No exit code.
HANGS, HANGS_AFTER = 1000, 120


def story(count=COMMANDS):
    """A few commands, as lines."""
    some = commands("s")
    return "".join(json.dumps(one) + "\n" for one in [OPEN, *(next(some) for _ in range(count - 1))])


def apply(options, data, lines, before=()):
    """Applies commands: exit code and replies."""
    command = [*before, options.revledger, "apply", "--data", str(data), "--quiet", "-"]
    try:
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=HANGS_AFTER)
    except subprocess.TimeoutExpired:
        return HANGS, []
    return done.returncode, done.stdout.splitlines()


def verb(options, data, *arguments):
    done = subprocess.run([options.revledger, *arguments, "--data", str(data), "--quiet"],
                          capture_output=True, text=True)
    return done.returncode, done.stdout


def strace(what, log, paths=()):
    """Injects, at these paths only where some are given."""
    only = [word for path in paths for word in ("-P", str(path))]
    return ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={WRITES}", "-e", f"inject={what}", *only]


def paths_of(whole, data):
    """What a book consists of, in another folder; also what is renamed."""
    inside = [data / one.relative_to(whole) for one in whole.rglob("*")]
    return [data, *inside, *(one.with_name(f"{one.name}.new") for one in inside)]


def at_every_write(options, outcome, allowed, is_anywhere=False):
    """Injects at the first write of each thread of `apply`, the second, and so on until none is left;
    the same commands are applied again afterwards, and must be answered as if nothing had been. Only
    writes to the book's files fail: threads wake each other by writes, too, which never do."""
    folder, lines = folder_of("writes"), story()
    reference = apply(options, folder / "whole", lines)
    points, codes, wrong = 0, collections.Counter(), []
    for call in WRITES.split(","):
        for when in itertools.count(1):
            data, log = folder / "data", folder / "strace"
            drop(data)
            what = f"{call}:{outcome}:when={when}"
            paths = [] if is_anywhere else paths_of(folder / "whole", data)
            code, told = apply(options, data, lines, strace(what, log, paths))
            if code >= 0 and "(INJECTED)" not in log.read_text():
                break
            points += 1
            codes[code] += 1
            if code not in allowed:
                wrong.append(f"{call} {when}: exit code {code}")
            if not is_told_of(told, reference[1]):
                wrong.append(f"{call} {when}: told {told[-1:]}")
            again = apply(options, data, lines)
            if again != reference:
                wrong.append(f"{call} {when}: afterwards {again[0]}, {len(again[1])} replies")
            if verb(options, data, "verify")[0] != 0:
                wrong.append(f"{call} {when}: verify")
    drop(folder)
    return wrong, f"{points} points, exit codes {dict(sorted(codes.items()))}"


def is_told_of(told, reference):
    """Whether each command was told what it is told anyway, or that nobody knows."""
    unknown = '"code":"command.outcome_unknown"'
    return len(told) <= len(reference) and all(
        one == right or unknown in one for one, right in zip(told, reference))


def kill_writes(options):
    """`apply` is killed at each of its writes, also while it opens the book."""
    return at_every_write(options, "signal=SIGKILL", {-9, 137}, is_anywhere=True)


def fail_writes(options):
    """Each write fails once with EIO."""
    return at_every_write(options, "error=EIO", {0, 2, 3, DISK})


def no_room(options):
    """Each write fails once for want of room."""
    return at_every_write(options, "error=ENOSPC", {0, 2, 3, DISK})


def interrupted(options):
    """Each write is interrupted once by a signal."""
    return at_every_write(options, "error=EINTR", {0, 2, 3, DISK})


def flip(random, file):
    """Turns one bit over."""
    content = bytearray(file.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    file.write_bytes(content)
    return place


def flip_files(options):
    """One bit of any file of a book turns over: it is found, or makes no difference."""
    folder, lines = folder_of("flips"), story(400)
    whole = folder / "whole"
    apply(options, whole, lines)
    daemon = Daemon(options, whole)
    daemon.process.terminate()
    daemon.process.wait()
    question = ("report", "trial-balance", "--format", "json")
    right = verb(options, whole, *question)
    found, wrong = collections.Counter(), []
    files = [file for file in whole.rglob("*") if file.is_file() and file.stat().st_size]
    for _ in range(options.rounds):
        data = folder / "data"
        drop(data)
        shutil.copytree(whole, data)
        file = data / options.random.choice(files).relative_to(whole)
        place = flip(options.random, file)
        verified = verb(options, data, "verify")[0]
        code, told = verb(options, data, *question)
        name = file.relative_to(data / "main").parts[0]
        kind = {HISTORY: "refused", 0: "harmless"}.get(code, f"exit {code}")
        found[f"{name}: {kind}"] += 1
        if code == 0 and told != right[1]:
            wrong.append(f"{file} byte {place}: another answer")
        if name == "journal" and file.suffix == ".log" and verified == 0:
            wrong.append(f"{file} byte {place}: verify says {verified}")
        if code not in (0, 3, HISTORY):
            wrong.append(f"{file} byte {place}: exit code {code}")
    drop(folder)
    return wrong, f"{options.rounds} bits: " + ", ".join(f"{k} {v}" for k, v in sorted(found.items()))


def flip_stream(options):
    """One bit of a stream's files turns over while its only server is down."""
    folder, lines = folder_of("flip-stream"), story(400)
    node = servers(options, folder, 1)[0]
    daemon = Daemon(options, folder / "data", [node])
    subprocess.run([options.revledger, "apply", "--quiet", "-", *daemon.where], input=lines,
                   text=True, check=True, stdout=subprocess.DEVNULL)
    right = daemon.run("report", "trial-balance", "--format", "json", "--quiet")
    daemon.process.terminate()
    daemon.process.wait()
    node.process.terminate()
    node.process.wait()
    shutil.copytree(node.folder / "store", folder / "store")
    shutil.copytree(folder / "data", folder / "kept")
    found, wrong = collections.Counter(), []
    files = [file for file in (folder / "store").rglob("*") if file.is_file() and file.stat().st_size]
    for number in range(options.rounds):
        print(f"  {number}: {dict(found)}", file=sys.stderr, flush=True)
        drop(node.folder / "store")
        shutil.copytree(folder / "store", node.folder / "store")
        drop(folder / "data")
        shutil.copytree(folder / "kept", folder / "data")
        file = node.folder / "store" / options.random.choice(files).relative_to(folder / "store")
        place = flip(options.random, file)
        node.start()
        until(lambda: node.is_there() or node.process.poll() is not None, "the server starts")
        daemon.start()
        if daemon.address is None:
            code = daemon.process.wait()
            found[f"{file.suffix or file.name}: exit {code}"] += 1
            if code not in (3, 10, HISTORY):
                wrong.append(f"{file} byte {place}: exit code {code}")
        else:
            told = daemon.run("report", "trial-balance", "--format", "json", "--quiet")
            if told[0] == 0 and told != right:
                wrong.append(f"{file} byte {place}: another answer")
            kind = "whole"
            if daemon.run("verify", "--quiet")[0] != 0:
                # It started from what it had read before, and reads the rest now.
                ended = until(lambda: daemon.process.poll() is not None and daemon.process, "an end")
                kind = f"ended with {ended.returncode}"
                if ended.returncode != HISTORY:
                    wrong.append(f"{file} byte {place}: ended with {ended.returncode}")
            found[f"{file.suffix or file.name}: {kind}"] += 1
        daemon.kill()
        node.kill()
    drop(folder)
    return wrong, f"{options.rounds} bits: " + ", ".join(f"{k} {v}" for k, v in sorted(found.items()))


def clock(options):
    """The clock goes 400 days forward, back, and an hour to either side between commands."""
    library = next(iter(options.faketime), None)
    if library is None:
        raise SystemExit("libfaketime is missing: apt-get install libfaketime")
    folder, wrong = folder_of("clock"), []
    lines = story(60).splitlines(keepends=True)
    replies = []
    for place, shift in enumerate(["+0", "+400d", "-400d", "+1h", "-1h", "+0"]):
        variables = ["env", f"LD_PRELOAD={library}", f"FAKETIME={shift}"]
        part = "".join(lines[place * 10:place * 10 + 10])
        code, told = apply(options, folder / "data", part, variables)
        replies += told
        if code != 0:
            wrong.append(f"{shift}: exit code {code}")
    if apply(options, folder / "data", "".join(lines)) != (0, replies):
        wrong.append("other replies when asked again")
    if verb(options, folder / "data", "verify")[0] != 0:
        wrong.append("verify")
    _, rows = verb(options, folder / "data", "report", "audit-trail", "--format", "ndjson")
    times = [json.loads(row).get("recorded_at") for row in rows.splitlines()]
    if len(times) < len(lines) or times != sorted(times):
        wrong.append(f"{len(times)} times, which do not rise")
    drop(folder)
    return wrong, f"{len(replies)} commands, {len(times)} events in the order of their times"


ROWS = {
    "kill-writes": kill_writes,
    "fail-writes": fail_writes,
    "no-room": no_room,
    "interrupted": interrupted,
    "flip-files": flip_files,
    "flip-stream": flip_stream,
    "clock": clock,
}
