"""The start of a daemon with its snapshots, beside one that has to read the whole log.

    python3 benches/restart.py PROGRAM [INVOICES [BEHIND]]

Applies a book, and starts `serve` on it until it says that it is ready, which is when it takes commands,
and until it has answered a first report: with the snapshots that it wrote when it ended, and BEHIND
invoices (1,000) that came after them; and without any. The median of three runs of each in seconds, and
the ratio. The files are in the cache of the system both times.
"""

import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from hledger import commands, seconds


def report(url):
    """Asks for a report until there is one: it is waited for ten seconds each time."""
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise


def ready(program, where):
    """How long a daemon takes until it takes commands, and until it has answered a report; it is ended
    again, and writes its snapshots."""
    started = time.monotonic()
    daemon = subprocess.Popen([program, "serve", "--listen", "127.0.0.1:0", *where],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = daemon.stdout.readline()
    took = time.monotonic() - started
    if not line.startswith("ready:"):
        raise SystemExit(f"the daemon did not start: {line!r}")
    address = re.search(r"http://\S+:[0-9]+", line).group()
    report(f"{address}/v1/books/bench/reports/trial-balance")
    reported = time.monotonic() - started
    daemon.send_signal(signal.SIGTERM)
    if daemon.wait() != 0:
        raise SystemExit("the daemon did not end well")
    return took, reported


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 333_000
    behind = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000
    lines = list(commands(count + behind))
    # An invoice and the payment for every other one.
    tail = behind + behind // 2
    with tempfile.TemporaryDirectory() as folder:
        path, where = pathlib.Path(folder), ["--data", folder, "--book", "bench"]
        (path / "first.ndjson").write_text("\n".join(lines[:-tail]) + "\n")
        (path / "tail.ndjson").write_text("\n".join(lines[-tail:]) + "\n")
        seconds(program, "apply", path / "first.ndjson", "--quiet", *where)
        ready(program, where)
        kept = path / "bench" / "projections-journal"
        shutil.copytree(kept, path / "kept")
        # Written by the daemon, and so older than the tail.
        seconds(program, "apply", path / "tail.ndjson", "--quiet", *where)
        with_snapshots, without = [], []
        for _ in range(3):
            shutil.rmtree(kept)
            shutil.copytree(path / "kept", kept)
            # The disk is not busy with what was just copied.
            os.sync()
            with_snapshots.append(ready(program, where))
            shutil.rmtree(kept)
            without.append(ready(program, where))
        print(f"| {len(lines)} commands, in seconds | with snapshots | without | ratio |")
        print("| --- | ---: | ---: | ---: |")
        for what, one, other in zip(("commands are taken", "a first report is answered"),
                                    zip(*with_snapshots), zip(*without)):
            one, other = statistics.median(one), statistics.median(other)
            print(f"| {what} after | {one:.2f} | {other:.2f} | {one / other:.3f} |")


if __name__ == "__main__":
    main()
