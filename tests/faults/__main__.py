"""Faults that are injected into real processes, and what must hold behind each.

    python3 tests/faults ROW... [--rounds N] [--revledger PROGRAM] [--nats-server PROGRAM] [--seed N]

`all` runs every row that it can. Each prints one line; anything wrong prints more, and ends with 1. Rows of nodes
run three nats-servers on loopback, those of writes need strace, `clock` libfaketime. Rows of links need
root and iproute2: they make network name spaces, which are gone afterwards. `upgrade` needs --old.
docs/RELIABILITY.md says which promise each row is of.
"""

import argparse
import os
import pathlib
import random
import sys

import files
import links
import nodes
import slow

ROWS = nodes.ROWS | files.ROWS | links.ROWS | slow.ROWS
FAKETIME = "lib/*/faketime/libfaketime.so.1"


def possible(options):
    """The rows that need nothing that is not there."""
    lacking = set() if os.geteuid() == 0 else set(links.ROWS)
    return [name for name in ROWS if name not in lacking and (name != "upgrade" or options.old)]


def main():
    described = "\n".join(f"  {name:14} {row.__doc__.strip()}" for name, row in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="faults", description=__doc__, epilog=f"rows:\n{described}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("rows", nargs="+", choices=[*ROWS, "all"], metavar="ROW")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--revledger", default="revledger")
    parser.add_argument("--nats-server", default="nats-server")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--minutes", type=float, default=0, help="no round of nodes begins behind them")
    parser.add_argument("--old", help="another release of revledger, for upgrade")
    parser.add_argument("--keep", action="store_true", help="keep what the processes wrote")
    options = parser.parse_args()
    options.faketime = list(pathlib.Path("/usr").glob(FAKETIME))
    print(f"--seed {options.seed}")
    failed = False
    for name in possible(options) if "all" in options.rows else options.rows:
        options.random = random.Random(f"{options.seed} {name}")
        wrong, figures = ROWS[name](options)
        print(f"{name}: {figures}: {'holds' if not wrong else 'WRONG'}", flush=True)
        for line in wrong:
            print(f"  {line}")
        failed |= bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
